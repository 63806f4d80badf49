// The list of all ops (ops.def) and how to find one.
#pragma once

#include <span>
#include <string_view>

#include "ir/op_def.h"

namespace isomer::ops {

// One declaration for each row of ops.def; a row without a definition fails to link.
#define OP(Name) extern const ir::OpDef kOp_##Name;
#include "ops/ops.def"
#undef OP

// The op of this name, or null.
const ir::OpDef* find_op(std::string_view name);
// All ops, sorted by name.
std::span<const ir::OpDef* const> all_ops();

}  // namespace isomer::ops
