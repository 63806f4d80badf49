// Tensor lists: TensorFlow's functional lists of tensors (tensorflow/core/kernels/list_kernels.h).
//
// A list is a value; an op that changes one returns a new list. Where the kernel is the only holder of its input list, the new list takes over the old
// one's storage, so a loop that pushes n elements costs n. A slot that was reserved and never set reads as zeros, as soon as its shape is known: from the
// list's element shape, the shape that the reading op gives, and the elements that are set.
#include "ops/tensor_list.h"

#include "ops/string_tensor.h"
#include "ops/tensor_list_common.h"

namespace isomer::ops {
namespace {

using namespace ir;

bool is_set(const RuntimeValue& element) {
  const auto* tensor = std::get_if<Tensor>(&element);
  return !tensor || tensor->valid();
}

Result<int64_t> int_input(EvalContext& c, Inputs inputs, int64_t i, std::string_view what) { return scalar_int(*TRY(tensor_input(c, inputs, i)), what); }

Result<size_t> check_index(const TensorList& list, int64_t index) {
  if (index >= 0 && index < static_cast<int64_t>(list.elements.size())) return static_cast<size_t>(index);
  return input_error("index " + std::to_string(index) + " lies outside a list of " + std::to_string(list.elements.size()) + " elements");
}

// `known` merged with the shapes of these elements, as far as it takes to know all of it.
Result<PartialShape> merged_with_elements(PartialShape known, const TensorList& list, std::span<const int64_t> indices) {
  for (const int64_t index : indices) {
    const auto* tensor = std::get_if<Tensor>(&list.elements[static_cast<size_t>(index)]);
    if (tensor && tensor->valid()) known = TRY(merge(known, PartialShape(tensor->shape())));
  }
  return known;
}

std::vector<int64_t> all_indices(const TensorList& list) {
  std::vector<int64_t> indices(list.elements.size());
  for (size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<int64_t>(i);
  return indices;
}

// The element at `index`, zeros when it was never set.
Result<RuntimeValue> element_at(EvalContext& c, const TensorList& list, size_t index, const PartialShape& wanted) {
  const RuntimeValue& element = list.elements[index];
  if (is_set(element)) return element;
  PartialShape shape = TRY(merge(list.element_shape, wanted));
  if (!shape.fully_known()) shape = TRY(merged_with_elements(std::move(shape), list, all_indices(list)));
  const auto known = shape.known();
  if (!known) return input_error("element " + std::to_string(index) + " of the list was never set, and its shape is not known: " + to_string(shape));
  return TRY(zeros(memory_of(c), list.element_dtype, *known));
}

// The elements at these indices along a new outermost dimension.
Result<Tensor> stack(EvalContext& c, const TensorList& list, std::span<const int64_t> indices, const PartialShape& wanted) {
  const PartialShape shape = TRY(merged_with_elements(TRY(merge(list.element_shape, wanted)), list, indices));
  const auto known = shape.known();
  if (!known) return input_error("the elements to be stacked are not set, and their shape is not known: " + to_string(shape));
  Shape result = *known;
  result.insert(result.begin(), static_cast<int64_t>(indices.size()));
  TensorBuilder builder = TRY(TensorBuilder::create(memory_of(c), list.element_dtype, std::move(result)));
  for (const int64_t index : indices) {
    const auto* tensor = std::get_if<Tensor>(&list.elements[static_cast<size_t>(index)]);
    if (tensor && tensor->valid()) {
      builder.append(*tensor);
    } else {
      builder.append_zeros(element_count_of(*known));
    }
  }
  return std::move(builder).finish();
}

// Puts the rows of `tensor` into the list at these indices; the list grows where it must.
Result<void> scatter(EvalContext& c, const Tensor& tensor, const Tensor& indices, int64_t size, TensorList& list) {
  const std::vector<int64_t> at = TRY(int_vector(indices, "the indices"));
  if (indices.rank() != 1 || tensor.rank() < 1 || tensor.shape()[0] != static_cast<int64_t>(at.size())) {
    return input_error("there must be one index for each row, found indices " + type_text(indices) + " and rows " + type_text(tensor));
  }
  for (const int64_t index : at) {
    if (index < 0) return input_error("an index of a list cannot be " + std::to_string(index));
    size = std::max(size, index + 1);
  }
  TRY(check_list_size(c, size));
  list.elements.resize(static_cast<size_t>(size), RuntimeValue(Tensor()));
  for (size_t i = 0; i < at.size(); ++i) {
    Tensor row = TRY(row_of(memory_of(c), tensor, static_cast<int64_t>(i)));
    TRY(check_list_element(list, row));
    list.elements[static_cast<size_t>(at[i])] = std::move(row);
  }
  return {};
}

// --- inference

Result<void> infer_new_list(InferContext& c) {
  set_list_type(c, c.as<TensorListAttributes>().element_dtype, TRY(element_shape_constant(c, 0)));
  return {};
}

// A list made from input 0; its element shape is input `shape_at`.
template <int64_t shape_at>
Result<void> infer_from_tensor(InferContext& c) {
  TRY(shape_of_rank_at_least(c, 0, 1));
  set_list_type(c, c.input_type(0).dtype, TRY(element_shape_constant(c, shape_at)));
  return {};
}

Result<void> infer_same_list(InferContext& c) {
  c.result(0).shape = PartialShape::scalar();
  c.result(0).element_dtype = c.input_type(0).element_dtype;
  c.result(0).element_shape = c.input_type(0).element_shape;
  return {};
}

// The same list with an element of the dtype of input `element_at` put in.
template <int64_t element_at>
Result<void> infer_list_with(InferContext& c) {
  TRY(infer_same_list(c));
  if (c.result(0).element_dtype == DType::kInvalid) c.result(0).element_dtype = c.input_type(element_at).dtype;
  return {};
}

Result<PartialShape> read_shape(InferContext& c, int64_t shape_at) { return merge(c.input_type(0).element_shape, TRY(element_shape_constant(c, shape_at))); }

Result<void> infer_get_item(InferContext& c) {
  c.set_shape(0, TRY(read_shape(c, 2)));
  return {};
}

Result<void> infer_pop_back(InferContext& c) {
  TRY(infer_same_list(c));
  if (c.result(0).element_dtype == DType::kInvalid) c.result(0).element_dtype = c.as<TensorListAttributes>().element_dtype;
  c.set_shape(1, TRY(read_shape(c, 1)));
  return {};
}

Result<void> infer_stack(InferContext& c) {
  c.set_shape(0, with_leading(c.as<TensorListStackAttributes>().num_elements, TRY(read_shape(c, 1))));
  return {};
}

Result<void> infer_gather(InferContext& c) {
  const PartialShape indices = TRY(shape_of_rank(c, 1, 1));
  c.set_shape(0, with_leading(indices[0], TRY(read_shape(c, 2))));
  return {};
}

Result<void> infer_element_shape(InferContext& c) {
  const PartialShape& shape = c.input_type(0).element_shape;
  if (shape.has_rank()) c.set_shape(0, PartialShape{shape.rank()});
  return {};
}

// --- kernels

Result<Outputs> reference_empty(EvalContext& c, Inputs inputs) {
  return one_list(new_list(c.as<TensorListAttributes>().element_dtype, TRY(element_shape_input(c, inputs, 0))));
}

Result<Outputs> reference_reserve(EvalContext& c, Inputs inputs) {
  auto list = new_list(c.as<TensorListAttributes>().element_dtype, TRY(element_shape_input(c, inputs, 0)));
  const int64_t size = TRY(int_input(c, inputs, 1, "the number of elements"));
  TRY(check_list_size(c, size));
  list->elements.resize(static_cast<size_t>(size), RuntimeValue(Tensor()));
  return one_list(std::move(list));
}

Result<Outputs> reference_from_tensor(EvalContext& c, Inputs inputs) {
  const Tensor& tensor = *TRY(tensor_input(c, inputs, 0));
  if (tensor.rank() == 0) return input_error("a list is made from a tensor of rank 1 or more, found a scalar");
  auto list = new_list(tensor.dtype(), TRY(element_shape_input(c, inputs, 1)));
  TRY(check_list_size(c, tensor.shape()[0]));
  for (int64_t i = 0; i < tensor.shape()[0]; ++i) {
    list->elements.emplace_back(TRY(row_of(memory_of(c), tensor, i)));
    TRY(check_list_element(*list, list->elements.back()));
  }
  return one_list(std::move(list));
}

Result<Outputs> reference_stack(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<TensorListStackAttributes>();
  const TensorList& list = *TRY(list_input(inputs, 0));
  TRY(check_list_dtype(list, a.element_dtype));
  const auto size = static_cast<int64_t>(list.elements.size());
  if (a.num_elements != -1 && a.num_elements != size) {
    return input_error("the list should have " + std::to_string(a.num_elements) + " elements, found " + std::to_string(size));
  }
  return one(TRY(stack(c, list, all_indices(list), TRY(element_shape_input(c, inputs, 1)))));
}

Result<Outputs> reference_gather(EvalContext& c, Inputs inputs) {
  const TensorList& list = *TRY(list_input(inputs, 0));
  TRY(check_list_dtype(list, c.as<TensorListAttributes>().element_dtype));
  const std::vector<int64_t> indices = TRY(int_vector(*TRY(tensor_input(c, inputs, 1)), "the indices"));
  for (const int64_t index : indices) TRY(check_index(list, index));
  return one(TRY(stack(c, list, indices, TRY(element_shape_input(c, inputs, 2)))));
}

Result<Outputs> reference_get_item(EvalContext& c, Inputs inputs) {
  const TensorList& list = *TRY(list_input(inputs, 0));
  TRY(check_list_dtype(list, c.as<TensorListAttributes>().element_dtype));
  const size_t index = TRY(check_index(list, TRY(int_input(c, inputs, 1, "the index"))));
  return Outputs{TRY(element_at(c, list, index, TRY(element_shape_input(c, inputs, 2))))};
}

Result<Outputs> reference_set_item(EvalContext& c, Inputs inputs) {
  const auto list = TRY(writable_list(inputs, 0));
  const int64_t index = TRY(int_input(c, inputs, 1, "the index"));
  TRY(check_list_element(*list, inputs[2]));
  if (c.as<TensorListSetItemAttributes>().resize_if_index_out_of_bounds && index >= static_cast<int64_t>(list->elements.size())) {
    TRY(check_list_size(c, index + 1));
    list->elements.resize(static_cast<size_t>(index) + 1, RuntimeValue(Tensor()));
  }
  list->elements[TRY(check_index(*list, index))] = inputs[2];
  return one_list(list);
}

Result<Outputs> reference_push_back(EvalContext& c, Inputs inputs) {
  const auto list = TRY(writable_list(inputs, 0));
  TRY(check_list_element(*list, inputs[1]));
  TRY(check_list_size(c, static_cast<int64_t>(list->elements.size()) + 1));
  list->elements.push_back(inputs[1]);
  return one_list(list);
}

Result<Outputs> reference_pop_back(EvalContext& c, Inputs inputs) {
  const auto list = TRY(writable_list(inputs, 0));
  TRY(check_list_dtype(*list, c.as<TensorListAttributes>().element_dtype));
  if (list->elements.empty()) return input_error("an empty list has no last element");
  RuntimeValue last = TRY(element_at(c, *list, list->elements.size() - 1, TRY(element_shape_input(c, inputs, 1))));
  list->elements.pop_back();
  return Outputs{RuntimeValue(ListPointer(list)), std::move(last)};
}

Result<Outputs> reference_length(EvalContext&, Inputs inputs) { return one(Tensor::scalar(static_cast<int32_t>(TRY(list_input(inputs, 0))->elements.size()))); }

Result<Outputs> reference_resize(EvalContext& c, Inputs inputs) {
  const int64_t size = TRY(int_input(c, inputs, 1, "the size"));
  TRY(check_list_size(c, size));
  const auto list = TRY(writable_list(inputs, 0));
  list->elements.resize(static_cast<size_t>(size), RuntimeValue(Tensor()));
  return one_list(list);
}

Result<Outputs> reference_scatter(EvalContext& c, Inputs inputs) {
  const Tensor& tensor = *TRY(tensor_input(c, inputs, 0));
  auto list = new_list(tensor.dtype(), TRY(element_shape_input(c, inputs, 2)));
  const int64_t size = inputs.size() > 3 ? TRY(int_input(c, inputs, 3, "the number of elements")) : -1;
  if (size < -1) return input_error("a list cannot have " + std::to_string(size) + " elements");
  TRY(scatter(c, tensor, *TRY(tensor_input(c, inputs, 1)), std::max<int64_t>(size, 0), *list));
  return one_list(std::move(list));
}

Result<Outputs> reference_scatter_into(EvalContext& c, Inputs inputs) {
  const auto list = TRY(writable_list(inputs, 0));
  const auto size = static_cast<int64_t>(list->elements.size());
  TRY(scatter(c, *TRY(tensor_input(c, inputs, 1)), *TRY(tensor_input(c, inputs, 2)), size, *list));
  return one_list(list);
}

Result<Outputs> reference_element_shape(EvalContext& c, Inputs inputs) {
  const PartialShape& shape = TRY(list_input(inputs, 0))->element_shape;
  const std::vector<int64_t> sizes = shape.has_rank() ? shape.dims() : std::vector<int64_t>{-1};
  MutableTensor result = TRY(c.allocate(c.output_dtype(0), shape.has_rank() ? Shape{shape.rank()} : Shape{}));
  store_int64s(result, 0, sizes);
  return one(std::move(result));
}

}  // namespace

constinit const OpDef kOp_EmptyTensorList = {
    .name = "EmptyTensorList",
    .signature = "element_shape: shape_type, max_num_elements: int32 -> handle: variant",
    .make_attributes = &make_attributes<TensorListAttributes>,
    .infer = infer_new_list,
    .reference = reference_empty,
    .doc = "An empty list. max_num_elements is advice about memory and has no meaning.",
};

constinit const OpDef kOp_TensorListReserve = {
    .name = "TensorListReserve",
    .signature = "element_shape: shape_type, num_elements: int32 -> handle: variant",
    .make_attributes = &make_attributes<TensorListAttributes>,
    .infer = infer_new_list,
    .reference = reference_reserve,
    .doc = "A list of num_elements elements that are not set; they read as zeros.",
};

constinit const OpDef kOp_TensorListFromTensor = {
    .name = "TensorListFromTensor",
    .signature = "tensor: element_dtype, element_shape: shape_type -> output_handle: variant",
    .infer = infer_from_tensor<1>,
    .reference = reference_from_tensor,
    .doc = "The list of the tensor's rows.",
};

constinit const OpDef kOp_TensorListStack = {
    .name = "TensorListStack",
    .signature = "input_handle: variant, element_shape: int32 -> tensor: element_dtype",
    .make_attributes = &make_attributes<TensorListStackAttributes>,
    .infer = infer_stack,
    .reference = reference_stack,
    .doc = "All elements along a new outermost dimension. They must have one shape.",
};

constinit const OpDef kOp_TensorListGather = {
    .name = "TensorListGather",
    .signature = "input_handle: variant, indices: int32, element_shape: int32 -> values: element_dtype",
    .make_attributes = &make_attributes<TensorListAttributes>,
    .infer = infer_gather,
    .reference = reference_gather,
    .doc = "The elements at the indices along a new outermost dimension.",
};

constinit const OpDef kOp_TensorListGetItem = {
    .name = "TensorListGetItem",
    .signature = "input_handle: variant, index: int32, element_shape: int32 -> item: element_dtype",
    .make_attributes = &make_attributes<TensorListAttributes>,
    .infer = infer_get_item,
    .reference = reference_get_item,
    .doc = "One element of a list.",
};

constinit const OpDef kOp_TensorListSetItem = {
    .name = "TensorListSetItem",
    .signature = "input_handle: variant, index: int32, item: element_dtype -> output_handle: variant",
    .make_attributes = &make_attributes<TensorListSetItemAttributes>,
    .infer = infer_list_with<2>,
    .reference = reference_set_item,
    .doc = "The list with another element at the index. With resize_if_index_out_of_bounds the list grows up to the index.",
};

constinit const OpDef kOp_TensorListPushBack = {
    .name = "TensorListPushBack",
    .signature = "input_handle: variant, tensor: element_dtype -> output_handle: variant",
    .infer = infer_list_with<1>,
    .reference = reference_push_back,
    .doc = "The list with one more element at its end.",
};

constinit const OpDef kOp_TensorListPopBack = {
    .name = "TensorListPopBack",
    .signature = "input_handle: variant, element_shape: int32 -> output_handle: variant, tensor: element_dtype",
    .make_attributes = &make_attributes<TensorListAttributes>,
    .infer = infer_pop_back,
    .reference = reference_pop_back,
    .doc = "The list without its last element, and that element.",
};

constinit const OpDef kOp_TensorListLength = {
    .name = "TensorListLength",
    .signature = "input_handle: variant -> length: int32",
    .infer = infer_scalar,
    .reference = reference_length,
    .doc = "The number of elements of a list.",
};

constinit const OpDef kOp_TensorListResize = {
    .name = "TensorListResize",
    .signature = "input_handle: variant, size: int32 -> output_handle: variant",
    .infer = infer_same_list,
    .reference = reference_resize,
    .doc = "The list cut or extended to a size; new elements are not set.",
};

constinit const OpDef kOp_TensorListScatter = {
    .name = "TensorListScatter",
    .signature = "tensor: element_dtype, indices: int32, element_shape: shape_type -> output_handle: variant",
    .infer = infer_from_tensor<2>,
    .reference = reference_scatter,
    .doc = "A list with the tensor's rows at the indices, as long as the largest index demands.",
};

constinit const OpDef kOp_TensorListScatterV2 = {
    .name = "TensorListScatterV2",
    .signature = "tensor: element_dtype, indices: int32, element_shape: shape_type, num_elements: int32 -> output_handle: variant",
    .infer = infer_from_tensor<2>,
    .reference = reference_scatter,
    .doc = "TensorListScatter into a list of at least num_elements elements (-1: as many as the indices demand).",
};

constinit const OpDef kOp_TensorListScatterIntoExistingList = {
    .name = "TensorListScatterIntoExistingList",
    .signature = "input_handle: variant, tensor: element_dtype, indices: int32 -> output_handle: variant",
    .infer = infer_list_with<1>,
    .reference = reference_scatter_into,
    .doc = "The list with the tensor's rows at the indices; it grows where the largest index demands.",
};

constinit const OpDef kOp_TensorListElementShape = {
    .name = "TensorListElementShape",
    .signature = "input_handle: variant -> element_shape: shape_type",
    .make_attributes = &make_attributes<TensorListElementShapeAttributes>,
    .infer = infer_element_shape,
    .reference = reference_element_shape,
    .doc = "The element shape of a list as a vector, -1 for unknown sizes; the scalar -1 for an unknown rank.",
};

}  // namespace isomer::ops
