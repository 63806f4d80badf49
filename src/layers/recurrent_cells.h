// The cells of recurrent layers.
#pragma once

#include <optional>

#include "layers/recurrence.h"

namespace isomer::layers {

// The cell that a class and its configuration describe: SimpleRNN(Cell), GRU(Cell), LSTM(Cell), StackedRNNCells, ConvLSTM*(Cell). `x` is the input of a step.
// Weights are made at the current path of the lowering. nullopt, with an error in the emitter, where the class is none of these.
std::optional<Cell> make_cell(LayerCall& call, const std::string& class_name, Config& config, Value x);

}  // namespace isomer::layers
