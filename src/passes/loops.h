// What passes ask of loops before they rewrite them.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>

#include "ir/module.h"
#include "passes/pass.h"

namespace isomer::passes {

// The functions of a While; null where one is missing, or does not take the loop's variables.
struct LoopFunctions {
  ir::Function* body = nullptr;
  ir::Function* condition = nullptr;
  explicit operator bool() const { return body && condition; }
};
LoopFunctions loop_functions(ir::Module& module, const ir::Node& loop);

// How often each function is named, by nodes, signatures and initialisers.
std::map<std::string, int64_t> count_references(const ir::Module& module);

// Puts the same op with other attributes and inputs in the place of a node: the first results of the new one take the place of `results`. Name, origin and
// control edges go over; the old node, whose other results must be unused, goes.
Result<void> replace_node(ir::Module& module, ir::Graph& graph, ir::NodeId id, const ir::AttributeMap& attributes, std::span<const ir::ValueId> inputs,
                          std::span<const ir::ValueId> results);

// Is there a first turn? Nothing where constants do not tell.
std::optional<bool> has_first_turn(ir::Module& module, const ir::Graph& graph, const ir::Node& loop, PassContext& context);

// The truth of a condition as TensorFlow sees it: a scalar that is not zero (or empty string), a tensor of another rank that has elements.
bool truth(const Tensor& tensor);

}  // namespace isomer::passes
