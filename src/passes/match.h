// What passes ask of a graph before they rewrite it.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "passes/build.h"

namespace isomer::passes {

// No control edge touches the node, so that it can be moved, merged or taken away.
bool is_free(const ir::Node& node);

// The only user of a value that nobody else sees: no second use, no output of the graph. Invalid otherwise.
ir::NodeId only_user(const ir::Graph& graph, ir::ValueId value);
// The node behind a value, if it is free, gives this one result and nobody but the one user sees it.
bool used_once(const ir::Graph& graph, ir::ValueId value);

// An attribute of a node, or `otherwise` where the op lacks it.
template <class T>
T attribute_of(const ir::Node& node, std::string_view name, T otherwise) {
  const ir::AttributeMap map = node.attributes->to_map();
  const ir::AttributeValue* found = ir::find(map, name);
  const T* value = found ? std::get_if<T>(found) : nullptr;
  return value ? *value : otherwise;
}

template <class Range>
bool any_is(const ir::Node& node, const Range& ops) {
  for (const std::string_view op : ops)
    if (node.is(op)) return true;
  return false;
}

// Elements of a constant of numbers as doubles; of a constant of integers.
std::vector<double> doubles_of(const Tensor& tensor);
std::optional<std::vector<int64_t>> constant_integers(const ir::Graph& graph, ir::ValueId value);
// Are all elements of this constant `number`?
bool all_equal(const Tensor& tensor, double number);

// Makes every user of the node's first result use `value`, and takes the node away. `value` must not be known worse than the result; its shape is
// merged with the result's. Always true.
Result<bool> replace_by(ir::Graph& graph, ir::NodeId node, ir::ValueId value);

// Lets a node have other inputs, and infers its results' shapes anew where the old ones are wrong now.
Result<void> rewire(ir::Module& module, ir::Graph& graph, ir::NodeId node, std::span<const ir::ValueId> inputs);

// Takes nodes away that are unused, beginning with this one, then its producers. Placeholders stay.
void erase_unused(ir::Graph& graph, ir::NodeId node);

// Applies a rewriting to every node of every function, producers first. Nodes made on the way are not visited. The rewriting may erase nodes.
using Rewrite = Result<bool> (*)(RuleContext&, ir::NodeId);  // true when it changed something
Result<void> for_each_node(ir::Module& module, Rewrite rewrite);

}  // namespace isomer::passes
