// Fourier transforms along the last dimension (FFT2D: the last two, FFT3D: the last three).
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

// Transforms a block of these sizes along its first `axes` dimensions.
void transform_axes(std::vector<Complex>& block, const Shape& sizes, size_t axes, bool inverse) {
  const std::vector<int64_t> strides = strides_of(sizes);
  for (size_t axis = 0; axis < axes; ++axis) {
    std::vector<Complex> line(static_cast<size_t>(sizes[axis]));
    Shape starts = sizes;
    starts[axis] = 1;
    for (Odometer at(starts, {strides}); !at.done(); at.next()) {
      const auto element = [&](size_t i) -> Complex& { return block[static_cast<size_t>(at.offset(0)) + i * static_cast<size_t>(strides[axis])]; };
      for (size_t i = 0; i < line.size(); ++i) line[i] = element(i);
      transform_all(line, inverse);
      for (size_t i = 0; i < line.size(); ++i) element(i) = line[i];
    }
  }
}

template <size_t dims>
Result<void> check_rank(const Tensor& x) {
  if (static_cast<size_t>(x.rank()) >= dims) return {};
  return input_error("a Fourier transform in " + std::to_string(dims) + " dimensions takes that rank or more, found " + type_text(x));
}
// The last `dims` sizes of a shape of that rank or more.
template <size_t dims>
Shape last_sizes(const Shape& shape) {
  return Shape(shape.end() - dims, shape.end());
}

template <size_t dims, bool inverse>
Result<Outputs> reference_fft(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  if (!is_complex(x.dtype())) return dtype_error(c, x.dtype());
  TRY(check_rank<dims>(x));
  MutableTensor y = TRY(c.allocate(x.dtype(), x.shape()));
  if (y.elements() == 0) return one(std::move(y));
  const Shape sizes = last_sizes<dims>(x.shape());
  std::vector<Complex> block(static_cast<size_t>(element_count_of(sizes)));
  for (int64_t first = 0; first < y.elements(); first += static_cast<int64_t>(block.size())) {
    load(x, first, std::span(block));
    transform_axes(block, sizes, dims, inverse);
    store(y, first, std::span<const Complex>(block));
  }
  return one(std::move(y));
}

// --- real to complex and back

template <size_t dims>
Result<Shape> lengths_of(const Tensor& fft_length) {
  Shape lengths = TRY(int_vector(fft_length, "fft_length"));
  if (lengths.size() != dims || std::ranges::any_of(lengths, [](int64_t length) { return length < 0; })) {
    return input_error("fft_length must be " + std::to_string(dims) + (dims == 1 ? " size" : " sizes") + ", found " + to_string(lengths));
  }
  return lengths;
}
// How much of its last dimension a spectrum of real numbers needs: the second half mirrors the first.
int64_t spectrum_size(int64_t length) { return length == 0 ? 0 : length / 2 + 1; }

template <size_t dims, bool inverse>
Result<void> infer_real(InferContext& c) {
  if constexpr (inverse) {
    if (!is_float(c.as<IRFFTAttributes>().Treal)) return dtype_error(c.op(), c.as<IRFFTAttributes>().Treal);
  } else {
    if (!is_complex(c.as<RFFTAttributes>().Tcomplex)) return dtype_error(c.op(), c.as<RFFTAttributes>().Tcomplex);
  }
  PartialShape shape = TRY(shape_of_rank_at_least(c, 0, dims));
  if (!shape.has_rank()) return {};
  Shape sizes(dims, kUnknownDim);
  if (const Tensor* fft_length = c.constant(1)) {
    sizes = TRY(lengths_of<dims>(*fft_length));
    if (!inverse) sizes.back() = spectrum_size(sizes.back());
  }
  for (size_t d = 0; d < dims; ++d) shape[shape.rank() - static_cast<int64_t>(dims - d)] = sizes[d];
  c.set_shape(0, std::move(shape));
  return {};
}

// The first elements along each dimension of a block of x that has the sizes `from`, and zeros where there are fewer than `to`.
std::vector<Complex> cut_block(const Tensor& x, int64_t first, const Shape& from, const Shape& to) {
  std::vector<Complex> block(static_cast<size_t>(element_count_of(to)));
  Shape rows = to;
  for (size_t d = 0; d < rows.size(); ++d) rows[d] = std::min(from[d], to[d]);
  const auto width = static_cast<size_t>(rows.back());
  if (width == 0) return block;
  rows.back() = 1;
  for (Odometer at(rows, {strides_of(from), strides_of(to)}); !at.done(); at.next()) {
    load(x, first + at.offset(0), std::span(block).subspan(static_cast<size_t>(at.offset(1)), width));
  }
  return block;
}

template <size_t dims>
Result<Outputs> reference_rfft(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Tensor& fft_length = *TRY(tensor_input(c, inputs, 1));
  const Shape lengths = TRY(lengths_of<dims>(fft_length));
  if (!is_float(x.dtype())) return dtype_error(c, x.dtype());
  TRY(check_rank<dims>(x));
  const Shape from = last_sizes<dims>(x.shape());
  Shape shape = x.shape();
  std::copy(lengths.begin(), lengths.end(), shape.end() - dims);
  TRY(check_elements(c, shape));
  const int64_t kept = spectrum_size(lengths.back());
  shape.back() = kept;
  MutableTensor y = TRY(c.allocate(c.as<RFFTAttributes>().Tcomplex, std::move(shape)));
  for (int64_t first = 0, at = 0; first < y.elements(); at += element_count_of(from)) {
    std::vector<Complex> block = cut_block(x, at, from, lengths);
    transform_axes(block, lengths, dims, false);
    for (auto row = std::span<const Complex>(block); !row.empty(); row = row.subspan(static_cast<size_t>(lengths.back())), first += kept) {
      store(y, first, row.first(static_cast<size_t>(kept)));
    }
  }
  return one(std::move(y));
}

template <size_t dims>
Result<Outputs> reference_irfft(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Tensor& fft_length = *TRY(tensor_input(c, inputs, 1));
  const Shape lengths = TRY(lengths_of<dims>(fft_length));
  if (!is_complex(x.dtype())) return dtype_error(c, x.dtype());
  TRY(check_rank<dims>(x));
  const Shape from = last_sizes<dims>(x.shape());
  Shape shape = x.shape(), half = lengths;
  std::copy(lengths.begin(), lengths.end(), shape.end() - dims);
  half.back() = spectrum_size(lengths.back());
  MutableTensor y = TRY(c.allocate(c.as<IRFFTAttributes>().Treal, std::move(shape)));
  std::vector<Complex> row(static_cast<size_t>(y.elements() ? lengths.back() : 0));
  std::vector<double> real(row.size());
  for (int64_t first = 0, at = 0; first < y.elements(); at += element_count_of(from)) {
    std::vector<Complex> block = cut_block(x, at, from, half);
    transform_axes(block, half, dims - 1, true);
    for (auto part = std::span<const Complex>(block); !part.empty(); part = part.subspan(static_cast<size_t>(half.back())), first += lengths.back()) {
      std::copy_n(part.begin(), half.back(), row.begin());
      for (size_t i = row.size() / 2 + 1; i < row.size(); ++i) row[i] = std::conj(row[row.size() - i]);
      transform_all(row, true);
      for (size_t i = 0; i < row.size(); ++i) real[i] = row[i].real();
      store(y, first, std::span<const double>(real));
    }
  }
  return one(std::move(y));
}

}  // namespace

#define FFT_OP(Name, dims, inverse, text)                 \
  constinit const OpDef kOp_##Name = {                    \
      .name = #Name,                                      \
      .signature = "input: Tcomplex -> output: Tcomplex", \
      .infer = infer_fft<dims>,                           \
      .reference = reference_fft<dims, inverse>,          \
      .doc = text,                                        \
  };
FFT_OP(FFT, 1, false, "The discrete Fourier transform along the last dimension.")
FFT_OP(FFT2D, 2, false, "The discrete Fourier transform along the last two dimensions.")
FFT_OP(FFT3D, 3, false, "The discrete Fourier transform along the last three dimensions.")
FFT_OP(IFFT, 1, true, "The inverse discrete Fourier transform along the last dimension.")
FFT_OP(IFFT2D, 2, true, "The inverse discrete Fourier transform along the last two dimensions.")
FFT_OP(IFFT3D, 3, true, "The inverse discrete Fourier transform along the last three dimensions.")
#undef FFT_OP

#define IRFFT_OP(Name, dims, text)                                        \
  constinit const OpDef kOp_##Name = {                                    \
      .name = #Name,                                                      \
      .signature = "input: Tcomplex, fft_length: int32 -> output: Treal", \
      .make_attributes = &make_attributes<IRFFTAttributes>,               \
      .infer = infer_real<dims, true>,                                    \
      .reference = reference_irfft<dims>,                                 \
      .doc = text,                                                        \
  };
IRFFT_OP(IRFFT, 1, "The inverse of RFFT: fft_length real numbers from the first half of their spectrum, which is cut or padded with zeros.")
IRFFT_OP(IRFFT2D, 2, "The inverse of RFFT2D: real numbers of the sizes fft_length from the first half of their spectrum, which is cut or padded with zeros.")
IRFFT_OP(IRFFT3D, 3, "The inverse of RFFT3D: real numbers of the sizes fft_length from the first half of their spectrum, which is cut or padded with zeros.")
#undef IRFFT_OP

#define RFFT_OP(Name, dims, text)                                         \
  constinit const OpDef kOp_##Name = {                                    \
      .name = #Name,                                                      \
      .signature = "input: Treal, fft_length: int32 -> output: Tcomplex", \
      .make_attributes = &make_attributes<RFFTAttributes>,                \
      .infer = infer_real<dims, false>,                                   \
      .reference = reference_rfft<dims>,                                  \
      .doc = text,                                                        \
  };
RFFT_OP(RFFT, 1,
        "The first fft_length / 2 + 1 elements of the discrete Fourier transform of real numbers along the last dimension, which is cut or padded with zeros "
        "to fft_length.")
RFFT_OP(RFFT2D, 2,
        "The discrete Fourier transform of real numbers along the last two dimensions, which are cut or padded with zeros to fft_length; of the last one the "
        "first half of the result, fft_length / 2 + 1 elements.")
RFFT_OP(RFFT3D, 3,
        "The discrete Fourier transform of real numbers along the last three dimensions, which are cut or padded with zeros to fft_length; of the last one the "
        "first half of the result, fft_length / 2 + 1 elements.")
#undef RFFT_OP

}  // namespace isomer::ops
