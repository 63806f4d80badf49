#include "passes/loops.h"

#include <algorithm>

#include "ops/interpreter.h"
#include "passes/match.h"
#include "passes/rewrite.h"

namespace isomer::passes {

using ir::NodeId;
using ir::ValueId;

LoopFunctions loop_functions(ir::Module& module, const ir::Node& loop) {
  LoopFunctions functions{module.find_function(attribute_of(loop, "body", ir::FunctionRef{}).name),
                          module.find_function(attribute_of(loop, "cond", ir::FunctionRef{}).name)};
  const size_t count = loop.inputs.size();
  if (!functions || functions.body->graph.inputs.size() != count || functions.body->graph.outputs.size() != count) return {};
  return functions.condition->graph.inputs.size() == count && functions.condition->graph.outputs.size() == 1 ? functions : LoopFunctions{};
}

std::map<std::string, int64_t> count_references(const ir::Module& module) {
  std::map<std::string, int64_t> counts;
  for (const ir::Entry& entry : module.signatures) ++counts[entry.function];
  for (const std::string& name : module.initializers) ++counts[name];
  for (const auto& function : module.functions())
    for (const NodeId id : function->graph.live_nodes())
      for (const std::string& name : referenced_functions(function->graph.node(id))) ++counts[name];
  return counts;
}

Result<void> replace_node(ir::Module& module, ir::Graph& graph, NodeId id, const ir::AttributeMap& attributes, std::span<const ValueId> inputs,
                          std::span<const ValueId> results) {
  const std::string op(graph.node(id).op->name), name = graph.node(id).name, origin = graph.node(id).origin;
  const NodeId made = TRY(add_node(graph, op, attributes, inputs, name, &module));
  for (size_t i = 0; i < results.size(); ++i) {
    const ValueId fresh = graph.output(made, static_cast<int64_t>(i));
    graph.set_type(fresh, graph.type(results[i]));
    graph.replace_uses(results[i], fresh);
  }
  graph.replace_control_uses(id, made);
  for (const NodeId before : std::vector<NodeId>(graph.node(id).control_inputs)) graph.add_control_input(made, before);
  std::replace(graph.control_outputs.begin(), graph.control_outputs.end(), id, made);
  graph.erase(id);
  graph.rename(made, name);
  graph.node(made).origin = origin;
  return {};
}

std::optional<bool> has_first_turn(ir::Module& module, const ir::Graph& graph, const ir::Node& loop, PassContext& context) {
  const LoopFunctions functions = loop_functions(module, loop);
  if (!functions) return std::nullopt;
  const ir::Graph& condition = functions.condition->graph;
  const auto order = condition.topological_order();
  if (!order) return std::nullopt;
  std::map<ValueId, Tensor> known;
  for (size_t i = 0; i < loop.inputs.size(); ++i)
    if (const Tensor* constant = graph.constant(loop.inputs[i])) known[condition.inputs[i].value] = *constant;
  ir::RunState state;
  state.limits = context.limits;
  state.limits.tensor_elements = std::min<int64_t>(state.limits.tensor_elements, 65536);  // a count and a limit, not weights
  for (const NodeId id : *order) {
    const ir::Node& node = condition.node(id);
    if (node.is("Const")) known[node.outputs[0]] = *condition.constant(node.outputs[0]);
    std::vector<Tensor> inputs;
    for (const ValueId input : node.inputs)
      if (const auto found = known.find(input); found != known.end()) inputs.push_back(found->second);
    if (inputs.size() != node.inputs.size() || inputs.empty() || !is_foldable(*node.op)) continue;
    const auto results = ops::evaluate_node(state, module, condition, id, inputs);
    if (!results) continue;
    for (size_t i = 0; i < results->size(); ++i) known[node.outputs[i]] = (*results)[i];
  }
  const auto found = known.find(condition.outputs[0].value);
  return found == known.end() ? std::nullopt : std::optional(truth(found->second));
}

bool truth(const Tensor& tensor) {
  if (tensor.rank() > 0) return tensor.elements() > 0;
  return tensor.dtype() == DType::kString ? !tensor.string_at(0).empty() : tensor.as_double(0) != 0;
}

}  // namespace isomer::passes
