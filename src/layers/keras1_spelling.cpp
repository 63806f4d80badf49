// Keras 1 into Keras 2, as Keras 2 itself read such files (its interfaces of old names).
#include <map>

#include "layers/keras2_spelling.h"

namespace isomer::layers {
namespace {

struct Renaming {
  std::string_view from, to;
};
// For all classes: no key of the left side means anything else anywhere.
constexpr Renaming kEverywhere[] = {
    {"nb_filter", "filters"},
    {"border_mode", "padding"},
    {"subsample", "strides"},
    {"atrous_rate", "dilation_rate"},
    {"W_regularizer", "kernel_regularizer"},
    {"U_regularizer", "recurrent_regularizer"},
    {"b_regularizer", "bias_regularizer"},
    {"W_constraint", "kernel_constraint"},
    {"b_constraint", "bias_constraint"},
    {"bias", "use_bias"},
    {"inner_init", "recurrent_initializer"},
    {"inner_activation", "recurrent_activation"},
    {"dropout_W", "dropout"},
    {"dropout_U", "recurrent_dropout"},
    {"gamma_init", "gamma_initializer"},
    {"beta_init", "beta_initializer"},
    {"pool_length", "pool_size"},
    {"stride", "strides"},
    {"p", "rate"},
    {"sigma", "stddev"},
    {"input_dtype", "dtype"},
};

constexpr Renaming kInitializers[] = {{"zero", "zeros"}, {"one", "ones"}, {"uniform", "random_uniform"}, {"normal", "random_normal"}};

// {"name": "L1L2Regularizer", "l1": ..., "l2": ...} and {"name": "MaxNorm", "m": 2, "axis": 0} became objects of a class.
void spell_named_object(JsonValue& json) {
  const JsonValue* name = json.is_object() ? json.find("name") : nullptr;
  if (!name || !name->is_string() || json.find("class_name")) return;
  std::string class_name = name->text();
  JsonValue config = json;
  config.erase("name");
  if (class_name == "L1L2Regularizer" || class_name == "WeightRegularizer" || class_name == "ActivityRegularizer") class_name = "L1L2";
  rename_member(config, "m", "max_value");
  json = object_of_class(class_name, std::move(config));
}

void join_sizes(JsonValue& config, std::initializer_list<const char*> keys, std::string_view to) {
  JsonValue::Array sizes;
  for (const char* key : keys) {
    if (is_null_or_missing(config, key)) return;
    sizes.push_back(*config.find(key));
  }
  for (const char* key : keys) config.erase(key);
  config[to] = JsonValue(std::move(sizes));
}

void spell_merge(SpelledLayer& layer) {
  JsonValue& config = layer.config;
  const JsonValue* mode_json = config.find("mode");
  const std::string mode = mode_json && mode_json->is_string() ? mode_json->text() : "";
  static const std::map<std::string, std::string_view, std::less<>> kClasses = {
      {"sum", "Add"}, {"mul", "Multiply"}, {"ave", "Average"}, {"max", "Maximum"}, {"concat", "Concatenate"}, {"dot", "Dot"}, {"cos", "Dot"}};
  const auto found = kClasses.find(mode);
  if (found == kClasses.end()) return;  // a function: there is no class for it
  layer.class_name = std::string(found->second);
  JsonValue spelled = JsonValue::object();
  for (const char* key : {"name", "trainable"})
    if (const JsonValue* value = config.find(key)) spelled[key] = *value;
  if (mode == "concat") spelled["axis"] = config.find("concat_axis") ? *config.find("concat_axis") : JsonValue(-1);
  if (mode == "dot" || mode == "cos") {
    spelled["axes"] = config.find("dot_axes") ? *config.find("dot_axes") : JsonValue(-1);
    spelled["normalize"] = JsonValue(mode == "cos");
  }
  config = std::move(spelled);
}

}  // namespace

void spell_keras1_as_keras2(SpelledLayer& layer) {
  JsonValue& config = layer.config;
  if (layer.class_name == "Merge") return spell_merge(layer);
  join_sizes(config, {"nb_row", "nb_col"}, "kernel_size");
  join_sizes(config, {"kernel_dim1", "kernel_dim2", "kernel_dim3"}, "kernel_size");
  join_sizes(config, {"filter_length"}, "kernel_size");
  join_sizes(config, {"subsample_length"}, "strides");
  for (const Renaming& r : kEverywhere) rename_member(config, r.from, r.to);
  const bool embedding = layer.class_name == "Embedding";
  if (embedding) {
    rename_member(config, "init", "embeddings_initializer");
    rename_member(config, "kernel_regularizer", "embeddings_regularizer");
    rename_member(config, "kernel_constraint", "embeddings_constraint");
    config.erase("dropout");
  } else {
    rename_member(config, "output_dim", "units");
    const bool alpha = layer.class_name == "PReLU", depthwise = layer.class_name.starts_with("Separable");
    rename_member(config, "init", alpha ? "alpha_initializer" : depthwise ? "depthwise_initializer" : "kernel_initializer");
    config.erase("input_dim");
  }
  if (JsonValue* forget = config.find("forget_bias_init")) {
    const bool ones = forget->is_string() && forget->text() == "one";
    config.erase("forget_bias_init");
    config["unit_forget_bias"] = JsonValue(ones);
  }
  if (JsonValue* ordering = config.find("dim_ordering")) {
    *ordering = JsonValue(ordering->is_string() && ordering->text() == "th" ? "channels_first" : "channels_last");
    rename_member(config, "dim_ordering", "data_format");
  }
  for (const char* key : {"consume_less", "input_length"}) config.erase(key);
  // Of the layer's input; Keras 2 would make weights of it.
  if (layer.class_name == "Embedding") config.erase("dtype");
  if (layer.class_name == "BatchNormalization") config.erase("mode");
  if (layer.class_name == "UpSampling1D") rename_member(config, "length", "size");
  if (layer.class_name.starts_with("Dropout") || layer.class_name.starts_with("SpatialDropout")) config.erase("data_format");
  for (JsonMember& member : config.members()) {
    if (member.key.ends_with("_regularizer") || member.key.ends_with("_constraint")) spell_named_object(member.value);
    if (!member.key.ends_with("_initializer") || !member.value.is_string()) continue;
    for (const Renaming& r : kInitializers)
      if (member.value.text() == r.from) member.value = JsonValue(r.to);
  }
}

}  // namespace isomer::layers
