// Ragged tensors in a variant, and apart again. A variant that holds one is a list of its row splits and its values; a vector of such variants, a row in
// each, is a list of lists.
#include <algorithm>

#include "ops/kernel.h"
#include "ops/ragged.h"
#include "ops/string_tensor.h"

namespace isomer::ops {

using namespace ir;

namespace {

using ListOfParts = std::shared_ptr<const TensorList>;

RuntimeValue list_of_parts(DType dtype, std::vector<RuntimeValue> elements) {
  auto list = std::make_shared<TensorList>();
  list->element_dtype = dtype;
  list->element_shape = PartialShape::unknown();
  list->elements = std::move(elements);
  return ListOfParts(std::move(list));
}

Result<Tensor> splits_part(EvalContext& c, DType dtype, std::span<const int64_t> splits, int64_t offset) {
  MutableTensor result = TRY(c.allocate(dtype, {static_cast<int64_t>(splits.size())}));
  std::vector<int64_t> moved(splits.begin(), splits.end());
  for (int64_t& split : moved) split -= offset;
  store_int64s(result, 0, moved);
  return std::move(result).finish();
}

// --- RaggedTensorToVariant

Result<void> infer_to_variant(InferContext& c) {
  const int64_t levels = c.input_count() - 1;
  const PartialShape first = levels > 0 ? TRY(shape_of_rank(c, 0, 1)) : c.shape(0);
  TensorType& type = c.result(0);
  type.element_dtype = c.input_type(levels).dtype;
  type.element_shape = PartialShape::unknown();
  if (!c.as<RaggedTensorToVariantAttributes>().batched_input) {
    type.shape = PartialShape::scalar();
  } else {
    type.shape = PartialShape{!first.has_rank() || first.rank() < 1 ? kUnknownDim : add_dims(first[0], levels > 0 ? -1 : 0)};
  }
  return {};
}

Result<Outputs> reference_to_variant(EvalContext& c, Inputs inputs) {
  const auto levels = static_cast<int64_t>(inputs.size()) - 1;
  const Tensor& values = *TRY(tensor_input(c, inputs, levels));
  const auto given = TRY(tensor_inputs(c, inputs, 0, levels));
  if (levels > 0 && values.rank() < 1) return input_error("the values of a ragged tensor cannot be a scalar");
  std::vector<std::vector<int64_t>> splits;
  for (int64_t i = 0; i < levels; ++i) {
    const int64_t below = i + 1 < levels ? given[static_cast<size_t>(i + 1)]->elements() - 1 : values.shape()[0];
    splits.push_back(TRY(row_splits(*given[static_cast<size_t>(i)], below)));
  }
  if (!c.as<RaggedTensorToVariantAttributes>().batched_input) {
    return Outputs{list_of_parts(values.dtype(), std::vector<RuntimeValue>(inputs.begin(), inputs.end()))};
  }
  if (values.rank() < 1) return input_error("a scalar has no rows");
  const int64_t rows = levels > 0 ? static_cast<int64_t>(splits[0].size()) - 1 : values.shape()[0];
  std::vector<RuntimeValue> variants;
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<RuntimeValue> parts;
    if (levels == 0) {
      parts.emplace_back(TRY(row_of(memory_of(c), values, row)));
    } else {
      int64_t begin = splits[0][static_cast<size_t>(row)], end = splits[0][static_cast<size_t>(row) + 1];
      for (size_t level = 1; level < splits.size(); ++level) {
        const auto part = std::span(splits[level]).subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin) + 1);
        parts.emplace_back(TRY(splits_part(c, given[level]->dtype(), part, part.front())));
        begin = part.front();
        end = part.back();
      }
      parts.emplace_back(TRY(slice_rows(memory_of(c), values, begin, end - begin)));
    }
    variants.push_back(list_of_parts(values.dtype(), std::move(parts)));
  }
  return Outputs{list_of_parts(DType::kVariant, std::move(variants))};
}

// --- RaggedTensorFromVariant

Result<void> infer_from_variant(InferContext& c) {
  const auto& a = c.as<RaggedTensorFromVariantAttributes>();
  const PartialShape& shape = c.shape(0);
  if (shape.has_rank() && a.input_ragged_rank >= 0 && a.input_ragged_rank + shape.rank() != a.output_ragged_rank)
    return input_error("variants of rank " + std::to_string(shape.rank()) + " that hold ragged rank " + std::to_string(a.input_ragged_rank) +
                       " do not make ragged rank " + std::to_string(a.output_ragged_rank));
  for (int64_t i = 0; i + 1 < c.output_count(); ++i) c.set_shape(i, PartialShape{kUnknownDim});
  return {};
}

// The parts of one variant: `levels` row splits, then values.
Result<std::vector<Tensor>> parts_of(EvalContext& c, const RuntimeValue& value, int64_t levels) {
  const auto& a = c.as<RaggedTensorFromVariantAttributes>();
  const auto* list = std::get_if<ListOfParts>(&value);
  if (!list || !*list || static_cast<int64_t>((*list)->elements.size()) != levels + 1)
    return input_error("a variant with a tensor of ragged rank " + std::to_string(levels) + " is needed");
  std::vector<Tensor> parts;
  for (const RuntimeValue& element : (*list)->elements) {
    const auto* tensor = std::get_if<Tensor>(&element);
    const DType wanted = static_cast<int64_t>(parts.size()) < levels ? a.Tsplits : a.Tvalues;
    if (!tensor || !tensor->valid() || tensor->dtype() != wanted) return input_error("the variant holds no tensor of " + std::string(to_string(wanted)));
    parts.push_back(*tensor);
  }
  return parts;
}

// Ragged tensors as the rows of one.
Result<Outputs> stacked_parts(EvalContext& c, const TensorList& list, int64_t levels) {
  const auto& a = c.as<RaggedTensorFromVariantAttributes>();
  std::vector<std::vector<int64_t>> splits(static_cast<size_t>(levels) + 1, std::vector<int64_t>{0});
  std::vector<Tensor> values;
  Shape shape{0};
  for (const RuntimeValue& element : list.elements) {
    const std::vector<Tensor> parts = TRY(parts_of(c, element, levels));
    const Tensor& own = parts.back();
    if (own.rank() < 1) return input_error("the rows of a ragged tensor cannot be scalars");
    for (int64_t level = 0; level < levels; ++level) {
      const auto at = static_cast<size_t>(level);
      const int64_t below = level + 1 < levels ? parts[at + 1].elements() - 1 : own.shape()[0];
      const auto part = TRY(row_splits(parts[at], below));
      if (level == 0) splits[0].push_back(splits[0].back() + static_cast<int64_t>(part.size()) - 1);
      const int64_t offset = splits[at + 1].back();
      for (size_t i = 1; i < part.size(); ++i) splits[at + 1].push_back(part[i] + offset);
    }
    if (levels == 0) splits[0].push_back(splits[0].back() + own.shape()[0]);
    Shape sum = own.shape();
    sum[0] += shape[0];
    if (!values.empty() && !std::equal(sum.begin() + 1, sum.end(), shape.begin() + 1, shape.end())) return input_error("the rows differ in their inner shape");
    TRY(check_elements(c, sum));
    shape = std::move(sum);
    values.push_back(own);
  }
  Outputs outputs;
  for (const auto& level : splits) outputs.emplace_back(TRY(splits_part(c, a.Tsplits, level, 0)));
  TensorBuilder joined = TRY(TensorBuilder::create(memory_of(c), a.Tvalues, shape));
  for (const Tensor& part : values) joined.append(part);
  outputs.emplace_back(TRY(std::move(joined).finish()));
  return outputs;
}

Result<Outputs> reference_from_variant(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<RaggedTensorFromVariantAttributes>();
  const auto* list = inputs.empty() ? nullptr : std::get_if<ListOfParts>(&inputs[0]);
  if (!list || !*list) return input_error("RaggedTensorFromVariant takes a variant of RaggedTensorToVariant");
  if ((*list)->element_dtype == DType::kVariant) {
    if (a.output_ragged_rank < 1 || (a.input_ragged_rank >= 0 && a.input_ragged_rank + 1 != a.output_ragged_rank))
      return input_error("a vector of variants adds one to the ragged rank");
    return stacked_parts(c, **list, a.output_ragged_rank - 1);
  }
  Outputs outputs;
  for (Tensor& part : TRY(parts_of(c, inputs[0], a.output_ragged_rank))) outputs.emplace_back(std::move(part));
  return outputs;
}

}  // namespace

constinit const OpDef kOp_RaggedTensorFromVariant = {
    .name = "RaggedTensorFromVariant",
    .signature = "encoded_ragged: variant -> output_nested_splits: output_ragged_rank * Tsplits, output_dense_values: Tvalues",
    .make_attributes = &make_attributes<RaggedTensorFromVariantAttributes>,
    .infer = infer_from_variant,
    .reference = reference_from_variant,
    .doc = "The ragged tensor of a variant, or that whose rows are the ragged tensors of a vector of variants.",
};

constinit const OpDef kOp_RaggedTensorToVariant = {
    .name = "RaggedTensorToVariant",
    .signature = "rt_nested_splits: RAGGED_RANK * Tsplits, rt_dense_values: Tvalues -> encoded_ragged: variant",
    .make_attributes = &make_attributes<RaggedTensorToVariantAttributes>,
    .infer = infer_to_variant,
    .reference = reference_to_variant,
    .doc = "A ragged tensor in a variant, or with batched_input each of its rows in a variant of a vector.",
};

}  // namespace isomer::ops
