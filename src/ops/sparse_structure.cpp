// Sparse tensors put together, cut and sorted: ops that compute nothing.
#include <algorithm>
#include <numeric>

#include "base/checked.h"
#include "ops/elements.h"
#include "ops/partial_value.h"
#include "ops/sparse.h"

namespace isomer::ops {

using namespace ir;

std::vector<int64_t> SparseInput::index(int64_t entry) const {
  std::vector<int64_t> at;
  for (int64_t d = 0; d < rank(); ++d) at.push_back(index(entry, d));
  return at;
}

Result<SparseInput> sparse_input(EvalContext& c, Inputs inputs, int64_t indices, int64_t values, int64_t shape) {
  const Tensor* rows = TRY(tensor_input(c, inputs, indices));
  const Tensor* entries = TRY(tensor_input(c, inputs, values));
  Shape dense = TRY(shape_value(*TRY(tensor_input(c, inputs, shape)), "the dense shape"));
  const SparseInput x{rows, entries, std::move(dense)};
  if (x.values->rank() != 1 || x.indices->shape() != Shape{x.count(), x.rank()}) {
    return input_error("no sparse tensor of shape " + to_string(x.shape) + ": " + type_text(*x.indices) + " and " + type_text(*x.values));
  }
  for (int64_t i = 0; i < x.count(); ++i) {
    for (int64_t d = 0; d < x.rank(); ++d) {
      const int64_t at = x.index(i, d), size = x.shape[static_cast<size_t>(d)];
      if (at < 0 || at >= size) return input_error("index " + std::to_string(at) + " lies outside of a dimension of size " + std::to_string(size));
    }
  }
  return x;
}

Result<SparseType> sparse_type(InferContext& c, int64_t indices, int64_t values, int64_t shape) {
  const PartialShape rows = TRY(shape_of_rank(c, indices, 2)), entries = TRY(shape_of_rank(c, values, 1)), dense = TRY(shape_of_rank(c, shape, 1));
  SparseType type;
  type.count = TRY(same_dim(rows[0], entries[0], "the rows of indices and the values"));
  type.rank = TRY(same_dim(rows[1], dense[0], "the columns of indices and the rank of the dense shape"));
  type.shape = TRY(shape_from_input(c, shape));
  return type;
}

std::vector<int64_t> order_of(const SparseInput& x) {
  std::vector<int64_t> order(static_cast<size_t>(x.count()));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    for (int64_t d = 0; d < x.rank(); ++d)
      if (x.index(a, d) != x.index(b, d)) return x.index(a, d) < x.index(b, d);
    return false;
  });
  return order;
}

namespace {

// Entries of one sparse tensor or of several, on their way to a result.
struct Entry {
  std::vector<int64_t> index;
  const Tensor* values;
  int64_t at;
};

// Indices and values of these entries.
Result<Outputs> collect(EvalContext& c, std::span<const Entry> entries, int64_t rank, DType dtype) {
  const auto count = static_cast<int64_t>(entries.size());
  MutableTensor indices = TRY(c.allocate(DType::kInt64, {count, rank}));
  ElementWriter values = TRY(ElementWriter::create(c, dtype, {count}));
  for (int64_t i = 0; i < count; ++i) {
    const Entry& entry = entries[static_cast<size_t>(i)];
    std::copy(entry.index.begin(), entry.index.end(), indices.as<int64_t>() + i * rank);
    values.copy(*entry.values, entry.at, i, 1);
  }
  Tensor collected = TRY(std::move(values).finish());
  return Outputs{std::move(indices).finish(), std::move(collected)};
}

// --- SparseReorder

Result<void> infer_reorder(InferContext& c) {
  const SparseType type = TRY(sparse_type(c, 0, 1, 2));
  c.set_shape(0, PartialShape{type.count, type.rank});
  c.set_shape(1, PartialShape{type.count});
  return {};
}

Result<Outputs> reference_reorder(EvalContext& c, Inputs inputs) {
  const SparseInput x = TRY(sparse_input(c, inputs, 0, 1, 2));
  std::vector<Entry> entries;
  for (const int64_t i : order_of(x)) entries.push_back({x.index(i), x.values, i});
  return collect(c, entries, x.rank(), x.values->dtype());
}

// --- SparseSlice

Result<void> infer_slice(InferContext& c) {
  const SparseType type = TRY(sparse_type(c, 0, 1, 2));
  for (int64_t i = 3; i < 5; ++i) TRY(same_dim(type.rank, TRY(shape_of_rank(c, i, 1))[0], "the rank of the tensor and of the slice"));
  c.set_shape(0, PartialShape{kUnknownDim, type.rank});
  c.set_shape(1, PartialShape{kUnknownDim});
  c.set_shape(2, PartialShape{type.rank});
  return {};
}

Result<Outputs> reference_slice(EvalContext& c, Inputs inputs) {
  const SparseInput x = TRY(sparse_input(c, inputs, 0, 1, 2));
  const auto start = TRY(int_vector(*TRY(tensor_input(c, inputs, 3)), "start")), size = TRY(int_vector(*TRY(tensor_input(c, inputs, 4)), "size"));
  if (start.size() != x.shape.size() || size.size() != x.shape.size()) return input_error("start and size must have " + std::to_string(x.rank()) + " numbers");
  Shape shape;
  for (size_t d = 0; d < start.size(); ++d) {
    if (start[d] < 0 || size[d] < 0) return input_error("start and size must not be negative");
    // A slice may reach over the end, and begin behind it.
    shape.push_back(std::max<int64_t>(0, std::min(size[d], x.shape[d] - std::min(start[d], x.shape[d]))));
  }
  std::vector<Entry> entries;
  for (int64_t i = 0; i < x.count(); ++i) {
    std::vector<int64_t> at = x.index(i);
    bool inside = true;
    for (size_t d = 0; d < at.size() && inside; ++d) {
      inside = at[d] >= start[d] && at[d] - start[d] < shape[d];
      at[d] -= inside ? start[d] : 0;
    }
    if (inside) entries.push_back({std::move(at), x.values, i});
  }
  Outputs results = TRY(collect(c, entries, x.rank(), x.values->dtype()));
  results.emplace_back(Tensor::int64s(shape));
  return results;
}

// --- SparseConcat

Result<void> infer_concat(InferContext& c) {
  if (c.input_count() % 3 != 0 || c.input_count() == 0) return input_error("SparseConcat takes indices, values and shape of each tensor");
  const int64_t n = c.input_count() / 3;
  int64_t count = 0, rank = kUnknownDim;
  for (int64_t i = 0; i < n; ++i) {
    const SparseType type = TRY(sparse_type(c, i, n + i, 2 * n + i));
    count = add_dims(count, type.count);
    rank = TRY(same_dim(rank, type.rank, "the ranks of the tensors"));
  }
  c.set_shape(0, PartialShape{count, rank});
  c.set_shape(1, PartialShape{count});
  c.set_shape(2, PartialShape{rank});
  return {};
}

Result<Outputs> reference_concat(EvalContext& c, Inputs inputs) {
  const auto n = static_cast<int64_t>(inputs.size()) / 3;
  if (n == 0 || static_cast<int64_t>(inputs.size()) != 3 * n) return input_error("SparseConcat takes indices, values and shape of each tensor");
  Shape shape;
  std::vector<Entry> entries;
  DType dtype = DType::kInvalid;
  for (int64_t i = 0; i < n; ++i) {
    const SparseInput x = TRY(sparse_input(c, inputs, i, n + i, 2 * n + i));
    if (i > 0 && x.shape.size() != shape.size()) return input_error("the tensors must have one rank, found " + to_string(shape) + " and " + to_string(x.shape));
    const int64_t rank = x.rank(), axis = c.as<SparseConcatAttributes>().concat_dim + (c.as<SparseConcatAttributes>().concat_dim < 0 ? rank : 0);
    if (axis < 0 || axis >= rank) return input_error("a tensor of shape " + to_string(x.shape) + " has no dimension " + std::to_string(axis));
    const auto along = static_cast<size_t>(axis);
    const int64_t before = i == 0 ? 0 : shape[along];
    if (add_dims(before, x.shape[along]) == kUnknownDim) return input_error("the joined dimension is too large");
    for (int64_t e = 0; e < x.count(); ++e) {
      entries.push_back({x.index(e), x.values, e});
      entries.back().index[along] += before;
    }
    if (i == 0) {
      shape = x.shape;
      dtype = x.values->dtype();
      continue;
    }
    for (size_t d = 0; d < shape.size(); ++d)
      if (d != along && shape[d] != x.shape[d]) return input_error("the tensors must agree but for the joined dimension");
    shape[along] = before + x.shape[along];
  }
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.index < b.index; });
  Outputs results = TRY(collect(c, entries, static_cast<int64_t>(shape.size()), dtype));
  results.emplace_back(Tensor::int64s(shape));
  return results;
}

}  // namespace

constinit const OpDef kOp_SparseReorder = {
    .name = "SparseReorder",
    .signature = "input_indices: int64, input_values: T, input_shape: int64 -> output_indices: int64, output_values: T",
    .infer = infer_reorder,
    .reference = reference_reorder,
    .doc = "The entries of a sparse tensor in the order of their indices, the last dimension fastest.",
};

constinit const OpDef kOp_SparseSlice = {
    .name = "SparseSlice",
    .signature = "indices: int64, values: T, shape: int64, start: int64, size: int64 -> output_indices: int64, output_values: T, output_shape: int64",
    .infer = infer_slice,
    .reference = reference_slice,
    .doc = "The part of a sparse tensor from `start` on, `size` large or as far as the tensor goes.",
};

constinit const OpDef kOp_SparseConcat = {
    .name = "SparseConcat",
    .signature = "indices: N * int64, values: N * T, shapes: N * int64 -> output_indices: int64, output_values: T, output_shape: int64",
    .make_attributes = &make_attributes<SparseConcatAttributes>,
    .infer = infer_concat,
    .reference = reference_concat,
    .doc = "Sparse tensors one after the other along concat_dim, the entries in the order of their indices.",
};

}  // namespace isomer::ops
