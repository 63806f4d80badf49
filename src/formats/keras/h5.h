// Keras HDF5 files (.h5, .hdf5), of Keras 1, 2 and 3: whole models, and weights alone.
//
// docs/formats/keras_h5.md describes what lies where.
#pragma once

#include <string>

#include "layers/stored_model.h"

namespace isomer::keras {

// A file of weights alone is NotFound: its architecture is missing, with a hint how to name it.
Result<layers::StoredModel> read_h5(const std::string& path, const Limits& limits);

// The weights of a file that holds a whole model, weights alone in the layout of .h5 files, or weights in the layout of .keras archives (".weights.h5"), put
// in the place of those that `model` has.
Result<void> read_h5_weights(const std::string& path, layers::StoredModel& model, const Limits& limits);

}  // namespace isomer::keras
