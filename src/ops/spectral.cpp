// Fourier transforms along the last dimension (FFT2D: the last two).
//
// Lengths that are powers of two: the iterative radix-2 transform. Other lengths: Bluestein's identity jk = (j^2 + k^2 - (k - j)^2) / 2 turns the transform
// into a convolution with the chirp exp(-pi i j^2 / n), and that is done by transforms whose length is a power of two.
#include "ops/spectral.h"

#include <bit>
#include <cmath>
#include <numbers>

#include "ops/kernel.h"

namespace isomer::ops {
namespace {

using namespace ir;

// exp(sign * 2 pi i * part / whole), exact to rounding because the angle is reduced first.
Complex root_of_unity(int64_t part, int64_t whole, double sign) {
  const double angle = 2 * std::numbers::pi * static_cast<double>(part % whole) / static_cast<double>(whole);
  return {std::cos(angle), sign * std::sin(angle)};
}

// Without the 1 / n of the inverse. The length is a power of two.
void transform_power_of_two(std::span<Complex> x, double sign) {
  const size_t n = x.size();
  for (size_t i = 1, j = 0; i < n; ++i) {  // bit-reversed order
    size_t bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(x[i], x[j]);
  }
  std::vector<Complex> roots(n / 2);
  for (size_t i = 0; i < roots.size(); ++i) roots[i] = root_of_unity(static_cast<int64_t>(i), static_cast<int64_t>(n), sign);
  for (size_t half = 1; half < n; half *= 2) {
    for (size_t first = 0; first < n; first += 2 * half) {
      for (size_t i = 0; i < half; ++i) {
        const Complex odd = x[first + half + i] * roots[i * (n / (2 * half))], even = x[first + i];
        x[first + i] = even + odd;
        x[first + half + i] = even - odd;
      }
    }
  }
}

// Without the 1 / n of the inverse (sign = 1).
void transform(std::span<Complex> x, double sign) {
  const size_t n = x.size();
  if (n < 2) return;
  if (std::has_single_bit(n)) return transform_power_of_two(x, sign);
  const size_t padded = std::bit_ceil(2 * n - 1);
  std::vector<Complex> chirp(n), a(padded), b(padded);
  uint64_t square = 0;  // j * j modulo 2n
  for (size_t j = 0; j < n; ++j) {
    chirp[j] = root_of_unity(static_cast<int64_t>(square), static_cast<int64_t>(2 * n), sign);
    square = (square + 2 * j + 1) % (2 * n);
    a[j] = x[j] * chirp[j];
    b[j] = std::conj(chirp[j]);
    if (j > 0) b[padded - j] = b[j];
  }
  transform_power_of_two(a, -1);
  transform_power_of_two(b, -1);
  for (size_t i = 0; i < padded; ++i) a[i] *= b[i];
  transform_power_of_two(a, 1);
  for (size_t j = 0; j < n; ++j) x[j] = a[j] / static_cast<double>(padded) * chirp[j];
}

void transform_all(std::vector<Complex>& values, bool inverse) {
  transform(values, inverse ? 1 : -1);
  if (!inverse) return;
  for (Complex& value : values) value /= static_cast<double>(values.size());
}

// --- complex to complex

template <int64_t dims>
Result<void> infer_fft(InferContext& c) {
  if (!is_complex(c.input_type(0).dtype)) return dtype_error(c.op(), c.input_type(0).dtype);
  c.set_shape(0, TRY(shape_of_rank_at_least(c, 0, dims)));
  return {};
}

template <bool inverse>
Result<Outputs> reference_fft(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  if (!is_complex(x.dtype())) return dtype_error(c, x.dtype());
  if (x.rank() < 1) return input_error("a Fourier transform takes rank 1 or more, found " + type_text(x));
  MutableTensor y = TRY(c.allocate(x.dtype(), x.shape()));
  std::vector<Complex> row(static_cast<size_t>(y.elements() ? x.shape().back() : 0));
  for (int64_t first = 0; first < y.elements(); first += static_cast<int64_t>(row.size())) {
    load(x, first, std::span(row));
    transform_all(row, inverse);
    store(y, first, std::span<const Complex>(row));
  }
  return one(std::move(y));
}

template <bool inverse>
Result<Outputs> reference_fft2d(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  if (!is_complex(x.dtype())) return dtype_error(c, x.dtype());
  if (x.rank() < 2) return input_error("a Fourier transform in two dimensions takes rank 2 or more, found " + type_text(x));
  MutableTensor y = TRY(c.allocate(x.dtype(), x.shape()));
  if (y.elements() == 0) return one(std::move(y));
  const auto height = static_cast<size_t>(x.shape()[x.shape().size() - 2]), width = static_cast<size_t>(x.shape().back());
  std::vector<Complex> image(height * width), row(width), column(height);
  for (int64_t first = 0; first < y.elements(); first += static_cast<int64_t>(image.size())) {
    load(x, first, std::span(image));
    for (size_t i = 0; i < height; ++i) {
      const auto at = std::span(image).subspan(i * width, width);
      row.assign(at.begin(), at.end());
      transform_all(row, inverse);
      std::copy(row.begin(), row.end(), at.begin());
    }
    for (size_t j = 0; j < width; ++j) {
      for (size_t i = 0; i < height; ++i) column[i] = image[i * width + j];
      transform_all(column, inverse);
      for (size_t i = 0; i < height; ++i) image[i * width + j] = column[i];
    }
    store(y, first, std::span<const Complex>(image));
  }
  return one(std::move(y));
}

// --- real to complex and back

Result<int64_t> length_of(const Tensor& fft_length) {
  const std::vector<int64_t> lengths = TRY(int_vector(fft_length, "fft_length"));
  if (lengths.size() != 1 || lengths[0] < 0) return input_error("fft_length must be one size, found " + to_string(lengths));
  return lengths[0];
}

template <bool inverse>
Result<void> infer_real(InferContext& c) {
  if constexpr (inverse) {
    if (!is_float(c.as<IRFFTAttributes>().Treal)) return dtype_error(c.op(), c.as<IRFFTAttributes>().Treal);
  } else {
    if (!is_complex(c.as<RFFTAttributes>().Tcomplex)) return dtype_error(c.op(), c.as<RFFTAttributes>().Tcomplex);
  }
  PartialShape shape = TRY(shape_of_rank_at_least(c, 0, 1));
  if (!shape.has_rank()) return {};
  int64_t& last = shape[shape.rank() - 1];
  last = kUnknownDim;
  if (const Tensor* fft_length = c.constant(1)) {
    const int64_t length = TRY(length_of(*fft_length));
    last = inverse || length == 0 ? length : length / 2 + 1;
  }
  c.set_shape(0, std::move(shape));
  return {};
}

// The first `length` elements along the last dimension, zeros where there are fewer; the second half of a spectrum mirrors the first.
Result<Outputs> reference_rfft(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Tensor& fft_length = *TRY(tensor_input(c, inputs, 1));
  const int64_t length = TRY(length_of(fft_length));
  if (!is_float(x.dtype())) return dtype_error(c, x.dtype());
  if (x.rank() < 1) return input_error("a Fourier transform takes rank 1 or more, found " + type_text(x));
  Shape shape = x.shape();
  const int64_t width = shape.back(), kept = length == 0 ? 0 : length / 2 + 1;
  shape.back() = kept;
  MutableTensor y = TRY(c.allocate(c.as<RFFTAttributes>().Tcomplex, std::move(shape)));
  std::vector<Complex> row(static_cast<size_t>(y.elements() ? length : 0));
  for (int64_t first = 0, from = 0; first < y.elements(); first += kept, from += width) {
    std::fill(row.begin(), row.end(), 0);
    load(x, from, std::span(row).first(static_cast<size_t>(std::min(width, length))));
    transform_all(row, false);
    store(y, first, std::span<const Complex>(row).first(static_cast<size_t>(kept)));
  }
  return one(std::move(y));
}

Result<Outputs> reference_irfft(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Tensor& fft_length = *TRY(tensor_input(c, inputs, 1));
  const int64_t length = TRY(length_of(fft_length));
  if (!is_complex(x.dtype())) return dtype_error(c, x.dtype());
  if (x.rank() < 1) return input_error("a Fourier transform takes rank 1 or more, found " + type_text(x));
  Shape shape = x.shape();
  const int64_t width = shape.back();
  shape.back() = length;
  MutableTensor y = TRY(c.allocate(c.as<IRFFTAttributes>().Treal, std::move(shape)));
  std::vector<Complex> row(static_cast<size_t>(y.elements() ? length : 0));
  std::vector<double> real(row.size());
  for (int64_t first = 0, from = 0; first < y.elements(); first += length, from += width) {
    std::fill(row.begin(), row.end(), 0);
    load(x, from, std::span(row).first(static_cast<size_t>(std::min(width, length / 2 + 1))));
    for (size_t i = row.size() / 2 + 1; i < row.size(); ++i) row[i] = std::conj(row[row.size() - i]);
    transform_all(row, true);
    for (size_t i = 0; i < row.size(); ++i) real[i] = row[i].real();
    store(y, first, std::span<const double>(real));
  }
  return one(std::move(y));
}

}  // namespace

#define FFT_OP(Name, dims, kernel, text)                  \
  constinit const OpDef kOp_##Name = {                    \
      .name = #Name,                                      \
      .signature = "input: Tcomplex -> output: Tcomplex", \
      .infer = infer_fft<dims>,                           \
      .reference = kernel,                                \
      .doc = text,                                        \
  };
FFT_OP(FFT, 1, reference_fft<false>, "The discrete Fourier transform along the last dimension.")
FFT_OP(FFT2D, 2, reference_fft2d<false>, "The discrete Fourier transform along the last two dimensions.")
FFT_OP(IFFT, 1, reference_fft<true>, "The inverse discrete Fourier transform along the last dimension.")
FFT_OP(IFFT2D, 2, reference_fft2d<true>, "The inverse discrete Fourier transform along the last two dimensions.")
#undef FFT_OP

constinit const OpDef kOp_IRFFT = {
    .name = "IRFFT",
    .signature = "input: Tcomplex, fft_length: int32 -> output: Treal",
    .make_attributes = &make_attributes<IRFFTAttributes>,
    .infer = infer_real<true>,
    .reference = reference_irfft,
    .doc = "The inverse of RFFT: fft_length real numbers from the first half of their spectrum, which is cut or padded with zeros.",
};
constinit const OpDef kOp_RFFT = {
    .name = "RFFT",
    .signature = "input: Treal, fft_length: int32 -> output: Tcomplex",
    .make_attributes = &make_attributes<RFFTAttributes>,
    .infer = infer_real<false>,
    .reference = reference_rfft,
    .doc =
        "The first fft_length / 2 + 1 elements of the discrete Fourier transform of real numbers along the last dimension, which is cut or padded with zeros "
        "to fft_length.",
};

}  // namespace isomer::ops
