// Reductions: Sum, Mean, Prod, Max, Min, All, Any, EuclideanNorm over the axes that the second input names, and L2Loss over everything.
//
// The input is read once, in order; each element is folded into the accumulator of its result. Floats accumulate in double.
#include "ops/reduction.h"

#include <cmath>
#include <limits>

#include "ops/kernel.h"

namespace isomer::ops {
namespace {

using namespace ir;

// A fold: the accumulator's first value, a step, and what becomes of the accumulator of `count` elements.
template <class T>
struct Fold {
  T first;
  T (*step)(T, T);
  T (*finish)(T, int64_t count) = nullptr;
};

// The shape without the reduced dimensions, or with 1 in their place.
Shape reduced_shape(const Shape& shape, const std::vector<bool>& reduced, bool keep_dims) {
  Shape result;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (!reduced[d]) {
      result.push_back(shape[d]);
    } else if (keep_dims) {
      result.push_back(1);
    }
  }
  return result;
}

template <class T>
Result<Tensor> reduce(EvalContext& c, const Tensor& x, const std::vector<bool>& reduced, bool keep_dims, const Fold<T>& fold) {
  MutableTensor y = TRY(c.allocate(x.dtype(), reduced_shape(x.shape(), reduced, keep_dims)));
  std::vector<T> sums(static_cast<size_t>(y.elements()), fold.first);
  const Shape kept = reduced_shape(x.shape(), reduced, true);
  Odometer at(x.shape(), {broadcast_strides(kept, x.shape())});
  std::vector<T> block(static_cast<size_t>(kBlock));
  for_blocks(x.elements(), [&](int64_t first, int64_t count) {
    load(x, first, std::span<T>(block.data(), static_cast<size_t>(count)));
    for (int64_t i = 0; i < count; ++i, at.next()) {
      T& sum = sums[static_cast<size_t>(at.offset(0))];
      sum = fold.step(sum, block[static_cast<size_t>(i)]);
    }
  });
  if (fold.finish) {
    const int64_t count = sums.empty() ? 0 : x.elements() / y.elements();
    for (T& sum : sums) sum = fold.finish(sum, count);
  }
  store(y, 0, std::span<const T>(sums));
  return std::move(y).finish();
}

// --- the folds

int64_t lowest(DType dtype) { return is_signed_integer(dtype) ? -(int64_t{1} << (element_size(dtype) * 8 - 2)) * 2 : 0; }
int64_t highest(DType dtype) {
  if (dtype == DType::kUint64) return -1;  // all bits
  return is_signed_integer(dtype) ? -(lowest(dtype) + 1) : (int64_t{1} << (element_size(dtype) * 8)) - 1;
}
bool less_unsigned(int64_t a, int64_t b) { return static_cast<uint64_t>(a) < static_cast<uint64_t>(b); }

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Sum {
  static Fold<double> floats() {
    return {0, [](double a, double x) { return a + x; }};
  }
  static Fold<int64_t> integers(DType) { return {0, wrapping_add}; }
  static Fold<Complex> complex() {
    return {0, [](Complex a, Complex x) { return a + x; }};
  }
};
struct Mean {
  static Fold<double> floats() {
    return {0, [](double a, double x) { return a + x; }, [](double a, int64_t n) { return a / static_cast<double>(n); }};
  }
  static Fold<int64_t> integers(DType dtype) {
    if (dtype == DType::kUint64)
      return {0, wrapping_add, [](int64_t a, int64_t n) { return n ? static_cast<int64_t>(static_cast<uint64_t>(a) / static_cast<uint64_t>(n)) : 0; }};
    return {0, wrapping_add, [](int64_t a, int64_t n) { return n ? a / n : 0; }};
  }
  static Fold<Complex> complex() {
    return {0, [](Complex a, Complex x) { return a + x; }, [](Complex a, int64_t n) { return a / static_cast<double>(n); }};
  }
};
struct Prod {
  static Fold<double> floats() {
    return {1, [](double a, double x) { return a * x; }};
  }
  static Fold<int64_t> integers(DType) { return {1, wrapping_multiply}; }
  static Fold<Complex> complex() {
    return {1, [](Complex a, Complex x) { return a * x; }};
  }
};
struct Max {
  static Fold<double> floats() {
    return {-kInfinity, [](double a, double x) { return std::isnan(a) || a > x ? a : x; }};
  }
  static Fold<int64_t> integers(DType dtype) {
    if (dtype == DType::kUint64) return {0, [](int64_t a, int64_t x) { return less_unsigned(a, x) ? x : a; }};
    return {lowest(dtype), [](int64_t a, int64_t x) { return std::max(a, x); }};
  }
};
struct Min {
  static Fold<double> floats() {
    return {kInfinity, [](double a, double x) { return std::isnan(a) || a < x ? a : x; }};
  }
  static Fold<int64_t> integers(DType dtype) {
    if (dtype == DType::kUint64) return {highest(dtype), [](int64_t a, int64_t x) { return less_unsigned(x, a) ? x : a; }};
    return {highest(dtype), [](int64_t a, int64_t x) { return std::min(a, x); }};
  }
};
struct EuclideanNorm {
  static Fold<double> floats() {
    return {0, [](double a, double x) { return a + x * x; }, [](double a, int64_t) { return std::sqrt(a); }};
  }
  static Fold<int64_t> integers(DType) {
    return {0, [](int64_t a, int64_t x) { return wrapping_add(a, wrapping_multiply(x, x)); },
            [](int64_t a, int64_t) { return static_cast<int64_t>(std::sqrt(static_cast<double>(a))); }};
  }
  static Fold<Complex> complex() {
    return {0, [](Complex a, Complex x) { return a + std::norm(x); }, [](Complex a, int64_t) -> Complex { return std::sqrt(a.real()); }};
  }
};
// Of bools as 0 and 1.
struct All {
  static Fold<int64_t> bools() {
    return {1, [](int64_t a, int64_t x) { return a & x; }};
  }
};
struct Any {
  static Fold<int64_t> bools() {
    return {0, [](int64_t a, int64_t x) { return a | x; }};
  }
};

template <class Rule>
constexpr bool takes(DType dtype) {
  switch (type_class(dtype)) {
    case TypeClass::kFloat: return requires { Rule::floats(); };
    case TypeClass::kInteger: return requires { Rule::integers(dtype); };
    case TypeClass::kComplex: return requires { Rule::complex(); };
    case TypeClass::kBool: return requires { Rule::bools(); };
    default: return false;
  }
}

template <class Rule>
Result<void> infer_reduction(InferContext& c) {
  if (!takes<Rule>(c.input_type(0).dtype)) return dtype_error(c.op(), c.input_type(0).dtype);
  const PartialShape& shape = c.shape(0);
  const bool keep_dims = c.as<ReductionAttributes>().keep_dims;
  const Tensor* axes = c.constant(1);
  if (!shape.has_rank()) return {};
  if (axes) {
    const auto reduced = TRY(reduction_axes(*axes, shape.rank()));
    c.set_shape(0, PartialShape(reduced_shape(shape.dims(), reduced, keep_dims)));
  } else if (keep_dims) {
    c.set_shape(0, PartialShape::of_rank(shape.rank()));
  } else if (const auto count = c.shape(1).elements(); count && *count <= shape.rank()) {
    c.set_shape(0, PartialShape::of_rank(shape.rank() - *count));
  }
  return {};
}

template <class Rule>
Result<Outputs> reference_reduction(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Tensor& axes = *TRY(tensor_input(c, inputs, 1));
  const auto reduced = TRY(reduction_axes(axes, x.rank()));
  const bool keep_dims = c.as<ReductionAttributes>().keep_dims;
  switch (type_class(x.dtype())) {
    case TypeClass::kFloat:
      if constexpr (requires { Rule::floats(); }) return one(TRY(reduce(c, x, reduced, keep_dims, Rule::floats())));
      break;
    case TypeClass::kInteger:
      if constexpr (requires { Rule::integers(DType::kInt32); }) return one(TRY(reduce(c, x, reduced, keep_dims, Rule::integers(x.dtype()))));
      break;
    case TypeClass::kComplex:
      if constexpr (requires { Rule::complex(); }) return one(TRY(reduce(c, x, reduced, keep_dims, Rule::complex())));
      break;
    case TypeClass::kBool:
      if constexpr (requires { Rule::bools(); }) return one(TRY(reduce(c, x, reduced, keep_dims, Rule::bools())));
      break;
    default: break;
  }
  return dtype_error(c, x.dtype());
}

Result<Outputs> reference_l2_loss(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  if (!is_float(x.dtype())) return dtype_error(c, x.dtype());
  const Fold<double> half_of_squares = {0, [](double a, double v) { return a + v * v; }, [](double a, int64_t) { return a / 2; }};
  return one(TRY(reduce(c, x, std::vector<bool>(x.shape().size(), true), false, half_of_squares)));
}

}  // namespace

#define REDUCTION_OP(Name, operands, text)                      \
  constinit const OpDef kOp_##Name = {                          \
      .name = #Name,                                            \
      .signature = operands,                                    \
      .make_attributes = &make_attributes<ReductionAttributes>, \
      .infer = infer_reduction<Name>,                           \
      .reference = reference_reduction<Name>,                   \
      .doc = text,                                              \
  };
REDUCTION_OP(All, "input: bool, reduction_indices: Tidx -> output: bool", "True where all elements along the axes are true.")
REDUCTION_OP(Any, "input: bool, reduction_indices: Tidx -> output: bool", "True where any element along the axes is true.")
REDUCTION_OP(EuclideanNorm, "input: T, reduction_indices: Tidx -> output: T", "The square root of the sum of squares along the axes.")
REDUCTION_OP(Max, "input: T, reduction_indices: Tidx -> output: T", "The largest element along the axes; the lowest value of the dtype where there is none.")
REDUCTION_OP(Mean, "input: T, reduction_indices: Tidx -> output: T",
             "The mean along the axes, in the dtype of the input: the mean of integers is cut to an integer.")
REDUCTION_OP(Min, "input: T, reduction_indices: Tidx -> output: T", "The smallest element along the axes; the highest value of the dtype where there is none.")
REDUCTION_OP(Prod, "input: T, reduction_indices: Tidx -> output: T", "The product along the axes; integers wrap.")
REDUCTION_OP(Sum, "input: T, reduction_indices: Tidx -> output: T", "The sum along the axes; integers wrap.")
#undef REDUCTION_OP

constinit const OpDef kOp_L2Loss = {
    .name = "L2Loss",
    .signature = "t: T -> output: T",
    .infer = infer_scalar,
    .reference = reference_l2_loss,
    .doc = "Half the sum of the squares of all elements.",
};

}  // namespace isomer::ops
