// Activation functions by the names of Keras.
#pragma once

#include "layers/lower.h"

namespace isomer::layers {

// The activation that the layer's configuration names under `key`; `otherwise` where it names none. A name, or an object of a layer class (LeakyReLU with its
// configuration). Unsupported, with the name, where it is unknown.
Value activate(LayerCall& call, std::string_view key, Value x, std::string_view otherwise = "linear");
// The same for an activation spelled in JSON, in another emitter (the body of a loop).
Value activate_json(Emitter& e, Generation generation, const JsonValue& activation, Value x);
Value activate(Emitter& e, Generation generation, std::string_view name, Value x);

// ReLU with the slope, threshold and ceiling that the configuration tells.
Value relu(Emitter& e, Config& config, Value x);
// softmax over one or several axes; negative axes count from the end.
Value softmax(Emitter& e, Value x, std::vector<int64_t> axes);

}  // namespace isomer::layers
