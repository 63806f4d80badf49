#include "layers/weight_names.h"

#include <algorithm>
#include <set>

#include "layers/archive_paths.h"

namespace isomer::layers {
namespace {

// Where the part of the path behind the innermost model begins.
size_t behind_models(const WeightSlot& slot) {
  size_t first = 0;
  for (size_t i = 0; i + 1 < slot.path.size(); ++i)
    if (is_model_class(slot.classes[i])) first = i + 1;
  return first;
}

// Keras 3 calls the kernel of a depthwise convolution what it is; all others by its own name.
std::string old_name(const WeightSlot& slot) {
  const bool depthwise = !slot.classes.empty() && slot.classes.back().starts_with("DepthwiseConv");
  return depthwise && slot.name == "kernel" ? "depthwise_kernel" : slot.name;
}

bool is_cell(std::string_view class_name) { return class_name.ends_with("Cell"); }

// Numbers of the cells in layers that have several, by the path that ends with the cell.
class CellNumbers {
 public:
  explicit CellNumbers(std::span<const WeightSlot> slots) {
    for (const WeightSlot& slot : slots) {
      for (size_t i = 1; i < slot.path.size(); ++i) {
        if (!is_cell(slot.classes[i])) continue;
        const std::vector<std::string> owner(slot.path.begin(), slot.path.begin() + static_cast<std::ptrdiff_t>(i));
        std::vector<std::string>& cells = cells_[owner];
        if (std::find(cells.begin(), cells.end(), slot.path[i]) == cells.end()) cells.push_back(slot.path[i]);
      }
    }
  }
  // -1 for the only cell of a layer that is no stack.
  int64_t number(const WeightSlot& slot, size_t i) const {
    const auto found = cells_.find({slot.path.begin(), slot.path.begin() + static_cast<std::ptrdiff_t>(i)});
    if (found == cells_.end() || (found->second.size() == 1 && slot.classes[i - 1] != "StackedRNNCells")) return -1;
    return std::find(found->second.begin(), found->second.end(), slot.path[i]) - found->second.begin();
  }

 private:
  std::map<std::vector<std::string>, std::vector<std::string>> cells_;
};

std::string tfjs_name(const WeightSlot& slot, const CellNumbers& cells) {
  const size_t first = behind_models(slot);
  std::string name = slot.path.empty() ? "" : slot.path[first] + "/";
  for (size_t i = first + 1; i < slot.path.size(); ++i) {
    if (is_cell(slot.classes[i])) {
      if (const int64_t number = cells.number(slot, i); number >= 0) name += "RNNCell_" + std::to_string(number) + "/";
    } else if (slot.classes[i] != "StackedRNNCells" && slot.classes[i - 1] != "TimeDistributed") {
      name += slot.path[i] + "/";
    }
  }
  return name + old_name(slot);
}

std::string hdf5_name(const WeightSlot& slot, size_t first) {
  std::string name;
  for (size_t i = first; i < slot.path.size(); ++i)
    if (i == first || slot.classes[i - 1] != "TimeDistributed") name += slot.path[i] + "/";
  const std::string last = slot.classes.empty() ? "" : slot.classes.back();
  if (last == "LSTM" || last == "GRU" || last == "SimpleRNN") name += snake_case(last) + "_cell/";
  return name + old_name(slot) + ":0";
}

}  // namespace

WeightSlot renamed_slot(const WeightSlot& slot, const std::map<std::vector<std::string>, std::string>& renamed) {
  WeightSlot result = slot;
  for (size_t count = 1; count <= slot.path.size(); ++count)
    if (const auto found = renamed.find({slot.path.begin(), slot.path.begin() + static_cast<std::ptrdiff_t>(count)}); found != renamed.end())
      result.path[count - 1] = found->second;
  return result;
}

Result<std::vector<std::string>> tfjs_weight_names(std::span<const WeightSlot> slots) {
  const CellNumbers cells(slots);
  std::vector<std::string> names;
  std::set<std::string> used;
  for (const WeightSlot& slot : slots) {
    names.push_back(tfjs_name(slot, cells));
    if (!used.insert(names.back()).second)
      return fail(
          Error{ErrorCode::kInvalidModel, "two weights would have the name '" + names.back() + "' in TensorFlow.js", {}, {}, "give the layers other names"});
  }
  return names;
}

Result<std::vector<std::string>> hdf5_weight_names(std::span<const WeightSlot> slots) {
  std::vector<std::string> names;
  std::map<std::pair<std::string, std::string>, int> count;
  const auto group = [](const WeightSlot& slot) { return slot.path.empty() ? std::string() : slot.path[0]; };
  for (const WeightSlot& slot : slots) {
    names.push_back(hdf5_name(slot, behind_models(slot)));
    ++count[{group(slot), names.back()}];
  }
  std::set<std::pair<std::string, std::string>> used;
  for (size_t i = 0; i < slots.size(); ++i) {
    // The whole path tells weights of equal names apart; a number where it does not (layers whose names hold slashes).
    if (count[{group(slots[i]), names[i]}] > 1) names[i] = hdf5_name(slots[i], 0);
    const std::string wanted = names[i].substr(0, names[i].size() - 2);
    for (int n = 1; !used.insert({group(slots[i]), names[i]}).second; ++n) names[i] = wanted + "_" + std::to_string(n) + ":0";
  }
  return names;
}

}  // namespace isomer::layers
