// Attributes of the ops over segments.
#pragma once

#include "ir/op_def.h"

namespace isomer::ops {

// SparseSegmentSum and its kin
struct SparseSegmentAttributes {
  bool sparse_gradient = false;  // the form of the gradient only
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("sparse_gradient", self.sparse_gradient);
  }
};

}  // namespace isomer::ops
