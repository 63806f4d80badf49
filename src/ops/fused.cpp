// _FusedConv2D, FusedDepthwiseConv2dNative, _FusedMatMul and Prelu. The fused ops are their steps one after the other, with the kernels of the steps.
#include "ops/fused.h"

#include <optional>

#include "ops/combine.h"
#include "ops/convolution.h"
#include "ops/data_format.h"
#include "ops/kernel.h"
#include "ops/linear.h"
#include "ops/normalization.h"
#include "ops/unary.h"

namespace isomer::ops {
namespace {

using namespace ir;

Result<Tensor> prelu(EvalContext& c, const Tensor& x, const Tensor& alpha) {
  if (!is_float(x.dtype()) || alpha.dtype() != x.dtype()) return dtype_error(c, x.dtype());
  return map_pairs<double, double>(c, x, alpha, x.dtype(), [](double v, double slope) { return v >= 0 ? v : v * slope; });
}

// A vector of slopes is one for each channel, whichever dimension of x the channels are.
Tensor along_channels(const Tensor& slopes, int64_t rank, int64_t axis) {
  if (slopes.rank() != 1) return slopes;
  Shape shape(static_cast<size_t>(rank - axis), 1);
  shape[0] = slopes.elements();
  return slopes.reshaped(std::move(shape));
}

// The number of args that a step takes; nullopt for a step that is not known.
std::optional<int64_t> args_of(std::string_view step) {
  if (step == "BiasAdd" || step == "Prelu") return 1;
  if (step == "FusedBatchNorm") return 4;
  if (step == "NoOp" || step == "LeakyRelu" || float_function(step)) return 0;
  return std::nullopt;
}

Result<void> check_steps(const OpDef& op, const std::vector<std::string>& steps, int64_t args) {
  int64_t wanted = 0;
  for (const std::string& step : steps) {
    const auto count = args_of(step);
    if (!count) return fail(ErrorCode::kUnsupported, std::string(op.name) + " fuses '" + step + "', which Isomer does not know");
    wanted += *count;
  }
  if (wanted == args) return {};
  return input_error(std::string(op.name) + " needs " + std::to_string(wanted) + " args for its fused_ops, found " + std::to_string(args));
}

// The steps on the result of the linear op; the channels are dimension `axis`.
template <class Struct>
Result<Tensor> apply_steps(EvalContext& c, const Struct& a, Tensor x, int64_t axis, std::span<const Tensor* const> args) {
  size_t next = 0;
  for (const std::string& step : a.fused_ops) {
    if (step == "BiasAdd") {
      x = TRY(add_bias(c, x, *args[next], axis));
    } else if (step == "FusedBatchNorm") {
      x = TRY(batch_norm(c, x, axis, *args[next], *args[next + 1], *args[next + 2], *args[next + 3], a.epsilon));
    } else if (step == "Prelu") {
      x = TRY(prelu(c, x, along_channels(*args[next], x.rank(), axis)));
    } else if (step == "NoOp") {
      continue;  // tf.js wants a step in the place of the bias
    } else if (!is_float(x.dtype())) {
      return dtype_error(c, x.dtype());
    } else if (step == "LeakyRelu") {
      const double alpha = a.leakyrelu_alpha;
      x = TRY(map_elements<double, double>(c, x, x.dtype(), [&](double v) { return v > 0 ? v : v * alpha; }));
    } else {
      x = TRY(map_elements<double, double>(c, x, x.dtype(), float_function(step)));
    }
    next += static_cast<size_t>(args_of(step).value_or(0));
  }
  return x;
}

Result<Conv2DAttributes> plain(const FusedConv2DAttributes& a) {
  if (a.filter_format != "HWIO") return fail(ErrorCode::kUnsupported, "a filter in the order " + a.filter_format + " is not supported; HWIO is");
  return Conv2DAttributes{a.strides, a.use_cudnn_on_gpu, a.padding, a.explicit_paddings, a.data_format, a.dilations};
}
DepthwiseConv2dNativeAttributes plain(const FusedDepthwiseConv2dNativeAttributes& a) {
  return {a.strides, a.padding, a.explicit_paddings, a.data_format, a.dilations};
}

// Each fused op as its linear part: the shape, the value, and which dimension the channels are.
Result<PartialShape> linear_shape(const FusedConv2DAttributes& a, const PartialShape& x, const PartialShape& w) {
  const Conv2DAttributes conv = TRY(plain(a));
  return conv2d_shape(conv, x, w);
}
Result<PartialShape> linear_shape(const FusedDepthwiseConv2dNativeAttributes& a, const PartialShape& x, const PartialShape& w) {
  const DepthwiseConv2dNativeAttributes conv = plain(a);
  return depthwise_conv2d_shape(conv, x, w);
}
Result<PartialShape> linear_shape(const FusedMatMulAttributes& a, const PartialShape& x, const PartialShape& w) {
  return matrix_product_shape(x, w, a.transpose_a, a.transpose_b);
}
Result<Tensor> linear(EvalContext& c, const FusedConv2DAttributes& a, const Tensor& x, const Tensor& w) {
  const Conv2DAttributes conv = TRY(plain(a));
  return conv2d(c, conv, x, w);
}
Result<Tensor> linear(EvalContext& c, const FusedDepthwiseConv2dNativeAttributes& a, const Tensor& x, const Tensor& w) {
  return depthwise_conv2d(c, plain(a), x, w);
}
Result<Tensor> linear(EvalContext& c, const FusedMatMulAttributes& a, const Tensor& x, const Tensor& w) {
  return matrix_product(c, x, w, a.transpose_a, a.transpose_b);
}
template <class Struct>
Result<int64_t> channel_axis(const Struct& a) {
  return TRY(parse_data_format(a.data_format, 2)).channel_axis();
}
Result<int64_t> channel_axis(const FusedMatMulAttributes&) { return 1; }

template <class Struct, int64_t rank>
Result<void> infer_fused(InferContext& c) {
  const auto& a = c.as<Struct>();
  TRY(check_steps(c.op(), a.fused_ops, c.input_count() - 2));
  const PartialShape x = TRY(shape_of_rank(c, 0, rank)), w = TRY(shape_of_rank(c, 1, rank));
  c.set_shape(0, TRY(linear_shape(a, x, w)));
  return {};
}
template <class Struct>
Result<Outputs> reference_fused(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<Struct>();
  const auto in = TRY(tensor_inputs(c, inputs));
  if (in.size() < 2) return input_error("a fused op takes an input and weights, found " + std::to_string(in.size()) + " inputs");
  TRY(check_steps(*c.node().op, a.fused_ops, static_cast<int64_t>(in.size()) - 2));
  Tensor x = TRY(linear(c, a, *in[0], *in[1]));
  const int64_t axis = TRY(channel_axis(a));
  return one(TRY(apply_steps(c, a, std::move(x), axis, std::span(in).subspan(2))));
}

Result<Outputs> reference_prelu(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Tensor& alpha = *TRY(tensor_input(c, inputs, 1));
  return one(TRY(prelu(c, x, alpha)));
}

}  // namespace

constinit const OpDef kOp_FusedDepthwiseConv2dNative = {
    .name = "FusedDepthwiseConv2dNative",
    .signature = "input: T, filter: T, args: num_args * T -> output: T",
    .make_attributes = &make_attributes<FusedDepthwiseConv2dNativeAttributes>,
    .infer = infer_fused<FusedDepthwiseConv2dNativeAttributes, 4>,
    .reference = reference_fused<FusedDepthwiseConv2dNativeAttributes>,
    .doc = "DepthwiseConv2dNative followed by the steps of fused_ops.",
};
constinit const OpDef kOp_Prelu = {
    .name = "Prelu",
    .signature = "x: T, alpha: T -> activations: T",
    .infer = infer_broadcast,
    .reference = reference_prelu,
    .doc = "x where it is not negative, else alpha * x; broadcasts. An op of TensorFlow.js.",
};
constinit const OpDef kOp__FusedConv2D = {
    .name = "_FusedConv2D",
    .signature = "input: T, filter: T, args: num_args * T -> output: T",
    .make_attributes = &make_attributes<FusedConv2DAttributes>,
    .infer = infer_fused<FusedConv2DAttributes, 4>,
    .reference = reference_fused<FusedConv2DAttributes>,
    .doc = "Conv2D followed by the steps of fused_ops.",
};
constinit const OpDef kOp__FusedMatMul = {
    .name = "_FusedMatMul",
    .signature = "a: T, b: T, args: num_args * T -> product: T",
    .make_attributes = &make_attributes<FusedMatMulAttributes>,
    .infer = infer_fused<FusedMatMulAttributes, 2>,
    .reference = reference_fused<FusedMatMulAttributes>,
    .doc = "MatMul followed by the steps of fused_ops.",
};

}  // namespace isomer::ops
