// The layers of a Keras SavedModel: what keras_metadata.pb, or before TensorFlow 2.5 saved_model.pb itself, tells of them.
//
// docs/formats/keras_saved_model.md describes what lies where.
#pragma once

#include <string>

#include "layers/stored_model.h"

namespace isomer::keras {

// Does the SavedModel in this directory say which layers it was made of? False where it cannot be read as well.
bool holds_layers(const std::string& path, const Limits& limits);

// Unsupported, with what to do instead, for SavedModels without layers and for subclassed models.
Result<layers::StoredModel> read_saved_model_layers(const std::string& path, const Limits& limits);

}  // namespace isomer::keras
