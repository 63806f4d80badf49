// Where tf_keras keeps a weight: names of attributes, from the model on.
//
// A model has its layers as "layer-0", "layer-1", ... (an InputLayer that begins a Sequential model is not counted), a layer its weights under their names, and
// what lies between under the names of Python attributes: "cell", "forward_layer", "_query_dense". A SavedModel's object graph is made of these names.
#pragma once

#include <string>
#include <vector>

#include "layers/lower.h"

namespace isomer::layers {

// {"layer-1", "cell", "kernel"}. `config` is the model's, {"class_name", "config"}, in Keras 2's spelling; the slot is of that model, lowered.
std::vector<std::string> object_path(const JsonValue& config, const WeightSlot& slot);

// The layers of a model's configuration that are counted, in order.
std::vector<const JsonValue*> counted_layers(const JsonValue& config);

// The name of a layer's configuration object.
std::string layer_name_of(const JsonValue& layer);

}  // namespace isomer::layers
