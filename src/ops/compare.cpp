// Comparisons and logic of two operands, with broadcasting; the result is bool.
#include "ops/compare.h"

#include <cmath>

#include "ops/kernel.h"

namespace isomer::ops {
namespace {

using namespace ir;

enum class Relation { kLess, kLessEqual, kGreater, kGreaterEqual };

template <Relation relation, class T>
int64_t holds(T x, T y) {
  switch (relation) {
    case Relation::kLess: return x < y;
    case Relation::kLessEqual: return x <= y;
    case Relation::kGreater: return x > y;
    case Relation::kGreaterEqual: return x >= y;
  }
}

Result<void> infer_order(InferContext& c) {
  if (!is_float(c.input_type(0).dtype) && !is_integer(c.input_type(0).dtype)) return dtype_error(c.op(), c.input_type(0).dtype);
  return infer_broadcast(c);
}
template <Relation relation>
Result<Outputs> reference_order(EvalContext& c, Inputs inputs) {
  const Tensor& a = *TRY(tensor_input(c, inputs, 0));
  const Tensor& b = *TRY(tensor_input(c, inputs, 1));
  if (is_float(a.dtype())) return one(TRY(map_pairs<double, int64_t>(c, a, b, DType::kBool, holds<relation, double>)));
  if (!is_integer(a.dtype())) return dtype_error(c, a.dtype());
  if (a.dtype() != DType::kUint64) return one(TRY(map_pairs<int64_t, int64_t>(c, a, b, DType::kBool, holds<relation, int64_t>)));
  return one(TRY(map_pairs<int64_t, int64_t>(c, a, b, DType::kBool,
                                             [](int64_t x, int64_t y) { return holds<relation>(static_cast<uint64_t>(x), static_cast<uint64_t>(y)); })));
}

// --- equality

Result<void> infer_equal(InferContext& c) {
  auto shape = broadcast(c.shape(0), c.shape(1));
  if (shape) {
    // Unknown dimensions may turn out not to fit, and then the result is a scalar.
    if (!c.as<EqualAttributes>().incompatible_shape_error && !(c.shape(0).fully_known() && c.shape(1).fully_known())) shape = PartialShape::unknown();
  } else {
    if (c.as<EqualAttributes>().incompatible_shape_error) return fail(std::move(shape.error()));
    shape = PartialShape::scalar();
  }
  c.set_shape(0, std::move(*shape));
  return {};
}

Result<Tensor> equal_strings(EvalContext& c, const Tensor& a, const Tensor& b, bool wanted) {
  Shape shape = TRY(broadcast(a.shape(), b.shape()));
  MutableTensor y = TRY(c.allocate(DType::kBool, std::move(shape)));
  const BroadcastReader left(a, y.shape()), right(b, y.shape());
  for (int64_t i = 0; i < y.elements(); ++i) y.as<uint8_t>()[i] = (a.string_at(left.offset(i)) == b.string_at(right.offset(i))) == wanted;
  return std::move(y).finish();
}

template <bool wanted>
Result<Outputs> reference_equal(EvalContext& c, Inputs inputs) {
  const Tensor& a = *TRY(tensor_input(c, inputs, 0));
  const Tensor& b = *TRY(tensor_input(c, inputs, 1));
  if (!c.as<EqualAttributes>().incompatible_shape_error && !broadcast(a.shape(), b.shape())) return one(Tensor::scalar(!wanted));
  switch (type_class(a.dtype())) {
    case TypeClass::kFloat: return one(TRY(map_pairs<double, int64_t>(c, a, b, DType::kBool, [](double x, double y) { return (x == y) == wanted; })));
    case TypeClass::kBool:
    case TypeClass::kInteger: return one(TRY(map_pairs<int64_t, int64_t>(c, a, b, DType::kBool, [](int64_t x, int64_t y) { return (x == y) == wanted; })));
    case TypeClass::kComplex: return one(TRY(map_pairs<Complex, int64_t>(c, a, b, DType::kBool, [](Complex x, Complex y) { return (x == y) == wanted; })));
    case TypeClass::kString: return one(TRY(equal_strings(c, a, b, wanted)));
    default: return dtype_error(c, a.dtype());
  }
}

Result<void> infer_approximate_equal(InferContext& c) {
  c.set_shape(0, TRY(merge(c.shape(0), c.shape(1))));
  return {};
}
Result<Outputs> reference_approximate_equal(EvalContext& c, Inputs inputs) {
  const Tensor& a = *TRY(tensor_input(c, inputs, 0));
  const Tensor& b = *TRY(tensor_input(c, inputs, 1));
  if (a.shape() != b.shape()) return input_error("both inputs must have one shape, found " + to_string(a.shape()) + " and " + to_string(b.shape()));
  const double tolerance = c.as<ApproximateEqualAttributes>().tolerance;
  if (is_complex(a.dtype()))
    return one(TRY(map_pairs<Complex, int64_t>(c, a, b, DType::kBool, [&](Complex x, Complex y) { return std::abs(x - y) <= tolerance; })));
  if (!is_float(a.dtype()) && !is_integer(a.dtype())) return dtype_error(c, a.dtype());
  if (is_float(a.dtype()))
    return one(TRY(map_pairs<double, int64_t>(c, a, b, DType::kBool, [&](double x, double y) { return std::fabs(x - y) <= tolerance; })));
  // The difference of integers is one of their dtype, and the tolerance is cut to it.
  const auto limit = static_cast<int64_t>(std::clamp(tolerance, -9e18, 9e18));
  return one(TRY(map_pairs<int64_t, int64_t>(c, a, b, DType::kBool, [&](int64_t x, int64_t y) {
    return static_cast<int64_t>(x < y ? static_cast<uint64_t>(y) - static_cast<uint64_t>(x) : static_cast<uint64_t>(x) - static_cast<uint64_t>(y)) <= limit;
  })));
}

// --- logic

template <bool conjunction>
Result<Outputs> reference_logical(EvalContext& c, Inputs inputs) {
  const Tensor& a = *TRY(tensor_input(c, inputs, 0));
  const Tensor& b = *TRY(tensor_input(c, inputs, 1));
  return one(TRY(map_pairs<int64_t, int64_t>(c, a, b, DType::kBool, [](int64_t x, int64_t y) { return conjunction ? x & y : x | y; })));
}

}  // namespace

#define ORDER_OP(Name, relation, text)        \
  constinit const OpDef kOp_##Name = {        \
      .name = #Name,                          \
      .signature = "x: T, y: T -> z: bool",   \
      .infer = infer_order,                   \
      .reference = reference_order<relation>, \
      .doc = text,                            \
  };
ORDER_OP(Greater, Relation::kGreater, "True where x > y; broadcasts.")
ORDER_OP(GreaterEqual, Relation::kGreaterEqual, "True where x >= y; broadcasts.")
ORDER_OP(Less, Relation::kLess, "True where x < y; broadcasts.")
ORDER_OP(LessEqual, Relation::kLessEqual, "True where x <= y; broadcasts.")
#undef ORDER_OP

constinit const OpDef kOp_Equal = {
    .name = "Equal",
    .signature = "x: T, y: T -> z: bool",
    .make_attributes = &make_attributes<EqualAttributes>,
    .infer = infer_equal,
    .reference = reference_equal<true>,
    .doc = "True where x == y; broadcasts. Takes every dtype with elements.",
};
constinit const OpDef kOp_NotEqual = {
    .name = "NotEqual",
    .signature = "x: T, y: T -> z: bool",
    .make_attributes = &make_attributes<EqualAttributes>,
    .infer = infer_equal,
    .reference = reference_equal<false>,
    .doc = "True where x != y; broadcasts. Takes every dtype with elements.",
};
constinit const OpDef kOp_ApproximateEqual = {
    .name = "ApproximateEqual",
    .signature = "x: T, y: T -> z: bool",
    .make_attributes = &make_attributes<ApproximateEqualAttributes>,
    .infer = infer_approximate_equal,
    .reference = reference_approximate_equal,
    .doc = "True where |x - y| <= tolerance; x and y have one shape.",
};
constinit const OpDef kOp_LogicalAnd = {
    .name = "LogicalAnd",
    .signature = "x: bool, y: bool -> z: bool",
    .infer = infer_broadcast,
    .reference = reference_logical<true>,
    .doc = "True where both are true; broadcasts.",
};
constinit const OpDef kOp_LogicalOr = {
    .name = "LogicalOr",
    .signature = "x: bool, y: bool -> z: bool",
    .infer = infer_broadcast,
    .reference = reference_logical<false>,
    .doc = "True where either is true; broadcasts.",
};

}  // namespace isomer::ops
