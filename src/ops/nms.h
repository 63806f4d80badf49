// Attributes of the detection ops: non-maximum suppression and cropping.
#pragma once

#include <string>

#include "ir/op_def.h"

namespace isomer::ops {

struct NonMaxSuppressionAttributes {
  float iou_threshold = 0.5f;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("iou_threshold", self.iou_threshold);
  }
};

// NonMaxSuppressionV4 and V5
struct PaddedNonMaxSuppressionAttributes {
  bool pad_to_max_output_size = false;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("pad_to_max_output_size", self.pad_to_max_output_size);
  }
};

struct CombinedNonMaxSuppressionAttributes {
  bool pad_per_class = false;
  bool clip_boxes = true;  // to [0, 1]
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("pad_per_class", self.pad_per_class);
    visit("clip_boxes", self.clip_boxes);
  }
};

struct CropAndResizeAttributes {
  std::string method = "bilinear";  // or "nearest"
  float extrapolation_value = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("method", self.method);
    visit("extrapolation_value", self.extrapolation_value);
  }
};

}  // namespace isomer::ops
