#include "layers/archive_paths.h"

#include <algorithm>
#include <cctype>
#include <map>

namespace isomer::layers {
namespace {

using Names = std::vector<std::string>;

// Attributes under which a layer of this class keeps the object that the slot's path calls `name` (of the class `inner`).
Names attributes(std::string_view class_name, const std::string& name, const std::string& inner) {
  if (class_name == "Bidirectional") return {name.starts_with("forward_") ? "forward_layer" : "backward_layer"};
  if (class_name == "TimeDistributed" || class_name == "SpectralNormalization" || class_name == "Wrapper") return {"layer"};
  if (is_recurrent_class(class_name)) return {"cell"};
  if (class_name == "MultiHeadAttention" || class_name == "GroupQueryAttention" || class_name == "GroupedQueryAttention") {
    const std::string part = name == "attention_output" ? "output" : name;
    return {"_" + part + "_dense", part + "_dense"};
  }
  return {name, snake_case(inner)};
}

// Keeps counters of the names in one container.
class Counter {
 public:
  std::string next(const std::string& name) {
    const int count = counts_[name]++;
    return count == 0 ? name : name + "_" + std::to_string(count);
  }

 private:
  std::map<std::string, int> counts_;
};

class Paths {
 public:
  // The place of each layer of a model, by the names of the layers that lead to it.
  void add_model(const Model& model, const std::vector<std::string>& path, const std::string& place) {
    Counter counter;
    for (const Layer& layer : model.layers) {
      if (model.sequential && layer.class_name == "InputLayer") continue;
      const std::string container = model_class(layer);
      const std::string here = place + "layers/" + counter.next(snake_case(container)) + "/";
      std::vector<std::string> inner = path;
      inner.push_back(layer.name);
      if (layer.model) add_model(*layer.model, inner, here);
      places_.emplace(std::move(inner), here);
    }
  }

  // The longest beginning of the slot's path that is a layer of some model, and the place of that layer.
  std::pair<size_t, std::string> place_of(const WeightSlot& slot) const {
    for (size_t count = slot.path.size(); count > 0; --count) {
      const auto it = places_.find(std::vector<std::string>(slot.path.begin(), slot.path.begin() + static_cast<std::ptrdiff_t>(count)));
      if (it != places_.end()) return {count, it->second};
    }
    return {0, {}};
  }

  const std::map<std::vector<std::string>, std::string>& places() const { return places_; }

 private:
  static std::string model_class(const Layer& layer) {
    // Keras 2 called functional models "Model" in the configuration; the class is Functional.
    return layer.class_name == "Model" ? "Functional" : layer.class_name;
  }

  std::map<std::vector<std::string>, std::string> places_;
};

// Cells in StackedRNNCells are counted up by their classes.
std::string cell_name(const WeightSlot& slot, size_t at, std::map<std::pair<std::string, std::string>, std::string>& cells,
                      std::map<std::string, Counter>& counters) {
  std::string owner;
  for (size_t i = 0; i < at; ++i) owner += slot.path[i] + "/";
  auto& name = cells[{owner, slot.path[at]}];
  if (name.empty()) name = counters[owner].next(snake_case(slot.classes[at]));
  return name;
}

// Appends each of `next` to each of `places`.
Names joined(const Names& places, const Names& next) {
  Names result;
  for (const std::string& place : places)
    for (const std::string& name : next) result.push_back(place + name + "/");
  return result;
}

}  // namespace

std::string snake_case(std::string_view class_name) {
  // Two rules, one after the other: an underscore before a capital that small letters follow, and one between a small letter or digit and a capital.
  const auto upper = [](char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; };
  const auto lower = [](char c) { return std::islower(static_cast<unsigned char>(c)) != 0; };
  std::string name;
  for (const char c : class_name)
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '_') name += c;
  std::string parted;
  for (size_t i = 0; i < name.size(); ++i) {
    if (i > 0 && upper(name[i]) && i + 1 < name.size() && lower(name[i + 1])) parted += '_';
    parted += name[i];
  }
  std::string result;
  for (size_t i = 0; i < parted.size(); ++i) {
    if (i > 0 && upper(parted[i]) && lower(parted[i - 1])) result += '_';
    result += static_cast<char>(std::tolower(static_cast<unsigned char>(parted[i])));
  }
  return result;
}

std::map<std::vector<std::string>, std::string> archive_places(const Model& model) {
  Paths paths;
  paths.add_model(model, {}, "");
  return paths.places();
}

std::vector<Names> archive_paths(const Model& model, std::span<const WeightSlot> slots) {
  Paths paths;
  paths.add_model(model, {}, "");
  std::map<std::pair<std::string, std::string>, std::string> cells;
  std::map<std::string, Counter> counters;
  std::map<std::vector<std::string>, int> numbers;  // of weights in one object
  std::vector<Names> result;
  for (const WeightSlot& slot : slots) {
    const auto [known, place] = paths.place_of(slot);
    Names places = {place};
    for (size_t at = known; at < slot.path.size(); ++at) {
      const std::string& owner = at > 0 ? slot.classes[at - 1] : slot.classes[at];
      if (owner == "StackedRNNCells") {
        places = joined(joined(places, {"cells"}), {cell_name(slot, at, cells, counters)});
      } else {
        places = joined(places, at == 0 ? Names{slot.path[at]} : attributes(owner, slot.path[at], slot.classes[at]));
      }
    }
    // A recurrent layer's weights are its cell's, whether the path says so or not.
    if (!slot.classes.empty() && is_recurrent_class(slot.classes.back())) places = joined(places, {"cell"});
    const int number = numbers[slot.path]++;
    for (std::string& one : places) one += "vars/" + std::to_string(number);
    result.push_back(std::move(places));
  }
  return result;
}

Result<std::vector<size_t>> match_archive_weights(const Model& model, std::span<const WeightSlot> slots, std::span<const StoredWeight> stored) {
  constexpr size_t kNone = static_cast<size_t>(-1);
  std::map<std::string, size_t, std::less<>> by_path;
  for (size_t i = 0; i < stored.size(); ++i) by_path.emplace(stored[i].name, i);
  std::vector<size_t> result(slots.size(), kNone);
  std::vector<bool> used(stored.size());
  const std::vector<Names> paths = archive_paths(model, slots);
  bool complete = true;
  for (size_t s = 0; s < slots.size(); ++s) {
    for (const std::string& path : paths[s]) {
      const auto it = by_path.find(path);
      if (it == by_path.end() || stored[it->second].shape != slots[s].shape) continue;
      result[s] = it->second;
      used[it->second] = true;
      break;
    }
    complete = complete && result[s] != kNone;
  }
  if (complete) return result;
  // The rest by names of layers, order and shape.
  std::vector<WeightSlot> open_slots;
  std::vector<StoredWeight> open_weights;
  std::vector<size_t> slot_at, weight_at;
  for (size_t s = 0; s < slots.size(); ++s)
    if (result[s] == kNone) {
      open_slots.push_back(slots[s]);
      slot_at.push_back(s);
    }
  for (size_t i = 0; i < stored.size(); ++i)
    if (!used[i]) {
      open_weights.push_back(stored[i]);
      if (!stored[i].layer.empty()) open_weights.back().name = stored[i].layer + "/" + stored[i].name;
      weight_at.push_back(i);
    }
  const std::vector<size_t> rest = TRY(match_weights(open_slots, open_weights));
  for (size_t s = 0; s < rest.size(); ++s) result[slot_at[s]] = weight_at[rest[s]];
  return result;
}

}  // namespace isomer::layers
