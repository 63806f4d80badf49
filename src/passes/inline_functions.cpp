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

}  // namespace

Result<void> inline_functions(ir::Module& module, PassContext& context) {
  for (ir::Function* function : TRY(callees_first(module))) {
    Effects effects(module);
    for (const NodeId id : function->graph.live_nodes()) {
      if (!is_call(function->graph.node(id))) continue;
      const std::string name = function->graph.node(id).name;
      TRY(in_context(inline_call(module, function->graph, id, effects), "inlining the call '" + name + "' into '" + function->name + "'"));
      if (function->graph.live_count() > context.limits.nodes) {
        return fail(ErrorCode::kLimitExceeded, "inlining makes more than " + std::to_string(context.limits.nodes) + " nodes");
      }
    }
  }
  return {};
}

}  // namespace isomer::passes
