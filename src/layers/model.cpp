// The file names tensors by [layer, node, tensor] and lists, for each layer, the nodes at which it is called. Reading goes in two steps: first all layers with
// the names of what they are called on, then the names become places.
//
// Two things need care. A nested model counts its own making as node 0 in files of Keras 2, so calls begin at 1 there, and at 0 in others: where a reference
// goes beyond the calls that are listed, counting began at 1. And arguments may hold tensors at any depth, in three spellings.
#include "layers/model.h"

#include <algorithm>
#include <map>

namespace isomer::layers {
namespace {

std::unexpected<Error> broken(std::string message) { return fail(ErrorCode::kInvalidModel, std::move(message)); }

// [layer, node, tensor], perhaps with keyword arguments after it.
struct NamedRef {
  std::string layer;
  int64_t call = 0, tensor = 0;
};

std::optional<NamedRef> triple(const JsonValue& json) {
  if (!json.is_array() || json.items().size() < 3 || json.items().size() > 4 || !json.items()[0].is_string()) return std::nullopt;
  const auto call = json.items()[1].as_int64(), tensor = json.items()[2].as_int64();
  if (!json.items()[1].is_number() || !json.items()[2].is_number() || !call || !tensor) return std::nullopt;
  return NamedRef{json.items()[0].text(), *call, *tensor};
}

// ["_CONSTANT_VALUE", -1, value, perhaps keyword arguments]: what a function was called on in place of a tensor.
bool is_constant(const JsonValue& json) {
  return json.is_array() && json.items().size() >= 3 && json.items().size() <= 4 && json.items()[0] == JsonValue("_CONSTANT_VALUE");
}

// {"class_name": "__keras_tensor__", "config": {"keras_history": [layer, node, tensor]}}
std::optional<NamedRef> keras_tensor(const JsonValue& json) {
  if (text_of(json, "class_name") != "__keras_tensor__") return std::nullopt;
  const JsonValue* config = json.find("config");
  const JsonValue* history = config ? config->find("keras_history") : nullptr;
  return history ? triple(*history) : std::nullopt;
}

class ModelReader {
 public:
  ModelReader(Generation generation, const Limits& limits, int64_t depth) : generation_(generation), limits_(limits), depth_(depth) {}

  Result<Model> read(const JsonValue& json) {
    if (depth_ > limits_.nesting) return fail(ErrorCode::kLimitExceeded, "models nest deeper than " + std::to_string(limits_.nesting));
    const std::string class_name = class_name_of(json);
    const JsonValue* config = json.find("config");
    if (!config) return broken("the model has no config");
    model_.generation = generation_;
    model_.name = text_of(*config, "name");
    if (class_name == "Sequential") {
      TRY(read_sequential(json, *config));
    } else if (is_model_class(class_name)) {
      TRY(read_functional(*config));
    } else {
      return fail(Error{ErrorCode::kUnsupported,
                        "the model is of the class " + class_name + ", whose code the file does not hold",
                        {},
                        {},
                        "export it as a SavedModel, which holds its ops"});
    }
    return std::move(model_);
  }

  Result<Layer> read_layer(const JsonValue& json) {
    Layer layer;
    layer.class_name = class_name_of(json);
    layer.module = text_of(json, "module");
    const JsonValue* config = json.find("config");
    if (layer.class_name.empty() || !config) return broken("a layer has no class_name or no config");
    // Keras 1 and 2 name Sequential's layers in a plain list.
    layer.config = *config;
    layer.name = text_of(json, "name");
    if (layer.name.empty()) layer.name = text_of(*config, "name");
    if (is_model_class(layer.class_name)) {
      ModelReader inner(generation_, limits_, depth_ + 1);
      layer.model = std::make_shared<Model>(TRY(in_context(inner.read(json), "reading the model '" + layer.name + "' inside")));
      if (layer.name.empty()) layer.name = layer.model->name;
    }
    if (layer.name.empty()) layer.name = "layer_" + std::to_string(model_.layers.size());
    if (++count_ > limits_.nodes) return fail(ErrorCode::kLimitExceeded, "more than " + std::to_string(limits_.nodes) + " layers");
    return layer;
  }

  Result<void> add_layer(Layer layer) {
    if (!index_.emplace(layer.name, static_cast<int32_t>(model_.layers.size())).second) return broken("two layers are named '" + layer.name + "'");
    model_.layers.push_back(std::move(layer));
    return {};
  }

 private:
  // --- Sequential: each layer is called on the result of the one before.

  Result<void> read_sequential(const JsonValue& json, const JsonValue& config) {
    model_.sequential = true;
    const JsonValue* list = config.is_array() ? &config : config.find("layers");
    if (!list || !list->is_array()) return broken("a Sequential model has no list of layers");
    for (const JsonValue& item : list->items()) {
      Layer layer = TRY(read_layer(item));
      if (model_.layers.empty() && layer.class_name != "InputLayer") TRY(add_layer(input_before(layer, json, config)));
      const auto before = static_cast<int32_t>(model_.layers.size()) - 1;
      if (layer.class_name != "InputLayer") {
        layer.calls.push_back(Call{{TensorRef{before, 0, 0}}, JsonValue::array(), JsonValue::object()});
        layer.calls.back().args.items().push_back(tensor_json(0));
      } else {
        fill_input_shape(layer, json, config);
      }
      TRY(add_layer(std::move(layer)));
    }
    if (model_.layers.empty()) return broken("a Sequential model has no layers");
    model_.inputs.push_back({model_.layers[0].name, {0, 0, 0}});
    const auto last = static_cast<int32_t>(model_.layers.size()) - 1;
    model_.outputs.push_back({model_.layers.back().name, {last, 0, 0}});
    return {};
  }

  // The shape that the model itself remembers, for an input whose layer forgot it.
  static const JsonValue* model_shape(const JsonValue& json, const JsonValue& config) {
    if (const JsonValue* shape = config.find("build_input_shape"); shape && dimensions(*shape)) return shape;
    const JsonValue* build = json.find("build_config");
    const JsonValue* shape = build ? build->find("input_shape") : nullptr;
    return shape && dimensions(*shape) ? shape : nullptr;
  }

  static void fill_input_shape(Layer& input, const JsonValue& json, const JsonValue& config) {
    for (const char* key : {"batch_input_shape", "batch_shape", "input_shape"})
      if (const JsonValue* shape = input.config.find(key); shape && !shape->is_null()) return;
    if (const JsonValue* shape = model_shape(json, config)) input.config["batch_input_shape"] = *shape;
  }

  // The input that a first layer implies by its own shape. A nested first model brings its own shape.
  static Layer input_before(const Layer& first, const JsonValue& json, const JsonValue& config) {
    Layer input;
    input.class_name = "InputLayer";
    input.name = first.name + "_input";
    input.config = JsonValue::object();
    const Layer* source = &first;
    while (source->model && !source->model->inputs.empty()) source = &source->model->layers[static_cast<size_t>(source->model->inputs[0].ref.layer)];
    for (const char* key : {"batch_input_shape", "batch_shape", "input_shape", "input_dim", "input_length", "input_dtype", "dtype"})
      if (const JsonValue* found = source->config.find(key)) input.config[key] = *found;
    input.config["name"] = JsonValue(input.name);
    // An Embedding takes indices, whatever dtype it computes in.
    fill_input_shape(input, json, config);
    return input;
  }

  // --- Functional

  Result<void> read_functional(const JsonValue& config) {
    const JsonValue* list = config.find("layers");
    if (!list || !list->is_array()) return broken("the model has no list of layers");
    std::vector<const JsonValue*> nodes;
    for (const JsonValue& item : list->items()) {
      TRY(add_layer(TRY(read_layer(item))));
      nodes.push_back(item.find("inbound_nodes"));
    }
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (!nodes[i] || !nodes[i]->is_array()) continue;
      for (const JsonValue& node : nodes[i]->items()) {
        model_.layers[i].calls.push_back(TRY(in_layer(i, read_call(node))));
        if (model_.layers[i].model) order_by_name(*model_.layers[i].model, model_.layers[i].calls.back());
      }
    }
    const JsonValue* inputs = config.find("input_layers");
    const JsonValue* outputs = config.find("output_layers");
    if (!inputs || !outputs) return broken("the model does not say its input_layers or output_layers");
    TRY(read_ports(*inputs, model_.inputs));
    TRY(read_ports(*outputs, model_.outputs));
    return shift_nested_calls();
  }

  template <class T>
  Result<T> in_layer(size_t i, Result<T> result) {
    return in_context(std::move(result), "reading the layer '" + model_.layers[i].name + "'");
  }

  Result<TensorRef> place(const NamedRef& ref) {
    const auto it = index_.find(ref.layer);
    if (it == index_.end()) return broken("there is no layer '" + ref.layer + "', but something is called on its result");
    if (ref.call < 0 || ref.tensor < 0 || ref.call > limits_.nodes || ref.tensor > limits_.nodes)
      return broken("the layer '" + ref.layer + "' has no node " + std::to_string(ref.call));
    return TensorRef{it->second, static_cast<int32_t>(ref.call), static_cast<int32_t>(ref.tensor)};
  }

  static JsonValue tensor_json(size_t index) {
    JsonValue json = JsonValue::object();
    json["tensor"] = JsonValue(static_cast<int64_t>(index));
    return json;
  }

  // The arguments with all tensors in them replaced by their numbers. A triple counts as a tensor where its first element names a layer.
  Result<JsonValue> read_argument(const JsonValue& json, Call& call) {
    std::optional<NamedRef> ref = keras_tensor(json);
    if (!ref)
      if (const auto found = triple(json); found && json.items().size() == 3 && index_.contains(found->layer)) ref = found;
    if (ref) {
      const TensorRef where = TRY(place(*ref));
      call.inputs.push_back(where);
      return tensor_json(call.inputs.size() - 1);
    }
    JsonValue copy = json;
    if (copy.is_array())
      for (JsonValue& item : copy.items()) item = TRY(read_argument(item, call));
    if (copy.is_object())
      for (JsonMember& member : copy.members()) member.value = TRY(read_argument(member.value, call));
    return copy;
  }

  // Keras 3: {"args": [...], "kwargs": {...}}. Before: a list of [layer, node, tensor, kwargs], or one of them.
  Result<Call> read_call(const JsonValue& node) {
    Call call;
    if (const JsonValue* args = node.find("args")) {
      call.args = TRY(read_argument(*args, call));
      if (const JsonValue* kwargs = node.find("kwargs")) call.kwargs = TRY(read_argument(*kwargs, call));
      return call;
    }
    if (!node.is_array() && !node.is_object()) return broken("expected a list of tensors, found " + describe(node));
    if (triple(node) || is_constant(node)) {
      TRY(read_entry(node, call));
      return call;
    }
    if (node.is_object()) {  // inputs by name
      for (const JsonMember& member : node.members()) TRY(read_entry(member.value, call));
      return call;
    }
    for (const JsonValue& entry : node.items()) TRY(read_entry(entry, call));
    return call;
  }

  Result<void> read_entry(const JsonValue& entry, Call& call) {
    if (is_constant(entry)) {
      call.args.items().push_back(entry.items()[2]);
    } else if (const auto ref = triple(entry)) {
      call.inputs.push_back(TRY(place(*ref)));
      call.args.items().push_back(tensor_json(call.inputs.size() - 1));
    } else {
      return broken("expected [layer, node, tensor], found " + describe(entry));
    }
    if (entry.items().size() < 4 || !entry.items()[3].is_object()) return {};
    for (const JsonMember& member : entry.items()[3].members()) call.kwargs[member.key] = TRY(read_argument(member.value, call));
    return {};
  }

  // A triple, a list of triples, or an object of them; nested lists are flattened, as Keras does with structures.
  Result<void> read_ports(const JsonValue& json, std::vector<Port>& ports) {
    auto ref = triple(json);
    if (!ref) ref = keras_tensor(json);
    if (ref && index_.contains(ref->layer)) {
      const TensorRef where = TRY(place(*ref));
      ports.push_back({ref->layer, where});
      return {};
    }
    if (json.is_array()) {
      for (const JsonValue& item : json.items()) TRY(read_ports(item, ports));
      return {};
    }
    if (json.is_object()) {
      // In the file's order; what is one tensor is named by its key.
      for (const JsonMember& member : json.members()) {
        const size_t before = ports.size();
        TRY(read_ports(member.value, ports));
        if (ports.size() == before + 1) ports[before].name = member.key;
      }
      return {};
    }
    return broken("expected [layer, node, tensor], found " + describe(json));
  }

  // A model whose inputs are named is called on an object of tensors: in the order of its inputs.
  static void order_by_name(const Model& called, Call& call) {
    if (call.args.items().size() != 1 || !call.args.items()[0].is_object() || call.inputs.size() != called.inputs.size()) return;
    std::vector<TensorRef> ordered;
    for (const Port& port : called.inputs) {
      const JsonValue* tensor = call.args.items()[0].find(port.name);
      const JsonValue* index = tensor ? tensor->find("tensor") : nullptr;
      if (!index || !index->is_integer()) return;
      ordered.push_back(call.inputs[static_cast<size_t>(index->integer())]);
    }
    call.inputs = std::move(ordered);
  }

  template <class Visit>
  void for_each_ref(Visit visit) {
    for (Layer& layer : model_.layers)
      for (Call& call : layer.calls)
        for (TensorRef& ref : call.inputs) visit(ref);
    for (Port& port : model_.inputs) visit(port.ref);
    for (Port& port : model_.outputs) visit(port.ref);
  }

  Result<void> shift_nested_calls() {
    std::map<int32_t, int32_t> highest;
    for_each_ref([&](TensorRef& ref) { highest[ref.layer] = std::max(highest[ref.layer], ref.call); });
    for_each_ref([&](TensorRef& ref) {
      const Layer& layer = model_.layers[static_cast<size_t>(ref.layer)];
      if (layer.model && highest[ref.layer] >= static_cast<int32_t>(layer.calls.size()) && ref.call > 0) --ref.call;
    });
    std::string missing;
    for_each_ref([&](TensorRef& ref) {
      const Layer& layer = model_.layers[static_cast<size_t>(ref.layer)];
      const size_t calls = std::max<size_t>(layer.calls.size(), layer.class_name == "InputLayer");
      if (missing.empty() && ref.call >= static_cast<int32_t>(calls)) missing = "the layer '" + layer.name + "' has no node " + std::to_string(ref.call);
    });
    return missing.empty() ? Result<void>() : broken(missing);
  }

  Generation generation_;
  const Limits& limits_;
  int64_t depth_;
  int64_t count_ = 0;
  Model model_;
  std::map<std::string, int32_t, std::less<>> index_;
};

bool holds_text(const JsonValue& json, std::string_view text) {
  std::vector<const JsonValue*> stack = {&json};
  while (!stack.empty()) {
    const JsonValue* next = stack.back();
    stack.pop_back();
    if (next->is_array())
      for (const JsonValue& item : next->items()) stack.push_back(&item);
    if (!next->is_object()) continue;
    for (const JsonMember& member : next->members()) {
      if (member.key == text) return true;
      stack.push_back(&member.value);
    }
  }
  return false;
}

}  // namespace

bool is_model_class(std::string_view class_name) { return class_name == "Sequential" || class_name == "Functional" || class_name == "Model"; }

bool is_recurrent_class(std::string_view class_name) {
  return class_name == "LSTM" || class_name == "GRU" || class_name == "SimpleRNN" || class_name == "RNN" ||
         (class_name.starts_with("ConvLSTM") && !class_name.ends_with("Cell"));
}

const JsonValue& model_config(const JsonValue& topology) {
  const JsonValue* config = topology.find("model_config");
  return config && config->is_object() ? *config : topology;
}

Result<Model> read_model(const JsonValue& topology, Generation generation, const Limits& limits) {
  return ModelReader(generation, limits, 0).read(model_config(topology));
}

Generation generation_of(const JsonValue& topology) {
  const std::string version = text_of(topology, "keras_version"), backend = text_of(topology, "backend");
  if (version.starts_with("tfjs") || backend.starts_with("tensor_flow.js") || backend.starts_with("tensorflow.js")) return Generation::kTfjs;
  if (version.starts_with("1.")) return Generation::kKeras1;
  if (version.starts_with("2.")) return Generation::kKeras2;
  if (version.starts_with("3.")) return Generation::kKeras3;
  const JsonValue& config = model_config(topology);
  if (holds_text(config, "registered_name") || holds_text(config, "batch_shape")) return Generation::kKeras3;
  if (holds_text(config, "output_dim") && holds_text(config, "init")) return Generation::kKeras1;
  // TensorFlow.js writes no version, and spells every initialiser of its own out.
  return version.empty() && !topology.find("model_config") ? Generation::kTfjs : Generation::kKeras2;
}

Result<Model> single_layer_model(const JsonValue& json, size_t inputs, Generation generation, const Limits& limits) {
  ModelReader reader(generation, limits, 0);
  Model model;
  model.generation = generation;
  Layer layer = TRY(reader.read_layer(json));
  Call call;
  for (size_t i = 0; i < inputs; ++i) {
    Layer input;
    input.class_name = "InputLayer";
    input.name = "x" + std::to_string(i);
    input.config = JsonValue::object();
    model.inputs.push_back({input.name, {static_cast<int32_t>(i), 0, 0}});
    call.inputs.push_back({static_cast<int32_t>(i), 0, 0});
    model.layers.push_back(std::move(input));
  }
  layer.calls.push_back(std::move(call));
  model.outputs.push_back({layer.name, {static_cast<int32_t>(inputs), 0, 0}});
  model.layers.push_back(std::move(layer));
  return model;
}

}  // namespace isomer::layers
