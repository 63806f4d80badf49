// Attributes of reductions, index searches along an axis, and scans.
#pragma once

#include "ir/op_def.h"

namespace isomer::ops {

struct ReductionAttributes {
  bool keep_dims = false;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("keep_dims", self.keep_dims);
  }
};

struct ArgAttributes {
  DType output_type = DType::kInt64;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("output_type", self.output_type);
  }
};

struct ScanAttributes {
  bool exclusive = false;  // element i of the result leaves element i of the input out
  bool reverse = false;    // from the end to the beginning
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("exclusive", self.exclusive);
    visit("reverse", self.reverse);
  }
};

}  // namespace isomer::ops
