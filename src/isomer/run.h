// Running a model with the reference kernels.
#pragma once

#include <string>
#include <vector>

#include "base/limits.h"
#include "ir/module.h"
#include "ops/interpreter.h"
#include "tensor/named_tensor.h"

namespace isomer {

struct RunOptions {
  Limits limits;
  bool tfjs_compat = false;
  uint64_t seed = 0;
  ops::Observer observer;  // sees the nodes of the run, not those of the initialisers
};

// Runs the module's signature on inputs given by key (or by tensor name). Missing and unknown names, wrong dtypes and shapes are InvalidArgument errors that
// say what is expected. Integer inputs are converted to the expected integer dtype where the values fit, floats to the expected float dtype.
Result<std::vector<NamedTensor>> run_model(const ir::Module& module, const std::vector<NamedTensor>& inputs, const RunOptions& options);

}  // namespace isomer
