#include "layers/object_paths.h"

#include <algorithm>

namespace isomer::layers {
namespace {

const JsonValue kNothing;

const JsonValue& member(const JsonValue& json, std::string_view key) {
  const JsonValue* found = json.find(key);
  return found ? *found : kNothing;
}

const JsonValue& config_of(const JsonValue& layer) { return member(layer, "config"); }

// One step inwards: the attributes that lead to the layer of this name inside `layer`, which becomes that layer's configuration (null where it has none).
void step(const JsonValue*& layer, const std::string& name, std::vector<std::string>& path) {
  const std::string class_name = class_name_of(*layer);
  const JsonValue& config = config_of(*layer);
  if (is_model_class(class_name)) {
    const auto counted = counted_layers(*layer);
    const auto at = std::find_if(counted.begin(), counted.end(), [&](const JsonValue* inner) { return layer_name_of(*inner) == name; });
    path.push_back("layer-" + std::to_string(at - counted.begin()));
    layer = at == counted.end() ? &kNothing : *at;
  } else if (class_name == "Bidirectional") {
    // A backward layer of its own keeps its name.
    const JsonValue &first = member(config, "layer"), &second = member(config, "backward_layer");
    const bool backward = second.is_object() ? name == layer_name_of(second) : name.starts_with("backward_");
    path.emplace_back(backward ? "backward_layer" : "forward_layer");
    layer = backward && second.is_object() ? &second : &first;
  } else if (class_name == "MultiHeadAttention") {
    path.push_back(name == "attention_output" ? "_output_dense" : "_" + name + "_dense");
    layer = &kNothing;
  } else if (class_name == "StackedRNNCells") {
    const JsonValue& cells = member(config, "cells");
    size_t number = 0;
    while (cells.is_array() && number < cells.items().size() && layer_name_of(cells.items()[number]) != name) ++number;
    path.emplace_back("cells");
    path.push_back(std::to_string(number));
    layer = cells.is_array() && number < cells.items().size() ? &cells.items()[number] : &kNothing;
  } else if (const JsonValue& cell = member(config, "cell"); cell.is_object()) {
    path.emplace_back("cell");
    layer = &cell;
    if (class_name_of(cell) == "StackedRNNCells" && layer_name_of(cell) != name) step(layer, name, path);
  } else if (const JsonValue& inner = member(config, "layer"); inner.is_object()) {
    path.emplace_back("layer");
    layer = &inner;
  } else {
    path.push_back(name);
    layer = &kNothing;
  }
}

// Attributes go by the names of weights, but for these.
std::string attribute_of(std::string_view class_name, const std::string& weight) {
  if (class_name == "Normalization" && weight != "count") return "adapt_" + weight;
  if (class_name.starts_with("DepthwiseConv") && weight == "kernel") return "depthwise_kernel";
  return weight;
}

}  // namespace

std::string layer_name_of(const JsonValue& layer) {
  for (const JsonValue* in : {&config_of(layer), &layer})
    if (const JsonValue& name = member(*in, "name"); name.is_string()) return name.text();
  return {};
}

std::vector<const JsonValue*> counted_layers(const JsonValue& config) {
  const JsonValue& inner = config_of(config);
  const JsonValue& list = inner.is_array() ? inner : member(inner, "layers");
  std::vector<const JsonValue*> layers;
  if (!list.is_array()) return layers;
  const bool sequential = class_name_of(config) == "Sequential";
  for (const JsonValue& layer : list.items())
    if (!sequential || class_name_of(layer) != "InputLayer") layers.push_back(&layer);
  return layers;
}

std::vector<std::string> object_path(const JsonValue& config, const WeightSlot& slot) {
  std::vector<std::string> path;
  const JsonValue* layer = &config;
  for (const std::string& name : slot.path) step(layer, name, path);
  const std::string class_name = slot.classes.empty() ? "" : slot.classes.back();
  if (is_recurrent_class(class_name)) path.emplace_back("cell");
  path.push_back(attribute_of(class_name, slot.name));
  return path;
}

}  // namespace isomer::layers
