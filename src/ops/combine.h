// Attributes of elementwise ops of several operands.
#pragma once

#include <string>

#include "ir/eval_context.h"

namespace isomer::ops {

struct BiasAddAttributes {
  std::string data_format = "NHWC";
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("data_format", self.data_format);
  }
};

struct ComplexAttributes {
  DType Tout = DType::kComplex64;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("Tout", self.Tout);
  }
};

// value + bias along dimension `axis`; for numbers of every class. Fused ops use it too.
Result<Tensor> add_bias(ir::EvalContext& c, const Tensor& value, const Tensor& bias, int64_t axis);

}  // namespace isomer::ops
