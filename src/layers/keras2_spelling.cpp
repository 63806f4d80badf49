#include "layers/keras2_spelling.h"

#include <algorithm>

#include "layers/lower.h"

namespace isomer::layers {
namespace {

// Takes the value out first: it lies in what it replaces.
void replace(JsonValue& json, const JsonValue* inner) {
  JsonValue kept = inner ? *inner : JsonValue();
  json = std::move(kept);
}

// Classes that stand for a value in a configuration. True where it was replaced.
bool unwrap_value(JsonValue& json, const std::string& class_name) {
  const JsonValue* config = json.find("config");
  if (class_name == "DTypePolicy" || class_name == "FloatDTypePolicy" || class_name == "Policy" || class_name == "PolicyV1") {
    replace(json, config ? config->find("name") : nullptr);
  } else if (class_name == "SeedGenerator") {
    replace(json, config ? config->find("seed") : nullptr);
  } else if (class_name == "__tuple__") {
    replace(json, json.find("items"));
  } else if (class_name == "function") {
    replace(json, config);
  } else if (class_name == "__tensor__" || class_name == "__numpy__") {
    replace(json, config ? config->find("value") : nullptr);
  } else {
    return false;
  }
  return true;
}

void rename_class(SpelledLayer& layer) {
  for (const std::string_view prefix : {"keras.layers>", "Keras>", "keras>", "tf_keras>"})
    if (layer.class_name.starts_with(prefix)) layer.class_name.erase(0, prefix.size());
  if (const LayerDef* def = find_layer(layer.class_name)) layer.class_name = std::string(def->name);
}

// What only Keras 3 has, where it says nothing: it would be refused elsewhere.
void drop_neutral_keras3(JsonValue& config) {
  for (const char* key : {"quantization_config", "lora_rank", "lora_alpha", "optional", "zero_output_for_mask", "bounding_box_format", "pad_to_aspect_ratio",
                          "antialias", "flash_attention", "sliding_window", "use_gate", "renorm", "renorm_clipping", "gptq_unpacked_column_size", "salt"})
    if (is_neutral(config, key)) config.erase(key);
  for (const char* key : {"use_cudnn", "autocast", "score_mode"}) config.erase(key);
  if (!config.find("renorm")) config.erase("renorm_momentum");
}

void spell_initializer(JsonValue& json) {
  // The first versions of Keras 3 wrote some by the names of their classes, not those that they are known by.
  if (const std::string name = class_name_of(json); json.is_object() && (name == "OrthogonalInitializer" || name == "IdentityInitializer"))
    json["class_name"] = JsonValue(name.substr(0, name.size() - 11));
  JsonValue* config = json.find("config");
  if (!config || !config->is_object()) return;
  for (const char* key : {"dtype", "input_axes", "output_axes"}) config->erase(key);
}

// Keras 3 spells the layers of a Bidirectional with the names that they get inside of it, and always both.
void spell_bidirectional(JsonValue& config) {
  const auto strip = [](JsonValue* layer, std::string_view prefix) {
    JsonValue* name = layer && layer->find("config") ? layer->find("config")->find("name") : nullptr;
    if (name && name->is_string() && name->text().starts_with(prefix)) *name = JsonValue(name->text().substr(prefix.size()));
  };
  JsonValue *forward = config.find("layer"), *backward = config.find("backward_layer");
  strip(forward, "forward_");
  strip(backward, "backward_");
  if (!forward || !backward || !backward->is_object()) {
    config.erase("backward_layer");
    return;
  }
  // The mirror of the layer is what is made without it.
  JsonValue mirror = *forward, other = *backward;
  for (JsonValue* json : {&mirror, &other}) {
    json->erase("build_config");
    if (JsonValue* inner = json->find("config"); inner && inner->is_object()) inner->erase("name");
  }
  JsonValue* inner = mirror.find("config");
  if (!inner || !inner->is_object()) return;
  const JsonValue* reversed = inner->find("go_backwards");
  (*inner)["go_backwards"] = JsonValue(!(reversed && *reversed == JsonValue(true)));
  if (mirror == other) config.erase("backward_layer");
}

// What TensorFlow.js takes where a key is missing, which is not what Keras takes.
void fill_tfjs_defaults(SpelledLayer& layer) {
  JsonValue& config = layer.config;
  const std::string& name = layer.class_name;
  if (name.starts_with("LSTM") || name.starts_with("GRU") || name.starts_with("ConvLSTM2D")) set_default(config, "recurrent_activation", "hard_sigmoid");
  if (name == "Softmax") set_default(config, "axis", 1);
  if (name == "RNN" && config.find("cell")) config.erase("cells");
  if (JsonValue* shape = config.find("target_shape"); name == "Reshape" && shape && shape->is_array())
    for (JsonValue& size : shape->items())
      if (size.is_null()) size = JsonValue(-1);
  for (const char* key : {"mask_zero", "unit_forget_bias", "stateful", "unroll"})
    if (JsonValue* value = config.find(key); value && value->is_null()) *value = JsonValue(false);
  for (const char* key : {"implementation", "activity_regularizer", "max_value"})
    if (JsonValue* value = config.find(key); value && value->is_null()) config.erase(key);
}

}  // namespace

void rename_member(JsonValue& object, std::string_view from, std::string_view to) {
  if (!object.find(from)) return;
  if (object.find(to)) {
    object.erase(from);
    return;
  }
  for (JsonMember& member : object.members())
    if (member.key == from) member.key = std::string(to);
}

bool is_null_or_missing(const JsonValue& object, std::string_view key) {
  const JsonValue* found = object.find(key);
  return !found || found->is_null();
}

void set_default(JsonValue& object, std::string_view key, JsonValue value) {
  if (is_null_or_missing(object, key)) object[key] = std::move(value);
}

bool is_true(const JsonValue& object, std::string_view key) {
  const JsonValue* found = object.find(key);
  return found && *found == JsonValue(true);
}

void erase_all(JsonValue& object, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) object.erase(key);
}

bool is_neutral(const JsonValue& object, std::string_view key) {
  const JsonValue* found = object.find(key);
  if (!found || found->is_null()) return true;
  if (found->is_bool()) return !found->boolean();
  if (found->is_number()) return found->number() == 0;
  if (found->is_string()) return found->text().empty();
  if (found->is_array()) return found->items().empty();
  return found->is_object() && found->members().empty();
}

JsonValue object_of_class(std::string_view class_name, JsonValue config) {
  JsonValue json = JsonValue::object();
  json["class_name"] = JsonValue(class_name);
  json["config"] = std::move(config);
  return json;
}

void unwrap_keras3(JsonValue& json) {
  if (json.is_array())
    for (JsonValue& item : json.items()) unwrap_keras3(item);
  if (!json.is_object()) return;
  if (const std::string class_name = text_of(json, "class_name"); !class_name.empty()) {
    if (unwrap_value(json, class_name)) return unwrap_keras3(json);
    const std::string registered = text_of(json, "registered_name");
    if (registered.find('>') != std::string::npos && class_name.find('>') == std::string::npos) json["class_name"] = JsonValue(registered);
    for (const char* key : {"module", "registered_name", "shared_object_id", "build_config", "compile_config"}) json.erase(key);
  }
  for (JsonMember& member : json.members()) unwrap_keras3(member.value);
}

void spell_as_keras2(SpelledLayer& layer, Generation from) {
  JsonValue& config = layer.config;
  if (!config.is_object()) return;
  unwrap_keras3(config);
  if (from == Generation::kKeras1) spell_keras1_as_keras2(layer);
  rename_class(layer);
  for (const char* key : {"batch_shape", "batchInputShape"})
    if (layer.class_name == "InputLayer") rename_member(config, key, "batch_input_shape");
  if (from == Generation::kKeras3) drop_neutral_keras3(config);
  if (from == Generation::kTfjs) fill_tfjs_defaults(layer);
  if (layer.class_name == "LeakyReLU") rename_member(config, "negative_slope", "alpha");
  if (layer.class_name == "Bidirectional") spell_bidirectional(config);
  // Who left it open knew only the one form; tf_keras and Keras 3 take the other.
  if (layer.class_name.starts_with("GRU") && from != Generation::kKeras3) set_default(config, "reset_after", false);
  for (JsonMember& member : config.members())
    if (member.key.ends_with("initializer")) spell_initializer(member.value);
  // Lists of one axis.
  if (JsonValue* axis = config.find("axis"); axis && axis->is_array() && axis->items().size() == 1 && layer.class_name == "BatchNormalization") {
    const JsonValue only = axis->items()[0];
    *axis = only;
  }
}

}  // namespace isomer::layers
