// Attributes of the ops that simulate quantisation.
#pragma once

#include "ir/op_def.h"

namespace isomer::ops {

struct FakeQuantWithMinMaxArgsAttributes {
  float min = -6.0f;
  float max = 6.0f;
  int64_t num_bits = 8;
  bool narrow_range = false;  // the lowest quantised value is 1 instead of 0
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("min", self.min);
    visit("max", self.max);
    visit("num_bits", self.num_bits);
    visit("narrow_range", self.narrow_range);
  }
};

// FakeQuantWithMinMaxVars and FakeQuantWithMinMaxVarsPerChannel.
struct FakeQuantWithMinMaxVarsAttributes {
  int64_t num_bits = 8;
  bool narrow_range = false;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("num_bits", self.num_bits);
    visit("narrow_range", self.narrow_range);
  }
};

}  // namespace isomer::ops
