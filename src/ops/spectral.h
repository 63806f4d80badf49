// Attributes of the Fourier transforms between real and complex numbers.
#pragma once

#include "ir/op_def.h"

namespace isomer::ops {

struct RFFTAttributes {
  DType Tcomplex = DType::kComplex64;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("Tcomplex", self.Tcomplex);
  }
};
struct IRFFTAttributes {
  DType Treal = DType::kFloat32;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("Treal", self.Treal);
  }
};

}  // namespace isomer::ops
