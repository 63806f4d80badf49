// Passes: functions from a module to a better one. Each stands in its own file and has one row in passes.def.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "base/error.h"
#include "base/limits.h"
#include "ir/module.h"

namespace isomer::passes {

struct PassContext {
  Limits limits;
  TensorAllocator* allocator = &heap_allocator();                            // memory of computed constants
  std::function<void(std::string_view pass, const ir::Module&)> after_each;  // may be empty; sees the module after each pass of run_passes
};

#define PASS(name, summary) Result<void> name(ir::Module& module, PassContext& context);
#include "passes/passes.def"
#undef PASS

struct Pass {
  std::string_view name;
  std::string_view summary;
  Result<void> (*run)(ir::Module&, PassContext&);
};
std::span<const Pass> all_passes();
const Pass* find_pass(std::string_view name);

// Runs passes in order. With ISOMER_VERIFY_PASSES=1 in the environment (set in all tests) the module is verified after each.
Result<void> run_passes(ir::Module& module, std::span<const std::string_view> names, PassContext& context);

}  // namespace isomer::passes
