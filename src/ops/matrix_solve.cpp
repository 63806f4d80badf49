// Systems of linear equations and what comes of them: MatrixInverse, MatrixSolve, MatrixTriangularSolve, MatrixDeterminant and LogMatrixDeterminant.
//
// Gaussian elimination with the largest element of a column as its pivot makes P A = L U, which is kept in one matrix: the diagonal of L is 1. A system is
// solved forwards with L and backwards with U; the determinant is the product of the diagonal of U, negated for each exchange of rows.
#include "ops/matrix_solve.h"

#include <limits>

#include "ops/matrix.h"

namespace isomer::ops {

using namespace ir;

Result<Matrices> matrices_of(EvalContext& c, const Tensor& x, bool square) {
  const std::string op(c.node().op->name);
  if (x.rank() < 2) return input_error(op + " takes rank 2 or more, found " + type_text(x));
  Matrices m;
  m.batch.assign(x.shape().begin(), x.shape().end() - 2);
  for (const int64_t size : m.batch) m.count *= size;
  m.rows = x.shape()[x.shape().size() - 2];
  m.columns = x.shape().back();
  if (square && m.rows != m.columns) return input_error(op + " takes square matrices, found " + type_text(x));
  return m;
}

Result<PartialShape> square_shape(InferContext& c, int64_t i) {
  PartialShape shape = TRY(shape_of_rank_at_least(c, i, 2));
  if (!shape.has_rank()) return shape;
  const int64_t rank = shape.rank();
  shape[rank - 1] = shape[rank - 2] = TRY(same_dim(shape[rank - 1], shape[rank - 2], "the rows and columns of square matrices"));
  return shape;
}

Shape joined(const Shape& batch, std::initializer_list<int64_t> rest) {
  Shape shape = batch;
  shape.insert(shape.end(), rest);
  return shape;
}

namespace {

PartialShape batch_of(const PartialShape& shape) { return PartialShape(std::vector<int64_t>(shape.dims().begin(), shape.dims().end() - 2)); }

template <class T>
struct Elimination {
  Grid<T> lu;
  std::vector<int64_t> order;  // row i of P A is row order[i] of A
  double sign = 1;             // of the permutation
  bool singular = false;
};

template <class T>
Elimination<T> eliminate(Grid<T> a) {
  const int64_t n = a.rows;
  Elimination<T> e;
  for (int64_t i = 0; i < n; ++i) e.order.push_back(i);
  for (int64_t k = 0; k < n; ++k) {
    int64_t pivot = k;
    for (int64_t i = k + 1; i < n; ++i)
      if (std::abs(a.at(i, k)) > std::abs(a.at(pivot, k))) pivot = i;
    if (a.at(pivot, k) == T(0)) {
      e.singular = true;
      continue;
    }
    if (pivot != k) {
      for (int64_t j = 0; j < n; ++j) std::swap(a.at(k, j), a.at(pivot, j));
      std::swap(e.order[static_cast<size_t>(k)], e.order[static_cast<size_t>(pivot)]);
      e.sign = -e.sign;
    }
    for (int64_t i = k + 1; i < n; ++i) {
      const T factor = a.at(i, k) /= a.at(k, k);
      for (int64_t j = k + 1; j < n; ++j) a.at(i, j) -= factor * a.at(k, j);
    }
  }
  e.lu = std::move(a);
  return e;
}

// Solves a x = b in place for a triangular a, of which nothing is read beyond its triangle. With `unit`, its diagonal is 1.
template <class T>
void solve_triangular(const Grid<T>& a, bool lower, bool unit, Grid<T>& b) {
  const int64_t n = a.rows;
  for (int64_t step = 0; step < n; ++step) {
    const int64_t i = lower ? step : n - 1 - step;
    for (int64_t column = 0; column < b.columns; ++column) {
      T& x = b.at(i, column);
      for (int64_t j = lower ? 0 : i + 1; j < (lower ? i : n); ++j) x -= a.at(i, j) * b.at(j, column);
      if (!unit) x /= a.at(i, i);
    }
  }
}

template <class T>
Grid<T> solve(const Elimination<T>& e, const Grid<T>& b) {
  Grid<T> x(b.rows, b.columns);
  for (int64_t i = 0; i < b.rows; ++i)
    for (int64_t j = 0; j < b.columns; ++j) x.at(i, j) = b.at(e.order[static_cast<size_t>(i)], j);
  solve_triangular(e.lu, true, true, x);
  solve_triangular(e.lu, false, false, x);
  return x;
}

std::unexpected<Error> singular_error(EvalContext& c) {
  return fail(ErrorCode::kInvalidArgument, std::string(c.node().op->name) + ": a matrix is not invertible");
}

// --- MatrixInverse

Result<void> infer_inverse(InferContext& c) {
  c.set_shape(0, TRY(square_shape(c, 0)));
  return {};
}
Result<Outputs> reference_inverse(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Matrices m = TRY(matrices_of(c, x, true));
  return for_class(c, x.dtype(), [&]<class T>() -> Result<Outputs> {
    MutableTensor y = TRY(c.allocate(x.dtype(), x.shape()));
    for (int64_t i = 0; i < m.count; ++i) {
      const Grid<T> a = load_matrix<T>(x, m, i);
      const Elimination<T> e = eliminate(c.as<AdjointAttributes>().adjoint ? a.adjoint() : a);
      if (e.singular) return singular_error(c);
      store_matrix(y, i, solve(e, Grid<T>::identity(m.rows)));
    }
    return one(std::move(y));
  });
}

// --- MatrixSolve and MatrixTriangularSolve

template <bool broadcasts>
Result<void> infer_solve(InferContext& c) {
  const PartialShape matrix = TRY(square_shape(c, 0)), rhs = TRY(shape_of_rank_at_least(c, 1, 2));
  if (!matrix.has_rank() || !rhs.has_rank()) return {};
  std::vector<int64_t> dims = TRY(broadcasts ? broadcast(batch_of(matrix), batch_of(rhs)) : merge(batch_of(matrix), batch_of(rhs))).dims();
  dims.push_back(TRY(same_dim(matrix[matrix.rank() - 1], rhs[rhs.rank() - 2], "the rows of the matrices and of the right-hand sides")));
  dims.push_back(rhs[rhs.rank() - 1]);
  c.set_shape(0, PartialShape(std::move(dims)));
  return {};
}

Result<void> check_rows(const Matrices& m, const Matrices& b) {
  if (m.rows == b.rows) return {};
  return input_error("matrices of " + std::to_string(m.rows) + " rows do not fit right-hand sides of " + std::to_string(b.rows));
}

Result<Outputs> reference_solve(EvalContext& c, Inputs inputs) {
  const Tensor& matrix = *TRY(tensor_input(c, inputs, 0));
  const Tensor& rhs = *TRY(tensor_input(c, inputs, 1));
  const Matrices m = TRY(matrices_of(c, matrix, true)), b = TRY(matrices_of(c, rhs, false));
  TRY(check_rows(m, b));
  if (m.batch != b.batch) return input_error("MatrixSolve needs as many matrices as right-hand sides, found " + type_text(matrix) + " and " + type_text(rhs));
  return for_class(c, rhs.dtype(), [&]<class T>() -> Result<Outputs> {
    MutableTensor y = TRY(c.allocate(rhs.dtype(), rhs.shape()));
    for (int64_t i = 0; i < m.count; ++i) {
      const Grid<T> a = load_matrix<T>(matrix, m, i);
      const Elimination<T> e = eliminate(c.as<AdjointAttributes>().adjoint ? a.adjoint() : a);
      if (e.singular) return singular_error(c);
      store_matrix(y, i, solve(e, load_matrix<T>(rhs, b, i)));
    }
    return one(std::move(y));
  });
}

Result<Outputs> reference_triangular_solve(EvalContext& c, Inputs inputs) {
  const Tensor& matrix = *TRY(tensor_input(c, inputs, 0));
  const Tensor& rhs = *TRY(tensor_input(c, inputs, 1));
  const auto& attributes = c.as<TriangularSolveAttributes>();
  const Matrices m = TRY(matrices_of(c, matrix, true)), b = TRY(matrices_of(c, rhs, false));
  TRY(check_rows(m, b));
  const Shape batch = TRY(broadcast(m.batch, b.batch));
  return for_class(c, rhs.dtype(), [&]<class T>() -> Result<Outputs> {
    MutableTensor y = TRY(c.allocate(rhs.dtype(), joined(batch, {b.rows, b.columns})));
    int64_t index = 0;
    for (Odometer at(batch, {broadcast_strides(m.batch, batch), broadcast_strides(b.batch, batch)}); !at.done(); at.next(), ++index) {
      Grid<T> a = load_matrix<T>(matrix, m, at.offset(0));
      for (int64_t i = 0; i < a.rows; ++i)
        if (a.at(i, i) == T(0)) return singular_error(c);
      if (attributes.adjoint) a = a.adjoint();
      Grid<T> x = load_matrix<T>(rhs, b, at.offset(1));
      solve_triangular(a, attributes.lower != attributes.adjoint, false, x);
      store_matrix(y, index, x);
    }
    return one(std::move(y));
  });
}

// --- determinants

Result<void> infer_determinant(InferContext& c) {
  const PartialShape shape = TRY(square_shape(c, 0));
  if (!shape.has_rank()) return {};
  for (int64_t i = 0; i < c.output_count(); ++i) c.set_shape(i, batch_of(shape));
  return {};
}

Result<Outputs> reference_determinant(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Matrices m = TRY(matrices_of(c, x, true));
  return for_class(c, x.dtype(), [&]<class T>() -> Result<Outputs> {
    MutableTensor y = TRY(c.allocate(x.dtype(), m.batch));
    for (int64_t i = 0; i < m.count; ++i) {
      const Elimination<T> e = eliminate(load_matrix<T>(x, m, i));
      T product = e.sign;
      for (int64_t k = 0; k < m.rows; ++k) product *= e.lu.at(k, k);
      store(y, i, std::span<const T>(&product, 1));
    }
    return one(std::move(y));
  });
}

Result<Outputs> reference_log_determinant(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Matrices m = TRY(matrices_of(c, x, true));
  return for_class(c, x.dtype(), [&]<class T>() -> Result<Outputs> {
    MutableTensor signs = TRY(c.allocate(x.dtype(), m.batch)), logarithms = TRY(c.allocate(x.dtype(), m.batch));
    for (int64_t i = 0; i < m.count; ++i) {
      const Elimination<T> e = eliminate(load_matrix<T>(x, m, i));
      T sign = e.singular ? 0 : e.sign, logarithm = e.singular ? -std::numeric_limits<double>::infinity() : 0;
      for (int64_t k = 0; k < m.rows && !e.singular; ++k) {
        const double size = std::abs(e.lu.at(k, k));
        sign *= e.lu.at(k, k) / size;
        logarithm += std::log(size);
      }
      store(signs, i, std::span<const T>(&sign, 1));
      store(logarithms, i, std::span<const T>(&logarithm, 1));
    }
    Outputs outputs;
    outputs.emplace_back(std::move(signs).finish());
    outputs.emplace_back(std::move(logarithms).finish());
    return outputs;
  });
}

}  // namespace

constinit const OpDef kOp_LogMatrixDeterminant = {
    .name = "LogMatrixDeterminant",
    .signature = "input: T -> sign: T, log_abs_determinant: T",
    .infer = infer_determinant,
    .reference = reference_log_determinant,
    .doc =
        "The sign (for complex numbers the direction) of the determinants of the square matrices in the last two dimensions, and the logarithm of their "
        "size.",
};
constinit const OpDef kOp_MatrixDeterminant = {
    .name = "MatrixDeterminant",
    .signature = "input: T -> output: T",
    .infer = infer_determinant,
    .reference = reference_determinant,
    .doc = "The determinants of the square matrices in the last two dimensions; 1 for matrices without elements.",
};
constinit const OpDef kOp_MatrixInverse = {
    .name = "MatrixInverse",
    .signature = "input: T -> output: T",
    .make_attributes = &make_attributes<AdjointAttributes>,
    .infer = infer_inverse,
    .reference = reference_inverse,
    .doc = "The inverses of the square matrices in the last two dimensions, or with `adjoint` those of their adjoints. A singular matrix is an error.",
};
constinit const OpDef kOp_MatrixSolve = {
    .name = "MatrixSolve",
    .signature = "matrix: T, rhs: T -> output: T",
    .make_attributes = &make_attributes<AdjointAttributes>,
    .infer = infer_solve<false>,
    .reference = reference_solve,
    .doc = "The x with matrix x = rhs for each matrix in the last two dimensions, or with its adjoint. A singular matrix is an error.",
};
constinit const OpDef kOp_MatrixTriangularSolve = {
    .name = "MatrixTriangularSolve",
    .signature = "matrix: T, rhs: T -> output: T",
    .make_attributes = &make_attributes<TriangularSolveAttributes>,
    .infer = infer_solve<true>,
    .reference = reference_triangular_solve,
    .doc =
        "MatrixSolve for triangular matrices, of which only the lower or the upper triangle counts, whatever lies in the other; the dimensions before the last "
        "two are broadcast.",
};

}  // namespace isomer::ops
