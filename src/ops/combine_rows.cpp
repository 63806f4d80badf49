#include "ops/combine_rows.h"

#include <limits>

namespace isomer::ops {
namespace {

using namespace ir;

double combined(double a, double b, Combine how) {
  switch (how) {
    case Combine::kAdd: return a + b;
    case Combine::kSubtract: return a - b;
    case Combine::kMultiply: return a * b;
    case Combine::kMaximum: return a < b ? b : a;
    case Combine::kMinimum: return b < a ? b : a;
  }
  return a;
}

Complex combined(Complex a, Complex b, Combine how) { return how == Combine::kAdd ? a + b : how == Combine::kSubtract ? a - b : a * b; }

// In two's complement; the store wraps to the dtype. Integers are compared as `Order`, int64_t or uint64_t.
template <class Order>
int64_t combined_integers(int64_t a, int64_t b, Combine how) {
  const auto x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);
  switch (how) {
    case Combine::kAdd: return static_cast<int64_t>(x + y);
    case Combine::kSubtract: return static_cast<int64_t>(x - y);
    case Combine::kMultiply: return static_cast<int64_t>(x * y);
    case Combine::kMaximum: return static_cast<Order>(a) < static_cast<Order>(b) ? b : a;
    case Combine::kMinimum: return static_cast<Order>(b) < static_cast<Order>(a) ? b : a;
  }
  return a;
}

template <class T, class F>
Result<Tensor> combine_as(EvalContext& c, const Tensor& start, std::span<const int64_t> rows, int64_t width, const Tensor& updates, F combine) {
  MutableTensor result = TRY(c.allocate(start.dtype(), start.shape()));
  std::vector<T> values = load_all<T>(start), row(static_cast<size_t>(width));
  for (size_t r = 0; r < rows.size(); ++r) {
    if (rows[r] < 0 || width == 0) continue;
    load(updates, static_cast<int64_t>(r) * width, std::span<T>(row));
    T* into = values.data() + rows[r] * width;
    for (size_t i = 0; i < row.size(); ++i) into[i] = combine(into[i], row[i]);
  }
  store(result, 0, std::span<const T>(values));
  return std::move(result).finish();
}

}  // namespace

Result<Tensor> combine_rows(EvalContext& c, const Tensor& start, std::span<const int64_t> rows, int64_t width, const Tensor& updates, Combine how) {
  const DType dtype = start.dtype();
  switch (type_class(dtype)) {
    case TypeClass::kFloat: return combine_as<double>(c, start, rows, width, updates, [how](double a, double b) { return combined(a, b, how); });
    case TypeClass::kInteger:
      if (dtype == DType::kUint64) {
        return combine_as<int64_t>(c, start, rows, width, updates, [how](int64_t a, int64_t b) { return combined_integers<uint64_t>(a, b, how); });
      }
      return combine_as<int64_t>(c, start, rows, width, updates, [how](int64_t a, int64_t b) { return combined_integers<int64_t>(a, b, how); });
    case TypeClass::kComplex:
      if (how == Combine::kMaximum || how == Combine::kMinimum) break;
      return combine_as<Complex>(c, start, rows, width, updates, [how](Complex a, Complex b) { return combined(a, b, how); });
    case TypeClass::kBool:
      if (how != Combine::kAdd) break;
      return combine_as<int64_t>(c, start, rows, width, updates, [](int64_t a, int64_t b) -> int64_t { return a != 0 || b != 0; });
    default: break;
  }
  return dtype_error(c, dtype);
}

namespace {

double largest(DType dtype) {
  switch (dtype) {
    case DType::kFloat32: return std::numeric_limits<float>::max();
    case DType::kHalf: return 65504;
    case DType::kBfloat16: return 3.3895313892515355e38;
    default: return std::numeric_limits<double>::max();
  }
}

int64_t integer_bound(DType dtype, bool highest) {
  const int64_t bits = 8 * element_size(dtype);
  if (is_signed_integer(dtype)) {
    const int64_t high = INT64_MAX >> (64 - bits);
    return highest ? high : -high - 1;
  }
  return highest ? static_cast<int64_t>(UINT64_MAX >> (64 - bits)) : 0;
}

}  // namespace

Result<Tensor> neutral_element(EvalContext& c, DType dtype, Combine how, bool infinite) {
  MutableTensor value = TRY(c.allocate(dtype, {}));
  const bool bound = how == Combine::kMaximum || how == Combine::kMinimum;
  const double unit = how == Combine::kMultiply ? 1 : 0;
  switch (type_class(dtype)) {
    case TypeClass::kFloat: {
      const double high = infinite ? std::numeric_limits<double>::infinity() : largest(dtype);
      store_doubles(value, 0, std::vector<double>{!bound ? unit : how == Combine::kMinimum ? high : -high});
      break;
    }
    case TypeClass::kInteger:
      store_int64s(value, 0, std::vector<int64_t>{bound ? integer_bound(dtype, how == Combine::kMinimum) : static_cast<int64_t>(unit)});
      break;
    case TypeClass::kComplex:
      if (bound) return dtype_error(c, dtype);
      store_complex(value, 0, std::vector<Complex>{unit});
      break;
    default: return dtype_error(c, dtype);
  }
  return std::move(value).finish();
}

}  // namespace isomer::ops
