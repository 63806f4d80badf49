// Tensor lists whose elements are pieces of one tensor: taken apart along the outermost dimension, and put together again.
#include "base/checked.h"
#include "ops/string_tensor.h"
#include "ops/tensor_list.h"
#include "ops/tensor_list_common.h"

namespace isomer::ops {
namespace {

using namespace ir;

// --- inference

Result<void> infer_concat_of(InferContext& c, const PartialShape& wanted) {
  PartialShape rows = without_leading(c.input_type(0).element_shape);
  if (auto merged = merge(rows, without_leading(wanted))) rows = *merged;
  c.set_shape(0, with_leading(kUnknownDim, rows));
  c.set_shape(1, PartialShape::of_rank(1));
  return {};
}
Result<void> infer_concat(InferContext& c) { return infer_concat_of(c, c.as<TensorListConcatAttributes>().element_shape); }
Result<void> infer_concat_v2(InferContext& c) { return infer_concat_of(c, TRY(element_shape_constant(c, 1))); }

Result<void> infer_split(InferContext& c) {
  TRY(shape_of_rank_at_least(c, 0, 1));
  set_list_type(c, c.input_type(0).dtype, TRY(element_shape_constant(c, 1)));
  return {};
}

// --- kernels

// Concatenates the elements along their outermost dimension. `leading` gives the outermost size of elements that were never set (may be empty).
Result<Outputs> concat(EvalContext& c, const TensorList& list, DType dtype, const PartialShape& wanted, std::span<const int64_t> leading) {
  TRY(check_list_dtype(list, dtype));
  PartialShape rows = TRY(merge(without_leading(list.element_shape), without_leading(wanted)));
  for (const RuntimeValue& element : list.elements) {
    const auto* tensor = std::get_if<Tensor>(&element);
    if (!tensor || !tensor->valid()) continue;
    if (tensor->rank() == 0) return input_error("scalars cannot be concatenated");
    rows = TRY(merge(rows, without_leading(PartialShape(tensor->shape()))));
  }
  const auto row = rows.known();
  if (!row) return input_error("the shape of the rows to be concatenated is not known: " + to_string(rows));
  const PartialShape element_shape = TRY(merge(list.element_shape, wanted));
  std::vector<int64_t> lengths;
  int64_t total = 0;
  for (size_t i = 0; i < list.elements.size(); ++i) {
    const auto* tensor = std::get_if<Tensor>(&list.elements[i]);
    int64_t length = element_shape.has_rank() && element_shape.rank() > 0 ? element_shape[0] : kUnknownDim;
    if (tensor && tensor->valid()) {
      length = tensor->shape()[0];
    } else if (i < leading.size()) {
      length = leading[i];
    }
    if (length < 0) return input_error("element " + std::to_string(i) + " of the list was never set, and its length is not known");
    lengths.push_back(length);
    const auto sum = checked_add(total, length);
    if (!sum) return input_error("the lengths of the elements do not fit 64 bits");
    total = *sum;
  }
  Shape shape = *row;
  shape.insert(shape.begin(), total);
  TensorBuilder builder = TRY(TensorBuilder::create(memory_of(c), dtype, std::move(shape)));
  const int64_t row_elements = element_count_of(*row);
  for (size_t i = 0; i < list.elements.size(); ++i) {
    const auto* tensor = std::get_if<Tensor>(&list.elements[i]);
    if (tensor && tensor->valid()) {
      builder.append(*tensor);
    } else {
      builder.append_zeros(lengths[i] * row_elements);
    }
  }
  return Outputs{TRY(std::move(builder).finish()), Tensor::int64s(lengths)};
}

Result<Outputs> reference_concat(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<TensorListConcatAttributes>();
  return concat(c, *TRY(list_input(inputs, 0)), a.element_dtype, a.element_shape, {});
}

Result<Outputs> reference_concat_v2(EvalContext& c, Inputs inputs) {
  const std::vector<int64_t> leading = TRY(int_vector(*TRY(tensor_input(c, inputs, 2)), "the leading sizes"));
  return concat(c, *TRY(list_input(inputs, 0)), c.as<TensorListAttributes>().element_dtype, TRY(element_shape_input(c, inputs, 1)), leading);
}

Result<Outputs> reference_split(EvalContext& c, Inputs inputs) {
  const Tensor& tensor = *TRY(tensor_input(c, inputs, 0));
  const std::vector<int64_t> lengths = TRY(int_vector(*TRY(tensor_input(c, inputs, 2)), "the lengths"));
  if (tensor.rank() == 0) return input_error("a scalar cannot be split");
  auto list = new_list(tensor.dtype(), TRY(element_shape_input(c, inputs, 1)));
  TRY(check_list_size(c, static_cast<int64_t>(lengths.size())));
  int64_t first = 0;
  for (const int64_t length : lengths) {
    if (length < 0 || length > tensor.shape()[0] - first) return input_error("the lengths do not add up to the " + std::to_string(tensor.shape()[0]) + " rows");
    list->elements.emplace_back(TRY(slice_rows(memory_of(c), tensor, first, length)));
    TRY(check_list_element(*list, list->elements.back()));
    first += length;
  }
  if (first != tensor.shape()[0])
    return input_error("the lengths add up to " + std::to_string(first) + ", not to the " + std::to_string(tensor.shape()[0]) + " rows");
  return one_list(std::move(list));
}

}  // namespace

constinit const OpDef kOp_TensorListConcat = {
    .name = "TensorListConcat",
    .signature = "input_handle: variant -> tensor: element_dtype, lengths: int64",
    .make_attributes = &make_attributes<TensorListConcatAttributes>,
    .infer = infer_concat,
    .reference = reference_concat,
    .doc = "All elements one after the other along their outermost dimension, and the sizes that they have in it.",
};

constinit const OpDef kOp_TensorListConcatV2 = {
    .name = "TensorListConcatV2",
    .signature = "input_handle: variant, element_shape: shape_type, leading_dims: int64 -> tensor: element_dtype, lengths: int64",
    .make_attributes = &make_attributes<TensorListAttributes>,
    .infer = infer_concat_v2,
    .reference = reference_concat_v2,
    .doc = "TensorListConcat with the element shape as an input; leading_dims are the outermost sizes of elements that were never set.",
};

constinit const OpDef kOp_TensorListSplit = {
    .name = "TensorListSplit",
    .signature = "tensor: element_dtype, element_shape: shape_type, lengths: int64 -> output_handle: variant",
    .infer = infer_split,
    .reference = reference_split,
    .doc = "The list of the pieces of a tensor that have these lengths along its outermost dimension.",
};

}  // namespace isomer::ops
