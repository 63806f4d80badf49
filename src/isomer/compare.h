// Proving two models equal: the same inputs, the largest difference of each output.
#pragma once

#include <string>
#include <vector>

#include "base/limits.h"
#include "tensor/named_tensor.h"

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
  // Where the difference is largest, measured by what the tolerance allows; or where the first string, NaN or infinity differs. Empty for scalars and
  // where nothing differs.
  Shape where;
  std::string expected, actual;  // the two values there, as text; empty where nothing differs
  std::string note;              // why not, where a number does not say it
};

struct Comparison {
  std::vector<NamedTensor> inputs;  // what both ran on
  std::vector<OutputDifference> outputs;
  bool equal() const;
};

// Differences of results that have the same names in the same order (names of `actual` are not looked at).
std::vector<OutputDifference> compare_outputs(const std::vector<NamedTensor>& expected, const std::vector<NamedTensor>& actual, const Tolerance& tolerance);
OutputDifference compare_tensors(const std::string& name, const Tensor& expected, const Tensor& actual, const Tolerance& tolerance);

}  // namespace isomer
