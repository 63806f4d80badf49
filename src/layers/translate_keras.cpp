// Keras 2's spelling into what tf_keras and what Keras 3 load. Both refuse keys that they do not know.
#include <algorithm>

#include "layers/shared_spelling.h"
#include "layers/translate_layer.h"

namespace isomer::layers {
namespace {

template <size_t n>
bool contains(const std::string_view (&list)[n], std::string_view name) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

// Classes of Keras that no kernel of this project has to know.
constexpr std::string_view kOtherClasses[] = {"AbstractRNNCell",
                                              "AdaptiveAveragePooling1D",
                                              "AdaptiveAveragePooling2D",
                                              "AdaptiveAveragePooling3D",
                                              "ConvLSTM1DCell",
                                              "ConvLSTM2DCell",
                                              "ConvLSTM3DCell",
                                              "CuDNNGRU",
                                              "CuDNNLSTM",
                                              "DenseFeatures",
                                              "GRUCell",
                                              "GroupQueryAttention",
                                              "HashedCrossing",
                                              "Highway",
                                              "IntegerLookup",
                                              "LSTMCell",
                                              "Lambda",
                                              "MaxoutDense",
                                              "MelSpectrogram",
                                              "SimpleRNNCell",
                                              "SlicingOpLambda",
                                              "SpectralNormalization",
                                              "StackedRNNCells",
                                              "StringLookup",
                                              "TFOpLambda",
                                              "TextVectorization",
                                              "RandomHeight",
                                              "RandomWidth"};

// What tf_keras 2.19 and Keras 3.15 lack.
constexpr std::string_view kNotInKeras2[] = {"AdaptiveAveragePooling1D",
                                             "AdaptiveAveragePooling2D",
                                             "AdaptiveAveragePooling3D",
                                             "AdaptiveMaxPooling1D",
                                             "AdaptiveMaxPooling2D",
                                             "AdaptiveMaxPooling3D",
                                             "AugMix",
                                             "AutoContrast",
                                             "ContrastLimitedAdaptiveHistogramEqualization",
                                             "CutMix",
                                             "Equalization",
                                             "FlaxLayer",
                                             "GroupQueryAttention",
                                             "Highway",
                                             "JaxLayer",
                                             "MaxNumBoundingBoxes",
                                             "MaxoutDense",
                                             "MelSpectrogram",
                                             "MixUp",
                                             "Pipeline",
                                             "RMSNormalization",
                                             "RandAugment",
                                             "RandomColorDegeneration",
                                             "RandomColorJitter",
                                             "RandomElasticTransform",
                                             "RandomErasing",
                                             "RandomGaussianBlur",
                                             "RandomGrayscale",
                                             "RandomHue",
                                             "RandomInvert",
                                             "RandomPerspective",
                                             "RandomPosterization",
                                             "RandomSaturation",
                                             "RandomSharpness",
                                             "RandomShear",
                                             "ReversibleEmbedding",
                                             "STFTSpectrogram",
                                             "Solarization",
                                             "TFSMLayer",
                                             "TorchModuleWrapper"};
constexpr std::string_view kNotInKeras3[] = {"AbstractRNNCell",    "CuDNNGRU",           "CuDNNLSTM",   "DenseFeatures",         "Highway",
                                             "LocallyConnected1D", "LocallyConnected2D", "MaxoutDense", "RandomFourierFeatures", "RandomHeight",
                                             "RandomWidth",        "SlicingOpLambda",    "TFOpLambda"};

void spell_input(JsonValue& config) {
  if (const std::string dtype = text_of(config, "dtype"); dtype.starts_with("mixed_") || dtype.empty()) config["dtype"] = JsonValue("float32");
}

}  // namespace

bool is_keras_class(std::string_view class_name) {
  return class_name == "Functional" || class_name == "Sequential" || find_layer(class_name) != nullptr || contains(kOtherClasses, class_name);
}

bool has_class(Spelling spelling, std::string_view class_name) {
  if (spelling == Spelling::kTfjs) return is_tfjs_class(class_name);
  return spelling == Spelling::kKeras2 ? !contains(kNotInKeras2, class_name) : !contains(kNotInKeras3, class_name);
}

JsonValue with_module(JsonValue object, std::string_view module) {
  JsonValue json = JsonValue::object();
  std::string name = class_name_of(object);
  const JsonValue* spelled = object.find("class_name");
  const std::string whole = spelled && spelled->is_string() ? spelled->text() : name;
  json["module"] = module.empty() ? JsonValue() : JsonValue(module);
  json["class_name"] = JsonValue(name);
  json["config"] = object.find("config") ? *object.find("config") : JsonValue::object();
  // A custom class is found by the name that it is registered under.
  json["registered_name"] = module.empty() ? JsonValue(whole) : module.ends_with("functional") ? JsonValue("Functional") : JsonValue();
  return json;
}

void add_modules(JsonValue& config) {
  for (JsonMember& member : config.members()) {
    JsonValue& value = member.value;
    if (!value.is_object() || !value.find("class_name") || value.find("module")) continue;
    const std::string& key = member.key;
    const std::string_view module = key.ends_with("_initializer") || key == "initializer" ? "keras.initializers"
                                    : key.ends_with("_regularizer")                       ? "keras.regularizers"
                                    : key.ends_with("_constraint")                        ? "keras.constraints"
                                                                                          : "keras.layers";
    value = with_module(std::move(value), module);
  }
}

void spell_for_keras2(SpelledLayer& layer, LayerContext& context) {
  JsonValue& config = layer.config;
  if (contains(kNotInKeras2, layer.class_name)) context.refuse("Keras 2 has no such layer");
  if (layer.class_name == "InputLayer") {
    spell_input(config);
    erase_all(config, {"optional", "input_dim", "input_length", "input_shape"});  // the last three of the layer that implied it
  }
  if (context.from != Generation::kKeras3) return;
  if (layer.class_name == "Lambda") context.refuse("a Lambda of Keras 3 holds Python code as Keras 2 does not read it");
  for (const char* key : {"activation", "recurrent_activation"})
    if (text_of(config, key) == "hard_sigmoid") context.refuse("hard_sigmoid is another function in Keras 3 than in Keras 2");
  const std::string& name = layer.class_name;
  if (name == "CenterCrop" || name == "Resizing" || name == "ZeroPadding1D" || name.starts_with("Random")) config.erase("data_format");
  if (name == "Resizing") erase_all(config, {"fill_mode", "fill_value"});
  if (name == "MultiHeadAttention" || name == "SimpleRNN" || name.starts_with("ConvLSTM")) config.erase("seed");
  if (name == "RandomContrast") config.erase("value_range");
  if (name == "StringLookup" || name == "IntegerLookup") {
    erase_all(config, {"oov_method", "salt"});
    // Of what the layer gives: numbers of words, or counts.
    config["dtype"] = JsonValue(text_of(config, "output_mode") == "int" ? "int64" : "float32");
  }
  if (name == "TextVectorization") config["dtype"] = JsonValue("string");
  if (name == "Discretization" && !is_null_or_missing(config, "bin_boundaries")) config.erase("num_bins");
  if (name == "BatchNormalization" && config.find("renorm")) context.refuse("Keras 2 has no renorm");
}

void spell_for_keras3(SpelledLayer& layer, LayerContext& context) {
  JsonValue& config = layer.config;
  const std::string name = layer.class_name;
  if (contains(kNotInKeras3, name)) return context.refuse("Keras 3 has no such layer");
  if (name == "Lambda" && context.from != Generation::kKeras3) return context.refuse("a Lambda of Keras 2 holds Python code as Keras 3 does not read it");
  if (name == "InputLayer") {
    rename_member(config, "batch_input_shape", "batch_shape");
    spell_input(config);
    if (is_neutral(config, "ragged")) config.erase("ragged");
  } else {
    erase_all(config, {"batch_input_shape", "input_shape", "input_length", "input_dtype", "dynamic"});
    if (name != "Embedding") config.erase("input_dim");
  }
  if (name == "LeakyReLU") rename_member(config, "alpha", "negative_slope");
  if (name == "ThresholdedReLU") {
    layer.class_name = "ReLU";
    rename_member(config, "theta", "threshold");
    context.note("written as a ReLU with a threshold, which lets a value equal to it pass");
  }
  if (context.from != Generation::kKeras3)
    for (const char* key : {"activation", "recurrent_activation"})
      if (text_of(config, key) == "hard_sigmoid") context.refuse("hard_sigmoid is another function in Keras 3 than before");
  if (const JsonValue* time = config.find("time_major"); time && *time == JsonValue(true)) context.refuse("Keras 3 wants the batch first, not time");
  leave_out_what_keras3_refuses(name, config);
  if (name == "MultiHeadAttention") erase_all(config, {"query_shape", "key_shape", "value_shape"});
  if (name == "BatchNormalization") erase_all(config, {"virtual_batch_size", "adjustment"});
  if (name.starts_with("SpatialDropout")) config.erase("noise_shape");
  if (name.starts_with("SpatialDropout") || name == "Discretization") config.erase("trainable");
  if (name == "SeparableConv1D" && text_of(config, "padding") == "causal") context.refuse("Keras 3 has no causal padding here");
  erase_all(config, {"force_generator", "rng_type"});
  if (name == "RNN" && config.find("cell") && config.find("cell")->is_array()) {
    JsonValue cells = JsonValue::object();
    cells["cells"] = *config.find("cell");
    config["cell"] = with_module(object_of_class("StackedRNNCells", std::move(cells)), "keras.layers");
  }
  for (JsonMember& member : config.members())
    if (member.key.ends_with("initializer") && member.value.is_object())
      if (JsonValue* inner = member.value.find("config"); inner && text_of(*inner, "distribution") == "normal")
        (*inner)["distribution"] = JsonValue("truncated_normal");
  add_modules(config);
}

}  // namespace isomer::layers
