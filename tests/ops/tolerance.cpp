#include "ops/tolerance.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <iterator>

namespace isomer {
namespace {

// Each element is the sum or product of many, and TensorFlow rounds on the way.
constexpr std::string_view kReductions[] = {
    // along axes
    "CumulativeLogsumexp", "Cumprod", "Cumsum", "EuclideanNorm", "L2Loss", "Mean", "Prod", "Sum",
    // of segments
    "SegmentMean", "SegmentProd", "SegmentSum", "SparseSegmentMean", "SparseSegmentMeanWithNumSegments", "SparseSegmentSqrtN",
    "SparseSegmentSqrtNWithNumSegments", "SparseSegmentSum", "SparseSegmentSumWithNumSegments", "UnsortedSegmentProd", "UnsortedSegmentSum",
    // of products
    "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Conv2D", "Conv2DBackpropFilter", "Conv2DBackpropInput", "Conv3D", "Conv3DBackpropFilterV2",
    "Conv3DBackpropInputV2", "DepthwiseConv2dNative", "DepthwiseConv2dNativeBackpropFilter", "DepthwiseConv2dNativeBackpropInput", "Einsum", "MatMul",
    // in windows, batches and rows
    "AvgPool", "AvgPool3D", "AvgPool3DGrad", "AvgPoolGrad", "BiasAddGrad", "FusedBatchNormV2", "FusedBatchNormV3", "LogSoftmax", "LRN", "MaxPool3DGrad",
    "MaxPoolGrad", "MaxPoolGradV2", "Softmax", "SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits"};

// Each element depends on all of the operand, and so does its error: the largest element of the result is the measure.
constexpr std::string_view kOfLargest[] = {
    // Fourier transforms
    "FFT", "FFT2D", "FFT3D", "IFFT", "IFFT2D", "IFFT3D", "IRFFT", "IRFFT2D", "IRFFT3D", "RFFT", "RFFT2D", "RFFT3D",
    // sums over all positions of all images, of which many cancel
    "Conv2DBackpropFilter", "Conv3DBackpropFilterV2", "DepthwiseConv2dNativeBackpropFilter",
    // linear algebra
    "Cholesky", "LogMatrixDeterminant", "MatrixDeterminant", "MatrixInverse", "MatrixSolve", "MatrixTriangularSolve", "Qr", "SelfAdjointEigV2"};

template <size_t N>
bool contains(const std::string_view (&list)[N], std::string_view op) {
  return std::find(std::begin(list), std::end(list), op) != std::end(list);
}

// Halves by rank: neighbours differ by one, the two zeros are one.
int64_t half_rank(uint16_t bits) { return (bits & 0x8000) != 0 ? -static_cast<int64_t>(bits & 0x7fff) : bits; }

class Comparison {
 public:
  Comparison(const Tensor& found, const Tensor& expected, const Tolerance& tolerance) : found_(found), expected_(expected), tolerance_(tolerance) {
    if (!tolerance.of_largest) return;
    for (int64_t i = 0; i < expected.elements(); ++i) {
      const double size = is_complex(expected.dtype()) ? std::abs(complex_at(expected, i)) : is_float(expected.dtype()) ? std::fabs(expected.as_double(i)) : 0;
      if (std::isfinite(size)) largest_ = std::max(largest_, size);
    }
  }

  bool agrees(int64_t i) const {
    switch (type_class(found_.dtype())) {
      case TypeClass::kFloat: {
        const double found = found_.as_double(i), expected = expected_.as_double(i);
        if (element_size(found_.dtype()) == 2 && tolerance_.half_ulps > 0 && !std::isnan(found) && !std::isnan(expected)) {
          return std::abs(half_rank(found_.at<uint16_t>(i)) - half_rank(expected_.at<uint16_t>(i))) <= tolerance_.half_ulps;
        }
        return close(found, expected);
      }
      case TypeClass::kComplex: {
        const auto found = complex_at(found_, i), expected = complex_at(expected_, i);
        const double distance = std::abs(found - expected);
        if (tolerance_.modulus && std::isfinite(distance)) return within(distance, std::abs(expected));
        return close(found.real(), expected.real()) && close(found.imag(), expected.imag());
      }
      case TypeClass::kString: return found_.string_at(i) == expected_.string_at(i);
      default: {
        const int64_t size = element_size(found_.dtype());
        return std::memcmp(found_.bytes().data() + i * size, expected_.bytes().data() + i * size, static_cast<size_t>(size)) == 0;
      }
    }
  }

 private:
  static std::complex<double> complex_at(const Tensor& tensor, int64_t i) {
    std::complex<double> value;
    load_complex(tensor, i, {&value, 1});
    return value;
  }
  bool within(double distance, double size) const { return distance <= tolerance_.absolute + tolerance_.relative * std::max(size, largest_); }
  bool close(double found, double expected) const {
    if (std::isnan(expected) || std::isnan(found)) return std::isnan(expected) && std::isnan(found);
    if (std::isinf(expected) || std::isinf(found)) return expected == found;
    return within(std::fabs(found - expected), std::fabs(expected));
  }

  const Tensor& found_;
  const Tensor& expected_;
  const Tolerance& tolerance_;
  double largest_ = 0;
};

}  // namespace

Tolerance random_tolerance(std::string_view op) {
  return {.half_ulps = contains(kReductions, op) ? 4 : 2, .of_largest = contains(kOfLargest, op), .modulus = true};
}

int64_t first_difference(const Tensor& found, const Tensor& expected, const Tolerance& tolerance) {
  const Comparison comparison(found, expected, tolerance);
  for (int64_t i = 0; i < found.elements(); ++i)
    if (!comparison.agrees(i)) return i;
  return -1;
}

}  // namespace isomer
