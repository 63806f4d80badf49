// Inlining.
//
//   Before: %y = PartitionedCall(%x) {f = @f}         After: the nodes of @f, named "call/node", with %x in place of its input
//
// Safe always: the IR has no recursion (checked). Effects keep their order: what the call waited for, the effects of the body wait for; what
// waited for the call waits for those effects; and a value of a body with effects is passed on through an Identity that waits for them, so that
// whoever uses a result also makes the effects happen.
#include "ir/copy.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace isomer::passes {
namespace {

using ir::NodeId;
using ir::ValueId;

Result<void> inline_call(ir::Module& module, ir::Graph& graph, NodeId call, Effects& effects) {
  const std::string callee_name = referenced_functions(graph.node(call)).at(0);
  const ir::Function* callee = module.find_function(callee_name);
  const std::vector<ValueId> arguments = graph.node(call).inputs;
  const std::vector<NodeId> before = graph.node(call).control_inputs;
  const std::string prefix = graph.node(call).name + "/";
  const ir::CopyMap map = TRY(ir::copy_nodes(callee->graph, graph, arguments, prefix));
  std::vector<NodeId> last;  // effects that must have happened when the call is over
  for (const NodeId id : callee->graph.live_nodes()) {
    const NodeId copy = map[id];
    if (!effects.writes(callee->graph.node(id))) continue;
    for (const NodeId node : before) graph.add_control_input(copy, node);
  }
  for (const NodeId id : callee->graph.control_outputs)
    if (effects.writes(callee->graph.node(id))) last.push_back(map[id]);
  const std::vector<ValueId> results = graph.node(call).outputs;
  for (size_t i = 0; i < results.size(); ++i) {
    ValueId value = map[callee->graph.outputs[i].value];
    if (!last.empty()) {
      const NodeId identity = TRY(add_node(graph, "Identity", {}, {&value, 1}, prefix + "result"));
      for (const NodeId node : last) graph.add_control_input(identity, node);
      value = graph.output(identity);
    }
    graph.replace_uses(results[i], value);
  }
  const std::vector<NodeId> waiting = graph.node(call).control_users;
  for (const NodeId user : waiting)
    for (const NodeId node : last.empty() ? before : last) graph.add_control_input(user, node);
  for (size_t i = 0; i < graph.control_outputs.size(); ++i) {
    if (graph.control_outputs[i] != call) continue;
    graph.control_outputs.insert(graph.control_outputs.end(), last.begin(), last.end());
    break;
  }
  graph.erase(call);
  return {};
}

// How many nodes inlining will make, counted before any is made: functions that call others twice each, sixty deep, fit in a few kilobytes.
Result<void> check_size(const std::vector<ir::Function*>& functions, const Limits& limits) {
  std::map<std::string, int64_t> sizes;  // of each function once its calls are inlined
  for (const ir::Function* function : functions) {
    int64_t& size = sizes[function->name];
    size = function->graph.live_count();
    for (const NodeId id : function->graph.live_nodes()) {
      if (is_call(function->graph.node(id))) size += sizes[referenced_functions(function->graph.node(id)).at(0)];
      if (size > limits.nodes) {
        return fail(Error{ErrorCode::kLimitExceeded,
                          "inlining the calls of '" + function->name + "' makes more than " + std::to_string(limits.nodes) + " nodes",
                          "function '" + function->name + "'",
                          {},
                          "the graph's functions call each other too often to be written as one graph"});
      }
    }
  }
  return {};
}

}  // namespace

Result<void> inline_functions(ir::Module& module, PassContext& context) {
  const std::vector<ir::Function*> functions = TRY(callees_first(module));
  TRY(check_size(functions, context.limits));
  for (ir::Function* function : functions) {
    Effects effects(module);
    for (const NodeId id : function->graph.live_nodes()) {
      if (!is_call(function->graph.node(id))) continue;
      const std::string name = function->graph.node(id).name;
      TRY(in_context(inline_call(module, function->graph, id, effects), "inlining the call '" + name + "' into '" + function->name + "'"));
    }
  }
  return {};
}

}  // namespace isomer::passes
