// The weights of a stored model, each with its place in the model: what writers of the family begin with.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "layers/stored_model.h"

namespace isomer::layers {

struct PlacedWeight {
  WeightSlot slot;
  Tensor value;  // in the dtype that the file has
};

struct PlacedModel {
  Model model;
  // In the order of the model's layers (of nested models too); of one layer in Keras's.
  std::vector<PlacedWeight> weights;
  LayerShapes input_shapes, result_shapes;
  std::set<std::vector<std::string>> masked_layers;
  std::vector<UnknownLayer> unknown_layers;  // custom ones: their weights are the file's
  std::vector<std::string> notes;
};

// Sorts weights by the places of their layers in the model; of one layer they stay as they are.
void order_by_layers(std::vector<PlacedWeight>& weights, const Model& model);

// Errors: those of reading the configuration, of lowering (Unsupported for forms of known classes without a meaning here) and of finding weights. Without
// weights in the file they are drawn from `seed`, with a note that says so.
Result<PlacedModel> place_weights(const StoredModel& stored, const Limits& limits, uint64_t seed);

}  // namespace isomer::layers
