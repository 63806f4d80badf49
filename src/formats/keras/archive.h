// Keras archives (.keras), of Keras 3 and of tf_keras, also unpacked into a directory.
//
// docs/formats/keras_archive.md describes what lies where.
#pragma once

#include <string>

#include "layers/stored_model.h"

namespace isomer::keras {

// `path` is the archive, or a directory with its config.json.
Result<layers::StoredModel> read_archive(const std::string& path, const Limits& limits);

}  // namespace isomer::keras
