// Pruning.
//
//   Before: nodes that no output needs, functions that nothing calls         After: none
//
// A node is needed when an output, or an effect that must happen (a control output of the graph), depends on it. Control edges from nodes that
// neither have effects nor depend on any say nothing and go first. Inputs of the graph always stay: they are the signature.
#include <algorithm>
#include <set>

#include "passes/pass.h"
#include "passes/rewrite.h"

namespace isomer::passes {
namespace {

using ir::NodeId;

Result<void> drop_idle_control_edges(ir::Graph& graph, Effects& effects) {
  const auto order = TRY(graph.topological_order());
  std::vector<bool> effectful(static_cast<size_t>(std::max_element(order.begin(), order.end())->index) + 1);
  for (const NodeId id : order) {
    const ir::Node& node = graph.node(id);
    bool any = effects.writes(node);
    std::vector<NodeId> kept;
    for (const NodeId before : node.control_inputs)
      if (effectful[static_cast<size_t>(before.index)]) kept.push_back(before);
    for (const ir::ValueId input : node.inputs) any = any || effectful[static_cast<size_t>(graph.value(input).producer.index)];
    effectful[static_cast<size_t>(id.index)] = any || !kept.empty();
    if (kept.size() == node.control_inputs.size()) continue;
    graph.clear_control_inputs(id);
    for (const NodeId before : kept) graph.add_control_input(id, before);
  }
  return {};
}

// The effects that the control outputs stand for: themselves, or what a node without effect (a NoOp that groups) waits for.
std::vector<NodeId> effects_behind(const ir::Graph& graph, Effects& effects) {
  std::vector<NodeId> found, stack(graph.control_outputs.rbegin(), graph.control_outputs.rend());
  std::set<NodeId> seen;
  while (!stack.empty()) {
    const NodeId id = stack.back();
    stack.pop_back();
    if (!seen.insert(id).second) continue;
    const ir::Node& node = graph.node(id);
    if (effects.writes(node)) {
      found.push_back(id);
      continue;
    }
    for (auto it = node.control_inputs.rbegin(); it != node.control_inputs.rend(); ++it) stack.push_back(*it);
    for (const ir::ValueId input : node.inputs) stack.push_back(graph.value(input).producer);
  }
  return found;
}

Result<void> prune_graph(ir::Graph& graph, Effects& effects) {
  if (graph.live_count() == 0) return {};
  TRY(drop_idle_control_edges(graph, effects));
  graph.control_outputs = effects_behind(graph, effects);
  const auto live = graph.live_nodes();
  std::vector<bool> needed(static_cast<size_t>(live.back().index) + 1);
  std::vector<NodeId> stack;
  const auto need = [&](NodeId id) {
    if (needed[static_cast<size_t>(id.index)]) return;
    needed[static_cast<size_t>(id.index)] = true;
    stack.push_back(id);
  };
  for (const ir::Port& port : graph.outputs) need(graph.value(port.value).producer);
  for (const ir::Port& port : graph.inputs) need(graph.value(port.value).producer);
  for (const NodeId id : graph.control_outputs) need(id);
  while (!stack.empty()) {
    const ir::Node& node = graph.node(stack.back());
    stack.pop_back();
    for (const ir::ValueId input : node.inputs) need(graph.value(input).producer);
    for (const NodeId before : node.control_inputs) need(before);
  }
  // Users before producers, so that whatever is erased has no users left.
  const auto order = TRY(graph.topological_order());
  for (auto it = order.rbegin(); it != order.rend(); ++it)
    if (!needed[static_cast<size_t>(it->index)]) graph.erase(*it);
  return {};
}

}  // namespace

Result<void> prune(ir::Module& module, PassContext&) {
  Effects effects(module);
  for (const auto& function : module.functions()) TRY(in_context(prune_graph(function->graph, effects), "pruning '" + function->name + "'"));
  const auto used = TRY(callees_first(module));
  std::vector<std::string> unused;
  for (const auto& function : module.functions())
    if (std::find(used.begin(), used.end(), function.get()) == used.end()) unused.push_back(function->name);
  for (const std::string& name : unused) module.erase_function(name);
  return {};
}

}  // namespace isomer::passes
