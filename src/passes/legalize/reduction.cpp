// Reductions and scans.
#include <algorithm>
#include <cmath>
#include <limits>

#include "passes/build.h"

namespace isomer::passes {

Result<bool> widen_integers(RuleContext& context, ir::NodeId node, std::string& reason);
Result<bool> apply_to_parts(RuleContext& context, ir::NodeId node, std::string& reason);

// Before: Sum(x), Neg(x) ... of complex numbers or narrow integers   After: the same of both parts, or in int32
Result<bool> lower_linear(RuleContext& context, ir::NodeId node, std::string& reason) {
  if (is_complex(Builder(context, node).result_dtype())) return apply_to_parts(context, node, reason);
  return widen_integers(context, node, reason);
}

// Before: Mean(x, axes) of integers   After: s = Sum(x), n = the number of elements: Sign(s) * FloorDiv(Abs(s), n)
// (TensorFlow rounds towards zero.)
Result<bool> lower_mean(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const DType dtype = b.result_dtype();
  const Tensor* axes = b.input(1).constant();
  if (!is_integer(dtype) || !axes || !b.input(0).shape().has_rank()) return refuse(reason, "the axes of a mean of integers must be constant, the rank known");
  const Term x = element_size(dtype) <= 2 ? cast(b.input(0), DType::kInt32) : b.input(0);
  Size count = int64_t{1};
  std::vector<int64_t> resolved;
  for (const int64_t axis : axes->to_int64s()) resolved.push_back(TRY(resolve_axis(axis, x.shape().rank())));
  for (const int64_t axis : resolved) count = b.multiply(count, b.size_of(x, axis));
  const Term s = sum(x, resolved, b.attribute("keep_dims", false));
  const Term n = cast(b.scalar(count), x.dtype());
  return b.replace(cast(b.make("Sign", {s}) * floor_div(abs(s), n), dtype));
}

// Before: Max(x, axes), Min(x, axes) over no elements   After: Fill(shape of the result, lowest or highest value)
Result<bool> lower_extremum(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term x = b.input(0);
  const Tensor* axes = b.input(1).constant();
  if (!axes || !x.shape().has_rank()) return refuse(reason, "the axes must be constant, the rank known");
  std::vector<bool> reduced(static_cast<size_t>(x.shape().rank()));
  for (const int64_t axis : axes->to_int64s()) reduced[static_cast<size_t>(TRY(resolve_axis(axis, x.shape().rank())))] = true;
  std::vector<Size> shape;
  for (int64_t axis = 0; axis < x.shape().rank(); ++axis) {
    if (!reduced[static_cast<size_t>(axis)]) {
      shape.push_back(b.size_of(x, axis));
    } else if (b.attribute("keep_dims", false)) {
      shape.emplace_back(int64_t{1});
    }
  }
  const bool largest = context.graph.node(node).is("Max");
  const DType dtype = b.result_dtype();
  double value = INFINITY;
  if (is_integer(dtype)) {
    const int bits = std::min<int>(32, static_cast<int>(8 * element_size(dtype)));  // the targets have no more
    value = is_signed_integer(dtype) ? std::ldexp(1.0, bits - 1) - 1 : std::ldexp(1.0, bits) - 1;
    if (largest) value = is_signed_integer(dtype) ? -value - 1 : 0;
  } else if (largest) {
    value = -value;
  }
  return b.replace(b.make("Fill", {b.sizes(shape), b.number(dtype, value)}));
}

// Before: All(x, axes)   After: LogicalNot(Any(LogicalNot(x), axes))
Result<bool> lower_all(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  return b.replace(negate(b.make("Any", {negate(b.input(0)), b.input(1)}, {{"keep_dims", b.attribute("keep_dims", false)}})));
}

// Before: Cumsum(x, axis), Cumprod(x, axis), axis < 0   After: the same with axis + rank; narrow integers in int32
Result<bool> lower_scan(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Tensor* axis = b.input(1).constant();
  if (!axis || axis->as_int64(0) >= 0) return widen_integers(context, node, reason);
  if (!b.input(0).shape().has_rank()) return refuse(reason, "the rank must be known where the axis is negative");
  return b.replace(b.again({b.input(0), b.integer(axis->as_int64(0) + b.input(0).shape().rank())}));
}

// Before: CumulativeLogsumexp(x, axis)
// After:  y[..., i, j] = x[..., j] where j <= i (< exclusive, >= reverse), else -inf; m = Max(y, -1), 0 where it is infinite; m + Log(Sum(Exp(y - m), -1))
// between transposes that bring the axis to the end. n^2 values for n elements: known n of up to 1024.
Result<bool> lower_cumulative_logsumexp(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  Term x = b.input(0);
  const Tensor* axis_value = b.input(1).constant();
  constexpr int64_t kLongest = 1024;
  if (!axis_value || !x.shape().has_rank()) return refuse(reason, "the axis must be constant, the rank known");
  const int64_t rank = x.shape().rank(), axis = TRY(resolve_axis(axis_value->as_int64(0), rank));
  const int64_t n = x.shape()[axis];
  if (n == kUnknownDim || n > kLongest) return refuse(reason, "it runs over a known number of at most 1024 elements");
  std::vector<int64_t> swap;
  for (int64_t i = 0; i < rank; ++i) swap.push_back(i == axis ? rank - 1 : i == rank - 1 ? axis : i);
  const bool moved = axis != rank - 1;
  if (moved) x = transpose(x, swap);
  const Term i = expand(range(b, n), 1), j = range(b, n);
  const bool exclusive = b.attribute("exclusive", false), reverse = b.attribute("reverse", false);
  const Term taken = reverse ? (exclusive ? greater(j, i) : greater_equal(j, i)) : (exclusive ? less(j, i) : less_equal(j, i));
  const Term y = select(taken, expand(x, -2), b.number(x.dtype(), -INFINITY));
  const int64_t last[] = {-1};
  const Term largest = reduce("Max", y, last, true);
  const Term shift = select(b.make("IsInf", {largest}), zeros_like(largest), largest);
  const Term result = squeeze(shift, -1) + log(sum(exp(y - shift), -1));
  return b.replace(moved ? transpose(result, swap) : result);
}

// Before: Bucketize(x) {boundaries}   After: Sum(Cast(ExpandDims(x, -1) >= boundaries, int32), -1)
Result<bool> lower_bucketize(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const auto boundaries = b.attribute("boundaries", std::vector<float>{});
  const std::vector<double> values(boundaries.begin(), boundaries.end());
  const Term x = is_integer(b.input(0).dtype()) ? cast(b.input(0), DType::kFloat32) : b.input(0);
  const Term passed = greater_equal(expand(x, -1), b.numbers(x.dtype(), {static_cast<int64_t>(values.size())}, values));
  return b.replace(sum(cast(passed, DType::kInt32), -1));
}

// Before: DenseBincount(x, size, weights) {binary_output} of a vector   After: Minimum(DenseBincount without weights, 1)
Result<bool> lower_dense_bincount(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const Term unweighted = b.numbers(b.result_dtype(), {0}, {});
  const Term count = b.again({b.input(0), b.input(1), unweighted}, {{"binary_output", false}});
  return b.replace(minimum(count, b.number(b.result_dtype(), 1)));
}

// Before: HistogramFixedWidth(x, range, bins)
// After:  width = (range[1] - range[0]) / bins; the bin of x is (x - range[0]) / width, cut to [0, bins - 1] and rounded down; ScatterNd of ones
Result<bool> lower_histogram_fixed_width(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term x = flatten(b.input(0));
  if (!is_float(x.dtype())) return refuse(reason, "only histograms of floats are rewritten");
  const Term low = reshape(slice_axis(b.input(1), 0, 0, 1), std::span<const Size>()), high = reshape(slice_axis(b.input(1), 0, 1, 1), std::span<const Size>());
  const Term bins = cast(b.input(2), DType::kInt32), count = cast(bins, x.dtype());
  const Term bin = minimum(maximum((x - low) / ((high - low) / count), b.number(x.dtype(), 0)), count - 1);
  const Term index = cast(floor(bin), DType::kInt32);
  const Term ones = b.make("OnesLike", {index});
  return b.replace(cast(b.make("ScatterNd", {expand(index, 1), ones, flatten(bins)}), b.result_dtype()));
}

// Before: EuclideanNorm(x, axes)   After: Sqrt(Sum(Square(x), axes))
Result<bool> lower_euclidean_norm(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  if (!is_float(b.result_dtype())) return refuse(reason, "the norm of numbers that are not floats");
  const Term squares = b.make("Sum", {square(b.input(0)), b.input(1)}, {{"keep_dims", b.attribute("keep_dims", false)}});
  return b.replace(b.make("Sqrt", {squares}));
}

// Before: InTopKV2(predictions, targets, k)
// After:  t = GatherV2(predictions, targets) by row; Sum(Cast(predictions > t)) < k, and all of the row finite
Result<bool> lower_in_top_k(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const Term predictions = b.input(0);
  const Term target = gather(predictions, expand(cast(b.input(1), DType::kInt32), 1), 1, 1);
  const Term k = b.input_count() > 2 ? cast(b.input(2), DType::kInt32) : b.integer(b.attribute<int64_t>("k", 1));
  const Term above = sum(cast(greater(predictions, target), DType::kInt32), 1);
  const int64_t row[] = {1};
  return b.replace(both(less(above, k), reduce("All", b.make("IsFinite", {predictions}), row)));
}

// Before: TopK(x) {k}   After: TopKV2(x, k)
Result<bool> lower_top_k(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  return b.replace(b.make_all("TopKV2", {b.input(0), b.integer(b.attribute<int64_t>("k", 0))}, {{"sorted", b.attribute("sorted", true)}}));
}

}  // namespace isomer::passes
