// Functions of numbers, element by element, and products of matrices.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "layers/functions.h"
#include "layers/layer_classes.h"

namespace isomer::layers {
namespace {

constexpr std::string_view kOne = "x|input|tensor|features|t|a";
constexpr std::string_view kTwo = "x1|x|a|input|arg1 x2|y|b|other|arg2";

void unary(FunctionCall& f) { f.give(f.e.make(f.def.op, {f.tensor("x")})); }
void unary_float(FunctionCall& f) { f.give(f.e.make(f.def.op, {f.floating("x")})); }
void logical_not(FunctionCall& f) { f.give(f.e.make("LogicalNot", {f.e.cast(f.tensor("x"), DType::kBool)})); }
void identity(FunctionCall& f) { f.give(f.tensor("x")); }
void log_base(FunctionCall& f, double base) { f.give(f.e.multiply(f.e.make("Log", {f.floating("x")}), 1 / std::log(base))); }
void scaled(FunctionCall& f, double factor) { f.give(f.e.multiply(f.floating("x"), factor)); }

// Integers have no remainder to round away.
void rounding(FunctionCall& f) {
  const Value x = f.tensor("x");
  const bool whole = !is_float(f.e.dtype(x));
  f.give(!whole ? f.e.make(f.def.op, {x}) : f.of_tensorflow ? x : f.e.cast(x, DType::kFloat32));
}

// Of these an integer is none.
void kind_of_float(FunctionCall& f) { f.give(f.e.make(f.def.op, {f.floating("x")})); }

void binary(FunctionCall& f) {
  auto [a, b] = f.pair();
  if (f.e.dtype(a) == DType::kBool && f.def.op != "Equal" && f.def.op != "NotEqual") {
    a = f.e.cast(a, DType::kInt32);
    b = f.e.cast(b, DType::kInt32);
  }
  f.give(f.e.make(f.def.op, {a, b}));
}

void binary_float(FunctionCall& f) {
  auto [a, b] = f.pair();
  // TensorFlow divides integers in float64, Keras in float32.
  const DType dtype = is_float(f.e.dtype(a)) || is_complex(f.e.dtype(a)) ? f.e.dtype(a) : f.of_tensorflow ? DType::kFloat64 : DType::kFloat32;
  f.give(f.e.make(f.def.op, {f.e.cast(a, dtype), f.e.cast(b, dtype)}));
}

void logical(FunctionCall& f) {
  const auto [a, b] = f.pair();
  f.give(f.e.make(f.def.op, {f.e.cast(a, DType::kBool), f.e.cast(b, DType::kBool)}));
}

void logical_xor(FunctionCall& f) {
  const auto [a, b] = f.pair();
  f.give(f.e.make("NotEqual", {f.e.cast(a, DType::kBool), f.e.cast(b, DType::kBool)}));
}

void hypot(FunctionCall& f) {
  const auto [a, b] = f.pair();
  f.give(f.e.make("Sqrt", {f.e.add(f.e.multiply(a, a), f.e.multiply(b, b))}));
}

// max + log(1 + exp(-|a - b|))
void logaddexp(FunctionCall& f) {
  auto [a, b] = f.pair();
  if (!is_float(f.e.dtype(a))) {
    a = f.e.cast(a, DType::kFloat32);
    b = f.e.cast(b, DType::kFloat32);
  }
  const Value distance = f.e.make("Abs", {f.e.subtract(a, b)});
  f.give(f.e.add(f.e.make("Maximum", {a, b}), f.e.make("Log1p", {f.e.make("Exp", {f.e.make("Neg", {distance})})})));
}

void is_close(FunctionCall& f) {
  Emitter& e = f.e;
  auto [a, b] = f.pair();
  if (!is_float(e.dtype(a))) {
    a = e.cast(a, DType::kFloat32);
    b = e.cast(b, DType::kFloat32);
  }
  const Value bound = e.add(e.multiply(e.make("Abs", {b}), f.number("rtol", 1e-5)), f.number("atol", 1e-8));
  f.give(e.make("LogicalOr", {e.make("LessEqual", {e.make("Abs", {e.subtract(a, b)}), bound}), e.make("Equal", {a, b})}));
}

void clip(FunctionCall& f) {
  const Value x = f.tensor("x");
  // A bound that is a float makes integers floats, as other operands do.
  const auto bounded = [&](Value value, std::string_view bound, std::string_view op) {
    const Value limit = f.tensor(bound, value);
    const DType common = promoted(f.e.dtype(value), f.e.dtype(limit));
    return f.e.make(op, {f.e.cast(value, common), f.e.cast(limit, common)});
  };
  f.give(bounded(bounded(x, "x_min", "Maximum"), "x_max", "Minimum"));
}

void cast(FunctionCall& f) { f.give(f.e.cast(f.tensor("x"), f.dtype("dtype", DType::kFloat32))); }

void nan_to_num(FunctionCall& f) {
  Emitter& e = f.e;
  const Value x = f.floating("x");
  const double most = e.dtype(x) == DType::kHalf ? 65504.0 : 3.4028234663852886e38;
  Value y = e.select(e.make("IsNan", {x}), e.make("Fill", {e.make("Shape", {x}), e.like(x, f.number("nan", 0))}), x);
  const Value infinite = e.make("IsInf", {x}), positive = e.make("Greater", {x, e.like(x, 0)});
  const Value ends = e.select(positive, e.like(x, f.number("posinf", most)), e.like(x, f.number("neginf", -most)));
  f.give(e.select(infinite, ends, y));
}

// --- products

// Vectors become matrices for the product, and what was added goes again.
Value product(FunctionCall& f, Value a, Value b, bool adjoint_a, bool adjoint_b) {
  Emitter& e = f.e;
  const bool row = e.rank(a) == 1, column = e.rank(b) == 1;
  if (row) a = e.expand(a, 0);
  if (column) b = e.expand(b, 1);
  const bool plain = e.rank(a) == 2 && e.rank(b) == 2;
  Value y = plain ? e.make("MatMul", {a, b}, {{"transpose_a", adjoint_a}, {"transpose_b", adjoint_b}})
                  : e.make("BatchMatMulV2", {a, b}, {{"adj_x", adjoint_a}, {"adj_y", adjoint_b}});
  if (row) y = e.squeeze(y, column ? -2 : e.rank(y) - 2);
  return column ? e.squeeze(y, e.rank(y) - 1) : y;
}

void matmul(FunctionCall& f) {
  const auto [a, b] = f.pair();
  f.give(product(f, a, b, f.boolean("transpose_a", false), f.boolean("transpose_b", false)));
}

// The letters of a tensor's axes; those of `shared` are given.
std::string letters(int64_t rank, char first, std::span<const int64_t> axes, std::string_view shared) {
  std::string text;
  for (int64_t i = 0; i < rank; ++i) {
    const auto it = std::find(axes.begin(), axes.end(), i);
    text += it == axes.end() ? static_cast<char>(first + i) : shared[static_cast<size_t>(it - axes.begin())];
  }
  return text;
}

void contract(FunctionCall& f, Value a, Value b, std::vector<int64_t> of_a, std::vector<int64_t> of_b) {
  Emitter& e = f.e;
  for (int64_t& axis : of_a) axis = positive_axis(e, a, axis);
  for (int64_t& axis : of_b) axis = positive_axis(e, b, axis);
  if (of_a.size() != of_b.size() || of_a.size() > 8 || e.rank(a) > 8 || e.rank(b) > 8) return f.unsupported("with these axes");
  const std::string shared = std::string("stuvwxyz").substr(0, of_a.size());
  const std::string left = letters(e.rank(a), 'A', of_a, shared), right = letters(e.rank(b), 'K', of_b, shared);
  std::string out;
  for (const char letter : left + right)
    if (shared.find(letter) == std::string::npos) out += letter;
  const Value inputs[] = {a, b};
  f.give(e.make("Einsum", inputs, {{"equation", left + "," + right + "->" + out}}));
}

void dot(FunctionCall& f) {
  const auto [a, b] = f.pair();
  const int64_t ranks[] = {f.e.rank(a), f.e.rank(b)};
  if (ranks[0] == 0 || ranks[1] == 0) return f.give(f.e.multiply(a, b));
  if (ranks[1] <= 2) return f.give(product(f, a, b, false, false));
  contract(f, a, b, {ranks[0] - 1}, {ranks[1] - 2});
}

void tensordot(FunctionCall& f) {
  const auto [a, b] = f.pair();
  const JsonValue* axes = f.argument("axes");
  if (axes && axes->is_array() && axes->items().size() == 2) {
    std::vector<int64_t> sides[2];
    for (size_t i = 0; i < 2; ++i) {
      const JsonValue& side = axes->items()[i];
      if (const auto many = dimensions(side)) {
        sides[i] = *many;
      } else if (const auto one = side.as_int64()) {
        sides[i] = {*one};
      } else {
        return f.unsupported("with axes that are no numbers");
      }
    }
    return contract(f, a, b, sides[0], sides[1]);
  }
  const int64_t count = f.integer("axes", 2);
  std::vector<int64_t> last, first;
  for (int64_t i = 0; i < count; ++i) {
    last.push_back(f.e.rank(a) - count + i);
    first.push_back(i);
  }
  contract(f, a, b, last, first);
}

void outer(FunctionCall& f) {
  const auto [a, b] = f.pair();
  f.give(f.e.multiply(f.e.reshape(a, {-1, 1}), f.e.reshape(b, {1, -1})));
}

// The operands are all tensors of the call, whatever the function counts as its parameters.
void einsum(FunctionCall& f) {
  Emitter& e = f.e;
  std::string equation = f.text("subscripts", "");
  for (const JsonValue& item : f.call.call.args.items())
    if (item.is_string()) equation = item.text();
  std::erase(equation, ' ');
  std::vector<Value> inputs;
  for (size_t i = 0; i < f.call.inputs.size(); ++i) inputs.push_back(f.call.input(i));
  if (inputs.empty() || inputs.size() > 2) return f.unsupported("of " + std::to_string(inputs.size()) + " tensors");
  if (inputs.size() == 2) {
    const DType common = promoted(e.dtype(inputs[0]), e.dtype(inputs[1]));
    for (Value& input : inputs) input = e.cast(input, common);
  }
  if (equation.find("->") == std::string::npos) {
    // What occurs once stays, in the order of the alphabet.
    std::string out;
    for (int letter = 'A'; letter <= 'z'; ++letter)
      if (std::isalpha(letter) && std::count(equation.begin(), equation.end(), static_cast<char>(letter)) == 1) out += static_cast<char>(letter);
    equation += "->" + std::string(equation.find("...") != std::string::npos ? "..." : "") + out;
  }
  f.give(e.make("Einsum", inputs, {{"equation", equation}}));
}

constexpr FunctionDef kRows[] = {
    {"absolute", kOne, unary, "Abs"},
    {"abs", kOne, unary, "Abs"},
    {"add", kTwo, binary, "AddV2"},
    {"arccos", kOne, unary_float, "Acos"},
    {"arccosh", kOne, unary_float, "Acosh"},
    {"arcsin", kOne, unary_float, "Asin"},
    {"arcsinh", kOne, unary_float, "Asinh"},
    {"arctan", kOne, unary_float, "Atan"},
    {"arctan2", "x1|y x2|x", binary_float, "Atan2"},
    {"arctanh", kOne, unary_float, "Atanh"},
    {"bitwise_and", kTwo, binary, "BitwiseAnd"},
    {"bitwise_invert", kOne, unary, "Invert"},
    {"bitwise_left_shift", kTwo, binary, "LeftShift"},
    {"bitwise_not", kOne, unary, "Invert"},
    {"bitwise_or", kTwo, binary, "BitwiseOr"},
    {"bitwise_right_shift", kTwo, binary, "RightShift"},
    {"bitwise_xor", kTwo, binary, "BitwiseXor"},
    {"cast", "x|value dtype", cast},
    {"ceil", kOne, rounding, "Ceil"},
    {"clip", "x|t|x1 x_min|clip_value_min|min_value x_max|clip_value_max|max_value", clip},
    {"conj", kOne, unary, "Conj"},
    {"conjugate", kOne, unary, "Conj"},
    {"copy", kOne, identity},
    {"convert_to_tensor", "x|value", identity},
    {"cos", kOne, unary_float, "Cos"},
    {"cosh", kOne, unary_float, "Cosh"},
    {"deg2rad", kOne, [](FunctionCall& f) { scaled(f, std::numbers::pi / 180); }},
    {"digamma", kOne, unary_float, "Digamma"},
    {"divide", kTwo, binary_float, "RealDiv"},
    {"divide_no_nan", kTwo, binary_float, "DivNoNan"},
    {"dot", kTwo, dot},
    {"einsum", "subscripts|equation", einsum},
    {"equal", kTwo, binary, "Equal"},
    {"erf", kOne, unary_float, "Erf"},
    {"erfc", kOne, unary_float, "Erfc"},
    {"erfinv", kOne, unary_float, "Erfinv"},
    {"exp", kOne, unary_float, "Exp"},
    {"exp2", kOne, [](FunctionCall& f) { f.give(f.e.make("Exp", {f.e.multiply(f.floating("x"), std::numbers::ln2)})); }},
    {"expm1", kOne, unary_float, "Expm1"},
    {"floor", kOne, rounding, "Floor"},
    {"floor_divide", kTwo, binary, "FloorDiv"},
    {"greater", kTwo, binary, "Greater"},
    {"greater_equal", kTwo, binary, "GreaterEqual"},
    {"hypot", kTwo, hypot},
    {"identity", kOne, identity},
    {"imag", kOne, unary, "Imag"},
    {"isclose", "x1|x x2|y rtol atol", is_close},
    {"isfinite", kOne, kind_of_float, "IsFinite"},
    {"is_finite", kOne, kind_of_float, "IsFinite"},
    {"isinf", kOne, kind_of_float, "IsInf"},
    {"is_inf", kOne, kind_of_float, "IsInf"},
    {"isnan", kOne, kind_of_float, "IsNan"},
    {"is_nan", kOne, kind_of_float, "IsNan"},
    {"less", kTwo, binary, "Less"},
    {"less_equal", kTwo, binary, "LessEqual"},
    {"lgamma", kOne, unary_float, "Lgamma"},
    {"log", kOne, unary_float, "Log"},
    {"log10", kOne, [](FunctionCall& f) { log_base(f, 10); }},
    {"log1p", kOne, unary_float, "Log1p"},
    {"log2", kOne, [](FunctionCall& f) { log_base(f, 2); }},
    {"logaddexp", kTwo, logaddexp},
    {"logical_and", kTwo, logical, "LogicalAnd"},
    {"logical_not", kOne, logical_not},
    {"logical_or", kTwo, logical, "LogicalOr"},
    {"logical_xor", kTwo, logical_xor},
    {"matmul", "x1|a x2|b transpose_a transpose_b", matmul},
    {"maximum", kTwo, binary, "Maximum"},
    {"minimum", kTwo, binary, "Minimum"},
    {"mod", kTwo, binary, "FloorMod"},
    {"multiply", kTwo, binary, "Mul"},
    {"nan_to_num", "x nan posinf neginf", nan_to_num},
    {"negative", kOne, unary, "Neg"},
    {"not_equal", kTwo, binary, "NotEqual"},
    {"outer", kTwo, outer},
    {"power", kTwo, binary, "Pow"},
    {"rad2deg", kOne, [](FunctionCall& f) { scaled(f, 180 / std::numbers::pi); }},
    {"real", kOne, unary, "Real"},
    {"reciprocal", kOne, unary_float, "Reciprocal"},
    {"remainder", kTwo, binary, "FloorMod"},
    {"rint", kOne, rounding, "Rint"},
    {"round", kOne, rounding, "Round"},
    {"rsqrt", kOne, unary_float, "Rsqrt"},
    {"sign", kOne, unary, "Sign"},
    {"sin", kOne, unary_float, "Sin"},
    {"sinh", kOne, unary_float, "Sinh"},
    {"sqrt", kOne, unary_float, "Sqrt"},
    {"square", kOne, unary, "Square"},
    {"squared_difference", kTwo, binary, "SquaredDifference"},
    {"stop_gradient", "x|variable|input", identity},
    {"subtract", kTwo, binary, "Sub"},
    {"tan", kOne, unary_float, "Tan"},
    {"tanh", kOne, unary_float, "Tanh"},
    {"tensordot", "x1|a x2|b axes", tensordot},
    {"true_divide", kTwo, binary_float, "RealDiv"},
};

}  // namespace

std::span<const FunctionDef> math_functions() { return kRows; }

}  // namespace isomer::layers
