// Select and SelectV2: elements of one tensor or another, as a condition says. Both take every dtype with elements.
#include "ops/kernel.h"

namespace isomer::ops {
namespace {

using namespace ir;

// result[i] = (condition[i] ? t : e)[i] for offsets that the odometer gives.
Result<Tensor> pick(EvalContext& c, const Tensor& condition, const Tensor& t, const Tensor& e, Shape shape, std::vector<std::vector<int64_t>> strides) {
  Odometer at(shape, std::move(strides));
  if (t.dtype() == DType::kString) {
    TRY(check_elements(c, shape));
    std::vector<std::string> strings;
    for (; !at.done(); at.next()) strings.emplace_back(condition.at<uint8_t>(at.offset(0)) ? t.string_at(at.offset(1)) : e.string_at(at.offset(2)));
    return Tensor::from_strings(std::move(shape), strings);
  }
  MutableTensor y = TRY(c.allocate(t.dtype(), std::move(shape)));
  const int64_t size = element_size(t.dtype());
  for (std::byte* to = y.data(); !at.done(); at.next(), to += size) {
    const std::byte* from = condition.at<uint8_t>(at.offset(0)) ? t.bytes().data() + at.offset(1) * size : e.bytes().data() + at.offset(2) * size;
    std::memcpy(to, from, static_cast<size_t>(size));
  }
  return std::move(y).finish();
}

Result<void> infer_select(InferContext& c) {
  const PartialShape& condition = c.shape(0);
  PartialShape shape = TRY(merge(c.shape(1), c.shape(2)));
  if (condition.has_rank() && shape.has_rank() && condition.rank() > 0) {
    if (condition.rank() == 1 && shape.rank() >= 1) {
      TRY(same_dim(condition[0], shape[0], "the condition of Select and the first dimension"));
    } else {
      shape = TRY(merge(shape, condition));
    }
  }
  c.set_shape(0, std::move(shape));
  return {};
}
Result<Outputs> reference_select(EvalContext& c, Inputs inputs) {
  const Tensor& condition = *TRY(tensor_input(c, inputs, 0));
  const Tensor& t = *TRY(tensor_input(c, inputs, 1));
  const Tensor& e = *TRY(tensor_input(c, inputs, 2));
  if (t.shape() != e.shape()) return input_error("both values of Select must have one shape, found " + to_string(t.shape()) + " and " + to_string(e.shape()));
  const std::vector<int64_t> strides = strides_of(t.shape());
  std::vector<int64_t> condition_strides(strides.size(), 0);
  if (condition.shape() == t.shape()) {
    condition_strides = strides;
  } else if (condition.rank() == 1 && t.rank() >= 1 && condition.shape()[0] == t.shape()[0]) {
    condition_strides[0] = 1;  // whole rows
  } else if (condition.rank() != 0) {
    return input_error("the condition of Select must be a scalar, a vector over the first dimension or of shape " + to_string(t.shape()) + ", found " +
                       to_string(condition.shape()));
  }
  return one(TRY(pick(c, condition, t, e, t.shape(), {condition_strides, strides, strides})));
}

Result<void> infer_select_v2(InferContext& c) {
  const PartialShape values = TRY(broadcast(c.shape(1), c.shape(2)));
  c.set_shape(0, TRY(broadcast(c.shape(0), values)));
  return {};
}
Result<Outputs> reference_select_v2(EvalContext& c, Inputs inputs) {
  const Tensor& condition = *TRY(tensor_input(c, inputs, 0));
  const Tensor& t = *TRY(tensor_input(c, inputs, 1));
  const Tensor& e = *TRY(tensor_input(c, inputs, 2));
  const Shape values = TRY(broadcast(t.shape(), e.shape()));
  const Shape shape = TRY(broadcast(condition.shape(), values));
  return one(TRY(pick(c, condition, t, e, shape,
                      {broadcast_strides(condition.shape(), shape), broadcast_strides(t.shape(), shape), broadcast_strides(e.shape(), shape)})));
}

}  // namespace

constinit const OpDef kOp_Select = {
    .name = "Select",
    .signature = "condition: bool, t: T, e: T -> output: T",
    .infer = infer_select,
    .reference = reference_select,
    .doc = "t where the condition holds, else e. t and e have one shape; the condition has it too, or is a scalar, or a vector that picks whole rows.",
};
constinit const OpDef kOp_SelectV2 = {
    .name = "SelectV2",
    .signature = "condition: bool, t: T, e: T -> output: T",
    .infer = infer_select_v2,
    .reference = reference_select_v2,
    .doc = "t where the condition holds, else e, all three broadcast together.",
};

}  // namespace isomer::ops
