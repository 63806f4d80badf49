// What a model takes and gives: finding an input, and choosing other tensors than the signature's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "ir/module.h"

namespace isomer {

// The function that a loaded model runs. InvalidModel where it has none.
Result<const ir::Function*> entry_function(const ir::Module& module);
Result<ir::Function*> entry_function(ir::Module& module);

// The input with this key, or with this tensor name ("x:0", "x"); nullptr when there is none.
const ir::Port* find_input(const ir::Graph& graph, std::string_view name);
// "x float32[?,3], y int32[]", for messages
std::string list_ports(const ir::Graph& graph, const std::vector<ir::Port>& ports);
std::string list_inputs(const ir::Graph& graph);

// Cuts the model at tensors ("node" or "node:1") that are no inputs of it, so that they can be fed: each becomes an input of that name. Inputs that nothing
// needs any more are no inputs from then on. Nodes inside called functions are found by the name they have once they are inlined ("call/node").
// NotFound, with names that resemble it, where there is no such node.
Result<void> cut_at(ir::Module& module, const std::vector<std::string>& tensors, const Limits& limits);

// Makes these the outputs, in this order: keys of outputs of the signature, or tensors as above.
Result<void> choose_outputs(ir::Module& module, const std::vector<std::string>& names, const Limits& limits);

}  // namespace isomer
