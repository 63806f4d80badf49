// The order in which Keras keeps the layers of a functional model, whatever order its configuration lists them in.
#pragma once

#include "layers/model.h"

namespace isomer::layers {

// Puts the layers, those of nested models too, in the order that Keras gives them when it makes the model: by their distance from the outputs, and among those
// of the same by when a walk from the outputs back comes to them. Loaders set weights, and count names, in that order. Layers that no output needs come last.
void order_as_keras(Model& model);

}  // namespace isomer::layers
