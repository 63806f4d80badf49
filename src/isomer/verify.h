// Two models on the same inputs: do they compute the same?
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/progress.h"
#include "isomer/bisect.h"
#include "isomer/compare.h"
#include "isomer/inputs.h"
#include "isomer/load.h"

namespace isomer {

struct VerifyOptions {
  LoadOptions first, second;
  InputRequest inputs;  // by the names of the first model; what is not given is drawn
  int64_t samples = 3;  // runs on drawn inputs; a single one where all inputs are given
  uint64_t seed = 0;
  Tolerance tolerance;
  bool tfjs_compat = true;  // a graph model of tf.js runs as tf.js computes it, faults included
  bool bisect = false;      // where the models differ, look for the first node that does
  Limits limits;
  Progress* progress = nullptr;
};

// Inputs (or outputs) of the two models that stand for each other.
struct PortMatch {
  std::string first, second;
  bool by_name = true;  // false: by order, dtype and shape
};

struct VerifyReport {
  Recognised first, second;
  std::vector<PortMatch> inputs, outputs;
  int64_t samples = 0;
  std::vector<OutputDifference> differences;  // for each output of the first model (then those that only the second has), the largest of all samples
  std::optional<Parting> parting;             // with `bisect`, where they differ
  bool equal() const;
};

// Matches the models' inputs and outputs (by name, then by order and type) and runs both. InvalidModel where the second model needs an input that the first
// lacks; an output without a counterpart counts as a difference.
Result<VerifyReport> verify_models(const std::string& first, const std::string& second, const VerifyOptions& options);

}  // namespace isomer
