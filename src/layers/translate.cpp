// The configuration is written anew from the model that was read: layers in their order, each call with its tensors. So it does not matter which of the many
// spellings of calls the source has; only configurations of single layers go from the one spelling to the other, by way of Keras 2's.
#include "layers/translate.h"

#include <algorithm>
#include <set>

#include "layers/layer_order.h"
#include "layers/rewrite_tfjs.h"
#include "layers/tfjs_masks.h"
#include "layers/translate_layer.h"

namespace isomer::layers {
namespace {

// Names of arguments that Keras 3 may pass by place and Keras 2 wants by name.
std::string_view argument_name(std::string_view class_name, size_t i) {
  static constexpr std::string_view kAttention[] = {"query", "value", "key", "query_mask", "value_mask", "key_mask", "attention_mask"};
  return class_name == "MultiHeadAttention" && i < std::size(kAttention) ? kAttention[i] : std::string_view();
}

std::optional<size_t> tensor_number(const JsonValue& json) {
  const JsonValue* number = json.is_object() && json.members().size() == 1 ? json.find("tensor") : nullptr;
  return number && number->is_integer() ? std::optional(static_cast<size_t>(number->integer())) : std::nullopt;
}

// All tensors of an argument in order; false where it holds anything else.
bool only_tensors(const JsonValue& json, std::vector<size_t>& tensors) {
  if (const auto number = tensor_number(json)) {
    tensors.push_back(*number);
    return true;
  }
  return json.is_array() && !json.items().empty() &&
         std::all_of(json.items().begin(), json.items().end(), [&](const JsonValue& item) { return only_tensors(item, tensors); });
}

bool holds_tensor(const JsonValue& json) {
  if (tensor_number(json)) return true;
  if (json.is_array()) return std::any_of(json.items().begin(), json.items().end(), holds_tensor);
  return json.is_object() && std::any_of(json.members().begin(), json.members().end(), [](const JsonMember& m) { return holds_tensor(m.value); });
}

class Translator {
 public:
  Translator(Spelling to, const TranslateOptions& options, Generation from, const std::set<std::vector<std::string>>& masks_settled = {})
      : to_(to), options_(options), from_(from), masks_settled_(masks_settled) {}

  Result<Translation> run(const Model& model, const JsonValue& topology) {
    std::set<std::string> used;
    choose_names(model, {}, used);
    result_.config = TRY(write_model(model, model_config(topology), {}));
    if (to_ == Spelling::kTfjs && options_.masked_layers && !options_.masked_layers->empty()) check_masks(model, {});
    if (refused_.empty()) return std::move(result_);
    std::string text =
        std::to_string(refused_.size()) + (refused_.size() == 1 ? " layer cannot" : " layers cannot") + " be expressed in " + target_name() + ":";
    for (const std::string& line : refused_) text += "\n    " + line;
    return fail(Error{ErrorCode::kUnsupported, std::move(text), {}, {}, advice()});
  }

 private:
  std::string target_name() const {
    return to_ == Spelling::kTfjs ? "a TensorFlow.js layers model" : to_ == Spelling::kKeras3 ? "a .keras archive of Keras 3" : "a Keras 2 file";
  }
  std::string advice() const {
    if (to_ == Spelling::kKeras3 && from_ != Generation::kKeras3)
      return "an HDF5 file keeps what Keras 2 means: isomer convert INPUT OUTPUT.h5; or write a graph model: --output_format=tfjs_graph_model";
    if (to_ != Spelling::kTfjs) return "a graph model computes the same: isomer convert INPUT OUTPUT --output_format=tfjs_graph_model";
    return std::string("a graph model computes the same: isomer convert INPUT OUTPUT --output_format=tfjs_graph_model") +
           (options_.rewrite_unsupported_layers ? "" : "; --rewrite_unsupported_layers writes some layers as others");
  }

  // --- Names

  bool is_valid_name(const std::string& name) const {
    if (to_ == Spelling::kKeras3) return name.find('/') == std::string::npos;
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
    return !name.empty() && letter(name[0]) && std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || std::string_view("-._/").contains(c); });
  }

  // TensorFlow.js knows weights of nested models by the inner names alone, so these have to be unique; Keras only wants them so within one model.
  void choose_names(const Model& model, const std::vector<std::string>& path, std::set<std::string>& used) {
    for (const Layer& layer : model.layers) {
      std::string name = layer.name;
      if (!is_valid_name(name))
        for (size_t i = 0; i < name.size(); ++i)
          if (!is_valid_name(std::string(i == 0 ? "" : "x") + name[i])) name[i] = i == 0 ? 'x' : '_';
      if (path.empty() || to_ == Spelling::kTfjs) {
        if (!path.empty() && used.contains(name)) name = path.back() + "_" + name;
        const std::string wanted = name;
        for (int i = 1; !used.insert(name).second; ++i) name = wanted + "_" + std::to_string(i);
      }
      if (name == layer.name) continue;
      std::vector<std::string> full = path;
      full.push_back(layer.name);
      result_.notes.push_back("the layer '" + joined(full) + "' is named '" + name + "' in the result: " +
                              (is_valid_name(layer.name) ? "names of inner layers have to be unique there" : "its name has characters that are refused there"));
      result_.renamed[full] = name;
    }
    for (const Layer& layer : model.layers) {
      if (!layer.model) continue;
      std::vector<std::string> inner = path;
      inner.push_back(layer.name);
      choose_names(*layer.model, inner, used);
    }
  }

  static std::string joined(const std::vector<std::string>& path) {
    std::string text;
    for (const std::string& part : path) text += (text.empty() ? "" : "/") + part;
    return text;
  }

  std::string name_of(const std::vector<std::string>& path, const std::string& name) const {
    std::vector<std::string> full = path;
    full.push_back(name);
    const auto found = result_.renamed.find(full);
    return found == result_.renamed.end() ? name : found->second;
  }

  // --- Masks: TensorFlow.js hands the last mask on to every layer that comes after, also where Keras has none.

  void check_masks(const Model& model, const std::vector<std::string>& path) {
    for (size_t i = 0; i < model.layers.size(); ++i) {
      const Layer& layer = model.layers[i];
      std::vector<std::string> own = path;
      own.push_back(layer.name);
      if (layer.model) {
        check_masks(*layer.model, own);
        continue;
      }
      if (masks_settled_.contains(own)) continue;
      switch (mask_fault(model, i, path, *options_.masked_layers)) {
        case MaskFault::kNone: break;
        case MaskFault::kStray: refuse(layer, path, "TensorFlow.js would give it the mask of an earlier layer"); break;
        case MaskFault::kRepeated:
          refuse(layer, path, "where a step is masked, Keras gives zeros and TensorFlow.js the output of the step before, and these reach the model's output");
          break;
      }
    }
  }

  // --- Models

  Result<JsonValue> write_model(const Model& model, const JsonValue& source, const std::vector<std::string>& path) {
    const JsonValue* old = source.find("config");
    JsonValue config = JsonValue::object();
    std::string name = path.empty() ? model.name : name_of({path.begin(), path.end() - 1}, path.back());
    if (to_ == Spelling::kKeras3) std::replace(name.begin(), name.end(), '/', '_');
    config["name"] = JsonValue(name.empty() ? "model" : name);
    if (const JsonValue* trainable = old ? old->find("trainable") : nullptr; trainable && trainable->is_bool() && to_ != Spelling::kTfjs)
      config["trainable"] = *trainable;
    if (model.sequential) {
      TRY(write_sequential(model, source, path, config));
    } else {
      TRY(write_functional(model, path, config));
    }
    const std::string_view functional = to_ == Spelling::kTfjs ? "Model" : "Functional";
    JsonValue json = object_of_class(model.sequential ? "Sequential" : functional, std::move(config));
    if (to_ == Spelling::kKeras3) json = with_module(std::move(json), model.sequential ? "keras" : "keras.src.models.functional");
    return json;
  }

  Result<void> write_sequential(const Model& model, const JsonValue& source, const std::vector<std::string>& path, JsonValue& config) {
    const JsonValue* old = source.find("config");
    const JsonValue* list = !old ? nullptr : old->is_array() ? old : old->find("layers");
    const bool had_input = list && list->is_array() && !list->items().empty() && class_name_of(list->items()[0]) == "InputLayer";
    JsonValue::Array layers;
    for (size_t i = 0; i < model.layers.size(); ++i) {
      const Layer& layer = model.layers[i];
      // An input that the first layer implies is written as it was: by the shape that the layer names.
      const bool implied = i == 0 && !had_input && to_ != Spelling::kKeras3 && model.layers.size() > 1;
      if (implied && model.layers[1].model) continue;
      JsonValue json = TRY(write_layer(layer, path));
      if (i == 0) complete_input(json, model, path);
      if (implied) {
        implied_shape_ = *json.find("config");
        continue;
      }
      if (i == 1 && !implied_shape_.is_null()) {
        JsonValue& inner = json["config"];
        if (const JsonValue* shape = implied_shape_.find("batch_input_shape")) inner["batch_input_shape"] = *shape;
        if (const JsonValue* dtype = implied_shape_.find("dtype"); dtype && is_null_or_missing(inner, "dtype")) inner["dtype"] = *dtype;
        implied_shape_ = JsonValue();
      }
      layers.push_back(std::move(json));
    }
    config["layers"] = JsonValue(std::move(layers));
    return {};
  }

  // The shape of a nested model's input that only its use tells.
  void complete_input(JsonValue& json, const Model& model, const std::vector<std::string>& path) const {
    JsonValue& config = json["config"];
    const std::string_view key = to_ == Spelling::kKeras3 ? "batch_shape" : "batch_input_shape";
    if (!is_null_or_missing(config, key) || !options_.input_shapes || model.layers.size() < 2) return;
    std::vector<std::string> first = path;
    first.push_back(model.layers[1].name);
    const auto found = options_.input_shapes->find(first);
    if (found == options_.input_shapes->end() || found->second.empty() || !found->second[0].has_rank()) return;
    JsonValue::Array dims;
    for (int64_t i = 0; i < found->second[0].rank(); ++i) dims.push_back(found->second[0][i] == kUnknownDim ? JsonValue() : JsonValue(found->second[0][i]));
    if (!dims.empty()) dims[0] = JsonValue();
    config[key] = JsonValue(std::move(dims));
  }

  Result<void> write_functional(const Model& model, const std::vector<std::string>& path, JsonValue& config) {
    JsonValue::Array layers;
    for (const Layer& layer : model.layers) {
      JsonValue json = TRY(write_layer(layer, path));
      // Only an input's shape counts here; other layers would make inputs of their own of it.
      if (layer.class_name != "InputLayer" && !layer.model)
        for (const char* key : {"batch_input_shape", "input_shape"})
          if (to_ != Spelling::kKeras2) json["config"].erase(key);
      json["name"] = JsonValue(name_of(path, layer.name));
      JsonValue::Array nodes;
      for (const Call& call : layer.calls) nodes.push_back(write_call(model, layer, call, path));
      json["inbound_nodes"] = JsonValue(std::move(nodes));
      layers.push_back(std::move(json));
    }
    config["layers"] = JsonValue(std::move(layers));
    config["input_layers"] = write_ports(model, model.inputs, path);
    config["output_layers"] = write_ports(model, model.outputs, path);
    return {};
  }

  JsonValue write_ports(const Model& model, const std::vector<Port>& ports, const std::vector<std::string>& path) const {
    JsonValue::Array list;
    for (const Port& port : ports) list.push_back(triple(model, port.ref, path, true));
    // Keras 3 keeps structures: a list of one would come out as a list.
    if (to_ == Spelling::kKeras3 && list.size() == 1) return list[0];
    return JsonValue(std::move(list));
  }

  JsonValue triple(const Model& model, const TensorRef& ref, const std::vector<std::string>& path, bool of_port = false) const {
    const Layer& layer = model.layers[static_cast<size_t>(ref.layer)];
    // A nested model's node 0 is the one that it was made with. Keras 3 counts it in lists of inputs and outputs only.
    const bool counted = to_ == Spelling::kKeras3 ? of_port && layer.model && !layer.model->sequential : layer.model != nullptr;
    return JsonValue(JsonValue::Array{JsonValue(name_of(path, layer.name)), JsonValue(int64_t{ref.call} + (counted ? 1 : 0)), JsonValue(int64_t{ref.tensor})});
  }

  // --- Calls

  JsonValue write_call(const Model& model, const Layer& layer, const Call& call, const std::vector<std::string>& path) {
    if (to_ == Spelling::kKeras3 && from_ == Generation::kKeras3 && !call.args.items().empty()) {  // as it stands
      JsonValue json = JsonValue::object();
      json["args"] = with_tensors(model, call, call.args, path);
      json["kwargs"] = with_tensors(model, call, call.kwargs, path);
      return json;
    }
    // By tensors in order first; what else there is follows by name.
    std::vector<size_t> tensors;
    JsonValue kwargs = JsonValue::object();
    JsonValue::Array constants;
    for (size_t i = 0; i < call.args.items().size(); ++i) {
      const JsonValue& arg = call.args.items()[i];
      const std::string_view name = argument_name(layer.class_name, i);
      if (!name.empty() && i > 0) {
        kwargs[name] = arg;
      } else if (!only_tensors(arg, tensors)) {
        constants.push_back(arg);
      }
    }
    for (const JsonMember& member : call.kwargs.members())
      if (!member.value.is_null()) kwargs[member.key] = member.value;
    if (const JsonValue* states = kwargs.find("initial_state"); states && is_recurrent(layer.class_name) && only_tensors(*states, tensors))
      kwargs.erase("initial_state");
    if (tensors.empty() && call.args.items().empty())
      for (size_t i = 0; i < call.inputs.size(); ++i) tensors.push_back(i);
    if (!constants.empty() && to_ != Spelling::kKeras2) refuse(layer, path, "it is called on values that are no tensors");
    if (to_ == Spelling::kKeras3) return keras3_call(model, layer, call, tensors, std::move(kwargs), path);
    if (to_ == Spelling::kTfjs) {
      if (holds_tensor(kwargs)) refuse(layer, path, "it is called with tensors by name, which TensorFlow.js does not pass on");
      const std::string& name = layer.class_name;
      const bool cares = name == "BatchNormalization" || name.contains("Dropout") || name.ends_with("Noise");
      if (const JsonValue* training = kwargs.find("training"); cares && training && *training == JsonValue(true))
        refuse(layer, path, "it is called with training=True, which TensorFlow.js does not pass on");
      kwargs = JsonValue::object();
    }
    JsonValue::Array entries;
    for (const size_t i : tensors) {
      JsonValue entry = triple(model, call.inputs[i], path);
      entry.items().push_back(with_tensors(model, call, kwargs, path));  // with each: the last one's count
      entries.push_back(std::move(entry));
    }
    for (const JsonValue& value : constants)
      entries.push_back(JsonValue(JsonValue::Array{JsonValue("_CONSTANT_VALUE"), JsonValue(-1), value, with_tensors(model, call, kwargs, path)}));
    // Layers that are functions take a list for a list, even of one tensor.
    const bool alone = entries.size() == 1 && !call.args.items().empty() && (!constants.empty() || tensor_number(call.args.items()[0]));
    if (to_ == Spelling::kKeras2 && layer.class_name.ends_with("OpLambda") && alone) return entries[0];
    return JsonValue(std::move(entries));
  }

  JsonValue keras3_call(const Model& model, const Layer& layer, const Call& call, const std::vector<size_t>& tensors, JsonValue kwargs,
                        const std::vector<std::string>& path) const {
    JsonValue::Array first, states;
    const bool recurrent = is_recurrent(layer.class_name);
    for (size_t i = 0; i < tensors.size(); ++i) {
      JsonValue number = JsonValue::object();
      number["tensor"] = JsonValue(static_cast<int64_t>(tensors[i]));
      (recurrent && i > 0 ? states : first).push_back(std::move(number));
    }
    if (!states.empty()) kwargs["initial_state"] = JsonValue(std::move(states));
    JsonValue::Array args;
    if (first.size() == 1) {
      args = std::move(first);
    } else {
      args.push_back(JsonValue(std::move(first)));
    }
    JsonValue json = JsonValue::object();
    json["args"] = with_tensors(model, call, JsonValue(std::move(args)), path);
    json["kwargs"] = with_tensors(model, call, kwargs, path);
    return json;
  }

  // {"tensor": i} as the target spells a tensor.
  JsonValue with_tensors(const Model& model, const Call& call, const JsonValue& json, const std::vector<std::string>& path) const {
    if (const auto number = tensor_number(json); number && *number < call.inputs.size()) {
      JsonValue place = triple(model, call.inputs[*number], path);
      if (to_ != Spelling::kKeras3) return place;
      JsonValue config = JsonValue::object();
      // Shape and dtype are placeholders: who reads it looks the tensor up.
      config["shape"] = JsonValue(JsonValue::Array{JsonValue()});
      config["dtype"] = JsonValue("float32");
      config["keras_history"] = std::move(place);
      return object_of_class("__keras_tensor__", std::move(config));
    }
    JsonValue copy = json;
    if (copy.is_array())
      for (JsonValue& item : copy.items()) item = with_tensors(model, call, item, path);
    if (copy.is_object())
      for (JsonMember& member : copy.members()) member.value = with_tensors(model, call, member.value, path);
    return copy;
  }

  // --- Layers

  Result<JsonValue> write_layer(const Layer& layer, const std::vector<std::string>& path) {
    std::vector<std::string> own = path;
    own.push_back(layer.name);
    if (layer.model) {
      const JsonValue source = object_of_class(layer.class_name, layer.config);
      return write_model(*layer.model, source, own);
    }
    JsonValue json = object_of_class(layer.class_name, layer.config);
    const std::string name = name_of(path, layer.name);
    if (json["config"].is_object()) json["config"]["name"] = JsonValue(name);
    // Of an operation that is no layer Keras 3 knows the module; nobody else has such.
    if (layer.module.contains(".ops.")) {
      if (to_ == Spelling::kKeras3) {
        JsonValue operation = with_module(std::move(json), layer.module);
        operation["registered_name"] = JsonValue(layer.class_name);
        return operation;
      }
      refuse(layer, path, "it is an operation of Keras 3, not a layer");
      return json;
    }
    return write_object(std::move(json), own, false);
  }

  void refuse(const Layer& layer, const std::vector<std::string>& path, const std::string& why) {
    std::vector<std::string> full = path;
    full.push_back(layer.name);
    refused_.push_back(joined(full) + " (" + layer.class_name + "): " + why);
  }

  // {"class_name", "config"} of a layer that may hold others.
  Result<JsonValue> write_object(JsonValue json, const std::vector<std::string>& path, bool wrapped) {
    if (path.size() > static_cast<size_t>(options_.limits.nesting)) return fail(ErrorCode::kLimitExceeded, "layers nest too deep");
    const std::string class_name = class_name_of(json);
    if (is_model_class(class_name)) {
      const Model model = TRY(read_model(json, from_, options_.limits));
      return write_model(model, json, path);
    }
    SpelledLayer layer{json.find("class_name") && json.find("class_name")->is_string() ? json.find("class_name")->text() : class_name, JsonValue::object()};
    if (const JsonValue* registered = json.find("registered_name"); registered && registered->is_string() && registered->text().contains('>'))
      layer.class_name = registered->text();
    if (const JsonValue* config = json.find("config")) layer.config = *config;
    // Layers inside first, while their own spelling is still whole.
    std::vector<std::pair<std::string, JsonValue>> inner;
    for (const std::string_view key : kInnerLayerKeys) {
      const JsonValue* found = layer.config.find(key);
      if (!found || !(found->is_object() || found->is_array())) continue;
      inner.emplace_back(key, *found);
    }
    spell_as_keras2(layer, from_);
    LayerContext context(options_, from_, path, wrapped);
    for (auto& [key, value] : inner) {
      if (layer.config.find(key)) layer.config[key] = TRY(write_inner(std::move(value), *layer.config.find(key), path));
    }
    if (to_ == Spelling::kTfjs) spell_for_tfjs(layer, context);
    if (to_ == Spelling::kKeras3) spell_for_keras3(layer, context);
    if (to_ == Spelling::kKeras2) spell_for_keras2(layer, context);
    take(context, class_name);
    JsonValue spelled = object_of_class(layer.class_name, std::move(layer.config));
    if (to_ == Spelling::kKeras3) spelled = with_module(std::move(spelled), is_keras_class(layer.class_name) ? "keras.layers" : "");
    return spelled;
  }

  // One layer under a key, or a list of cells. `spelled` is the same after the outer layer was spelled: its name may have changed.
  Result<JsonValue> write_inner(JsonValue json, const JsonValue& spelled, const std::vector<std::string>& path) {
    if (json.is_array()) {
      for (size_t i = 0; i < json.items().size(); ++i) {
        const JsonValue copy = json.items()[i];
        json.items()[i] = TRY(write_inner(copy, copy, path));
      }
      return json;
    }
    const JsonValue* config = spelled.find("config");
    const JsonValue* name = config ? config->find("name") : nullptr;
    if (name && name->is_string() && json.find("config") && json.find("config")->is_object()) json["config"]["name"] = *name;
    std::vector<std::string> own = path;
    own.push_back(name && name->is_string() ? name->text() : "layer");
    return write_object(std::move(json), own, true);
  }

  void take(const LayerContext& context, const std::string& class_name) {
    const std::string place = joined(context.path) + " (" + class_name + "): ";
    for (const std::string& why : context.refused) refused_.push_back(place + why);
    for (const std::string& text : context.notes) result_.notes.push_back(place + text);
    for (const std::string& text : context.left_out) left_out_.insert(text);
    if (context.left_out.empty()) return;
    result_.left_out = true;
    for (const std::string& text : context.left_out) {
      const std::string note = text + ", which the result has no place for (it computes the same)";
      if (std::find(result_.notes.begin(), result_.notes.end(), note) == result_.notes.end()) result_.notes.push_back(note);
    }
  }

  Spelling to_;
  const TranslateOptions& options_;
  Generation from_;
  std::set<std::vector<std::string>> masks_settled_;
  Translation result_;
  std::vector<std::string> refused_;
  std::set<std::string> left_out_;
  JsonValue implied_shape_;
};

}  // namespace

namespace {

// TensorFlow.js gives nothing for an input that is an output as well, and for the second of two outputs that are the same: a layer that changes nothing stands
// between.
void name_outputs(Model& model) {
  std::set<TensorRef> given;
  for (Port& port : model.outputs) {
    const Layer& source = model.layers[static_cast<size_t>(port.ref.layer)];
    const bool repeated = !given.insert(port.ref).second;
    if ((source.class_name != "InputLayer" && !repeated) || model.sequential) continue;
    Layer layer;
    layer.class_name = "Activation";
    layer.name = source.name + "_output";
    for (int i = 1; std::any_of(model.layers.begin(), model.layers.end(), [&](const Layer& l) { return l.name == layer.name; }); ++i)
      layer.name = source.name + "_output_" + std::to_string(i);
    layer.config = JsonValue::object();
    layer.config["name"] = JsonValue(layer.name);
    layer.config["activation"] = JsonValue("linear");
    Call call;
    call.inputs = {port.ref};
    layer.calls.push_back(std::move(call));
    port = {layer.name, {static_cast<int32_t>(model.layers.size()), 0, 0}};
    model.layers.push_back(std::move(layer));
  }
}

}  // namespace

Result<Translation> translate(const Model& model, const JsonValue& topology, Spelling to, const TranslateOptions& options) {
  if (to != Spelling::kTfjs) {
    Model ordered = model;
    order_as_keras(ordered);
    return Translator(to, options, model.generation).run(ordered, topology);
  }
  if (!options.input_shapes) return Translator(to, options, model.generation).run(model, topology);
  Model rewritten = model;
  name_outputs(rewritten);
  Rewritten done;
  TRY(rewrite_for_tfjs(rewritten, {}, options, done));
  order_as_keras(rewritten);
  Translation result = TRY(Translator(to, options, model.generation, done.masks_settled).run(rewritten, topology));
  result.changes = std::move(done.changes);
  result.added_weights = std::move(done.weights);
  result.rewritten = std::move(rewritten);
  result.notes.insert(result.notes.begin(), done.notes.begin(), done.notes.end());
  return result;
}

}  // namespace isomer::layers
