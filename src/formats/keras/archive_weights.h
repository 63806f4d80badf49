// Weights in the layout of .keras archives: model.weights.h5, also as a file of its own.
#pragma once

#include <span>

#include "layers/stored_model.h"
#include "wire/hdf5.h"

namespace isomer::keras {

// Has this root groups of numbered variables ("layers/dense/vars/0")?
Result<bool> looks_like_archive_weights(const Hdf5Object& root);

// The weights of the layers and of the optimiser, of a file or of all files that it is cut into. What layers keep beside their weights (seeds, counters of
// metrics) is left out.
Result<void> read_archive_weights(std::span<const Hdf5Object> roots, layers::StoredModel& model, const Limits& limits);

}  // namespace isomer::keras
