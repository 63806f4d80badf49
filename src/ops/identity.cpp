// Ops that pass their input on, with or without a check, and those that only say something.
#include "ops/identity.h"

#include <cmath>
#include <cstdio>

#include "ops/kernel.h"

namespace isomer::ops {

using namespace ir;

namespace {

// Every result has the type of the input in its place, with what a handle or a list holds.
Result<void> infer_pass_on(InferContext& c) {
  for (int64_t i = 0; i < c.output_count(); ++i) c.result(i) = c.input_type(i);
  return {};
}

Result<Outputs> reference_pass_on(EvalContext& c, Inputs inputs) {
  if (static_cast<int64_t>(inputs.size()) < c.output_count()) return input_error("an input is missing");
  return Outputs(inputs.begin(), inputs.begin() + c.output_count());
}

Result<void> infer_nothing(InferContext&) { return {}; }
Result<Outputs> reference_nothing(EvalContext&, Inputs) { return Outputs{}; }

Result<void> infer_ensure_shape(InferContext& c) {
  TRY(infer_pass_on(c));
  c.set_shape(0, TRY(merge(c.shape(0), c.as<EnsureShapeAttributes>().shape)));
  return {};
}
Result<Outputs> reference_ensure_shape(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const PartialShape& wanted = c.as<EnsureShapeAttributes>().shape;
  if (!compatible(PartialShape(x.shape()), wanted)) return input_error("a tensor of shape " + to_string(wanted) + " was promised, found " + type_text(x));
  return one(x);
}

// The default may have any shape that the attribute allows; nothing else can be fed here.
Result<void> infer_placeholder_with_default(InferContext& c) {
  TRY(infer_pass_on(c));
  TRY(merge(c.shape(0), c.as<EnsureShapeAttributes>().shape));
  return {};
}

Result<void> infer_check_numerics(InferContext& c) {
  if (!is_float(c.input_type(0).dtype)) return dtype_error(c.op(), c.input_type(0).dtype);
  return infer_pass_on(c);
}
Result<Outputs> reference_check_numerics(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  bool nan = false, infinite = false;
  std::vector<double> block(static_cast<size_t>(std::min(kBlock, x.elements())));
  for_blocks(x.elements(), [&](int64_t first, int64_t count) {
    const std::span<double> values(block.data(), static_cast<size_t>(count));
    load_doubles(x, first, values);
    for (const double v : values) {
      nan = nan || std::isnan(v);
      infinite = infinite || std::isinf(v);
    }
  });
  if (!nan && !infinite) return one(x);
  const std::string found = nan && infinite ? "NaN and infinity" : nan ? "NaN" : "infinity";
  return fail(ErrorCode::kInvalidArgument, c.as<CheckNumericsAttributes>().message + ": the tensor has " + found);
}

std::string element_text(const Tensor& tensor, int64_t i) {
  switch (type_class(tensor.dtype())) {
    case TypeClass::kString: return "\"" + std::string(tensor.string_at(i)) + "\"";
    case TypeClass::kBool: return tensor.at<uint8_t>(i) ? "true" : "false";
    case TypeClass::kInteger: return std::to_string(tensor.as_int64(i));
    case TypeClass::kFloat: {
      char text[32];
      std::snprintf(text, sizeof text, "%g", tensor.as_double(i));
      return text;
    }
    default: return "?";
  }
}

// "[1 2 3...]"; a negative limit prints all elements.
std::string summary(const RuntimeValue& value, int64_t limit) {
  const auto* tensor = std::get_if<Tensor>(&value);
  if (!tensor || !tensor->valid()) return "[a handle]";
  const int64_t shown = limit < 0 ? tensor->elements() : std::min(limit, tensor->elements());
  std::string text = "[";
  for (int64_t i = 0; i < shown; ++i) text += (i ? " " : "") + element_text(*tensor, i);
  return text + (shown < tensor->elements() ? "...]" : "]");
}

std::string summary(Inputs values, int64_t limit) {
  std::string text;
  for (const RuntimeValue& value : values) text += (text.empty() ? "" : " ") + summary(value, limit);
  return text;
}

Result<void> infer_assert(InferContext& c) {
  const PartialShape& condition = c.shape(0);
  if (condition.has_rank() && condition.rank() != 0) return input_error("the condition of Assert must be a scalar, found shape " + to_string(condition));
  return {};
}
Result<Outputs> reference_assert(EvalContext& c, Inputs inputs) {
  const Tensor& condition = *TRY(tensor_input(c, inputs, 0));
  if (condition.elements() != 1) return input_error("the condition of Assert must be a scalar, found " + type_text(condition));
  if (condition.at<uint8_t>(0)) return Outputs{};
  return fail(ErrorCode::kInvalidArgument, "the model's assertion failed: " + summary(inputs.subspan(1), c.as<AssertAttributes>().summarize));
}

Result<Outputs> reference_print(EvalContext& c, Inputs inputs) {
  if (inputs.empty()) return input_error("an input is missing");
  const auto& a = c.as<PrintAttributes>();
  const std::string line = a.message + summary(inputs.subspan(1), a.summarize) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
  return Outputs{inputs[0]};
}

Result<Outputs> reference_print_v2(EvalContext& c, Inputs inputs) {
  const Tensor& text = *TRY(tensor_input(c, inputs, 0));
  if (text.elements() != 1) return input_error("PrintV2 takes one string, found " + type_text(text));
  const auto& a = c.as<PrintV2Attributes>();
  if (a.output_stream.starts_with("file:")) return fail(ErrorCode::kUnsupported, "a model may not write the file that PrintV2 names: " + a.output_stream);
  const std::string line = std::string(text.string_at(0)) + a.end;
  std::fwrite(line.data(), 1, line.size(), stderr);
  return Outputs{};
}

}  // namespace

// The ops without attributes whose results are their inputs.
#define PASS_ON_OP(Name, operands, text) \
  constinit const OpDef kOp_##Name = {   \
      .name = #Name,                     \
      .signature = operands,             \
      .infer = infer_pass_on,            \
      .reference = reference_pass_on,    \
      .doc = text,                       \
  };

PASS_ON_OP(Identity, "input: T -> output: T", "The input itself: a tensor, a list or a handle.")
PASS_ON_OP(IdentityN, "input: list(T) -> output: list(T)", "The inputs themselves.")
PASS_ON_OP(Snapshot, "input: T -> output: T", "The input as it is now; values never change here, so it is the input itself.")
PASS_ON_OP(StopGradient, "input: T -> output: T", "The input itself; no gradient flows back through it.")

constinit const OpDef kOp_PreventGradient = {
    .name = "PreventGradient",
    .signature = "input: T -> output: T",
    .make_attributes = &make_attributes<CheckNumericsAttributes>,
    .infer = infer_pass_on,
    .reference = reference_pass_on,
    .doc = "The input itself; asking for a gradient through it is an error, explained by `message`.",
};

constinit const OpDef kOp_EnsureShape = {
    .name = "EnsureShape",
    .signature = "input: T -> output: T",
    .make_attributes = &make_attributes<EnsureShapeAttributes>,
    .infer = infer_ensure_shape,
    .reference = reference_ensure_shape,
    .doc = "The input itself, which must have the shape `shape`.",
};

constinit const OpDef kOp_CheckNumerics = {
    .name = "CheckNumerics",
    .signature = "tensor: T -> output: T",
    .make_attributes = &make_attributes<CheckNumericsAttributes>,
    .infer = infer_check_numerics,
    .reference = reference_check_numerics,
    .doc = "The input itself; fails with `message` when an element is NaN or infinite.",
    .effect = Effect::kWrites,
};

constinit const OpDef kOp_NoOp = {
    .name = "NoOp",
    .signature = "->",
    .infer = infer_nothing,
    .reference = reference_nothing,
    .doc = "Nothing; a place for control edges to meet.",
};

constinit const OpDef kOp_Assert = {
    .name = "Assert",
    .signature = "condition: bool, data: list(T) ->",
    .make_attributes = &make_attributes<AssertAttributes>,
    .infer = infer_assert,
    .reference = reference_assert,
    .doc = "Fails when the condition is false, showing up to `summarize` elements of each tensor of `data` (all of them where it is negative).",
    .effect = Effect::kWrites,
};

constinit const OpDef kOp_Print = {
    .name = "Print",
    .signature = "input: T, data: list(U) -> output: T",
    .make_attributes = &make_attributes<PrintAttributes>,
    .infer = infer_pass_on,
    .reference = reference_print,
    .doc =
        "The input itself; prints `message` and up to `summarize` elements of each tensor of `data` on standard error. `first_n` is carried, not obeyed: "
        "every call prints.",
    .effect = Effect::kWrites,
};

constinit const OpDef kOp_PrintV2 = {
    .name = "PrintV2",
    .signature = "input: string ->",
    .make_attributes = &make_attributes<PrintV2Attributes>,
    .infer = infer_nothing,
    .reference = reference_print_v2,
    .doc = "Prints the string and `end` on standard error, whichever stream `output_stream` names; a file there is refused.",
    .effect = Effect::kWrites,
};

constinit const OpDef kOp_PlaceholderWithDefault = {
    .name = "PlaceholderWithDefault",
    .signature = "input: dtype -> output: dtype",
    .make_attributes = &make_attributes<EnsureShapeAttributes>,
    .infer = infer_placeholder_with_default,
    .reference = reference_pass_on,
    .doc = "The input itself. In a session another value of the shape `shape` could be fed in its place; where a signature does that, it is an input.",
};

constinit const OpDef kOp_DebugIdentity = {
    .name = "DebugIdentity",
    .signature = "input: T -> output: T",
    .make_attributes = &make_attributes<DebugIdentityAttributes>,
    .infer = infer_pass_on,
    .reference = reference_pass_on,
    .doc = "The input itself; the debugger that the attributes name is not told.",
};

}  // namespace isomer::ops
