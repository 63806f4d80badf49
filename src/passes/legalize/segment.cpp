// Scattering, segments, partitions and what goes with them.
#include <algorithm>
#include <cmath>
#include <limits>

#include "passes/build.h"

namespace isomer::passes {
namespace {

std::vector<Size> sizes_from(Term x, int64_t first_axis) {
  std::vector<Size> sizes;
  const PartialShape shape = x.shape();
  for (int64_t axis = first_axis; axis < shape.rank(); ++axis) sizes.push_back(x.builder().size_of(x, axis));
  return sizes;
}

std::vector<Size> operator+(std::vector<Size> a, const std::vector<Size>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Term scatter(Term indices, Term updates, Term shape) { return indices.builder().make("ScatterNd", {indices, updates, shape}); }

}  // namespace

// Before: TensorScatterUpdate(x, indices, updates)   After: TensorScatterUpdate(x + 0, indices, updates)      bools: x or x
// For runtimes that write into x: the sum is a copy of its own.
Result<bool> lower_tensor_scatter_update(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term x = b.input(0);
  if (x.dtype() == DType::kString || is_complex(x.dtype())) return refuse(reason, "only numbers and bools are copied first");
  const Term copy = x.dtype() == DType::kBool ? either(x, x) : x + 0;
  return b.replace(b.again({copy, b.input(1), b.input(2)}));
}

// Before: TensorScatterAdd(x, indices, updates), TensorScatterSub   After: x + ScatterNd(indices, updates, Shape(x)), x - ScatterNd(...)
// (ScatterNd adds up what goes to one place.)
Result<bool> lower_tensor_scatter_add(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const Term x = b.input(0);
  const Term indices = cast(b.input(1), DType::kInt32);
  const Term scattered = scatter(indices, b.input(2), b.shape_of(x));
  return b.replace(context.graph.node(node).is("TensorScatterSub") ? x - scattered : x + scattered);
}

// Before: TensorScatterMax(x, indices, updates), TensorScatterMin
// After:  as rows of x (place p, the flat index) and of updates (row m to place q[m]): Max over m of SelectV2(q[m] == p, updates[m], lowest); Maximum with x
// Costs rows of x * rows of updates; shapes known.
Result<bool> lower_tensor_scatter_extremum(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term x = b.input(0);
  const auto shape = x.shape().known(), index_shape = b.input(1).shape().known();
  if (!shape || !index_shape || index_shape->empty() || (!is_float(x.dtype()) && !is_integer(x.dtype()))) return refuse(reason, "the shapes must be known");
  const bool largest = context.graph.node(node).is("TensorScatterMax");
  const int64_t depth = index_shape->back();
  int64_t rows = 1, updates = 1, row = 1;
  std::vector<int64_t> step(static_cast<size_t>(depth), 1);
  for (int64_t i = depth; i-- > 0;) {
    step[static_cast<size_t>(i)] = rows;
    rows *= (*shape)[static_cast<size_t>(i)];
  }
  for (size_t i = static_cast<size_t>(depth); i < shape->size(); ++i) row *= (*shape)[i];
  for (size_t i = 0; i + 1 < index_shape->size(); ++i) updates *= (*index_shape)[i];
  if (updates == 0) return b.replace(b.make("Identity", {x}));
  const Term indices = reshape(cast(b.input(1), DType::kInt32), {updates, depth});
  const Term place = sum(indices * b.integers(step), 1);
  const Term here = equal(expand(place, 1), expand(range(b, rows), 0));
  double worst = largest ? -INFINITY : INFINITY;
  if (is_integer(x.dtype())) worst = largest ? std::numeric_limits<int32_t>::min() : std::numeric_limits<int32_t>::max();
  const Term values = select(expand(here, -1), reshape(b.input(2), {updates, int64_t{1}, row}), b.number(x.dtype(), worst));
  const int64_t over[] = {0};
  const Term best = reduce(largest ? "Max" : "Min", values, over);
  std::vector<Size> sizes(shape->begin(), shape->end());
  const Term scattered = reshape(best, sizes);
  return b.replace(largest ? maximum(x, scattered) : minimum(x, scattered));
}

// Before: UnsortedSegmentSum(x, ids, count)   After: ScatterNd(ExpandDims(ids, -1), x, [count, ...])
// Before: SegmentSum(x, ids), SegmentMean      After: the same with count = ids[last] + 1; the mean divides by the ScatterNd of ones, at least 1
Result<bool> lower_segment_sum(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term x = b.input(0), ids = cast(b.input(1), DType::kInt32);
  if (!x.shape().has_rank() || !ids.shape().has_rank()) return refuse(reason, "the ranks must be known");
  const int64_t first[] = {0};
  const Size count = b.input_count() > 2 ? Size(cast(b.input(2), DType::kInt32)) : Size(reduce("Max", concat({ids, b.integers({-1})}, 0), first) + 1);
  const auto inner = sizes_from(x, ids.shape().rank());
  const Term where = expand(ids, -1);
  const Term total = scatter(where, x, b.sizes(std::vector<Size>{count} + inner));
  if (!context.graph.node(node).is("SegmentMean")) return b.replace(total);
  const Term ones = cast(b.make("OnesLike", {ids}), x.dtype());
  const Term number = maximum(scatter(where, ones, b.sizes({count})), b.number(x.dtype(), 1));
  const std::vector<Size> column = std::vector<Size>{count} + std::vector<Size>(inner.size(), Size(int64_t{1}));
  return b.replace(total / reshape(number, column));
}

namespace {

// The rows of x as one dimension, and the number of each.
struct SegmentRows {
  Term values, ids;
  std::vector<Size> inner;  // sizes of a row
};
SegmentRows rows_of(Builder& b) {
  const Term x = b.input(0), ids = cast(b.input(1), DType::kInt32);
  SegmentRows rows{x, ids, sizes_from(x, ids.shape().rank())};
  if (ids.shape().rank() == 1) return rows;
  rows.values = reshape(x, std::vector<Size>{int64_t{-1}} + rows.inner);
  rows.ids = flatten(ids);
  return rows;
}

// One more than the largest number.
Size count_of(Term ids) {
  const int64_t first[] = {0};
  return Size(reduce("Max", concat({ids, ids.builder().integers({-1})}, 0), first) + 1);
}

}  // namespace

// Before: SegmentMax(x, ids), SegmentMin, SegmentProd, UnsortedSegmentMax(x, ids, count), UnsortedSegmentMin, UnsortedSegmentProd
// After:  Max (Min, Prod) over m of SelectV2(ids[m] == s, row m of x, neutral) for each segment s; of the sorted ones, empty segments are 0
// Costs rows * segments.
Result<bool> lower_segment_extremum(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term x = b.input(0);
  if (!x.shape().has_rank() || !b.input(1).shape().has_rank() || b.input(1).shape().rank() < 1) return refuse(reason, "the ranks must be known");
  if (!is_float(x.dtype()) && !is_integer(x.dtype())) return refuse(reason, "only real numbers are rewritten");
  const std::string_view op = context.graph.node(node).op->name;
  const bool sorted = b.input_count() == 2, product = op.ends_with("Prod"), largest = op.ends_with("Max");
  const SegmentRows rows = rows_of(b);
  const Size count = sorted ? count_of(rows.ids) : Size(cast(b.input(2), DType::kInt32));
  const Term here = equal(expand(rows.ids, 0), expand(range(b, count), 1));
  double neutral = 1;
  if (!product && is_float(x.dtype())) neutral = sorted ? -INFINITY : -3.4028234663852886e38;
  if (!product && is_integer(x.dtype())) neutral = largest ? std::numeric_limits<int32_t>::min() : -static_cast<double>(std::numeric_limits<int32_t>::max());
  if (!product && element_size(x.dtype()) < 4 && is_integer(x.dtype())) return refuse(reason, "narrow integers have bounds of their own");
  if (!product && !largest) neutral = -neutral;
  Term place = here;
  for (size_t i = 0; i < rows.inner.size(); ++i) place = expand(place, -1);
  const int64_t over[] = {1};
  Term result = reduce(product ? "Prod" : largest ? "Max" : "Min", select(place, expand(rows.values, 0), b.number(x.dtype(), neutral)), over);
  if (sorted && !product) {
    Term any = reduce("Any", here, over);
    for (size_t i = 0; i < rows.inner.size(); ++i) any = expand(any, -1);
    result = select(any, result, b.number(x.dtype(), 0));
  }
  return b.replace(result);
}

// Before: SparseSegmentSqrtN(x, indices, ids), SparseSegmentSumWithNumSegments(x, indices, ids, count), SparseSegmentMean..., SparseSegmentSqrtN...
// After:  ScatterNd(ids, GatherV2(x, indices), [count, ...]), divided by how many rows each segment has, at least 1, or by the root of that
Result<bool> lower_sparse_segment(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term x = b.input(0), ids = cast(b.input(2), DType::kInt32);
  if (!x.shape().has_rank()) return refuse(reason, "the rank must be known");
  if (!is_float(x.dtype())) return refuse(reason, "only floats are rewritten");
  const Size count = b.input_count() > 3 ? Size(cast(b.input(3), DType::kInt32)) : count_of(ids);
  const auto inner = sizes_from(x, 1);
  const Term where = expand(ids, -1), total = scatter(where, gather(x, cast(b.input(1), DType::kInt32), 0), b.sizes(std::vector<Size>{count} + inner));
  const std::string_view op = context.graph.node(node).op->name;
  if (op.starts_with("SparseSegmentSum")) return b.replace(total);
  Term number = maximum(scatter(where, cast(b.make("OnesLike", {ids}), x.dtype()), b.sizes({count})), b.number(x.dtype(), 1));
  if (op.starts_with("SparseSegmentSqrtN")) number = b.make("Sqrt", {number});
  return b.replace(total / reshape(number, std::vector<Size>{count} + std::vector<Size>(inner.size(), Size(int64_t{1}))));
}

// Before: DynamicStitch(indices..., data...), ParallelDynamicStitch
// After:  all data as rows, one after the other; constant indices: GatherV2 of the row that comes last for each place;
//         else the last row for each place is Max over m of SelectV2(index[m] == p, m, 0); GatherV2. Rows * places comparisons. Places that no index
//         names hold anything in TensorFlow, the first row here. ParallelDynamicStitch leaves open which row wins where several go to one place.
Result<bool> lower_dynamic_stitch(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const int64_t n = b.input_count() / 2;
  const PartialShape result = b.result_shape();
  std::vector<Term> indices, rows;
  bool constant = true;
  std::vector<int64_t> known;
  for (int64_t i = 0; i < n; ++i) {
    const Term index = b.input(i), data = b.input(n + i);
    if (!index.shape().has_rank() || !data.shape().has_rank()) return refuse(reason, "the ranks must be known");
    indices.push_back(flatten(index));
    rows.push_back(index.shape().rank() == 1 ? data : reshape(data, std::vector<Size>{int64_t{-1}} + sizes_from(data, index.shape().rank())));
    const Tensor* value = index.constant();
    constant = constant && value;
    if (constant)
      for (const int64_t place : value->to_int64s()) known.push_back(place);
  }
  const Term all = concat(rows, 0);
  if (constant) {
    int64_t places = 0;
    for (const int64_t place : known) {
      if (place < 0 || place >= (int64_t{1} << 24)) return refuse(reason, "an index is negative or larger than 2^24");
      places = std::max(places, place + 1);
    }
    std::vector<int64_t> row_of(static_cast<size_t>(places), 0);
    for (size_t m = 0; m < known.size(); ++m) row_of[static_cast<size_t>(known[m])] = static_cast<int64_t>(m);
    return b.replace(gather(all, b.integers(row_of), 0));
  }
  const Term index = concat(indices, 0);
  const int64_t first[] = {0};
  const Size places = result.has_rank() && result.rank() > 0 && result[0] != kUnknownDim ? Size(result[0])
                                                                                         : Size(reduce("Max", concat({index, b.integers({-1})}, 0), first) + 1);
  const Size count = b.size_of(index, 0);
  if (context.graph.node(node).is("ParallelDynamicStitch")) {
    const Term row_of = scatter(expand(index, 1), range(b, count), b.sizes({places}));
    return b.replace(gather(all, row_of, 0));
  }
  const Term here = equal(expand(index, 1), expand(range(b, places), 0));
  const Term row_of = reduce("Max", select(here, expand(range(b, count), 1), b.integer(0)), first);
  return b.replace(gather(all, row_of, 0));
}

// Before: DynamicPartition(data, partitions)   After: for each part k: GatherV2(data, Reshape(Where(partitions == k), [-1]))
Result<bool> lower_dynamic_partition(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term data = b.input(0), partitions = b.input(1);
  if (!data.shape().has_rank() || !partitions.shape().has_rank()) return refuse(reason, "the ranks must be known");
  const int64_t depth = partitions.shape().rank();
  const Term rows = depth == 1 ? data : reshape(data, std::vector<Size>{int64_t{-1}} + sizes_from(data, depth));
  const Term flat = depth == 1 ? partitions : flatten(partitions);
  std::vector<Term> parts;
  for (size_t k = 0; k < context.graph.node(node).outputs.size(); ++k) {
    const Term where = b.make("Where", {equal(flat, static_cast<double>(k))});
    parts.push_back(gather(rows, cast(flatten(where), DType::kInt32), 0));
  }
  return b.replace(parts);
}

// Before: UniqueWithCounts(x), UniqueWithCountsV2(x, axis)
// After:  y, index = Unique(x), UniqueV2(x, axis); counts = ScatterNd(ExpandDims(index, -1), ones, [size of y])
Result<bool> lower_unique_with_counts(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const DType index_dtype = b.result_dtype(1);
  std::vector<Term> inputs = b.inputs();
  if (inputs.size() > 1 && inputs[0].shape().has_rank() && inputs[0].shape().rank() == 1) inputs.pop_back();
  int64_t axis = 0;
  if (inputs.size() > 1) {
    const Tensor* known = inputs[1].constant();
    if (!known || known->elements() != 1 || !inputs[0].shape().has_rank()) return refuse(reason, "the axis must be a constant, the rank known");
    axis = known->as_int64(0);
  }
  const auto unique = b.make_all(inputs.size() > 1 ? "UniqueV2" : "Unique", inputs, {{"out_idx", index_dtype}});
  TRY(b.status());
  const Term index = cast(unique[1], DType::kInt32);
  const Term counts = scatter(expand(index, -1), b.make("OnesLike", {index}), b.sizes({b.size_of(unique[0], axis)}));
  return b.replace({unique[0], unique[1], cast(counts, index_dtype)});
}

}  // namespace isomer::passes
