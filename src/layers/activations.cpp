#include "layers/activations.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace isomer::layers {
namespace {

Value sigmoid(Emitter& e, Value x) { return e.make("Sigmoid", {x}); }

Value clip(Emitter& e, Value x, double low, double high) { return e.minimum(e.maximum(x, low), high); }

// Keras 3 made it relu6(x + 3) / 6; before it was a clipped line of slope 0.2.
Value hard_sigmoid(Emitter& e, Generation generation, Value x) {
  if (generation == Generation::kKeras3) return e.multiply(e.make("Relu6", {e.add(x, 3)}), 1.0 / 6);
  return clip(e, e.add(e.multiply(x, 0.2), 0.5), 0, 1);
}

Value gelu(Emitter& e, Value x, bool approximate) {
  if (!approximate) return e.multiply(e.multiply(x, 0.5), e.add(e.make("Erf", {e.multiply(x, std::numbers::sqrt2 / 2)}), 1));
  const Value cube = e.multiply(e.multiply(x, x), x);
  const Value inner = e.multiply(e.add(x, e.multiply(cube, 0.044715)), std::sqrt(2 / std::numbers::pi));
  return e.multiply(e.multiply(x, 0.5), e.add(e.make("Tanh", {inner}), 1));
}

Value leaky_relu(Emitter& e, Value x, double slope) { return e.make("LeakyRelu", {x}, {{"alpha", static_cast<float>(slope)}}); }

Value shrink(Emitter& e, Value x, double threshold, bool soft) {
  const Value small = e.make("LessEqual", {e.make("Abs", {x}), e.like(x, threshold)});
  const Value moved = soft ? e.subtract(x, e.multiply(e.make("Sign", {x}), threshold)) : x;
  return e.select(small, e.zeros_like(x), moved);
}

Value log_softmax(Emitter& e, Value x) { return e.make("LogSoftmax", {x}); }

Value glu(Emitter& e, Value x) {
  const auto halves = e.split(x, -1, 2);
  return e.multiply(halves[0], sigmoid(e, halves[1]));
}

// max(x - t, 0). With A. Martins, R. Astudillo, "From Softmax to Sparsemax" (2016), t would come from the last of the supported sums and make the result's sum
// 1; Keras adds all of them up, and that is what its models were made with.
Value sparsemax(Emitter& e, Value x) {
  const int64_t size = e.known_size(x, -1, "the number of classes");
  if (e.failed()) return x;
  const Value sorted = e.make_all("TopKV2", std::vector<Value>{x, e.integer(size)})[0];
  const Value sums = e.make("Cumsum", {sorted, e.integer(-1)});
  std::vector<float> ranks;
  for (int64_t i = 1; i <= size; ++i) ranks.push_back(static_cast<float>(i));
  const Value counted = e.cast(e.constant(Tensor::of<float>(DType::kFloat32, {size}, ranks)), e.dtype(x));
  const Value support = e.cast(e.make("Greater", {e.add(e.multiply(counted, sorted), 1), sums}), e.dtype(x));
  const Value count = e.reduce("Sum", support, {-1}, true);
  const Value threshold = e.divide(e.add(e.reduce("Sum", e.multiply(sums, support), {-1}, true), -1), count);
  return e.maximum(e.subtract(x, threshold), 0);
}

struct NamedActivation {
  std::string_view name;
  Value (*make)(Emitter&, Value);
};
constexpr NamedActivation kActivations[] = {
    {"linear", [](Emitter&, Value x) { return x; }},
    {"relu", [](Emitter& e, Value x) { return e.make("Relu", {x}); }},
    {"relu6", [](Emitter& e, Value x) { return e.make("Relu6", {x}); }},
    {"elu", [](Emitter& e, Value x) { return e.make("Elu", {x}); }},
    {"selu", [](Emitter& e, Value x) { return e.make("Selu", {x}); }},
    {"sigmoid", sigmoid},
    {"tanh", [](Emitter& e, Value x) { return e.make("Tanh", {x}); }},
    {"softplus", [](Emitter& e, Value x) { return e.make("Softplus", {x}); }},
    {"softsign", [](Emitter& e, Value x) { return e.make("Softsign", {x}); }},
    {"exponential", [](Emitter& e, Value x) { return e.make("Exp", {x}); }},
    {"softmax", [](Emitter& e, Value x) { return softmax(e, x, {-1}); }},
    {"log_softmax", log_softmax},
    {"logSoftmax", log_softmax},
    {"swish", [](Emitter& e, Value x) { return e.multiply(x, sigmoid(e, x)); }},
    {"silu", [](Emitter& e, Value x) { return e.multiply(x, sigmoid(e, x)); }},
    {"mish", [](Emitter& e, Value x) { return e.multiply(x, e.make("Tanh", {e.make("Softplus", {x})})); }},
    {"gelu", [](Emitter& e, Value x) { return gelu(e, x, false); }},
    {"gelu_new", [](Emitter& e, Value x) { return gelu(e, x, true); }},
    {"geluNew", [](Emitter& e, Value x) { return gelu(e, x, true); }},
    {"leaky_relu", [](Emitter& e, Value x) { return leaky_relu(e, x, 0.2); }},
    {"hard_silu", [](Emitter& e, Value x) { return e.multiply(x, hard_sigmoid(e, Generation::kKeras3, x)); }},
    {"hard_swish", [](Emitter& e, Value x) { return e.multiply(x, hard_sigmoid(e, Generation::kKeras3, x)); }},
    {"hard_tanh", [](Emitter& e, Value x) { return clip(e, x, -1, 1); }},
    {"celu", [](Emitter& e, Value x) { return e.add(e.maximum(x, 0), e.make("Expm1", {e.minimum(x, 0)})); }},
    {"glu", glu},
    {"log_sigmoid", [](Emitter& e, Value x) { return e.make("Neg", {e.make("Softplus", {e.make("Neg", {x})})}); }},
    {"sparsemax", sparsemax},
    {"sparse_sigmoid", [](Emitter& e, Value x) { return clip(e, e.multiply(e.add(x, 1), 0.5), 0, 1); }},
    {"tanh_shrink", [](Emitter& e, Value x) { return e.subtract(x, e.make("Tanh", {x})); }},
    {"soft_shrink", [](Emitter& e, Value x) { return shrink(e, x, 0.5, true); }},
    {"hard_shrink", [](Emitter& e, Value x) { return shrink(e, x, 0.5, false); }},
    {"squareplus", [](Emitter& e, Value x) { return e.multiply(e.add(x, e.make("Sqrt", {e.add(e.multiply(x, x), 4)})), 0.5); }},
    {"sparse_plus",
     [](Emitter& e, Value x) {
       const Value middle = e.multiply(e.multiply(e.add(x, 1), e.add(x, 1)), 0.25);
       return e.select(e.make("LessEqual", {x, e.like(x, -1)}), e.zeros_like(x), e.select(e.make("Less", {x, e.like(x, 1)}), middle, x));
     }},
};

// An activation that is a layer class with a configuration.
Value activate_by_class(Emitter& e, Generation generation, const std::string& name, const JsonValue& json, Value x) {
  Config config(json, generation);
  if (name == "LeakyReLU") return leaky_relu(e, x, config.number("negative_slope", config.number("alpha", 0.3)));
  if (name == "Softmax") return softmax(e, x, config.integers("axis", {-1}));
  if (name == "ReLU") return relu(e, config, x);
  if (name == "ELU" && config.number("alpha", 1) == 1) return e.make("Elu", {x});
  e.refuse(Error{ErrorCode::kUnsupported,
                 "Isomer does not know the activation '" + name + "'",
                 {},
                 {},
                 "a custom function's code is not in the file: export the model as a SavedModel, which holds its ops"});
  return x;
}

}  // namespace

Value relu(Emitter& e, Config& config, Value x) {
  const double threshold = config.number("threshold", 0), slope = config.number("negative_slope", config.number("alpha", 0));
  const bool capped = config.has("max_value");
  const double most = config.number("max_value", 0);
  if (threshold == 0 && slope == 0) {
    const Value y = capped && most == 6 ? e.make("Relu6", {x}) : e.make("Relu", {x});
    return capped && most != 6 ? e.minimum(y, most) : y;
  }
  const Value above = capped ? e.minimum(x, most) : x;
  const Value below = e.multiply(e.add(x, -threshold), slope);
  return e.select(e.make("GreaterEqual", {x, e.like(x, threshold)}), above, below);
}

Value softmax(Emitter& e, Value x, std::vector<int64_t> axes) {
  const int64_t rank = e.rank(x);
  if (rank == 0 || axes.empty()) return e.make("Softmax", {x});
  for (int64_t& axis : axes) axis += axis < 0 ? rank : 0;
  if (axes.size() == 1 && axes[0] == rank - 1) return e.make("Softmax", {x});
  if (axes.size() == 1) {
    std::vector<int64_t> order;
    for (int64_t i = 0; i < rank; ++i) order.push_back(i == axes[0] ? rank - 1 : i == rank - 1 ? axes[0] : i);
    return e.transpose(e.make("Softmax", {e.transpose(x, order)}), order);
  }
  // By way of the logarithm of the sum, as Keras does: where all scores are masked, what comes out depends on it.
  const Value most = e.reduce("Max", x, axes, true);
  const Value sum = e.reduce("Sum", e.make("Exp", {e.subtract(x, most)}), axes, true);
  return e.make("Exp", {e.subtract(x, e.add(e.make("Log", {sum}), most))});
}

Value activate(Emitter& e, Generation generation, std::string_view name, Value x) {
  if (name == "hard_sigmoid" || name == "hardSigmoid") return hard_sigmoid(e, generation, x);
  const auto it = std::find_if(std::begin(kActivations), std::end(kActivations), [&](const NamedActivation& a) { return a.name == name; });
  if (it != std::end(kActivations)) return it->make(e, x);
  return activate_by_class(e, generation, std::string(name), JsonValue::object(), x);
}

Value activate_json(Emitter& e, Generation generation, const JsonValue& activation, Value x) {
  const std::string name = class_name_of(activation);
  const JsonValue* config = activation.find("config");
  if (config && config->is_object()) return activate_by_class(e, generation, name, *config, x);
  return activate(e, generation, name, x);
}

Value activate(LayerCall& call, std::string_view key, Value x, std::string_view otherwise) {
  const JsonValue* found = call.config.find(key);
  return found ? activate_json(call.e, call.config.generation(), *found, x) : activate(call.e, call.config.generation(), otherwise, x);
}

}  // namespace isomer::layers
