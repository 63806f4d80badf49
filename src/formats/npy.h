// Tensors and NumPy's .npy files.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"
#include "tensor/tensor.h"

namespace isomer {

// The array as a tensor in C order: a slice of the file where its elements lie so already, a copy for Fortran order, big-endian elements and bools
// that are not 0 or 1 (NumPy takes every other byte for true).
Result<Tensor> tensor_from_npy(const Bytes& file, const Limits& limits = {}, TensorAllocator& allocator = heap_allocator());

// What stands before the elements in a file that NumPy reads as `tensor`; the tensor's bytes follow. Unsupported for dtypes NumPy lacks (bfloat16,
// strings, quantised ones).
Result<std::string> npy_header(const Tensor& tensor);

}  // namespace isomer
