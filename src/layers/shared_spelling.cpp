// Calls of nested models are the one thing that needs a trick. An entry of inbound_nodes is a call, and other layers name its result by the call's number. For
// tf_keras the first call of a nested model is number 1 (number 0 is the one that the model was made with), for Keras 3 it is number 0. So each call is written
// twice: of [a, a, b, b] number 1 is a in both ways of counting, and number 3 is b. The calls that nobody names are not part of the model.
#include "layers/shared_spelling.h"

#include <algorithm>
#include <map>
#include <string>

#include "layers/keras2_spelling.h"

namespace isomer::layers {
namespace {

void erase_neutral(JsonValue& config, std::initializer_list<const char*> keys) {
  for (const char* key : keys)
    if (is_neutral(config, key)) config.erase(key);
}

bool is_int(const JsonValue& config, const char* key, int64_t wanted) {
  const JsonValue* found = config.find(key);
  return found && found->is_integer() && found->integer() == wanted;
}

// A layer inside of another. tf_keras writes the module, too.
void add_module(JsonValue& layer) {
  if (layer.find("module")) return;
  const std::string class_name = text_of(layer, "class_name");
  // The code of somebody else, and what the two have in different modules.
  if (class_name.contains('>') || class_name == "Functional" || class_name == "Model") return;
  JsonValue json = JsonValue::object();
  json["module"] = JsonValue(class_name == "Sequential" ? "keras" : "keras.layers");
  for (JsonMember& member : layer.members()) json[member.key] = std::move(member.value);
  json["registered_name"] = JsonValue();
  layer = std::move(json);
}

class Speller {
 public:
  void layer(JsonValue& json) {
    JsonValue* config = json.find("config");
    const std::string class_name = text_of(json, "class_name");
    if (!config || !config->is_object()) return;
    if (JsonValue* list = is_model_class(class_name) ? config->find("layers") : nullptr; list && list->is_array()) {
      if (class_name == "Sequential") give_input(list->items());
      for (JsonValue& item : list->items()) {
        if (!item.is_object()) continue;
        layer(item);
        if (JsonValue* inner = is_model_class(text_of(item, "class_name")) ? item.find("config") : nullptr; inner && inner->is_object())
          take_single_port(*inner);
      }
      if (class_name != "Sequential") double_calls(*config);
      return;
    }
    if (class_name == "Bidirectional") name_masked_steps(*config);
    leave_out_what_keras3_refuses(class_name, *config);
    for (const std::string_view key : kInnerLayerKeys) {
      JsonValue* inner = config->find(key);
      if (!inner) continue;
      const auto one = [&](JsonValue& item) {
        if (!item.is_object() || text_of(item, "class_name").empty()) return;
        layer(item);
        add_module(item);
      };
      if (inner->is_object()) one(*inner);
      if (inner->is_array())
        for (JsonValue& item : inner->items()) one(item);
    }
  }

 private:
  // The shape that the first layer of a Sequential tells, as a layer: Keras 3 would take it for one without the batch.
  static void give_input(JsonValue::Array& layers) {
    JsonValue* config = layers.empty() || text_of(layers[0], "class_name") == "InputLayer" ? nullptr : layers[0].find("config");
    const JsonValue* shape = config && config->is_object() ? config->find("batch_input_shape") : nullptr;
    if (!shape || !shape->is_array()) return;
    JsonValue input = JsonValue::object();
    input["batch_input_shape"] = *shape;
    const std::string dtype = text_of(*config, "dtype");
    input["dtype"] = JsonValue(dtype.empty() || dtype.starts_with("mixed_") ? "float32" : dtype);
    input["sparse"] = input["ragged"] = JsonValue(false);
    input["name"] = JsonValue(text_of(*config, "name") + "_input");
    config->erase("batch_input_shape");
    layers.insert(layers.begin(), object_of_class("InputLayer", std::move(input)));
  }

  // A nested model's only input and output as such: Keras 3 takes a list of one for a list wherever layers look at shapes.
  static void take_single_port(JsonValue& config) {
    for (const char* key : {"input_layers", "output_layers"})
      if (JsonValue* ports = config.find(key); ports && ports->is_array() && ports->items().size() == 1 && ports->items()[0].is_array()) {
        JsonValue only = ports->items()[0];
        *ports = std::move(only);
      }
  }

  // In a Bidirectional of tf.keras masked steps give zeros. That it is tf.keras's can be seen by time_major alone; now it is said.
  static void name_masked_steps(JsonValue& config) {
    for (const char* key : {"layer", "backward_layer"}) {
      JsonValue* layer = config.find(key);
      JsonValue* inner = layer && layer->is_object() ? layer->find("config") : nullptr;
      if (inner && inner->is_object() && inner->find("time_major") && is_true(*inner, "return_sequences") && !inner->find("zero_output_for_mask"))
        (*inner)["zero_output_for_mask"] = JsonValue(true);
    }
  }

  static JsonValue* calls_of(JsonValue& layer) {
    JsonValue* calls = layer.is_object() && is_model_class(text_of(layer, "class_name")) ? layer.find("inbound_nodes") : nullptr;
    return calls && calls->is_array() && !calls->items().empty() ? calls : nullptr;
  }

  // Nothing where the calls are not counted as expected.
  void double_calls(JsonValue& config) {
    JsonValue& layers = config["layers"];
    nested_.clear();
    for (JsonValue& layer : layers.items())
      if (JsonValue* calls = calls_of(layer)) nested_[text_of(layer, "name")] = static_cast<int64_t>(calls->items().size());
    if (nested_.empty()) return;
    all_odd_ = counted_ = true;
    const auto everywhere = [&](bool change) {
      for (JsonValue& layer : layers.items())
        if (JsonValue* calls = layer.is_object() ? layer.find("inbound_nodes") : nullptr) references(*calls, change);
      for (const char* key : {"input_layers", "output_layers"})
        if (JsonValue* ports = config.find(key)) references(*ports, change);
    };
    everywhere(false);
    if (!counted_ || (all_odd_ && are_doubled(layers))) return;
    for (JsonValue& layer : layers.items()) {
      JsonValue* calls = calls_of(layer);
      if (!calls) continue;
      JsonValue::Array doubled;
      for (const JsonValue& call : calls->items()) doubled.insert(doubled.end(), 2, call);
      *calls = JsonValue(std::move(doubled));
    }
    everywhere(true);
  }

  static bool are_doubled(JsonValue& layers) {
    for (JsonValue& layer : layers.items()) {
      const JsonValue* calls = calls_of(layer);
      if (!calls) continue;
      if (calls->items().size() % 2 != 0) return false;
      for (size_t i = 0; i < calls->items().size(); i += 2)
        if (!(calls->items()[i] == calls->items()[i + 1])) return false;
    }
    return true;
  }

  // [name, call, tensor, ...] of nested models, wherever they stand: looks at the numbers, or gives them the place of the second of two.
  void references(JsonValue& json, bool change) {
    if (json.is_object())
      for (JsonMember& member : json.members()) references(member.value, change);
    if (!json.is_array()) return;
    JsonValue::Array& items = json.items();
    if (items.size() >= 3 && items[0].is_string() && items[1].is_integer() && items[2].is_integer()) {
      const auto found = nested_.find(items[0].text());
      if (found != nested_.end()) {
        const int64_t number = items[1].integer();
        counted_ &= number >= 1 && number <= found->second;
        all_odd_ &= number % 2 == 1;
        if (change) items[1] = JsonValue(2 * number - 1);
      }
    }
    for (JsonValue& item : items) references(item, change);
  }

  std::map<std::string, int64_t> nested_;  // how often each nested model of the model at hand is called
  bool all_odd_ = true, counted_ = true;
};

}  // namespace

void leave_out_what_keras3_refuses(const std::string& class_name, JsonValue& config) {
  if (class_name == "InputLayer") return;
  const bool plain = class_name == "Conv1D" || class_name == "Conv2D" || class_name == "Conv3D";
  const bool by_channel = class_name.starts_with("Depthwise") || class_name.starts_with("Separable");
  erase_neutral(config, {"sparse", "input_length", "dynamic", "time_major"});
  // What a plain convolution would have.
  if (by_channel) erase_all(config, {"kernel_initializer", "kernel_regularizer", "kernel_constraint"});
  if (!plain && class_name.contains("Conv") && is_int(config, "groups", 1)) config.erase("groups");
  if (class_name.starts_with("Depthwise")) erase_neutral(config, {"filters"});
  if (class_name == "BatchNormalization") {
    erase_neutral(config, {"virtual_batch_size", "adjustment"});
    if (is_neutral(config, "renorm")) erase_all(config, {"renorm", "renorm_clipping", "renorm_momentum"});
    config.erase("fused");  // how it is computed
  }
  if (JsonValue* axis = class_name.ends_with("Normalization") ? config.find("axis") : nullptr; axis && axis->is_array() && axis->items().size() == 1) {
    JsonValue only = axis->items()[0];
    *axis = std::move(only);
  }
  if (const JsonValue* dtype = config.find("dtype"); dtype && dtype->is_object() && text_of(*dtype, "class_name").ends_with("Policy"))
    if (const JsonValue* inner = dtype->find("config"); inner && !text_of(*inner, "name").empty()) config["dtype"] = JsonValue(text_of(*inner, "name"));
  if (class_name.starts_with("SpatialDropout")) erase_neutral(config, {"noise_shape"});
  if ((class_name.starts_with("SpatialDropout") || class_name == "Discretization") && is_true(config, "trainable")) config.erase("trainable");
  for (JsonMember& member : config.members()) {
    JsonValue* inner = member.value.is_object() && member.key.ends_with("_initializer") ? member.value.find("config") : nullptr;
    if (inner && inner->is_object() && text_of(*inner, "dtype") == "float32") inner->erase("dtype");
  }
}

void spell_for_both_generations(JsonValue& model) { Speller().layer(model); }

}  // namespace isomer::layers
