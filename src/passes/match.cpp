#include "passes/match.h"

#include <algorithm>

#include "passes/rewrite.h"

namespace isomer::passes {

using ir::NodeId;
using ir::ValueId;

bool is_free(const ir::Node& node) { return node.control_inputs.empty() && node.control_users.empty(); }

NodeId only_user(const ir::Graph& graph, ValueId value) {
  const auto& users = graph.value(value).users;
  return users.size() == 1 && !graph.is_output(value) ? users[0] : NodeId{};
}

bool used_once(const ir::Graph& graph, ValueId value) {
  const ir::Node& node = graph.producer(value);
  return node.outputs.size() == 1 && is_free(node) && only_user(graph, value).valid();
}

std::vector<double> doubles_of(const Tensor& tensor) {
  std::vector<double> values(static_cast<size_t>(tensor.elements()));
  if (is_float(tensor.dtype())) {
    load_doubles(tensor, 0, values);
  } else {
    for (size_t i = 0; i < values.size(); ++i) values[i] = tensor.as_double(static_cast<int64_t>(i));
  }
  return values;
}

std::optional<std::vector<int64_t>> constant_integers(const ir::Graph& graph, ValueId value) {
  const Tensor* tensor = graph.constant(value);
  if (!tensor || (tensor->dtype() != DType::kInt32 && tensor->dtype() != DType::kInt64)) return std::nullopt;
  return tensor->to_int64s();
}

bool all_equal(const Tensor& tensor, double number) {
  if (type_class(tensor.dtype()) == TypeClass::kString || is_complex(tensor.dtype())) return false;
  for (int64_t i = 0; i < tensor.elements(); ++i)
    if (tensor.as_double(i) != number) return false;
  return true;
}

Result<bool> replace_by(ir::Graph& graph, NodeId node, ValueId value) {
  const ValueId old = graph.output(node);
  TensorType type = graph.type(value);
  if (auto merged = merge(type.shape, graph.type(old).shape)) {
    type.shape = *merged;
    graph.set_type(value, type);
  }
  graph.replace_uses(old, value);
  erase_unused(graph, node);
  return true;
}

Result<void> rewire(ir::Module& module, ir::Graph& graph, NodeId node, std::span<const ValueId> inputs) {
  graph.set_inputs(node, inputs);
  for (const ValueId output : graph.node(node).outputs) {
    TensorType type = graph.type(output);
    type.shape = PartialShape();
    graph.set_type(output, type);
  }
  return graph.infer(node, &module);
}

void erase_unused(ir::Graph& graph, NodeId first) {
  std::vector<NodeId> stack{first};
  while (!stack.empty()) {
    const NodeId id = stack.back();
    stack.pop_back();
    const ir::Node& node = graph.node(id);
    if (!node.alive() || node.is("Placeholder") || node.op->effect == ir::Effect::kWrites || is_call(node) || is_branch(node) || is_loop(node)) continue;
    if (!graph.unused(id) || !node.control_inputs.empty()) continue;
    for (const ValueId input : node.inputs) stack.push_back(graph.value(input).producer);
    graph.erase(id);
  }
}

Result<void> for_each_node(ir::Module& module, Rewrite rewrite) {
  for (const auto& function : module.functions()) {
    RuleContext context{module, function->graph};
    for (const NodeId id : TRY(function->graph.topological_order())) {
      if (!function->graph.node(id).alive()) continue;
      const std::string name = function->graph.node(id).name;
      TRY(in_context(rewrite(context, id), "rewriting node '" + name + "' of '" + function->name + "'"));
    }
  }
  return {};
}

}  // namespace isomer::passes
