// Making a model that shows a fault smaller while it shows it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/limits.h"
#include "ir/module.h"
#include "isomer/compare.h"

namespace isomer {

// Does the module still show the fault? It is asked for modules that pass ir::verify only.
using ShowsFault = std::function<bool(const ir::Module&)>;

struct ReduceReport {
  int64_t nodes_before = 0, nodes_after = 0;
  int64_t attempts = 0;
};

// Takes outputs away, puts an operand, an input or zeros in a node's place, as long as the fault shows. The module must have a signature and show the
// fault: InvalidArgument otherwise. What is left shows the fault, and no single step makes it smaller.
Result<ReduceReport> reduce(ir::Module& module, const ShowsFault& shows_fault);

// Do these passes break the module: fail, leave it in no good state, or change what it computes for random inputs? Where the passes are none, those that
// convert runs.
bool passes_break(const ir::Module& module, const std::vector<std::string>& passes, uint64_t seed, const Tolerance& tolerance, const Limits& limits);

}  // namespace isomer
