// Ops that walk along one axis: ArgMax and ArgMin, and the scans Cumsum, Cumprod and CumulativeLogsumexp.
//
// A tensor is seen as [outer, length, inner] with the axis in the middle.
#include <cmath>
#include <limits>

#include "ops/kernel.h"
#include "ops/reduction.h"

namespace isomer::ops {
namespace {

using namespace ir;

struct Lines {
  int64_t outer = 1, length = 1, inner = 1;
};
Lines lines_of(const Shape& shape, int64_t axis) {
  Lines lines;
  for (int64_t d = 0; d < static_cast<int64_t>(shape.size()); ++d)
    (d < axis ? lines.outer : d == axis ? lines.length : lines.inner) *= shape[static_cast<size_t>(d)];
  return lines;
}

// --- ArgMax, ArgMin

Result<void> infer_arg(InferContext& c) {
  const PartialShape shape = TRY(shape_of_rank_at_least(c, 0, 1));
  if (!shape.has_rank()) return {};
  const Tensor* axis = c.constant(1);
  if (!axis) {
    c.set_shape(0, PartialShape::of_rank(shape.rank() - 1));
    return {};
  }
  const int64_t at = TRY(axis_value(*axis, shape.rank(), "the dimension"));
  std::vector<int64_t> dims = shape.dims();
  dims.erase(dims.begin() + at);
  c.set_shape(0, PartialShape(std::move(dims)));
  return {};
}

// The first index of the best element; 0 where none is better than `worst`, as NaN never is.
template <class T, class Better>
void search(const Tensor& x, const Lines& lines, MutableTensor& y, T worst, Better better) {
  std::vector<T> best(static_cast<size_t>(lines.inner)), row(best.size());
  std::vector<int64_t> index(best.size());
  for (int64_t o = 0; o < lines.outer; ++o) {
    std::fill(best.begin(), best.end(), worst);
    std::fill(index.begin(), index.end(), 0);
    for (int64_t k = 0; k < lines.length; ++k) {
      load(x, (o * lines.length + k) * lines.inner, std::span<T>(row));
      for (size_t i = 0; i < row.size(); ++i) {
        if (!better(row[i], best[i])) continue;
        best[i] = row[i];
        index[i] = k;
      }
    }
    store(y, o * lines.inner, std::span<const int64_t>(index));
  }
}

template <bool largest>
Result<Outputs> reference_arg(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Tensor& dimension = *TRY(tensor_input(c, inputs, 1));
  const int64_t axis = TRY(axis_value(dimension, x.rank(), "the dimension"));
  const DType output_type = c.as<ArgAttributes>().output_type;
  if (!is_integer(output_type)) return dtype_error(c, output_type);
  Shape shape = x.shape();
  if (shape[static_cast<size_t>(axis)] == 0) return input_error("there is no element to find along an empty axis of " + to_string(shape));
  shape.erase(shape.begin() + axis);
  MutableTensor y = TRY(c.allocate(output_type, std::move(shape)));
  if (y.elements() == 0) return one(std::move(y));
  const Lines lines = lines_of(x.shape(), axis);
  if (is_float(x.dtype())) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    search<double>(x, lines, y, largest ? -kInfinity : kInfinity, [](double a, double b) { return largest ? a > b : a < b; });
  } else if (x.dtype() == DType::kUint64) {
    search<int64_t>(x, lines, y, largest ? 0 : -1, [](int64_t a, int64_t b) {  // -1: the bits of the largest
      return largest ? static_cast<uint64_t>(a) > static_cast<uint64_t>(b) : static_cast<uint64_t>(a) < static_cast<uint64_t>(b);
    });
  } else if (is_integer(x.dtype()) || x.dtype() == DType::kBool) {
    search<int64_t>(x, lines, y, largest ? INT64_MIN : INT64_MAX, [](int64_t a, int64_t b) { return largest ? a > b : a < b; });
  } else {
    return dtype_error(c, x.dtype());
  }
  return one(std::move(y));
}

// --- scans

Result<void> infer_scan(InferContext& c) {
  if (const Tensor* axis = c.constant(1); axis && c.shape(0).has_rank()) TRY(axis_value(*axis, c.shape(0).rank(), "the axis"));
  return infer_same(c);
}

template <class T, class Step>
Result<Tensor> scan(EvalContext& c, const Tensor& x, int64_t axis, T first, Step step) {
  const auto& a = c.as<ScanAttributes>();
  MutableTensor y = TRY(c.allocate(x.dtype(), x.shape()));
  if (y.elements() == 0) return std::move(y).finish();
  const Lines lines = lines_of(x.shape(), axis);
  std::vector<T> sums(static_cast<size_t>(lines.inner)), row(sums.size());
  for (int64_t o = 0; o < lines.outer; ++o) {
    std::fill(sums.begin(), sums.end(), first);
    for (int64_t k = 0; k < lines.length; ++k) {
      const int64_t at = (o * lines.length + (a.reverse ? lines.length - 1 - k : k)) * lines.inner;
      load(x, at, std::span<T>(row));
      if (a.exclusive) store(y, at, std::span<const T>(sums));
      for (size_t i = 0; i < row.size(); ++i) sums[i] = step(sums[i], row[i]);
      if (!a.exclusive) store(y, at, std::span<const T>(sums));
    }
  }
  return std::move(y).finish();
}

Result<int64_t> scan_axis(EvalContext& c, Inputs inputs, const Tensor& x) {
  const Tensor& axis = *TRY(tensor_input(c, inputs, 1));
  return axis_value(axis, x.rank(), "the axis");
}

Result<Outputs> reference_cumsum(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const int64_t axis = TRY(scan_axis(c, inputs, x));
  if (is_float(x.dtype())) return one(TRY(scan<double>(c, x, axis, 0, [](double a, double v) { return a + v; })));
  if (is_complex(x.dtype())) return one(TRY(scan<Complex>(c, x, axis, 0, [](Complex a, Complex v) { return a + v; })));
  if (!is_integer(x.dtype())) return dtype_error(c, x.dtype());
  return one(TRY(scan<int64_t>(c, x, axis, 0, wrapping_add)));
}

Result<Outputs> reference_cumprod(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const int64_t axis = TRY(scan_axis(c, inputs, x));
  if (is_float(x.dtype())) return one(TRY(scan<double>(c, x, axis, 1, [](double a, double v) { return a * v; })));
  if (is_complex(x.dtype())) return one(TRY(scan<Complex>(c, x, axis, 1, [](Complex a, Complex v) { return a * v; })));
  if (!is_integer(x.dtype())) return dtype_error(c, x.dtype());
  return one(TRY(scan<int64_t>(c, x, axis, 1, wrapping_multiply)));
}

// log(exp(a) + exp(v)) without overflow.
double log_sum_exp(double a, double v) {
  const double high = std::fmax(a, v), low = std::fmin(a, v);
  if (std::isnan(a) || std::isnan(v)) return a + v;
  if (std::isinf(high)) return high;
  return high + std::log1p(std::exp(low - high));
}
Result<Outputs> reference_cumulative_logsumexp(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const int64_t axis = TRY(scan_axis(c, inputs, x));
  if (!is_float(x.dtype())) return dtype_error(c, x.dtype());
  return one(TRY(scan<double>(c, x, axis, -std::numeric_limits<double>::infinity(), log_sum_exp)));
}

}  // namespace

constinit const OpDef kOp_ArgMax = {
    .name = "ArgMax",
    .signature = "input: T, dimension: Tidx -> output: output_type",
    .make_attributes = &make_attributes<ArgAttributes>,
    .infer = infer_arg,
    .reference = reference_arg<true>,
    .doc = "The index of the largest element along one dimension; the first one where several are equal.",
};
constinit const OpDef kOp_ArgMin = {
    .name = "ArgMin",
    .signature = "input: T, dimension: Tidx -> output: output_type",
    .make_attributes = &make_attributes<ArgAttributes>,
    .infer = infer_arg,
    .reference = reference_arg<false>,
    .doc = "The index of the smallest element along one dimension; the first one where several are equal.",
};
constinit const OpDef kOp_Cumprod = {
    .name = "Cumprod",
    .signature = "x: T, axis: Tidx -> out: T",
    .make_attributes = &make_attributes<ScanAttributes>,
    .infer = infer_scan,
    .reference = reference_cumprod,
    .doc = "Running products along one axis.",
};
constinit const OpDef kOp_Cumsum = {
    .name = "Cumsum",
    .signature = "x: T, axis: Tidx -> out: T",
    .make_attributes = &make_attributes<ScanAttributes>,
    .infer = infer_scan,
    .reference = reference_cumsum,
    .doc = "Running sums along one axis.",
};
constinit const OpDef kOp_CumulativeLogsumexp = {
    .name = "CumulativeLogsumexp",
    .signature = "x: T, axis: Tidx -> out: T",
    .make_attributes = &make_attributes<ScanAttributes>,
    .infer = infer_scan,
    .reference = reference_cumulative_logsumexp,
    .doc = "The logarithm of running sums of exponentials along one axis.",
};

}  // namespace isomer::ops
