#include "layers/rewrite_tfjs.h"

#include <algorithm>
#include <cmath>

#include "layers/keras2_spelling.h"

namespace isomer::layers {
namespace {

JsonValue ints(std::initializer_list<int64_t> values) {
  JsonValue::Array items;
  for (const int64_t value : values) items.emplace_back(value);
  return JsonValue(std::move(items));
}

// A pair of numbers: [1, 2], or 1 for both.
std::optional<std::pair<int64_t, int64_t>> pair_of(const JsonValue& config, std::string_view key, int64_t otherwise) {
  const JsonValue* found = config.find(key);
  if (!found || found->is_null()) return std::pair(otherwise, otherwise);
  if (const auto one = found->as_int64()) return std::pair(*one, *one);
  if (!found->is_array() || found->items().empty() || found->items().size() > 2) return std::nullopt;
  const auto a = found->items().front().as_int64(), b = found->items().back().as_int64();
  return a && b ? std::optional(std::pair(*a, *b)) : std::nullopt;
}

std::string text_of(const JsonValue& config, std::string_view key) {
  const JsonValue* found = config.find(key);
  return found && found->is_string() ? found->text() : std::string();
}

class Rewriter {
 public:
  Rewriter(Model& model, bool classes, const std::vector<std::string>& path, const InputShapes& shapes, std::vector<WeightChange>& changes, std::vector<std::string>& notes)
      : model_(model), classes_(classes), path_(path), shapes_(shapes), changes_(changes), notes_(notes) {}

  void run() {
    for (at_ = 0; at_ < model_.layers.size(); ++at_) {
      Layer& layer = model_.layers[at_];
      if (layer.model) {
        Model inner = *layer.model;
        rewrite_for_tfjs(inner, classes_, own_path(), shapes_, changes_, notes_);
        model_.layers[at_].model = std::make_shared<const Model>(std::move(inner));
        continue;
      }
      if (layer.module.contains(".ops.") && operation(layer)) continue;
      SpelledLayer spelled{layer.class_name, layer.config};
      if (!spelled.config.is_object()) continue;
      spell_as_keras2(spelled, model_.generation);
      const std::string before = spelled.class_name + text_of(spelled.config, "padding");
      if (!rewrite(spelled)) continue;
      notes_.push_back("the layer '" + model_.layers[at_].name + "' (" + before + ") was written as other layers that compute the same");
    }
  }

 private:
  std::vector<std::string> own_path() const {
    std::vector<std::string> own = path_;
    own.push_back(model_.layers[at_].name);
    return own;
  }

  PartialShape shape() const {
    const auto found = shapes_.find(own_path());
    return found == shapes_.end() || found->second.empty() ? PartialShape() : found->second[0];
  }
  // Size of the last dimension; -1 where it is not known or the rank is another.
  int64_t channels(int64_t rank) const {
    const PartialShape x = shape();
    return x.has_rank() && x.rank() == rank ? x[rank - 1] : -1;
  }

  // Another layer at this place; its name, and what refers to it, stay.
  void become(const std::string& class_name, JsonValue config) {
    Layer& layer = model_.layers[at_];
    config["name"] = JsonValue(layer.name);
    if (const JsonValue* trainable = layer.config.find("trainable")) config["trainable"] = *trainable;
    layer.class_name = class_name;
    layer.module.clear();
    layer.config = std::move(config);
  }

  // A layer before this one, on its input `input`, in each of its calls.
  void put_before(const std::string& suffix, const std::string& class_name, JsonValue config, size_t input = 0) {
    Layer added;
    added.name = model_.layers[at_].name + "_" + suffix;
    for (int i = 1; std::any_of(model_.layers.begin(), model_.layers.end(), [&](const Layer& l) { return l.name == added.name; }); ++i)
      added.name = model_.layers[at_].name + "_" + suffix + "_" + std::to_string(i);
    added.class_name = class_name;
    config["name"] = JsonValue(added.name);
    added.config = std::move(config);
    const auto here = static_cast<int32_t>(at_);
    const auto shift = [&](TensorRef& ref) {
      if (ref.layer >= here) ++ref.layer;
    };
    for (Layer& layer : model_.layers)
      for (Call& call : layer.calls)
        for (TensorRef& ref : call.inputs) shift(ref);
    for (Port& port : model_.inputs) shift(port.ref);
    for (Port& port : model_.outputs) shift(port.ref);
    model_.layers.insert(model_.layers.begin() + here, Layer());
    Layer& layer = model_.layers[static_cast<size_t>(here) + 1];
    for (size_t i = 0; i < layer.calls.size(); ++i) {
      Call call;
      call.inputs = {layer.calls[i].inputs[input]};
      JsonValue tensor = JsonValue::object();
      tensor["tensor"] = JsonValue(0);
      call.args.items().push_back(std::move(tensor));
      added.calls.push_back(std::move(call));
      layer.calls[i].inputs[input] = {here, static_cast<int32_t>(i), 0};
    }
    model_.layers[at_] = std::move(added);
    ++at_;
  }

  static JsonValue reshape(std::initializer_list<int64_t> sizes) {
    JsonValue config = JsonValue::object();
    config["target_shape"] = ints(sizes);
    return config;
  }

  bool has_inputs(size_t count) const {
    const auto& calls = model_.layers[at_].calls;
    return std::all_of(calls.begin(), calls.end(), [&](const Call& call) { return call.inputs.size() == count; });
  }

  bool rewrite(const SpelledLayer& layer) {
    const std::string& name = layer.class_name;
    if (has_inputs(1) && name.starts_with("Global") && !is_neutral(layer.config, "keepdims")) return keep_dimensions(layer);
    if (has_inputs(1) && name == "Conv1D" && text_of(layer.config, "padding") == "causal") return causal(layer.config);
    if (!classes_) return false;
    if (name == "Subtract" && has_inputs(2)) return subtract();
    if (!has_inputs(1)) return false;
    if (name == "Normalization") return normalization(layer.config);
    if (name == "ZeroPadding1D" || name == "Cropping1D" || name == "UpSampling1D") return on_a_plane(layer);
    if (name == "GlobalAveragePooling3D" || name == "GlobalMaxPooling3D") return pool_space(layer);
    return false;
  }

  // x + 3 and the like, and of two tensors.
  bool operation(const Layer& layer) {
    const std::string& name = layer.class_name;
    if (name != "Add" && name != "Subtract" && name != "Multiply" && name != "TrueDivide" && name != "Divide") return false;
    if (layer.calls.size() != 1) return false;
    const Call& call = layer.calls[0];
    if (call.inputs.size() == 2 && (name == "Add" || name == "Multiply" || name == "Subtract")) {
      become(name, JsonValue::object());
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
    JsonValue config = JsonValue::object();
    config["scale"] = JsonValue(name == "Multiply" ? value : name.ends_with("Divide") ? 1 / value : name == "Subtract" && swapped ? -1.0 : 1.0);
    config["offset"] = JsonValue(name == "Add" ? value : name != "Subtract" ? 0.0 : swapped ? value : -value);
    become("Rescaling", std::move(config));
    Call& only = model_.layers[at_].calls[0];
    only.args = JsonValue::array();
    only.kwargs = JsonValue::object();
    JsonValue tensor = JsonValue::object();
    tensor["tensor"] = JsonValue(0);
    only.args.items().push_back(std::move(tensor));
    return true;
  }

  bool subtract() {
    JsonValue negative = JsonValue::object();
    negative["scale"] = JsonValue(-1);
    negative["offset"] = JsonValue(0);
    put_before("negative", "Rescaling", std::move(negative), 1);
    become("Add", JsonValue::object());
    return true;
  }

  bool normalization(const JsonValue& config) {
    const JsonValue *mean = config.find("mean"), *variance = config.find("variance");
    if (!is_neutral(config, "invert")) return false;
    if (mean && variance && mean->is_number() && variance->is_number()) {
      const double deviation = std::max(std::sqrt(variance->number()), 1e-7);
      JsonValue scaled = JsonValue::object();
      scaled["scale"] = JsonValue(1 / deviation);
      scaled["offset"] = JsonValue(-mean->number() / deviation);
      become("Rescaling", std::move(scaled));
      return true;
    }
    const JsonValue* axis_json = config.find("axis");
    if (axis_json && axis_json->is_array() && axis_json->items().size() == 1) axis_json = &axis_json->items()[0];
    const auto axis = axis_json ? axis_json->as_int64() : std::optional<int64_t>(-1);
    const PartialShape x = shape();
    const bool has_weights = is_null_or_missing(config, "mean") && is_null_or_missing(config, "variance");
    if (!axis || !has_weights || !x.has_rank() || x.rank() < 2 || x.rank() > 4 || (*axis != -1 && *axis != x.rank() - 1)) return false;
    JsonValue normal = JsonValue::object();
    normal["axis"] = JsonValue(-1);
    normal["epsilon"] = JsonValue(0);
    normal["center"] = normal["scale"] = JsonValue(false);
    const std::vector<std::string> own = own_path();
    changes_.push_back({own, "mean", "moving_mean", std::nullopt});
    // Keras takes no smaller deviation than 1e-7.
    changes_.push_back({own, "variance", "moving_variance", 1e-14});
    changes_.push_back({own, "count", "", std::nullopt});
    become("BatchNormalization", std::move(normal));
    return true;
  }

  bool on_a_plane(const SpelledLayer& layer) {
    const int64_t last = channels(3);
    if (last < 1 || text_of(layer.config, "data_format") == "channels_first") return false;
    const std::string flat = layer.class_name.substr(0, layer.class_name.size() - 2) + "2D";
    JsonValue config = JsonValue::object();
    config["data_format"] = JsonValue("channels_last");
    if (flat == "UpSampling2D") {
      const auto size = pair_of(layer.config, "size", 2);
      if (!size) return false;
      config["size"] = ints({size->first, 1});
      config["interpolation"] = JsonValue("nearest");
    } else {
      const bool pads = flat == "ZeroPadding2D";
      const auto sides = pair_of(layer.config, pads ? "padding" : "cropping", 1);
      if (!sides) return false;
      config[pads ? "padding" : "cropping"] = JsonValue(JsonValue::Array{ints({sides->first, sides->second}), ints({0, 0})});
    }
    put_before("plane", "Reshape", reshape({-1, 1, last}));
    put_before("2d", flat, std::move(config));
    become("Reshape", reshape({-1, last}));
    return true;
  }

  bool pool_space(const SpelledLayer& layer) {
    const int64_t last = channels(5);
    if (last < 1 || text_of(layer.config, "data_format") == "channels_first" || !is_neutral(layer.config, "keepdims")) return false;
    put_before("line", "Reshape", reshape({-1, last}));
    become(layer.class_name.substr(0, layer.class_name.size() - 2) + "1D", JsonValue::object());
    return true;
  }

  // The pooled sizes come back as ones.
  bool keep_dimensions(const SpelledLayer& layer) {
    const int64_t rank = shape().has_rank() ? shape().rank() : 0, last = channels(rank);
    if (last < 1 || rank < 3 || text_of(layer.config, "data_format") == "channels_first") return false;
    JsonValue::Array sizes(static_cast<size_t>(rank - 2), JsonValue(1));
    sizes.emplace_back(last);
    JsonValue config = layer.config;
    config.erase("keepdims");
    std::string class_name = layer.class_name;
    if (rank == 5) {
      put_before("line", "Reshape", reshape({-1, last}));
      class_name = class_name.substr(0, class_name.size() - 2) + "1D";
    }
    put_before("pool", class_name, std::move(config));
    JsonValue back = JsonValue::object();
    back["target_shape"] = JsonValue(std::move(sizes));
    become("Reshape", std::move(back));
    return true;
  }

  bool causal(const JsonValue& config) {
    const int64_t last = channels(3);
    const auto kernel = pair_of(config, "kernel_size", 1), dilation = pair_of(config, "dilation_rate", 1);
    if (last < 1 || !kernel || !dilation || text_of(config, "data_format") == "channels_first") return false;
    JsonValue padding = JsonValue::object();
    padding["padding"] = JsonValue(JsonValue::Array{ints({dilation->first * (kernel->first - 1), 0}), ints({0, 0})});
    put_before("plane", "Reshape", reshape({-1, 1, last}));
    put_before("past", "ZeroPadding2D", std::move(padding));
    put_before("line", "Reshape", reshape({-1, last}));
    model_.layers[at_].config["padding"] = JsonValue("valid");
    return true;
  }

  Model& model_;
  bool classes_;
  const std::vector<std::string>& path_;
  const InputShapes& shapes_;
  std::vector<WeightChange>& changes_;
  std::vector<std::string>& notes_;
  size_t at_ = 0;
};

}  // namespace

void rewrite_for_tfjs(Model& model, bool classes, const std::vector<std::string>& path, const InputShapes& shapes, std::vector<WeightChange>& changes,
                      std::vector<std::string>& notes) {
  Rewriter(model, classes, path, shapes, changes, notes).run();
}

}  // namespace isomer::layers
