// Lists of passes that one can read aloud.
#pragma once

#include "passes/pass.h"

namespace isomer::passes {

// An imported module becomes one function for each signature, with constants in place of variables and tables with their contents, and nothing that the
// outputs do not need.
Result<void> freeze(ir::Module& module, bool strip_debug, PassContext& context);

}  // namespace isomer::passes
