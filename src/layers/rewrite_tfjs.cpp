#include "layers/rewrite_tfjs.h"

#include <algorithm>
#include <cmath>

namespace isomer::layers {
namespace {

bool is_channels_first(const SpelledLayer& layer) { return text_of(layer.config, "data_format") == "channels_first"; }

// "UpSampling1D" as "UpSampling2D"
std::string with_rank(const std::string& class_name, const char* rank) { return class_name.substr(0, class_name.size() - 2) + rank; }

// Before: x + 3 and the like, or two tensors, as operations of Keras 3   After: Rescaling, or the layer of two tensors
bool rewrite_operation(LayerRewriter& r) {
  const std::string name = r.layer().class_name;
  if (name != "Add" && name != "Subtract" && name != "Multiply" && name != "TrueDivide" && name != "Divide") return false;
  if (r.layer().calls.size() != 1) return false;
  const Call call = r.layer().calls[0];
  if (call.inputs.size() == 2 && (name == "Add" || name == "Multiply" || name == "Subtract")) {
    r.become(name, JsonValue::object());
    return true;
  }
  std::vector<const JsonValue*> arguments;
  for (const JsonValue& arg : call.args.items()) arguments.push_back(&arg);
  for (const JsonMember& member : call.kwargs.members()) arguments.push_back(&member.value);
  if (call.inputs.size() != 1 || arguments.size() != 2) return false;
  const bool swapped = arguments[0]->is_number();
  const JsonValue& number = *arguments[swapped ? 0 : 1];
  if (!number.is_number() || (swapped && name != "Add" && name != "Multiply" && name != "Subtract")) return false;
  const double value = number.number();
  r.become("Rescaling",
           rescaling_config(name == "Multiply"              ? value
                            : name.ends_with("Divide")      ? 1 / value
                            : name == "Subtract" && swapped ? -1.0
                                                            : 1.0,
                            name == "Add"        ? value
                            : name != "Subtract" ? 0.0
                            : swapped            ? value
                                                 : -value),
           {LayerRewriter::input()});
  return true;
}

// Before: Subtract(a, b)   After: Add(a, Rescaling(-1)(b))
bool rewrite_subtract(LayerRewriter& r) {
  const Term negative = r.add("negative", "Rescaling", rescaling_config(-1, 0), r.input(1));
  r.become("Add", JsonValue::object(), {r.input(0), negative});
  return true;
}

// Before: Normalization   After: BatchNormalization without scale and center, or Rescaling where mean and variance are numbers
bool rewrite_normalization(LayerRewriter& r, const JsonValue& config) {
  const JsonValue *mean = config.find("mean"), *variance = config.find("variance");
  if (!is_neutral(config, "invert")) return false;
  if (mean && variance && mean->is_number() && variance->is_number()) {
    const double deviation = std::max(std::sqrt(variance->number()), 1e-7);
    r.become("Rescaling", rescaling_config(1 / deviation, -mean->number() / deviation));
    return true;
  }
  const JsonValue* axis_json = config.find("axis");
  if (axis_json && axis_json->is_array() && axis_json->items().size() == 1) axis_json = &axis_json->items()[0];
  const auto axis = axis_json ? axis_json->as_int64() : std::optional<int64_t>(-1);
  const PartialShape x = r.shape();
  const bool has_weights = is_null_or_missing(config, "mean") && is_null_or_missing(config, "variance");
  if (!axis || !has_weights || !x.has_rank() || x.rank() < 2 || x.rank() > 4 || (*axis != -1 && *axis != x.rank() - 1)) return false;
  // Keras takes no smaller deviation than 1e-7.
  const auto raise = [](const Tensor& value, const Limits& limits) -> Result<Tensor> {
    std::vector<double> numbers(static_cast<size_t>(value.elements()));
    load_doubles(value, 0, numbers);
    for (double& number : numbers) number = std::max(number, 1e-14);
    MutableTensor raised = TRY(MutableTensor::create(value.dtype(), value.shape(), limits));
    store_doubles(raised, 0, numbers);
    return std::move(raised).finish();
  };
  const std::vector<std::string> own = r.own_path();
  r.change_weight({own, "mean", "moving_mean", {}, {}});
  r.change_weight({own, "variance", "moving_variance", {}, raise});
  r.change_weight({own, "count", "", {}, {}});
  r.become("BatchNormalization", json_object({{"axis", JsonValue(-1)}, {"epsilon", JsonValue(0)}, {"center", JsonValue(false)}, {"scale", JsonValue(false)}}));
  return true;
}

// Before: ZeroPadding1D, Cropping1D, UpSampling1D   After: Reshape to a plane of width 1, the same in 2D, Reshape back
bool rewrite_on_a_plane(LayerRewriter& r, const SpelledLayer& layer) {
  const int64_t last = r.channels(3);
  if (last < 1 || is_channels_first(layer)) return false;
  const std::string flat = with_rank(layer.class_name, "2D");
  JsonValue config = json_object({{"data_format", JsonValue("channels_last")}});
  if (flat == "UpSampling2D") {
    const auto size = pair_of(layer.config, "size", 2);
    if (!size) return false;
    config["size"] = json_list({size->first, 1});
    config["interpolation"] = JsonValue("nearest");
  } else {
    const std::string key = flat == "ZeroPadding2D" ? "padding" : "cropping";
    const auto sides = pair_of(layer.config, key, 1);
    if (!sides) return false;
    config[key] = JsonValue(JsonValue::Array{json_list({sides->first, sides->second}), json_list({0, 0})});
  }
  const Term plane = r.add("plane", "Reshape", reshape_config({-1, 1, last}));
  r.become("Reshape", reshape_config({-1, last}), {r.add("2d", flat, std::move(config), plane)});
  return true;
}

// Before: GlobalAveragePooling3D, GlobalMaxPooling3D   After: Reshape to a line, the same in 1D
bool rewrite_pooled_space(LayerRewriter& r, const SpelledLayer& layer) {
  const int64_t last = r.channels(5);
  if (last < 1 || is_channels_first(layer) || !is_neutral(layer.config, "keepdims")) return false;
  const Term line = r.add("line", "Reshape", reshape_config({-1, last}));
  r.become(with_rank(layer.class_name, "1D"), JsonValue::object(), {line});
  return true;
}

// Before: global pooling with keepdims   After: without, and the pooled sizes come back as ones by a Reshape
bool rewrite_keepdims(LayerRewriter& r, const SpelledLayer& layer) {
  const int64_t rank = r.shape().has_rank() ? r.shape().rank() : 0, last = r.channels(rank);
  if (last < 1 || rank < 3 || is_channels_first(layer)) return false;
  JsonValue::Array sizes(static_cast<size_t>(rank - 2), JsonValue(1));
  sizes.emplace_back(last);
  JsonValue config = layer.config;
  config.erase("keepdims");
  Term x = r.input();
  if (rank == 5) x = r.add("line", "Reshape", reshape_config({-1, last}));
  const Term pooled = r.add("pool", rank == 5 ? with_rank(layer.class_name, "1D") : layer.class_name, std::move(config), x);
  r.become("Reshape", json_object({{"target_shape", JsonValue(std::move(sizes))}}), {pooled});
  return true;
}

// Before: Conv1D with causal padding   After: zeros in front, by way of a plane; Conv1D without padding
bool rewrite_causal(LayerRewriter& r, const SpelledLayer& layer) {
  const int64_t last = r.channels(3);
  const auto kernel = pair_of(layer.config, "kernel_size", 1), dilation = pair_of(layer.config, "dilation_rate", 1);
  if (last < 1 || !kernel || !dilation || is_channels_first(layer)) return false;
  const JsonValue past(JsonValue::Array{json_list({dilation->first * (kernel->first - 1), 0}), json_list({0, 0})});
  const Term plane = r.add("plane", "Reshape", reshape_config({-1, 1, last}));
  const Term padded = r.add("past", "ZeroPadding2D", json_object({{"padding", past}}), plane);
  JsonValue config = r.layer().config;
  config["padding"] = JsonValue("valid");
  const Term line = r.add("line", "Reshape", reshape_config({-1, last}), padded);
  r.become("Conv1D", std::move(config), {line});
  return true;
}

Result<bool> rewrite(LayerRewriter& r, const SpelledLayer& layer, Generation from, const std::vector<std::string>& path, const TranslateOptions& options) {
  const std::string& name = layer.class_name;
  const bool single = r.has_inputs(1);
  if (single && name.starts_with("Global") && !is_neutral(layer.config, "keepdims")) return rewrite_keepdims(r, layer);
  if (single && name == "Conv1D" && text_of(layer.config, "padding") == "causal") return rewrite_causal(r, layer);
  if (single && from != Generation::kTfjs) {
    const bool kernel = rewrite_kernel(r, layer);
    if (rewrite_activation(r, kernel ? SpelledLayer{r.layer().class_name, r.layer().config} : layer, from, options.limits) || kernel) return true;
    if (options.masked_layers && rewrite_masked(r, layer, path, *options.masked_layers)) return true;
    if (TRY(rewrite_resampling(r, layer, from, options.limits))) return true;
  }
  if (!options.rewrite_unsupported_layers) return false;
  if (name == "Subtract" && r.has_inputs(2)) return rewrite_subtract(r);
  if (!single) return false;
  if (name == "Normalization") return rewrite_normalization(r, layer.config);
  if (name == "ZeroPadding1D" || name == "Cropping1D" || name == "UpSampling1D") return rewrite_on_a_plane(r, layer);
  if (name == "GlobalAveragePooling3D" || name == "GlobalMaxPooling3D") return rewrite_pooled_space(r, layer);
  return false;
}

// Does every layer take the result of the one before it, and that alone?
bool is_chain(const Model& model) {
  for (size_t i = 1; i < model.layers.size(); ++i) {
    const std::vector<Call>& calls = model.layers[i].calls;
    if (calls.size() != 1 || calls[0].inputs.size() != 1 || calls[0].inputs[0] != TensorRef{static_cast<int32_t>(i) - 1, 0, 0}) return false;
  }
  return true;
}

}  // namespace

Result<void> rewrite_for_tfjs(Model& model, const std::vector<std::string>& path, const TranslateOptions& options, Rewritten& rewritten) {
  LayerRewriter r(model, path, options, rewritten);
  while (r.next()) {
    if (r.layer().model) {
      Model inner = *r.layer().model;
      TRY(rewrite_for_tfjs(inner, r.own_path(), options, rewritten));
      r.layer().model = std::make_shared<const Model>(std::move(inner));
      continue;
    }
    if (r.layer().module.contains(".ops.") && rewrite_operation(r)) continue;
    SpelledLayer spelled{r.layer().class_name, r.layer().config};
    if (!spelled.config.is_object()) continue;
    spell_as_keras2(spelled, model.generation);
    const std::string before = spelled.class_name;
    if (!TRY(rewrite(r, spelled, model.generation, path, options))) continue;
    r.note("the layer '" + r.layer().name + "' (" + before + ") was written as other layers that compute the same");
  }
  if (model.sequential && !is_chain(model)) model.sequential = false;
  return {};
}

}  // namespace isomer::layers
