// Lookup tables as data: what a format wants that has tables, but no files or initialisers to fill them from.
#pragma once

#include "base/error.h"
#include "base/limits.h"
#include "ir/module.h"

namespace isomer::ops {

// Runs the module's initialisers once and writes what they leave behind into the module: the contents of all tables (in the order in which their keys
// came) and the values of all variables. The module has no initialisers afterwards.
Result<void> freeze_tables(ir::Module& module, const Limits& limits = {});

}  // namespace isomer::ops
