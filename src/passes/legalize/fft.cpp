// Fourier transforms of real numbers, for targets that ignore fft_length.
#include <cmath>
#include <numbers>
#include <optional>

#include "passes/build.h"

namespace isomer::passes {
namespace {

// The last axis made `length` long: cut, or with zeros after it.
Term with_length(Term x, int64_t length) {
  Builder& b = x.builder();
  const int64_t axis = x.shape().rank() - 1;
  if (x.shape()[axis] == length) return x;
  if (x.shape()[axis] != kUnknownDim && x.shape()[axis] > length) return slice_axis(x, axis, int64_t{0}, length);
  std::vector<Size> sizes;
  for (int64_t i = 0; i < axis; ++i) sizes.push_back(b.size_of(x, i));
  // As many zeros as could be needed; what is too much is cut.
  sizes.emplace_back(x.shape()[axis] == kUnknownDim ? length : length - x.shape()[axis]);
  const Term longer = concat({x, b.make("Fill", {b.sizes(sizes), b.number(x.dtype(), 0)})}, axis);
  return x.shape()[axis] == kUnknownDim ? slice_axis(longer, axis, int64_t{0}, length) : longer;
}

// The last `count` axes, each one place further; the last one comes first.
Term rotated(Term x, int64_t count) {
  const int64_t rank = x.shape().rank(), first = rank - count;
  std::vector<int64_t> order;
  for (int64_t i = 0; i < rank; ++i) order.push_back(i < first ? i : first + (i - first + count - 1) % count);
  return transpose(x, order);
}

// The lengths of a transform of several dimensions, where they are constants.
std::optional<std::vector<int64_t>> constant_lengths(Term x, int64_t count) {
  const Tensor* value = x.constant();
  constexpr int64_t kLongest = 1 << 20;
  if (!value || value->elements() != count) return {};
  for (const int64_t length : value->to_int64s())
    if (length < 1 || length > kLongest) return {};
  return value->to_int64s();
}

int64_t dimensions_of(const ir::Node& node) { return node.op->name.ends_with("3D") ? 3 : 2; }

std::optional<int64_t> constant_length(Term x) {
  const Tensor* value = x.constant();
  constexpr int64_t kLongest = 1 << 20;
  if (!value || value->elements() != 1 || value->as_int64(0) < 1 || value->as_int64(0) > kLongest) return {};
  return value->as_int64(0);
}

}  // namespace

// Before: RFFT(x, [n])   After: RFFT of x cut or filled with zeros to n elements
Result<bool> lower_rfft(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const auto length = constant_length(b.input(1));
  const Term x = b.input(0);
  if (!length || !x.shape().has_rank()) return refuse(reason, "the length must be constant, the rank known");
  return b.replace(b.again({with_length(x, *length), b.input(1)}));
}

// Before: IRFFT(x, [n])
// After:  MatMul(Real(x), C) - MatMul(Imag(x), S) with C[k, t] = w[k] / n * cos(2 pi k t / n), S likewise with sin; w is 1 for k = 0 and k = n / 2, else 2
// The definition as a product with constants of (n / 2 + 1) * n elements: right for odd lengths and vectors too.
Result<bool> lower_irfft(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const auto length = constant_length(b.input(1));
  if (!length || !b.input(0).shape().has_rank() || *length > 2048) return refuse(reason, "the length must be constant and at most 2048, the rank known");
  const int64_t n = *length, half = n / 2 + 1;
  const DType dtype = b.result_dtype();
  const auto part = [&](const char* op) { return with_length(b.make(op, {b.input(0)}, {{"Tout", dtype}}), half); };
  const Term real = part("Real"), imaginary = part("Imag");
  std::vector<double> cosines, sines;
  for (int64_t k = 0; k < half; ++k) {
    const double weight = (k == 0 || 2 * k == n ? 1.0 : 2.0) / static_cast<double>(n);
    for (int64_t t = 0; t < n; ++t) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(k * t % n) / static_cast<double>(n);
      cosines.push_back(weight * std::cos(angle));
      sines.push_back(weight * std::sin(angle));
    }
  }
  const int64_t rank = real.shape().rank();
  const auto product = [&](Term x, const std::vector<double>& matrix) {
    return b.make("MatMul", {rank == 2 ? x : reshape(x, {int64_t{-1}, half}), b.numbers(dtype, {half, n}, matrix)});
  };
  Term result = product(real, cosines) - product(imaginary, sines);
  if (rank != 2) {
    std::vector<Size> sizes;
    for (int64_t axis = 0; axis + 1 < rank; ++axis) sizes.push_back(b.size_of(real, axis));
    sizes.emplace_back(n);
    result = reshape(result, sizes);
  }
  return b.replace(result);
}

// Before: FFT2D(x), FFT3D, IFFT2D, IFFT3D   After: FFT (IFFT) of the last axis, Transpose that moves on to the next; as often as there are axes
Result<bool> lower_fft_of_many(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const int64_t count = dimensions_of(context.graph.node(node));
  Term x = b.input(0);
  if (!x.shape().has_rank()) return refuse(reason, "the rank must be known");
  const char* op = context.graph.node(node).op->name.starts_with("I") ? "IFFT" : "FFT";
  for (int64_t i = 0; i < count; ++i) x = rotated(b.make(op, {x}), count);
  return b.replace(x);
}

// Before: RFFT2D(x, lengths), RFFT3D   After: x cut or filled with zeros to the lengths, RFFT of the last axis, FFT of the others with Transpose in between
Result<bool> lower_rfft_of_many(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const int64_t count = dimensions_of(context.graph.node(node));
  const auto lengths = constant_lengths(b.input(1), count);
  Term x = b.input(0);
  if (!lengths || !x.shape().has_rank()) return refuse(reason, "the lengths must be constant, the rank known");
  for (int64_t i = count; i-- > 0;) {
    const bool fits = x.shape()[x.shape().rank() - 1] == (*lengths)[static_cast<size_t>(i)];
    x = rotated(fits ? x : with_length(x, (*lengths)[static_cast<size_t>(i)]), count);
  }
  Term y = b.make("RFFT", {x, b.integers({lengths->back()})}, {{"Tcomplex", b.result_dtype()}});
  for (int64_t i = 1; i < count; ++i) y = b.make("FFT", {rotated(y, count)});
  return b.replace(rotated(y, count));
}

// Before: IRFFT2D(x, lengths), IRFFT3D   After: IFFT of all axes but the last, with Transpose in between, then IRFFT of the last
Result<bool> lower_irfft_of_many(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const int64_t count = dimensions_of(context.graph.node(node));
  const auto lengths = constant_lengths(b.input(1), count);
  Term x = b.input(0);
  if (!lengths || !x.shape().has_rank()) return refuse(reason, "the lengths must be constant, the rank known");
  const int64_t first = x.shape().rank() - count;
  for (int64_t i = 0; i + 1 < count; ++i)
    if (x.shape()[first + i] != (*lengths)[static_cast<size_t>(i)]) return refuse(reason, "the lengths must be those of the input");
  for (int64_t i = 1; i < count; ++i) x = b.make("IFFT", {rotated(x, count)});
  x = rotated(x, count);
  return b.replace(b.make("IRFFT", {x, b.integers({lengths->back()})}, {{"Treal", b.result_dtype()}}));
}

}  // namespace isomer::passes
