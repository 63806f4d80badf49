// Tensor arrays: TensorFlow 1's mutable arrays of tensors (tensorflow/core/kernels/tensor_array.h).
//
// The float `flow` carries no value: it runs from op to op and so orders writes before reads. An element is written once; with clear_after_read it can be
// read once. An element of a known shape that was never written reads as zeros.
#include "ops/tensor_array.h"

#include "base/checked.h"
#include "ops/kernel.h"
#include "ops/resources.h"

namespace isomer::ops {
namespace {

using namespace ir;

// Elements cost memory before anything is in them, so their number has a limit of its own.
constexpr int64_t kMaxElements = int64_t{1} << 22;

Result<void> resize(EvalContext& c, TensorArray& array, int64_t size) {
  if (size < 0) return input_error("an array cannot have " + std::to_string(size) + " elements");
  if (size > std::min(kMaxElements, c.limits().tensor_elements)) {
    return fail(ErrorCode::kLimitExceeded, "an array of " + std::to_string(size) + " elements is too long");
  }
  array.elements.resize(static_cast<size_t>(size));
  return {};
}

PartialShape with_leading(int64_t size, const PartialShape& shape) {
  if (!shape.has_rank()) return shape;
  std::vector<int64_t> dims = shape.dims();
  dims.insert(dims.begin(), size);
  return PartialShape(std::move(dims));
}

// --- inference

Result<void> infer_array(InferContext& c) {
  const auto& a = c.as<TensorArrayAttributes>();
  TensorType& handle = c.result(0);
  handle.shape = PartialShape{2};  // what TensorFlow declares
  handle.element_dtype = a.dtype;
  handle.element_shape = a.element_shape;
  c.set_shape(1, PartialShape::scalar());
  return {};
}

Result<void> infer_read(InferContext& c) {
  c.set_shape(0, c.input_type(0).element_shape);
  return {};
}

Result<void> infer_gather(InferContext& c) {
  const PartialShape indices = TRY(shape_of_rank(c, 1, 1));
  c.set_shape(0, with_leading(indices[0], TRY(merge(c.as<TensorArrayGatherAttributes>().element_shape, c.input_type(0).element_shape))));
  return {};
}

Result<void> infer_concat(InferContext& c) {
  c.set_shape(0, with_leading(kUnknownDim, c.as<TensorArrayConcatAttributes>().element_shape_except0));
  c.set_shape(1, PartialShape::of_rank(1));
  return {};
}

// --- kernels

Result<TensorArray*> array_input(EvalContext& c, Inputs inputs) {
  const ResourceHandle& handle = *TRY(handle_input(inputs, 0));
  const auto it = c.state().resources.find(handle.name);
  auto* array = it == c.state().resources.end() ? nullptr : dynamic_cast<TensorArray*>(it->second.get());
  if (!array) return fail(ErrorCode::kNotFound, "there is no tensor array '" + handle.name + "' in this run, or it was closed");
  return array;
}

Outputs flow() { return one(Tensor::scalar(0.0f)); }

Result<Outputs> reference_array(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<TensorArrayAttributes>();
  auto array = std::make_shared<TensorArray>();
  array->dtype = a.dtype;
  array->element_shape = a.element_shape;
  array->dynamic_size = a.dynamic_size;
  array->clear_after_read = a.clear_after_read;
  TRY(resize(c, *array, TRY(scalar_int(*TRY(tensor_input(c, inputs, 0)), "the size"))));
  ResourceHandle handle{c.state().fresh_name("TensorArray")};
  c.state().resources[handle.name] = std::move(array);
  return Outputs{std::move(handle), Tensor::scalar(0.0f)};
}

Result<void> write(EvalContext& c, TensorArray& array, int64_t index, Tensor value) {
  if (value.dtype() != array.dtype || !compatible(array.element_shape, PartialShape(value.shape()))) {
    return input_error("the array has elements " + std::string(to_string(array.dtype)) + to_string(array.element_shape) + ", found " + type_text(value));
  }
  const auto size = static_cast<int64_t>(array.elements.size());
  if (index < 0 || (index >= size && !array.dynamic_size)) {
    return input_error("index " + std::to_string(index) + " lies outside an array of " + std::to_string(size) + " elements");
  }
  if (index >= size) TRY(resize(c, array, index + 1));
  TensorArray::Element& element = array.elements[static_cast<size_t>(index)];
  if (element.value.valid() || element.cleared) return input_error("element " + std::to_string(index) + " of the array was written before");
  element.value = std::move(value);
  return {};
}

Result<Tensor> read(EvalContext& c, TensorArray& array, int64_t index, const PartialShape& wanted) {
  if (index < 0 || index >= static_cast<int64_t>(array.elements.size())) {
    return input_error("index " + std::to_string(index) + " lies outside an array of " + std::to_string(array.elements.size()) + " elements");
  }
  TensorArray::Element& element = array.elements[static_cast<size_t>(index)];
  if (element.cleared) return input_error("element " + std::to_string(index) + " of the array was read before, and the array is cleared after reading");
  if (!element.value.valid()) {
    const auto shape = TRY(merge(array.element_shape, wanted)).known();
    if (!shape) return input_error("element " + std::to_string(index) + " of the array was never written, and its shape is not known");
    return zeros(memory_of(c), array.dtype, *shape);
  }
  if (!array.clear_after_read) return element.value;
  element.cleared = true;
  return std::exchange(element.value, Tensor());
}

Result<void> check_dtype(EvalContext& c, const TensorArray& array) {
  if (array.dtype == c.output_dtype(0)) return {};
  return input_error("the array has elements of " + std::string(to_string(array.dtype)) + ", the op reads " + std::string(to_string(c.output_dtype(0))));
}

Result<Outputs> reference_write(EvalContext& c, Inputs inputs) {
  const int64_t index = TRY(scalar_int(*TRY(tensor_input(c, inputs, 1)), "the index"));
  TRY(write(c, *TRY(array_input(c, inputs)), index, *TRY(tensor_input(c, inputs, 2))));
  return flow();
}

Result<Outputs> reference_read(EvalContext& c, Inputs inputs) {
  TensorArray& array = *TRY(array_input(c, inputs));
  TRY(check_dtype(c, array));
  return one(TRY(read(c, array, TRY(scalar_int(*TRY(tensor_input(c, inputs, 1)), "the index")), PartialShape::unknown())));
}

Result<Outputs> reference_gather(EvalContext& c, Inputs inputs) {
  TensorArray& array = *TRY(array_input(c, inputs));
  TRY(check_dtype(c, array));
  PartialShape shape = TRY(merge(array.element_shape, c.as<TensorArrayGatherAttributes>().element_shape));
  const std::vector<int64_t> indices = TRY(int_vector(*TRY(tensor_input(c, inputs, 1)), "the indices"));
  std::vector<Tensor> parts;
  for (const int64_t index : indices) {
    parts.push_back(TRY(read(c, array, index, shape)));
    shape = TRY(merge(shape, PartialShape(parts.back().shape())));
  }
  const auto known = shape.known();
  if (!known) return input_error("no element is gathered, and the shape of elements is not known: " + to_string(shape));
  Shape result = *known;
  result.insert(result.begin(), static_cast<int64_t>(parts.size()));
  TensorBuilder builder = TRY(TensorBuilder::create(memory_of(c), array.dtype, std::move(result)));
  for (const Tensor& part : parts) builder.append(part);
  return one(TRY(std::move(builder).finish()));
}

Result<Outputs> reference_scatter(EvalContext& c, Inputs inputs) {
  TensorArray& array = *TRY(array_input(c, inputs));
  const std::vector<int64_t> indices = TRY(int_vector(*TRY(tensor_input(c, inputs, 1)), "the indices"));
  const Tensor& value = *TRY(tensor_input(c, inputs, 2));
  if (value.rank() < 1 || value.shape()[0] != static_cast<int64_t>(indices.size())) {
    return input_error("there must be one index for each row, found " + std::to_string(indices.size()) + " indices and " + type_text(value));
  }
  for (size_t i = 0; i < indices.size(); ++i) TRY(write(c, array, indices[i], TRY(row_of(memory_of(c), value, static_cast<int64_t>(i)))));
  return flow();
}

Result<Outputs> reference_concat(EvalContext& c, Inputs inputs) {
  TensorArray& array = *TRY(array_input(c, inputs));
  TRY(check_dtype(c, array));
  PartialShape rows = c.as<TensorArrayConcatAttributes>().element_shape_except0;
  std::vector<Tensor> parts;
  std::vector<int64_t> lengths;
  int64_t total = 0;
  for (size_t i = 0; i < array.elements.size(); ++i) {
    parts.push_back(TRY(read(c, array, static_cast<int64_t>(i), PartialShape::unknown())));
    const Shape& shape = parts.back().shape();
    if (shape.empty()) return input_error("scalars cannot be concatenated");
    rows = TRY(merge(rows, PartialShape(std::vector<int64_t>(shape.begin() + 1, shape.end()))));
    lengths.push_back(shape[0]);
    const auto sum = checked_add(total, shape[0]);
    if (!sum) return input_error("the lengths of the elements do not fit 64 bits");
    total = *sum;
  }
  const auto known = rows.known();
  if (!known) return input_error("the array is empty, and the shape of its elements is not known: " + to_string(rows));
  Shape result = *known;
  result.insert(result.begin(), total);
  TensorBuilder builder = TRY(TensorBuilder::create(memory_of(c), array.dtype, std::move(result)));
  for (const Tensor& part : parts) builder.append(part);
  return Outputs{TRY(std::move(builder).finish()), Tensor::int64s(lengths)};
}

Result<Outputs> reference_split(EvalContext& c, Inputs inputs) {
  TensorArray& array = *TRY(array_input(c, inputs));
  const Tensor& value = *TRY(tensor_input(c, inputs, 1));
  const std::vector<int64_t> lengths = TRY(int_vector(*TRY(tensor_input(c, inputs, 2)), "the lengths"));
  if (value.rank() == 0) return input_error("a scalar cannot be split");
  int64_t first = 0;
  for (size_t i = 0; i < lengths.size(); ++i) {
    if (lengths[i] < 0 || lengths[i] > value.shape()[0] - first) return input_error("the lengths do not add up to the rows of " + type_text(value));
    TRY(write(c, array, static_cast<int64_t>(i), TRY(slice_rows(memory_of(c), value, first, lengths[i]))));
    first += lengths[i];
  }
  if (first != value.shape()[0]) return input_error("the lengths do not add up to the rows of " + type_text(value));
  return flow();
}

Result<Outputs> reference_size(EvalContext& c, Inputs inputs) {
  return one(Tensor::scalar(static_cast<int32_t>(TRY(array_input(c, inputs))->elements.size())));
}

Result<Outputs> reference_close(EvalContext& c, Inputs inputs) {
  TRY(array_input(c, inputs));
  c.state().resources.erase(TRY(handle_input(inputs, 0))->name);
  return Outputs{};
}

}  // namespace

constinit const OpDef kOp_TensorArrayV3 = {
    .name = "TensorArrayV3",
    .signature = "size: int32 -> handle: resource, flow: float32",
    .make_attributes = &make_attributes<TensorArrayAttributes>,
    .infer = infer_array,
    .reference = reference_array,
    .doc = "A new array of tensors. With dynamic_size it grows when elements behind its end are written.",
    .effect = Effect::kWrites,
};

constinit const OpDef kOp_TensorArrayWriteV3 = {
    .name = "TensorArrayWriteV3",
    .signature = "handle: resource, index: int32, value: T, flow_in: float32 -> flow_out: float32",
    .infer = infer_scalar,
    .reference = reference_write,
    .doc = "Writes an element of an array, which must not have been written before.",
    .effect = Effect::kWrites,
};

constinit const OpDef kOp_TensorArrayReadV3 = {
    .name = "TensorArrayReadV3",
    .signature = "handle: resource, index: int32, flow_in: float32 -> value: dtype",
    .make_attributes = &make_attributes<TensorArrayReadAttributes>,
    .infer = infer_read,
    .reference = reference_read,
    .doc = "An element of an array. With clear_after_read it can be read once.",
    .effect = Effect::kWrites,
};

constinit const OpDef kOp_TensorArrayGatherV3 = {
    .name = "TensorArrayGatherV3",
    .signature = "handle: resource, indices: int32, flow_in: float32 -> value: dtype",
    .make_attributes = &make_attributes<TensorArrayGatherAttributes>,
    .infer = infer_gather,
    .reference = reference_gather,
    .doc = "The elements at the indices along a new outermost dimension.",
    .effect = Effect::kWrites,
};

constinit const OpDef kOp_TensorArrayScatterV3 = {
    .name = "TensorArrayScatterV3",
    .signature = "handle: resource, indices: int32, value: T, flow_in: float32 -> flow_out: float32",
    .infer = infer_scalar,
    .reference = reference_scatter,
    .doc = "Writes the rows of a tensor as the elements at the indices.",
    .effect = Effect::kWrites,
};

constinit const OpDef kOp_TensorArrayConcatV3 = {
    .name = "TensorArrayConcatV3",
    .signature = "handle: resource, flow_in: float32 -> value: dtype, lengths: int64",
    .make_attributes = &make_attributes<TensorArrayConcatAttributes>,
    .infer = infer_concat,
    .reference = reference_concat,
    .doc = "All elements one after the other along their outermost dimension, and the sizes that they have in it.",
    .effect = Effect::kWrites,
};

constinit const OpDef kOp_TensorArraySplitV3 = {
    .name = "TensorArraySplitV3",
    .signature = "handle: resource, value: T, lengths: int64, flow_in: float32 -> flow_out: float32",
    .infer = infer_scalar,
    .reference = reference_split,
    .doc = "Writes the pieces of a tensor that have these lengths along its outermost dimension as the elements of an array.",
    .effect = Effect::kWrites,
};

constinit const OpDef kOp_TensorArraySizeV3 = {
    .name = "TensorArraySizeV3",
    .signature = "handle: resource, flow_in: float32 -> size: int32",
    .infer = infer_scalar,
    .reference = reference_size,
    .doc = "The number of elements of an array.",
    .effect = Effect::kReads,
};

constinit const OpDef kOp_TensorArrayCloseV3 = {
    .name = "TensorArrayCloseV3",
    .signature = "handle: resource ->",
    .reference = reference_close,
    .doc = "Ends an array before its run does.",
    .effect = Effect::kWrites,
};

}  // namespace isomer::ops
