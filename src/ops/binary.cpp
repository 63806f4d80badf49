// Elementwise arithmetic of two operands with broadcasting: a table. A row gives the function for each class of dtypes that the op takes; an absent
// function refuses the class.
#include <cmath>

#include "ops/incomplete_functions.h"
#include "ops/kernel.h"

namespace isomer::ops {

using namespace ir;

namespace {

struct BinaryRule {
  double (*on_float)(double, double) = nullptr;
  Complex (*on_complex)(Complex, Complex) = nullptr;
  double (*after_rounding)(double) = nullptr;          // applied to on_float's result once it is rounded to the dtype
  int64_t (*on_integer)(int64_t, int64_t) = nullptr;   // all integers but uint64; the result wraps to the dtype
  int64_t (*on_uint64)(uint64_t, uint64_t) = nullptr;  // null: on_integer does for uint64 as well
  bool (*refuses)(int64_t, int64_t) = nullptr;         // integer operands that have no result
  std::string_view refusal = {};
  const BinaryRule* tfjs = nullptr;  // what TensorFlow.js computes instead
};

bool takes(const BinaryRule& rule, DType dtype) {
  switch (type_class(dtype)) {
    case TypeClass::kFloat: return rule.on_float;
    case TypeClass::kInteger: return rule.on_integer;
    case TypeClass::kComplex: return rule.on_complex;
    default: return false;
  }
}

Result<Tensor> apply_integers(EvalContext& c, const Tensor& a, const Tensor& b, const BinaryRule& rule) {
  bool refused = false;
  const bool unsigned_long = a.dtype() == DType::kUint64 && rule.on_uint64;
  Tensor result = TRY(map_pairs<int64_t, int64_t>(c, a, b, a.dtype(), [&](int64_t x, int64_t y) -> int64_t {
    if (rule.refuses && rule.refuses(x, y)) {
      refused = true;
      return 0;
    }
    return unsigned_long ? rule.on_uint64(static_cast<uint64_t>(x), static_cast<uint64_t>(y)) : rule.on_integer(x, y);
  }));
  if (refused) return fail(ErrorCode::kInvalidArgument, std::string(c.node().op->name) + ": " + std::string(rule.refusal));
  return result;
}

Result<Tensor> apply(EvalContext& c, const Tensor& a, const Tensor& b, const BinaryRule& rule) {
  const DType dtype = a.dtype();
  if (!takes(rule, dtype)) return dtype_error(c, dtype);
  if (is_integer(dtype)) return apply_integers(c, a, b, rule);
  if (is_complex(dtype)) return map_pairs<Complex, Complex>(c, a, b, dtype, rule.on_complex);
  if (!rule.after_rounding) return map_pairs<double, double>(c, a, b, dtype, rule.on_float);
  return map_pairs<double, double>(c, a, b, dtype, [&](double x, double y) { return rule.after_rounding(rounded_to(dtype, rule.on_float(x, y))); });
}

template <const BinaryRule& rule>
Result<void> infer_binary(InferContext& c) {
  if (!takes(rule, c.input_type(0).dtype)) return dtype_error(c.op(), c.input_type(0).dtype);
  return infer_broadcast(c);
}
template <const BinaryRule& rule>
Result<Outputs> reference_binary(EvalContext& c, Inputs inputs) {
  const Tensor& a = *TRY(tensor_input(c, inputs, 0));
  const Tensor& b = *TRY(tensor_input(c, inputs, 1));
  return one(TRY(apply(c, a, b, c.tfjs_compat() && rule.tfjs ? *rule.tfjs : rule)));
}

int64_t wrap(uint64_t x) { return static_cast<int64_t>(x); }
int64_t truncate_divide(int64_t x, int64_t y) { return y == -1 ? wrapping_subtract(0, x) : x / y; }
int64_t truncate_remainder(int64_t x, int64_t y) { return y == -1 ? 0 : x % y; }
int64_t floor_divide(int64_t x, int64_t y) { return wrapping_subtract(truncate_divide(x, y), truncate_remainder(x, y) != 0 && (x < 0) != (y < 0)); }
int64_t floor_remainder(int64_t x, int64_t y) {
  const int64_t rest = truncate_remainder(x, y);
  return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}
int64_t divide_uint64(uint64_t x, uint64_t y) { return wrap(x / y); }
int64_t remainder_uint64(uint64_t x, uint64_t y) { return wrap(x % y); }
int64_t power(int64_t x, int64_t y) {
  uint64_t result = 1;
  auto factor = static_cast<uint64_t>(x);
  for (auto left = static_cast<uint64_t>(y); left; left >>= 1, factor *= factor)
    if (left & 1) result *= factor;
  return wrap(result);
}
int64_t power_uint64(uint64_t x, uint64_t y) { return power(wrap(x), wrap(y)); }
bool divides_by_zero(int64_t, int64_t y) { return y == 0; }
bool negative_exponent(int64_t, int64_t y) { return y < 0; }
constexpr std::string_view kByZero = "integer division by zero";

double floor_mod(double x, double y) {
  const double rest = std::fmod(x, y);
  return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}
double maximum(double x, double y) { return std::isnan(x) || x > y ? x : y; }
double minimum(double x, double y) { return std::isnan(x) || x < y ? x : y; }
Complex squared_difference(Complex x, Complex y) { return std::norm(x - y); }
Complex power_complex(Complex x, Complex y) { return y == Complex(0) ? 1 : std::pow(x, y); }

// What TensorFlow.js makes of the division of integers: it rounds down, and x / 0 is 0.
int64_t tfjs_divide(int64_t x, int64_t y) { return y == 0 ? 0 : floor_divide(x, y); }
int64_t tfjs_remainder(int64_t x, int64_t y) { return y == 0 ? 0 : floor_remainder(x, y); }
constexpr BinaryRule kTfjsDiv = {
    .on_float = [](double x, double y) { return x / y; }, .on_complex = [](Complex x, Complex y) { return x / y; }, .on_integer = tfjs_divide};
constexpr BinaryRule kTfjsMod = {.on_float = floor_mod, .on_integer = tfjs_remainder};

}  // namespace

// name, operands, what it computes, then the function for each class
#define BINARY_OP(Name, operands, text, ...)           \
  static constexpr BinaryRule k##Name = {__VA_ARGS__}; \
  constinit const OpDef kOp_##Name = {                 \
      .name = #Name,                                   \
      .signature = operands,                           \
      .infer = infer_binary<k##Name>,                  \
      .reference = reference_binary<k##Name>,          \
      .doc = text,                                     \
  };
// The same expression of x and y for floats and complex numbers.
#define BOTH(expression) \
  .on_float = [](double x, double y) -> double { return expression; }, .on_complex = [](Complex x, Complex y) -> Complex { return expression; }

BINARY_OP(AddV2, "x: T, y: T -> z: T", "x + y with broadcasting; integers wrap.", BOTH(x + y), .on_integer = wrapping_add)
BINARY_OP(
    Atan2, "y: T, x: T -> z: T", "The angle of the point (x, y) in (-pi, pi], the first input being y.",
    .on_float = [](double y, double x) { return std::atan2(y, x); })
BINARY_OP(BitwiseAnd, "x: T, y: T -> z: T", "The bits set in both integers.", .on_integer = [](int64_t x, int64_t y) { return x & y; })
BINARY_OP(BitwiseOr, "x: T, y: T -> z: T", "The bits set in either integer.", .on_integer = [](int64_t x, int64_t y) { return x | y; })
BINARY_OP(BitwiseXor, "x: T, y: T -> z: T", "The bits set in one of the integers but not in both.", .on_integer = [](int64_t x, int64_t y) { return x ^ y; })
BINARY_OP(Div, "x: T, y: T -> z: T", "x / y with broadcasting; integers round towards zero, and dividing them by zero is an error.", BOTH(x / y),
          .on_integer = truncate_divide, .on_uint64 = divide_uint64, .refuses = divides_by_zero, .refusal = kByZero, .tfjs = &kTfjsDiv)
BINARY_OP(DivNoNan, "x: T, y: T -> z: T", "x / y, and 0 where y is 0.", BOTH(y == 0.0 ? 0 : x / y))
BINARY_OP(
    FloorDiv, "x: T, y: T -> z: T", "x / y rounded down.", .on_float = [](double x, double y) { return x / y; },
    .after_rounding = [](double x) { return std::floor(x); }, .on_integer = floor_divide, .on_uint64 = divide_uint64, .refuses = divides_by_zero,
    .refusal = kByZero)
BINARY_OP(FloorMod, "x: T, y: T -> z: T", "The remainder of x / y with the sign of y.", .on_float = floor_mod, .on_integer = floor_remainder,
          .on_uint64 = remainder_uint64, .refuses = divides_by_zero, .refusal = kByZero)
BINARY_OP(Igamma, "a: T, x: T -> z: T", "The lower incomplete gamma function of x, as a part of Gamma(a).", .on_float = lower_gamma)
BINARY_OP(Igammac, "a: T, x: T -> z: T", "The upper incomplete gamma function of x, as a part of Gamma(a): 1 - Igamma, accurate where that is small.",
          .on_float = upper_gamma)
BINARY_OP(
    Maximum, "x: T, y: T -> z: T", "The larger of x and y; NaN where either is.", .on_float = maximum,
    .on_integer = [](int64_t x, int64_t y) { return std::max(x, y); }, .on_uint64 = [](uint64_t x, uint64_t y) { return wrap(std::max(x, y)); })
BINARY_OP(
    Minimum, "x: T, y: T -> z: T", "The smaller of x and y; NaN where either is.", .on_float = minimum,
    .on_integer = [](int64_t x, int64_t y) { return std::min(x, y); }, .on_uint64 = [](uint64_t x, uint64_t y) { return wrap(std::min(x, y)); })
BINARY_OP(
    Mod, "x: T, y: T -> z: T", "The remainder of x / y with the sign of x.", .on_float = [](double x, double y) { return std::fmod(x, y); },
    .on_integer = truncate_remainder, .on_uint64 = remainder_uint64, .refuses = divides_by_zero, .refusal = kByZero, .tfjs = &kTfjsMod)
BINARY_OP(Mul, "x: T, y: T -> z: T", "x * y with broadcasting; integers wrap.", BOTH(x* y), .on_integer = wrapping_multiply)
BINARY_OP(MulNoNan, "x: T, y: T -> z: T", "x * y, and 0 where y is 0, whatever x is.", BOTH(y == 0.0 ? 0 : x * y))
BINARY_OP(Polygamma, "a: T, x: T -> z: T", "The a-th derivative of Digamma at x; NaN where a is not a whole number.", .on_float = polygamma)
BINARY_OP(
    Pow, "x: T, y: T -> z: T", "x to the power of y; a negative power of an integer is an error.",
    .on_float = [](double x, double y) { return std::pow(x, y); }, .on_complex = power_complex, .on_integer = power, .on_uint64 = power_uint64,
    .refuses = negative_exponent, .refusal = "an integer cannot be raised to a negative power")
BINARY_OP(RealDiv, "x: T, y: T -> z: T", "x / y with broadcasting.", BOTH(x / y))
BINARY_OP(
    SquaredDifference, "x: T, y: T -> z: T", "(x - y) * (x - y); for complex numbers the squared distance.",
    .on_float = [](double x, double y) { return (x - y) * (x - y); }, .on_complex = squared_difference,
    .on_integer = [](int64_t x, int64_t y) { return wrapping_multiply(wrapping_subtract(x, y), wrapping_subtract(x, y)); })
BINARY_OP(Sub, "x: T, y: T -> z: T", "x - y with broadcasting; integers wrap.", BOTH(x - y), .on_integer = wrapping_subtract)
BINARY_OP(
    TruncateDiv, "x: T, y: T -> z: T", "x / y rounded towards zero.", .on_float = [](double x, double y) { return x / y; },
    .after_rounding = [](double x) { return std::trunc(x); }, .on_integer = truncate_divide, .on_uint64 = divide_uint64, .refuses = divides_by_zero,
    .refusal = kByZero)
BINARY_OP(
    TruncateMod, "x: T, y: T -> z: T", "The remainder of x / y with the sign of x.", .on_float = [](double x, double y) { return std::fmod(x, y); },
    .on_integer = truncate_remainder, .on_uint64 = remainder_uint64, .refuses = divides_by_zero, .refusal = kByZero)
BINARY_OP(Xdivy, "x: T, y: T -> z: T", "x / y, and 0 where x is 0.", BOTH(x == 0.0 ? 0 : x / y))
BINARY_OP(
    Xlog1py, "x: T, y: T -> z: T", "x * log(1 + y), and 0 where x is 0.", .on_float = [](double x, double y) { return x == 0 ? 0 : x * std::log1p(y); },
    .on_complex = [](Complex x, Complex y) { return x == 0.0 ? 0 : x * std::log(1.0 + y); })
BINARY_OP(Xlogy, "x: T, y: T -> z: T", "x * log(y), and 0 where x is 0.", BOTH(x == 0.0 ? 0 : x * std::log(y)))
BINARY_OP(Zeta, "x: T, q: T -> z: T", "The Hurwitz zeta function: the sum of (q + k) ^ -x over k = 0, 1, 2, ...", .on_float = zeta)

#undef BOTH
#undef BINARY_OP

// --- ops that need more than a function of two elements

namespace {

// Strings are joined, all other dtypes added.
Result<void> infer_add(InferContext& c) {
  if (c.input_type(0).dtype == DType::kString) return infer_broadcast(c);
  return infer_binary<kAddV2>(c);
}
Result<Outputs> reference_add(EvalContext& c, Inputs inputs) {
  const Tensor& a = *TRY(tensor_input(c, inputs, 0));
  const Tensor& b = *TRY(tensor_input(c, inputs, 1));
  if (a.dtype() != DType::kString) return one(TRY(apply(c, a, b, kAddV2)));
  Shape shape = TRY(broadcast(a.shape(), b.shape()));
  const BroadcastReader left(a, shape), right(b, shape);
  TRY(check_elements(c, shape));
  std::vector<std::string> joined;
  for (int64_t i = 0; i < element_count_of(shape); ++i) {
    joined.push_back(std::string(a.string_at(left.offset(i))) + std::string(b.string_at(right.offset(i))));
  }
  return one(Tensor::from_strings(std::move(shape), joined));
}

// a, b and x have one shape, or are scalars.
Result<void> infer_betainc(InferContext& c) {
  PartialShape shape = PartialShape::scalar();
  for (int64_t i = 0; i < 3; ++i) {
    const PartialShape operand = c.shape(i);
    if (!operand.has_rank()) return {};
    if (operand.rank() == 0) continue;
    shape = shape.rank() == 0 ? operand : TRY(merge(shape, operand));
  }
  c.set_shape(0, std::move(shape));
  return {};
}
Result<Outputs> reference_betainc(EvalContext& c, Inputs inputs) {
  const auto in = TRY(tensor_inputs(c, inputs));
  const DType dtype = in[0]->dtype();
  if (!is_float(dtype)) return dtype_error(c, dtype);
  Shape shape;
  for (const Tensor* operand : in) {
    if (operand->rank() == 0) continue;
    if (!shape.empty() && shape != operand->shape()) {
      return input_error("Betainc has operands of shapes " + to_string(shape) + " and " + to_string(operand->shape()));
    }
    shape = operand->shape();
  }
  MutableTensor y = TRY(c.allocate(dtype, std::move(shape)));
  const BroadcastReader a(*in[0], y.shape()), b(*in[1], y.shape()), x(*in[2], y.shape());
  std::vector<double> as(static_cast<size_t>(std::min(kBlock, y.elements()))), bs(as.size()), xs(as.size());
  for_blocks(y.elements(), [&](int64_t first, int64_t count) {
    const auto n = static_cast<size_t>(count);
    a.load(first, std::span(as.data(), n));
    b.load(first, std::span(bs.data(), n));
    x.load(first, std::span(xs.data(), n));
    for (size_t i = 0; i < n; ++i) xs[i] = incomplete_beta(as[i], bs[i], xs[i]);
    store(y, first, std::span<const double>(xs.data(), n));
  });
  return one(std::move(y));
}

// Shifts clamp the distance to [0, bits - 1], as TensorFlow does.
template <bool left>
Result<Outputs> reference_shift(EvalContext& c, Inputs inputs) {
  const Tensor& a = *TRY(tensor_input(c, inputs, 0));
  const Tensor& b = *TRY(tensor_input(c, inputs, 1));
  if (!is_integer(a.dtype())) return dtype_error(c, a.dtype());
  const int64_t last_bit = element_size(a.dtype()) * 8 - 1;
  const bool is_signed = is_signed_integer(a.dtype());
  return one(TRY(map_pairs<int64_t, int64_t>(c, a, b, a.dtype(), [&](int64_t x, int64_t y) -> int64_t {
    // A uint64 distance above 2^63 reads as negative but is a large one.
    const int64_t distance = y < 0 && !is_signed ? last_bit : std::clamp<int64_t>(y, 0, last_bit);
    if (left || !is_signed) return wrap(left ? static_cast<uint64_t>(x) << distance : static_cast<uint64_t>(x) >> distance);
    return x >> distance;
  })));
}

Result<Outputs> reference_next_after(EvalContext& c, Inputs inputs) {
  const Tensor& a = *TRY(tensor_input(c, inputs, 0));
  const Tensor& b = *TRY(tensor_input(c, inputs, 1));
  if (a.dtype() == DType::kFloat64) return one(TRY(map_pairs<double, double>(c, a, b, a.dtype(), [](double x, double y) { return std::nextafter(x, y); })));
  if (a.dtype() != DType::kFloat32) return dtype_error(c, a.dtype());
  return one(TRY(map_pairs<double, double>(c, a, b, a.dtype(),
                                           [](double x, double y) -> double { return std::nextafter(static_cast<float>(x), static_cast<float>(y)); })));
}

}  // namespace

constinit const OpDef kOp_Add = {
    .name = "Add",
    .signature = "x: T, y: T -> z: T",
    .infer = infer_add,
    .reference = reference_add,
    .doc = "x + y with broadcasting, and strings joined. AddV2 is the same without strings.",
};
constinit const OpDef kOp_Betainc = {
    .name = "Betainc",
    .signature = "a: T, b: T, x: T -> z: T",
    .infer = infer_betainc,
    .reference = reference_betainc,
    .doc = "The incomplete beta function of x, as a part of Beta(a, b). The operands have one shape or are scalars.",
};
constinit const OpDef kOp_LeftShift = {
    .name = "LeftShift",
    .signature = "x: T, y: T -> z: T",
    .infer = infer_broadcast,
    .reference = reference_shift<true>,
    .doc = "The bits of x moved up by y, which is clamped to [0, bits - 1].",
};
constinit const OpDef kOp_RightShift = {
    .name = "RightShift",
    .signature = "x: T, y: T -> z: T",
    .infer = infer_broadcast,
    .reference = reference_shift<false>,
    .doc = "The bits of x moved down by y, which is clamped to [0, bits - 1]; signed numbers keep their sign.",
};
constinit const OpDef kOp_NextAfter = {
    .name = "NextAfter",
    .signature = "x1: T, x2: T -> output: T",
    .infer = infer_broadcast,
    .reference = reference_next_after,
    .doc = "The float next to x1 in the direction of x2.",
};

}  // namespace isomer::ops
