#include "passes/pipelines.h"

#include <vector>

#include "ops/freeze_tables.h"

namespace isomer::passes {

Result<void> freeze(ir::Module& module, bool strip_debug, PassContext& context) {
  std::vector<std::string_view> steps = {
      "inline_functions",  // resources then flow to where they are used
      "freeze_resources",  // variables become constants
      "prune",             // what only the training needed goes before anything is computed
  };
  if (strip_debug) steps.push_back("strip_debug_ops");
  TRY(run_passes(module, steps, context));
  TRY(in_context(ops::freeze_tables(module, context.limits), "filling the lookup tables"));
  static constexpr std::string_view kFold[] = {
      "fold_control_flow",  // a Case becomes branches
      "fold_constants",     // conditions that are constants become known
      "fold_control_flow",  // and their branches go
      "inline_functions",   // branches may have called functions
      "remove_identities",  // inlining leaves many
      "fold_constants",     // with branches gone, more is constant
      "prune",
  };
  return run_passes(module, kFold, context);
}

}  // namespace isomer::passes
