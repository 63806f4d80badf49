#include "isomer/profile.h"

#include <algorithm>

namespace isomer {

ops::Observer Profile::observer() {
  ops::Observer observer;
  observer.before = [this](const ir::Function&, const ir::Node&) { open_.push_back({Clock::now()}); };
  observer.after = [this](const ir::Function&, const ir::Node& node, std::span<const ir::RuntimeValue>) {
    const Open mine = open_.back();
    open_.pop_back();
    const double all = std::chrono::duration<double>(Clock::now() - mine.began).count();
    if (!open_.empty()) open_.back().inside += all;
    ProfileRow& row = rows_[std::string(node.op->name)];
    row.op = node.op->name;
    ++row.calls;
    row.seconds += all - mine.inside;
  };
  return observer;
}

std::vector<ProfileRow> Profile::rows() const {
  std::vector<ProfileRow> sorted;
  for (const auto& [op, row] : rows_) sorted.push_back(row);
  std::stable_sort(sorted.begin(), sorted.end(), [](const ProfileRow& a, const ProfileRow& b) { return a.seconds > b.seconds; });
  return sorted;
}

}  // namespace isomer
