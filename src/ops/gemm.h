// The product of two matrices that are read in panels: what MatMul, Einsum and the convolutions have in common.
#pragma once

#include <complex>
#include <cstdint>
#include <functional>
#include <span>

namespace isomer::ops {

// Writes the elements [row, row + rows) x [column, column + columns) of a matrix to `out`, row by row.
template <class T>
using ReadPanel = std::function<void(int64_t row, int64_t rows, int64_t column, int64_t columns, T* out)>;
// Takes the elements [column, column + values.size()) of a row of the product.
template <class T>
using WriteRow = std::function<void(int64_t row, int64_t column, std::span<const T> values)>;

// Computes the [m, n] product of an [m, k] matrix and a [k, n] one, for T of double, int64_t (wrapping) and complex<double>. Every element of the product
// is written once, also where k is 0. Needs about 1 MiB of memory whatever the sizes.
template <class T>
void gemm(int64_t m, int64_t n, int64_t k, const ReadPanel<T>& a, const ReadPanel<T>& b, const WriteRow<T>& write);

}  // namespace isomer::ops
