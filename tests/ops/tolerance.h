// How far the results of a kernel may lie from TensorFlow's. What is not floating point must be equal in any case.
#pragma once

#include <string_view>

#include "tensor/tensor.h"

namespace isomer {

struct Tolerance {
  double absolute = 1e-6;
  double relative = 1e-5;
  int64_t half_ulps = 0;    // half and bfloat16: units in the last place; 0: as the other floats
  bool of_largest = false;  // relative to the largest element of the result, not to each
  bool modulus = false;     // complex numbers are compared as points, not part by part
};

// That of the random cases of an op.
Tolerance random_tolerance(std::string_view op);

// The first element of two tensors of one dtype and shape that lies too far away, or -1.
int64_t first_difference(const Tensor& found, const Tensor& expected, const Tolerance& tolerance);

}  // namespace isomer
