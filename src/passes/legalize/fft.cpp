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

}  // namespace isomer::passes
