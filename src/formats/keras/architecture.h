// Keras architectures alone: what to_json() and to_yaml() gave, and a config.json taken out of an archive.
#pragma once

#include <string>

#include "layers/stored_model.h"

namespace isomer::keras {

// The model has no weights: they are drawn by its initialisers, or come from a file of their own (read_h5_weights).
Result<layers::StoredModel> read_architecture(const std::string& path, const Limits& limits);

}  // namespace isomer::keras
