// Fusing a linear op with its bias and its activation into one op of tf.js. The last pass for that target.
//
//   Before: Relu6(BiasAdd(Conv2D(x, w), b))      After: _FusedConv2D(x, w, b) {fused_ops = ["BiasAdd", "Relu6"]}
//   Before: Elu(MatMul(x, w))                    After: _FusedMatMul(x, w) {fused_ops = ["NoOp", "Elu"]}
//
// _FusedConv2D and _FusedMatMul take Relu, Relu6, Elu, LeakyRelu, Sigmoid and, behind a bias, Prelu; FusedDepthwiseConv2dNative the same without LeakyRelu,
// whose slope tf.js does not read there. The fused op has the name of the last node.
//
// Safe when nobody else sees what is between: one consumer, no output, no control edges. The bias must be a vector (a BiasAdd's always is); it need not be
// constant. Channels last only.
#include "passes/fused_kinds.h"
#include "passes/match.h"
#include "passes/pass.h"

namespace isomer::passes {
namespace {

using ir::NodeId;
using ir::ValueId;

bool channels_last(const ir::Node& node) { return attribute_of(node, "data_format", std::string("NHWC")) == "NHWC"; }

// The next node when it alone uses `value` as its first input.
const ir::Node* next_of(const ir::Graph& graph, ValueId value) {
  if (!used_once(graph, value)) return nullptr;
  const ir::Node& node = graph.node(only_user(graph, value));
  return is_free(node) && node.outputs.size() == 1 && !node.inputs.empty() && node.inputs[0] == value ? &node : nullptr;
}

bool takes(const ir::Graph& graph, const FusedKind& kind, const ir::Node& activation, bool bias) {
  if (!fuses_activation(kind, activation.op->name, bias)) return false;
  return !activation.is("Prelu") || fuses_slope(graph.type(activation.inputs[1]).shape, graph.type(activation.inputs[0]).shape);
}

Result<bool> fuse(RuleContext& context, NodeId id) {
  ir::Graph& graph = context.graph;
  const ir::Node& node = graph.node(id);
  const FusedKind* kind = kind_of_linear(node);
  if (!kind || !is_float(graph.type(node.outputs[0]).dtype) || !channels_last(node)) return false;
  std::vector<ValueId> inputs = node.inputs;
  std::vector<std::string> steps;
  ValueId end = node.outputs[0];
  if (const ir::Node* bias = next_of(graph, end); bias && bias->is("BiasAdd") && channels_last(*bias)) {
    steps.emplace_back("BiasAdd");
    inputs.push_back(bias->inputs[1]);
    end = bias->outputs[0];
  }
  float slope = 0.2f;
  const bool has_bias = !steps.empty();
  if (const ir::Node* activation = next_of(graph, end); activation && takes(graph, *kind, *activation, has_bias)) {
    if (!has_bias) steps.emplace_back("NoOp");
    steps.emplace_back(activation->op->name);
    if (activation->is("LeakyRelu")) slope = attribute_of(*activation, "alpha", slope);
    if (activation->is("Prelu")) inputs.push_back(activation->inputs[1]);
    end = activation->outputs[0];
  }
  if (steps.empty()) return false;
  ir::AttributeMap attributes = linear_attributes(node);
  attributes.push_back({"fused_ops", steps});
  attributes.push_back({"leakyrelu_alpha", slope});
  attributes.push_back({"epsilon", 0.0f});
  const NodeId last = graph.value(end).producer;
  Builder b(context, last);
  std::vector<Term> terms;
  for (const ValueId input : inputs) terms.emplace_back(b, input);
  const ValueId before = graph.node(last).inputs[0];
  const Term fused = b.make(kind->fused, terms, attributes);
  TRY(b.replace(fused));
  erase_unused(graph, graph.value(before).producer);
  return true;
}

}  // namespace

Result<void> fuse_linear_ops(ir::Module& module, PassContext&) { return for_each_node(module, fuse); }

}  // namespace isomer::passes
