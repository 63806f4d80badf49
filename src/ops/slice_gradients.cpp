// Gradients of ops that pick or repeat elements: StridedSliceGrad puts what comes back where the elements were, MirrorPadGrad adds it up there.
#include "ops/elements.h"
#include "ops/pad.h"
#include "ops/partial_value.h"
#include "ops/slice.h"

namespace isomer::ops {

using namespace ir;

namespace {

// --- StridedSliceGrad

Result<void> infer_slice_gradient(InferContext& c) {
  c.set_shape(0, TRY(shape_from_input(c, 0)));
  return {};
}
Result<Outputs> reference_slice_gradient(EvalContext& c, Inputs inputs) {
  Shape shape = TRY(shape_value(*TRY(tensor_input(c, inputs, 0)), "the shape of StridedSliceGrad"));
  PartialElements entries[3];
  for (int64_t i = 0; i < 3; ++i) {
    const auto values = TRY(int_vector(*TRY(tensor_input(c, inputs, i + 1)), "an index of StridedSliceGrad"));
    entries[i].assign(values.begin(), values.end());
  }
  const Tensor& dy = *TRY(tensor_input(c, inputs, 4));
  const auto plan = TRY(plan_strided_slice(PartialShape(shape), entries[0], entries[1], entries[2], c.as<StridedSliceAttributes>()));
  if (dy.shape() != plan.result.dims()) return input_error("the slice has shape " + to_string(plan.result) + ", its gradient is " + type_text(dy));
  Layout target{0, strides_of(shape)};
  for (size_t d = 0; d < plan.shape.size(); ++d) {
    target.offset += plan.begin[d] * target.strides[d];
    target.strides[d] = plan.shape[d] > 1 ? target.strides[d] * plan.strides[d] : 0;
  }
  ElementWriter y = TRY(ElementWriter::create(c, dy.dtype(), std::move(shape)));
  if (dy.elements() > 0) y.copy(dy, {0, strides_of(plan.shape)}, target, plan.shape);
  return one(TRY(std::move(y).finish()));
}

// --- MirrorPadGrad

struct Padding {
  int64_t before, size;  // size: of the dimension before it was padded
};

// 1 where the border element is no part of its mirror image.
Result<int64_t> border_of(const MirrorPadAttributes& a) {
  if (a.mode == "REFLECT") return 1;
  if (a.mode == "SYMMETRIC") return 0;
  return input_error("the mode of MirrorPadGrad must be REFLECT or SYMMETRIC, found '" + a.mode + "'");
}

Result<void> infer_mirror_gradient(InferContext& c) {
  TRY(border_of(c.as<MirrorPadAttributes>()));
  PartialShape shape = c.shape(0);
  const PartialShape paddings = TRY(shape_of_rank(c, 1, 2));
  TRY(same_dim(paddings[1], 2, "the columns of the paddings"));
  if (!shape.has_rank()) return {};
  TRY(same_dim(paddings[0], shape.rank(), "the rows of the paddings and the rank of the input"));
  const auto known = elements_from_input(c, 1);
  for (int64_t d = 0; d < shape.rank(); ++d) {
    const auto at = static_cast<size_t>(2 * d);
    if (!known || at + 1 >= known->size() || shape[d] == kUnknownDim) {
      shape[d] = kUnknownDim;
      continue;
    }
    const int64_t added = add_dims((*known)[at], (*known)[at + 1]);
    const bool fits = (*known)[at] >= 0 && (*known)[at + 1] >= 0 && added != kUnknownDim && added <= shape[d];
    if (!fits) return input_error("the paddings are no part of " + to_string(shape));
    shape[d] -= added;
  }
  c.set_shape(0, std::move(shape));
  return {};
}

template <class T, class F>
Result<Tensor> fold_back(EvalContext& c, const Tensor& x, const std::vector<Padding>& paddings, int64_t border, F add) {
  Shape shape;
  for (const Padding& padding : paddings) shape.push_back(padding.size);
  MutableTensor y = TRY(c.allocate(x.dtype(), std::move(shape)));
  const std::vector<int64_t> strides = strides_of(y.shape());
  const std::vector<T> values = load_all<T>(x);
  std::vector<T> sums(static_cast<size_t>(y.elements()));
  size_t from = 0;
  for (Odometer at(x.shape(), {}); !at.done(); at.next(), ++from) {
    int64_t to = 0;
    for (size_t d = 0; d < paddings.size(); ++d) {
      int64_t i = at.index()[d] - paddings[d].before;
      if (i < 0) i = border - 1 - i;
      if (i >= paddings[d].size) i = 2 * paddings[d].size - border - 1 - i;
      to += i * strides[d];
    }
    T& sum = sums[static_cast<size_t>(to)];
    sum = add(sum, values[from]);
  }
  store(y, 0, std::span<const T>(sums));
  return std::move(y).finish();
}

Result<Outputs> reference_mirror_gradient(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Tensor& given = *TRY(tensor_input(c, inputs, 1));
  const int64_t border = TRY(border_of(c.as<MirrorPadAttributes>()));
  if (!is_integer(given.dtype()) || given.shape() != Shape{x.rank(), 2}) {
    return input_error("the paddings of " + type_text(x) + " must have shape [" + std::to_string(x.rank()) + ",2], found " + type_text(given));
  }
  std::vector<Padding> paddings;
  for (int64_t d = 0; d < x.rank(); ++d) {
    const int64_t before = given.as_int64(2 * d), after = given.as_int64(2 * d + 1), whole = x.shape()[static_cast<size_t>(d)];
    if (before < 0 || after < 0 || before > whole || after > whole - before) return input_error("the paddings are no part of " + type_text(x));
    const int64_t size = whole - before - after;
    if (std::max(before, after) > size - border && std::max(before, after) > 0) {
      return input_error("a dimension of size " + std::to_string(size) + " has no mirror image of " + std::to_string(std::max(before, after)) + " elements");
    }
    paddings.push_back({before, size});
  }
  switch (type_class(x.dtype())) {
    case TypeClass::kFloat: return one(TRY(fold_back<double>(c, x, paddings, border, [](double a, double b) { return a + b; })));
    case TypeClass::kComplex: return one(TRY(fold_back<Complex>(c, x, paddings, border, [](Complex a, Complex b) { return a + b; })));
    case TypeClass::kInteger: return one(TRY(fold_back<int64_t>(c, x, paddings, border, wrapping_add)));
    default: return dtype_error(c, x.dtype());
  }
}

}  // namespace

constinit const OpDef kOp_MirrorPadGrad = {
    .name = "MirrorPadGrad",
    .signature = "input: T, paddings: Tpaddings -> output: T",
    .make_attributes = &make_attributes<MirrorPadAttributes>,
    .infer = infer_mirror_gradient,
    .reference = reference_mirror_gradient,
    .doc = "The gradient of MirrorPad: the input without its paddings, to whose elements those of their mirror images are added.",
};
constinit const OpDef kOp_StridedSliceGrad = {
    .name = "StridedSliceGrad",
    .signature = "shape: Index, begin: Index, end: Index, strides: Index, dy: T -> output: T",
    .make_attributes = &make_attributes<StridedSliceAttributes>,
    .infer = infer_slice_gradient,
    .reference = reference_slice_gradient,
    .doc = "The gradient of StridedSlice: a tensor of zeros of the given shape, with the elements of dy where the slice takes its own from.",
};

}  // namespace isomer::ops
