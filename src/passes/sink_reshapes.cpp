// Moving a reshape behind the bias and the activation of the linear op before it, so that the three can be fused.
//
//   Before: Relu(BiasAdd(Squeeze(Conv2D(x, w)), b))     After: Squeeze(Relu(BiasAdd(Conv2D(x, w), b)))
//
// This is how a dense layer stands on sequences (MatMul between two reshapes) and a convolution over one dimension. Safe where the last dimension stays the
// last, since a bias has one number for each of its elements.
#include <algorithm>

#include "passes/match.h"
#include "passes/pass.h"

namespace isomer::passes {
namespace {

using ir::NodeId;
using ir::ValueId;

constexpr std::string_view kReshapes[] = {"ExpandDims", "Reshape", "Squeeze"};
constexpr std::string_view kLinear[] = {"Conv2D", "Conv2DBackpropInput", "DepthwiseConv2dNative", "MatMul"};
constexpr std::string_view kSteps[] = {"Add", "AddV2", "BiasAdd", "Mul", "RealDiv", "Sub"};
constexpr std::string_view kActivations[] = {"Elu", "LeakyRelu", "Relu", "Relu6", "Sigmoid"};

// Does the value come from a linear op, by way of steps that a fusion takes?
bool from_linear(const ir::Graph& graph, ValueId id) {
  for (int hops = 0; hops < 8; ++hops) {
    if (!used_once(graph, id)) return false;
    const ir::Node& node = graph.producer(id);
    if (any_is(node, kLinear)) return true;
    if (!any_is(node, kSteps) || !graph.constant(node.inputs[1])) return false;
    id = node.inputs[0];
  }
  return false;
}

// The constant as a vector over the last dimension, or a scalar; nothing where it is neither.
std::optional<Tensor> per_channel(const Tensor& constant, int64_t channels) {
  if (constant.elements() == 1) return constant.reshaped({});
  if (constant.elements() != channels || constant.rank() == 0 || constant.shape().back() != channels) return std::nullopt;
  return constant.reshaped({channels});
}

Result<bool> sink(RuleContext& context, NodeId id) {
  ir::Graph& graph = context.graph;
  const ir::Node& node = graph.node(id);
  const bool step = any_is(node, kSteps);
  if ((!step && !any_is(node, kActivations)) || !is_free(node)) return false;
  const ValueId reshaped = node.inputs[0];
  const ir::Node& reshape = graph.producer(reshaped);
  if (!any_is(reshape, kReshapes) || !used_once(graph, reshaped) || !from_linear(graph, reshape.inputs[0])) return false;
  const PartialShape &inner = graph.type(reshape.inputs[0]).shape, &outer = graph.type(reshaped).shape;
  if (!inner.has_rank() || !outer.has_rank() || inner.rank() < 2 || outer.rank() < 2) return false;
  const int64_t channels = inner[inner.rank() - 1];
  if (channels == kUnknownDim || outer[outer.rank() - 1] != channels) return false;
  const std::string op(reshape.op->name);
  const ir::AttributeMap attributes = reshape.attributes->to_map();
  const std::vector<ValueId> reshape_inputs = reshape.inputs, node_inputs = node.inputs;
  const bool bias = node.is("BiasAdd");
  Builder b(context, id);
  std::vector<Term> inputs{Term(b, reshape_inputs[0])};
  if (step) {
    const Tensor* constant = graph.constant(node_inputs[1]);
    if (!constant || constant->rank() > graph.type(reshaped).shape.rank() || !is_float(constant->dtype())) return false;
    const auto vector = per_channel(*constant, channels);
    if (!vector || (bias && vector->rank() != 1)) return false;
    inputs.push_back(vector->shape() == constant->shape() ? Term(b, node_inputs[1]) : b.constant(*vector));
  }
  std::vector<Term> again;
  for (size_t i = 1; i < reshape_inputs.size(); ++i) again.emplace_back(b, reshape_inputs[i]);
  const NodeId old = graph.value(reshaped).producer;
  const std::vector<Term> made = b.again(inputs);
  TRY(b.status());
  again.insert(again.begin(), made[0]);
  TRY(b.replace(b.make(op, again, attributes)));
  erase_unused(graph, old);
  return true;
}

}  // namespace

Result<void> sink_reshapes(ir::Module& module, PassContext&) { return for_each_node(module, sink); }

}  // namespace isomer::passes
