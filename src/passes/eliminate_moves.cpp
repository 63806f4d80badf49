// Moving elements about for nothing.
//
//   Before: Reshape to the shape that x has, Transpose by 0, 1, 2, Cast to the dtype of x, Pad by nothing, Slice of everything,
//           Tile once, ConcatV2 of one, Split into one, BroadcastTo the same shape, ReverseV2 of no axis        After: x
//   Before: Reshape(Reshape(x)), Reshape of Squeeze or ExpandDims         After: Reshape(x)
//   Before: Transpose(Transpose(x, p), q)                                 After: Transpose(x, p[q]), or x
//   Before: Squeeze(ExpandDims(x)) and the reverse, with the shape of x   After: x
//   Before: Cast(Cast(x)) to the dtype of x by way of one that holds it   After: x
//   Before: ConcatV2(ConcatV2(a, b), c) along one axis                    After: ConcatV2(a, b, c)
//   Before: Reshape(x, Pack(a size of x, 10))                             After: Reshape(x, [-1, 10])
//
// Safe where shapes are known well enough: a dimension that is not known may stand in one place only.
#include <algorithm>
#include <numeric>

#include "ops/partial_value.h"
#include "passes/match.h"
#include "passes/pass.h"

namespace isomer::passes {
namespace {

using ir::NodeId;
using ir::ValueId;
using Integers = std::vector<int64_t>;

const PartialShape& shape_of(const ir::Graph& graph, ValueId id) { return graph.type(id).shape; }

// Do both values have one shape? One dimension at most may be unknown in both, and only where the elements are the same ones.
bool same_elements_same_shape(const ir::Graph& graph, ValueId a, ValueId b) {
  const PartialShape &x = shape_of(graph, a), &y = shape_of(graph, b);
  if (!x.has_rank() || !y.has_rank() || x.rank() != y.rank()) return false;
  int unknown = 0;
  for (int64_t axis = 0; axis < x.rank(); ++axis) {
    if (x[axis] == kUnknownDim || y[axis] == kUnknownDim) {
      ++unknown;
    } else if (x[axis] != y[axis] || x[axis] == 0) {
      return false;
    }
  }
  return unknown <= 1;
}

bool is_reshape(const ir::Node& node) { return node.is("Reshape") || node.is("Squeeze") || node.is("ExpandDims"); }

// The target of a reshape as constants with one -1 at most.
std::optional<Integers> constant_target(const ir::Graph& graph, const ir::Node& node) {
  if (node.is("Reshape")) {
    if (const auto constant = constant_integers(graph, node.inputs[1])) return constant;
  }
  PartialShape target = shape_of(graph, node.outputs[0]);
  if (!target.has_rank()) return std::nullopt;
  if (node.is("Reshape")) {
    if (const auto partial = ops::partial_elements(graph, node.inputs[1]); partial && static_cast<int64_t>(partial->size()) == target.rank()) {
      for (int64_t axis = 0; axis < target.rank(); ++axis)
        if (const auto& size = (*partial)[static_cast<size_t>(axis)]; size && target[axis] == kUnknownDim) target[axis] = *size;
    }
  }
  Integers sizes(target.dims());
  if (std::count(sizes.begin(), sizes.end(), kUnknownDim) > 1 || std::count(sizes.begin(), sizes.end(), 0) > 0) return std::nullopt;
  return sizes;
}

Result<bool> eliminate_reshape(RuleContext& context, NodeId id) {
  ir::Graph& graph = context.graph;
  const ir::Node& node = graph.node(id);
  if (same_elements_same_shape(graph, node.inputs[0], node.outputs[0])) return replace_by(graph, id, node.inputs[0]);
  const ir::Node& before = graph.producer(node.inputs[0]);
  const bool chain = is_reshape(before) && is_free(before);
  if (chain && same_elements_same_shape(graph, before.inputs[0], node.outputs[0])) return replace_by(graph, id, before.inputs[0]);
  const bool computed = node.is("Reshape") && !graph.constant(node.inputs[1]);
  if (!computed && !(chain && only_user(graph, node.inputs[0]).valid())) return false;
  const auto target = constant_target(graph, node);
  if (!target) return false;
  Builder b(context, id);
  const Term x = chain && only_user(graph, node.inputs[0]).valid() ? Term(b, before.inputs[0]) : b.input(0);
  const Term shape = b.integers(*target);
  return b.replace(b.make("Reshape", {x, shape}));
}

Result<bool> eliminate_transpose(RuleContext& context, NodeId id) {
  ir::Graph& graph = context.graph;
  const ir::Node& node = graph.node(id);
  const auto order = constant_integers(graph, node.inputs[1]);
  if (!order) return false;
  const auto in_order = [](const Integers& list) { return std::is_sorted(list.begin(), list.end()); };
  if (in_order(*order)) return replace_by(graph, id, node.inputs[0]);
  const ir::Node& before = graph.producer(node.inputs[0]);
  if (!before.is("Transpose") || !is_free(before)) return false;
  const auto first = constant_integers(graph, before.inputs[1]);
  if (!first || first->size() != order->size()) return false;
  Integers joined;
  for (const int64_t axis : *order) {
    if (axis < 0 || axis >= static_cast<int64_t>(first->size())) return false;
    joined.push_back((*first)[static_cast<size_t>(axis)]);
  }
  if (in_order(joined)) return replace_by(graph, id, before.inputs[0]);
  Builder b(context, id);
  const Term x(b, before.inputs[0]);
  const Term permutation = b.integers(joined);
  return b.replace(b.make("Transpose", {x, permutation}));
}

// Does every value of `from` survive the way through `by`?
bool holds(DType by, DType from) {
  if (from == DType::kBool) return is_float(by) || is_integer(by);
  if (is_float(from)) return by == DType::kFloat64 || (by == DType::kFloat32 && element_size(from) == 2);
  if (!is_integer(from)) return false;
  if (is_float(by)) return element_size(from) * 8 <= (by == DType::kFloat64 ? 32 : by == DType::kFloat32 ? 16 : 8);
  if (!is_integer(by)) return false;
  if (is_signed_integer(from) && !is_signed_integer(by)) return false;
  return element_size(by) > element_size(from) || (element_size(by) == element_size(from) && is_signed_integer(by) == is_signed_integer(from));
}

Result<bool> eliminate_cast(RuleContext& context, NodeId id) {
  ir::Graph& graph = context.graph;
  const ir::Node& node = graph.node(id);
  const DType to = graph.type(node.outputs[0]).dtype, from = graph.type(node.inputs[0]).dtype;
  if (to == from) return replace_by(graph, id, node.inputs[0]);
  const ir::Node& before = graph.producer(node.inputs[0]);
  if (!before.is("Cast") || !is_free(before)) return false;
  const DType first = graph.type(before.inputs[0]).dtype;
  if (!holds(from, first)) return false;
  if (first == to) return replace_by(graph, id, before.inputs[0]);
  // By way of a wider type of its own kind nothing happens either.
  if (type_class(first) != type_class(from) || !used_once(graph, node.inputs[0])) return false;
  Builder b(context, id);
  return b.replace(b.make("Cast", {Term(b, before.inputs[0])}, {{"DstT", to}}));
}

bool all_are(const ir::Graph& graph, ValueId id, double number) {
  const Tensor* tensor = graph.constant(id);
  return tensor && tensor->elements() <= 64 && all_equal(*tensor, number);
}

// x[:, :] and the like, and Slice of everything.
bool takes_everything(const ir::Graph& graph, const ir::Node& node) {
  if (!all_are(graph, node.inputs[1], 0) && !node.is("StridedSlice")) return false;
  const PartialShape &x = shape_of(graph, node.inputs[0]), &y = shape_of(graph, node.outputs[0]);
  if (!x.has_rank() || !y.has_rank() || x.rank() != y.rank()) return false;
  if (node.is("Slice")) {
    const auto sizes = constant_integers(graph, node.inputs[2]);
    if (!sizes) return false;
    for (int64_t axis = 0; axis < x.rank(); ++axis)
      if (const int64_t size = (*sizes)[static_cast<size_t>(axis)]; size != -1 && size != x[axis]) return false;
    return true;
  }
  const ir::AttributeMap map = node.attributes->to_map();
  const auto mask = [&](std::string_view name) {
    const ir::AttributeValue* found = ir::find(map, name);
    const auto* value = found ? std::get_if<int64_t>(found) : nullptr;
    return value ? *value : 0;
  };
  if (mask("ellipsis_mask") != 0 || mask("new_axis_mask") != 0 || mask("shrink_axis_mask") != 0 || !all_are(graph, node.inputs[3], 1)) return false;
  const auto begin = constant_integers(graph, node.inputs[1]), end = constant_integers(graph, node.inputs[2]);
  const Tensor* strides = graph.constant(node.inputs[3]);
  for (int64_t i = 0; i < strides->elements(); ++i) {
    const bool from_start = (mask("begin_mask") >> i & 1) != 0 || (begin && (*begin)[static_cast<size_t>(i)] == 0);
    const bool to_end = (mask("end_mask") >> i & 1) != 0 || (end && i < x.rank() && x[i] != kUnknownDim && (*end)[static_cast<size_t>(i)] >= x[i]);
    if (!from_start || !to_end) return false;
  }
  return true;
}

Result<bool> join_concat(RuleContext& context, NodeId id) {
  ir::Graph& graph = context.graph;
  const ir::Node& node = graph.node(id);
  if (node.inputs.size() == 2) return replace_by(graph, id, node.inputs[0]);
  const auto axis_of = [&](const ir::Node& concat) -> std::optional<int64_t> {
    const auto axis = constant_integers(graph, concat.inputs.back());
    const PartialShape& shape = shape_of(graph, concat.outputs[0]);
    if (!axis || axis->size() != 1 || !shape.has_rank()) return std::nullopt;
    return (*axis)[0] < 0 ? (*axis)[0] + shape.rank() : (*axis)[0];
  };
  const auto axis = axis_of(node);
  std::vector<ValueId> parts;
  bool changed = false;
  for (size_t i = 0; i + 1 < node.inputs.size(); ++i) {
    const ir::Node& before = graph.producer(node.inputs[i]);
    if (axis && before.is("ConcatV2") && used_once(graph, node.inputs[i]) && axis_of(before) == axis) {
      parts.insert(parts.end(), before.inputs.begin(), before.inputs.end() - 1);
      changed = true;
    } else {
      parts.push_back(node.inputs[i]);
    }
  }
  if (!changed) return false;
  Builder b(context, id);
  std::vector<Term> terms;
  for (const ValueId part : parts) terms.emplace_back(b, part);
  terms.push_back(b.input(b.input_count() - 1));
  return b.replace(b.make("ConcatV2", terms));
}

Result<bool> eliminate(RuleContext& context, NodeId id) {
  ir::Graph& graph = context.graph;
  const ir::Node& node = graph.node(id);
  if (node.outputs.size() != 1 || node.inputs.empty() || !is_free(node)) return false;
  if (is_reshape(node)) return eliminate_reshape(context, id);
  if (node.is("Transpose")) return eliminate_transpose(context, id);
  if (node.is("Cast")) return eliminate_cast(context, id);
  if (node.is("ConcatV2")) return join_concat(context, id);
  bool nothing = false;
  if (node.is("Pad") || node.is("PadV2") || node.is("MirrorPad")) nothing = all_are(graph, node.inputs[1], 0);
  if (node.is("Tile")) nothing = all_are(graph, node.inputs[1], 1);
  if (node.is("Slice") || node.is("StridedSlice")) nothing = takes_everything(graph, node);
  if (node.is("BroadcastTo")) {
    const auto from = shape_of(graph, node.inputs[0]).known(), to = shape_of(graph, node.outputs[0]).known();
    nothing = from && to && *from == *to;
  }
  if (node.is("ReverseV2")) nothing = graph.constant(node.inputs[1]) && graph.constant(node.inputs[1])->elements() == 0;
  if (node.is("Sum") || node.is("Mean") || node.is("Max") || node.is("Min") || node.is("Prod"))
    nothing = graph.constant(node.inputs[1]) && graph.constant(node.inputs[1])->elements() == 0;
  if (node.is("Split") || node.is("SplitV")) return replace_by(graph, id, node.inputs[node.is("Split") ? 1 : 0]);
  return nothing ? replace_by(graph, id, node.inputs[0]) : Result<bool>(false);
}

}  // namespace

Result<void> eliminate_moves(ir::Module& module, PassContext&) { return for_each_node(module, eliminate); }

}  // namespace isomer::passes
