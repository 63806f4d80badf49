// Stripping debug ops.
//
//   Before: Assert(%ok, %data), %y = CheckNumerics(%x), %y = Print(%x, %data)         After: nothing, and %x in place of %y
//
// Safe where the model is right without its checks. Does not pay attention to order: the ops only fail or print.
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace isomer::passes {

Result<void> strip_debug_ops(ir::Module& module, PassContext&) {
  for (const auto& function : module.functions()) {
    ir::Graph& graph = function->graph;
    for (const ir::NodeId id : graph.live_nodes()) {
      const ir::Node& node = graph.node(id);
      const bool forwards = node.is("CheckNumerics") || node.is("CheckNumericsV2") || node.is("Print");
      if (!forwards && !node.is("Assert") && !node.is("PrintV2")) continue;
      if (forwards) graph.replace_uses(node.outputs[0], node.inputs[0]);
      // Whoever waited for the check waits for what the check waited for.
      const auto users = node.control_users;
      const auto before = node.control_inputs;
      for (const ir::NodeId user : users)
        for (const ir::NodeId earlier : before) graph.add_control_input(user, earlier);
      graph.erase(id);
    }
  }
  return {};
}

}  // namespace isomer::passes
