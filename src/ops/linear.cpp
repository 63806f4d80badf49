// Products of matrices, single and in batches, and the ops that cut matrices and vectors: MatrixBandPart, Cross.
#include "ops/linear.h"

#include "ops/gemm.h"
#include "ops/kernel.h"

namespace isomer::ops {

using namespace ir;

namespace {

// One matrix of a tensor, as stored or transposed.
struct Matrix {
  const Tensor* tensor;
  int64_t offset, rows, columns;  // rows and columns as the product sees them
  bool transposed, conjugated;
};

template <class T>
ReadPanel<T> reader(const Matrix& matrix) {
  return [matrix](int64_t row, int64_t rows, int64_t column, int64_t columns, T* out) {
    if (!matrix.transposed) {
      for (int64_t i = 0; i < rows; ++i) {
        load(*matrix.tensor, matrix.offset + (row + i) * matrix.columns + column, std::span<T>(out + i * columns, static_cast<size_t>(columns)));
      }
      return;
    }
    std::vector<T> line(static_cast<size_t>(rows));  // a stored row is a column here
    for (int64_t j = 0; j < columns; ++j) {
      load(*matrix.tensor, matrix.offset + (column + j) * matrix.rows + row, std::span<T>(line));
      for (int64_t i = 0; i < rows; ++i) {
        T value = line[static_cast<size_t>(i)];
        if constexpr (std::is_same_v<T, Complex>) {
          if (matrix.conjugated) value = std::conj(value);
        }
        out[i * columns + j] = value;
      }
    }
  };
}

template <class T>
void multiply_into(MutableTensor& y, int64_t offset, const Matrix& a, const Matrix& b) {
  gemm<T>(a.rows, b.columns, a.columns, reader<T>(a), reader<T>(b),
          [&](int64_t row, int64_t column, std::span<const T> values) { store(y, offset + row * b.columns + column, values); });
}

// The result may have a wider dtype than the factors; it tells what is computed in.
Result<void> multiply_into(EvalContext& c, MutableTensor& y, int64_t offset, const Matrix& a, const Matrix& b) {
  switch (type_class(y.dtype())) {
    case TypeClass::kFloat: multiply_into<double>(y, offset, a, b); return {};
    case TypeClass::kInteger: multiply_into<int64_t>(y, offset, a, b); return {};
    case TypeClass::kComplex: multiply_into<Complex>(y, offset, a, b); return {};
    default: return dtype_error(c, y.dtype());
  }
}

Matrix last_matrix(const Tensor& tensor, int64_t offset, bool transposed) {
  const int64_t rows = tensor.shape()[tensor.shape().size() - 2], columns = tensor.shape().back();
  return {&tensor, offset, transposed ? columns : rows, transposed ? rows : columns, transposed, transposed};
}

}  // namespace

Result<PartialShape> matrix_product_shape(const PartialShape& a, const PartialShape& b, bool transpose_a, bool transpose_b) {
  TRY(same_dim(a[transpose_a ? 0 : 1], b[transpose_b ? 1 : 0], "the inner sizes of a product of matrices"));
  return PartialShape{a[transpose_a ? 1 : 0], b[transpose_b ? 0 : 1]};
}

Result<Tensor> matrix_product(EvalContext& c, const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b) {
  if (a.rank() != 2 || b.rank() != 2) return input_error("a product of matrices takes rank 2, found " + type_text(a) + " and " + type_text(b));
  const PartialShape shape = TRY(matrix_product_shape(PartialShape(a.shape()), PartialShape(b.shape()), transpose_a, transpose_b));
  MutableTensor y = TRY(c.allocate(a.dtype(), shape.dims()));
  Matrix left = last_matrix(a, 0, transpose_a), right = last_matrix(b, 0, transpose_b);
  left.conjugated = right.conjugated = false;
  TRY(multiply_into(c, y, 0, left, right));
  return std::move(y).finish();
}

namespace {

Result<void> infer_matmul(InferContext& c) {
  const auto& a = c.as<MatMulAttributes>();
  const PartialShape left = TRY(shape_of_rank(c, 0, 2)), right = TRY(shape_of_rank(c, 1, 2));
  c.set_shape(0, TRY(matrix_product_shape(left, right, a.transpose_a, a.transpose_b)));
  return {};
}
Result<Outputs> reference_matmul(EvalContext& c, Inputs inputs) {
  const Tensor& a = *TRY(tensor_input(c, inputs, 0));
  const Tensor& b = *TRY(tensor_input(c, inputs, 1));
  const auto& attributes = c.as<MatMulAttributes>();
  return one(TRY(matrix_product(c, a, b, attributes.transpose_a, attributes.transpose_b)));
}

// --- batches

// The dimensions before the last two.
PartialShape batch_of(const PartialShape& shape) { return PartialShape(std::vector<int64_t>(shape.dims().begin(), shape.dims().end() - 2)); }

Result<PartialShape> batch_product_shape(const PartialShape& x, const PartialShape& y, bool adj_x, bool adj_y, bool broadcasts) {
  const PartialShape batch = TRY(broadcasts ? broadcast(batch_of(x), batch_of(y)) : merge(batch_of(x), batch_of(y)));
  const PartialShape last_x = {x[x.rank() - 2], x[x.rank() - 1]}, last_y = {y[y.rank() - 2], y[y.rank() - 1]};
  const PartialShape product = TRY(matrix_product_shape(last_x, last_y, adj_x, adj_y));
  std::vector<int64_t> dims = batch.dims();
  dims.push_back(product[0]);
  dims.push_back(product[1]);
  return PartialShape(std::move(dims));
}

// Integers may be multiplied by floats where the product is to be a float.
bool multiplies_to(DType factor, DType product) { return type_class(factor) == type_class(product) || (is_integer(factor) && is_float(product)); }

template <class Struct, bool broadcasts>
Result<void> infer_batch(InferContext& c) {
  const auto& a = c.as<Struct>();
  const PartialShape x = TRY(shape_of_rank_at_least(c, 0, 2)), y = TRY(shape_of_rank_at_least(c, 1, 2));
  if constexpr (requires { a.Tout; }) {
    if (!multiplies_to(c.input_type(0).dtype, a.Tout) || !multiplies_to(c.input_type(1).dtype, a.Tout)) return dtype_error(c.op(), a.Tout);
  }
  if (x.has_rank() && y.has_rank()) c.set_shape(0, TRY(batch_product_shape(x, y, a.adj_x, a.adj_y, broadcasts)));
  return {};
}

template <class Struct, bool broadcasts>
Result<Outputs> reference_batch(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Tensor& y = *TRY(tensor_input(c, inputs, 1));
  const auto& a = c.as<Struct>();
  DType dtype = x.dtype();
  if constexpr (requires { a.Tout; }) dtype = a.Tout;
  if (x.rank() < 2 || y.rank() < 2) return input_error("a product of matrices takes rank 2 or more, found " + type_text(x) + " and " + type_text(y));
  if (!multiplies_to(x.dtype(), dtype) || !multiplies_to(y.dtype(), dtype)) return dtype_error(c, dtype);
  const PartialShape shape = TRY(batch_product_shape(PartialShape(x.shape()), PartialShape(y.shape()), a.adj_x, a.adj_y, broadcasts));
  MutableTensor z = TRY(c.allocate(dtype, shape.dims()));
  if (z.elements() == 0) return one(std::move(z));
  const Shape batch = batch_of(shape).dims(), batch_x = batch_of(PartialShape(x.shape())).dims(), batch_y = batch_of(PartialShape(y.shape())).dims();
  const int64_t size_x = x.shape().back() * x.shape()[batch_x.size()], size_y = y.shape().back() * y.shape()[batch_y.size()];
  const int64_t size_z = shape[shape.rank() - 1] * shape[shape.rank() - 2];
  int64_t offset = 0;
  for (Odometer at(batch, {broadcast_strides(batch_x, batch), broadcast_strides(batch_y, batch)}); !at.done(); at.next(), offset += size_z) {
    TRY(multiply_into(c, z, offset, last_matrix(x, at.offset(0) * size_x, a.adj_x), last_matrix(y, at.offset(1) * size_y, a.adj_y)));
  }
  return one(std::move(z));
}

// --- MatrixBandPart

Result<void> infer_band_part(InferContext& c) {
  c.set_shape(0, TRY(shape_of_rank_at_least(c, 0, 2)));
  return {};
}
Result<Outputs> reference_band_part(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Tensor& num_lower = *TRY(tensor_input(c, inputs, 1));
  const Tensor& num_upper = *TRY(tensor_input(c, inputs, 2));
  const int64_t lower = TRY(scalar_int(num_lower, "num_lower")), upper = TRY(scalar_int(num_upper, "num_upper"));
  if (x.rank() < 2) return input_error("MatrixBandPart takes rank 2 or more, found " + type_text(x));
  const int64_t rows = x.shape()[x.shape().size() - 2], columns = x.shape().back(), size = element_size(x.dtype());
  if (size == 0) return dtype_error(c, x.dtype());
  if (lower > rows || upper > columns) return input_error("num_lower and num_upper of MatrixBandPart lie outside a matrix of " + to_string(x.shape()));
  MutableTensor y = TRY(c.allocate(x.dtype(), x.shape()));
  const int64_t total_rows = columns == 0 ? 0 : x.elements() / columns;
  for (int64_t r = 0; r < total_rows; ++r) {
    const int64_t row = r % rows;
    // The kept columns of this row; a negative number keeps everything on its side.
    const int64_t begin = lower < 0 ? 0 : std::clamp<int64_t>(row - lower, 0, columns);
    const int64_t end = upper < 0 ? columns : std::clamp<int64_t>(row + upper + 1, 0, columns);
    if (begin >= end) continue;
    const int64_t at = (r * columns + begin) * size;
    std::memcpy(y.data() + at, x.bytes().data() + at, static_cast<size_t>((end - begin) * size));
  }
  return one(std::move(y));
}

// --- Cross

Result<void> infer_cross(InferContext& c) {
  const PartialShape shape = TRY(merge(c.shape(0), c.shape(1)));
  if (shape.has_rank() && (shape.rank() == 0 || (shape[shape.rank() - 1] != 3 && shape[shape.rank() - 1] != kUnknownDim))) {
    return input_error("Cross takes vectors of 3 elements, found shape " + to_string(shape));
  }
  c.set_shape(0, shape);
  return {};
}

template <class T>
Result<Tensor> cross(EvalContext& c, const Tensor& a, const Tensor& b) {
  MutableTensor y = TRY(c.allocate(a.dtype(), a.shape()));
  T u[3], v[3], w[3];
  for (int64_t i = 0; i < y.elements(); i += 3) {
    load(a, i, std::span<T>(u));
    load(b, i, std::span<T>(v));
    for (int j = 0; j < 3; ++j) {
      const int p = (j + 1) % 3, q = (j + 2) % 3;
      if constexpr (std::is_same_v<T, int64_t>) {
        w[j] = wrapping_subtract(wrapping_multiply(u[p], v[q]), wrapping_multiply(u[q], v[p]));
      } else {
        // TensorFlow rounds the products, which half and bfloat16 show.
        const auto product = [&](T left, T right) -> T {
          if constexpr (std::is_same_v<T, double>) return rounded_to(a.dtype(), left * right);
          return left * right;
        };
        w[j] = product(u[p], v[q]) - product(u[q], v[p]);
      }
    }
    store(y, i, std::span<const T>(w));
  }
  return std::move(y).finish();
}
Result<Outputs> reference_cross(EvalContext& c, Inputs inputs) {
  const Tensor& a = *TRY(tensor_input(c, inputs, 0));
  const Tensor& b = *TRY(tensor_input(c, inputs, 1));
  if (a.shape() != b.shape() || a.rank() == 0 || a.shape().back() != 3) {
    return input_error("Cross takes two tensors of one shape whose last dimension is 3, found " + type_text(a) + " and " + type_text(b));
  }
  if (is_float(a.dtype())) return one(TRY(cross<double>(c, a, b)));
  if (is_integer(a.dtype())) return one(TRY(cross<int64_t>(c, a, b)));
  return dtype_error(c, a.dtype());
}

}  // namespace

constinit const OpDef kOp_MatMul = {
    .name = "MatMul",
    .signature = "a: T, b: T -> product: T",
    .make_attributes = &make_attributes<MatMulAttributes>,
    .infer = infer_matmul,
    .reference = reference_matmul,
    .doc = "The product of two matrices, either of them transposed first if wanted.",
};
constinit const OpDef kOp_BatchMatMul = {
    .name = "BatchMatMul",
    .signature = "x: T, y: T -> output: T",
    .make_attributes = &make_attributes<BatchMatMulAttributes>,
    .infer = infer_batch<BatchMatMulAttributes, false>,
    .reference = reference_batch<BatchMatMulAttributes, false>,
    .doc = "Products of the matrices in the last two dimensions; the dimensions before them are equal.",
};
constinit const OpDef kOp_BatchMatMulV2 = {
    .name = "BatchMatMulV2",
    .signature = "x: T, y: T -> output: T",
    .make_attributes = &make_attributes<BatchMatMulAttributes>,
    .infer = infer_batch<BatchMatMulAttributes, true>,
    .reference = reference_batch<BatchMatMulAttributes, true>,
    .doc = "Products of the matrices in the last two dimensions; the dimensions before them are broadcast.",
};
constinit const OpDef kOp_BatchMatMulV3 = {
    .name = "BatchMatMulV3",
    .signature = "x: Ta, y: Tb -> output: Tout",
    .make_attributes = &make_attributes<BatchMatMulV3Attributes>,
    .infer = infer_batch<BatchMatMulV3Attributes, true>,
    .reference = reference_batch<BatchMatMulV3Attributes, true>,
    .doc = "BatchMatMulV2 whose factors and product may have different dtypes, as int8 and int32.",
};
constinit const OpDef kOp_MatrixBandPart = {
    .name = "MatrixBandPart",
    .signature = "input: T, num_lower: Tindex, num_upper: Tindex -> band: T",
    .infer = infer_band_part,
    .reference = reference_band_part,
    .doc =
        "The matrices in the last two dimensions with everything set to 0 that lies more than num_lower diagonals below or num_upper above the main one; a "
        "negative number keeps that whole side.",
};
constinit const OpDef kOp_Cross = {
    .name = "Cross",
    .signature = "a: T, b: T -> product: T",
    .infer = infer_cross,
    .reference = reference_cross,
    .doc = "The cross products of the 3-element vectors in the last dimension.",
};

}  // namespace isomer::ops
