#include "layers/placed_weights.h"

#include <algorithm>
#include <random>

#include "layers/archive_paths.h"
#include "layers/initializers.h"
#include "layers/stored_forms.h"

namespace isomer::layers {
namespace {

// Places of the slot's layers in their models, as far as these are models.
std::vector<size_t> order_of(const WeightSlot& slot, const Model& model) {
  std::vector<size_t> order;
  const Model* in = &model;
  for (const std::string& name : slot.path) {
    if (!in) break;
    const auto at = std::find_if(in->layers.begin(), in->layers.end(), [&](const Layer& layer) { return layer.name == name; });
    if (at == in->layers.end()) break;
    order.push_back(static_cast<size_t>(at - in->layers.begin()));
    in = at->model.get();
  }
  return order;
}

std::string last_part(const std::string& name) {
  const std::string part = name.substr(name.rfind('/') + 1);
  return part.substr(0, part.find(':'));
}

bool has_part(std::string_view name, std::string_view part) {
  const std::string whole = "/" + std::string(name) + "/";
  return whole.contains("/" + std::string(part) + "/");
}

// Does the stored weight belong to this layer of an unknown class?
bool belongs_to(const StoredWeight& weight, const UnknownLayer& layer) {
  if (!weight.layer.empty()) return weight.layer == layer.path.back();
  if (!weight.group.empty()) return weight.group == layer.path[0] && (layer.path.size() == 1 || has_part(weight.name, layer.path.back()));
  const std::string plain = layer.class_name.substr(layer.class_name.rfind('>') + 1);
  return has_part(weight.name, layer.path.back()) || has_part(weight.name, snake_case(plain));
}

Result<void> add_unknown(const WeightForms& stored, const std::vector<bool>& used, PlacedModel& placed) {
  for (const UnknownLayer& layer : placed.unknown_layers) {
    for (size_t i = 0; i < stored.weights.size(); ++i) {
      const StoredWeight& weight = stored.weights[i];
      if (used[i] || !belongs_to(weight, layer)) continue;
      WeightSlot slot;
      slot.path = layer.path;
      slot.classes.assign(layer.path.size(), "Functional");
      slot.classes.back() = layer.class_name;
      slot.name = last_part(weight.name);
      if (!slot.name.empty() && slot.name.find_first_not_of("0123456789") == std::string::npos) slot.name = "weight_" + slot.name;
      slot.shape = weight.shape;
      slot.dtype = weight.dtype;
      Tensor value = TRY(in_context(stored.read(i), "reading the weight '" + weight.name + "'"));
      placed.weights.push_back({std::move(slot), std::move(value)});
    }
  }
  return {};
}

}  // namespace

void order_by_layers(std::vector<PlacedWeight>& weights, const Model& model) {
  std::vector<std::pair<std::vector<size_t>, PlacedWeight>> sorted;
  for (PlacedWeight& weight : weights) {
    std::vector<size_t> order = order_of(weight.slot, model);
    sorted.emplace_back(std::move(order), std::move(weight));
  }
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  weights.clear();
  for (auto& [order, weight] : sorted) weights.push_back(std::move(weight));
}

Result<PlacedModel> place_weights(const StoredModel& stored, const Limits& limits, uint64_t seed) {
  PlacedModel placed;
  placed.model = TRY(in_context(read_model(stored.topology, stored.generation, limits), "reading the model's configuration"));
  LoweringOptions options;
  options.limits = limits;
  options.keep_unknown_layers = true;
  LoweredModel lowered = TRY(in_context(lower(placed.model, options), "finding the places of the model's weights"));
  placed.input_shapes = std::move(lowered.input_shapes);
  placed.result_shapes = std::move(lowered.result_shapes);
  placed.masked_layers = std::move(lowered.masked_layers);
  placed.unknown_layers = std::move(lowered.unknown_layers);
  if (stored.has_weights) {
    const bool archive = stored.layout == WeightLayout::kArchive;
    const WeightForms held = archive ? WeightForms{stored.weights, stored.read} : weights_as_of_today(stored, placed.model, lowered.weights);
    std::vector<bool> used(held.weights.size());
    const std::vector<size_t> matches =
        TRY(in_context(archive ? match_archive_weights(placed.model, lowered.weights, held.weights) : match_weights(lowered.weights, held.weights),
                       "finding the model's weights"));
    for (size_t i = 0; i < matches.size(); ++i) {
      used[matches[i]] = true;
      Tensor value = TRY(in_context(held.read(matches[i]), "reading the weight '" + held.weights[matches[i]].name + "'"));
      placed.weights.push_back({lowered.weights[i], std::move(value)});
    }
    TRY(add_unknown(held, used, placed));
  } else {
    std::mt19937_64 random(seed);
    for (const WeightSlot& slot : lowered.weights) {
      Tensor value = TRY(in_context(initial_value(slot.initializer, slot.shape, slot.dtype, random), "drawing the weight '" + slot.variable + "'"));
      placed.weights.push_back({slot, std::move(value)});
    }
    if (!lowered.weights.empty()) placed.notes.push_back("the file holds no weights: they were drawn by the layers' initialisers (--seed)");
  }
  order_by_layers(placed.weights, placed.model);
  return placed;
}

}  // namespace isomer::layers
