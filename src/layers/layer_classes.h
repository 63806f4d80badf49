// What the files of layer classes share.
#pragma once

#include "layers/activations.h"
#include "layers/lower.h"

namespace isomer::layers {

// Axis counted from the front.
int64_t positive_axis(Emitter& e, Value x, int64_t axis);

// An image (or sequence, or volume) with its channels last, and back: for layers that are configured with channels first.
Value to_channels_last(Emitter& e, Value x);
Value to_channels_first(Emitter& e, Value x);

// x + bias, the bias along the last axis.
inline Value add_bias(Emitter& e, Value x, Value bias) { return e.make("BiasAdd", {x, bias}); }

// x / sqrt(max(sum of squares, 1e-12)) along the axes.
Value l2_normalize(Emitter& e, Value x, std::span<const int64_t> axes);

// A vector of weights shaped so that it broadcasts against x along these axes.
Value along_axes(Emitter& e, Value weights, Value x, std::span<const int64_t> axes);

// [1, sizes..., 1], as the ops want windows.
std::vector<int64_t> with_ends(std::vector<int64_t> sizes);

// `mask` and what else has to hold; either may be invalid.
Value both(Emitter& e, Value a, Value b);

// Gives indices below `depth` in one of Keras's output modes: "int", "one_hot", "multi_hot", "count" (each index counts as its `weights` say, where they are
// valid). Negative indices are left out.
void encode(LayerCall& c, Value indices, int64_t depth, const std::string& mode, Value weights);

// The input that the call names by keyword; none where it does not.
std::optional<size_t> input_of_call(LayerCall& c, std::string_view key);

// One layer class as one entry of layers.def.
#define LAYER_CLASS(Name, function, text) \
  extern const LayerDef kLayer_##Name;    \
  constinit const LayerDef kLayer_##Name = {.name = #Name, .lower = function, .doc = text};

}  // namespace isomer::layers
