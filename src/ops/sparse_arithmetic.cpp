// Arithmetic on sparse tensors. Sums are computed in double, int64 or complex<double> and rounded once.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/checked.h"
#include "ops/partial_value.h"
#include "ops/sparse.h"

namespace isomer::ops {
namespace {

using namespace ir;

// f of the type that kernels of the dtype compute in.
template <class F>
Result<Outputs> by_class(EvalContext& c, DType dtype, F&& f) {
  if (is_float(dtype)) return f(double{});
  if (is_integer(dtype)) return f(int64_t{});
  if (is_complex(dtype)) return f(Complex{});
  return dtype_error(c, dtype);
}

template <class T>
T plus(T a, T b) {
  if constexpr (std::is_same_v<T, int64_t>)
    return wrapping_add(a, b);
  else
    return a + b;
}
template <class T>
T times(T a, T b) {
  if constexpr (std::is_same_v<T, int64_t>)
    return wrapping_multiply(a, b);
  else
    return a * b;
}
template <class T>
T conjugate(T x) {
  if constexpr (std::is_same_v<T, Complex>)
    return std::conj(x);
  else
    return x;
}

// --- SparseTensorDenseMatMul

Result<void> infer_matmul(InferContext& c) {
  const auto& a = c.as<SparseTensorDenseMatMulAttributes>();
  const SparseType type = TRY(sparse_type(c, 0, 1, 2));
  const PartialShape b = TRY(shape_of_rank(c, 3, 2));
  if (type.rank != kUnknownDim && type.rank != 2) return input_error("the sparse tensor must be a matrix, found rank " + std::to_string(type.rank));
  const bool known = type.shape.has_rank() && type.shape.rank() == 2;
  const int64_t rows = known ? type.shape[a.adjoint_a ? 1 : 0] : kUnknownDim, inner = known ? type.shape[a.adjoint_a ? 0 : 1] : kUnknownDim;
  TRY(same_dim(inner, b[a.adjoint_b ? 1 : 0], "the columns of a and the rows of b"));
  c.set_shape(0, PartialShape{rows, b[a.adjoint_b ? 0 : 1]});
  return {};
}

Result<Outputs> reference_matmul(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<SparseTensorDenseMatMulAttributes>();
  const SparseInput x = TRY(sparse_input(c, inputs, 0, 1, 2));
  const Tensor& b = *TRY(tensor_input(c, inputs, 3));
  if (x.rank() != 2 || b.rank() != 2) return input_error("both factors must be matrices, found " + to_string(x.shape) + " and " + type_text(b));
  const int64_t rows = x.shape[a.adjoint_a ? 1 : 0], inner = x.shape[a.adjoint_a ? 0 : 1], columns = b.shape()[a.adjoint_b ? 0 : 1];
  if (inner != b.shape()[a.adjoint_b ? 1 : 0]) return input_error("matrices " + to_string(x.shape) + " and " + type_text(b) + " do not fit");
  MutableTensor y = TRY(c.allocate(b.dtype(), {rows, columns}));
  return by_class(c, b.dtype(), [&]<class T>(T) -> Result<Outputs> {
    const std::vector<T> values = load_all<T>(*x.values), dense = load_all<T>(b);
    std::vector<T> sums(static_cast<size_t>(y.elements()));
    for (int64_t i = 0; i < x.count(); ++i) {
      const int64_t row = x.index(i, a.adjoint_a ? 1 : 0), k = x.index(i, a.adjoint_a ? 0 : 1);
      const T value = a.adjoint_a ? conjugate(values[static_cast<size_t>(i)]) : values[static_cast<size_t>(i)];
      for (int64_t j = 0; j < columns; ++j) {
        const T other = a.adjoint_b ? conjugate(dense[static_cast<size_t>(j * inner + k)]) : dense[static_cast<size_t>(k * columns + j)];
        T& sum = sums[static_cast<size_t>(row * columns + j)];
        sum = plus(sum, times(value, other));
      }
    }
    store(y, 0, std::span<const T>(sums));
    return one(std::move(y));
  });
}

// --- SparseReduceSum and SparseReduceMax

Result<void> infer_reduce(InferContext& c) {
  const SparseType type = TRY(sparse_type(c, 0, 1, 2));
  const Tensor* axes = c.constant(3);
  if (!type.shape.has_rank() || !axes) return {};
  const std::vector<bool> reduced = TRY(reduction_axes(*axes, type.shape.rank()));
  std::vector<int64_t> dims;
  for (int64_t d = 0; d < type.shape.rank(); ++d) {
    if (!reduced[static_cast<size_t>(d)]) dims.push_back(type.shape[d]);
    if (reduced[static_cast<size_t>(d)] && c.as<SparseReduceAttributes>().keep_dims) dims.push_back(1);
  }
  c.set_shape(0, PartialShape(std::move(dims)));
  return {};
}

template <bool largest>
Result<Outputs> reference_reduce(EvalContext& c, Inputs inputs) {
  const SparseInput x = TRY(sparse_input(c, inputs, 0, 1, 2));
  const std::vector<bool> reduced = TRY(reduction_axes(*TRY(tensor_input(c, inputs, 3)), x.rank()));
  Shape kept, shape;
  for (size_t d = 0; d < x.shape.size(); ++d) {
    if (!reduced[d]) kept.push_back(x.shape[d]);
    if (!reduced[d] || c.as<SparseReduceAttributes>().keep_dims) shape.push_back(reduced[d] ? 1 : x.shape[d]);
  }
  MutableTensor y = TRY(c.allocate(x.values->dtype(), shape));
  const std::vector<int64_t> strides = strides_of(kept);
  return by_class(c, x.values->dtype(), [&]<class T>(T) -> Result<Outputs> {
    if constexpr (largest && std::is_same_v<T, Complex>) {
      return dtype_error(c, x.values->dtype());
    } else {
      const std::vector<T> values = load_all<T>(*x.values);
      std::vector<T> results(static_cast<size_t>(y.elements()));  // where nothing is, 0
      std::vector<bool> begun(results.size(), false);
      for (int64_t i = 0; i < x.count(); ++i) {
        size_t at = 0, dimension = 0;
        for (int64_t d = 0; d < x.rank(); ++d)
          if (!reduced[static_cast<size_t>(d)]) at += static_cast<size_t>(x.index(i, d) * strides[dimension++]);
        const T value = values[static_cast<size_t>(i)];
        if constexpr (largest) {
          results[at] = begun[at] ? std::max(results[at], value) : value;
        } else {
          results[at] = plus(results[at], value);
        }
        begun[at] = true;
      }
      store(y, 0, std::span<const T>(results));
      return one(std::move(y));
    }
  });
}

// --- SparseAdd

Result<void> infer_add(InferContext& c) {
  const SparseType a = TRY(sparse_type(c, 0, 1, 2)), b = TRY(sparse_type(c, 3, 4, 5));
  const int64_t rank = TRY(same_dim(a.rank, b.rank, "the ranks of the two tensors"));
  TRY(merge(a.shape, b.shape));
  TRY(shape_of_rank(c, 6, 0));
  c.set_shape(0, PartialShape{kUnknownDim, rank});
  c.set_shape(1, PartialShape{kUnknownDim});
  c.set_shape(2, PartialShape{rank});
  return {};
}

Result<Outputs> reference_add(EvalContext& c, Inputs inputs) {
  const SparseInput a = TRY(sparse_input(c, inputs, 0, 1, 2)), b = TRY(sparse_input(c, inputs, 3, 4, 5));
  const Tensor& threshold = *TRY(tensor_input(c, inputs, 6));
  if (a.shape != b.shape) return input_error("the tensors must have one shape, found " + to_string(a.shape) + " and " + to_string(b.shape));
  if (threshold.elements() != 1) return input_error("the threshold must be one number, found " + type_text(threshold));
  return by_class(c, a.values->dtype(), [&]<class T>(T) -> Result<Outputs> {
    const std::vector<T> left = load_all<T>(*a.values), right = load_all<T>(*b.values);
    // In the order of the inputs, which TensorFlow takes to be sorted.
    std::vector<std::vector<int64_t>> indices;
    std::vector<T> sums;
    const auto add = [&](std::vector<int64_t> index, T value) {
      indices.push_back(std::move(index));
      sums.push_back(value);
    };
    int64_t i = 0, j = 0;
    while (i < a.count() || j < b.count()) {
      const auto at_i = i < a.count() ? a.index(i) : std::vector<int64_t>(), at_j = j < b.count() ? b.index(j) : std::vector<int64_t>();
      if (j == b.count() || (i < a.count() && at_i < at_j)) {
        add(at_i, left[static_cast<size_t>(i++)]);
      } else if (i == a.count() || at_j < at_i) {
        add(at_j, right[static_cast<size_t>(j++)]);
      } else {
        const T sum = plus(left[static_cast<size_t>(i++)], right[static_cast<size_t>(j++)]);
        if (static_cast<double>(std::abs(sum)) >= threshold.as_double(0)) add(at_i, sum);
      }
    }
    const auto count = static_cast<int64_t>(sums.size());
    MutableTensor rows = TRY(c.allocate(DType::kInt64, {count, a.rank()})), values = TRY(c.allocate(a.values->dtype(), {count}));
    for (int64_t r = 0; r < count; ++r)
      std::copy(indices[static_cast<size_t>(r)].begin(), indices[static_cast<size_t>(r)].end(), rows.as<int64_t>() + r * a.rank());
    store(values, 0, std::span<const T>(sums));
    return Outputs{std::move(rows).finish(), std::move(values).finish(), Tensor::int64s(a.shape)};
  });
}

// --- a sparse tensor with a dense one, element by element

Result<void> infer_with_dense(InferContext& c) {
  const SparseType type = TRY(sparse_type(c, 0, 1, 2));
  c.set_shape(0, PartialShape{type.count});
  return {};
}

enum class Operation { kAdd, kMultiply, kDivide };

template <Operation operation>
Result<Outputs> reference_with_dense(EvalContext& c, Inputs inputs) {
  const SparseInput x = TRY(sparse_input(c, inputs, 0, 1, 2));
  const Tensor& dense = *TRY(tensor_input(c, inputs, 3));
  const auto fits = broadcast(dense.shape(), x.shape);
  if (!fits || *fits != x.shape) return input_error("the dense tensor " + type_text(dense) + " does not broadcast to " + to_string(x.shape));
  const std::vector<int64_t> strides = broadcast_strides(dense.shape(), x.shape);
  MutableTensor y = TRY(c.allocate(x.values->dtype(), {x.count()}));
  return by_class(c, x.values->dtype(), [&]<class T>(T) -> Result<Outputs> {
    const std::vector<T> values = load_all<T>(*x.values), others = load_all<T>(dense);
    std::vector<T> results;
    for (int64_t i = 0; i < x.count(); ++i) {
      int64_t at = 0;
      for (int64_t d = 0; d < x.rank(); ++d) at += x.index(i, d) * strides[static_cast<size_t>(d)];
      const T value = values[static_cast<size_t>(i)], other = others[static_cast<size_t>(at)];
      if constexpr (operation == Operation::kAdd) {
        results.push_back(plus(value, other));
      } else if constexpr (operation == Operation::kMultiply) {
        results.push_back(times(value, other));
      } else if constexpr (std::is_same_v<T, int64_t>) {
        if (other == 0) return input_error("division of integers by 0");
        results.push_back(other == -1 ? wrapping_subtract(0, value) : value / other);
      } else {
        results.push_back(value / other);
      }
    }
    store(y, 0, std::span<const T>(results));
    return one(std::move(y));
  });
}

Result<void> infer_dense_sum(InferContext& c) {
  const SparseType type = TRY(sparse_type(c, 0, 1, 2));
  c.set_shape(0, TRY(merge(c.shape(3), type.shape)));
  return {};
}

Result<Outputs> reference_dense_sum(EvalContext& c, Inputs inputs) {
  const SparseInput x = TRY(sparse_input(c, inputs, 0, 1, 2));
  const Tensor& dense = *TRY(tensor_input(c, inputs, 3));
  if (dense.shape() != x.shape) return input_error("both tensors must have one shape, found " + to_string(x.shape) + " and " + type_text(dense));
  const std::vector<int64_t> strides = strides_of(x.shape);
  MutableTensor y = TRY(c.allocate(dense.dtype(), dense.shape()));
  return by_class(c, dense.dtype(), [&]<class T>(T) -> Result<Outputs> {
    std::vector<T> sums = load_all<T>(dense);
    const std::vector<T> values = load_all<T>(*x.values);
    for (int64_t i = 0; i < x.count(); ++i) {
      int64_t at = 0;
      for (int64_t d = 0; d < x.rank(); ++d) at += x.index(i, d) * strides[static_cast<size_t>(d)];
      sums[static_cast<size_t>(at)] = plus(sums[static_cast<size_t>(at)], values[static_cast<size_t>(i)]);
    }
    store(y, 0, std::span<const T>(sums));
    return one(std::move(y));
  });
}

// --- SparseSoftmax

Result<Outputs> reference_softmax(EvalContext& c, Inputs inputs) {
  const SparseInput x = TRY(sparse_input(c, inputs, 0, 1, 2));
  if (!is_float(x.values->dtype())) return dtype_error(c, x.values->dtype());
  if (x.rank() < 2) return input_error("SparseSoftmax takes rank 2 or more, found " + to_string(x.shape));
  std::map<std::vector<int64_t>, std::vector<size_t>> rows;
  for (int64_t i = 0; i < x.count(); ++i) {
    std::vector<int64_t> row = x.index(i);
    row.pop_back();
    rows[std::move(row)].push_back(static_cast<size_t>(i));
  }
  std::vector<double> values = load_all<double>(*x.values);
  for (const auto& [row, entries] : rows) {
    double largest = -std::numeric_limits<double>::infinity(), sum = 0;
    for (const size_t i : entries) largest = std::max(largest, values[i]);
    for (const size_t i : entries) sum += values[i] = std::exp(values[i] - largest);
    for (const size_t i : entries) values[i] /= sum;
  }
  MutableTensor y = TRY(c.allocate(x.values->dtype(), {x.count()}));
  store_doubles(y, 0, values);
  return one(std::move(y));
}

constexpr OpDef with_dense(std::string_view name, decltype(OpDef::reference) reference, std::string_view doc) {
  return {.name = name,
          .signature = "sp_indices: int64, sp_values: T, sp_shape: int64, dense: T -> output: T",
          .infer = infer_with_dense,
          .reference = reference,
          .doc = doc};
}

constexpr std::string_view kReduceSignature = "input_indices: int64, input_values: T, input_shape: int64, reduction_axes: int32 -> output: T";

}  // namespace

constinit const OpDef kOp_SparseTensorDenseMatMul = {
    .name = "SparseTensorDenseMatMul",
    .signature = "a_indices: Tindices, a_values: T, a_shape: int64, b: T -> product: T",
    .make_attributes = &make_attributes<SparseTensorDenseMatMulAttributes>,
    .infer = infer_matmul,
    .reference = reference_matmul,
    .doc = "The product of a sparse matrix and a dense one, each transposed and conjugated first where asked for.",
};

constinit const OpDef kOp_SparseReduceSum = {
    .name = "SparseReduceSum",
    .signature = kReduceSignature,
    .make_attributes = &make_attributes<SparseReduceAttributes>,
    .infer = infer_reduce,
    .reference = reference_reduce<false>,
    .doc = "The sums of the values of a sparse tensor along some dimensions, as a dense tensor.",
};

constinit const OpDef kOp_SparseReduceMax = {
    .name = "SparseReduceMax",
    .signature = kReduceSignature,
    .make_attributes = &make_attributes<SparseReduceAttributes>,
    .infer = infer_reduce,
    .reference = reference_reduce<true>,
    .doc = "The largest values of a sparse tensor along some dimensions, as a dense tensor; 0 where there are none.",
};

constinit const OpDef kOp_SparseAdd = {
    .name = "SparseAdd",
    .signature =
        "a_indices: int64, a_values: T, a_shape: int64, b_indices: int64, b_values: T, b_shape: int64, thresh: Treal -> sum_indices: int64, sum_values: T, "
        "sum_shape: int64",
    .infer = infer_add,
    .reference = reference_add,
    .doc = "The sum of two sparse tensors of one shape. Sums of two values that are smaller in size than `thresh` are left out.",
};

constinit const OpDef kOp_SparseDenseCwiseAdd =
    with_dense("SparseDenseCwiseAdd", reference_with_dense<Operation::kAdd>, "Adds the elements of a dense tensor, broadcast, to the values of a sparse one.");
constinit const OpDef kOp_SparseDenseCwiseMul =
    with_dense("SparseDenseCwiseMul", reference_with_dense<Operation::kMultiply>, "Multiplies the values of a sparse tensor by elements of a dense one.");
constinit const OpDef kOp_SparseDenseCwiseDiv =
    with_dense("SparseDenseCwiseDiv", reference_with_dense<Operation::kDivide>, "Divides the values of a sparse tensor by elements of a dense one.");

constinit const OpDef kOp_SparseTensorDenseAdd = {
    .name = "SparseTensorDenseAdd",
    .signature = "a_indices: Tindices, a_values: T, a_shape: Tindices, b: T -> output: T",
    .infer = infer_dense_sum,
    .reference = reference_dense_sum,
    .doc = "A dense tensor with the values of a sparse one added.",
};

constinit const OpDef kOp_SparseSoftmax = {
    .name = "SparseSoftmax",
    .signature = "sp_indices: int64, sp_values: T, sp_shape: int64 -> output: T",
    .infer = infer_with_dense,
    .reference = reference_softmax,
    .doc = "Softmax along the last dimension of a sparse tensor, over the values that are there.",
};

}  // namespace isomer::ops
