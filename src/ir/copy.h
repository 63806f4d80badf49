// Copying the nodes of one graph into another: what inlining and function cloning are made of.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace isomer::ir {

struct CopyMap {
  std::vector<ValueId> values;  // by index of the value in the source; invalid where nothing was copied
  std::vector<NodeId> nodes;
  ValueId operator[](ValueId id) const { return values[static_cast<size_t>(id.index)]; }
  NodeId operator[](NodeId id) const { return nodes[static_cast<size_t>(id.index)]; }
};

// Copies every node of `from` into `to`, names prefixed by `prefix`. The placeholders of from.inputs are not copied: their values become
// `arguments` (one for each input). Types are copied as they are. Inputs and outputs of `to` are not touched.
Result<CopyMap> copy_nodes(const Graph& from, Graph& to, std::span<const ValueId> arguments, std::string_view prefix);

}  // namespace isomer::ir
