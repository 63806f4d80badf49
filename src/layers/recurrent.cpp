// Recurrent layers and the wrappers around layers.
#include "layers/layer_classes.h"
#include "layers/recurrent_cells.h"

namespace isomer::layers {
namespace {

// Input of one step, for the shapes of the weights.
Value first_step_of(Emitter& e, Value x) {
  return e.make("StridedSlice", {x, e.integers({0, 0}), e.integers({0, 1}), e.integers({1, 1})},
                {{"begin_mask", int64_t{1}}, {"end_mask", int64_t{1}}, {"shrink_axis_mask", int64_t{2}}});
}

void run_cell(LayerCall& c, const std::string& class_name, Config& config, std::optional<std::string> cell_name) {
  Emitter& e = c.e;
  Value x = c.input();
  if (c.config.boolean("time_major", false)) return c.unsupported("a recurrent layer with time_major", "export the model as a SavedModel");
  if (c.config.boolean("stateful", false)) c.note("stateful recurrent layers begin every run with zero states");
  std::optional<Cell> cell;
  if (cell_name) {
    const Lowering::Scope scope(c.lowering, e, *cell_name, class_name);
    cell = make_cell(c, class_name, config, first_step_of(e, x));
  } else {
    cell = make_cell(c, class_name, config, first_step_of(e, x));
  }
  if (!cell || e.failed()) return;
  Sequence sequence;
  sequence.x = x;
  sequence.mask = c.inputs[0].mask;
  sequence.backwards = c.config.boolean("go_backwards", false);
  sequence.zero_masked = c.config.boolean("zero_output_for_mask", false);
  for (size_t i = 1; i < c.inputs.size(); ++i) sequence.initial_states.push_back(c.input(i));
  const bool wants_all = c.config.boolean("return_sequences", false);
  const SequenceResult result = run_sequence(c, *cell, sequence, wants_all);
  if (e.failed()) return;
  c.outputs.push_back({wants_all ? result.outputs : result.last, wants_all ? sequence.mask : Value()});
  if (c.config.boolean("return_state", false))
    for (const Value state : result.states) c.give(state);
}

void recurrent(LayerCall& c) { run_cell(c, c.layer.class_name, c.config, std::nullopt); }

// RNN: the cell is a configuration of its own, or a list of them.
void with_cell(LayerCall& c) {
  const JsonValue* json = c.config.find("cell");
  if (!json) return c.e.refuse("an RNN layer has no cell");
  JsonValue stacked;
  if (json->is_array()) {
    stacked = JsonValue::object();
    stacked["class_name"] = JsonValue("StackedRNNCells");
    stacked["config"]["cells"] = *json;
    json = &stacked;
  }
  const auto layer = c.lowering.inner_layer(c.e, *json);
  if (!layer) return;
  Config config(layer->config, c.config.generation());
  const bool named = layer->config.find("name") != nullptr;
  run_cell(c, layer->class_name, config, named ? std::optional(layer->name) : std::nullopt);
  if (auto status = config.status(); !status) c.e.refuse(std::move(status.error()));
}

JsonValue with_config(JsonValue layer, std::string_view key, JsonValue value) {
  layer["config"][key] = std::move(value);
  return layer;
}

void bidirectional(LayerCall& c) {
  Emitter& e = c.e;
  const JsonValue* json = c.config.find("layer");
  if (!json || !json->find("config")) return e.refuse("a Bidirectional layer has no layer");
  const JsonValue* name_json = json->find("config")->find("name");
  std::string name = name_json && name_json->is_string() ? name_json->text() : "rnn";
  if (name.starts_with("forward_")) name = name.substr(8);
  const JsonValue* own_backward = c.config.find("backward_layer");
  const bool reversed = json->find("config")->find("go_backwards") && *json->find("config")->find("go_backwards") == JsonValue(true);
  JsonValue forward = with_config(*json, "name", JsonValue("forward_" + name));
  JsonValue backward =
      own_backward ? *own_backward : with_config(with_config(*json, "name", JsonValue("backward_" + name)), "go_backwards", JsonValue(!reversed));
  if (own_backward && backward.find("config") && !own_backward->find("config")->find("go_backwards")) backward["config"]["go_backwards"] = JsonValue(true);
  // tf.keras (whose configurations tell of time_major) has masked steps of both directions give zeros, without a word in the configuration.
  const JsonValue* sequences_json = json->find("config")->find("return_sequences");
  if (c.config.generation() == Generation::kKeras2 && json->find("config")->find("time_major") && sequences_json)
    for (JsonValue* direction : {&forward, &backward}) *direction = with_config(std::move(*direction), "zero_output_for_mask", *sequences_json);
  const auto first = c.lowering.inner_layer(e, forward), second = c.lowering.inner_layer(e, backward);
  if (!first || !second) return;

  // Initial states: the first half for the one direction, the second for the other.
  std::vector<LayerValue> to_first = {c.inputs[0]}, to_second = {c.inputs[0]};
  const size_t states = c.inputs.size() - 1;
  for (size_t i = 0; i < states; ++i) (i < states / 2 ? to_first : to_second).push_back(c.inputs[i + 1]);
  const auto a = c.lowering.call_layer(e, *first, c.call, to_first), b = c.lowering.call_layer(e, *second, c.call, to_second);
  if (e.failed() || a.empty() || b.empty()) return;
  Config inner(first->config, c.config.generation());
  const bool sequences = inner.boolean("return_sequences", false);
  const Value x = a[0].value, y = sequences ? e.reverse(b[0].value, 1) : b[0].value;
  const Value mask = sequences ? c.inputs[0].mask : Value();
  const JsonValue* mode_json = c.config.json().find("merge_mode");
  const std::string mode = mode_json && mode_json->is_null() ? "" : c.config.text("merge_mode", "concat");
  if (mode == "concat") {
    const Value joined[] = {x, y};
    c.outputs.push_back({e.concatenate(joined, inner.channels_first() && e.rank(x) > 3 ? 1 : -1), mask});
  } else if (mode == "sum") {
    c.outputs.push_back({e.add(x, y), mask});
  } else if (mode == "ave") {
    c.outputs.push_back({e.multiply(e.add(x, y), 0.5), mask});
  } else if (mode == "mul") {
    c.outputs.push_back({e.multiply(x, y), mask});
  } else if (mode.empty()) {
    c.outputs.push_back({x, mask});
    c.outputs.push_back({y, mask});
  } else {
    return e.refuse("there is no merge_mode '" + mode + "'");
  }
  for (size_t i = 1; i < a.size(); ++i) c.give(a[i].value);
  for (size_t i = 1; i < b.size(); ++i) c.give(b[i].value);
}

// The layer on every step at once: steps join the batch, and leave it after.
void time_distributed(LayerCall& c) {
  Emitter& e = c.e;
  const JsonValue* json = c.config.find("layer");
  if (!json) return e.refuse("a TimeDistributed layer has no layer");
  const auto layer = c.lowering.inner_layer(e, *json);
  if (!layer) return;
  const Value x = c.input();
  const Value batch = e.dimension(x, 0), steps = e.dimension(x, 1);
  std::vector<Value> sizes = {e.integer(-1)};
  for (int64_t i = 2; i < e.rank(x); ++i) sizes.push_back(e.dimension(x, i));
  // A mask of steps inside goes along where it has more dimensions than the outer steps'.
  Value mask = c.inputs[0].mask;
  if (mask.valid() && e.rank(mask) > 2) {
    std::vector<Value> mask_sizes = {e.integer(-1)};
    for (int64_t i = 2; i < e.rank(mask); ++i) mask_sizes.push_back(e.dimension(mask, i));
    mask = e.reshape_to(mask, mask_sizes);
  } else {
    mask = {};
  }
  const auto results = c.lowering.call_layer(e, *layer, Call{}, {{e.reshape_to(x, sizes), mask}});
  if (e.failed()) return;
  for (const LayerValue& result : results) {
    // One of batch and steps may stay open: reshape works it out.
    const bool known_steps = e.shape(x).has_rank() && e.shape(x)[1] != kUnknownDim;
    std::vector<Value> back = {known_steps ? e.integer(-1) : batch, steps};
    for (int64_t i = 1; i < e.rank(result.value); ++i) back.push_back(e.dimension(result.value, i));
    c.give_masked(e.reshape_to(result.value, back));
  }
}

// A layer around another that is the other outside of training: SpectralNormalization, which keeps its kernel normalised, and Wrapper itself.
void wrapper(LayerCall& c) {
  const JsonValue* json = c.config.find("layer");
  if (!json) return c.e.refuse("a wrapper has no layer");
  if (const auto layer = c.lowering.inner_layer(c.e, *json)) c.outputs = c.lowering.call_layer(c.e, *layer, c.call, c.inputs);
}

}  // namespace

LAYER_CLASS(SpectralNormalization, wrapper, "A layer whose kernel training keeps at norm 1.")
LAYER_CLASS(Wrapper, wrapper, "The layer inside.")
LAYER_CLASS(SimpleRNN, recurrent, "A fully connected layer that sees its own last output.")
LAYER_CLASS(GRU, recurrent, "Gated recurrent units.")
LAYER_CLASS(LSTM, recurrent, "Long short-term memory.")
LAYER_CLASS(CuDNNLSTM, recurrent, "LSTM as cuDNN stores it.")
LAYER_CLASS(CuDNNGRU, recurrent, "GRU as cuDNN stores it.")
LAYER_CLASS(ConvLSTM1D, recurrent, "Long short-term memory with convolutions over steps of a line.")
LAYER_CLASS(ConvLSTM2D, recurrent, "Long short-term memory with convolutions over the plane.")
LAYER_CLASS(ConvLSTM3D, recurrent, "Long short-term memory with convolutions over space.")
LAYER_CLASS(RNN, with_cell, "Any cell over the steps of a sequence.")
LAYER_CLASS(Bidirectional, bidirectional, "A recurrent layer over the steps both ways.")
LAYER_CLASS(TimeDistributed, time_distributed, "A layer on each step of a sequence.")

}  // namespace isomer::layers
