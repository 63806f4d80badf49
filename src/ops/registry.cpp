#include "ops/registry.h"

#include <algorithm>
#include <vector>

namespace isomer::ops {
namespace {

const std::vector<const ir::OpDef*>& sorted_ops() {
  static const std::vector<const ir::OpDef*> ops = [] {
    std::vector<const ir::OpDef*> list = {
#define OP(Name) &kOp_##Name,
#include "ops/ops.def"
#undef OP
    };
    std::sort(list.begin(), list.end(), [](const ir::OpDef* a, const ir::OpDef* b) { return a->name < b->name; });
    return list;
  }();
  return ops;
}

}  // namespace

const ir::OpDef* find_op(std::string_view name) {
  const auto& ops = sorted_ops();
  const auto it = std::lower_bound(ops.begin(), ops.end(), name, [](const ir::OpDef* op, std::string_view wanted) { return op->name < wanted; });
  return it != ops.end() && (*it)->name == name ? *it : nullptr;
}

std::span<const ir::OpDef* const> all_ops() { return sorted_ops(); }

}  // namespace isomer::ops
