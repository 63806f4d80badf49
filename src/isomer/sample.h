// Inputs that a model accepts, found by trying.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "isomer/inputs.h"
#include "isomer/run.h"

namespace isomer {

struct SampleRequest {
  uint64_t seed = 0;
  GivenInputs given;                    // these are taken as they are; the rest is drawn
  std::map<std::string, Shape> shapes;  // of inputs to be drawn, by name
  // What the drawn inputs must also suit, by input name: dimensions that another model fixes.
  std::map<std::string, PartialShape> other_shapes;
};

struct SampledRun {
  std::vector<NamedTensor> inputs, outputs;
};

// Draws inputs and runs the model on them: floats in [0, 1), small integers, keys of the model's tables for strings, so that look-ups hit. Free dimensions
// are chosen so that the model runs; the first is taken for the batch, which given inputs may fix. InvalidArgument when no choice runs.
Result<SampledRun> sample_run(const ir::Module& module, const SampleRequest& request, const RunOptions& options);

}  // namespace isomer
