// Padding that the convolution can do.
//
//   Before: Conv2D(Pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), w) {VALID}         After: Conv2D(x, w) {EXPLICIT, 1, 1, 1, 1}
//
// DepthwiseConv2dNative likewise, and a convolution with explicit padding of its own. Safe for constant padding of height and width with zeros; the padded
// value has no other user. Padding that is what SAME means for stride 1 is written as SAME.
#include <algorithm>

#include "passes/match.h"
#include "passes/pass.h"

namespace isomer::passes {
namespace {

using ir::NodeId;
using ir::ValueId;
using Integers = std::vector<int64_t>;

bool pads_with_zero(const ir::Graph& graph, const ir::Node& node) {
  if (node.is("Pad")) return true;
  const Tensor* value = node.is("PadV2") ? graph.constant(node.inputs[2]) : nullptr;
  return value && value->elements() == 1 && value->as_double(0) == 0;
}

bool is_same(const Integers& pads, const Shape& filter, const Integers& strides, const Integers& dilations) {
  for (size_t axis : {size_t{1}, size_t{2}}) {
    const int64_t total = (filter[axis - 1] - 1) * dilations[axis];
    if (strides[axis] != 1 || pads[2 * axis] != total / 2 || pads[2 * axis + 1] != total - total / 2) return false;
  }
  return true;
}

Result<bool> fold_pad(RuleContext& context, NodeId id) {
  ir::Graph& graph = context.graph;
  const ir::Node& node = graph.node(id);
  if ((!node.is("Conv2D") && !node.is("DepthwiseConv2dNative")) || attribute_of(node, "data_format", std::string("NHWC")) != "NHWC") return false;
  const ir::Node& pad = graph.producer(node.inputs[0]);
  if (!pads_with_zero(graph, pad) || !used_once(graph, node.inputs[0]) || !is_float(graph.type(node.inputs[0]).dtype)) return false;
  auto pads = constant_integers(graph, pad.inputs[1]);
  const std::string padding = attribute_of(node, "padding", std::string());
  if (!pads || pads->size() != 8 || (*pads)[0] != 0 || (*pads)[1] != 0 || (*pads)[6] != 0 || (*pads)[7] != 0) return false;
  if (*std::min_element(pads->begin(), pads->end()) < 0) return false;
  if (padding == "EXPLICIT") {
    const Integers own = attribute_of(node, "explicit_paddings", Integers{});
    if (own.size() != 8) return false;
    for (size_t i = 0; i < 8; ++i) (*pads)[i] += own[i];
  } else if (padding != "VALID") {
    return false;
  }
  const auto filter = graph.type(node.inputs[1]).shape.known();
  const Integers strides = attribute_of(node, "strides", Integers{}), dilations = attribute_of(node, "dilations", Integers{});
  const bool same = filter && filter->size() == 4 && strides.size() == 4 && dilations.size() == 4 && is_same(*pads, *filter, strides, dilations);
  const NodeId old = graph.value(node.inputs[0]).producer;
  const ValueId x = pad.inputs[0];
  Builder b(context, id);
  const ir::AttributeMap changes = {{"padding", std::string(same ? "SAME" : "EXPLICIT")}, {"explicit_paddings", same ? Integers{} : *pads}};
  const Term made = b.again({Term(b, x), b.input(1)}, changes);
  TRY(b.replace(made));
  erase_unused(graph, old);
  return true;
}

}  // namespace

Result<void> fold_pads(ir::Module& module, PassContext&) { return for_each_node(module, fold_pad); }

}  // namespace isomer::passes
