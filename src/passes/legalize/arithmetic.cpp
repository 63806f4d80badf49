// Elementwise arithmetic. Formulas are TensorFlow's definitions (array_ops, math_ops) unless a rule says otherwise; all are safe for every shape.
#include <cmath>

#include "passes/build.h"

namespace isomer::passes {
namespace {

// TensorFlow rounds quotients of integers towards zero; FloorDiv rounds down, which is the same for magnitudes.
Term signs(Term x) { return x.builder().make("Sign", {x}); }
bool is_unsigned(DType dtype) { return is_integer(dtype) && !is_signed_integer(dtype); }

Term where_zero(Term x, Term otherwise) { return select(equal(x, 0), x.builder().number(otherwise.dtype(), 0), otherwise); }

}  // namespace

// Before: FloorDiv(x, y) of floats   After: Floor(RealDiv(x, y))
Result<bool> lower_floor_div(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  if (!is_float(b.result_dtype())) return refuse(reason, "only quotients of floats are rewritten");
  return b.replace(floor(b.input(0) / b.input(1)));
}

// Before: TruncateDiv(x, y), Div(x, y) of integers   After: Sign(x) * Sign(y) * FloorDiv(Abs(x), Abs(y))
Result<bool> lower_truncate_div(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term x = b.input(0), y = b.input(1);
  if (is_unsigned(x.dtype())) return b.replace(floor_div(x, y));
  if (is_integer(x.dtype())) return b.replace(signs(x) * signs(y) * floor_div(abs(x), abs(y)));
  if (is_float(x.dtype()) && context.graph.node(node).is("Div")) return b.replace(x / y);
  return refuse(reason, "only quotients of integers are rewritten");
}

// Before: Mod(x, y), TruncateMod(x, y)   After: m = FloorMod(Abs(x), Abs(y)); SelectV2(x < 0, -m, m)
Result<bool> lower_truncate_mod(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const Term x = b.input(0), y = b.input(1);
  if (is_unsigned(x.dtype())) return b.replace(floor_mod(x, y));
  const Term m = floor_mod(abs(x), abs(y));
  return b.replace(select(less(x, 0), -m, m));
}

// Before: Sign(x) of floats   After: SelectV2(IsNan(x), x, Sign(x))
Result<bool> lower_sign(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const Term x = b.input(0);
  return b.replace(select(b.make("IsNan", {x}), x, signs(x)));
}

// Before: Erfc(x)   After: 1 - Erf(x)
// The error is absolute, 1e-6: beyond x = 3 no digit is right, where the result itself is below 3e-5.
Result<bool> lower_erfc(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  return b.replace(1 - b.make("Erf", {b.input(0)}));
}

// Before: Rint(x)   After: Round(x)      (both round halves to even)
Result<bool> lower_rint(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  return b.replace(b.make("Round", {b.input(0)}));
}

// Before: Inv(x)   After: Reciprocal(x)
Result<bool> lower_inv(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  return b.replace(b.make("Reciprocal", {b.input(0)}));
}

// Before: Softsign(x)   After: x / (1 + Abs(x))
Result<bool> lower_softsign(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const Term x = b.input(0);
  return b.replace(x / (abs(x) + 1));
}

// Before: Xlogy(x, y)   After: SelectV2(x == 0, 0, x * Log(y))
Result<bool> lower_xlogy(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const Term x = b.input(0);
  return b.replace(where_zero(x, x * log(b.input(1))));
}

// Before: Xlog1py(x, y)   After: SelectV2(x == 0, 0, x * Log1p(y))
Result<bool> lower_xlog1py(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const Term x = b.input(0);
  return b.replace(where_zero(x, x * b.make("Log1p", {b.input(1)})));
}

// Before: Xdivy(x, y)   After: SelectV2(x == 0, 0, x / y)
Result<bool> lower_xdivy(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const Term x = b.input(0);
  return b.replace(where_zero(x, x / b.input(1)));
}

// Before: MulNoNan(x, y)   After: SelectV2(y == 0, 0, x * y)
Result<bool> lower_mul_no_nan(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  return b.replace(where_zero(b.input(1), b.input(0) * b.input(1)));
}

// Before: Angle(x)   After: Atan2(Imag(x), Real(x))
Result<bool> lower_angle(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const ir::AttributeMap part = {{"Tout", b.result_dtype()}};
  return b.replace(b.make("Atan2", {b.make("Imag", {b.input(0)}, part), b.make("Real", {b.input(0)}, part)}));
}

// Before: ApproximateEqual(x, y) {tolerance}   After: Abs(x - y) < tolerance
Result<bool> lower_approximate_equal(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term x = b.input(0);
  if (!is_float(x.dtype())) return refuse(reason, "only floats are compared with a tolerance");
  return b.replace(less(abs(x - b.input(1)), b.attribute("tolerance", 1e-5f)));
}

// Before: L2Loss(x)   After: Sum(Square(x)) / 2
Result<bool> lower_l2_loss(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  return b.replace(sum(flatten(square(b.input(0))), 0) * 0.5);
}

// Before: Erfinv(x)   After: polynomials in w = -Log((1 - x) (1 + x)), one for w < 5 and one for the tails
// M. Giles, "Approximating the erfinv function" (2010), single precision: relative error below 4e-7. At -1 and 1 it gives infinities.
Result<bool> lower_erfinv(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  static constexpr double kCentre[] = {2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
                                       -0.00125372503, -0.00417768164, 0.246640727,    1.50140941};
  static constexpr double kTail[] = {-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
                                     -0.0076224613,   0.00943887047,  1.00167406,    2.83297682};
  const auto polynomial = [](std::span<const double> coefficients, Term at) {
    Term result = at * coefficients[0] + coefficients[1];
    for (size_t i = 2; i < coefficients.size(); ++i) result = result * at + coefficients[i];
    return result;
  };
  const Term x = b.input(0);
  const Term w = -log((1 - x) * (x + 1));
  const Term inner = polynomial(kCentre, w - 2.5) * x;
  const Term outer = polynomial(kTail, b.make("Sqrt", {w}) - 3) * x;
  const Term infinite = x * b.number(x.dtype(), INFINITY);
  return b.replace(select(less(w, 5), inner, select(equal(abs(x), 1), infinite, outer)));
}

// Before: Ndtri(p)   After: Sqrt(2) * Erfinv(2 p - 1)
Result<bool> lower_ndtri(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  return b.replace(b.make("Erfinv", {b.input(0) * 2 - 1}) * std::sqrt(2.0));
}

// Before: Op(x, ...) on 8 or 16 bit integers   After: Cast(Op(Cast(x, int32), ...), the dtype)
// The Cast back is then itself rewritten where the result may not fit. int32 holds every intermediate of one such op but Mul of uint16, Pow, Prod and
// Cumprod, which wrap modulo 2^32 and so still end right.
Result<bool> widen_integers(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const DType dtype = b.result_dtype();
  if (!is_integer(dtype) || element_size(dtype) > 2) return refuse(reason, "");
  std::vector<Term> wide;
  for (const Term& input : b.inputs()) wide.push_back(input.dtype() == dtype ? cast(input, DType::kInt32) : input);
  const auto results = b.again(wide);
  return b.replace(results.empty() ? Term(b, {}) : cast(results[0], dtype));
}

// Before: Add(x, y)   After: AddV2(x, y), widened where needed
Result<bool> lower_add(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  if (b.result_dtype() == DType::kString) return refuse(reason, "strings cannot be joined in tf.js");
  return widen_integers(context, node, reason);
}

}  // namespace isomer::passes
