#include "ir/module.h"

#include <algorithm>

namespace isomer::ir {
namespace {

template <class List>
auto* find_named(List& list, std::string_view name) {
  const auto it = std::find_if(list.begin(), list.end(), [&](const auto& item) { return item.name == name; });
  return it == list.end() ? nullptr : &*it;
}

}  // namespace

Function& Module::add_function(std::string_view name) {
  std::string unique(name);
  for (int64_t i = 1; find_function(unique); ++i) unique = std::string(name) + "_" + std::to_string(i);
  functions_.push_back(std::make_unique<Function>());
  functions_.back()->name = std::move(unique);
  return *functions_.back();
}

Function* Module::find_function(std::string_view name) {
  for (auto& function : functions_)
    if (function->name == name) return function.get();
  return nullptr;
}
const Function* Module::find_function(std::string_view name) const { return const_cast<Module*>(this)->find_function(name); }

void Module::erase_function(std::string_view name) {
  std::erase_if(functions_, [&](const auto& function) { return function->name == name; });
}

const Entry* Module::find_signature(std::string_view key) const {
  const auto it = std::find_if(signatures.begin(), signatures.end(), [&](const Entry& entry) { return entry.key == key; });
  return it == signatures.end() ? nullptr : &*it;
}
const Variable* Module::find_variable(std::string_view name) const { return find_named(variables, name); }
Table* Module::find_table(std::string_view name) { return find_named(tables, name); }
const Table* Module::find_table(std::string_view name) const { return find_named(tables, name); }
const Asset* Module::find_asset(std::string_view name) const { return find_named(assets, name); }

}  // namespace isomer::ir
