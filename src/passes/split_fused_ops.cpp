// Splitting the fused ops of tf.js into their linear op, bias and activation. The first pass of a graph that was made for tf.js already, so that the others see
// what they know; fuse_linear_ops makes fused ops of what is left.
//
//   Before: _FusedConv2D(x, w, b) {fused_ops = ["BiasAdd", "Relu6"]}      After: Relu6(BiasAdd(Conv2D(x, w), b))
//   Before: _FusedMatMul(x, w) {fused_ops = ["NoOp", "Elu"]}              After: Elu(MatMul(x, w))
//
// The last node has the name of the fused op. Done only where all of it can be fused again, so that there are never more nodes in the end: channels last, a
// bias that is a vector, an activation that tf.js fuses, and no other linear op of the same input and weights, whose one product both would share.
#include <algorithm>

#include "passes/fused_kinds.h"
#include "passes/match.h"
#include "passes/pass.h"

namespace isomer::passes {
namespace {

using ir::NodeId;

struct FusedSteps {
  bool bias = false;
  std::string activation;  // empty: none
};

// The steps of the fused op, if fuse_linear_ops would make the same op of them.
std::optional<FusedSteps> steps_of(const ir::Graph& graph, const ir::Node& node, const FusedKind& kind) {
  const auto names = attribute_of(node, "fused_ops", std::vector<std::string>{});
  if (names.empty() || names.size() > 2 || (names[0] != "BiasAdd" && names[0] != "NoOp")) return std::nullopt;
  FusedSteps steps{names[0] == "BiasAdd", names.size() == 2 ? names[1] : std::string()};
  const size_t inputs = 2u + (steps.bias ? 1 : 0) + (steps.activation == "Prelu" ? 1 : 0);
  if ((!steps.bias && steps.activation.empty()) || node.inputs.size() != inputs) return std::nullopt;
  if (steps.bias) {
    const PartialShape& bias = graph.type(node.inputs[2]).shape;
    if (!bias.has_rank() || bias.rank() != 1) return std::nullopt;
  }
  if (!steps.activation.empty() && !fuses_activation(kind, steps.activation, steps.bias)) return std::nullopt;
  if (steps.activation == "Prelu" && !fuses_slope(graph.type(node.inputs[3]).shape, graph.type(node.outputs[0]).shape)) return std::nullopt;
  return steps;
}

// Is there another linear op, fused or not, of this input and these weights?
bool shares_product(const ir::Graph& graph, NodeId id) {
  const ir::Node& node = graph.node(id);
  const auto& users = graph.value(node.inputs[0]).users;
  return std::any_of(users.begin(), users.end(), [&](NodeId user) {
    const ir::Node& other = graph.node(user);
    return user != id && (kind_of_linear(other) || kind_of_fused(other)) && other.inputs[0] == node.inputs[0] && other.inputs[1] == node.inputs[1];
  });
}

Result<bool> split(RuleContext& context, NodeId id) {
  const ir::Graph& graph = context.graph;
  const ir::Node& node = graph.node(id);
  const FusedKind* kind = kind_of_fused(node);
  if (!kind || !is_free(node) || !is_float(graph.type(node.outputs[0]).dtype)) return false;
  if (attribute_of(node, "data_format", std::string("NHWC")) != "NHWC" || attribute_of(node, "filter_format", std::string("HWIO")) != "HWIO") return false;
  const auto steps = steps_of(graph, node, *kind);
  if (!steps || shares_product(graph, id)) return false;
  Builder b(context, id);
  Term result = b.make(kind->op, {b.input(0), b.input(1)}, linear_attributes(node));
  if (steps->bias) result = b.make("BiasAdd", {result, b.input(2)});
  if (steps->activation == "Prelu") {
    result = b.make("Prelu", {result, b.input(3)});
  } else if (steps->activation == "LeakyRelu") {
    result = b.make("LeakyRelu", {result}, {{"alpha", b.attribute("leakyrelu_alpha", 0.2f)}});
  } else if (!steps->activation.empty()) {
    result = b.make(steps->activation, {result});
  }
  return b.replace(result);
}

}  // namespace

Result<void> split_fused_ops(ir::Module& module, PassContext&) { return for_each_node(module, split); }

}  // namespace isomer::passes
