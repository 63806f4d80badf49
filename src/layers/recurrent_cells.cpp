// LSTM: S. Hochreiter and J. Schmidhuber, Long Short-Term Memory, 1997; gates in the order i, f, c, o. GRU: K. Cho et al., 2014; gates in the order z, r, h;
// with reset_after the reset gate is applied to the product of the state, as cuDNN does, and there are two biases.
#include "layers/recurrent_cells.h"

#include <algorithm>

#include "layers/layer_classes.h"

namespace isomer::layers {
namespace {

// What a cell's steps need of its configuration, copied so that it outlives the layer.
struct CellConfig {
  Generation generation;
  JsonValue activation, recurrent_activation;
  int64_t units = 0;
  bool use_bias = true;
};

CellConfig read_cell(Config& config, std::string_view units_key, std::string_view recurrent_default) {
  CellConfig cell;
  cell.generation = config.generation();
  const JsonValue* activation = config.find("activation");
  const JsonValue* recurrent = config.find(config.has("inner_activation") ? "inner_activation" : "recurrent_activation");
  cell.activation = activation ? *activation : JsonValue("tanh");
  cell.recurrent_activation = recurrent ? *recurrent : JsonValue(recurrent_default);
  cell.units = config.integer(units_key, config.integer("output_dim", 0));
  cell.use_bias = config.boolean("use_bias", true);
  return cell;
}

// The default of the recurrent activation changed with Keras 3 (and tf.keras 2.x wrote it out).
std::string_view recurrent_default(Generation generation) { return generation == Generation::kKeras3 ? "sigmoid" : "hard_sigmoid"; }

class CellBuilder {
 public:
  CellBuilder(LayerCall& c, Config& config) : call(c), config_(config) {}

  size_t weight(std::string_view name, std::vector<int64_t> shape, std::string_view initializer_key) {
    const JsonValue* initializer = config_.find(initializer_key);
    cell.weights.push_back(call.lowering.float_weight(call.e, name, std::move(shape), initializer, config_.boolean("trainable", true)));
    return cell.weights.size() - 1;
  }
  // Zeros of [batch, units] for each of the sizes.
  void zero_states(std::vector<int64_t> sizes) {
    cell.initial_states = [sizes](Emitter& e, Value first_step) {
      std::vector<Value> states;
      for (const int64_t size : sizes) {
        const Value dims[] = {e.dimension(first_step, 0), e.integer(size)};
        states.push_back(e.fill(dims, e.dtype(first_step), 0));
      }
      return states;
    };
  }

  LayerCall& call;
  Cell cell;

 private:
  Config& config_;
};

Value with_dtype(Emitter& e, Value weight, Value x) { return e.cast(weight, e.dtype(x)); }

Cell simple_cell(LayerCall& c, Config& config, Value x) {
  const CellConfig k = read_cell(config, "units", "");
  CellBuilder b(c, config);
  b.weight("kernel", {c.e.known_size(x, -1, "the number of features"), k.units}, "kernel_initializer");
  b.weight("recurrent_kernel", {k.units, k.units}, "recurrent_initializer");
  if (k.use_bias) b.weight("bias", {k.units}, "bias_initializer");
  b.zero_states({k.units});
  b.cell.step = [k](Emitter& e, Value in, std::span<const Value> states, std::span<const Value> w) {
    Value h = e.make("MatMul", {in, with_dtype(e, w[0], in)});
    if (k.use_bias) h = add_bias(e, h, with_dtype(e, w[2], in));
    h = e.add(h, e.make("MatMul", {states[0], with_dtype(e, w[1], in)}));
    h = activate_json(e, k.generation, k.activation, h);
    return StepResult{h, {h}};
  };
  return std::move(b.cell);
}

using Step = decltype(Cell::step);

Step gru_steps(const CellConfig& k, bool after) {
  return [k, after](Emitter& e, Value in, std::span<const Value> states, std::span<const Value> w) {
    const Value h = states[0], recurrent = with_dtype(e, w[1], in);
    Value inputs = e.make("MatMul", {in, with_dtype(e, w[0], in)});
    std::vector<Value> biases;
    if (k.use_bias && after) biases = e.make_all("Unpack", {{with_dtype(e, w[2], in)}}, {{"num", int64_t{2}}, {"axis", int64_t{0}}});
    if (k.use_bias && !after) biases = {with_dtype(e, w[2], in)};
    if (!biases.empty()) inputs = add_bias(e, inputs, biases[0]);
    const auto x_gates = e.split(inputs, 1, 3);
    Value z, r, candidate;
    if (after) {
      Value inner = e.make("MatMul", {h, recurrent});
      if (biases.size() > 1) inner = add_bias(e, inner, biases[1]);
      const auto h_gates = e.split(inner, 1, 3);
      z = activate_json(e, k.generation, k.recurrent_activation, e.add(x_gates[0], h_gates[0]));
      r = activate_json(e, k.generation, k.recurrent_activation, e.add(x_gates[1], h_gates[1]));
      candidate = e.add(x_gates[2], e.multiply(r, h_gates[2]));
    } else {
      const auto kernels = e.split(recurrent, 1, 3);
      z = activate_json(e, k.generation, k.recurrent_activation, e.add(x_gates[0], e.make("MatMul", {h, kernels[0]})));
      r = activate_json(e, k.generation, k.recurrent_activation, e.add(x_gates[1], e.make("MatMul", {h, kernels[1]})));
      candidate = e.add(x_gates[2], e.make("MatMul", {e.multiply(r, h), kernels[2]}));
    }
    candidate = activate_json(e, k.generation, k.activation, candidate);
    const Value next = e.add(e.multiply(z, h), e.multiply(e.subtract(e.like(z, 1), z), candidate));
    return StepResult{next, {next}};
  };
}

Cell gru_cell(LayerCall& c, Config& config, Value x) {
  const CellConfig k = read_cell(config, "units", recurrent_default(config.generation()));
  // Keras 3 and tf.keras 2 apply the reset gate after the product unless told otherwise; those before, and TensorFlow.js, know only the other way.
  const bool after = config.boolean("reset_after", config.generation() == Generation::kKeras3);
  CellBuilder b(c, config);
  b.weight("kernel", {c.e.known_size(x, -1, "the number of features"), 3 * k.units}, "kernel_initializer");
  b.weight("recurrent_kernel", {k.units, 3 * k.units}, "recurrent_initializer");
  if (k.use_bias) b.weight("bias", after ? std::vector<int64_t>{2, 3 * k.units} : std::vector<int64_t>{3 * k.units}, "bias_initializer");
  b.zero_states({k.units});
  b.cell.step = gru_steps(k, after);
  return std::move(b.cell);
}

// The new carry and output from the four gates' sums.
StepResult lstm_step(Emitter& e, const CellConfig& k, const std::vector<Value>& gates, Value carry) {
  const auto gate = [&](size_t i) { return activate_json(e, k.generation, k.recurrent_activation, gates[i]); };
  const Value next = e.add(e.multiply(gate(1), carry), e.multiply(gate(0), activate_json(e, k.generation, k.activation, gates[2])));
  const Value h = e.multiply(gate(3), activate_json(e, k.generation, k.activation, next));
  return {h, {h, next}};
}

Step lstm_steps(const CellConfig& k) {
  return [k](Emitter& e, Value in, std::span<const Value> states, std::span<const Value> w) {
    Value sums = e.add(e.make("MatMul", {in, with_dtype(e, w[0], in)}), e.make("MatMul", {states[0], with_dtype(e, w[1], in)}));
    if (k.use_bias) sums = add_bias(e, sums, with_dtype(e, w[2], in));
    return lstm_step(e, k, e.split(sums, 1, 4), states[1]);
  };
}

Cell lstm_cell(LayerCall& c, Config& config, Value x) {
  const CellConfig k = read_cell(config, "units", recurrent_default(config.generation()));
  CellBuilder b(c, config);
  b.weight("kernel", {c.e.known_size(x, -1, "the number of features"), 4 * k.units}, "kernel_initializer");
  b.weight("recurrent_kernel", {k.units, 4 * k.units}, "recurrent_initializer");
  if (k.use_bias) b.weight("bias", {4 * k.units}, "bias_initializer");
  b.zero_states({k.units, k.units});
  b.cell.step = lstm_steps(k);
  return std::move(b.cell);
}

// cuDNN keeps the matrix of each gate transposed (that of the input without another shape), and has a second bias. The weights stay so in files; what follows
// from them is computed, and folded away.
Value from_cudnn(Emitter& e, Value matrix, int64_t gates, int64_t in, int64_t units) {
  std::vector<Value> parts;
  for (const Value part : e.split(matrix, 1, gates)) parts.push_back(e.transpose(e.reshape(part, {units, in}), {1, 0}));
  return e.concatenate(parts, 1);
}

Cell cudnn_cell(LayerCall& c, Config& config, Value x, bool lstm) {
  Emitter& e = c.e;
  CellConfig k = read_cell(config, "units", "sigmoid");
  k.activation = JsonValue("tanh");
  k.recurrent_activation = JsonValue("sigmoid");
  const int64_t gates = lstm ? 4 : 3, in = e.known_size(x, -1, "the number of features");
  CellBuilder b(c, config);
  b.weight("kernel", {in, gates * k.units}, "kernel_initializer");
  b.weight("recurrent_kernel", {k.units, gates * k.units}, "recurrent_initializer");
  b.weight("bias", {2 * gates * k.units}, "bias_initializer");
  std::vector<Value>& w = b.cell.weights;
  w[0] = from_cudnn(e, w[0], gates, in, k.units);
  w[1] = from_cudnn(e, w[1], gates, k.units, k.units);
  w[2] = e.reshape(w[2], {2, gates * k.units});
  if (lstm) w[2] = e.reduce("Sum", w[2], {0});
  b.zero_states(lstm ? std::vector<int64_t>{k.units, k.units} : std::vector<int64_t>{k.units});
  b.cell.step = lstm ? lstm_steps(k) : gru_steps(k, true);
  return std::move(b.cell);
}

// A convolution in place of each product; the state keeps the plane.
template <size_t rank>
Cell conv_lstm_cell(LayerCall& c, Config& config, Value x) {
  Emitter& e = c.e;
  const CellConfig k = read_cell(config, "filters", "hard_sigmoid");
  const bool first = config.channels_first();
  std::vector<int64_t> kernel = config.window("kernel_size", rank, 1), strides = config.window("strides", rank, 1),
                       dilation = config.window("dilation_rate", rank, 1);
  std::string padding = config.text("padding", "valid");
  std::transform(padding.begin(), padding.end(), padding.begin(), [](unsigned char ch) { return static_cast<char>(std::toupper(ch)); });
  const int64_t channels = e.known_size(x, first ? 1 : -1, "the number of channels");
  const auto shape = [&](int64_t in, int64_t out) {
    std::vector<int64_t> dims = kernel;
    dims.insert(dims.end(), {in, out});
    return dims;
  };
  CellBuilder b(c, config);
  b.weight("kernel", shape(channels, 4 * k.units), "kernel_initializer");
  b.weight("recurrent_kernel", shape(k.units, 4 * k.units), "recurrent_initializer");
  if (k.use_bias) b.weight("bias", {4 * k.units}, "bias_initializer");
  const auto ends = [](std::vector<int64_t> sizes) {
    if (sizes.size() == 1) sizes.insert(sizes.begin(), 1);
    sizes.insert(sizes.begin(), 1);
    sizes.push_back(1);
    return sizes;
  };
  const ir::AttributeMap of_input = {{"strides", ends(strides)}, {"padding", padding}, {"dilations", ends(dilation)}};
  const ir::AttributeMap of_state = {{"strides", ends(std::vector<int64_t>(rank, 1))}, {"padding", std::string("SAME")}};
  const auto convolve = [](Emitter& em, Value in, Value w, const ir::AttributeMap& attributes) {
    if (rank == 1) return em.squeeze(em.make("Conv2D", {em.expand(in, 1), em.expand(w, 0)}, attributes), 1);
    return em.make(rank == 3 ? "Conv3D" : "Conv2D", {in, w}, attributes);
  };
  const std::vector<int64_t> zero_kernel = shape(channels, k.units);
  // Zeros in the shape that the input's convolution gives.
  b.cell.initial_states = [=](Emitter& em, Value first_step) {
    const Value in = first ? to_channels_last(em, first_step) : first_step;
    std::vector<Value> sizes;
    for (const int64_t size : zero_kernel) sizes.push_back(em.integer(size));
    const Value plane = convolve(em, em.zeros_like(in), em.fill(sizes, em.dtype(in), 0), of_input);
    return std::vector<Value>{plane, plane};
  };
  b.cell.step = [=](Emitter& em, Value in, std::span<const Value> states, std::span<const Value> w) {
    in = first ? to_channels_last(em, in) : in;
    Value sums = convolve(em, in, with_dtype(em, w[0], in), of_input);
    if (k.use_bias) sums = add_bias(em, sums, with_dtype(em, w[2], in));
    sums = em.add(sums, convolve(em, states[0], with_dtype(em, w[1], in), of_state));
    StepResult result = lstm_step(em, k, em.split(sums, -1, 4), states[1]);
    if (first) result.output = to_channels_first(em, result.output);
    return result;
  };
  return std::move(b.cell);
}

// Cells one upon the other: the output of each is the input of the next; states follow each other.
std::optional<Cell> stacked_cells(LayerCall& c, Config& config, Value x) {
  const JsonValue* list = config.find("cells");
  if (!list || !list->is_array() || list->items().empty()) {
    c.e.refuse("StackedRNNCells has no cells");
    return std::nullopt;
  }
  struct Part {
    Cell cell;
    size_t states = 0;
  };
  auto parts = std::make_shared<std::vector<Part>>();
  Cell all;
  Value step = x;
  for (const JsonValue& json : list->items()) {
    const auto layer = c.lowering.inner_layer(c.e, json);
    if (!layer) return std::nullopt;
    const Lowering::Scope scope(c.lowering, c.e, layer->name, layer->class_name);
    Config inner(layer->config, config.generation());
    auto cell = make_cell(c, layer->class_name, inner, step);
    if (auto status = inner.status(); !status) c.e.refuse(std::move(status.error()));
    if (!cell || c.e.failed()) return std::nullopt;
    const std::vector<Value> states = cell->initial_states(c.e, step);
    // What the next cell sees is like the first state of this one.
    step = states[0];
    all.weights.insert(all.weights.end(), cell->weights.begin(), cell->weights.end());
    parts->push_back({std::move(*cell), states.size()});
  }
  all.initial_states = [parts](Emitter& e, Value first_step) {
    std::vector<Value> states;
    for (const Part& part : *parts) {
      const auto own = part.cell.initial_states(e, first_step);
      states.insert(states.end(), own.begin(), own.end());
    }
    return states;
  };
  all.step = [parts](Emitter& e, Value in, std::span<const Value> states, std::span<const Value> weights) {
    StepResult result;
    for (const Part& part : *parts) {
      StepResult one = part.cell.step(e, in, states.first(part.states), weights.first(part.cell.weights.size()));
      states = states.subspan(part.states);
      weights = weights.subspan(part.cell.weights.size());
      in = one.output;
      result.states.insert(result.states.end(), one.states.begin(), one.states.end());
    }
    result.output = in;
    return result;
  };
  return all;
}

}  // namespace

std::optional<Cell> make_cell(LayerCall& c, const std::string& class_name, Config& config, Value x) {
  std::string name = class_name;
  if (name.ends_with("Cell")) name.resize(name.size() - 4);
  if (name == "SimpleRNN") return simple_cell(c, config, x);
  if (name == "CuDNNLSTM" || name == "CuDNNGRU") return cudnn_cell(c, config, x, name == "CuDNNLSTM");
  if (name == "GRU" || name == "UnifiedGRU") return gru_cell(c, config, x);
  if (name == "LSTM" || name == "UnifiedLSTM") return lstm_cell(c, config, x);
  if (name == "ConvLSTM1D") return conv_lstm_cell<1>(c, config, x);
  if (name == "ConvLSTM2D") return conv_lstm_cell<2>(c, config, x);
  if (name == "ConvLSTM3D") return conv_lstm_cell<3>(c, config, x);
  if (name == "StackedRNNCells") return stacked_cells(c, config, x);
  c.unsupported("Isomer does not know the cell class " + class_name,
                "a custom cell's code is not in the file: export the model as a SavedModel, which holds its ops");
  return std::nullopt;
}

}  // namespace isomer::layers
