// Weights of old Keras in the forms that today's layers have.
#pragma once

#include "layers/stored_model.h"

namespace isomer::layers {

struct WeightForms {
  std::vector<StoredWeight> weights;
  std::function<Result<Tensor>(size_t)> read;  // the values of weights[i]
};

// The weights of a file that names layers (WeightLayout::kByLayer). Most come as they are; what Keras 1 and Theano stored otherwise is turned around when it
// is read. `slots` are those of `model`, lowered.
WeightForms weights_as_of_today(const StoredModel& stored, const Model& model, std::span<const WeightSlot> slots);

}  // namespace isomer::layers
