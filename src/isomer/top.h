// The best classes of a classifier's output.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/limits.h"
#include "tensor/tensor.h"

namespace isomer {

struct RankedClass {
  int64_t index = 0;
  double score = 0;
};

// For each row of the last dimension, its `count` largest elements, largest first (ties: the lower index; NaN comes last). Empty for outputs that are no
// numbers or have no dimension.
std::vector<std::vector<RankedClass>> top_classes(const Tensor& output, int64_t count);

// Names of classes by index: one a line, or a JSON file with a list of strings or an object {"0": "tench", ...}.
Result<std::vector<std::string>> read_labels(const std::string& path, const Limits& limits);

}  // namespace isomer
