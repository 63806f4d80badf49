// Nodes that values start from: constants, placeholders, and the op that stands for every op Isomer does not know.
#include "ir/const_op.h"
#include "ir/eval_context.h"
#include "ops/registry.h"

namespace isomer::ops {
namespace {

using namespace ir;

Result<void> infer_const(InferContext& c) {
  const auto& a = c.as<ConstAttributes>();
  if (!a.value.valid()) return fail(ErrorCode::kInvalidModel, "a constant without a value");
  if (a.dtype != a.value.dtype()) return fail(ErrorCode::kInvalidModel, "the constant's dtype and the dtype of its value differ");
  c.set_shape(0, PartialShape(a.value.shape()));
  return {};
}
Result<std::vector<RuntimeValue>> reference_const(EvalContext& c, std::span<const RuntimeValue>) {
  return std::vector<RuntimeValue>{c.as<ConstAttributes>().value};
}

Result<void> infer_placeholder(InferContext& c) {
  c.set_shape(0, c.as<PlaceholderAttributes>().shape);
  return {};
}

}  // namespace

constinit const OpDef kOp_Const = {
    .name = "Const",
    .signature = "-> output: dtype",
    .make_attributes = &make_attributes<ConstAttributes>,
    .infer = infer_const,
    .reference = reference_const,
    .doc = "A constant tensor.",
};

constinit const OpDef kOp_Placeholder = {
    .name = "Placeholder",
    .signature = "-> output: dtype",
    .make_attributes = &make_attributes<PlaceholderAttributes>,
    .infer = infer_placeholder,
    .doc = "An input of a function; the caller gives its value.",
};

constinit const OpDef kOp_Foreign = {
    .name = "Foreign",
    .signature = "",
    .make_attributes = &make_attributes<ForeignAttributes>,
    .doc = "An op that Isomer does not know. It travels with its name and attributes; nothing can compute it.",
    .effect = Effect::kWrites,
};

}  // namespace isomer::ops
