// layers::Model: what a Keras configuration means, whatever its generation wrote: layers, and how they are called on each other's results.
//
// Sequential, Functional (called Model before) and nested ones of both all become a Model. Configurations of layers stay JSON, as the file has them;
// each layer class reads its own (layers/config.h).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/limits.h"
#include "layers/config.h"
#include "wire/json.h"

namespace isomer::layers {

struct Model;

// A model of layers: Sequential, Functional or, as it was called before, Model.
bool is_model_class(std::string_view class_name);
// A layer that runs a cell over the steps: LSTM, GRU, SimpleRNN, RNN, ConvLSTM1D to 3D.
bool is_recurrent_class(std::string_view class_name);

// Result `tensor` of call `call` of the layer at `layer` in the model.
struct TensorRef {
  int32_t layer = -1;
  int32_t call = 0;
  int32_t tensor = 0;
  auto operator<=>(const TensorRef&) const = default;
};

struct Call {
  std::vector<TensorRef> inputs;  // all tensors of the arguments, in order
  // The arguments as they stand in the file, with {"tensor": i} for inputs[i]: what layers that are functions (TFOpLambda, operations of Keras 3) need.
  JsonValue args = JsonValue::array();
  JsonValue kwargs = JsonValue::object();
};

struct Layer {
  std::string class_name;  // without module or package: "Conv2D"
  std::string module;      // of Keras 3; "keras.layers", "keras.src.ops.numpy"
  std::string name;
  JsonValue config;
  std::shared_ptr<const Model> model;  // of a nested model
  std::vector<Call> calls;             // none for an input
};

struct Port {
  std::string name;
  TensorRef ref;
};

struct Model {
  std::string name;
  bool sequential = false;
  Generation generation = Generation::kKeras2;
  std::vector<Layer> layers;  // in the file's order
  std::vector<Port> inputs;   // named after their InputLayers, or by the keys under which the model has them
  std::vector<Port> outputs;  // named after the layers that make them, or by their keys
};

// Reads the configuration of a model: {"class_name": "Sequential", "config": ...}, or the object around it that has it as "model_config". InvalidModel where
// layers refer to what is not there, wait for each other in a circle, or a name occurs twice; Unsupported for subclassed models.
Result<Model> read_model(const JsonValue& topology, Generation generation, const Limits& limits);

// The configuration itself ({"class_name", "config"}), without the object around it that has it as "model_config".
const JsonValue& model_config(const JsonValue& topology);

// Which generation wrote a configuration: from keras_version and backend where they are told, else from the way it is written.
Generation generation_of(const JsonValue& topology);

// A single layer on inputs of its own, as if it were called once: what tests need.
Result<Model> single_layer_model(const JsonValue& layer, size_t inputs, Generation generation, const Limits& limits);

}  // namespace isomer::layers
