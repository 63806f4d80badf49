// Gradients of ops that pick or repeat elements, and what their gradients are made of.
#include <algorithm>
#include <optional>

#include "ops/partial_value.h"
#include "passes/build.h"

namespace isomer::passes {
namespace {

using Integers = std::vector<int64_t>;

// x with this many zeros around one axis.
Term zeros_around(Term x, int64_t axis, const Size& before, const Size& after) {
  Builder& b = x.builder();
  std::vector<Size> pads(static_cast<size_t>(2 * x.shape().rank()), int64_t{0});
  pads[static_cast<size_t>(2 * axis)] = before;
  pads[static_cast<size_t>(2 * axis + 1)] = after;
  return b.make("Pad", {x, reshape(b.sizes(pads), {x.shape().rank(), int64_t{2}})});
}

// One axis of a gradient without its paddings, to which these are added where they came from, in reverse.
Term folded_axis(Term x, int64_t axis, int64_t before, int64_t after, int64_t border) {
  Builder& b = x.builder();
  const Size whole = b.size_of(x, axis), inner = b.subtract(whole, before + after);
  const auto reversed = [&](const Size& begin, int64_t size) { return b.make("ReverseV2", {slice_axis(x, axis, begin, size), b.integers({axis})}); };
  Term result = slice_axis(x, axis, before, inner);
  if (before > 0) result = result + zeros_around(reversed(int64_t{0}, before), axis, border, b.subtract(inner, before + border));
  if (after > 0) result = result + zeros_around(reversed(b.subtract(whole, after), after), axis, b.subtract(inner, after + border), border);
  return result;
}

}  // namespace

// Before: MirrorPadGrad(dy, paddings) {mode}
// After:  axis by axis: the inner part + Pad(ReverseV2(what lies before it)) + Pad(ReverseV2(what lies after it))
Result<bool> lower_mirror_pad_gradient(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  Term x = b.input(0);
  const Tensor* paddings = b.input(1).constant();
  if (!paddings || !x.shape().has_rank() || paddings->elements() != 2 * x.shape().rank())
    return refuse(reason, "the paddings must be constants, the rank known");
  if (!is_float(x.dtype()) && !is_integer(x.dtype())) return refuse(reason, "only real numbers are rewritten");
  const int64_t border = b.attribute<std::string>("mode", "") == "REFLECT" ? 1 : 0;
  bool changed = false;
  for (int64_t axis = 0; axis < x.shape().rank(); ++axis) {
    const int64_t before = paddings->as_int64(2 * axis), after = paddings->as_int64(2 * axis + 1);
    if (before < 0 || after < 0) return refuse(reason, "a padding is negative");
    if (before == 0 && after == 0) continue;
    x = folded_axis(x, axis, before, after, border);
    changed = true;
  }
  return b.replace(changed ? x : b.make("Identity", {x}));
}

// Before: StridedSliceGrad(shape, begin, end, strides, dy)
// After:  Reshape(ScatterNd(where, dy, [size]), shape) with where = StridedSlice(Reshape(Range(size), shape), begin, end, strides)
Result<bool> lower_strided_slice_gradient(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term shape = cast(b.input(0), DType::kInt32), dy = b.input(4);
  if (!is_float(dy.dtype()) && !is_integer(dy.dtype())) return refuse(reason, "only real numbers are rewritten");
  Size total = int64_t{1};
  if (const Tensor* known = b.input(0).constant()) {
    for (const int64_t size : known->to_int64s()) total = b.multiply(total, size);
  } else {
    const int64_t first[] = {0};
    total = reduce("Prod", shape, first);
  }
  ir::AttributeMap masks;
  for (const char* name : {"begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"})
    masks.push_back({name, b.attribute<int64_t>(name, 0)});
  const Term grid = b.make("Reshape", {range(b, total), shape});
  const Term where = b.make("StridedSlice", {grid, b.input(1), b.input(2), b.input(3)}, masks);
  return b.replace(b.make("Reshape", {b.make("ScatterNd", {expand(flatten(where), 1), flatten(dy), b.sizes({total})}), shape}));
}

// Before: ConcatOffset(axis, shapes...)   After: for each shape: a vector of zeros but for the axis, which has the sum of the sizes before
Result<bool> lower_concat_offset(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Tensor* axis = b.input(0).constant();
  const PartialShape first = b.input(1).shape();
  if (!axis || axis->elements() != 1 || !first.has_rank() || first.rank() != 1 || first[0] == kUnknownDim) return refuse(reason, "axis and rank must be known");
  const int64_t rank = first[0], at = axis->as_int64(0) < 0 ? axis->as_int64(0) + rank : axis->as_int64(0);
  if (at < 0 || at >= rank) return refuse(reason, "there is no such axis");
  std::vector<double> mask(static_cast<size_t>(rank), 0);
  mask[static_cast<size_t>(at)] = 1;
  const Term only = b.numbers(b.result_dtype(), {rank}, mask);
  std::vector<Term> results{only * 0};
  for (int64_t i = 1; i + 1 < b.input_count(); ++i) results.push_back(results.back() + b.input(i) * only);
  return b.replace(results);
}

// Before: BroadcastGradientArgs(shape of x, shape of y)
// After:  two constants: the axes along which x is repeated, and those along which y is. A size that is not known is repeated nowhere if the other is 1 or
//         absent (if both are 1, the gradient's sum over that axis changes nothing), nor where both are of one tensor.
Result<bool> lower_broadcast_gradient_args(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const ir::Graph& graph = context.graph;
  const auto x = ops::partial_elements(graph, b.input(0).id()), y = ops::partial_elements(graph, b.input(1).id());
  if (!x || !y) return refuse(reason, "the ranks must be known");
  const ir::Node &from_x = graph.producer(b.input(0).id()), &from_y = graph.producer(b.input(1).id());
  const bool one_tensor = b.input(0) == b.input(1) || (from_x.is("Shape") && from_y.is("Shape") && from_x.inputs == from_y.inputs);
  const size_t rank = std::max(x->size(), y->size());
  std::vector<double> axes[2];
  const auto size_of = [&](const ops::PartialElements& sizes, size_t axis) {
    return axis < rank - sizes.size() ? std::optional<int64_t>(1) : sizes[axis - (rank - sizes.size())];
  };
  for (size_t axis = 0; axis < rank && !one_tensor; ++axis) {
    const auto a = size_of(*x, axis), c = size_of(*y, axis);
    if (a != 1 && c != 1 && (!a || !c)) return refuse(reason, "the sizes must be known where both may be repeated");
    if (a == 1) axes[0].push_back(static_cast<double>(axis));
    if (c == 1) axes[1].push_back(static_cast<double>(axis));
  }
  std::vector<Term> results;
  for (const auto& list : axes) results.push_back(b.numbers(b.result_dtype(), {static_cast<int64_t>(list.size())}, list));
  return b.replace(results);
}

}  // namespace isomer::passes
