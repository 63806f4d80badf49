// Gradients of elementwise functions: a table. A row multiplies the gradient that comes back by the slope of the function, which some rows take from what
// went into the function (x) and some from what came out of it (y). An absent function refuses the class of dtypes.
#include <cmath>

#include "ops/kernel.h"
#include "ops/unary.h"

namespace isomer::ops {

using namespace ir;

namespace {

struct GradientRule {
  double (*on_float)(double gradient, double value) = nullptr;
  Complex (*on_complex)(Complex gradient, Complex value) = nullptr;
  int64_t (*on_integer)(int64_t gradient, int64_t value) = nullptr;  // all integers but uint64
  int64_t (*on_uint64)(uint64_t gradient, uint64_t value) = nullptr;
  int64_t gradient = 0;  // which input is the gradient; the other one is the value
};

bool takes(const GradientRule& rule, DType dtype) {
  switch (type_class(dtype)) {
    case TypeClass::kFloat: return rule.on_float;
    case TypeClass::kInteger: return rule.on_integer;
    case TypeClass::kComplex: return rule.on_complex;
    default: return false;
  }
}

Result<void> infer_same_shapes(InferContext& c) {
  c.set_shape(0, TRY(merge(c.shape(0), c.shape(1))));
  return {};
}
template <const GradientRule& rule>
Result<void> infer_gradient(InferContext& c) {
  if (!takes(rule, c.input_type(0).dtype)) return dtype_error(c.op(), c.input_type(0).dtype);
  return infer_same_shapes(c);
}

Result<void> check_same_shapes(EvalContext& c, const Tensor& gradient, const Tensor& value) {
  if (gradient.shape() == value.shape()) return {};
  return input_error("the operands of " + std::string(c.node().op->name) + " must have one shape, found " + type_text(gradient) + " and " + type_text(value));
}
template <const GradientRule& rule>
Result<Outputs> reference_gradient(EvalContext& c, Inputs inputs) {
  const Tensor& gradient = *TRY(tensor_input(c, inputs, rule.gradient));
  const Tensor& value = *TRY(tensor_input(c, inputs, 1 - rule.gradient));
  const DType dtype = gradient.dtype();
  if (!takes(rule, dtype)) return dtype_error(c, dtype);
  TRY(check_same_shapes(c, gradient, value));
  if (is_float(dtype)) return one(TRY(map_pairs<double, double>(c, gradient, value, dtype, rule.on_float)));
  if (is_complex(dtype)) return one(TRY(map_pairs<Complex, Complex>(c, gradient, value, dtype, rule.on_complex)));
  if (dtype == DType::kUint64) {
    return one(TRY(map_pairs<int64_t, int64_t>(c, gradient, value, dtype,
                                               [](int64_t g, int64_t v) { return rule.on_uint64(static_cast<uint64_t>(g), static_cast<uint64_t>(v)); })));
  }
  return one(TRY(map_pairs<int64_t, int64_t>(c, gradient, value, dtype, rule.on_integer)));
}

Result<Outputs> reference_leaky_relu_gradient(EvalContext& c, Inputs inputs) {
  const Tensor& gradient = *TRY(tensor_input(c, inputs, 0));
  const Tensor& x = *TRY(tensor_input(c, inputs, 1));
  if (!is_float(x.dtype())) return dtype_error(c, x.dtype());
  TRY(check_same_shapes(c, gradient, x));
  const double alpha = c.as<LeakyReluAttributes>().alpha;
  return one(TRY(map_pairs<double, double>(c, gradient, x, x.dtype(), [&](double g, double v) { return v > 0 ? g : g * alpha; })));
}

double selu_gradient(double g, double y) {
  constexpr double kScale = 1.0507009873554804934193349852946, kScaledAlpha = 1.7580993408473768599402175208123;
  return y < 0 ? g * (y + kScaledAlpha) : g * kScale;
}

}  // namespace

// name, operands, what it computes, then the function for each class
#define GRADIENT_OP(Name, operands, text, ...)           \
  static constexpr GradientRule k##Name = {__VA_ARGS__}; \
  constinit const OpDef kOp_##Name = {                   \
      .name = #Name,                                     \
      .signature = operands,                             \
      .infer = infer_gradient<k##Name>,                  \
      .reference = reference_gradient<k##Name>,          \
      .doc = text,                                       \
  };
#define GRADIENT_AND_FEATURES "gradients: T, features: T -> backprops: T"
#define GRADIENT_AND_OUTPUTS "gradients: T, outputs: T -> backprops: T"
// The ops whose value comes first take complex numbers as well: the same expression of g and y, y being conjugated where TensorFlow does so.
#define VALUE_FIRST "y: T, dy: T -> z: T"
#define BOTH(conjugate, expression)                                    \
  .on_float = [](double g, double y) -> double { return expression; }, \
  .on_complex = [](Complex g, Complex value) -> Complex {              \
    const Complex y = conjugate(value);                                \
    return expression;                                                 \
  },                                                                   \
  .gradient = 1
#define AS_IT_IS(value) value

GRADIENT_OP(
    EluGrad, GRADIENT_AND_OUTPUTS, "The gradient of Elu, from its result: gradients * (outputs + 1) where that is negative, else gradients.",
    .on_float = [](double g, double y) { return y < 0 ? g * (y + 1) : g; })
GRADIENT_OP(InvGrad, VALUE_FIRST, "The gradient of Inv, from its result: -dy * y * y, of the conjugate of y.", BOTH(std::conj, -g* y* y))
GRADIENT_OP(ReciprocalGrad, VALUE_FIRST, "The gradient of Reciprocal, from its result: -dy * y * y, of the conjugate of y.", BOTH(std::conj, -g* y* y))
GRADIENT_OP(
    Relu6Grad, GRADIENT_AND_FEATURES, "The gradient of Relu6, from its operand or its result: gradients between 0 and 6, else 0 * gradients.",
    .on_float = [](double g, double x) { return g * (x > 0 && x < 6 ? 1 : 0); }, .on_integer = [](int64_t g, int64_t x) { return x > 0 && x < 6 ? g : 0; },
    .on_uint64 = [](uint64_t g, uint64_t x) { return x > 0 && x < 6 ? static_cast<int64_t>(g) : 0; })
GRADIENT_OP(
    ReluGrad, GRADIENT_AND_FEATURES, "The gradient of Relu, from its operand or its result: gradients where that is positive, else 0 * gradients.",
    .on_float = [](double g, double x) { return g * (x > 0 ? 1 : 0); }, .on_integer = [](int64_t g, int64_t x) { return x > 0 ? g : 0; },
    .on_uint64 = [](uint64_t g, uint64_t x) { return x > 0 ? static_cast<int64_t>(g) : 0; })
GRADIENT_OP(RsqrtGrad, VALUE_FIRST, "The gradient of Rsqrt, from its result: -dy / 2 * y ^ 3, of the conjugate of y.", BOTH(std::conj, -0.5 * g * y * y * y))
GRADIENT_OP(SeluGrad, GRADIENT_AND_OUTPUTS,
            "The gradient of Selu, from its result: gradients * (outputs + scale * alpha) where that is negative, else gradients * scale.",
            .on_float = selu_gradient)
GRADIENT_OP(SigmoidGrad, VALUE_FIRST, "The gradient of Sigmoid, from its result: dy * y * (1 - y).", BOTH(AS_IT_IS, g* y * (1.0 - y)))
GRADIENT_OP(
    SoftplusGrad, GRADIENT_AND_FEATURES, "The gradient of Softplus, from its operand: gradients / (exp(-features) + 1).",
    .on_float = [](double g, double x) { return g / (std::exp(-x) + 1); })
GRADIENT_OP(
    SoftsignGrad, GRADIENT_AND_FEATURES, "The gradient of Softsign, from its operand: gradients / (1 + |features|) ^ 2.",
    .on_float = [](double g, double x) { return g / ((1 + std::fabs(x)) * (1 + std::fabs(x))); })
GRADIENT_OP(SqrtGrad, VALUE_FIRST, "The gradient of Sqrt, from its result: dy / 2 / y, of the conjugate of y.", BOTH(std::conj, 0.5 * g / y))
GRADIENT_OP(TanhGrad, VALUE_FIRST, "The gradient of Tanh, from its result: dy * (1 - y * y).", BOTH(AS_IT_IS, g * (1.0 - y * y)))

constinit const OpDef kOp_LeakyReluGrad = {
    .name = "LeakyReluGrad",
    .signature = GRADIENT_AND_FEATURES,
    .make_attributes = &make_attributes<LeakyReluAttributes>,
    .infer = infer_same_shapes,
    .reference = reference_leaky_relu_gradient,
    .doc = "The gradient of LeakyRelu, from its operand: gradients where that is positive, else alpha * gradients.",
};

#undef AS_IT_IS
#undef BOTH
#undef VALUE_FIRST
#undef GRADIENT_AND_OUTPUTS
#undef GRADIENT_AND_FEATURES
#undef GRADIENT_OP

}  // namespace isomer::ops
