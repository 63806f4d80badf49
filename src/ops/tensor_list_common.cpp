#include "ops/tensor_list_common.h"

namespace isomer::ops {

using namespace ir;

namespace {

// A list's slots cost memory before anything is in them, so their number has a limit of its own.
constexpr int64_t kMaxElements = int64_t{1} << 22;

// A shape given as a tensor: a vector with -1 for unknown sizes, or the scalar -1 for an unknown rank.
Result<PartialShape> shape_from(const Tensor& tensor) {
  const std::vector<int64_t> sizes = TRY(int_vector(tensor, "an element shape"));
  if (tensor.rank() == 0) {
    if (sizes[0] == -1) return PartialShape::unknown();
    return input_error("an element shape must be a vector or the scalar -1, found the scalar " + std::to_string(sizes[0]));
  }
  for (const int64_t size : sizes)
    if (size < -1) return input_error("an element shape cannot have the size " + std::to_string(size));
  return PartialShape(sizes);
}

}  // namespace

Result<void> check_list_size(EvalContext& c, int64_t size) {
  if (size < 0) return input_error("a list cannot have " + std::to_string(size) + " elements");
  if (size > std::min(kMaxElements, c.limits().tensor_elements)) {
    return fail(ErrorCode::kLimitExceeded, "a list of " + std::to_string(size) + " elements is too long");
  }
  return {};
}

Result<const TensorList*> list_input(Inputs inputs, int64_t i) {
  const auto at = static_cast<size_t>(i);
  const auto* list = at < inputs.size() ? std::get_if<ListPointer>(&inputs[at]) : nullptr;
  if (!list || !*list) return input_error("input " + std::to_string(i) + " must be a tensor list");
  return list->get();
}

Result<std::shared_ptr<TensorList>> writable_list(Inputs inputs, int64_t i) {
  const TensorList* list = TRY(list_input(inputs, i));
  const auto& pointer = std::get<ListPointer>(inputs[static_cast<size_t>(i)]);
  if (pointer.use_count() == 1) return std::const_pointer_cast<TensorList>(pointer);
  return std::make_shared<TensorList>(*list);
}

std::shared_ptr<TensorList> new_list(DType dtype, PartialShape element_shape) {
  auto list = std::make_shared<TensorList>();
  list->element_dtype = dtype;
  list->element_shape = std::move(element_shape);
  return list;
}

Outputs one_list(std::shared_ptr<TensorList> list) { return {RuntimeValue(ListPointer(std::move(list)))}; }

Result<PartialShape> element_shape_input(EvalContext& c, Inputs inputs, int64_t i) { return shape_from(*TRY(tensor_input(c, inputs, i))); }

Result<PartialShape> element_shape_constant(InferContext& c, int64_t i) {
  const Tensor* tensor = c.constant(i);
  if (!tensor) return PartialShape::unknown();
  return shape_from(*tensor);
}

PartialShape with_leading(int64_t size, const PartialShape& shape) {
  if (!shape.has_rank()) return shape;
  std::vector<int64_t> dims = shape.dims();
  dims.insert(dims.begin(), size);
  return PartialShape(std::move(dims));
}

PartialShape without_leading(const PartialShape& shape) {
  if (!shape.has_rank() || shape.rank() == 0) return PartialShape::unknown();
  return PartialShape(std::vector<int64_t>(shape.dims().begin() + 1, shape.dims().end()));
}

Result<void> check_list_element(const TensorList& list, const RuntimeValue& element) {
  const auto* tensor = std::get_if<Tensor>(&element);
  const DType dtype = tensor ? tensor->dtype() : DType::kVariant;
  if (dtype != list.element_dtype) {
    return input_error("the list has elements of " + std::string(to_string(list.element_dtype)) + ", found " + std::string(to_string(dtype)));
  }
  if (tensor && !compatible(list.element_shape, PartialShape(tensor->shape()))) {
    return input_error("the elements of the list have shape " + to_string(list.element_shape) + ", found " + type_text(*tensor));
  }
  return {};
}

Result<void> check_list_dtype(const TensorList& list, DType dtype) {
  if (list.element_dtype == dtype) return {};
  return input_error("the list has elements of " + std::string(to_string(list.element_dtype)) + ", the op reads " + std::string(to_string(dtype)));
}

void set_list_type(InferContext& c, DType dtype, PartialShape element_shape) {
  TensorType& type = c.result(0);
  type.shape = PartialShape::scalar();
  type.element_dtype = dtype;
  type.element_shape = std::move(element_shape);
}

}  // namespace isomer::ops
