// Running a cell over the steps of a sequence, as a loop of the graph.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "layers/lower.h"

namespace isomer::layers {

struct StepResult {
  Value output;
  std::vector<Value> states;
};

// What one step does: output and new states from the step's input and the states before. `weights` are those of the cell, as the loop's body sees them;
// everything that a step needs from outside comes in through them.
struct Cell {
  std::vector<Value> weights;
  std::function<std::vector<Value>(Emitter&, Value first_step)> initial_states;  // from the input of the first step
  std::function<StepResult(Emitter&, Value x, std::span<const Value> states, std::span<const Value> weights)> step;
};

struct Sequence {
  Value x;                            // [batch, steps, ...]
  Value mask;                         // bool[batch, steps]; invalid: none
  std::vector<Value> initial_states;  // empty: the cell's own
  bool zero_masked = false;           // a masked step gives zeros, in place of the output before it
  bool backwards = false;             // the last step first; outputs come in the order in which they are made
};

struct SequenceResult {
  Value outputs;  // [batch, steps, ...]; only where wanted
  Value last;     // the output of the last step
  std::vector<Value> states;
};

// A masked step repeats the output before it (zeros at first) and keeps the states.
SequenceResult run_sequence(LayerCall& call, const Cell& cell, const Sequence& sequence, bool wants_outputs);

}  // namespace isomer::layers
