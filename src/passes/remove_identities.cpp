// Removing identities.
//
//   Before: %b = Identity(%a), %c = Op(%b)         After: %c = Op(%a)
//
// Safe when the identity waits for nothing (no control inputs): one that does stands for an order of effects. An output of the graph that is an
// identity moves to what the identity forwards; exporters give every output a node of its own name again.
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace isomer::passes {

Result<void> remove_identities(ir::Module& module, PassContext&) {
  for (const auto& function : module.functions()) {
    ir::Graph& graph = function->graph;
    for (const ir::NodeId id : graph.live_nodes()) {
      const ir::Node& node = graph.node(id);
      const bool one = node.is("Identity") || node.is("StopGradient") || node.is("PreventGradient") || node.is("Snapshot");
      if ((!one && !node.is("IdentityN")) || !node.control_inputs.empty() || !node.control_users.empty()) continue;
      for (size_t i = 0; i < node.outputs.size(); ++i) {
        // The forwarded value may be known better on either side.
        if (auto merged = merge(graph.type(node.inputs[i]).shape, graph.type(node.outputs[i]).shape)) {
          TensorType type = graph.type(node.inputs[i]);
          type.shape = *merged;
          graph.set_type(node.inputs[i], type);
        }
        graph.replace_uses(node.outputs[i], node.inputs[i]);
      }
      graph.erase(id);
    }
  }
  return {};
}

}  // namespace isomer::passes
