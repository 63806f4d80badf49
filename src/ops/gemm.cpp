// A tile of the product stays in the second-level cache while panels of both factors pass by. Four rows of the right factor are added at once, so that
// an element of the tile is loaded and stored once for four products.
#include "ops/gemm.h"

#include <algorithm>
#include <vector>

#include "ops/kernel.h"

namespace isomer::ops {
namespace {

constexpr int64_t kTileRows = 64, kTileColumns = 256, kDepth = 128;

template <class T>
void add_products(T* __restrict sum, int64_t columns, const T* factors, const T* __restrict b) {
  const T f0 = factors[0], f1 = factors[1], f2 = factors[2], f3 = factors[3];
  const T *b0 = b, *b1 = b + columns, *b2 = b1 + columns, *b3 = b2 + columns;
  if constexpr (std::is_same_v<T, int64_t>) {
    for (int64_t j = 0; j < columns; ++j) {
      const auto u = [](int64_t x) { return static_cast<uint64_t>(x); };
      sum[j] = static_cast<int64_t>(u(sum[j]) + u(f0) * u(b0[j]) + u(f1) * u(b1[j]) + u(f2) * u(b2[j]) + u(f3) * u(b3[j]));
    }
  } else {
    for (int64_t j = 0; j < columns; ++j) sum[j] += (f0 * b0[j] + f1 * b1[j]) + (f2 * b2[j] + f3 * b3[j]);
  }
}

template <class T>
void add_product(T* sum, int64_t columns, T factor, const T* b) {
  for (int64_t j = 0; j < columns; ++j) {
    if constexpr (std::is_same_v<T, int64_t>) {
      sum[j] = wrapping_add(sum[j], wrapping_multiply(factor, b[j]));
    } else {
      sum[j] += factor * b[j];
    }
  }
}

}  // namespace

template <class T>
void gemm(int64_t m, int64_t n, int64_t k, const ReadPanel<T>& a, const ReadPanel<T>& b, const WriteRow<T>& write) {
  const int64_t most_rows = std::min(m, kTileRows), most_columns = std::min(n, kTileColumns), most_depth = std::min(k, kDepth);
  std::vector<T> sums(static_cast<size_t>(most_rows * most_columns));
  std::vector<T> left(static_cast<size_t>(most_rows * most_depth)), right(static_cast<size_t>(most_depth * most_columns));
  for (int64_t row = 0; row < m; row += kTileRows) {
    const int64_t rows = std::min(kTileRows, m - row);
    for (int64_t column = 0; column < n; column += kTileColumns) {
      const int64_t columns = std::min(kTileColumns, n - column);
      std::fill(sums.begin(), sums.end(), T{});
      for (int64_t at = 0; at < k; at += kDepth) {
        const int64_t depth = std::min(kDepth, k - at);
        a(row, rows, at, depth, left.data());
        b(at, depth, column, columns, right.data());
        for (int64_t i = 0; i < rows; ++i) {
          T* sum = sums.data() + i * columns;
          const T* factors = left.data() + i * depth;
          int64_t p = 0;
          for (; depth - p >= 4; p += 4) add_products(sum, columns, factors + p, right.data() + p * columns);
          for (; p < depth; ++p) add_product(sum, columns, factors[p], right.data() + p * columns);
        }
      }
      for (int64_t i = 0; i < rows; ++i) write(row + i, column, {sums.data() + i * columns, static_cast<size_t>(columns)});
    }
  }
}

template void gemm<double>(int64_t, int64_t, int64_t, const ReadPanel<double>&, const ReadPanel<double>&, const WriteRow<double>&);
template void gemm<int64_t>(int64_t, int64_t, int64_t, const ReadPanel<int64_t>&, const ReadPanel<int64_t>&, const WriteRow<int64_t>&);
template void gemm<Complex>(int64_t, int64_t, int64_t, const ReadPanel<Complex>&, const ReadPanel<Complex>&, const WriteRow<Complex>&);

}  // namespace isomer::ops
