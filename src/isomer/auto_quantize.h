// Weights stored as small as the model's outputs allow: --quantize auto.
#pragma once

#include <string>
#include <vector>

#include "base/progress.h"
#include "formats/tfjs/quantize.h"
#include "ir/module.h"
#include "isomer/inputs.h"

namespace isomer {

struct AutoQuantizeOptions {
  // For each output of floats: the largest absolute difference, divided by the output's largest absolute value or by 1 if that is larger. Other outputs must
  // stay what they are. Positive.
  double max_error = 0.01;
  InputRequest inputs;  // what is not given is drawn at random
  uint64_t seed = 0;
  bool tfjs_compat = true;
  Limits limits;
  Progress* progress = nullptr;
};

struct AutoQuantizedWeight {
  std::string name;
  DType storage = DType::kFloat32;  // kFloat32: kept
  int64_t bytes_before = 0, bytes_after = 0;
  double error = 0;       // that it causes alone, stored as small as it can be
  bool measured = false;  // by a run; else estimated
  std::string kept;       // why it was not even tried, where it was not
};

struct AutoQuantizeReport {
  std::vector<AutoQuantizedWeight> weights;  // those of floats, in their order
  double max_error = 0, error = 0;           // allowed, measured with all weights as they are stored now
  int64_t runs = 0, allowed_runs = 0;        // whole runs of the model
  double seconds = 0;
};

// Chooses for each float32 weight among itself, float16, uint16 and uint8, and quantises in place. `module` computes the model: its constants and variables
// with the bytes of a weight stand for that weight. They are changed on the way. InvalidArgument when there are no weights of floats; the errors
// of running the model.
Result<AutoQuantizeReport> quantize_automatically(std::vector<tfjs::OutputWeight>& weights, ir::Module& module, const AutoQuantizeOptions& options,
                                                  TensorAllocator& allocator);

}  // namespace isomer
