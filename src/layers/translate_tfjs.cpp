// Keras 2's spelling into what TensorFlow.js 4.22 loads. It ignores keys that it does not know, so every option that it lacks has to be looked for here.
#include <algorithm>
#include <cctype>

#include "layers/translate_layer.h"

namespace isomer::layers {
namespace {

// Classes that @tensorflow/tfjs 4.22 registers, sorted. RandomWidth is left out: it stretches images even when predicting.
constexpr std::string_view kClasses[] = {"Activation",
                                         "Add",
                                         "AlphaDropout",
                                         "Average",
                                         "AveragePooling1D",
                                         "AveragePooling2D",
                                         "AveragePooling3D",
                                         "BatchNormalization",
                                         "Bidirectional",
                                         "CategoryEncoding",
                                         "CenterCrop",
                                         "Concatenate",
                                         "Conv1D",
                                         "Conv2D",
                                         "Conv2DTranspose",
                                         "Conv3D",
                                         "Conv3DTranspose",
                                         "ConvLSTM2D",
                                         "ConvLSTM2DCell",
                                         "Cropping2D",
                                         "Dense",
                                         "DepthwiseConv2D",
                                         "Dot",
                                         "Dropout",
                                         "ELU",
                                         "Embedding",
                                         "Flatten",
                                         "GRU",
                                         "GRUCell",
                                         "GaussianDropout",
                                         "GaussianNoise",
                                         "GlobalAveragePooling1D",
                                         "GlobalAveragePooling2D",
                                         "GlobalMaxPooling1D",
                                         "GlobalMaxPooling2D",
                                         "InputLayer",
                                         "LSTM",
                                         "LSTMCell",
                                         "LayerNormalization",
                                         "LeakyReLU",
                                         "Masking",
                                         "MaxPooling1D",
                                         "MaxPooling2D",
                                         "MaxPooling3D",
                                         "Maximum",
                                         "Minimum",
                                         "Multiply",
                                         "PReLU",
                                         "Permute",
                                         "RNN",
                                         "ReLU",
                                         "RepeatVector",
                                         "Rescaling",
                                         "Reshape",
                                         "Resizing",
                                         "SeparableConv2D",
                                         "SimpleRNN",
                                         "SimpleRNNCell",
                                         "Softmax",
                                         "SpatialDropout1D",
                                         "StackedRNNCells",
                                         "ThresholdedReLU",
                                         "TimeDistributed",
                                         "UpSampling2D",
                                         "ZeroPadding2D"};

constexpr std::string_view kActivations[] = {"elu",   "gelu", "gelu_new", "hard_sigmoid", "linear",   "log_softmax", "mish",  "relu",
                                             "relu6", "selu", "sigmoid",  "softmax",      "softplus", "softsign",    "swish", "tanh"};

constexpr std::string_view kInitializers[] = {"Constant",        "GlorotNormal",    "GlorotUniform", "HeNormal",   "HeUniform",    "Identity",
                                              "LeCunNormal",     "LeCunUniform",    "Ones",          "Orthogonal", "RandomNormal", "RandomUniform",
                                              "TruncatedNormal", "VarianceScaling", "Zeros"};

template <size_t n>
bool contains(const std::string_view (&list)[n], std::string_view name) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

// Is every number of a window this one?
bool all_are(const JsonValue& config, std::string_view key, int64_t number) {
  const JsonValue* found = config.find(key);
  if (!found || found->is_null()) return true;
  if (found->is_array()) return std::all_of(found->items().begin(), found->items().end(), [&](const JsonValue& v) { return v.as_int64() == number; });
  return found->as_int64() == number;
}

bool number_is(const JsonValue& config, std::string_view key, double number) {
  const JsonValue* found = config.find(key);
  return !found || found->is_null() || (found->is_number() && found->number() == number);
}

// "glorot_uniform" as "GlorotUniform".
std::string camel(std::string_view snake) {
  std::string name;
  bool upper = true;
  for (const char c : snake) {
    if (c != '_') name += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = c == '_';
  }
  return name;
}

void spell_initializer(JsonValue& json, LayerContext& context) {
  std::string name = class_name_of(json);
  if (name.empty()) return;
  if (json.is_string() || !json.find("config")) json = object_of_class(camel(name));
  name = camel(name);
  if (name.starts_with("Lecun")) name = "LeCun" + name.substr(5);
  if (name == "Uniform" || name == "Normal") name = "Random" + name;
  if (name == "Zero" || name == "One") name += "s";
  if (name == "OrthogonalInitializer" || name == "IdentityInitializer") name.erase(name.size() - 11);
  JsonValue& config = json["config"];
  if (!config.is_object()) config = JsonValue::object();
  if (const std::string distribution = text_of(config, "distribution"); name == "VarianceScaling" && distribution.ends_with("_normal"))
    config["distribution"] = JsonValue("normal");
  if (!contains(kInitializers, name)) {
    context.leave_out("an initialiser of the class " + name);
    name = "Zeros";
    config = JsonValue::object();
  }
  json["class_name"] = JsonValue(name);
}

void spell_regularizer(JsonValue& json, std::string_view key, LayerContext& context) {
  std::string name = class_name_of(json);
  if (name.empty()) return;
  if (key == "activity_regularizer") {
    context.leave_out("an activity regulariser");
    json = JsonValue();
    return;
  }
  const JsonValue* old = json.is_object() ? json.find("config") : nullptr;
  JsonValue config = JsonValue::object();
  const bool first = name == "L1" || name == "l1" || name.starts_with("L1L2") || name == "l1_l2",
             second = name == "L2" || name == "l2" || name.starts_with("L1L2") || name == "l1_l2";
  if (!first && !second) {
    context.leave_out("a regulariser of the class " + name);
    json = JsonValue();
    return;
  }
  const auto factor = [&](const char* which, bool used) {
    const JsonValue* value = old && old->is_object() ? old->find(which) : nullptr;
    return value && value->is_number() ? *value : JsonValue(used ? 0.01 : 0.0);
  };
  config["l1"] = factor("l1", first);
  config["l2"] = factor("l2", second);
  json = object_of_class("L1L2", std::move(config));
}

// TensorFlow.js does not keep to constraints while it trains, but applies them to the weights that it loads: they would become others.
void spell_constraint(JsonValue& json, LayerContext& context) {
  const std::string name = class_name_of(json);
  if (name.empty()) return;
  context.leave_out("a constraint of the class " + name);
  json = JsonValue();
}

// The name of an activation as TensorFlow.js has it; empty where it has none that computes the same.
std::string activation_name(const JsonValue& json, const LayerContext& context) {
  std::string name = class_name_of(json);
  const JsonValue* config = json.is_object() ? json.find("config") : nullptr;
  const auto plain = [&](std::initializer_list<std::pair<const char*, double>> defaults) {
    return !config || std::all_of(defaults.begin(), defaults.end(), [&](const auto& d) { return number_is(*config, d.first, d.second); });
  };
  if (name == "ReLU" && config && number_is(*config, "max_value", 6) && !is_null_or_missing(*config, "max_value") &&
      plain({{"negative_slope", 0}, {"threshold", 0}}))
    return "relu6";
  if (name == "ReLU" && (!config || is_null_or_missing(*config, "max_value")) && plain({{"negative_slope", 0}, {"threshold", 0}})) return "relu";
  if (name == "ELU" && plain({{"alpha", 1}})) return "elu";
  if (name == "Softmax" && plain({{"axis", -1}})) return "softmax";
  if (name == "Activation" && config && config->find("activation")) return activation_name(*config->find("activation"), context);
  if (name == "silu") name = "swish";
  // Keras 3's is another function: max(0, min(1, x / 6 + 0.5)).
  if (name == "hard_sigmoid" && context.from == Generation::kKeras3) return "";
  return contains(kActivations, name) ? name : "";
}

void spell_activation(SpelledLayer& layer, std::string_view key, LayerContext& context) {
  JsonValue* json = layer.config.find(key);
  if (!json || json->is_null()) return;
  const std::string name = activation_name(*json, context);
  if (!name.empty()) {
    *json = JsonValue(name);
    return;
  }
  // A layer that is nothing but the activation takes its place.
  if (layer.class_name == "Activation" && json->is_object() && json->find("config") && contains(kClasses, class_name_of(*json))) {
    SpelledLayer inner{class_name_of(*json), *json->find("config")};
    for (const char* member : {"name", "trainable", "batch_input_shape", "dtype"})
      if (const JsonValue* value = layer.config.find(member)) inner.config[member] = *value;
    spell_as_keras2(inner, Generation::kKeras2);
    spell_for_tfjs(inner, context);
    layer = std::move(inner);
    return;
  }
  if (layer.class_name == "Activation" && json->is_string() && json->text() == "leaky_relu") {
    layer.class_name = "LeakyReLU";
    layer.config.erase("activation");
    layer.config["alpha"] = JsonValue(0.2);
    return;
  }
  const std::string found = class_name_of(*json);
  context.refuse(found == "hard_sigmoid" ? "Keras 3's hard_sigmoid is another function than that of TensorFlow.js"
                                         : "TensorFlow.js has no activation '" + found + "'");
}

void spell_dtype(SpelledLayer& layer, LayerContext& context) {
  JsonValue* dtype = layer.config.find("dtype");
  if (!dtype) return;
  const std::string name = dtype->is_string() ? dtype->text() : "";
  if (name == "float32" || name == "int32" || name == "bool" || name == "string" || name == "complex64") return;
  if (name.starts_with("int") || name.starts_with("uint")) {
    *dtype = JsonValue("int32");
    context.leave_out("the dtype " + name + " (TensorFlow.js has int32)");
  } else if (!name.empty()) {
    *dtype = JsonValue("float32");
    context.leave_out("the dtype " + name + " (TensorFlow.js computes in float32)");
  } else {
    layer.config.erase("dtype");
  }
}

int64_t rank_of(const LayerContext& context) { return context.input_shape().has_rank() ? context.input_shape().rank() : -1; }

void check_convolution(SpelledLayer& layer, LayerContext& context) {
  JsonValue& config = layer.config;
  const std::string& name = layer.class_name;
  if (!all_are(config, "groups", 1)) context.refuse("TensorFlow.js convolves without groups");
  config.erase("groups");
  if (text_of(config, "padding") == "causal") context.refuse("TensorFlow.js has no causal padding");
  if (name == "Conv1D" && text_of(config, "data_format") == "channels_first") context.refuse("TensorFlow.js has no Conv1D with channels first");
  if (name == "DepthwiseConv2D" && !all_are(config, "dilation_rate", 1)) context.refuse("TensorFlow.js ignores the dilation of a DepthwiseConv2D");
  if (name.ends_with("Transpose")) {
    if (!all_are(config, "dilation_rate", 1)) context.refuse("TensorFlow.js ignores the dilation of a transposed convolution");
    if (!is_null_or_missing(config, "output_padding")) context.refuse("TensorFlow.js ignores output_padding");
    config.erase("output_padding");
  }
  if (name == "SeparableConv2D" || name == "DepthwiseConv2D")
    for (const char* key : {"kernel_initializer", "kernel_regularizer", "kernel_constraint"}) config.erase(key);
  if (name == "SeparableConv2D" && text_of(config, "data_format") == "channels_first")
    context.refuse("TensorFlow.js adds the bias of a SeparableConv2D with channels first along the wrong axis");
}

void check_recurrent(SpelledLayer& layer, LayerContext& context) {
  JsonValue& config = layer.config;
  if (is_true(config, "reset_after")) context.refuse("TensorFlow.js has no GRU with reset_after");
  if (is_true(config, "time_major")) context.refuse("TensorFlow.js wants the batch first, not time");
  if (is_true(config, "zero_output_for_mask") && is_true(config, "return_sequences"))
    context.note("where a step is masked, TensorFlow.js repeats the output before it instead of giving zeros");
  for (const char* key : {"time_major", "zero_output_for_mask"}) config.erase(key);
  if (JsonValue* cell = config.find("cell"); layer.class_name == "RNN" && cell && cell->is_array()) {
    JsonValue cells = JsonValue::object();
    cells["name"] = JsonValue("stacked_rnn_cells");
    cells["cells"] = *cell;
    *cell = object_of_class("StackedRNNCells", std::move(cells));
  }
}

void check_axes(SpelledLayer& layer, LayerContext& context) {
  JsonValue& config = layer.config;
  const int64_t rank = rank_of(context);
  JsonValue* axis = config.find("axis");
  if (layer.class_name == "Concatenate") {
    // A negative axis other than -1 would be taken for -1.
    if (axis && axis->as_int64() && *axis->as_int64() < -1) {
      if (rank < 0) return context.refuse("TensorFlow.js takes negative axes for -1, and the rank is not known");
      *axis = JsonValue(*axis->as_int64() + rank);
    }
  } else if (layer.class_name == "Softmax") {
    set_default(config, "axis", -1);
    axis = config.find("axis");
    if (axis->is_array() && axis->items().size() == 1) {
      const JsonValue only = axis->items()[0];
      *axis = only;
    }
    if (axis->as_int64() && *axis->as_int64() != -1 && *axis->as_int64() != rank - 1) context.refuse("TensorFlow.js has softmax along the last axis alone");
  } else if (layer.class_name == "BatchNormalization") {
    if (axis && axis->is_array()) context.refuse("TensorFlow.js normalises along one axis");
    if (rank > 4) context.refuse("TensorFlow.js normalises batches of rank 2 to 4, this has rank " + std::to_string(rank));
    if (is_true(config, "renorm")) context.leave_out("renorm of a BatchNormalization");
    for (const char* key : {"renorm", "renorm_clipping", "renorm_momentum", "virtual_batch_size", "fused", "synchronized"}) config.erase(key);
  } else if (layer.class_name == "LayerNormalization") {
    if (is_true(config, "rms_scaling")) context.refuse("TensorFlow.js has no rms_scaling");
    if (rank > 4) context.refuse("TensorFlow.js normalises layers up to rank 4, this has rank " + std::to_string(rank));
    config.erase("rms_scaling");
  } else if (layer.class_name == "Dot" && rank > 3) {
    context.refuse("TensorFlow.js has dot products up to rank 3, this has rank " + std::to_string(rank));
  }
}

void check_image(SpelledLayer& layer, LayerContext& context) {
  JsonValue& config = layer.config;
  const std::string& name = layer.class_name;
  if (name == "UpSampling2D" && text_of(config, "interpolation", "nearest") != "nearest" && !all_are(config, "size", 1))
    context.refuse("TensorFlow.js places the points of a " + text_of(config, "interpolation") + " UpSampling2D otherwise than Keras");
  if (name == "Resizing") context.refuse("TensorFlow.js resizes with aligned corners, Keras with half-pixel centers");
  if (name == "CenterCrop") context.refuse("TensorFlow.js cuts another part out than Keras");
  if (name.starts_with("Global")) {
    if (is_true(config, "keepdims")) context.refuse("TensorFlow.js ignores keepdims");
    config.erase("keepdims");
    if (name.ends_with("1D") && text_of(config, "data_format") == "channels_first") context.refuse("TensorFlow.js ignores channels first here");
  }
  if ((name == "MaxPooling1D" || name == "AveragePooling1D") && text_of(config, "data_format") == "channels_first")
    context.refuse("TensorFlow.js ignores channels first here");
}

// Bidirectional cannot take an RNN apart into layer and cell: the layer of the cell's class is the same.
void join_cell(SpelledLayer& layer) {
  const JsonValue* cell = layer.config.find("cell");
  const std::string name = cell ? class_name_of(*cell) : std::string();
  const JsonValue* inner = cell && cell->is_object() ? cell->find("config") : nullptr;
  if (!inner || !inner->is_object() || (name != "SimpleRNNCell" && name != "LSTMCell" && name != "GRUCell")) return;
  JsonValue config = *inner;
  for (const JsonMember& member : layer.config.members())
    if (member.key != "cell" && member.key != "cells") config[member.key] = member.value;
  layer.class_name = name.substr(0, name.size() - 4);
  layer.config = std::move(config);
}

// Layers that are another one in TensorFlow.js, to the bit.
void rename_equal(SpelledLayer& layer, LayerContext& context) {
  JsonValue& config = layer.config;
  const std::string name = layer.class_name;
  const auto identity = [&] {
    layer.class_name = "Activation";
    JsonValue plain = JsonValue::object();
    for (const char* key : {"name", "trainable", "batch_input_shape", "dtype"})
      if (const JsonValue* value = config.find(key)) plain[key] = *value;
    plain["activation"] = JsonValue("linear");
    config = std::move(plain);
  };
  if (name == "Identity") identity();
  if (name == "ActivityRegularization") {
    identity();
    context.leave_out("an activity regulariser");
  }
  if (name == "Flatten" && rank_of(context) == 2) identity();
  if (name == "SpatialDropout2D" || name == "SpatialDropout3D") {
    const bool first = text_of(config, "data_format") == "channels_first";
    JsonValue::Array noise = {JsonValue()};
    for (int i = 0; i < (name == "SpatialDropout2D" ? 2 : 3); ++i) noise.push_back(JsonValue(1));
    noise.insert(first ? noise.begin() + 1 : noise.end(), JsonValue());
    config.erase("data_format");
    config["noise_shape"] = JsonValue(std::move(noise));
    layer.class_name = "Dropout";
  }
  if (name != "ReLU") return;
  const bool slope = !is_neutral(config, "negative_slope"), threshold = !is_neutral(config, "threshold"), ceiling = !is_null_or_missing(config, "max_value");
  if (slope && !threshold && !ceiling) {
    layer.class_name = "LeakyReLU";
    rename_member(config, "negative_slope", "alpha");
  } else if (slope || threshold) {
    context.refuse("TensorFlow.js ignores negative_slope and threshold of a ReLU with a max_value, and a threshold without");
  }
  for (const char* key : {"negative_slope", "threshold"}) config.erase(key);
  if (layer.class_name == "LeakyReLU") config.erase("max_value");
}

}  // namespace

bool is_tfjs_class(std::string_view class_name) { return contains(kClasses, class_name); }

void spell_for_tfjs(SpelledLayer& layer, LayerContext& context) {
  rename_equal(layer, context);
  if (layer.class_name == "RNN" && context.wrapped) join_cell(layer);
  if (!contains(kClasses, layer.class_name)) {
    if (is_keras_class(layer.class_name)) return context.refuse("TensorFlow.js has no such layer");
    context.note("a custom class: register it with tf.serialization.registerClass before the model is loaded");
  }
  JsonValue& config = layer.config;
  if (layer.class_name == "InputLayer") {
    if (is_true(config, "ragged")) context.refuse("TensorFlow.js has no ragged tensors");
    for (const char* key : {"ragged", "optional"}) config.erase(key);
    if (const std::string dtype = text_of(config, "dtype"); dtype.starts_with("mixed_")) config["dtype"] = JsonValue("float32");
  }
  spell_dtype(layer, context);
  for (const char* key : {"activation", "recurrent_activation"}) spell_activation(layer, key, context);
  for (JsonMember& member : layer.config.members()) {
    if (member.value.is_null()) continue;
    if (member.key.ends_with("_initializer")) spell_initializer(member.value, context);
    if (member.key.ends_with("_regularizer")) spell_regularizer(member.value, member.key, context);
    if (member.key.ends_with("_constraint")) spell_constraint(member.value, context);
  }
  check_convolution(layer, context);
  check_recurrent(layer, context);
  check_axes(layer, context);
  check_image(layer, context);
  if (layer.class_name == "ELU" && !number_is(layer.config, "alpha", 1)) context.refuse("TensorFlow.js has ELU with alpha 1 alone");
  if (layer.class_name == "Bidirectional" && layer.config.find("backward_layer")) context.refuse("TensorFlow.js has no backward_layer of its own");
  if (layer.class_name == "Embedding") layer.config.erase("sparse");
}

}  // namespace isomer::layers
