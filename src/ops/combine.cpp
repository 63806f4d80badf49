// Elementwise ops of several operands without full broadcasting: bias, sums of many tensors, clipping, complex numbers from their parts.
#include "ops/combine.h"

#include "ops/kernel.h"

namespace isomer::ops {

using namespace ir;

Result<Tensor> add_bias(EvalContext& c, const Tensor& value, const Tensor& bias, int64_t axis) {
  const Shape& shape = value.shape();
  if (bias.rank() != 1 || bias.elements() != shape[static_cast<size_t>(axis)]) {
    return input_error("the bias must be a vector of " + std::to_string(shape[static_cast<size_t>(axis)]) + " elements, found " + type_text(bias));
  }
  Shape expanded(shape.size(), 1);
  expanded[static_cast<size_t>(axis)] = bias.elements();
  const Tensor aligned = bias.reshaped(std::move(expanded));
  if (is_float(value.dtype())) return map_pairs<double, double>(c, value, aligned, value.dtype(), [](double x, double y) { return x + y; });
  if (is_complex(value.dtype())) return map_pairs<Complex, Complex>(c, value, aligned, value.dtype(), [](Complex x, Complex y) { return x + y; });
  if (!is_integer(value.dtype())) return dtype_error(c, value.dtype());
  return map_pairs<int64_t, int64_t>(c, value, aligned, value.dtype(), wrapping_add);
}

namespace {

// The channel dimension.
Result<int64_t> bias_axis(std::string_view data_format, int64_t rank) {
  if (rank < 2) return input_error("BiasAdd takes a value of rank 2 or more, found rank " + std::to_string(rank));
  if (data_format == "NHWC") return rank - 1;
  if (data_format == "NCHW") return 1;
  return input_error("data_format of BiasAdd must be NHWC or NCHW, found '" + std::string(data_format) + "'");
}

template <class Struct>
std::string_view data_format_of(const Struct& attributes) {
  if constexpr (std::is_same_v<Struct, NoAttributes>) {
    return "NHWC";
  } else {
    return attributes.data_format;
  }
}

template <class Struct>
Result<void> infer_bias_add(InferContext& c) {
  PartialShape shape = TRY(shape_of_rank_at_least(c, 0, 2));
  const PartialShape bias = TRY(shape_of_rank(c, 1, 1));
  if (shape.has_rank()) {
    const int64_t axis = TRY(bias_axis(data_format_of(c.as<Struct>()), shape.rank()));
    shape[axis] = TRY(same_dim(shape[axis], bias[0], "the channels and the bias of BiasAdd"));
  }
  c.set_shape(0, std::move(shape));
  return {};
}
template <class Struct>
Result<Outputs> reference_bias_add(EvalContext& c, Inputs inputs) {
  const Tensor& value = *TRY(tensor_input(c, inputs, 0));
  const Tensor& bias = *TRY(tensor_input(c, inputs, 1));
  const int64_t axis = TRY(bias_axis(data_format_of(c.as<Struct>()), value.rank()));
  return one(TRY(add_bias(c, value, bias, axis)));
}

// --- BiasAddGrad

Result<void> infer_bias_add_grad(InferContext& c) {
  const PartialShape shape = TRY(shape_of_rank_at_least(c, 0, 2));
  if (!shape.has_rank()) {
    c.set_shape(0, PartialShape::of_rank(1));
    return {};
  }
  c.set_shape(0, PartialShape{shape[TRY(bias_axis(c.as<BiasAddAttributes>().data_format, shape.rank()))]});
  return {};
}

template <class T, class F>
Result<Tensor> sum_channels(EvalContext& c, const Tensor& x, int64_t axis, F add) {
  const int64_t channels = x.shape()[static_cast<size_t>(axis)], inner = strides_of(x.shape())[static_cast<size_t>(axis)];
  MutableTensor y = TRY(c.allocate(x.dtype(), {channels}));
  std::vector<T> sums(static_cast<size_t>(channels)), block(static_cast<size_t>(std::min(kBlock, x.elements())));
  for_blocks(x.elements(), [&](int64_t first, int64_t count) {
    load(x, first, std::span<T>(block.data(), static_cast<size_t>(count)));
    for (int64_t i = 0; i < count; ++i) {
      T& sum = sums[static_cast<size_t>((first + i) / inner % channels)];
      sum = add(sum, block[static_cast<size_t>(i)]);
    }
  });
  store(y, 0, std::span<const T>(sums));
  return std::move(y).finish();
}
Result<Outputs> reference_bias_add_grad(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const int64_t axis = TRY(bias_axis(c.as<BiasAddAttributes>().data_format, x.rank()));
  switch (type_class(x.dtype())) {
    case TypeClass::kFloat: return one(TRY(sum_channels<double>(c, x, axis, [](double a, double b) { return a + b; })));
    case TypeClass::kComplex: return one(TRY(sum_channels<Complex>(c, x, axis, [](Complex a, Complex b) { return a + b; })));
    case TypeClass::kInteger: return one(TRY(sum_channels<int64_t>(c, x, axis, wrapping_add)));
    default: return dtype_error(c, x.dtype());
  }
}

// --- AddN

Result<void> infer_add_n(InferContext& c) {
  if (c.input_count() == 0) return input_error("AddN needs at least one input");
  PartialShape shape = c.shape(0);
  for (int64_t i = 1; i < c.input_count(); ++i) shape = TRY(merge(shape, c.shape(i)));
  c.set_shape(0, std::move(shape));
  return {};
}

template <class T, class F>
Result<Tensor> fold(EvalContext& c, const std::vector<const Tensor*>& terms, F add) {
  MutableTensor y = TRY(c.allocate(terms[0]->dtype(), terms[0]->shape()));
  std::vector<T> sum(static_cast<size_t>(std::min(kBlock, y.elements()))), term(sum.size());
  for_blocks(y.elements(), [&](int64_t first, int64_t count) {
    const auto n = static_cast<size_t>(count);
    load(*terms[0], first, std::span<T>(sum.data(), n));
    for (size_t t = 1; t < terms.size(); ++t) {
      load(*terms[t], first, std::span<T>(term.data(), n));
      for (size_t i = 0; i < n; ++i) sum[i] = add(sum[i], term[i]);
    }
    store(y, first, std::span<const T>(sum.data(), n));
  });
  return std::move(y).finish();
}

Result<Outputs> reference_add_n(EvalContext& c, Inputs inputs) {
  const auto terms = TRY(tensor_inputs(c, inputs));
  if (terms.empty()) return input_error("AddN needs at least one input");
  for (const Tensor* term : terms) {
    if (term->shape() != terms[0]->shape()) {
      return input_error("all inputs of AddN must have one shape, found " + to_string(terms[0]->shape()) + " and " + to_string(term->shape()));
    }
  }
  switch (type_class(terms[0]->dtype())) {
    case TypeClass::kFloat: {
      // Rounded after each term, which half and bfloat16 show.
      const DType dtype = terms[0]->dtype();
      return one(TRY(fold<double>(c, terms, [&](double x, double y) { return rounded_to(dtype, x + y); })));
    }
    case TypeClass::kComplex: return one(TRY(fold<Complex>(c, terms, [](Complex x, Complex y) { return x + y; })));
    case TypeClass::kInteger: return one(TRY(fold<int64_t>(c, terms, wrapping_add)));
    default: return dtype_error(c, terms[0]->dtype());
  }
}

// --- ClipByValue

Result<void> infer_clip(InferContext& c) {
  const PartialShape low = TRY(broadcast(c.shape(0), c.shape(1)));
  c.set_shape(0, TRY(broadcast(low, c.shape(2))));
  return {};
}

template <class T, class Less>
Result<Tensor> clip(EvalContext& c, const Tensor& x, const Tensor& low, const Tensor& high, Less less) {
  // max(min(x, high), low), so that an empty interval gives `low`.
  const Tensor lowered = TRY(map_pairs<T, T>(c, x, high, x.dtype(), [&](T v, T bound) { return less(bound, v) ? bound : v; }));
  return map_pairs<T, T>(c, lowered, low, x.dtype(), [&](T v, T bound) { return less(v, bound) ? bound : v; });
}
Result<Tensor> clip_parts(EvalContext& c, const Tensor& x, const Tensor& low, const Tensor& high) {
  const auto by_parts = [](auto f) { return [f](Complex a, Complex b) { return Complex(f(a.real(), b.real()), f(a.imag(), b.imag())); }; };
  const Tensor lowered = TRY(map_pairs<Complex, Complex>(c, x, high, x.dtype(), by_parts([](double v, double bound) { return bound < v ? bound : v; })));
  return map_pairs<Complex, Complex>(c, lowered, low, x.dtype(), by_parts([](double v, double bound) { return v < bound ? bound : v; }));
}
Result<Outputs> reference_clip(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Tensor& low = *TRY(tensor_input(c, inputs, 1));
  const Tensor& high = *TRY(tensor_input(c, inputs, 2));
  // TensorFlow bounds the parts of a complex number on their own.
  if (is_complex(x.dtype())) return one(TRY(clip_parts(c, x, low, high)));
  if (is_float(x.dtype())) return one(TRY(clip<double>(c, x, low, high, std::less<double>())));
  if (!is_integer(x.dtype())) return dtype_error(c, x.dtype());
  const auto less_unsigned = [](int64_t a, int64_t b) { return static_cast<uint64_t>(a) < static_cast<uint64_t>(b); };
  if (x.dtype() == DType::kUint64) return one(TRY(clip<int64_t>(c, x, low, high, less_unsigned)));
  return one(TRY(clip<int64_t>(c, x, low, high, std::less<int64_t>())));
}

// --- Complex

Result<void> infer_complex(InferContext& c) {
  const DType part = c.input_type(0).dtype, whole = c.as<ComplexAttributes>().Tout;
  if (!(part == DType::kFloat32 && whole == DType::kComplex64) && !(part == DType::kFloat64 && whole == DType::kComplex128)) {
    return input_error("Complex cannot make " + std::string(to_string(whole)) + " of " + std::string(to_string(part)));
  }
  return infer_broadcast(c);
}
Result<Outputs> reference_complex(EvalContext& c, Inputs inputs) {
  const Tensor& real = *TRY(tensor_input(c, inputs, 0));
  const Tensor& imaginary = *TRY(tensor_input(c, inputs, 1));
  if (!is_float(real.dtype())) return dtype_error(c, real.dtype());
  return one(TRY(map_pairs<double, Complex>(c, real, imaginary, c.as<ComplexAttributes>().Tout, [](double x, double y) { return Complex(x, y); })));
}

}  // namespace

constinit const OpDef kOp_AddN = {
    .name = "AddN",
    .signature = "inputs: N * T -> sum: T",
    .infer = infer_add_n,
    .reference = reference_add_n,
    .doc = "The sum of tensors of one shape.",
};
constinit const OpDef kOp_BiasAdd = {
    .name = "BiasAdd",
    .signature = "value: T, bias: T -> output: T",
    .make_attributes = &make_attributes<BiasAddAttributes>,
    .infer = infer_bias_add<BiasAddAttributes>,
    .reference = reference_bias_add<BiasAddAttributes>,
    .doc = "value + bias, the bias being a vector over the channels: the last dimension, or dimension 1 where data_format is NCHW.",
};
constinit const OpDef kOp_BiasAddGrad = {
    .name = "BiasAddGrad",
    .signature = "out_backprop: T -> output: T",
    .make_attributes = &make_attributes<BiasAddAttributes>,
    .infer = infer_bias_add_grad,
    .reference = reference_bias_add_grad,
    .doc = "The gradient of BiasAdd with respect to the bias: the sums over all dimensions but that of the channels.",
};
constinit const OpDef kOp_BiasAddV1 = {
    .name = "BiasAddV1",
    .signature = "value: T, bias: T -> output: T",
    .infer = infer_bias_add<NoAttributes>,
    .reference = reference_bias_add<NoAttributes>,
    .doc = "value + bias over the last dimension; the older form of BiasAdd.",
};
constinit const OpDef kOp_ClipByValue = {
    .name = "ClipByValue",
    .signature = "t: T, clip_value_min: T, clip_value_max: T -> output: T",
    .infer = infer_clip,
    .reference = reference_clip,
    .doc = "max(min(t, clip_value_max), clip_value_min).",
};
constinit const OpDef kOp_Complex = {
    .name = "Complex",
    .signature = "real: T, imag: T -> out: Tout",
    .make_attributes = &make_attributes<ComplexAttributes>,
    .infer = infer_complex,
    .reference = reference_complex,
    .doc = "Complex numbers from their real and imaginary parts; broadcasts.",
};

}  // namespace isomer::ops
