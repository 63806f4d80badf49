// The reference interpreter: runs a function of a module with the reference kernels, calls and loops included.
//
// Nodes run in topological order; a value is dropped after its last use. It is the constant folder, the oracle of fast kernels, and what
// `isomer run` and `--verify` use.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ir/eval_context.h"
#include "ir/module.h"

namespace isomer::ops {

// Sees every node of a run, those of called functions and of each turn of a loop included. Either function may be empty.
struct Observer {
  std::function<void(const ir::Function&, const ir::Node&)> before;
  // The results are those the node's users get; a node that failed has no `after`.
  std::function<void(const ir::Function&, const ir::Node&, std::span<const ir::RuntimeValue> results)> after;
};

// Runs `function` on `arguments` (one for each input, in order) and returns its outputs. Errors name graph, node and op. LimitExceeded when steps,
// call depth, tensor sizes or the deadline of `state.limits` are passed; Unsupported when an op has no reference kernel.
Result<std::vector<ir::RuntimeValue>> run_function(ir::RunState& state, const ir::Module& module, std::string_view function,
                                                   std::span<const ir::RuntimeValue> arguments, const Observer& observer = {});

// Runs the module's initialisers and gives every variable and table its resource. To be called once for a RunState before run_function.
Result<void> initialize(ir::RunState& state, const ir::Module& module);

// One node on constant inputs, for folding. Nodes with effects, calls and random ops are refused with Unsupported.
Result<std::vector<Tensor>> evaluate_node(ir::RunState& state, const ir::Module& module, const ir::Graph& graph, ir::NodeId node,
                                          std::span<const Tensor> inputs);

}  // namespace isomer::ops
