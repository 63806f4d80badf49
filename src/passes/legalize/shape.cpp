// Ops that only move elements, or tell shapes.
#include <algorithm>

#include "passes/build.h"
#include "passes/rewrite.h"

namespace isomer::passes {
namespace {

// `axes` first, the others after them in order.
std::vector<int64_t> moved_to_front(int64_t rank, std::initializer_list<int64_t> axes) {
  std::vector<int64_t> order(axes);
  for (int64_t i = 0; i < rank; ++i)
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) order.push_back(i);
  return order;
}

std::vector<int64_t> inverse(const std::vector<int64_t>& permutation) {
  std::vector<int64_t> result(permutation.size());
  for (size_t i = 0; i < permutation.size(); ++i) result[static_cast<size_t>(permutation[i])] = static_cast<int64_t>(i);
  return result;
}

Term transpose_unless_same(Term x, const std::vector<int64_t>& permutation) {
  return std::is_sorted(permutation.begin(), permutation.end()) ? x : transpose(x, permutation);
}

}  // namespace

// Before: EnsureShape(x) {shape}, CheckNumerics(x), PreventGradient(x), DebugIdentity(x)   After: Identity(x)
// The check is given up: no target has one.
Result<bool> lower_to_identity(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  return b.replace(b.make("Identity", {b.input(0)}));
}

// Before: ShapeN(x0, x1, ...)   After: Shape(x0), Shape(x1), ...
Result<bool> lower_shape_n(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  std::vector<Term> shapes;
  for (int64_t i = 0; i < b.input_count(); ++i) shapes.push_back(b.make("Shape", {b.input(i)}, {{"out_type", b.result_dtype(i)}}));
  return b.replace(shapes);
}

// Before: InvertPermutation(p)   After: ScatterNd(ExpandDims(p, 1), Range(0, n), [n])
Result<bool> lower_invert_permutation(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const Term p = cast(b.input(0), DType::kInt32);
  const Size n = b.size_of(p, 0);
  return b.replace(cast(b.make("ScatterNd", {expand(p, 1), range(b, n), b.sizes({n})}), b.result_dtype()));
}

// Before: Roll(x, shift, axis)   After: for each axis GatherV2(x, FloorMod(Range(0, n) - shift, n), axis)
Result<bool> lower_roll(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Tensor* axes = b.input(2).constant();
  Term x = b.input(0);
  if (!axes || !x.shape().has_rank()) return refuse(reason, "the axes of Roll and the rank of its input must be known");
  const Term shifts = cast(flatten(b.input(1)), DType::kInt32);
  for (int64_t i = 0; i < axes->elements(); ++i) {
    const int64_t axis = TRY(resolve_axis(axes->as_int64(i), x.shape().rank()));
    const Term shift = slice_axis(shifts, 0, i, 1);
    const Size n = b.size_of(x, axis);
    x = gather(x, floor_mod(range(b, n) - shift, b.scalar(n)), axis);
  }
  return b.replace(x);
}

// Before: SpaceToDepth(x) {block_size = s}   After: Reshape to [b, h/s, s, w/s, s, c], Transpose to [b, h/s, w/s, s, s, c], Reshape
Result<bool> lower_space_to_depth(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const auto s = b.attribute<int64_t>("block_size", 0);
  const std::string format = b.attribute<std::string>("data_format", "NHWC");
  if (format == "NCHW_VECT_C" || s < 1) return refuse(reason, "the layout " + format + " is not supported");
  Term x = b.input(0);
  const bool first = format == "NCHW";
  if (first) x = transpose(x, std::vector<int64_t>{0, 2, 3, 1});
  const Size batch = b.size_of(x, 0), height = b.divide(b.size_of(x, 1), s), width = b.divide(b.size_of(x, 2), s), channels = b.size_of(x, 3);
  const Term blocks = transpose(reshape(x, {batch, height, s, width, s, channels}), std::vector<int64_t>{0, 1, 3, 2, 4, 5});
  Term deep = reshape(blocks, {batch, height, width, b.multiply(channels, s * s)});
  if (first) deep = transpose(deep, std::vector<int64_t>{0, 3, 1, 2});
  return b.replace(deep);
}

// Before: DepthToSpace(x) {data_format = "NCHW"}   After: Transpose, DepthToSpace with channels last, Transpose
Result<bool> lower_depth_to_space(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  if (b.attribute<std::string>("data_format", "NHWC") != "NCHW") return refuse(reason, "the layout is not supported");
  const Term last = b.again({transpose(b.input(0), std::vector<int64_t>{0, 2, 3, 1})}, {{"data_format", std::string("NHWC")}});
  return b.replace(transpose(last, std::vector<int64_t>{0, 3, 1, 2}));
}

// Before: SpaceToBatch(x, paddings) {block_size = s}   After: SpaceToBatchND(x, [s, s], paddings)
Result<bool> lower_space_to_batch(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const auto s = b.attribute<int64_t>("block_size", 0);
  return b.replace(b.make("SpaceToBatchND", {b.input(0), b.integers({s, s}), b.input(1)}));
}

// Before: BatchToSpace(x, crops) {block_size = s}   After: BatchToSpaceND(x, [s, s], crops)
Result<bool> lower_batch_to_space(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const auto s = b.attribute<int64_t>("block_size", 0);
  return b.replace(b.make("BatchToSpaceND", {b.input(0), b.integers({s, s}), b.input(1)}));
}

// Before: ReverseSequence(x, lengths) {seq_dim, batch_dim}
// After:  i = Range(0, n); l = ExpandDims(lengths, 1); GatherV2(x, SelectV2(i < l, l - 1 - i, i), axis 1, batch_dims 1)
//         between transposes that bring batch_dim and seq_dim to the front
Result<bool> lower_reverse_sequence(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  Term x = b.input(0);
  if (!x.shape().has_rank()) return refuse(reason, "the rank of the input of ReverseSequence must be known");
  const int64_t rank = x.shape().rank();
  const int64_t batch = TRY(resolve_axis(b.attribute<int64_t>("batch_dim", 0), rank)), time = TRY(resolve_axis(b.attribute<int64_t>("seq_dim", 0), rank));
  const auto order = moved_to_front(rank, {batch, time});
  x = transpose_unless_same(x, order);
  const Term length = expand(cast(b.input(1), DType::kInt32), 1);
  const Term i = expand(range(b, b.size_of(x, 1)), 0);
  const Term index = select(less(i, length), length - 1 - i, i + zeros_like(length));
  return b.replace(transpose_unless_same(gather(x, index, 1, 1), inverse(order)));
}

// Before: ConjugateTranspose(x, perm) of real numbers   After: Transpose(x, perm); of complex ones Transpose(Conj(x), perm)
Result<bool> lower_conjugate_transpose(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const Term x = is_complex(b.result_dtype()) ? b.make("Conj", {b.input(0)}) : b.input(0);
  return b.replace(b.make("Transpose", {x, b.input(1)}));
}

// Before: Reshape-like ops on complex numbers and Conj   After: Complex(Op(Real(x)), Op(Imag(x))), the imaginary part negated for Conj
// For ops that are linear and treat all inputs but the complex ones as indices.
Result<bool> apply_to_parts(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const DType dtype = b.result_dtype();
  if (!is_complex(dtype)) return refuse(reason, "");
  const DType part = dtype == DType::kComplex64 ? DType::kFloat32 : DType::kFloat64;
  const bool conjugate = context.graph.node(node).is("Conj");
  std::vector<Term> results[2];
  for (int i = 0; i < 2; ++i) {
    std::vector<Term> inputs;
    for (const Term& input : b.inputs()) inputs.push_back(is_complex(input.dtype()) ? b.make(i == 0 ? "Real" : "Imag", {input}, {{"Tout", part}}) : input);
    if (conjugate) {
      results[i] = {i == 0 ? inputs[0] : -inputs[0]};
    } else {
      results[i] = b.again(inputs);
    }
  }
  std::vector<Term> joined;
  for (size_t i = 0; i < std::min(results[0].size(), results[1].size()); ++i)
    joined.push_back(b.make("Complex", {results[0][i], results[1][i]}, {{"Tout", dtype}}));
  return b.replace(joined);
}

// Before: StridedSlice(x, begin, end) with begin[i] > end[i]   After: the same with end[i] = begin[i], which is as empty
Result<bool> lower_strided_slice(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  if (is_complex(b.result_dtype())) return apply_to_parts(context, node, reason);
  const std::vector<size_t> backward = backward_ranges(context.graph, context.graph.node(node));
  if (backward.empty()) return refuse(reason, "");
  const auto starts = b.input(1).constant()->to_int64s();
  auto stops = b.input(2).constant()->to_int64s();
  for (const size_t i : backward) stops[i] = starts[i];
  return b.replace(b.again({b.input(0), b.input(1), cast(b.integers(stops), b.input(1).dtype()), b.input(3)}));
}

// Before: BroadcastTo(x, shape) of strings   After: Tile(Reshape(x), shape / size)      shapes known
Result<bool> lower_broadcast_to(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  if (is_complex(b.result_dtype())) return apply_to_parts(context, node, reason);
  const auto from = b.input(0).shape().known(), to = b.result_shape().known();
  if (!from || !to) return refuse(reason, "strings are broadcast between known shapes only");
  std::vector<Size> padded(to->size() - std::min(to->size(), from->size()), Size(int64_t{1}));
  for (const int64_t size : *from) padded.emplace_back(size);
  std::vector<int64_t> repeats;
  for (size_t i = 0; i < to->size(); ++i) repeats.push_back(std::get<int64_t>(padded[i]) == (*to)[i] ? 1 : (*to)[i]);
  return b.replace(b.make("Tile", {reshape(b.input(0), padded), b.integers(repeats)}));
}

// Before: ZerosLike(x) of strings   After: Fill(Shape(x), "")
Result<bool> lower_zeros_like(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  if (b.result_dtype() != DType::kString) return refuse(reason, "");
  return b.replace(b.make("Fill", {b.shape_of(b.input(0)), b.text("")}));
}

// Before: GatherV2(x, indices, axis) of strings   After: GatherNd(x, ExpandDims(indices, -1))      axis 0 only
Result<bool> lower_gather(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  if (is_complex(b.result_dtype())) return apply_to_parts(context, node, reason);
  const Tensor* axis = b.input_count() > 2 ? b.input(2).constant() : nullptr;
  const bool first = b.input_count() == 2 ||
                     (axis && (axis->as_int64(0) == 0 || (axis->as_int64(0) == -1 && b.input(0).shape().has_rank() && b.input(0).shape().rank() == 1)));
  if (b.result_dtype() != DType::kString || !first || b.attribute<int64_t>("batch_dims", 0) != 0)
    return refuse(reason, "strings are gathered along the first axis only");
  return b.replace(b.make("GatherNd", {b.input(0), expand(b.input(1), -1)}));
}

// Before: Transpose(x, perm) of strings   After: GatherNd of the flat strings by a constant of their old places      shape and perm known
Result<bool> lower_transpose(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const auto shape = b.input(0).shape().known();
  const Tensor* order = b.input(1).constant();
  constexpr int64_t kLargest = 1 << 16;  // the constant has as many elements as x
  if (!shape || !order || element_count(*shape).value_or(kLargest + 1) > kLargest) return refuse(reason, "strings are transposed in small known shapes only");
  const auto permutation = order->to_int64s();
  const Shape target = *b.result_shape().known();
  std::vector<int64_t> stride(shape->size(), 1), places;
  for (size_t i = shape->size(); i-- > 1;) stride[i - 1] = stride[i] * (*shape)[i];
  for (int64_t flat = 0; flat < element_count_of(target); ++flat) {
    int64_t rest = flat, place = 0;
    for (size_t i = target.size(); i-- > 0;) {
      place += rest % target[i] * stride[static_cast<size_t>(permutation[i])];
      rest /= target[i];
    }
    places.push_back(place);
  }
  const Term moved = b.make("GatherNd", {flatten(b.input(0)), expand(b.integers(places), -1)});
  const std::vector<Size> sizes(target.begin(), target.end());
  return b.replace(reshape(moved, sizes));
}

// Before: Split(axis, x), SplitV(x, sizes, axis) of strings   After: one Slice for each part      sizes known
Result<bool> lower_split(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  if (is_complex(b.result_dtype())) return apply_to_parts(context, node, reason);
  const bool equal_parts = context.graph.node(node).is("Split");
  const Term x = b.input(equal_parts ? 1 : 0);
  const Tensor* axis_value = b.input(equal_parts ? 0 : 2).constant();
  if (!axis_value || !x.shape().has_rank()) return refuse(reason, "the axis and the rank must be known");
  const int64_t axis = TRY(resolve_axis(axis_value->as_int64(0), x.shape().rank()));
  std::vector<Term> parts;
  int64_t begin = 0;
  for (size_t i = 0; i < context.graph.node(node).outputs.size(); ++i) {
    const PartialShape part = b.result_shape(static_cast<int64_t>(i));
    if (!part.has_rank() || part[axis] == kUnknownDim) return refuse(reason, "the sizes of the parts must be known");
    parts.push_back(slice_axis(x, axis, begin, part[axis]));
    begin += part[axis];
  }
  return b.replace(parts);
}

}  // namespace isomer::passes
