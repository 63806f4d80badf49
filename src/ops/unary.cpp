// Elementwise ops of one operand: a table. A row gives the function for each class of dtypes that the op takes; an absent function refuses the class.
#include "ops/unary.h"

#include <bit>
#include <cmath>
#include <numbers>

#include "ops/incomplete_functions.h"
#include "ops/kernel.h"
#include "ops/special_functions.h"

namespace isomer::ops {

using namespace ir;

namespace {

struct UnaryRule {
  double (*on_float)(double) = nullptr;
  double (*on_half)(double, DType) = nullptr;  // half and bfloat16, where each step is rounded and that shows; null: on_float
  int64_t (*on_integer)(int64_t) = nullptr;    // all integers but uint64; the result wraps to the dtype
  int64_t (*on_uint64)(uint64_t) = nullptr;    // null: on_integer does for uint64 as well
  Complex (*on_complex)(Complex) = nullptr;
  bool (*on_bool)(bool) = nullptr;
  double (*tfjs_on_float)(double) = nullptr;  // where TensorFlow.js computes something else
};

bool takes(const UnaryRule& rule, DType dtype) {
  switch (type_class(dtype)) {
    case TypeClass::kFloat: return rule.on_float;
    case TypeClass::kInteger: return rule.on_integer;
    case TypeClass::kComplex: return rule.on_complex;
    case TypeClass::kBool: return rule.on_bool;
    default: return false;
  }
}

Result<Tensor> apply(EvalContext& c, const Tensor& x, const UnaryRule& rule) {
  if (!takes(rule, x.dtype())) return dtype_error(c, x.dtype());
  const DType dtype = x.dtype();
  switch (type_class(dtype)) {
    case TypeClass::kFloat:
      if (element_size(dtype) == 2 && rule.on_half) return map_elements<double, double>(c, x, dtype, [&](double v) { return rule.on_half(v, dtype); });
      return map_elements<double, double>(c, x, dtype, c.tfjs_compat() && rule.tfjs_on_float ? rule.tfjs_on_float : rule.on_float);
    case TypeClass::kComplex: return map_elements<Complex, Complex>(c, x, dtype, rule.on_complex);
    case TypeClass::kBool: return map_elements<int64_t, int64_t>(c, x, dtype, [&](int64_t v) -> int64_t { return rule.on_bool(v != 0); });
    default: break;
  }
  if (dtype == DType::kUint64 && rule.on_uint64) {
    return map_elements<int64_t, int64_t>(c, x, dtype, [&](int64_t v) { return rule.on_uint64(static_cast<uint64_t>(v)); });
  }
  return map_elements<int64_t, int64_t>(c, x, dtype, rule.on_integer);
}

template <const UnaryRule& rule>
Result<void> infer_unary(InferContext& c) {
  if (!takes(rule, c.input_type(0).dtype)) return dtype_error(c.op(), c.input_type(0).dtype);
  return infer_same(c);
}
template <const UnaryRule& rule>
Result<Outputs> reference_unary(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  return one(TRY(apply(c, x, rule)));
}

int64_t negate(int64_t x) { return static_cast<int64_t>(0 - static_cast<uint64_t>(x)); }
int64_t unchanged(int64_t x) { return x; }
int64_t unchanged_uint64(uint64_t x) { return static_cast<int64_t>(x); }

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double elu(double x) { return x < 0 ? std::expm1(x) : x; }
double elu_half(double x, DType dtype) { return x < 0 ? rounded_to(dtype, std::exp(x)) - 1 : x; }
double softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }
// TensorFlow takes x itself, or exp(x), from a distance on that depends on the dtype; only here the step is seen.
double softplus_half(double x, DType dtype) {
  const int bits = dtype == DType::kBfloat16 ? 7 : 10;
  const double far = bits * std::numbers::ln2 - 2;
  return x > far ? x : x < -far ? std::exp(x) : softplus(x);
}
constexpr double kSeluScale = 1.0507009873554804934193349852946, kSeluScaledAlpha = 1.7580993408473768599402175208123;
double selu(double x) { return x < 0 ? kSeluScaledAlpha * std::expm1(x) : kSeluScale * x; }
double selu_half(double x, DType dtype) {
  return x < 0 ? rounded_to(dtype, kSeluScaledAlpha) * rounded_to(dtype, elu_half(x, dtype)) : rounded_to(dtype, kSeluScale) * x;
}
Complex expm1_complex(Complex x) {
  // exp(a + bi) - 1 without cancellation near 0: the real part is expm1(a) cos b - 2 sin^2(b / 2).
  const double half_sine = std::sin(x.imag() / 2);
  return {std::expm1(x.real()) * std::cos(x.imag()) - 2 * half_sine * half_sine, std::exp(x.real()) * std::sin(x.imag())};
}
Complex log1p_complex(Complex x) { return {0.5 * std::log1p(x.real() * (2 + x.real()) + x.imag() * x.imag()), std::atan2(x.imag(), 1 + x.real())}; }
Complex sign_complex(Complex x) {
  const double size = std::abs(x);
  return size == 0 ? Complex(0) : x / size;
}

}  // namespace

#define BOTH(f) .on_float = [](double x) { return f(x); }, .on_complex = [](Complex x) { return f(x); }

// name, operands, what it computes, then the function for each class
#define UNARY_OP(Name, operands, text, ...)           \
  static constexpr UnaryRule k##Name = {__VA_ARGS__}; \
  constinit const OpDef kOp_##Name = {                \
      .name = #Name,                                  \
      .signature = operands,                          \
      .infer = infer_unary<k##Name>,                  \
      .reference = reference_unary<k##Name>,          \
      .doc = text,                                    \
  };

UNARY_OP(
    Abs, "x: T -> y: T", "|x|.", .on_float = [](double x) { return std::fabs(x); }, .on_integer = [](int64_t x) { return x < 0 ? negate(x) : x; },
    .on_uint64 = unchanged_uint64)
UNARY_OP(Acos, "x: T -> y: T", "The arc cosine of x.", BOTH(std::acos))
UNARY_OP(Acosh, "x: T -> y: T", "The inverse hyperbolic cosine of x.", BOTH(std::acosh))
UNARY_OP(Asin, "x: T -> y: T", "The arc sine of x.", BOTH(std::asin))
UNARY_OP(Asinh, "x: T -> y: T", "The inverse hyperbolic sine of x.", BOTH(std::asinh))
UNARY_OP(Atan, "x: T -> y: T", "The arc tangent of x.", BOTH(std::atan))
UNARY_OP(Atanh, "x: T -> y: T", "The inverse hyperbolic tangent of x.", BOTH(std::atanh))
UNARY_OP(BesselI0, "x: T -> y: T", "The modified Bessel function of the first kind of order 0.", .on_float = bessel_i0)
UNARY_OP(BesselI0e, "x: T -> y: T", "BesselI0 times exp(-|x|).", .on_float = scaled_bessel_i0)
UNARY_OP(BesselI1, "x: T -> y: T", "The modified Bessel function of the first kind of order 1.", .on_float = bessel_i1)
UNARY_OP(BesselI1e, "x: T -> y: T", "BesselI1 times exp(-|x|).", .on_float = scaled_bessel_i1)
UNARY_OP(Ceil, "x: T -> y: T", "The smallest whole number not less than x.", .on_float = [](double x) { return std::ceil(x); })
UNARY_OP(
    Conj, "input: T -> output: T", "The complex conjugate of x.", .on_float = [](double x) { return x; }, .on_complex = [](Complex x) { return std::conj(x); })
UNARY_OP(Cos, "x: T -> y: T", "The cosine of x, in radians.", BOTH(std::cos))
UNARY_OP(Cosh, "x: T -> y: T", "The hyperbolic cosine of x.", BOTH(std::cosh))
UNARY_OP(Digamma, "x: T -> y: T", "The derivative of Lgamma.", .on_float = digamma)
UNARY_OP(Elu, "features: T -> activations: T", "exp(x) - 1 where x is negative, else x.", .on_float = elu, .on_half = elu_half)
UNARY_OP(Erf, "x: T -> y: T", "The Gauss error function of x.", .on_float = [](double x) { return std::erf(x); })
UNARY_OP(Erfc, "x: T -> y: T", "1 - Erf(x), accurate where that is small.", .on_float = [](double x) { return std::erfc(x); })
UNARY_OP(Erfinv, "x: T -> y: T", "The inverse of Erf.", .on_float = inverse_erf)
UNARY_OP(Exp, "x: T -> y: T", "e to the power of x.", BOTH(std::exp))
UNARY_OP(Expm1, "x: T -> y: T", "exp(x) - 1, accurate near 0.", .on_float = [](double x) { return std::expm1(x); }, .on_complex = expm1_complex)
UNARY_OP(Floor, "x: T -> y: T", "The largest whole number not greater than x.", .on_float = [](double x) { return std::floor(x); })
UNARY_OP(
    Inv, "x: T -> y: T", "1 / x; the older name of Reciprocal.", .on_float = [](double x) { return 1 / x; }, .on_complex = [](Complex x) { return 1.0 / x; })
UNARY_OP(Invert, "x: T -> y: T", "All bits of x flipped.", .on_integer = [](int64_t x) { return ~x; })
UNARY_OP(Lgamma, "x: T -> y: T", "The logarithm of the absolute value of Gamma(x).", .on_float = log_gamma)
UNARY_OP(Log, "x: T -> y: T", "The natural logarithm of x.", BOTH(std::log))
UNARY_OP(Log1p, "x: T -> y: T", "log(1 + x), accurate near 0.", .on_float = [](double x) { return std::log1p(x); }, .on_complex = log1p_complex)
UNARY_OP(LogicalNot, "x: bool -> y: bool", "True where x is false.", .on_bool = [](bool x) { return !x; })
UNARY_OP(Ndtri, "x: T -> y: T", "The quantile function of the normal distribution.", .on_float = normal_quantile)
UNARY_OP(Neg, "x: T -> y: T", "-x.", .on_float = [](double x) { return -x; }, .on_integer = negate, .on_complex = [](Complex x) { return -x; })
UNARY_OP(Reciprocal, "x: T -> y: T", "1 / x.", .on_float = [](double x) { return 1 / x; }, .on_complex = [](Complex x) { return 1.0 / x; })
UNARY_OP(
    Relu, "features: T -> activations: T", "0 where x is negative, else x.", .on_float = [](double x) { return x < 0 ? 0 : x; },
    .on_integer = [](int64_t x) { return std::max<int64_t>(x, 0); }, .on_uint64 = unchanged_uint64)
UNARY_OP(
    Relu6, "features: T -> activations: T", "x clamped to [0, 6].", .on_float = [](double x) { return x < 0   ? 0
                                                                                                      : x > 6 ? 6
                                                                                                              : x; },
    .on_integer = [](int64_t x) { return std::clamp<int64_t>(x, 0, 6); },
    .on_uint64 = [](uint64_t x) { return static_cast<int64_t>(std::min<uint64_t>(x, 6)); })
UNARY_OP(Rint, "x: T -> y: T", "The nearest whole number; halves go to the even one.", .on_float = [](double x) { return std::nearbyint(x); })
UNARY_OP(
    Round, "x: T -> y: T", "The nearest whole number; halves go to the even one.", .on_float = [](double x) { return std::nearbyint(x); },
    .on_integer = unchanged)
UNARY_OP(
    Rsqrt, "x: T -> y: T", "1 / sqrt(x).", .on_float = [](double x) { return 1 / std::sqrt(x); }, .on_complex = [](Complex x) { return 1.0 / std::sqrt(x); })
UNARY_OP(Selu, "features: T -> activations: T",
         "scale * alpha * (exp(x) - 1) where x is negative, else scale * x, with the constants of self-normalising networks.", .on_float = selu,
         .on_half = selu_half)
UNARY_OP(Sigmoid, "x: T -> y: T", "1 / (1 + exp(-x)).", .on_float = sigmoid, .on_complex = [](Complex x) { return 1.0 / (1.0 + std::exp(-x)); })
UNARY_OP(
    Sign, "x: T -> y: T", "-1, 0 or 1; for complex numbers x / |x|, and 0 for 0.", .on_float = [](double x) { return x > 0   ? 1
                                                                                                                     : x < 0 ? -1
                                                                                                                             : x; },
    .on_integer = [](int64_t x) -> int64_t { return (x > 0) - (x < 0); }, .on_uint64 = [](uint64_t x) -> int64_t { return x > 0; }, .on_complex = sign_complex,
    .tfjs_on_float = [](double x) { return x > 0   ? 1.0
                                           : x < 0 ? -1.0
                                                   : 0.0; })
UNARY_OP(Sin, "x: T -> y: T", "The sine of x, in radians.", BOTH(std::sin))
UNARY_OP(Sinh, "x: T -> y: T", "The hyperbolic sine of x.", BOTH(std::sinh))
UNARY_OP(Softplus, "features: T -> activations: T", "log(1 + exp(x)).", .on_float = softplus, .on_half = softplus_half)
UNARY_OP(Softsign, "features: T -> activations: T", "x / (1 + |x|).", .on_float = [](double x) { return x / (1 + std::fabs(x)); })
UNARY_OP(Sqrt, "x: T -> y: T", "The square root of x.", BOTH(std::sqrt))
UNARY_OP(
    Square, "x: T -> y: T", "x * x; integers wrap.", .on_float = [](double x) { return x * x; },
    .on_integer = [](int64_t x) { return static_cast<int64_t>(static_cast<uint64_t>(x) * static_cast<uint64_t>(x)); },
    .on_complex = [](Complex x) { return x * x; })
UNARY_OP(Tan, "x: T -> y: T", "The tangent of x, in radians.", BOTH(std::tan))
UNARY_OP(Tanh, "x: T -> y: T", "The hyperbolic tangent of x.", BOTH(std::tanh))

#undef BOTH
#undef UNARY_OP

double (*float_function(std::string_view op))(double) {
  if (op == "Elu") return elu;
  if (op == "Relu") return kRelu.on_float;
  if (op == "Relu6") return kRelu6.on_float;
  if (op == "Sigmoid") return sigmoid;
  if (op == "Tanh") return kTanh.on_float;
  return nullptr;
}

// --- ops whose result has another dtype, or that have attributes

namespace {

template <bool (*test)(double)>
Result<Outputs> reference_test(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  if (!is_float(x.dtype())) return dtype_error(c, x.dtype());
  return one(TRY(map_elements<double, int64_t>(c, x, DType::kBool, [](double v) -> int64_t { return test(v); })));
}
bool is_nan(double x) { return std::isnan(x); }
bool is_infinite(double x) { return std::isinf(x); }
bool is_finite(double x) { return std::isfinite(x); }

Result<Outputs> reference_leaky_relu(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  if (!is_float(x.dtype())) return dtype_error(c, x.dtype());
  const double alpha = c.as<LeakyReluAttributes>().alpha;
  return one(TRY(map_elements<double, double>(c, x, x.dtype(), [&](double v) { return v > 0 ? v : v * alpha; })));
}

Result<Outputs> reference_population_count(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  if (!is_integer(x.dtype())) return dtype_error(c, x.dtype());
  const uint64_t mask = ~uint64_t{0} >> (64 - element_size(x.dtype()) * 8);
  return one(TRY(map_elements<int64_t, int64_t>(c, x, DType::kUint8, [&](int64_t v) -> int64_t { return std::popcount(static_cast<uint64_t>(v) & mask); })));
}

Result<void> infer_complex_part(InferContext& c) {
  const DType dtype = c.input_type(0).dtype, part = c.as<ComplexPartAttributes>().Tout;
  if (!is_complex(dtype)) return dtype_error(c.op(), dtype);
  if (part != (dtype == DType::kComplex64 ? DType::kFloat32 : DType::kFloat64)) {
    return input_error(std::string(c.op().name) + " of " + std::string(to_string(dtype)) + " cannot give " + std::string(to_string(part)));
  }
  return infer_same(c);
}
template <double (*part)(Complex)>
Result<Outputs> reference_complex_part(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  if (!is_complex(x.dtype())) return dtype_error(c, x.dtype());
  return one(TRY(map_elements<Complex, double>(c, x, x.dtype() == DType::kComplex64 ? DType::kFloat32 : DType::kFloat64, part)));
}
double part_abs(Complex x) { return std::abs(x); }
double part_angle(Complex x) { return std::arg(x); }
double part_imag(Complex x) { return x.imag(); }
double part_real(Complex x) { return x.real(); }

}  // namespace

constinit const OpDef kOp_IsFinite = {.name = "IsFinite",
                                      .signature = "x: T -> y: bool",
                                      .infer = infer_same,
                                      .reference = reference_test<is_finite>,
                                      .doc = "True where x is neither infinite nor NaN."};
constinit const OpDef kOp_IsInf = {
    .name = "IsInf", .signature = "x: T -> y: bool", .infer = infer_same, .reference = reference_test<is_infinite>, .doc = "True where x is infinite."};
constinit const OpDef kOp_IsNan = {
    .name = "IsNan", .signature = "x: T -> y: bool", .infer = infer_same, .reference = reference_test<is_nan>, .doc = "True where x is not a number."};

constinit const OpDef kOp_LeakyRelu = {
    .name = "LeakyRelu",
    .signature = "features: T -> activations: T",
    .make_attributes = &make_attributes<LeakyReluAttributes>,
    .infer = infer_same,
    .reference = reference_leaky_relu,
    .doc = "x where it is positive, else alpha * x.",
};

constinit const OpDef kOp_PopulationCount = {
    .name = "PopulationCount",
    .signature = "x: T -> y: uint8",
    .infer = infer_same,
    .reference = reference_population_count,
    .doc = "How many bits of x are set; negative numbers count in two's complement.",
};

constinit const OpDef kOp_Angle = {
    .name = "Angle",
    .signature = "input: T -> output: Tout",
    .make_attributes = &make_attributes<ComplexPartAttributes>,
    .infer = infer_complex_part,
    .reference = reference_complex_part<part_angle>,
    .doc = "The argument of complex numbers, in radians of (-pi, pi].",
};
constinit const OpDef kOp_ComplexAbs = {
    .name = "ComplexAbs",
    .signature = "x: T -> y: Tout",
    .make_attributes = &make_attributes<ComplexPartAttributes>,
    .infer = infer_complex_part,
    .reference = reference_complex_part<part_abs>,
    .doc = "The absolute value of complex numbers.",
};
constinit const OpDef kOp_Imag = {
    .name = "Imag",
    .signature = "input: T -> output: Tout",
    .make_attributes = &make_attributes<ComplexPartAttributes>,
    .infer = infer_complex_part,
    .reference = reference_complex_part<part_imag>,
    .doc = "The imaginary part of complex numbers.",
};
constinit const OpDef kOp_Real = {
    .name = "Real",
    .signature = "input: T -> output: Tout",
    .make_attributes = &make_attributes<ComplexPartAttributes>,
    .infer = infer_complex_part,
    .reference = reference_complex_part<part_real>,
    .doc = "The real part of complex numbers.",
};

}  // namespace isomer::ops
