// Sparse tensors as three dense ones: rows of indices, values, and the dense shape.
#include "base/checked.h"
#include "ops/elements.h"
#include "ops/partial_value.h"

namespace isomer::ops {

using namespace ir;

namespace {

Result<void> infer_fill_empty_rows(InferContext& c) {
  const PartialShape indices = TRY(shape_of_rank(c, 0, 2)), values = TRY(shape_of_rank(c, 1, 1)), dense = TRY(shape_of_rank(c, 2, 1));
  TRY(shape_of_rank(c, 3, 0));
  const int64_t count = TRY(same_dim(indices[0], values[0], "the rows of indices and the values"));
  const int64_t rank = TRY(same_dim(indices[1], dense[0], "the columns of indices and the rank of the dense shape"));
  const PartialShape shape = TRY(shape_from_input(c, 2));
  c.set_shape(0, PartialShape{kUnknownDim, rank});
  c.set_shape(1, PartialShape{kUnknownDim});
  c.set_shape(2, PartialShape{shape.has_rank() && shape.rank() > 0 ? shape[0] : kUnknownDim});
  c.set_shape(3, PartialShape{count});
  return {};
}

Result<Outputs> reference_fill_empty_rows(EvalContext& c, Inputs inputs) {
  const Tensor &indices = *TRY(tensor_input(c, inputs, 0)), &values = *TRY(tensor_input(c, inputs, 1)), &rest = *TRY(tensor_input(c, inputs, 3));
  const Shape dense = TRY(shape_value(*TRY(tensor_input(c, inputs, 2)), "the dense shape"));
  const auto rank = static_cast<int64_t>(dense.size());
  const int64_t count = values.elements();
  if (rank < 1 || values.rank() != 1 || indices.shape() != Shape{count, rank} || rest.elements() != 1) {
    return input_error("no sparse tensor of shape " + to_string(dense) + ": " + type_text(indices) + " and " + type_text(values));
  }
  // How many values each row has; then where it begins in the result, where an empty row takes one place.
  const int64_t rows = dense[0];
  MutableTensor empty = TRY(c.allocate(DType::kBool, {rows})), reverse = TRY(c.allocate(DType::kInt64, {count}));
  TRY(check_elements(c, {rows, rank}));
  std::vector<int64_t> next(static_cast<size_t>(rows), 0);
  for (int64_t i = 0; i < count; ++i) {
    const auto row = indices.at<int64_t>(i * rank);
    if (row < 0 || row >= rows) return input_error("row " + std::to_string(row) + " of " + std::to_string(rows) + " does not exist");
    ++next[static_cast<size_t>(row)];
  }
  int64_t total = 0;
  for (int64_t row = 0; row < rows; ++row) {
    int64_t& begin = next[static_cast<size_t>(row)];
    empty.as<uint8_t>()[row] = begin == 0;
    const int64_t size = std::max<int64_t>(begin, 1);
    begin = total;
    total += size;
  }
  MutableTensor out_indices = TRY(c.allocate(DType::kInt64, {total, rank}));
  ElementWriter out_values = TRY(ElementWriter::create(c, values.dtype(), {total}));
  for (int64_t row = 0; row < rows; ++row) {
    if (!empty.as<uint8_t>()[row]) continue;
    const int64_t at = next[static_cast<size_t>(row)];
    out_indices.as<int64_t>()[at * rank] = row;
    out_values.copy(rest, 0, at, 1);
  }
  for (int64_t i = 0; i < count; ++i) {
    const int64_t at = next[static_cast<size_t>(indices.at<int64_t>(i * rank))]++;
    for (int64_t d = 0; d < rank; ++d) out_indices.as<int64_t>()[at * rank + d] = indices.at<int64_t>(i * rank + d);
    out_values.copy(values, i, at, 1);
    reverse.as<int64_t>()[i] = at;
  }
  Tensor filled = TRY(std::move(out_values).finish());
  return Outputs{std::move(out_indices).finish(), std::move(filled), std::move(empty).finish(), std::move(reverse).finish()};
}

// --- SparseReshape

Result<void> infer_sparse_reshape(InferContext& c) {
  const PartialShape indices = TRY(shape_of_rank(c, 0, 2)), old_shape = TRY(shape_of_rank(c, 1, 1)), new_shape = TRY(shape_of_rank(c, 2, 1));
  TRY(same_dim(indices[1], old_shape[0], "the columns of indices and the rank of the shape"));
  c.set_shape(0, PartialShape{indices[0], new_shape[0]});
  c.set_shape(1, PartialShape{new_shape[0]});
  return {};
}

// The wanted shape with its one -1 computed.
Result<Shape> complete_shape(Shape wanted, int64_t elements) {
  int64_t* open = nullptr;
  int64_t known = 1;
  for (int64_t& size : wanted) {
    if (size < -1 || (size == -1 && open)) return input_error("a shape may have one -1 and no other negative number");
    if (size == -1) {
      open = &size;
    } else {
      known = mul_dims(known, size);
    }
  }
  if (open && known > 0 && elements % known == 0) *open = elements / known;
  if (element_count(wanted) != elements) return input_error("a tensor of " + std::to_string(elements) + " elements has no shape " + to_string(wanted));
  return wanted;
}

Result<Outputs> reference_sparse_reshape(EvalContext& c, Inputs inputs) {
  const Tensor& indices = *TRY(tensor_input(c, inputs, 0));
  const Shape from = TRY(shape_value(*TRY(tensor_input(c, inputs, 1)), "the shape"));
  const Shape to = TRY(complete_shape(TRY(int_vector(*TRY(tensor_input(c, inputs, 2)), "the new shape")), element_count_of(from)));
  const auto from_rank = static_cast<int64_t>(from.size()), to_rank = static_cast<int64_t>(to.size());
  if (indices.rank() != 2 || indices.shape()[1] != from_rank)
    return input_error("indices of a tensor of shape " + to_string(from) + " cannot be " + type_text(indices));
  const int64_t count = indices.shape()[0];
  MutableTensor y = TRY(c.allocate(DType::kInt64, {count, to_rank}));
  const std::vector<int64_t> from_strides = strides_of(from), to_strides = strides_of(to);
  for (int64_t i = 0; i < count && from_rank > 0; ++i) {
    int64_t offset = 0;
    for (int64_t d = 0; d < from_rank; ++d) {
      const auto at = indices.at<int64_t>(i * from_rank + d), size = from[static_cast<size_t>(d)];
      if (at < 0 || at >= size) return input_error("index " + std::to_string(at) + " lies outside of a dimension of size " + std::to_string(size));
      offset += at * from_strides[static_cast<size_t>(d)];
    }
    for (int64_t d = 0; d < to_rank; ++d) {
      const int64_t stride = to_strides[static_cast<size_t>(d)];
      y.as<int64_t>()[i * to_rank + d] = offset / stride;
      offset %= stride;
    }
  }
  return Outputs{std::move(y).finish(), Tensor::int64s(to)};
}

}  // namespace

constinit const OpDef kOp_SparseFillEmptyRows = {
    .name = "SparseFillEmptyRows",
    .signature =
        "indices: int64, values: T, dense_shape: int64, default_value: T -> output_indices: int64, output_values: T, empty_row_indicator: bool, "
        "reverse_index_map: int64",
    .infer = infer_fill_empty_rows,
    .reference = reference_fill_empty_rows,
    .doc = "A sparse tensor with default_value put first in every row that has no value, sorted by rows; which rows these were, and where each value went.",
};

constinit const OpDef kOp_SparseReshape = {
    .name = "SparseReshape",
    .signature = "input_indices: int64, input_shape: int64, new_shape: int64 -> output_indices: int64, output_shape: int64",
    .infer = infer_sparse_reshape,
    .reference = reference_sparse_reshape,
    .doc = "The indices of a sparse tensor under another shape of as many elements; one size of it may be -1.",
};

}  // namespace isomer::ops
