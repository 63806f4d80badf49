// Attributes of the ops on images [batch, height, width, channels] that filter, warp or take apart.
#pragma once

#include "ir/op_def.h"

namespace isomer::ops {

struct ResizeAreaAttributes {
  bool align_corners = false;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("align_corners", self.align_corners);
  }
};

struct ScaleAndTranslateAttributes {
  std::string kernel_type = "lanczos3";  // lanczos1, lanczos3, lanczos5, gaussian, box, triangle, keyscubic, mitchellcubic
  bool antialias = true;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("kernel_type", self.kernel_type);
    visit("antialias", self.antialias);
  }
};

struct ImageProjectiveTransformAttributes {
  std::string interpolation;           // NEAREST or BILINEAR
  std::string fill_mode = "CONSTANT";  // CONSTANT, REFLECT, WRAP or NEAREST
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("interpolation", self.interpolation);
    visit("fill_mode", self.fill_mode);
  }
};

// Sizes for all four dimensions; those of batch and channels are 1.
struct ExtractImagePatchesAttributes {
  std::vector<int64_t> ksizes;
  std::vector<int64_t> strides;
  std::vector<int64_t> rates;
  std::string padding;  // VALID or SAME
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("ksizes", self.ksizes);
    visit("strides", self.strides);
    visit("rates", self.rates);
    visit("padding", self.padding);
  }
};

}  // namespace isomer::ops
