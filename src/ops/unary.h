// Attributes of the elementwise ops of one operand.
#pragma once

#include "ir/op_def.h"

namespace isomer::ops {

struct LeakyReluAttributes {
  float alpha = 0.2f;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("alpha", self.alpha);
  }
};

// Real, Imag, Angle and ComplexAbs: the dtype of the parts.
struct ComplexPartAttributes {
  DType Tout = DType::kFloat32;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("Tout", self.Tout);
  }
};

// The element function of an activation without attributes that fused ops may name (Elu, Relu, Relu6, Sigmoid, Tanh), or null.
double (*float_function(std::string_view op))(double);

}  // namespace isomer::ops
