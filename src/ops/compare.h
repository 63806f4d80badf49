// Attributes of the comparisons.
#pragma once

#include "ir/op_def.h"

namespace isomer::ops {

struct EqualAttributes {
  bool incompatible_shape_error = true;  // false: shapes that cannot be broadcast compare as different, with a scalar result
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("incompatible_shape_error", self.incompatible_shape_error);
  }
};

struct ApproximateEqualAttributes {
  float tolerance = 1e-05f;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("tolerance", self.tolerance);
  }
};

}  // namespace isomer::ops
