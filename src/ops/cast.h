// Attributes of Cast and Bitcast.
#pragma once

#include "ir/op_def.h"

namespace isomer::ops {

struct CastAttributes {
  DType DstT = DType::kInvalid;
  bool Truncate = false;  // narrowing floats cuts mantissa bits off instead of rounding
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("DstT", self.DstT);
    visit("Truncate", self.Truncate);
  }
};

struct BitcastAttributes {
  DType type = DType::kInvalid;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("type", self.type);
  }
};

}  // namespace isomer::ops
