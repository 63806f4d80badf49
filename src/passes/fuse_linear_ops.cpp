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
#include <algorithm>

#include "passes/match.h"
#include "passes/pass.h"

namespace isomer::passes {
namespace {

using ir::NodeId;
using ir::ValueId;

struct Kind {
  std::string_view op, fused;
  int64_t rank;
};
constexpr Kind kKinds[] = {{"Conv2D", "_FusedConv2D", 4}, {"DepthwiseConv2dNative", "FusedDepthwiseConv2dNative", 4}, {"MatMul", "_FusedMatMul", 2}};
constexpr std::string_view kActivations[] = {"Elu", "LeakyRelu", "Relu", "Relu6", "Sigmoid"};

const Kind* kind_of(const ir::Node& node) {
  const auto found = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind& kind) { return node.is(kind.op); });
  return found == std::end(kKinds) ? nullptr : found;
}

bool channels_last(const ir::Node& node) { return attribute_of(node, "data_format", std::string("NHWC")) == "NHWC"; }

// The next node when it alone uses `value` as its first input.
const ir::Node* next_of(const ir::Graph& graph, ValueId value) {
  if (!used_once(graph, value)) return nullptr;
  const ir::Node& node = graph.node(only_user(graph, value));
  return is_free(node) && node.outputs.size() == 1 && !node.inputs.empty() && node.inputs[0] == value ? &node : nullptr;
}

bool takes(const ir::Graph& graph, const Kind& kind, const ir::Node& activation, bool bias) {
  if (activation.is("Prelu")) {
    // A slope that broadcasts the result would change its shape.
    const PartialShape &alpha = graph.type(activation.inputs[1]).shape, &x = graph.type(activation.inputs[0]).shape;
    if (!bias || !alpha.has_rank() || !x.has_rank() || alpha.rank() > x.rank()) return false;
    // A slope for each channel, or for each element of an example: the forms that tf.js takes.
    return alpha.rank() <= 1 || alpha.rank() + 1 == x.rank();
  }
  if (activation.is("LeakyRelu") && kind.op == "DepthwiseConv2dNative") return false;
  return any_is(activation, kActivations);
}

Result<bool> fuse(RuleContext& context, NodeId id) {
  ir::Graph& graph = context.graph;
  const ir::Node& node = graph.node(id);
  const Kind* kind = kind_of(node);
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
  ir::AttributeMap attributes;
  const ir::AttributeMap all = node.attributes->to_map();
  for (const char* name : {"strides", "padding", "explicit_paddings", "data_format", "dilations", "transpose_a", "transpose_b"})
    if (const ir::AttributeValue* value = ir::find(all, name)) attributes.push_back({name, *value});
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
