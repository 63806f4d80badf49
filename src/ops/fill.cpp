// Tensors made from a few numbers: filled, counted, inverted.
#include <cmath>

#include "ops/elements.h"
#include "ops/partial_value.h"

namespace isomer::ops {

using namespace ir;

namespace {

Result<void> infer_fill(InferContext& c) {
  if (const PartialShape& value = c.shape(1); value.has_rank() && value.rank() != 0) {
    return input_error("the value of Fill must be a scalar, found shape " + to_string(value));
  }
  c.set_shape(0, TRY(shape_from_input(c, 0)));
  return {};
}
Result<Outputs> reference_fill(EvalContext& c, Inputs inputs) {
  const Shape shape = TRY(shape_value(*TRY(tensor_input(c, inputs, 0)), "the shape"));
  const Tensor& value = *TRY(tensor_input(c, inputs, 1));
  if (value.elements() != 1) return input_error("the value of Fill must be a scalar, found " + type_text(value));
  ElementWriter y = TRY(ElementWriter::create(c, value.dtype(), shape));
  y.fill(value);
  return one(TRY(std::move(y).finish()));
}

// The number 1 in any dtype that has it.
Result<Tensor> unit(EvalContext& c, DType dtype) {
  MutableTensor result = TRY(c.allocate(dtype, {}));
  switch (type_class(dtype)) {
    case TypeClass::kFloat: store_doubles(result, 0, std::vector<double>{1}); break;
    case TypeClass::kInteger:
    case TypeClass::kBool: store_int64s(result, 0, std::vector<int64_t>{1}); break;
    case TypeClass::kComplex: store_complex(result, 0, std::vector<Complex>{1}); break;
    default: return dtype_error(c, dtype);
  }
  return std::move(result).finish();
}

Result<void> infer_like(InferContext& c) {
  c.result(0) = c.input_type(0);
  return {};
}

Result<Tensor> zeros_like(EvalContext& c, const Tensor& x) { return TRY(ElementWriter::create(c, x.dtype(), x.shape())).finish(); }

Result<RuntimeValue> zeros_like(EvalContext& c, const TensorList& list) {
  auto zeros = std::make_shared<TensorList>(list);
  for (RuntimeValue& element : zeros->elements) {
    const auto* tensor = std::get_if<Tensor>(&element);
    if (tensor && tensor->valid()) element = TRY(zeros_like(c, *tensor));
  }
  return RuntimeValue(std::shared_ptr<const TensorList>(std::move(zeros)));
}

Result<Outputs> reference_zeros_like(EvalContext& c, Inputs inputs) {
  if (!inputs.empty()) {
    if (const auto* list = std::get_if<std::shared_ptr<const TensorList>>(&inputs[0]); list && *list) return Outputs{TRY(zeros_like(c, **list))};
  }
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  return one(TRY(zeros_like(c, x)));
}
Result<Outputs> reference_ones_like(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Tensor value = TRY(unit(c, x.dtype()));
  ElementWriter y = TRY(ElementWriter::create(c, x.dtype(), x.shape()));
  y.fill(value);
  return one(TRY(std::move(y).finish()));
}

// --- Range, LinSpace

std::unexpected<Error> range_error(const std::string& what) { return input_error("the range has " + what); }

// How many numbers lie in [start, limit) in steps of delta.
Result<int64_t> range_size(int64_t start, int64_t limit, int64_t delta) {
  if (delta == 0) return range_error("a step of 0");
  if (delta > 0 ? start > limit : start < limit) return range_error("a limit on the wrong side of its start");
  // Distances of int64 fit uint64.
  const auto distance = delta > 0 ? static_cast<uint64_t>(limit) - static_cast<uint64_t>(start) : static_cast<uint64_t>(start) - static_cast<uint64_t>(limit);
  const auto step = delta > 0 ? static_cast<uint64_t>(delta) : 0 - static_cast<uint64_t>(delta);
  const uint64_t count = distance / step + (distance % step != 0);
  if (count > static_cast<uint64_t>(INT64_MAX)) return range_error("too many elements");
  return static_cast<int64_t>(count);
}
Result<int64_t> range_size(double start, double limit, double delta) {
  if (delta == 0) return range_error("a step of 0");
  if (delta > 0 ? start > limit : start < limit) return range_error("a limit on the wrong side of its start");
  const double count = std::ceil(std::fabs((limit - start) / delta));
  if (!(count < 9e18)) return range_error("too many elements");
  return static_cast<int64_t>(count);
}

Result<int64_t> range_size(const Tensor& start, const Tensor& limit, const Tensor& delta) {
  for (const Tensor* t : {&start, &limit, &delta})
    if (t->elements() != 1) return input_error("start, limit and delta of Range must be scalars, found " + type_text(*t));
  if (is_integer(start.dtype())) return range_size(start.as_int64(0), limit.as_int64(0), delta.as_int64(0));
  return range_size(start.as_double(0), limit.as_double(0), delta.as_double(0));
}

Result<void> infer_range(InferContext& c) {
  const DType dtype = c.input_type(0).dtype;
  if ((!is_integer(dtype) && !is_float(dtype)) || dtype == DType::kUint64) return dtype_error(c.op(), dtype);
  for (int64_t i = 0; i < 3; ++i) TRY(shape_of_rank(c, i, 0));
  c.set_shape(0, PartialShape{kUnknownDim});
  const Tensor *start = c.constant(0), *limit = c.constant(1), *delta = c.constant(2);
  if (start && limit && delta) {
    const int64_t size = TRY(range_size(*start, *limit, *delta));
    c.set_shape(0, PartialShape{size});
    return {};
  }
  const auto from = scalar_from_input(c, 0), to = scalar_from_input(c, 1), step = scalar_from_input(c, 2);
  if (from && to && step) c.set_shape(0, PartialShape{TRY(range_size(*from, *to, *step))});
  return {};
}
Result<Outputs> reference_range(EvalContext& c, Inputs inputs) {
  const Tensor &start = *TRY(tensor_input(c, inputs, 0)), &limit = *TRY(tensor_input(c, inputs, 1)), &delta = *TRY(tensor_input(c, inputs, 2));
  MutableTensor y = TRY(c.allocate(start.dtype(), {TRY(range_size(start, limit, delta))}));
  for_blocks(y.elements(), [&](int64_t first, int64_t count) {
    if (is_float(start.dtype())) {
      // The product is rounded, which half and bfloat16 show.
      std::vector<double> values;
      for (int64_t i = first; i < first + count; ++i) {
        values.push_back(start.as_double(0) + rounded_to(start.dtype(), rounded_to(start.dtype(), static_cast<double>(i)) * delta.as_double(0)));
      }
      store_doubles(y, first, values);
    } else {
      std::vector<int64_t> values;
      const auto from = static_cast<uint64_t>(start.as_int64(0)), step = static_cast<uint64_t>(delta.as_int64(0));
      for (int64_t i = first; i < first + count; ++i) values.push_back(static_cast<int64_t>(from + static_cast<uint64_t>(i) * step));
      store_int64s(y, first, values);
    }
  });
  return one(std::move(y));
}

Result<void> infer_lin_space(InferContext& c) {
  if (!is_float(c.input_type(0).dtype)) return dtype_error(c.op(), c.input_type(0).dtype);
  for (int64_t i = 0; i < 3; ++i) TRY(shape_of_rank(c, i, 0));
  const int64_t count = scalar_from_input(c, 2).value_or(kUnknownDim);
  if (count != kUnknownDim && count <= 0) return input_error("LinSpace needs one point or more, found " + std::to_string(count));
  c.set_shape(0, PartialShape{count});
  return {};
}
Result<Outputs> reference_lin_space(EvalContext& c, Inputs inputs) {
  const Tensor &start = *TRY(tensor_input(c, inputs, 0)), &stop = *TRY(tensor_input(c, inputs, 1));
  const int64_t count = TRY(scalar_int(*TRY(tensor_input(c, inputs, 2)), "the number of points"));
  if (count <= 0 || start.elements() != 1 || stop.elements() != 1) return input_error("LinSpace needs two scalars and one point or more");
  const double from = start.as_double(0), to = stop.as_double(0), step = count > 1 ? (to - from) / static_cast<double>(count - 1) : 0;
  MutableTensor y = TRY(c.allocate(start.dtype(), {count}));
  for_blocks(count, [&](int64_t first, int64_t n) {
    std::vector<double> values;
    for (int64_t i = first; i < first + n; ++i) values.push_back(i > 0 && i == count - 1 ? to : from + step * static_cast<double>(i));
    store_doubles(y, first, values);
  });
  return one(std::move(y));
}

Result<void> infer_invert_permutation(InferContext& c) {
  c.set_shape(0, TRY(shape_of_rank(c, 0, 1)));
  return {};
}
Result<Outputs> reference_invert_permutation(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  if (x.rank() != 1) return input_error("a permutation must be a vector, found " + type_text(x));
  const std::vector<int64_t> order = TRY(int_vector(x, "the permutation"));
  const auto count = static_cast<int64_t>(order.size());
  std::vector<int64_t> inverse(order.size(), -1);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t at = order[static_cast<size_t>(i)];
    if (at < 0 || at >= count || inverse[static_cast<size_t>(at)] >= 0) {
      return input_error(std::to_string(at) + " is twice in a permutation of " + std::to_string(count) + " numbers, or outside of it");
    }
    inverse[static_cast<size_t>(at)] = i;
  }
  MutableTensor y = TRY(c.allocate(x.dtype(), x.shape()));
  store_int64s(y, 0, inverse);
  return one(std::move(y));
}

}  // namespace

constinit const OpDef kOp_Fill = {
    .name = "Fill",
    .signature = "dims: index_type, value: T -> output: T",
    .infer = infer_fill,
    .reference = reference_fill,
    .doc = "A tensor of the given shape, all elements the given value.",
};

constinit const OpDef kOp_ZerosLike = {
    .name = "ZerosLike",
    .signature = "x: T -> y: T",
    .infer = infer_like,
    .reference = reference_zeros_like,
    .doc = "A tensor like the input, all elements zero, false or the empty string; a tensor list gives a list of such.",
};

constinit const OpDef kOp_OnesLike = {
    .name = "OnesLike",
    .signature = "x: T -> y: T",
    .infer = infer_like,
    .reference = reference_ones_like,
    .doc = "A tensor like the input, all elements one or true.",
};

constinit const OpDef kOp_Range = {
    .name = "Range",
    .signature = "start: Tidx, limit: Tidx, delta: Tidx -> output: Tidx",
    .infer = infer_range,
    .reference = reference_range,
    .doc = "start, start + delta, start + 2 delta, ... up to but without limit.",
};

constinit const OpDef kOp_LinSpace = {
    .name = "LinSpace",
    .signature = "start: T, stop: T, num: Tidx -> output: T",
    .infer = infer_lin_space,
    .reference = reference_lin_space,
    .doc = "`num` numbers at even distances, from start to stop, both included.",
};

constinit const OpDef kOp_InvertPermutation = {
    .name = "InvertPermutation",
    .signature = "x: T -> y: T",
    .infer = infer_invert_permutation,
    .reference = reference_invert_permutation,
    .doc = "y[x[i]] = i for a permutation x of 0 ... n-1.",
};

}  // namespace isomer::ops
