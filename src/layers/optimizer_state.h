// What an optimiser remembers of each weight, from the order and the names of one format to those of another.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "layers/stored_model.h"

namespace isomer::layers {

struct TrainedWeight {
  std::string name;  // in the target
  Shape shape;
};

struct NamedState {
  std::string name;
  Tensor value;
};

// `trained` are the trainable weights in the model's order. Unsupported, with the reason, where the stored state does not fit them or the target's optimiser
// keeps something else.
Result<std::vector<NamedState>> translate_optimizer(const StoredModel& stored, std::span<const TrainedWeight> trained, TrainingForm to);

}  // namespace isomer::layers
