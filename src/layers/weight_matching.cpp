#include "layers/weight_matching.h"

#include <algorithm>
#include <map>

namespace isomer::layers {
namespace {

constexpr size_t kNone = static_cast<size_t>(-1);

std::vector<std::string> tokens_of(std::string_view name) {
  if (const size_t colon = name.rfind(':'); colon != std::string_view::npos && name.find('/', colon) == std::string_view::npos) name = name.substr(0, colon);
  std::vector<std::string> tokens;
  while (true) {
    const size_t slash = name.find('/');
    tokens.emplace_back(name.substr(0, slash));
    if (slash == std::string_view::npos) return tokens;
    name.remove_prefix(slash + 1);
  }
}

// Names of the slot's layers; those that hold slashes themselves are taken apart as well.
std::vector<std::string> path_tokens(const WeightSlot& slot) {
  std::vector<std::string> tokens;
  for (const std::string& layer : slot.path)
    for (std::string& token : tokens_of(layer)) tokens.push_back(std::move(token));
  return tokens;
}

// How many of the slot's layers occur in the stored name, in order; the innermost counts most, since formats leave out outer ones.
int score(const std::vector<std::string>& path, const std::vector<std::string>& stored) {
  int found = 0;
  size_t end = stored.size() - 1;
  for (size_t i = path.size(); i-- > 0;) {
    for (size_t at = end; at-- > 0;) {
      if (stored[at] != path[i]) continue;
      found += i + 1 == path.size() ? 100 : 1;
      end = at;
      break;
    }
  }
  return found;
}

class Matcher {
 public:
  Matcher(std::span<const WeightSlot> slots, std::span<const StoredWeight> stored)
      : slots_(slots), stored_(stored), result_(slots.size(), kNone), used_(stored.size()) {
    for (const StoredWeight& weight : stored) tokens_.push_back(tokens_of(weight.name));
    for (size_t i = 0; i < stored.size(); ++i) by_name_[tokens_[i].back()].push_back(i);
  }

  void by_names() {
    for (size_t s = 0; s < slots_.size(); ++s) {
      const auto candidates = by_name_.find(slots_[s].name);
      if (candidates == by_name_.end()) continue;
      const std::vector<std::string> path = path_tokens(slots_[s]);
      size_t best = kNone;
      int most = 0;
      for (const size_t i : candidates->second) {
        if (used_[i] || !may_fit(s, i)) continue;
        // A name of one token ("kernel") is told apart by its group alone.
        const int points = tokens_[i].size() == 1 && !stored_[i].group.empty() ? 1 : score(path, tokens_[i]);
        if (points > most) {
          most = points;
          best = i;
        }
      }
      if (best != kNone) take(s, best);
    }
  }

  // What names could not tell. `in_groups`: only where the group is the slot's outermost layer.
  void by_order(bool in_groups) {
    for (size_t s = 0; s < slots_.size(); ++s) {
      if (result_[s] != kNone) continue;
      for (size_t i = 0; i < stored_.size(); ++i) {
        if (used_[i] || !may_fit(s, i) || (in_groups && stored_[i].group.empty())) continue;
        take(s, i);
        break;
      }
    }
  }

  // TensorFlow.js writes some weights of a nested model that is used in two places only once: the other place takes the same.
  void by_sharing() {
    for (size_t s = 0; s < slots_.size(); ++s) {
      if (result_[s] != kNone) continue;
      for (size_t i = 0; i < stored_.size() && result_[s] == kNone; ++i) {
        const std::vector<std::string>& name = tokens_[i];
        const bool same = name.size() == 2 && name[1] == slots_[s].name && !slots_[s].path.empty() && name[0] == slots_[s].path.back();
        if (same && stored_[i].group.empty() && stored_[i].shape == slots_[s].shape && slots_[s].path.size() > 1) result_[s] = i;
      }
    }
  }

  std::vector<size_t> result() const { return result_; }

 private:
  bool may_fit(size_t s, size_t i) const {
    const StoredWeight& weight = stored_[i];
    return weight.shape == slots_[s].shape && (weight.group.empty() || slots_[s].path.empty() || weight.group == slots_[s].path[0]);
  }
  void take(size_t s, size_t i) {
    result_[s] = i;
    used_[i] = true;
  }

  std::span<const WeightSlot> slots_;
  std::span<const StoredWeight> stored_;
  std::vector<size_t> result_;
  std::vector<bool> used_;
  std::vector<std::vector<std::string>> tokens_;
  std::map<std::string, std::vector<size_t>> by_name_;
};

}  // namespace

Result<std::vector<size_t>> match_weights(std::span<const WeightSlot> slots, std::span<const StoredWeight> stored) {
  Matcher matcher(slots, stored);
  matcher.by_names();
  matcher.by_sharing();
  matcher.by_order(true);
  matcher.by_order(false);
  std::vector<size_t> result = matcher.result();
  std::string missing;
  int count = 0;
  for (size_t s = 0; s < slots.size(); ++s) {
    if (result[s] != kNone) continue;
    if (++count <= 5) missing += (missing.empty() ? "" : ", ") + slots[s].variable + " " + to_string(slots[s].shape);
  }
  if (count == 0) return result;
  if (count > 5) missing += ", ...";
  return fail(Error{ErrorCode::kNotFound,
                    "the file lacks " + std::to_string(count) + " of the model's " + std::to_string(slots.size()) + " weights: " + missing,
                    {},
                    {},
                    "the weights may belong to another version of the model"});
}

}  // namespace isomer::layers
