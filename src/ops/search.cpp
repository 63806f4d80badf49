// Ops that sort and search: the largest elements, places in sorted rows, buckets.
#include "ops/search.h"

#include <cmath>
#include <numeric>

#include "ops/elements.h"
#include "ops/partial_value.h"

namespace isomer::ops {

using namespace ir;

namespace {

// Calls f with a T{} to compare elements of this dtype in: double, int64_t or uint64_t.
template <class F>
Result<void> with_ordered_type(const OpDef& op, DType dtype, F f) {
  if (is_float(dtype)) return f(double{});
  if (dtype == DType::kUint64) return f(uint64_t{});
  if (is_integer(dtype)) return f(int64_t{});
  return dtype_error(op, dtype);
}

template <class T>
std::vector<T> load_row(const Tensor& x, int64_t first, int64_t count) {
  std::vector<T> row(static_cast<size_t>(count));
  if constexpr (std::is_same_v<T, uint64_t>) {
    load(x, first, std::span<int64_t>(reinterpret_cast<int64_t*>(row.data()), row.size()));
  } else {
    load(x, first, std::span<T>(row));
  }
  return row;
}

// NaN comes before every number, so that the order is total.
bool larger(double a, double b) { return std::isnan(a) ? !std::isnan(b) : a > b; }
bool larger(int64_t a, int64_t b) { return a > b; }
bool larger(uint64_t a, uint64_t b) { return a > b; }

// --- TopK

Result<void> set_top_shapes(InferContext& c, int64_t k) {
  PartialShape shape = TRY(shape_of_rank_at_least(c, 0, 1));
  if (!shape.has_rank()) return {};
  int64_t& last = shape[shape.rank() - 1];
  if (k != kUnknownDim && last != kUnknownDim && k > last)
    return input_error("there are no " + std::to_string(k) + " largest of " + std::to_string(last) + " elements");
  last = k;
  c.set_shape(0, shape);
  c.set_shape(1, std::move(shape));
  return {};
}
Result<void> infer_top_k(InferContext& c) {
  if (c.as<TopKAttributes>().k < 0) return input_error("k may not be negative");
  return set_top_shapes(c, c.as<TopKAttributes>().k);
}
Result<void> infer_top_k_v2(InferContext& c) {
  const auto k = scalar_from_input(c, 1);
  if (k && *k < 0) return input_error("k may not be negative, found " + std::to_string(*k));
  return set_top_shapes(c, k.value_or(kUnknownDim));
}

Result<Outputs> top_k(EvalContext& c, const Tensor& x, int64_t k) {
  if (x.rank() < 1 || k < 0 || k > x.shape().back()) return input_error("there are no " + std::to_string(k) + " largest in the rows of " + type_text(x));
  Shape shape = x.shape();
  const int64_t width = shape.back();
  shape.back() = k;
  ElementWriter values = TRY(ElementWriter::create(c, x.dtype(), shape));
  MutableTensor indices = TRY(c.allocate(c.output_dtype(1), shape));
  const int64_t rows = k == 0 ? 0 : product(shape, 0, x.rank() - 1);
  TRY(with_ordered_type(*c.node().op, x.dtype(), [&]<class T>(T) -> Result<void> {
    std::vector<int64_t> order(static_cast<size_t>(width));
    for (int64_t r = 0; r < rows; ++r) {
      const auto row = load_row<T>(x, r * width, width);
      std::iota(order.begin(), order.end(), 0);
      const auto before = [&](int64_t a, int64_t b) {
        const T left = row[static_cast<size_t>(a)], right = row[static_cast<size_t>(b)];
        return larger(left, right) || (!larger(right, left) && a < b);
      };
      std::partial_sort(order.begin(), order.begin() + k, order.end(), before);
      for (int64_t i = 0; i < k; ++i) values.copy(x, r * width + order[static_cast<size_t>(i)], r * k + i, 1);
      store_int64s(indices, r * k, std::span(order).first(static_cast<size_t>(k)));
    }
    return {};
  }));
  return Outputs{TRY(std::move(values).finish()), std::move(indices).finish()};
}
Result<Outputs> reference_top_k(EvalContext& c, Inputs inputs) { return top_k(c, *TRY(tensor_input(c, inputs, 0)), c.as<TopKAttributes>().k); }
Result<Outputs> reference_top_k_v2(EvalContext& c, Inputs inputs) {
  const int64_t k = TRY(scalar_int(*TRY(tensor_input(c, inputs, 1)), "k"));
  return top_k(c, *TRY(tensor_input(c, inputs, 0)), k);
}

// --- InTopK

Result<void> infer_in_top_k(InferContext& c) {
  const PartialShape predictions = TRY(shape_of_rank(c, 0, 2)), targets = TRY(shape_of_rank(c, 1, 1));
  c.set_shape(0, PartialShape{TRY(same_dim(predictions[0], targets[0], "the rows of predictions and the targets"))});
  return {};
}
// Is the target among the k largest of its row? Never when it is no class, or when a number on the way is not finite.
bool in_top_k(std::span<const double> row, int64_t target, int64_t k) {
  if (target < 0 || target >= static_cast<int64_t>(row.size()) || !std::isfinite(row[static_cast<size_t>(target)])) return false;
  int64_t better = 0;
  for (const double v : row) {
    if (!std::isfinite(v)) return false;
    if (v > row[static_cast<size_t>(target)] && ++better > k) return false;
  }
  return better < k;
}
Result<Outputs> reference_in_top_k(EvalContext& c, Inputs inputs) {
  const Tensor &predictions = *TRY(tensor_input(c, inputs, 0)), &targets = *TRY(tensor_input(c, inputs, 1));
  const int64_t k = inputs.size() == 3 ? TRY(scalar_int(*TRY(tensor_input(c, inputs, 2)), "k")) : c.as<InTopKAttributes>().k;
  if (predictions.rank() != 2 || targets.shape() != Shape{predictions.shape()[0]}) {
    return input_error("there must be one target for each row, found " + type_text(predictions) + " and " + type_text(targets));
  }
  MutableTensor y = TRY(c.allocate(DType::kBool, targets.shape()));
  const int64_t width = predictions.shape()[1];
  for (int64_t r = 0; r < targets.elements(); ++r) {
    y.as<uint8_t>()[r] = in_top_k(load_row<double>(predictions, r * width, width), targets.as_int64(r), k);
  }
  return one(std::move(y));
}

// --- LowerBound, UpperBound, Bucketize

Result<void> infer_bound(InferContext& c) {
  const PartialShape sorted = TRY(shape_of_rank(c, 0, 2));
  PartialShape values = TRY(shape_of_rank(c, 1, 2));
  values[0] = TRY(same_dim(sorted[0], values[0], "the rows of sorted_inputs and values"));
  c.set_shape(0, std::move(values));
  return {};
}
template <bool upper>
Result<Outputs> reference_bound(EvalContext& c, Inputs inputs) {
  const Tensor &sorted = *TRY(tensor_input(c, inputs, 0)), &values = *TRY(tensor_input(c, inputs, 1));
  if (sorted.rank() != 2 || values.rank() != 2 || sorted.shape()[0] != values.shape()[0]) {
    return input_error("sorted_inputs and values must be matrices of as many rows, found " + type_text(sorted) + " and " + type_text(values));
  }
  MutableTensor y = TRY(c.allocate(c.output_dtype(0), values.shape()));
  const int64_t width = sorted.shape()[1], count = values.shape()[1], rows = y.elements() == 0 ? 0 : values.shape()[0];
  TRY(with_ordered_type(*c.node().op, sorted.dtype(), [&]<class T>(T) -> Result<void> {
    for (int64_t r = 0; r < rows; ++r) {
      const auto row = load_row<T>(sorted, r * width, width), wanted = load_row<T>(values, r * count, count);
      std::vector<int64_t> places;
      for (const T value : wanted)
        places.push_back((upper ? std::upper_bound(row.begin(), row.end(), value) : std::lower_bound(row.begin(), row.end(), value)) - row.begin());
      store_int64s(y, r * count, places);
    }
    return {};
  }));
  return one(std::move(y));
}

Result<void> infer_bucketize(InferContext& c) {
  const auto& boundaries = c.as<BucketizeAttributes>().boundaries;
  if (!std::is_sorted(boundaries.begin(), boundaries.end())) return input_error("the boundaries of Bucketize must ascend");
  return infer_same(c);
}
Result<Outputs> reference_bucketize(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const auto& boundaries = c.as<BucketizeAttributes>().boundaries;
  // Integers are compared as float, as TensorFlow does.
  const bool integers = is_integer(x.dtype());
  return one(TRY(map_elements<double, int64_t>(c, x, DType::kInt32, [&](double v) -> int64_t {
    const double value = integers ? static_cast<float>(v) : v;
    return std::upper_bound(boundaries.begin(), boundaries.end(), value) - boundaries.begin();
  })));
}

}  // namespace

constinit const OpDef kOp_TopK = {
    .name = "TopK",
    .signature = "input: T -> values: T, indices: int32",
    .make_attributes = &make_attributes<TopKAttributes>,
    .infer = infer_top_k,
    .reference = reference_top_k,
    .doc = "The `k` largest elements of each row in descending order, and where they are; of equal ones the first comes first.",
};

constinit const OpDef kOp_TopKV2 = {
    .name = "TopKV2",
    .signature = "input: T, k: Tk -> values: T, indices: index_type",
    .make_attributes = &make_attributes<TopKV2Attributes>,
    .infer = infer_top_k_v2,
    .reference = reference_top_k_v2,
    .doc = "The k largest elements of each row in descending order, and where they are; of equal ones the first comes first.",
};

constinit const OpDef kOp_InTopK = {
    .name = "InTopK",
    .signature = "predictions: float32, targets: T -> precision: bool",
    .make_attributes = &make_attributes<InTopKAttributes>,
    .infer = infer_in_top_k,
    .reference = reference_in_top_k,
    .doc = "For each row, whether fewer than `k` predictions are larger than that of the target class; false where a prediction is not finite.",
};

constinit const OpDef kOp_InTopKV2 = {
    .name = "InTopKV2",
    .signature = "predictions: float32, targets: T, k: T -> precision: bool",
    .infer = infer_in_top_k,
    .reference = reference_in_top_k,
    .doc = "For each row, whether fewer than k predictions are larger than that of the target class; false where a prediction is not finite.",
};

constinit const OpDef kOp_LowerBound = {
    .name = "LowerBound",
    .signature = "sorted_inputs: T, values: T -> output: out_type",
    .make_attributes = &make_attributes<BoundAttributes>,
    .infer = infer_bound,
    .reference = reference_bound<false>,
    .doc = "For each value the first place in its sorted row where it could be put without breaking the order.",
};

constinit const OpDef kOp_UpperBound = {
    .name = "UpperBound",
    .signature = "sorted_inputs: T, values: T -> output: out_type",
    .make_attributes = &make_attributes<BoundAttributes>,
    .infer = infer_bound,
    .reference = reference_bound<true>,
    .doc = "For each value the last place in its sorted row where it could be put without breaking the order.",
};

constinit const OpDef kOp_Bucketize = {
    .name = "Bucketize",
    .signature = "input: T -> output: int32",
    .make_attributes = &make_attributes<BucketizeAttributes>,
    .infer = infer_bucketize,
    .reference = reference_bucketize,
    .doc = "For each element the number of boundaries not larger than it.",
};

}  // namespace isomer::ops
