// Where a .keras archive keeps the weights of a model.
//
// An archive names objects by how they are reached in Python: "layers" of a model, then for each layer the snake_case name of its class, counted up within
// the model ("conv2d", "conv2d_1"), then attributes ("cell", "forward_layer"), then "vars" and the weight's number in the layer. Names of layers do not occur,
// so the places follow from the configuration alone.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "layers/lower.h"
#include "layers/weight_matching.h"

namespace isomer::layers {

// "multi_head_attention" of "MultiHeadAttention", as Keras does it ("re_lu", "conv2d_transpose").
std::string snake_case(std::string_view class_name);

// Where an archive keeps what belongs to each layer, by the names of the layers that lead to it: {"encoder", "words"} lies in
// "layers/functional/layers/embedding/".
std::map<std::vector<std::string>, std::string> archive_places(const Model& model);

// For each slot the places at which archives may have it, those of the newest Keras first. `slots` are those of `model`, lowered.
std::vector<std::vector<std::string>> archive_paths(const Model& model, std::span<const WeightSlot> slots);

// For each slot the index of its weight. What the paths do not find is looked up by the names of layers that newer archives hold, then by order and shape.
// NotFound as match_weights.
Result<std::vector<size_t>> match_archive_weights(const Model& model, std::span<const WeightSlot> slots, std::span<const StoredWeight> stored);

}  // namespace isomer::layers
