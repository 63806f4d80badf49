// Attributes of the products of matrices.
#pragma once

#include <string>

#include "ir/eval_context.h"

namespace isomer::ops {

struct MatMulAttributes {
  bool transpose_a = false;
  bool transpose_b = false;
  bool grad_a = false;  // TensorFlow marks products made by differentiation; they mean nothing to the result
  bool grad_b = false;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("transpose_a", self.transpose_a);
    visit("transpose_b", self.transpose_b);
    visit("grad_a", self.grad_a);
    visit("grad_b", self.grad_b);
  }
};

// BatchMatMul and BatchMatMulV2.
struct BatchMatMulAttributes {
  bool adj_x = false;  // x is transposed and, where complex, conjugated
  bool adj_y = false;
  bool grad_x = false;
  bool grad_y = false;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("adj_x", self.adj_x);
    visit("adj_y", self.adj_y);
    visit("grad_x", self.grad_x);
    visit("grad_y", self.grad_y);
  }
};

struct BatchMatMulV3Attributes {
  DType Tout = DType::kInvalid;
  bool adj_x = false;
  bool adj_y = false;
  bool grad_x = false;
  bool grad_y = false;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("Tout", self.Tout);
    visit("adj_x", self.adj_x);
    visit("adj_y", self.adj_y);
    visit("grad_x", self.grad_x);
    visit("grad_y", self.grad_y);
  }
};

struct EinsumAttributes {
  std::string equation;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("equation", self.equation);
  }
};

// The [m, n] product of two matrices (rank 2), for fused ops.
Result<Tensor> matrix_product(ir::EvalContext& c, const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b);
// The shape of that product.
Result<PartialShape> matrix_product_shape(const PartialShape& a, const PartialShape& b, bool transpose_a, bool transpose_b);

}  // namespace isomer::ops
