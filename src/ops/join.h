// Attributes of the ops that join and split tensors.
#pragma once

#include "ir/op_def.h"

namespace isomer::ops {

// Pack
struct PackAttributes {
  int64_t axis = 0;  // of the result; negative counts from its end
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("axis", self.axis);
  }
};

// Unpack
struct UnpackAttributes {
  int64_t num = 0;  // results
  int64_t axis = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("num", self.num);
    visit("axis", self.axis);
  }
};

// Split, SplitV
struct SplitAttributes {
  int64_t num_split = 0;  // results
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("num_split", self.num_split);
  }
};

}  // namespace isomer::ops
