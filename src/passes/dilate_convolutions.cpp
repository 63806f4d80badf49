// Dilated convolutions written with batches, as Keras once wrote them.
//
//   Before: BatchToSpaceND(Conv2D(SpaceToBatchND(x, [2, 2], p), w) {VALID}, [2, 2], c)        After: Conv2D(x, w) {dilations = 2, 2, padding p - c}
//   Before: BatchToSpaceND(Squeeze(Conv2D(ExpandDims(SpaceToBatchND(x, [2], p)), w)), [2], c)  After: Squeeze(Conv2D(ExpandDims(x), w) {dilations = 1, 2})
//
// DepthwiseConv2dNative likewise; a BiasAdd or an activation may stand before BatchToSpaceND and stays behind. Padding is SAME or VALID again where it is
// what these mean, else explicit. Safe for constant blocks, paddings and crops, stride 1, and crops that are no larger than the padding: what they cut
// away is then never computed.
#include <algorithm>

#include "passes/match.h"
#include "passes/pass.h"

namespace isomer::passes {
namespace {

using ir::NodeId;
using ir::ValueId;
using Integers = std::vector<int64_t>;

constexpr std::string_view kBehind[] = {"BiasAdd", "Elu", "Relu", "Relu6", "Squeeze"};

struct Match {
  ValueId x;  // before SpaceToBatchND
  NodeId convolution;
  bool line = false;           // one dimension: ExpandDims before, Squeeze behind
  int64_t line_axis = 1;       // of ExpandDims
  std::vector<NodeId> behind;  // from the convolution to BatchToSpaceND
  Integers block, pads;        // pads less crops
};

bool all_ones(const Integers& list) {
  return std::all_of(list.begin(), list.end(), [](int64_t v) { return v == 1; });
}

std::optional<Match> match(const ir::Graph& graph, const ir::Node& end) {
  Match m;
  const auto block = constant_integers(graph, end.inputs[1]), crops = constant_integers(graph, end.inputs[2]);
  if (!block || !crops || block->empty() || block->size() > 2 || crops->size() != 2 * block->size()) return std::nullopt;
  ValueId at = end.inputs[0];
  bool squeezed = false;
  while (true) {
    if (!used_once(graph, at)) return std::nullopt;
    const ir::Node& node = graph.producer(at);
    if (node.is("Conv2D") || node.is("DepthwiseConv2dNative")) break;
    if (!any_is(node, kBehind) || m.behind.size() > 3) return std::nullopt;
    if (node.is("Squeeze")) {
      const Integers dims = attribute_of(node, "squeeze_dims", Integers{});
      if (squeezed || (dims != Integers{1} && dims != Integers{-3})) return std::nullopt;
      squeezed = true;
    }
    m.behind.push_back(graph.value(at).producer);
    at = node.inputs[0];
  }
  std::reverse(m.behind.begin(), m.behind.end());
  m.convolution = graph.value(at).producer;
  const ir::Node& convolution = graph.node(m.convolution);
  m.line = block->size() == 1;
  if (m.line != squeezed || attribute_of(convolution, "padding", std::string()) != "VALID") return std::nullopt;
  if (attribute_of(convolution, "data_format", std::string("NHWC")) != "NHWC") return std::nullopt;
  if (!all_ones(attribute_of(convolution, "strides", Integers{})) || !all_ones(attribute_of(convolution, "dilations", Integers{}))) return std::nullopt;
  ValueId start = convolution.inputs[0];
  if (m.line) {
    const ir::Node& expand = graph.producer(start);
    if (!expand.is("ExpandDims") || !used_once(graph, start)) return std::nullopt;
    const auto axis = constant_integers(graph, expand.inputs[1]);
    if (!axis || axis->size() != 1 || ((*axis)[0] != 1 && (*axis)[0] != -3)) return std::nullopt;
    start = expand.inputs[0];
  }
  const ir::Node& begin = graph.producer(start);
  if (!begin.is("SpaceToBatchND") || !used_once(graph, start)) return std::nullopt;
  const auto first = constant_integers(graph, begin.inputs[1]), pads = constant_integers(graph, begin.inputs[2]);
  if (!first || *first != *block || !pads || pads->size() != crops->size()) return std::nullopt;
  m.x = begin.inputs[0];
  const PartialShape& shape = graph.type(m.x).shape;
  if (!shape.has_rank() || shape.rank() != (m.line ? 3 : 4)) return std::nullopt;
  m.block = *block;
  for (size_t i = 0; i < pads->size(); ++i) {
    m.pads.push_back((*pads)[i] - (*crops)[i]);
    if (m.pads.back() < 0) return std::nullopt;
  }
  return m;
}

// SAME pads total / 2 before and the rest behind, with stride 1 whatever the size.
std::string padding_name(const Integers& pads, const Integers& block, const Shape& filter, bool line) {
  bool valid = true, same = true;
  for (size_t i = 0; i < block.size(); ++i) {
    const int64_t before = pads[2 * i], behind = pads[2 * i + 1];
    const int64_t total = (filter[line ? 1 : i] - 1) * block[i];
    valid = valid && before == 0 && behind == 0;
    same = same && before == total / 2 && behind == total - total / 2;
  }
  return valid ? "VALID" : same && (!line || filter[0] == 1) ? "SAME" : "EXPLICIT";
}

Result<bool> dilate(RuleContext& context, NodeId id) {
  ir::Graph& graph = context.graph;
  if (!graph.node(id).is("BatchToSpaceND") || !is_free(graph.node(id))) return false;
  const auto m = match(graph, graph.node(id));
  if (!m) return false;
  const auto filter = graph.type(graph.node(m->convolution).inputs[1]).shape.known();
  if (!filter || filter->size() != 4) return false;
  Builder b(context, id);
  Term x(b, m->x);
  if (m->line) {
    const Term axis = b.integer(1);
    x = b.make("ExpandDims", {x, axis});
  }
  ir::AttributeMap attributes = graph.node(m->convolution).attributes->to_map();
  const Integers dilations = m->line ? Integers{1, 1, m->block[0], 1} : Integers{1, m->block[0], m->block[1], 1};
  const Integers pads = m->line ? Integers{0, 0, 0, 0, m->pads[0], m->pads[1], 0, 0} : Integers{0, 0, m->pads[0], m->pads[1], m->pads[2], m->pads[3], 0, 0};
  const std::string padding = padding_name(m->pads, m->block, *filter, m->line);
  for (ir::NamedAttribute& attribute : attributes) {
    if (attribute.name == "dilations") attribute.value = dilations;
    if (attribute.name == "padding") attribute.value = padding;
    if (attribute.name == "explicit_paddings") attribute.value = padding == "EXPLICIT" ? pads : Integers{};
  }
  const std::string op(graph.node(m->convolution).op->name);
  const Term weights(b, graph.node(m->convolution).inputs[1]);
  Term y = b.make(op, {x, weights}, attributes);
  for (const NodeId step : m->behind) {
    const std::vector<ValueId> inputs = graph.node(step).inputs;
    std::vector<Term> terms{y};
    for (size_t i = 1; i < inputs.size(); ++i) terms.emplace_back(b, inputs[i]);
    const std::string step_op(graph.node(step).op->name);
    const ir::AttributeMap step_attributes = graph.node(step).attributes->to_map();
    y = b.make(step_op, terms, step_attributes);
  }
  const NodeId last = graph.value(graph.node(id).inputs[0]).producer;
  TRY(b.replace(y));
  erase_unused(graph, last);
  return true;
}

}  // namespace

Result<void> dilate_convolutions(ir::Module& module, PassContext&) { return for_each_node(module, dilate); }

}  // namespace isomer::passes
