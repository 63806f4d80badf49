// Under which keys a checkpoint keeps the objects of a SavedModel.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/error.h"
#include "base/limits.h"
#include "formats/tf/tensor_bundle.h"

namespace isomer::tf {

class SavedObjectGraph;

// By object of the SavedModel: names of attributes ("VARIABLE_VALUE") to keys.
using CheckpointKeys = std::map<int64_t, std::map<std::string, std::string>>;

// The checkpoint's object graph is walked beside the model's, along equal child names, from the root. InvalidModel or Malformed where it cannot be read.
Result<CheckpointKeys> read_checkpoint_keys(TensorBundle& bundle, const SavedObjectGraph& objects, const Limits& limits);

}  // namespace isomer::tf
