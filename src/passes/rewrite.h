// Small tools that several passes share.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ir/const_op.h"
#include "ir/module.h"

namespace isomer::passes {

// The functions that a node's attributes refer to, in attribute order.
std::vector<std::string> referenced_functions(const ir::Node& node);
// Replaces one such reference by another everywhere in the node's attributes.
Result<void> redirect_function(ir::Node& node, std::string_view from, std::string_view to);
bool is_call(const ir::Node& node);    // PartitionedCall, StatefulPartitionedCall
bool is_branch(const ir::Node& node);  // If, StatelessIf, Case, StatelessCase
bool is_loop(const ir::Node& node);    // While, StatelessWhile

// Can a node of this op be computed before the model runs, once all of its inputs are constants?
bool is_foldable(const ir::OpDef& op);

// Does running the node change anything besides its results (a variable, a table, an error on purpose), functions it calls included?
class Effects {
 public:
  explicit Effects(const ir::Module& module) : module_(module) {}
  bool writes(const ir::Node& node);

 private:
  bool function_writes(const std::string& name);
  const ir::Module& module_;
  std::map<std::string, bool> known_;
};

// The positions of a StridedSlice's constant ranges whose end lies before their begin (behind it, with a negative stride): they select nothing.
std::vector<size_t> backward_ranges(const ir::Graph& graph, const ir::Node& slice);

// Adds a constant.
ir::ValueId add_constant(ir::Graph& graph, Tensor value, std::string_view name);

// Adds a node of a registered op from an attribute map; Internal when the op does not exist.
Result<ir::NodeId> add_node(ir::Graph& graph, std::string_view op, const ir::AttributeMap& attributes, std::span<const ir::ValueId> inputs,
                            std::string_view name, const ir::Module* module = nullptr);

// Functions in callee-first order, starting from the signatures and initialisers; InvalidModel when one calls itself. Functions that nothing
// refers to are left out.
Result<std::vector<ir::Function*>> callees_first(ir::Module& module);

}  // namespace isomer::passes
