// Sparse tensors as the kernels see them, and the attributes of the sparse ops.
#pragma once

#include "ops/kernel.h"

namespace isomer::ops {

// Three inputs: indices [count, rank], values [count], and the dense shape. Every index lies inside of the shape.
struct SparseInput {
  const Tensor* indices;
  const Tensor* values;
  Shape shape;

  int64_t count() const { return values->elements(); }
  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  int64_t index(int64_t entry, int64_t dimension) const { return indices->as_int64(entry * rank() + dimension); }
  std::vector<int64_t> index(int64_t entry) const;
};

// InvalidModel when ranks or lengths do not fit each other, or when an index lies outside.
Result<SparseInput> sparse_input(ir::EvalContext& c, Inputs inputs, int64_t indices, int64_t values, int64_t shape);
// Their static ranks and lengths agree: sets `rank` and `count` as far as they are known.
struct SparseType {
  int64_t count = kUnknownDim, rank = kUnknownDim;
  PartialShape shape;
};
Result<SparseType> sparse_type(ir::InferContext& c, int64_t indices, int64_t values, int64_t shape);

// The entries in C order of their indices; entries at one place keep their order.
std::vector<int64_t> order_of(const SparseInput& x);

struct SparseConcatAttributes {
  int64_t concat_dim = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("concat_dim", self.concat_dim);
  }
};

struct SparseReduceAttributes {
  bool keep_dims = false;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("keep_dims", self.keep_dims);
  }
};

struct SparseTensorDenseMatMulAttributes {
  bool adjoint_a = false;
  bool adjoint_b = false;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("adjoint_a", self.adjoint_a);
    visit("adjoint_b", self.adjoint_b);
  }
};

}  // namespace isomer::ops
