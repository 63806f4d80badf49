// Switch, Merge, Enter, Exit, NextIteration and LoopCond to functional control flow.
#pragma once

#include <span>
#include <string>

#include "base/error.h"
#include "base/limits.h"

namespace isomer::tf {

class GraphDef;

// Rewrites `graph` in place so that no op of TensorFlow 1's control flow is left in what `roots` (names of nodes) need: loops become While,
// conditionals If, with their bodies as functions in the graph's library. Nodes that the roots do not need are dropped first. `fed` names nodes
// whose value the caller gives: nothing above them is looked at. A node whose control flow has no structured form is Unsupported, by name; an Enter
// outside of any loop is an Identity.
// Does any node of the main graph belong to that control flow?
bool has_control_flow_v1(const GraphDef& graph);

Result<void> functionalize_control_flow(GraphDef& graph, std::span<const std::string> roots, std::span<const std::string> fed, const Limits& limits);

}  // namespace isomer::tf
