// Which stored weight belongs to which weight of a model.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "layers/lower.h"

namespace isomer::layers {

// A weight as a file names it: "dense/kernel", "lstm/lstm_cell/kernel:0", "dense_1_W". `group` is the layer of the outermost model under which the file keeps
// it, where the file says so (HDF5 does); else empty.
struct StoredWeight {
  std::string group;
  std::string name;
  Shape shape;
  DType dtype = DType::kFloat32;  // as the file has it
  std::string layer = {};         // in archives: the name of the layer that owns it, where the archive says so
};

// For each slot the index of its weight. Names decide first: the last part of the name has to be that of the slot, and of the layers that the slot lies in, as
// many as possible have to occur in the name, in order; a weight of a nested model may serve both places where the model is used. What is left over is matched
// by its order within the group (or the file), where shapes agree: files of old Keras have names that say nothing. NotFound lists the slots that nothing fits,
// with shapes.
Result<std::vector<size_t>> match_weights(std::span<const WeightSlot> slots, std::span<const StoredWeight> stored);

}  // namespace isomer::layers
