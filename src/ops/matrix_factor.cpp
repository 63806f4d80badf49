// Factors of matrices: Cholesky, Qr and SelfAdjointEigV2.
//
// Qr reflects one column after the other onto the first axis (Householder). The reflection takes the sign that cancels nothing, so the diagonal of R is real,
// and negative where the element that it replaces was not; this is what makes Q and R unique, and what TensorFlow gives.
//
// Eigenvalues come from Jacobi's rotations: each makes one element beside the diagonal 0, and together they make all of them as small as rounding allows
// after a few rounds. An eigenvector is free in its sign, a complex one in its direction; here its largest element is real and positive, so TensorFlow may give
// another one.
#include <algorithm>
#include <limits>
#include <numeric>

#include "ops/matrix.h"
#include "ops/matrix_solve.h"

namespace isomer::ops {

using namespace ir;

namespace {

double real_part(double x) { return x; }
double real_part(Complex x) { return x.real(); }
double imaginary_part(double) { return 0; }
double imaginary_part(Complex x) { return x.imag(); }

Outputs two(MutableTensor first, MutableTensor second) {
  Outputs outputs;
  outputs.emplace_back(std::move(first).finish());
  outputs.emplace_back(std::move(second).finish());
  return outputs;
}

// --- Cholesky

Result<void> infer_cholesky(InferContext& c) {
  c.set_shape(0, TRY(square_shape(c, 0)));
  return {};
}

// The lower triangle L with L L* = a, of which only the lower triangle is read; false where there is none.
template <class T>
bool cholesky(const Grid<T>& a, Grid<T>& l) {
  for (int64_t j = 0; j < a.rows; ++j) {
    double diagonal = real_part(a.at(j, j));
    for (int64_t k = 0; k < j; ++k) diagonal -= std::norm(l.at(j, k));
    if (!(diagonal > 0)) return false;
    l.at(j, j) = std::sqrt(diagonal);
    for (int64_t i = j + 1; i < a.rows; ++i) {
      T sum = a.at(i, j);
      for (int64_t k = 0; k < j; ++k) sum -= l.at(i, k) * conjugate(l.at(j, k));
      l.at(i, j) = sum / l.at(j, j);
    }
  }
  return true;
}

Result<Outputs> reference_cholesky(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Matrices m = TRY(matrices_of(c, x, true));
  return for_class(c, x.dtype(), [&]<class T>() -> Result<Outputs> {
    MutableTensor y = TRY(c.allocate(x.dtype(), x.shape()));
    for (int64_t i = 0; i < m.count; ++i) {
      Grid<T> l(m.rows, m.rows);
      if (!cholesky(load_matrix<T>(x, m, i), l)) {
        for (int64_t row = 0; row < l.rows; ++row)
          for (int64_t column = 0; column <= row; ++column) l.at(row, column) = std::numeric_limits<double>::quiet_NaN();
      }
      store_matrix(y, i, l);
    }
    return one(std::move(y));
  });
}

// --- Qr

Result<void> infer_qr(InferContext& c) {
  const PartialShape shape = TRY(shape_of_rank_at_least(c, 0, 2));
  if (!shape.has_rank()) return {};
  const int64_t rows = shape[shape.rank() - 2], columns = shape[shape.rank() - 1];
  const int64_t least = rows == 0 || columns == 0 ? 0 : rows == kUnknownDim || columns == kUnknownDim ? kUnknownDim : std::min(rows, columns);
  const int64_t inner = c.as<QrAttributes>().full_matrices ? rows : least;
  PartialShape q = shape, r = shape;
  q[shape.rank() - 1] = inner;
  r[shape.rank() - 2] = inner;
  c.set_shape(0, std::move(q));
  c.set_shape(1, std::move(r));
  return {};
}

// x - factor v (v* x) for the columns of x from `column` on, where v is 0 above row `first`.
template <class T>
void reflect(Grid<T>& x, int64_t column, int64_t first, const std::vector<T>& v, T factor) {
  for (int64_t j = column; j < x.columns; ++j) {
    T product = 0;
    for (int64_t i = first; i < x.rows; ++i) product += conjugate(v[static_cast<size_t>(i)]) * x.at(i, j);
    for (int64_t i = first; i < x.rows; ++i) x.at(i, j) -= factor * v[static_cast<size_t>(i)] * product;
  }
}

// Makes r the upper triangle of what it was, and returns the first `wanted` columns of Q.
template <class T>
Grid<T> qr(Grid<T>& r, int64_t wanted) {
  const int64_t rows = r.rows, steps = std::min(rows, r.columns);
  std::vector<std::vector<T>> reflections;
  std::vector<T> factors;
  for (int64_t k = 0; k < steps; ++k) {
    double below = 0;
    for (int64_t i = k + 1; i < rows; ++i) below += std::norm(r.at(i, k));
    const T head = r.at(k, k);
    std::vector<T> v(static_cast<size_t>(rows));
    v[static_cast<size_t>(k)] = 1;
    T factor = 0;  // nothing to do where the column is real and has nothing below the diagonal
    if (below > std::numeric_limits<double>::min() || imaginary_part(head) != 0) {
      const double length = std::sqrt(std::norm(head) + below), diagonal = real_part(head) >= 0 ? -length : length;
      for (int64_t i = k + 1; i < rows; ++i) v[static_cast<size_t>(i)] = r.at(i, k) / (head - diagonal);
      factor = conjugate((diagonal - head) / diagonal);
    }
    reflect(r, k, k, v, factor);
    for (int64_t i = k + 1; i < rows; ++i) r.at(i, k) = 0;  // but for rounding it is
    reflections.push_back(std::move(v));
    factors.push_back(factor);
  }
  Grid<T> q(rows, wanted);
  for (int64_t i = 0; i < wanted; ++i) q.at(i, i) = 1;
  for (int64_t k = steps - 1; k >= 0; --k) reflect(q, 0, k, reflections[static_cast<size_t>(k)], conjugate(factors[static_cast<size_t>(k)]));
  return q;
}

Result<Outputs> reference_qr(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Matrices m = TRY(matrices_of(c, x, false));
  const int64_t inner = c.as<QrAttributes>().full_matrices ? m.rows : std::min(m.rows, m.columns);
  return for_class(c, x.dtype(), [&]<class T>() -> Result<Outputs> {
    MutableTensor q = TRY(c.allocate(x.dtype(), joined(m.batch, {m.rows, inner}))), r = TRY(c.allocate(x.dtype(), joined(m.batch, {inner, m.columns})));
    for (int64_t i = 0; i < m.count; ++i) {
      Grid<T> triangle = load_matrix<T>(x, m, i);
      store_matrix(q, i, qr(triangle, inner));
      triangle.rows = inner;  // those below are 0
      triangle.values.resize(static_cast<size_t>(inner * m.columns));
      store_matrix(r, i, triangle);
    }
    return two(std::move(q), std::move(r));
  });
}

// --- SelfAdjointEigV2

Result<void> infer_eigen(InferContext& c) {
  const PartialShape shape = TRY(square_shape(c, 0));
  if (!c.as<SelfAdjointEigAttributes>().compute_v) c.set_shape(1, PartialShape::scalar());
  if (!shape.has_rank()) return {};
  c.set_shape(0, PartialShape(std::vector<int64_t>(shape.dims().begin(), shape.dims().end() - 1)));
  if (c.as<SelfAdjointEigAttributes>().compute_v) c.set_shape(1, shape);
  return {};
}

// Turns columns p and q of `x` into cosine * p - sine * phase* * q and sine * phase * p + cosine * q.
template <class T>
void rotate_columns(Grid<T>& x, int64_t p, int64_t q, double cosine, double sine, T phase) {
  for (int64_t i = 0; i < x.rows; ++i) {
    const T left = x.at(i, p), right = x.at(i, q);
    x.at(i, p) = cosine * left - sine * conjugate(phase) * right;
    x.at(i, q) = sine * phase * left + cosine * right;
  }
}

// The same from the other side: rows become what the adjoint of that rotation makes of them.
template <class T>
void rotate_rows(Grid<T>& x, int64_t p, int64_t q, double cosine, double sine, T phase) {
  for (int64_t j = 0; j < x.columns; ++j) {
    const T upper = x.at(p, j), lower = x.at(q, j);
    x.at(p, j) = cosine * upper - sine * phase * lower;
    x.at(q, j) = sine * conjugate(phase) * upper + cosine * lower;
  }
}

// Makes `a` diagonal, and multiplies `v` by all rotations from the right.
template <class T>
void diagonalize(Grid<T>& a, Grid<T>& v) {
  constexpr int kRounds = 100;  // ten are enough, but for numbers that are not finite
  const int64_t n = a.rows;
  for (int round = 0; round < kRounds; ++round) {
    double beside = 0, total = 0;
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        total += std::norm(a.at(i, j));
        if (i != j) beside += std::norm(a.at(i, j));
      }
    }
    constexpr double kRounding = std::numeric_limits<double>::epsilon() / 8;
    if (!(beside > total * kRounding * kRounding) || !std::isfinite(total)) return;
    for (int64_t p = 0; p < n; ++p) {
      for (int64_t q = p + 1; q < n; ++q) {
        const double size = std::abs(a.at(p, q));
        if (size == 0) continue;
        const T phase = a.at(p, q) / size;
        // The tangent of the smaller of the two angles that make a.at(p, q) 0.
        const double ratio = (real_part(a.at(q, q)) - real_part(a.at(p, p))) / (2 * size);
        const double tangent = std::copysign(1, ratio) / (std::fabs(ratio) + std::hypot(ratio, 1));
        const double cosine = 1 / std::hypot(tangent, 1), sine = tangent * cosine;
        rotate_columns(a, p, q, cosine, sine, phase);
        rotate_rows(a, p, q, cosine, sine, phase);
        a.at(p, q) = a.at(q, p) = 0;
        rotate_columns(v, p, q, cosine, sine, phase);
      }
    }
  }
}

Result<Outputs> reference_eigen(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const bool wanted = c.as<SelfAdjointEigAttributes>().compute_v;
  const Matrices m = TRY(matrices_of(c, x, true));
  return for_class(c, x.dtype(), [&]<class T>() -> Result<Outputs> {
    MutableTensor values = TRY(c.allocate(x.dtype(), joined(m.batch, {m.rows}))), vectors = TRY(c.allocate(x.dtype(), wanted ? x.shape() : Shape{}));
    for (int64_t i = 0; i < m.count; ++i) {
      Grid<T> a = load_matrix<T>(x, m, i), v = Grid<T>::identity(m.rows);
      for (int64_t row = 0; row < m.rows; ++row) {  // only the lower triangle counts
        a.at(row, row) = real_part(a.at(row, row));
        for (int64_t column = row + 1; column < m.rows; ++column) a.at(row, column) = conjugate(a.at(column, row));
      }
      diagonalize(a, v);
      std::vector<int64_t> order(static_cast<size_t>(m.rows));
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](int64_t p, int64_t q) { return real_part(a.at(p, p)) < real_part(a.at(q, q)); });
      std::vector<T> sorted;
      Grid<T> columns(m.rows, m.rows);
      for (const int64_t from : order) {
        T largest = 0;
        for (int64_t row = 0; row < m.rows; ++row)
          if (std::abs(v.at(row, from)) > std::abs(largest)) largest = v.at(row, from);
        const T direction = conjugate(largest) / std::abs(largest);
        for (int64_t row = 0; row < m.rows; ++row) columns.at(row, static_cast<int64_t>(sorted.size())) = v.at(row, from) * direction;
        sorted.push_back(real_part(a.at(from, from)));
      }
      store(values, i * m.rows, std::span<const T>(sorted));
      if (wanted) store_matrix(vectors, i, columns);
    }
    return two(std::move(values), std::move(vectors));
  });
}

}  // namespace

constinit const OpDef kOp_Cholesky = {
    .name = "Cholesky",
    .signature = "input: T -> output: T",
    .infer = infer_cholesky,
    .reference = reference_cholesky,
    .doc =
        "The lower triangular matrices whose products with their adjoints are the positive definite matrices in the last two dimensions, of which only the "
        "lower triangles count. That of a matrix that is not positive definite is NaN.",
};
constinit const OpDef kOp_Qr = {
    .name = "Qr",
    .signature = "input: T -> q: T, r: T",
    .make_attributes = &make_attributes<QrAttributes>,
    .infer = infer_qr,
    .reference = reference_qr,
    .doc =
        "The matrices in the last two dimensions as products of Q, whose columns are orthogonal and of length 1, and R, which is 0 below its diagonal; Q has "
        "as many columns as the shorter side, or with full_matrices is square.",
};
constinit const OpDef kOp_SelfAdjointEigV2 = {
    .name = "SelfAdjointEigV2",
    .signature = "input: T -> e: T, v: T",
    .make_attributes = &make_attributes<SelfAdjointEigAttributes>,
    .infer = infer_eigen,
    .reference = reference_eigen,
    .doc =
        "The eigenvalues, in ascending order, and in the columns of v the eigenvectors of the self-adjoint matrices in the last two dimensions, of which only "
        "the lower triangles count. Without compute_v, v is a scalar 0.",
};

}  // namespace isomer::ops
