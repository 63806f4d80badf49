// Lists of passes that one can read aloud.
#pragma once

#include "passes/pass.h"

namespace isomer::passes {

// An imported module becomes one function for each signature, with constants in place of variables and tables with their contents, and nothing that the
// outputs do not need.
Result<void> freeze(ir::Module& module, bool strip_debug, PassContext& context);

// A frozen module computes the same with fewer nodes and weights. Shapes that are known help; the ops stay those of TensorFlow.
Result<void> optimize(ir::Module& module, PassContext& context);

// The last step before a graph model is written: linear ops are fused with bias and activation into the ops that only tf.js has.
Result<void> fuse_for_tfjs(ir::Module& module, PassContext& context);

}  // namespace isomer::passes
