// Ops that tell, change and compute with shapes.
#include "ops/shape.h"

#include "base/checked.h"
#include "ops/elements.h"
#include "ops/partial_value.h"

namespace isomer::ops {

using namespace ir;

namespace {

// A tensor of int32 or int64.
Result<Tensor> integers(EvalContext& c, DType dtype, Shape shape, std::span<const int64_t> values) {
  if (dtype == DType::kInt32) {
    for (const int64_t v : values)
      if (v < INT32_MIN || v > INT32_MAX) return input_error(std::to_string(v) + " does not fit the int32 result");
  }
  MutableTensor result = TRY(c.allocate(dtype, std::move(shape)));
  store_int64s(result, 0, values);
  return std::move(result).finish();
}
Result<Tensor> int_vector_tensor(EvalContext& c, DType dtype, const std::vector<int64_t>& values) {
  return integers(c, dtype, {static_cast<int64_t>(values.size())}, values);
}

Result<void> check_out_type(InferContext& c) {
  const DType out = c.as<ShapeAttributes>().out_type;
  if (out != DType::kInt32 && out != DType::kInt64) return dtype_error(c.op(), out);
  return {};
}

Result<void> infer_shape(InferContext& c) {
  TRY(check_out_type(c));
  for (int64_t i = 0; i < c.output_count(); ++i) c.set_shape(i, PartialShape{c.shape(i).has_rank() ? c.shape(i).rank() : kUnknownDim});
  return {};
}
Result<Outputs> reference_shape(EvalContext& c, Inputs inputs) {
  Outputs results;
  for (const Tensor* x : TRY(tensor_inputs(c, inputs, 0, c.output_count()))) results.push_back(TRY(int_vector_tensor(c, c.output_dtype(0), x->shape())));
  return results;
}

Result<void> infer_size(InferContext& c) {
  TRY(check_out_type(c));
  return infer_scalar(c);
}
Result<Outputs> reference_size(EvalContext& c, Inputs inputs) {
  const int64_t count = TRY(tensor_input(c, inputs, 0))->elements();
  return one(TRY(integers(c, c.output_dtype(0), {}, {&count, 1})));
}

Result<Outputs> reference_rank(EvalContext& c, Inputs inputs) { return one(Tensor::scalar(static_cast<int32_t>(TRY(tensor_input(c, inputs, 0))->rank()))); }

// --- Reshape

// The shape with its one unknown size (-1) computed from that of the input; kUnknownDim stays where the input's is not known. Where the shape names a size
// of 0, zeros count on neither side: [2,0] is [-1,0] with 2.
Result<PartialShape> resolve_reshape(const PartialShape& input, PartialShape shape) {
  const std::optional<int64_t> elements = input.elements();
  int64_t unknown = -1, known = 1, known_without_zeros = 1;
  for (int64_t i = 0; i < shape.rank(); ++i) {
    if (shape[i] == kUnknownDim) {
      if (unknown >= 0) return shape;
      unknown = i;
    } else {
      known = mul_dims(known, shape[i]);
      if (shape[i] != 0) known_without_zeros = mul_dims(known_without_zeros, shape[i]);
    }
  }
  if (!elements || known == kUnknownDim) return shape;
  const auto misfit = [&] { return input_error("a tensor of " + std::to_string(*elements) + " elements has no shape " + to_string(shape)); };
  if (unknown < 0) {
    if (known != *elements) return misfit();
    return shape;
  }
  if (known == 0) {
    if (*elements != 0) return misfit();
    int64_t rest = 1;
    for (const int64_t size : input.dims())
      if (size != 0) rest = mul_dims(rest, size);
    if (rest != kUnknownDim && known_without_zeros != kUnknownDim) shape[unknown] = rest / known_without_zeros;
    return shape;
  }
  if (*elements % known != 0) return misfit();
  shape[unknown] = *elements / known;
  return shape;
}

Result<void> infer_reshape(InferContext& c) {
  const PartialShape wanted = TRY(shape_from_input(c, 1));
  if (!wanted.has_rank()) return {};
  c.set_shape(0, TRY(resolve_reshape(c.shape(0), wanted)));
  return {};
}
Result<Outputs> reference_reshape(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const std::vector<int64_t> sizes = TRY(int_vector(*TRY(tensor_input(c, inputs, 1)), "the shape"));
  for (const int64_t size : sizes)
    if (size < -1) return input_error("a shape may not have the size " + std::to_string(size));
  const auto shape = TRY(resolve_reshape(PartialShape(x.shape()), PartialShape(sizes))).known();
  if (!shape || element_count(*shape) != x.elements()) {
    return input_error("the shape " + to_string(PartialShape(sizes)) + " does not say how " + type_text(x) + " is to be reshaped");
  }
  return one(x.reshaped(*shape));
}

// --- ExpandDims, Squeeze

Result<void> infer_expand_dims(InferContext& c) {
  if (!c.shape(0).has_rank()) return {};
  const int64_t rank = c.shape(0).rank();
  const auto axis = scalar_from_input(c, 1);
  if (!axis) {
    c.set_shape(0, PartialShape::of_rank(rank + 1));
    return {};
  }
  std::vector<int64_t> dims = c.shape(0).dims();
  dims.insert(dims.begin() + TRY(resolve_axis(*axis, rank + 1)), 1);
  c.set_shape(0, PartialShape(std::move(dims)));
  return {};
}
Result<Outputs> reference_expand_dims(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const int64_t axis = TRY(scalar_int(*TRY(tensor_input(c, inputs, 1)), "the axis"));
  Shape shape = x.shape();
  shape.insert(shape.begin() + TRY(resolve_axis(axis, x.rank() + 1)), 1);
  return one(x.reshaped(std::move(shape)));
}

Result<PartialShape> squeeze(const PartialShape& shape, const std::vector<int64_t>& squeeze_dims) {
  std::vector<bool> wanted(shape.dims().size(), false);
  for (const int64_t axis : squeeze_dims) wanted[static_cast<size_t>(TRY(resolve_axis(axis, shape.rank())))] = true;
  std::vector<int64_t> dims;
  for (int64_t i = 0; i < shape.rank(); ++i) {
    if (squeeze_dims.empty()) {
      if (shape[i] == kUnknownDim) return PartialShape::unknown();
      if (shape[i] != 1) dims.push_back(shape[i]);
    } else if (!wanted[static_cast<size_t>(i)]) {
      dims.push_back(shape[i]);
    } else if (shape[i] != 1 && shape[i] != kUnknownDim) {
      return input_error("dimension " + std::to_string(i) + " of shape " + to_string(shape) + " cannot be squeezed: its size is not 1");
    }
  }
  return PartialShape(std::move(dims));
}
Result<void> infer_squeeze(InferContext& c) {
  if (c.shape(0).has_rank()) c.set_shape(0, TRY(squeeze(c.shape(0), c.as<SqueezeAttributes>().squeeze_dims)));
  return {};
}
Result<Outputs> reference_squeeze(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  return one(x.reshaped(TRY(squeeze(PartialShape(x.shape()), c.as<SqueezeAttributes>().squeeze_dims)).dims()));
}

// --- broadcasting

Result<void> infer_broadcast_to(InferContext& c) {
  PartialShape wanted = TRY(shape_from_input(c, 1));
  if (wanted.has_rank() && c.shape(0).has_rank()) {
    if (c.shape(0).rank() > wanted.rank()) {
      return input_error("a tensor of shape " + to_string(c.shape(0)) + " cannot be broadcast to shape " + to_string(wanted));
    }
    TRY(broadcast(c.shape(0), wanted));
  }
  c.set_shape(0, std::move(wanted));
  return {};
}
Result<Outputs> reference_broadcast_to(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Shape shape = TRY(shape_value(*TRY(tensor_input(c, inputs, 1)), "the shape"));
  if (TRY(broadcast(x.shape(), shape)) != shape) return input_error(type_text(x) + " cannot be broadcast to shape " + to_string(shape));
  return one(TRY(strided_copy(c, x, shape, {0, broadcast_strides(x.shape(), shape)})));
}

Result<void> infer_broadcast_args(InferContext& c) {
  const PartialShape a = TRY(shape_of_rank(c, 0, 1)), b = TRY(shape_of_rank(c, 1, 1));
  c.set_shape(0, PartialShape{a[0] == kUnknownDim || b[0] == kUnknownDim ? kUnknownDim : std::max(a[0], b[0])});
  return {};
}
Result<Outputs> reference_broadcast_args(EvalContext& c, Inputs inputs) {
  const Shape a = TRY(shape_value(*TRY(tensor_input(c, inputs, 0)), "the first shape"));
  const Shape b = TRY(shape_value(*TRY(tensor_input(c, inputs, 1)), "the second shape"));
  return one(TRY(int_vector_tensor(c, c.output_dtype(0), TRY(broadcast(a, b)))));
}

Result<void> infer_broadcast_gradient_args(InferContext& c) {
  c.set_shape(0, PartialShape{kUnknownDim});
  c.set_shape(1, PartialShape{kUnknownDim});
  return {};
}
Result<Outputs> reference_broadcast_gradient_args(EvalContext& c, Inputs inputs) {
  Shape shapes[2];
  shapes[0] = TRY(shape_value(*TRY(tensor_input(c, inputs, 0)), "the first shape"));
  shapes[1] = TRY(shape_value(*TRY(tensor_input(c, inputs, 1)), "the second shape"));
  TRY(broadcast(shapes[0], shapes[1]));
  std::vector<int64_t> axes[2];
  const size_t rank = std::max(shapes[0].size(), shapes[1].size());
  for (size_t d = 0; d < rank && shapes[0] != shapes[1]; ++d) {
    // An operand was repeated along d when it lacks the dimension, or has size 1 there. (Where both have 1, TensorFlow lists it for both.)
    for (size_t i = 0; i < 2; ++i) {
      const size_t lead = rank - shapes[i].size();
      if (d < lead || shapes[i][d - lead] == 1) axes[i].push_back(static_cast<int64_t>(d));
    }
  }
  Outputs outputs;
  for (int64_t i = 0; i < 2; ++i) outputs.emplace_back(TRY(int_vector_tensor(c, c.output_dtype(i), axes[i])));
  return outputs;
}

Result<void> infer_concat_offset(InferContext& c) {
  for (int64_t i = 0; i < c.output_count(); ++i) c.set_shape(i, TRY(shape_of_rank(c, i + 1, 1)));
  return {};
}
Result<Outputs> reference_concat_offset(EvalContext& c, Inputs inputs) {
  const int64_t dim = TRY(scalar_int(*TRY(tensor_input(c, inputs, 0)), "the axis"));
  Outputs offsets;
  Shape first;
  int64_t offset = 0;
  for (const Tensor* input : TRY(tensor_inputs(c, inputs, 1))) {
    Shape shape = TRY(shape_value(*input, "a shape to concatenate"));
    if (offsets.empty()) first = shape;
    if (shape.size() != first.size()) return input_error("shapes of different ranks cannot be concatenated");
    const auto axis = static_cast<size_t>(TRY(resolve_axis(dim, static_cast<int64_t>(shape.size()))));
    for (size_t d = 0; d < shape.size(); ++d) {
      if (d != axis && shape[d] != first[d]) return input_error("shapes " + to_string(first) + " and " + to_string(shape) + " cannot be concatenated");
    }
    std::vector<int64_t> at(shape.size(), 0);
    at[axis] = offset;
    offsets.push_back(TRY(int_vector_tensor(c, input->dtype(), at)));
    const auto next = checked_add(offset, shape[axis]);
    if (!next) return input_error("the concatenated size does not fit 64 bits");
    offset = *next;
  }
  return offsets;
}

}  // namespace

constinit const OpDef kOp_Shape = {
    .name = "Shape",
    .signature = "input: T -> output: out_type",
    .make_attributes = &make_attributes<ShapeAttributes>,
    .infer = infer_shape,
    .reference = reference_shape,
    .doc = "The sizes of all dimensions of the input.",
};

constinit const OpDef kOp_ShapeN = {
    .name = "ShapeN",
    .signature = "input: N * T -> output: N * out_type",
    .make_attributes = &make_attributes<ShapeAttributes>,
    .infer = infer_shape,
    .reference = reference_shape,
    .doc = "The shape of each input.",
};

constinit const OpDef kOp_Size = {
    .name = "Size",
    .signature = "input: T -> output: out_type",
    .make_attributes = &make_attributes<ShapeAttributes>,
    .infer = infer_size,
    .reference = reference_size,
    .doc = "The number of elements of the input.",
};

constinit const OpDef kOp_Rank = {
    .name = "Rank",
    .signature = "input: T -> output: int32",
    .infer = infer_scalar,
    .reference = reference_rank,
    .doc = "The number of dimensions of the input.",
};

constinit const OpDef kOp_Reshape = {
    .name = "Reshape",
    .signature = "tensor: T, shape: Tshape -> output: T",
    .infer = infer_reshape,
    .reference = reference_reshape,
    .doc = "The same elements under another shape. One size of it may be -1: whatever makes the number of elements right.",
};

constinit const OpDef kOp_ExpandDims = {
    .name = "ExpandDims",
    .signature = "input: T, dim: Tdim -> output: T",
    .infer = infer_expand_dims,
    .reference = reference_expand_dims,
    .doc = "The input with a dimension of size 1 put in before dimension `dim` (negative counts from the end of the result).",
};

constinit const OpDef kOp_Squeeze = {
    .name = "Squeeze",
    .signature = "input: T -> output: T",
    .make_attributes = &make_attributes<SqueezeAttributes>,
    .infer = infer_squeeze,
    .reference = reference_squeeze,
    .doc = "The input without its dimensions of size 1, or without those of them that `squeeze_dims` lists.",
};

constinit const OpDef kOp_BroadcastTo = {
    .name = "BroadcastTo",
    .signature = "input: T, shape: Tidx -> output: T",
    .infer = infer_broadcast_to,
    .reference = reference_broadcast_to,
    .doc = "The input repeated along dimensions of size 1 and along new leading dimensions until it has the given shape.",
};

constinit const OpDef kOp_BroadcastArgs = {
    .name = "BroadcastArgs",
    .signature = "s0: T, s1: T -> r0: T",
    .infer = infer_broadcast_args,
    .reference = reference_broadcast_args,
    .doc = "The shape that tensors of the two given shapes have after broadcasting.",
};

constinit const OpDef kOp_BroadcastGradientArgs = {
    .name = "BroadcastGradientArgs",
    .signature = "s0: T, s1: T -> r0: T, r1: T",
    .infer = infer_broadcast_gradient_args,
    .reference = reference_broadcast_gradient_args,
    .doc = "For two shapes that are broadcast together: the axes along which the gradient of each operand has to be summed.",
};

constinit const OpDef kOp_ConcatOffset = {
    .name = "ConcatOffset",
    .signature = "concat_dim: int32, shape: N * shape_type -> offset: N * shape_type",
    .infer = infer_concat_offset,
    .reference = reference_concat_offset,
    .doc = "Where each of N tensors of the given shapes begins in their concatenation along dimension `concat_dim`.",
};

}  // namespace isomer::ops
