// A layers model as a file stores it, of whatever format: the configuration, and the weights by the names that the file has for them.
#pragma once

#include <functional>
#include <vector>

#include "layers/lower.h"
#include "layers/weight_matching.h"

namespace isomer::layers {

struct StoredModel {
  JsonValue topology;  // {"class_name", "config"}, or the object around it that has it as "model_config"
  Generation generation = Generation::kKeras2;
  std::vector<StoredWeight> weights;           // without those of an optimiser
  std::function<Result<Tensor>(size_t)> read;  // the values of weights[i]
  bool has_weights = true;                     // false: an architecture alone, whose weights are drawn by its initialisers
};

// Reads the configuration, lowers it, and gives the variables their values: those of the file, or where it has none, first values drawn from `seed`, with a
// note that says so.
Result<LoweredModel> lower_stored(const StoredModel& stored, const LoweringOptions& options, uint64_t seed);

}  // namespace isomer::layers
