// What holds for every module between two passes.
#pragma once

#include "ir/module.h"

namespace isomer::ir {

// Checks that
//  - edges are whole: inputs, users, control inputs and control users agree with each other and with live nodes; no graph has a cycle; names are
//    unique within a graph;
//  - each node's attributes are those of its op, and the dtypes of its inputs and results fit the op's signature;
//  - inference accepts the node, and finds no shape that contradicts the type the graph has; with it, that called functions take and return what their
//    callers give and take;
//  - inputs are results of distinct Placeholder nodes, outputs and control outputs exist, a Const's type is that of its value;
//  - the functions that attributes, signatures and initialisers name exist, names in the module are unique, and variables and tables hold what they say.
// InvalidModel otherwise; the error's place names the function, the node and its op.
Result<void> verify(const Module& module);
// The same for one function.
Result<void> verify(const Module& module, const Function& function);

}  // namespace isomer::ir
