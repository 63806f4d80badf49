// First values of weights, as Keras's initialisers draw them (from a generator of Isomer's own: the distributions are Keras's, the numbers are not).
#pragma once

#include <random>

#include "base/error.h"
#include "tensor/tensor.h"
#include "wire/json.h"

namespace isomer::layers {

// `spec` is what a configuration holds: a name, {"class_name": ..., "config": ...}, or null (zeros). Unsupported for classes that are not Keras's own.
Result<Tensor> initial_value(const JsonValue& spec, const Shape& shape, DType dtype, std::mt19937_64& random);

}  // namespace isomer::layers
