// Ops that join tensors into one and split one into several.
#include "ops/join.h"

#include "ops/elements.h"
#include "ops/partial_value.h"

namespace isomer::ops {

using namespace ir;

namespace {

// Where the inputs and the axis of the concatenations are among the operands: Concat has its axis first, ConcatV2 last.
struct ConcatOperands {
  int64_t axis, first, last;
};
ConcatOperands concat_operands(const OpDef& op, int64_t count) {
  return op.name == "Concat" ? ConcatOperands{0, 1, count} : ConcatOperands{count - 1, 0, count - 1};
}

Result<void> infer_concat(InferContext& c) {
  const auto [axis_input, first, last] = concat_operands(c.op(), c.input_count());
  if (last <= first) return input_error("there is nothing to concatenate");
  const auto axis = scalar_from_input(c, axis_input);
  PartialShape all;
  for (int64_t i = first; i < last; ++i) {
    if (!c.shape(i).has_rank()) continue;
    if (c.shape(i).rank() == 0) return input_error("a scalar cannot be concatenated");
    if (!all.has_rank()) all = PartialShape::of_rank(c.shape(i).rank());
  }
  if (!all.has_rank()) return {};
  const int64_t at = axis ? TRY(resolve_axis(*axis, all.rank())) : 0;
  int64_t size = 0;
  for (int64_t i = first; i < last; ++i) {
    PartialShape shape = TRY(shape_of_rank(c, i, all.rank()));
    size = add_dims(size, shape[at]);
    shape[at] = kUnknownDim;
    if (axis) all = TRY(merge(all, shape));
  }
  if (axis) all[at] = size;
  c.set_shape(0, std::move(all));
  return {};
}

// Joins tensors of equal shapes but for dimension `axis`.
Result<Tensor> concatenate(EvalContext& c, const std::vector<const Tensor*>& parts, int64_t axis) {
  const auto at = static_cast<size_t>(TRY(resolve_axis(axis, parts[0]->rank())));
  Shape shape = parts[0]->shape();
  int64_t size = 0;
  for (const Tensor* part : parts) {
    if (part->rank() != parts[0]->rank()) return input_error("tensors of different ranks cannot be concatenated");
    size = add_dims(size, part->shape()[at]);
    shape[at] = part->shape()[at];
    if (part->shape() != shape) return input_error(type_text(*part) + " cannot be concatenated with " + type_text(*parts[0]));
  }
  if (size == kUnknownDim) return input_error("the concatenated size does not fit 64 bits");
  shape[at] = size;
  ElementWriter y = TRY(ElementWriter::create(c, parts[0]->dtype(), std::move(shape)));
  const std::vector<int64_t> strides = strides_of(y.shape());
  int64_t offset = 0;
  for (const Tensor* part : parts) {
    y.copy(*part, {0, strides_of(part->shape())}, {offset * strides[at], strides}, part->shape());
    offset += part->shape()[at];
  }
  return std::move(y).finish();
}

Result<Outputs> reference_concat(EvalContext& c, Inputs inputs) {
  const auto [axis_input, first, last] = concat_operands(*c.node().op, static_cast<int64_t>(inputs.size()));
  if (last <= first) return input_error("there is nothing to concatenate");
  const int64_t axis = TRY(scalar_int(*TRY(tensor_input(c, inputs, axis_input)), "the axis"));
  const auto parts = TRY(tensor_inputs(c, inputs, first, last - first));
  return one(TRY(concatenate(c, parts, axis)));
}

// --- Pack, Unpack

Result<void> infer_pack(InferContext& c) {
  if (c.input_count() == 0) return input_error("there is nothing to pack");
  PartialShape part;
  for (int64_t i = 0; i < c.input_count(); ++i) part = TRY(merge(part, c.shape(i)));
  if (!part.has_rank()) return {};
  std::vector<int64_t> dims = part.dims();
  dims.insert(dims.begin() + TRY(resolve_axis(c.as<PackAttributes>().axis, part.rank() + 1)), c.input_count());
  c.set_shape(0, PartialShape(std::move(dims)));
  return {};
}
Result<Outputs> reference_pack(EvalContext& c, Inputs inputs) {
  const auto parts = TRY(tensor_inputs(c, inputs));
  if (parts.empty()) return input_error("there is nothing to pack");
  const Shape& part = parts[0]->shape();
  const int64_t axis = TRY(resolve_axis(c.as<PackAttributes>().axis, parts[0]->rank() + 1));
  Shape shape = part;
  shape.insert(shape.begin() + axis, static_cast<int64_t>(parts.size()));
  ElementWriter y = TRY(ElementWriter::create(c, parts[0]->dtype(), std::move(shape)));
  std::vector<int64_t> strides = strides_of(y.shape());
  const int64_t step = strides[static_cast<size_t>(axis)];
  strides.erase(strides.begin() + axis);
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i]->shape() != part) return input_error(type_text(*parts[i]) + " cannot be packed with " + type_text(*parts[0]));
    y.copy(*parts[i], {0, strides_of(part)}, {static_cast<int64_t>(i) * step, strides}, part);
  }
  return one(TRY(std::move(y).finish()));
}

Result<void> infer_unpack(InferContext& c) {
  const auto& a = c.as<UnpackAttributes>();
  if (!c.shape(0).has_rank()) return {};
  const int64_t axis = TRY(resolve_axis(a.axis, c.shape(0).rank()));
  TRY(same_dim(c.shape(0)[axis], a.num, "the size of the unpacked dimension and num"));
  std::vector<int64_t> dims = c.shape(0).dims();
  dims.erase(dims.begin() + axis);
  for (int64_t i = 0; i < c.output_count(); ++i) c.set_shape(i, PartialShape(dims));
  return {};
}
Result<Outputs> reference_unpack(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<UnpackAttributes>();
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const int64_t axis = TRY(resolve_axis(a.axis, x.rank()));
  if (x.shape()[static_cast<size_t>(axis)] != a.num) return input_error(type_text(x) + " does not unpack into " + std::to_string(a.num) + " tensors");
  Shape shape = x.shape();
  std::vector<int64_t> strides = strides_of(shape);
  const int64_t step = strides[static_cast<size_t>(axis)];
  shape.erase(shape.begin() + axis);
  strides.erase(strides.begin() + axis);
  Outputs parts;
  for (int64_t i = 0; i < a.num; ++i) parts.push_back(TRY(strided_copy(c, x, shape, {i * step, strides})));
  return parts;
}

// --- Split, SplitV

// Cuts a tensor along a dimension into parts of these sizes, which must add up.
Result<Outputs> cut(EvalContext& c, const Tensor& x, int64_t axis, const std::vector<int64_t>& sizes) {
  const std::vector<int64_t> strides = strides_of(x.shape());
  Shape shape = x.shape();
  Outputs parts;
  int64_t offset = 0;
  for (const int64_t size : sizes) {
    shape[static_cast<size_t>(axis)] = size;
    parts.push_back(TRY(strided_copy(c, x, shape, {offset * strides[static_cast<size_t>(axis)], strides})));
    offset += size;
  }
  return parts;
}

Result<int64_t> even_part(int64_t size, int64_t parts) {
  if (parts <= 0 || size % parts != 0)
    return input_error("a dimension of size " + std::to_string(size) + " does not split into " + std::to_string(parts) + " even parts");
  return size / parts;
}

Result<void> infer_split(InferContext& c) {
  if (c.as<SplitAttributes>().num_split <= 0) return input_error("Split needs one result or more");
  if (!c.shape(1).has_rank()) return {};
  PartialShape part = c.shape(1);
  if (const auto axis = scalar_from_input(c, 0)) {
    int64_t& size = part[TRY(resolve_axis(*axis, part.rank()))];
    if (size != kUnknownDim) size = TRY(even_part(size, c.output_count()));
  } else {
    part = PartialShape::of_rank(part.rank());
  }
  for (int64_t i = 0; i < c.output_count(); ++i) c.set_shape(i, part);
  return {};
}
Result<Outputs> reference_split(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 1));
  const int64_t axis = TRY(resolve_axis(TRY(scalar_int(*TRY(tensor_input(c, inputs, 0)), "the axis")), x.rank()));
  const int64_t part = TRY(even_part(x.shape()[static_cast<size_t>(axis)], c.output_count()));
  return cut(c, x, axis, std::vector<int64_t>(static_cast<size_t>(c.output_count()), part));
}

// Replaces the one -1 among the sizes by what is left of `whole` (kUnknownDim: not known) and checks that the sizes add up.
Result<std::vector<int64_t>> complete_sizes(std::vector<int64_t> sizes, int64_t whole) {
  int64_t sum = 0;
  int64_t* open = nullptr;
  for (int64_t& size : sizes) {
    if (size < -1 || (size == -1 && open)) return input_error("the sizes of SplitV may have one -1 and no other negative number");
    if (size == -1) {
      open = &size;
    } else {
      sum = add_dims(sum, size);
    }
  }
  if (whole == kUnknownDim) return sizes;
  if (sum == kUnknownDim || (open ? sum > whole : sum != whole)) {
    return input_error("the sizes of SplitV do not add up to the dimension's size of " + std::to_string(whole));
  }
  if (open) *open = whole - sum;
  return sizes;
}

Result<void> infer_split_v(InferContext& c) {
  const PartialShape given = TRY(shape_of_rank(c, 1, 1));
  TRY(same_dim(given[0], c.as<SplitAttributes>().num_split, "the number of sizes of SplitV and num_split"));
  if (!c.shape(0).has_rank()) return {};
  PartialShape part = c.shape(0);
  const auto axis = scalar_from_input(c, 2);
  if (!axis) {
    part = PartialShape::of_rank(part.rank());
    for (int64_t i = 0; i < c.output_count(); ++i) c.set_shape(i, part);
    return {};
  }
  const int64_t at = TRY(resolve_axis(*axis, part.rank())), whole = part[at];
  auto sizes = elements_from_input(c, 1);
  if (sizes) sizes = TRY(complete_sizes(std::move(*sizes), whole));
  for (int64_t i = 0; i < c.output_count(); ++i) {
    part[at] = sizes && i < static_cast<int64_t>(sizes->size()) ? (*sizes)[static_cast<size_t>(i)] : kUnknownDim;
    c.set_shape(i, part);
  }
  return {};
}
Result<Outputs> reference_split_v(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const int64_t axis = TRY(resolve_axis(TRY(scalar_int(*TRY(tensor_input(c, inputs, 2)), "the axis")), x.rank()));
  auto sizes = TRY(int_vector(*TRY(tensor_input(c, inputs, 1)), "the sizes"));
  if (static_cast<int64_t>(sizes.size()) != c.output_count()) return input_error("SplitV needs one size for each result");
  return cut(c, x, axis, TRY(complete_sizes(std::move(sizes), x.shape()[static_cast<size_t>(axis)])));
}

// --- Tile

Result<void> infer_tile(InferContext& c) {
  const PartialShape times = TRY(shape_from_input(c, 1));
  if (!times.has_rank()) {
    if (c.shape(0).has_rank()) c.set_shape(0, PartialShape::of_rank(c.shape(0).rank()));
    return {};
  }
  PartialShape shape = TRY(shape_of_rank(c, 0, times.rank()));
  for (int64_t d = 0; d < shape.rank(); ++d) shape[d] = mul_dims(shape[d], times[d]);
  c.set_shape(0, std::move(shape));
  return {};
}
Result<Outputs> reference_tile(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Shape times = TRY(int_vector(*TRY(tensor_input(c, inputs, 1)), "the multiples"));
  if (times.size() != x.shape().size()) return input_error("Tile needs one multiple for each dimension");
  // Dimension d of the result is the pair (repetition, dimension d of the input).
  const std::vector<int64_t> strides = strides_of(x.shape());
  Shape shape, pairs;
  Layout layout;
  for (size_t d = 0; d < times.size(); ++d) {
    if (times[d] < 0) return input_error("Tile cannot repeat " + std::to_string(times[d]) + " times");
    const int64_t size = mul_dims(times[d], x.shape()[d]);
    if (size == kUnknownDim) return input_error("the tiled size does not fit 64 bits");
    shape.push_back(size);
    pairs.insert(pairs.end(), {times[d], x.shape()[d]});
    layout.strides.insert(layout.strides.end(), {0, strides[d]});
  }
  return one(TRY(strided_copy(c, x, std::move(pairs), layout)).reshaped(std::move(shape)));
}

}  // namespace

constinit const OpDef kOp_Concat = {
    .name = "Concat",
    .signature = "concat_dim: int32, values: N * T -> output: T",
    .infer = infer_concat,
    .reference = reference_concat,
    .doc = "The inputs joined along dimension `concat_dim`.",
};

constinit const OpDef kOp_ConcatV2 = {
    .name = "ConcatV2",
    .signature = "values: N * T, axis: Tidx -> output: T",
    .infer = infer_concat,
    .reference = reference_concat,
    .doc = "The inputs joined along dimension `axis`.",
};

constinit const OpDef kOp_Pack = {
    .name = "Pack",
    .signature = "values: N * T -> output: T",
    .make_attributes = &make_attributes<PackAttributes>,
    .infer = infer_pack,
    .reference = reference_pack,
    .doc = "The inputs, all of one shape, side by side along a new dimension.",
};

constinit const OpDef kOp_Unpack = {
    .name = "Unpack",
    .signature = "value: T -> output: num * T",
    .make_attributes = &make_attributes<UnpackAttributes>,
    .infer = infer_unpack,
    .reference = reference_unpack,
    .doc = "The `num` slices of the input along dimension `axis`, without that dimension.",
};

constinit const OpDef kOp_Split = {
    .name = "Split",
    .signature = "split_dim: int32, value: T -> output: num_split * T",
    .make_attributes = &make_attributes<SplitAttributes>,
    .infer = infer_split,
    .reference = reference_split,
    .doc = "The input cut along dimension `split_dim` into `num_split` even parts.",
};

constinit const OpDef kOp_SplitV = {
    .name = "SplitV",
    .signature = "value: T, size_splits: Tlen, split_dim: int32 -> output: num_split * T",
    .make_attributes = &make_attributes<SplitAttributes>,
    .infer = infer_split_v,
    .reference = reference_split_v,
    .doc = "The input cut along dimension `split_dim` into parts of the given sizes; one of them may be -1: what is left.",
};

constinit const OpDef kOp_Tile = {
    .name = "Tile",
    .signature = "input: T, multiples: Tmultiples -> output: T",
    .infer = infer_tile,
    .reference = reference_tile,
    .doc = "The input repeated `multiples` times along each dimension.",
};

}  // namespace isomer::ops
