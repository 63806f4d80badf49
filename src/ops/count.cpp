// Ops that count numbers: in bins of one number each, and in bins of equal width.
#include <cmath>

#include "ops/elements.h"
#include "ops/partial_value.h"
#include "ops/ragged.h"
#include "ops/search.h"
#include "ops/sparse.h"

namespace isomer::ops {

using namespace ir;

namespace {

// Adds up the weights (1 without any) of each number in [first, first + count) of `numbers` into bins [0, size) at `to` of `bins`; larger numbers are left
// out.
template <class T>
Result<void> count_numbers(const std::vector<int64_t>& numbers, const std::vector<T>& weights, int64_t first, int64_t count, bool binary, std::span<T> bins) {
  for (int64_t i = first; i < first + count; ++i) {
    const int64_t number = numbers[static_cast<size_t>(i)];
    if (number < 0) return input_error("only numbers from 0 on can be counted, found " + std::to_string(number));
    if (number >= static_cast<int64_t>(bins.size())) continue;
    T& bin = bins[static_cast<size_t>(number)];
    const T weight = weights.empty() ? T{1} : weights[static_cast<size_t>(i)];
    if (binary) {
      bin = 1;
    } else if constexpr (std::is_same_v<T, int64_t>) {
      bin = static_cast<int64_t>(static_cast<uint64_t>(bin) + static_cast<uint64_t>(weight));
    } else {
      bin += weight;
    }
  }
  return {};
}

// One row of bins for each row of `numbers`.
template <class T>
Result<Tensor> count_rows(EvalContext& c, const Tensor& numbers, int64_t rows, const Tensor& weights, bool binary, Shape shape) {
  MutableTensor result = TRY(c.allocate(weights.dtype(), std::move(shape)));
  if (result.elements() == 0) rows = 0;
  std::vector<T> bins(static_cast<size_t>(result.elements()));
  const auto values = numbers.to_int64s();
  const auto weight_values = load_all<T>(weights);
  for (int64_t r = 0; r < rows; ++r) {
    const auto width = bins.size() / static_cast<size_t>(rows);
    const int64_t count = numbers.elements() / rows;
    TRY(count_numbers<T>(values, weight_values, r * count, count, binary, std::span(bins).subspan(static_cast<size_t>(r) * width, width)));
  }
  store(result, 0, std::span<const T>(bins));
  return std::move(result).finish();
}

Result<Outputs> count_by_dtype(EvalContext& c, Inputs inputs, int64_t rows_rank, bool binary) {
  const Tensor &numbers = *TRY(tensor_input(c, inputs, 0)), &weights = *TRY(tensor_input(c, inputs, 2));
  const int64_t size = TRY(scalar_int(*TRY(tensor_input(c, inputs, 1)), "the number of bins"));
  if (size < 0) return input_error("the number of bins may not be negative, found " + std::to_string(size));
  const bool fits = rows_rank == 1 ? weights.elements() == numbers.elements() : weights.shape() == numbers.shape();
  if (weights.elements() != 0 && !fits) {
    return input_error("there must be a weight for each number, or none, found " + type_text(numbers) + " and " + type_text(weights));
  }
  Shape shape{size};
  const bool matrix = rows_rank == 2 && numbers.rank() == 2;
  if (matrix) shape.insert(shape.begin(), numbers.shape()[0]);
  const int64_t rows = matrix ? numbers.shape()[0] : 1;
  if (is_float(weights.dtype())) return one(TRY(count_rows<double>(c, numbers, rows, weights, binary, std::move(shape))));
  if (is_integer(weights.dtype())) return one(TRY(count_rows<int64_t>(c, numbers, rows, weights, binary, std::move(shape))));
  return dtype_error(c, weights.dtype());
}

Result<int64_t> inferred_bins(InferContext& c, int64_t i) {
  const auto size = scalar_from_input(c, i);
  if (size && *size < 0) return input_error("the number of bins may not be negative, found " + std::to_string(*size));
  return size.value_or(kUnknownDim);
}
Result<void> infer_bincount(InferContext& c) {
  const int64_t bins = TRY(inferred_bins(c, 1));
  c.set_shape(0, PartialShape{bins});
  return {};
}
Result<Outputs> reference_bincount(EvalContext& c, Inputs inputs) { return count_by_dtype(c, inputs, 1, false); }

Result<void> infer_dense_bincount(InferContext& c) {
  const int64_t bins = TRY(inferred_bins(c, 1));
  const PartialShape& numbers = c.shape(0);
  if (!numbers.has_rank()) return {};
  if (numbers.rank() > 2) return input_error("DenseBincount counts a scalar, a vector or the rows of a matrix, found shape " + to_string(numbers));
  c.set_shape(0, numbers.rank() < 2 ? PartialShape{bins} : PartialShape{numbers[0], bins});
  return {};
}
Result<Outputs> reference_dense_bincount(EvalContext& c, Inputs inputs) {
  const Tensor& numbers = *TRY(tensor_input(c, inputs, 0));
  if (numbers.rank() > 2) return input_error("DenseBincount counts a scalar, a vector or the rows of a matrix, found " + type_text(numbers));
  return count_by_dtype(c, inputs, 2, c.as<DenseBincountAttributes>().binary_output);
}

// --- SparseBincount, RaggedBincount

// The count of each row where row r holds the numbers i with row_of(i) == r. The shape is [rows, size], or [size] for one row.
template <class T, class RowOf>
Result<Outputs> count_in_rows(EvalContext& c, const Tensor& numbers, const Tensor& weights, int64_t size, Shape shape, RowOf row_of) {
  const bool binary = c.as<DenseBincountAttributes>().binary_output;
  MutableTensor result = TRY(c.allocate(weights.dtype(), std::move(shape)));
  std::vector<T> bins(static_cast<size_t>(result.elements()));
  const auto values = numbers.to_int64s();
  const auto weight_values = load_all<T>(weights);
  for (int64_t i = 0; i < numbers.elements(); ++i) {
    const std::span<T> row = std::span(bins).subspan(static_cast<size_t>(row_of(i) * size), static_cast<size_t>(size));
    TRY(count_numbers<T>(values, weight_values, i, 1, binary, row));
  }
  store(result, 0, std::span<const T>(bins));
  return one(std::move(result));
}

template <class RowOf>
Result<Outputs> count_in_rows(EvalContext& c, const Tensor& numbers, const Tensor& weights, int64_t size, Shape shape, RowOf row_of) {
  if (numbers.rank() != 1) return input_error("the numbers must be a vector, found " + type_text(numbers));
  if (weights.elements() != 0 && weights.elements() != numbers.elements()) {
    return input_error("there must be a weight for each number, or none, found " + type_text(numbers) + " and " + type_text(weights));
  }
  if (is_float(weights.dtype())) return count_in_rows<double>(c, numbers, weights, size, std::move(shape), row_of);
  if (is_integer(weights.dtype())) return count_in_rows<int64_t>(c, numbers, weights, size, std::move(shape), row_of);
  return dtype_error(c, weights.dtype());
}

Result<int64_t> number_of_bins(EvalContext& c, Inputs inputs, int64_t i) {
  const int64_t size = TRY(scalar_int(*TRY(tensor_input(c, inputs, i)), "the number of bins"));
  if (size < 0) return input_error("the number of bins may not be negative, found " + std::to_string(size));
  return size;
}

Result<void> infer_sparse_bincount(InferContext& c) {
  const SparseType type = TRY(sparse_type(c, 0, 1, 2));
  const int64_t bins = TRY(inferred_bins(c, 3));
  if (type.rank == kUnknownDim) return {};
  const int64_t rows = type.shape.has_rank() && type.shape.rank() > 0 ? type.shape[0] : kUnknownDim;
  c.set_shape(0, type.rank == 1 ? PartialShape{bins} : PartialShape{rows, bins});
  return {};
}
Result<Outputs> reference_sparse_bincount(EvalContext& c, Inputs inputs) {
  const SparseInput x = TRY(sparse_input(c, inputs, 0, 1, 2));
  if (x.rank() < 1) return input_error("SparseBincount counts in a vector or in the rows of a matrix, found a scalar");
  const int64_t size = TRY(number_of_bins(c, inputs, 3));
  const Tensor& weights = *TRY(tensor_input(c, inputs, 4));
  if (x.rank() == 1) return count_in_rows(c, *x.values, weights, size, {size}, [](int64_t) { return 0; });
  return count_in_rows(c, *x.values, weights, size, {x.shape[0], size}, [&](int64_t i) { return x.index(i, 0); });
}

Result<void> infer_ragged_bincount(InferContext& c) {
  const PartialShape splits = TRY(shape_of_rank(c, 0, 1));
  TRY(shape_of_rank(c, 1, 1));
  const int64_t bins = TRY(inferred_bins(c, 2));
  c.set_shape(0, PartialShape{add_dims(splits[0], -1), bins});
  return {};
}
Result<Outputs> reference_ragged_bincount(EvalContext& c, Inputs inputs) {
  const Tensor &numbers = *TRY(tensor_input(c, inputs, 1)), &weights = *TRY(tensor_input(c, inputs, 3));
  const auto splits = TRY(row_splits(*TRY(tensor_input(c, inputs, 0)), numbers.elements()));
  const int64_t size = TRY(number_of_bins(c, inputs, 2));
  size_t row = 0;
  return count_in_rows(c, numbers, weights, size, {static_cast<int64_t>(splits.size()) - 1, size}, [&](int64_t i) {
    while (i >= splits[row + 1]) ++row;
    return static_cast<int64_t>(row);
  });
}

// --- HistogramFixedWidth

Result<void> infer_histogram(InferContext& c) {
  const int64_t bins = TRY(inferred_bins(c, 2));
  if (bins == 0) return input_error("a histogram needs a bin");
  c.set_shape(0, PartialShape{bins});
  return {};
}
Result<Outputs> reference_histogram(EvalContext& c, Inputs inputs) {
  const Tensor &x = *TRY(tensor_input(c, inputs, 0)), &range = *TRY(tensor_input(c, inputs, 1));
  const int64_t bins = TRY(scalar_int(*TRY(tensor_input(c, inputs, 2)), "the number of bins"));
  if (bins <= 0 || range.elements() != 2 || !(range.as_double(0) < range.as_double(1))) {
    return input_error("HistogramFixedWidth needs a bin and a range of two ascending numbers");
  }
  // A difference of quotients, as in TensorFlow: its rounding decides about numbers on the border of two bins.
  const double low = range.as_double(0), step = range.as_double(1) / static_cast<double>(bins) - low / static_cast<double>(bins);
  const bool single = x.dtype() == DType::kFloat32;
  MutableTensor y = TRY(c.allocate(c.output_dtype(0), {bins}));
  std::vector<int64_t> counts(static_cast<size_t>(bins), 0);
  for (int64_t i = 0; i < x.elements(); ++i) {
    const double value = x.as_double(i);
    if (std::isnan(value)) return input_error("a histogram has no bin for NaN");
    const double above = std::max(value, low) - low;
    const double bin = std::min((single ? static_cast<float>(above) : above) / step, static_cast<double>(bins - 1));
    ++counts[static_cast<size_t>(bin)];
  }
  store_int64s(y, 0, counts);
  return one(std::move(y));
}

}  // namespace

constinit const OpDef kOp_Bincount = {
    .name = "Bincount",
    .signature = "arr: int32, size: int32, weights: T -> bins: T",
    .infer = infer_bincount,
    .reference = reference_bincount,
    .doc = "How often each number below `size` occurs, or the sum of the weights of its occurrences.",
};

constinit const OpDef kOp_DenseBincount = {
    .name = "DenseBincount",
    .signature = "input: Tidx, size: Tidx, weights: T -> output: T",
    .make_attributes = &make_attributes<DenseBincountAttributes>,
    .infer = infer_dense_bincount,
    .reference = reference_dense_bincount,
    .doc = "How often each number below `size` occurs in a vector or in each row of a matrix, or the sum of the weights of its occurrences.",
};

constinit const OpDef kOp_RaggedBincount = {
    .name = "RaggedBincount",
    .signature = "splits: int64, values: Tidx, size: Tidx, weights: T -> output: T",
    .make_attributes = &make_attributes<DenseBincountAttributes>,
    .infer = infer_ragged_bincount,
    .reference = reference_ragged_bincount,
    .doc = "How often each number below `size` occurs in each row of a ragged tensor, or the sum of the weights of its occurrences.",
};

constinit const OpDef kOp_SparseBincount = {
    .name = "SparseBincount",
    .signature = "indices: int64, values: Tidx, dense_shape: int64, size: Tidx, weights: T -> output: T",
    .make_attributes = &make_attributes<DenseBincountAttributes>,
    .infer = infer_sparse_bincount,
    .reference = reference_sparse_bincount,
    .doc = "How often each number below `size` occurs among the values of a sparse vector, or of each row of a sparse matrix, or the sum of their weights.",
};

constinit const OpDef kOp_HistogramFixedWidth = {
    .name = "HistogramFixedWidth",
    .signature = "values: T, value_range: T, nbins: int32 -> out: dtype",
    .make_attributes = &make_attributes<HistogramFixedWidthAttributes>,
    .infer = infer_histogram,
    .reference = reference_histogram,
    .doc = "How many values lie in each of `nbins` bins of equal width between the two numbers of value_range; what lies outside counts in the outer bins.",
};

}  // namespace isomer::ops
