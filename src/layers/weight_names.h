// The names that the loaders of each format look for.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "layers/lower.h"

namespace isomer::layers {

// The slot with the names that its layers have in the target (Translation::renamed).
WeightSlot renamed_slot(const WeightSlot& slot, const std::map<std::vector<std::string>, std::string>& renamed);

// "dense/kernel", "bi/forward_lstm/kernel", "rnn/RNNCell_0/kernel": TensorFlow.js's. Nested models do not occur in them. InvalidModel where two weights would
// have one name.
Result<std::vector<std::string>> tfjs_weight_names(std::span<const WeightSlot> slots);

// Names within the group of the outermost layer, as tf_keras has them: "dense/kernel:0", "gru/gru_cell/bias:0". Unique within the group.
Result<std::vector<std::string>> hdf5_weight_names(std::span<const WeightSlot> slots);

}  // namespace isomer::layers
