// Attributes of the ops about shapes.
#pragma once

#include <vector>

#include "ir/op_def.h"

namespace isomer::ops {

// Shape, ShapeN, Size
struct ShapeAttributes {
  DType out_type = DType::kInt32;  // int32 or int64
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("out_type", self.out_type);
  }
};

struct SqueezeAttributes {
  std::vector<int64_t> squeeze_dims;  // empty: all dimensions of size 1
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("squeeze_dims", self.squeeze_dims);
  }
};

}  // namespace isomer::ops
