// Ops that put updates at indices of a tensor.
#include "ops/combine_rows.h"
#include "ops/elements.h"
#include "ops/indices.h"
#include "ops/partial_value.h"

namespace isomer::ops {

using namespace ir;

namespace {

// updates: the shape of indices without its last dimension, then the dimensions of the result behind the indexed ones.
Result<void> check_update_shapes(const PartialShape& indices, const PartialShape& updates, const PartialShape& result) {
  if (!indices.has_rank() || !updates.has_rank()) return {};
  if (indices.rank() < 1) return input_error("indices must have rank 1 or more");
  const int64_t outer = indices.rank() - 1;
  if (updates.rank() < outer) return input_error("updates of shape " + to_string(updates) + " do not fit indices of shape " + to_string(indices));
  for (int64_t d = 0; d < outer; ++d) TRY(same_dim(updates[d], indices[d], "the dimensions of updates and indices"));
  const int64_t depth = indices[outer];
  if (!result.has_rank() || depth == kUnknownDim) return {};
  if (depth > result.rank() || updates.rank() - outer != result.rank() - depth) {
    return input_error("indices of shape " + to_string(indices) + " and updates of shape " + to_string(updates) + " do not fit a tensor of shape " +
                       to_string(result));
  }
  for (int64_t d = depth; d < result.rank(); ++d) TRY(same_dim(updates[outer + d - depth], result[d], "the inner dimensions of updates and the tensor"));
  return {};
}

Result<IndexedRows> checked_rows(EvalContext& c, const Tensor& indices, const Tensor& updates, const Shape& shape) {
  TRY(check_update_shapes(PartialShape(indices.shape()), PartialShape(updates.shape()), PartialShape(shape)));
  return resolve_indices(indices, shape, TRY(ignores_bad_indices(c.as<BadIndicesAttributes>())));
}

Result<void> infer_scatter_nd(InferContext& c) {
  TRY(ignores_bad_indices(c.as<BadIndicesAttributes>()));
  const PartialShape shape = TRY(shape_from_input(c, 2));
  TRY(check_update_shapes(c.shape(0), c.shape(1), shape));
  c.set_shape(0, shape);
  return {};
}

// Strings that meet at one place are joined, as in TensorFlow.
Result<Tensor> scatter_strings(EvalContext& c, const IndexedRows& rows, const Tensor& updates, const Shape& shape) {
  TRY(check_elements(c, shape));
  std::vector<std::string> strings(static_cast<size_t>(element_count_of(shape)));
  for (size_t r = 0; r < rows.numbers.size(); ++r) {
    for (int64_t i = 0; i < rows.slice_elements && rows.numbers[r] >= 0; ++i) {
      strings[static_cast<size_t>(rows.numbers[r] * rows.slice_elements + i)] += updates.string_at(static_cast<int64_t>(r) * rows.slice_elements + i);
    }
  }
  return Tensor::from_strings(shape, strings);
}

Result<Outputs> reference_scatter_nd(EvalContext& c, Inputs inputs) {
  const Tensor &indices = *TRY(tensor_input(c, inputs, 0)), &updates = *TRY(tensor_input(c, inputs, 1));
  const Shape shape = TRY(shape_value(*TRY(tensor_input(c, inputs, 2)), "the shape"));
  const IndexedRows rows = TRY(checked_rows(c, indices, updates, shape));
  if (updates.dtype() == DType::kString) return one(TRY(scatter_strings(c, rows, updates, shape)));
  const Tensor zeros = TRY(c.allocate(updates.dtype(), shape)).finish();
  return one(TRY(combine_rows(c, zeros, rows.numbers, rows.slice_elements, updates, Combine::kAdd)));
}

Result<void> infer_tensor_scatter(InferContext& c) {
  TRY(ignores_bad_indices(c.as<BadIndicesAttributes>()));
  TRY(check_update_shapes(c.shape(1), c.shape(2), c.shape(0)));
  return infer_same(c);
}
Result<Outputs> reference_tensor_scatter_update(EvalContext& c, Inputs inputs) {
  const Tensor &x = *TRY(tensor_input(c, inputs, 0)), &indices = *TRY(tensor_input(c, inputs, 1)), &updates = *TRY(tensor_input(c, inputs, 2));
  const IndexedRows rows = TRY(checked_rows(c, indices, updates, x.shape()));
  ElementWriter y = TRY(ElementWriter::create(c, x.dtype(), x.shape()));
  y.copy(x, 0, 0, x.elements());
  for (size_t r = 0; r < rows.numbers.size(); ++r) {
    if (rows.numbers[r] < 0) continue;
    y.copy(updates, static_cast<int64_t>(r) * rows.slice_elements, rows.numbers[r] * rows.slice_elements, rows.slice_elements);
  }
  return one(TRY(std::move(y).finish()));
}
template <Combine how>
Result<Outputs> reference_tensor_scatter(EvalContext& c, Inputs inputs) {
  const Tensor &x = *TRY(tensor_input(c, inputs, 0)), &indices = *TRY(tensor_input(c, inputs, 1)), &updates = *TRY(tensor_input(c, inputs, 2));
  const IndexedRows rows = TRY(checked_rows(c, indices, updates, x.shape()));
  return one(TRY(combine_rows(c, x, rows.numbers, rows.slice_elements, updates, how)));
}

// --- SparseToDense

Result<void> infer_sparse_to_dense(InferContext& c) {
  c.set_shape(0, TRY(shape_from_input(c, 1)));
  return {};
}
Result<Outputs> reference_sparse_to_dense(EvalContext& c, Inputs inputs) {
  const Tensor &given = *TRY(tensor_input(c, inputs, 0)), &values = *TRY(tensor_input(c, inputs, 2)), &rest = *TRY(tensor_input(c, inputs, 3));
  const Shape shape = TRY(shape_value(*TRY(tensor_input(c, inputs, 1)), "the shape"));
  if (given.rank() > 2 || values.rank() > 1 || rest.elements() != 1) return input_error("SparseToDense needs a matrix of indices and a vector of values");
  // A scalar is one index of one dimension, a vector several of them.
  const int64_t count = given.rank() == 0 ? 1 : given.shape()[0], depth = given.rank() == 2 ? given.shape()[1] : 1;
  const Tensor indices = given.reshaped({count, depth});
  const bool repeated = values.rank() == 0;
  if (depth != static_cast<int64_t>(shape.size()) || (!repeated && values.elements() != count)) {
    return input_error("SparseToDense has " + type_text(given) + " for a tensor of shape " + to_string(shape) + " and " + type_text(values));
  }
  const IndexedRows rows = TRY(resolve_indices(indices, shape, false));
  ElementWriter y = TRY(ElementWriter::create(c, values.dtype(), shape));
  y.fill(rest);
  for (size_t r = 0; r < rows.numbers.size(); ++r) {
    if (c.as<ValidateIndicesAttributes>().validate_indices && r > 0 && rows.numbers[r] <= rows.numbers[r - 1]) {
      return input_error("the indices of SparseToDense are not in order, or one is there twice");
    }
    y.copy(values, repeated ? 0 : static_cast<int64_t>(r), rows.numbers[r], 1);
  }
  return one(TRY(std::move(y).finish()));
}

}  // namespace

constinit const OpDef kOp_ScatterNd = {
    .name = "ScatterNd",
    .signature = "indices: Tindices, updates: T, shape: Tindices -> output: T",
    .make_attributes = &make_attributes<BadIndicesAttributes>,
    .infer = infer_scatter_nd,
    .reference = reference_scatter_nd,
    .doc = "A tensor of zeros of the given shape to which the updates are added at their indices; updates of one index add up.",
};

#define TENSOR_SCATTER_OP(Name, kernel, text)                               \
  constinit const OpDef kOp_##Name = {                                      \
      .name = #Name,                                                        \
      .signature = "tensor: T, indices: Tindices, updates: T -> output: T", \
      .make_attributes = &make_attributes<BadIndicesAttributes>,            \
      .infer = infer_tensor_scatter,                                        \
      .reference = kernel,                                                  \
      .doc = text,                                                          \
  };

TENSOR_SCATTER_OP(TensorScatterUpdate, reference_tensor_scatter_update, "The tensor with the updates in place of what is at their indices; the last one wins.")
TENSOR_SCATTER_OP(TensorScatterAdd, reference_tensor_scatter<Combine::kAdd>, "The tensor with the updates added at their indices.")
TENSOR_SCATTER_OP(TensorScatterSub, reference_tensor_scatter<Combine::kSubtract>, "The tensor with the updates subtracted at their indices.")
TENSOR_SCATTER_OP(TensorScatterMax, reference_tensor_scatter<Combine::kMaximum>, "The tensor with the larger of element and update at each index.")
TENSOR_SCATTER_OP(TensorScatterMin, reference_tensor_scatter<Combine::kMinimum>, "The tensor with the smaller of element and update at each index.")

constinit const OpDef kOp_ScatterNdNonAliasingAdd = {
    .name = "ScatterNdNonAliasingAdd",
    .signature = "input: T, indices: Tindices, updates: T -> output: T",
    .make_attributes = &make_attributes<BadIndicesAttributes>,
    .infer = infer_tensor_scatter,
    .reference = reference_tensor_scatter<Combine::kAdd>,
    .doc = "The input with the updates added at their indices; another name of TensorScatterAdd.",
};

constinit const OpDef kOp_SparseToDense = {
    .name = "SparseToDense",
    .signature = "sparse_indices: Tindices, output_shape: Tindices, sparse_values: T, default_value: T -> dense: T",
    .make_attributes = &make_attributes<ValidateIndicesAttributes>,
    .infer = infer_sparse_to_dense,
    .reference = reference_sparse_to_dense,
    .doc =
        "A tensor of the given shape with the given values at the given indices (or one value at all of them) and default_value elsewhere. With "
        "`validate_indices`, the indices must be in order and different.",
};

}  // namespace isomer::ops
