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

Result<void> optimize(ir::Module& module, PassContext& context) {
  static constexpr std::string_view kClean[] = {
      "fold_constants",       // shapes and constants first: everything below asks for them
      "eliminate_moves",      // what only moves elements about hides what belongs together
      "simplify_arithmetic",  //
      "merge_equal_nodes",    // equal inputs make equal nodes, so after the two that make inputs equal
      "prune",
  };
  static constexpr std::string_view kSplit[] = {
      "split_fused_ops",  // of a graph made for tf.js; after equal nodes are one, and before anything is folded into linear ops
  };
  static constexpr std::string_view kPatterns[] = {
      "sink_transposes",        // channels first became transposes around each convolution
      "eliminate_moves",        // which cancel now
      "dilate_convolutions",    // a plain convolution again, before anything is folded into it
      "fold_pads",              //
      "sink_reshapes",          // bias and scale come next to their convolution
      "fold_batch_norms",       // after this line no constant factor stands behind a convolution that is its only source
      "recognize_activations",  //
  };
  static constexpr std::string_view kFunctions[] = {
      "trim_functions",    // what a body gets as a constant can be folded and fused there
      "hoist_invariants",  // behind it, so that constants are left to folding
      "trim_functions",    // variables that only hoisted nodes needed
  };
  TRY(run_passes(module, kClean, context));
  TRY(run_passes(module, kSplit, context));
  TRY(run_passes(module, kFunctions, context));
  TRY(run_passes(module, kClean, context));
  TRY(run_passes(module, kPatterns, context));
  return run_passes(module, kClean, context);
}

Result<void> fuse_for_tfjs(ir::Module& module, PassContext& context) {
  static constexpr std::string_view kFuse[] = {"fuse_linear_ops", "prune"};
  return run_passes(module, kFuse, context);
}

}  // namespace isomer::passes
