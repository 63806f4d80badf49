// Keras archives (.keras), of Keras 3 and of tf_keras, also unpacked into a directory.
//
// docs/formats/keras_archive.md describes what lies where.
#pragma once

#include <string>

#include "base/bytes.h"
#include "layers/stored_model.h"

namespace isomer::keras {

// `path` is the archive, or a directory with its config.json.
Result<layers::StoredModel> read_archive(const std::string& path, const Limits& limits);
// The same from the bytes of a packed archive.
Result<layers::StoredModel> read_archive(const Bytes& file, const Limits& limits);

}  // namespace isomer::keras
