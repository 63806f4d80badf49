// Matrices in memory, for the ops that solve and factorise: their kernels load one matrix of the last two dimensions after the other.
#pragma once

#include <cmath>
#include <vector>

#include "ops/kernel.h"

namespace isomer::ops {

inline double conjugate(double x) { return x; }
inline Complex conjugate(Complex x) { return std::conj(x); }

// T is double or Complex.
template <class T>
struct Grid {
  int64_t rows = 0, columns = 0;
  std::vector<T> values;  // row by row

  Grid() = default;
  Grid(int64_t r, int64_t c) : rows(r), columns(c), values(static_cast<size_t>(r * c)) {}
  T& at(int64_t i, int64_t j) { return values[static_cast<size_t>(i * columns + j)]; }
  const T& at(int64_t i, int64_t j) const { return values[static_cast<size_t>(i * columns + j)]; }
  std::span<const T> span() const { return values; }

  static Grid identity(int64_t size) {
    Grid grid(size, size);
    for (int64_t i = 0; i < size; ++i) grid.at(i, i) = 1;
    return grid;
  }
  Grid adjoint() const {
    Grid grid(columns, rows);
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j) grid.at(j, i) = conjugate(at(i, j));
    return grid;
  }
};

// The matrices in the last two dimensions of a tensor of rank 2 or more.
struct Matrices {
  Shape batch;
  int64_t count = 1, rows = 0, columns = 0;
};
// InvalidModel where the rank is less than 2, or where the matrices are not square and `square` is set.
Result<Matrices> matrices_of(ir::EvalContext& c, const Tensor& x, bool square);

template <class T>
Grid<T> load_matrix(const Tensor& x, const Matrices& m, int64_t index) {
  Grid<T> grid(m.rows, m.columns);
  load(x, index * m.rows * m.columns, std::span<T>(grid.values));
  return grid;
}
template <class T>
void store_matrix(MutableTensor& y, int64_t index, const Grid<T>& grid) {
  store(y, index * grid.rows * grid.columns, grid.span());
}

// The shape of input `i`, whose last two dimensions are equal.
Result<PartialShape> square_shape(ir::InferContext& c, int64_t i);
// batch and then the other dimensions.
Shape joined(const Shape& batch, std::initializer_list<int64_t> rest);

// kernel.template operator()<double>() or <Complex>(), as the dtype demands.
template <class F>
Result<Outputs> for_class(ir::EvalContext& c, DType dtype, F&& kernel) {
  if (is_float(dtype)) return kernel.template operator()<double>();
  if (is_complex(dtype)) return kernel.template operator()<Complex>();
  return dtype_error(c, dtype);
}

}  // namespace isomer::ops
