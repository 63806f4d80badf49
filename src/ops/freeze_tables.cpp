#include "ops/freeze_tables.h"

#include "ops/interpreter.h"
#include "ops/resources.h"

namespace isomer::ops {

Result<void> freeze_tables(ir::Module& module, const Limits& limits) {
  if (module.initializers.empty()) return {};
  ir::RunState state;
  state.limits = limits;
  TRY(initialize(state, module));
  for (const auto& [handle, resource] : state.resources) {
    const auto name = table_name(handle);
    const auto* contents = dynamic_cast<const LookupTable*>(resource.get());
    if (!name || !contents) continue;
    ir::Table* table = module.find_table(*name);
    if (!table) table = &module.tables.emplace_back(ir::Table{std::string(*name), contents->key_dtype(), contents->value_dtype(), {}, {}});
    table->keys = TRY(contents->keys(memory_of(state)));
    table->values = TRY(contents->values(memory_of(state)));
  }
  for (ir::Variable& variable : module.variables) {
    const auto it = state.resources.find(variable.name);
    const auto* resource = it == state.resources.end() ? nullptr : dynamic_cast<const VariableResource*>(it->second.get());
    if (resource) variable.value = resource->value;
  }
  module.initializers.clear();
  return {};
}

}  // namespace isomer::ops
