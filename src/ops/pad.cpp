// Paddings.
#include "ops/pad.h"

#include "ops/elements.h"
#include "ops/partial_value.h"

namespace isomer::ops {

using namespace ir;

namespace {

// Each dimension's size with what its row of `paddings` ([before, after]) adds.
Result<void> infer_pad(InferContext& c) {
  const PartialShape paddings = TRY(shape_of_rank(c, 1, 2));
  TRY(same_dim(paddings[1], 2, "the columns of the paddings"));
  PartialShape shape = c.shape(0);
  if (!shape.has_rank() && paddings[0] != kUnknownDim && paddings[0] <= 254) shape = PartialShape::of_rank(paddings[0]);
  if (!shape.has_rank()) return {};
  TRY(same_dim(paddings[0], shape.rank(), "the rows of the paddings and the rank of the input"));
  const auto known = partial_elements(c.graph(), c.input(1));
  for (int64_t d = 0; d < shape.rank(); ++d) {
    const auto at = static_cast<size_t>(2 * d);
    if (!known || at + 1 >= known->size() || !(*known)[at] || !(*known)[at + 1]) {
      shape[d] = kUnknownDim;
      continue;
    }
    const int64_t before = *(*known)[at], after = *(*known)[at + 1];
    if (before < 0 || after < 0) return input_error("a padding may not be negative");
    shape[d] = add_dims(shape[d], add_dims(before, after));
  }
  c.set_shape(0, std::move(shape));
  return {};
}

struct Padding {
  int64_t before, after;
};
Result<std::vector<Padding>> padding_values(EvalContext& c, Inputs inputs, const Tensor& x) {
  const Tensor& paddings = *TRY(tensor_input(c, inputs, 1));
  if (!is_integer(paddings.dtype()) || paddings.shape() != Shape{x.rank(), 2}) {
    return input_error("the paddings of " + type_text(x) + " must have shape [" + std::to_string(x.rank()) + ",2], found " + type_text(paddings));
  }
  std::vector<Padding> values;
  for (int64_t d = 0; d < x.rank(); ++d) {
    const Padding p{paddings.as_int64(2 * d), paddings.as_int64(2 * d + 1)};
    if (p.before < 0 || p.after < 0) return input_error("a padding may not be negative");
    if (add_dims(x.shape()[static_cast<size_t>(d)], add_dims(p.before, p.after)) == kUnknownDim) return input_error("a padded size does not fit 64 bits");
    values.push_back(p);
  }
  return values;
}

Result<Outputs> reference_pad(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const auto paddings = TRY(padding_values(c, inputs, x));
  Shape shape = x.shape();
  for (size_t d = 0; d < shape.size(); ++d) shape[d] += paddings[d].before + paddings[d].after;
  ElementWriter y = TRY(ElementWriter::create(c, x.dtype(), std::move(shape)));
  if (inputs.size() > 2) {
    const Tensor& value = *TRY(tensor_input(c, inputs, 2));
    if (value.elements() != 1) return input_error("the value to pad with must be a scalar, found " + type_text(value));
    y.fill(value);
  }
  Layout target{0, strides_of(y.shape())};
  for (size_t d = 0; d < paddings.size(); ++d) target.offset += paddings[d].before * target.strides[d];
  y.copy(x, {0, strides_of(x.shape())}, target, x.shape());
  return one(TRY(std::move(y).finish()));
}

Result<void> infer_mirror_pad(InferContext& c) {
  const std::string& mode = c.as<MirrorPadAttributes>().mode;
  if (mode != "REFLECT" && mode != "SYMMETRIC") return input_error("the mode of MirrorPad must be REFLECT or SYMMETRIC, found '" + mode + "'");
  return infer_pad(c);
}
// One dimension after the other: before and after the elements come runs of them backwards.
Result<Outputs> reference_mirror_pad(EvalContext& c, Inputs inputs) {
  Tensor x = *TRY(tensor_input(c, inputs, 0));
  const auto paddings = TRY(padding_values(c, inputs, x));
  const int64_t skip = c.as<MirrorPadAttributes>().mode == "REFLECT" ? 1 : 0;
  for (size_t d = 0; d < paddings.size(); ++d) {
    const auto [before, after] = paddings[d];
    const int64_t size = x.shape()[d];
    if (before > size - skip || after > size - skip) {
      return input_error("MirrorPad adds " + std::to_string(std::max(before, after)) + " elements to a dimension of size " + std::to_string(size));
    }
    Shape shape = x.shape();
    shape[d] += before + after;
    ElementWriter y = TRY(ElementWriter::create(c, x.dtype(), std::move(shape)));
    const std::vector<int64_t> from = strides_of(x.shape()), to = strides_of(y.shape());
    std::vector<int64_t> back = from;
    back[d] = -back[d];
    Shape box = x.shape();
    y.copy(x, {0, from}, {before * to[d], to}, box);
    box[d] = before;
    y.copy(x, {(before - 1 + skip) * from[d], back}, {0, to}, box);
    box[d] = after;
    y.copy(x, {(size - 1 - skip) * from[d], back}, {(before + size) * to[d], to}, box);
    x = TRY(std::move(y).finish());
  }
  return one(std::move(x));
}

}  // namespace

constinit const OpDef kOp_Pad = {
    .name = "Pad",
    .signature = "input: T, paddings: Tpaddings -> output: T",
    .infer = infer_pad,
    .reference = reference_pad,
    .doc = "The input with zeros (false, empty strings) put before and after it: paddings[d] says how many in dimension d.",
};

constinit const OpDef kOp_PadV2 = {
    .name = "PadV2",
    .signature = "input: T, paddings: Tpaddings, constant_values: T -> output: T",
    .infer = infer_pad,
    .reference = reference_pad,
    .doc = "The input with the given value put before and after it: paddings[d] says how often in dimension d.",
};

constinit const OpDef kOp_MirrorPad = {
    .name = "MirrorPad",
    .signature = "input: T, paddings: Tpaddings -> output: T",
    .make_attributes = &make_attributes<MirrorPadAttributes>,
    .infer = infer_mirror_pad,
    .reference = reference_mirror_pad,
    .doc = "The input with its mirror image put before and after it, with the border element (SYMMETRIC) or without (REFLECT).",
};

}  // namespace isomer::ops
