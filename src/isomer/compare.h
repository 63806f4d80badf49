// Proving two models equal: the same inputs, the largest difference of each output.
#pragma once

#include <string>
#include <vector>

#include "base/limits.h"
#include "ir/module.h"
#include "isomer/run.h"

namespace isomer {

struct Tolerance {
  double absolute = 1e-5;
  double relative = 1e-4;
};

struct OutputDifference {
  std::string name;
  TensorType type;
  double max_absolute = 0;  // infinity when NaN or infinity stand at different places, or shapes differ
  double max_relative = 0;  // |a - b| / |b| where b is not 0
  bool equal = true;        // within |a - b| <= absolute + relative * |b|; integers, bools and strings exactly
  std::string note;         // why not, where a number does not say it
};

struct Comparison {
  std::vector<NamedTensor> inputs;  // what both ran on
  std::vector<OutputDifference> outputs;
  bool equal() const;
};

// Differences of results that have the same names in the same order (names of `actual` are not looked at).
std::vector<OutputDifference> compare_outputs(const std::vector<NamedTensor>& expected, const std::vector<NamedTensor>& actual, const Tolerance& tolerance);

// Inputs that the model accepts: values drawn from `seed`, free dimensions chosen so that the model runs. Integers are small and string inputs are keys
// of the model's tables, so that look-ups hit. Gives inputs together with what the model makes of them. InvalidArgument when no choice runs.
struct SampledRun {
  std::vector<NamedTensor> inputs, outputs;
};
Result<SampledRun> sample_run(const ir::Module& module, uint64_t seed, const RunOptions& options);

}  // namespace isomer
