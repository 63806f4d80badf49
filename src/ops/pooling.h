// Attributes of the pools.
#pragma once

#include <string>
#include <vector>

#include "ir/op_def.h"

namespace isomer::ops {

struct MaxPoolAttributes {
  std::vector<int64_t> ksize;
  std::vector<int64_t> strides;
  std::string padding;                     // VALID, SAME or EXPLICIT
  std::vector<int64_t> explicit_paddings;  // before and after for each dimension of data_format
  std::string data_format = "NHWC";
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("ksize", self.ksize);
    visit("strides", self.strides);
    visit("padding", self.padding);
    visit("explicit_paddings", self.explicit_paddings);
    visit("data_format", self.data_format);
  }
};

// MaxPoolV2 and MaxPoolGradV2, whose windows and strides are inputs.
struct MaxPoolV2Attributes {
  std::string padding;  // VALID or SAME
  std::string data_format = "NHWC";
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("padding", self.padding);
    visit("data_format", self.data_format);
  }
};

struct AvgPoolAttributes {
  std::vector<int64_t> ksize;
  std::vector<int64_t> strides;
  std::string padding;  // VALID or SAME
  std::string data_format = "NHWC";
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("ksize", self.ksize);
    visit("strides", self.strides);
    visit("padding", self.padding);
    visit("data_format", self.data_format);
  }
};

// MaxPool3D and AvgPool3D.
struct Pool3DAttributes {
  std::vector<int64_t> ksize;
  std::vector<int64_t> strides;
  std::string padding;  // VALID or SAME
  std::string data_format = "NDHWC";
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("ksize", self.ksize);
    visit("strides", self.strides);
    visit("padding", self.padding);
    visit("data_format", self.data_format);
  }
};

struct MaxPoolWithArgmaxAttributes {
  std::vector<int64_t> ksize;
  std::vector<int64_t> strides;
  DType Targmax = DType::kInt64;
  std::string padding;                  // VALID or SAME
  bool include_batch_in_index = false;  // indices count from the start of the batch, not of their image
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("ksize", self.ksize);
    visit("strides", self.strides);
    visit("Targmax", self.Targmax);
    visit("padding", self.padding);
    visit("include_batch_in_index", self.include_batch_in_index);
  }
};

}  // namespace isomer::ops
