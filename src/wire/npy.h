// NumPy's .npy files, versions 1 to 3: one array of numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"

namespace isomer {

struct NpyArray {
  std::string descr;           // NumPy's dtype: "<f4", "|b1", ">i2"; the numeric kinds b, i, u, f, c only
  int64_t item_size = 0;       // bytes of one element, from descr
  bool fortran_order = false;  // the first index runs fastest
  std::vector<int64_t> shape;
  Bytes data;  // exactly the elements, a slice of the file
};

// Strings, objects and structured dtypes are Unsupported; bytes after the elements are Malformed.
Result<NpyArray> decode_npy(const Bytes& file, const Limits& limits);

// Everything before the elements, byte for byte as NumPy writes it for a C-ordered array.
std::string encode_npy_header(const std::string& descr, const std::vector<int64_t>& shape);

}  // namespace isomer
