// Diagonals: put into tensors, taken out of them, replaced.
//
// Diagonal d of a matrix holds the elements [i, i + d]. A band is the diagonals lower ... upper; as a tensor it has one row for each, the uppermost first,
// as wide as the longest. Shorter diagonals lie at the left or the right end of their rows (`align`).
#include "ops/matrix_diag.h"

#include "ops/elements.h"
#include "ops/partial_value.h"

namespace isomer::ops {

using namespace ir;

namespace {

struct Range {
  int64_t lower = 0, upper = 0;
  int64_t count() const { return upper - lower + 1; }
};

// A scalar names one diagonal, a pair the lowest and the highest.
Result<Range> diagonal_range(const std::vector<int64_t>& k) {
  if (k.empty() || k.size() > 2) return input_error("k must be one diagonal or two, found " + std::to_string(k.size()));
  const Range range{k[0], k.back()};
  if (range.lower > range.upper) return input_error("the first diagonal of k must not lie above the second");
  if (range.lower < -INT32_MAX || range.upper > INT32_MAX) return input_error("k is out of range");
  return range;
}

struct Alignment {
  bool upper_right = false, lower_right = false;
};
Result<Alignment> alignment(const OpDef& op, const Attributes& attributes) {
  const auto* a = dynamic_cast<const AttributesOf<DiagonalAlignAttributes>*>(&attributes);
  if (!a) return Alignment{};  // the older ops align left
  const std::string& align = a->value.align;
  if (align == "RIGHT_LEFT") return Alignment{true, false};
  if (align == "LEFT_RIGHT") return Alignment{false, true};
  if (align == "RIGHT_RIGHT") return Alignment{true, true};
  if (align == "LEFT_LEFT") return Alignment{};
  return input_error("align of " + std::string(op.name) + " must be two of LEFT and RIGHT, found '" + align + "'");
}

// A band of matrices of one size.
struct Band {
  Range range;
  int64_t rows = 0, columns = 0;
  int64_t width = 0;  // of the longest diagonal
  Alignment align;

  int64_t length(int64_t d) const { return std::max<int64_t>(0, std::min(rows + std::min<int64_t>(d, 0), columns - std::max<int64_t>(d, 0))); }
  // The elements of diagonal d in a matrix, and in the band.
  Layout in_matrix(int64_t d) const { return {d >= 0 ? d : -d * columns, {columns + 1}}; }
  Layout in_band(int64_t d) const {
    const bool right = d > 0 ? align.upper_right : d < 0 ? align.lower_right : align.upper_right && align.lower_right;
    return {(range.upper - d) * width + (right ? width - length(d) : 0), {1}};
  }
};

int64_t longest(const Range& range, int64_t rows, int64_t columns) {
  return std::min(rows + std::min<int64_t>(range.upper, 0), columns - std::max<int64_t>(range.lower, 0));
}

Result<Band> band_of_matrix(const Range& range, int64_t rows, int64_t columns, const Alignment& align) {
  // TensorFlow lets diagonal 0 of an empty matrix pass.
  const bool inside = (range.lower > -rows || range.lower == 0) && (range.upper < columns || range.upper == 0);
  if (!inside) {
    return input_error("a matrix of " + std::to_string(rows) + " rows and " + std::to_string(columns) + " columns has no diagonals " +
                       std::to_string(range.lower) + " to " + std::to_string(range.upper));
  }
  return Band{range, rows, columns, longest(range, rows, columns), align};
}

Layout shifted(Layout layout, int64_t by) {
  layout.offset += by;
  return layout;
}

// Copies the band's diagonals of `count` matrices, from band to matrix or back.
void copy_band(ElementWriter& to, const Tensor& from, const Band& band, int64_t count, bool into_matrix) {
  const int64_t matrix = band.rows * band.columns, strip = band.range.count() * band.width;
  for (int64_t b = 0; b < count; ++b) {
    for (int64_t d = band.range.lower; d <= band.range.upper; ++d) {
      const Layout in_matrix = shifted(band.in_matrix(d), b * matrix), in_band = shifted(band.in_band(d), b * strip);
      to.copy(from, into_matrix ? in_band : in_matrix, into_matrix ? in_matrix : in_band, {band.length(d)});
    }
  }
}

// The dimensions of a band behind the batch: one row is no dimension of its own.
Shape with_band(Shape batch, const Range& range, int64_t width) {
  if (range.count() > 1) batch.push_back(range.count());
  batch.push_back(width);
  return batch;
}

// k under inference; the ops without k speak of the main diagonal.
Result<std::optional<Range>> inferred_range(InferContext& c, int64_t input) {
  if (c.input_count() <= input) return Range{};
  const auto k = elements_from_input(c, input);
  if (!k) return std::nullopt;
  return TRY(diagonal_range(*k));
}
Result<Range> given_range(EvalContext& c, Inputs inputs, size_t input) {
  if (inputs.size() <= input) return Range{};
  return diagonal_range(TRY(int_vector(*TRY(tensor_input(c, inputs, static_cast<int64_t>(input))), "k")));
}

// --- MatrixDiag

// The size of the matrices that a band of this width makes, where rows and columns may be given (-1: not).
struct Size {
  int64_t rows, columns;
};
Result<Size> matrix_size(const Range& range, int64_t width, int64_t rows, int64_t columns) {
  const int64_t least_rows = width - std::min<int64_t>(range.upper, 0), least_columns = width + std::max<int64_t>(range.lower, 0);
  const Size size = rows == -1 && columns == -1 ? Size{std::max(least_rows, least_columns), std::max(least_rows, least_columns)}
                                                : Size{rows == -1 ? least_rows : rows, columns == -1 ? least_columns : columns};
  if (size.rows < least_rows || size.columns < least_columns || (size.rows != least_rows && size.columns != least_columns)) {
    return input_error("diagonals of length " + std::to_string(width) + " do not fit a matrix of " + std::to_string(size.rows) + " rows and " +
                       std::to_string(size.columns) + " columns");
  }
  return size;
}

Result<void> infer_matrix_diag(InferContext& c) {
  TRY(alignment(c.op(), c.attributes()));
  const PartialShape diagonal = TRY(shape_of_rank_at_least(c, 0, 1));
  const auto range = TRY(inferred_range(c, 1));
  if (!diagonal.has_rank() || !range) return {};
  const bool many = range->count() > 1;
  if (many && diagonal.rank() < 2) return input_error("several diagonals must be rows of a matrix, found shape " + to_string(diagonal));
  if (many) TRY(same_dim(diagonal[diagonal.rank() - 2], range->count(), "the rows of the diagonals and their number"));
  std::vector<int64_t> dims(diagonal.dims().begin(), diagonal.dims().end() - (many ? 2 : 1));
  const int64_t width = diagonal[diagonal.rank() - 1];
  const bool given = c.input_count() > 2;
  const auto rows = given ? scalar_from_input(c, 2) : -1, columns = given ? scalar_from_input(c, 3) : -1;
  const bool known = width != kUnknownDim && rows && columns;
  const Size size = known ? TRY(matrix_size(*range, width, *rows, *columns)) : Size{kUnknownDim, kUnknownDim};
  dims.insert(dims.end(), {size.rows, size.columns});
  c.set_shape(0, PartialShape(std::move(dims)));
  return {};
}
Result<Outputs> reference_matrix_diag(EvalContext& c, Inputs inputs) {
  const Tensor& diagonal = *TRY(tensor_input(c, inputs, 0));
  const Range range = TRY(given_range(c, inputs, 1));
  const bool many = range.count() > 1;
  const int64_t batch_rank = diagonal.rank() - (many ? 2 : 1);
  if (batch_rank < 0 || (many && diagonal.shape()[static_cast<size_t>(batch_rank)] != range.count())) {
    return input_error(type_text(diagonal) + " does not hold " + std::to_string(range.count()) + " diagonals");
  }
  const bool given = inputs.size() > 2;
  const int64_t rows = given ? TRY(scalar_int(*TRY(tensor_input(c, inputs, 2)), "num_rows")) : -1;
  const int64_t columns = given ? TRY(scalar_int(*TRY(tensor_input(c, inputs, 3)), "num_cols")) : -1;
  const Size size = TRY(matrix_size(range, diagonal.shape().back(), rows, columns));
  const auto align = TRY(alignment(*c.node().op, *c.node().attributes));
  const Band band{range, size.rows, size.columns, diagonal.shape().back(), align};
  Shape shape(diagonal.shape().begin(), diagonal.shape().begin() + batch_rank);
  shape.insert(shape.end(), {size.rows, size.columns});
  ElementWriter y = TRY(ElementWriter::create(c, diagonal.dtype(), std::move(shape)));
  if (given) {
    const Tensor& padding = *TRY(tensor_input(c, inputs, 4));
    if (padding.elements() != 1) return input_error("padding_value must be a scalar, found " + type_text(padding));
    y.fill(padding);
  }
  if (diagonal.elements() > 0) copy_band(y, diagonal, band, product(diagonal.shape(), 0, batch_rank), true);
  return one(TRY(std::move(y).finish()));
}

// --- MatrixDiagPart

Result<void> infer_matrix_diag_part(InferContext& c) {
  const Alignment align = TRY(alignment(c.op(), c.attributes()));
  const PartialShape x = TRY(shape_of_rank_at_least(c, 0, 2));
  const auto range = TRY(inferred_range(c, 1));
  if (!x.has_rank() || !range) return {};
  const int64_t rows = x[x.rank() - 2], columns = x[x.rank() - 1];
  const int64_t width = rows == kUnknownDim || columns == kUnknownDim ? kUnknownDim : TRY(band_of_matrix(*range, rows, columns, align)).width;
  c.set_shape(0, PartialShape(with_band(Shape(x.dims().begin(), x.dims().end() - 2), *range, width)));
  return {};
}

// The matrices of a tensor and a band of them.
Result<Band> band_of(EvalContext& c, const Tensor& x, const Range& range) {
  if (x.rank() < 2) return input_error("there must be matrices, found " + type_text(x));
  const auto rank = static_cast<size_t>(x.rank());
  return band_of_matrix(range, x.shape()[rank - 2], x.shape()[rank - 1], TRY(alignment(*c.node().op, *c.node().attributes)));
}

Result<Outputs> reference_matrix_diag_part(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Band band = TRY(band_of(c, x, TRY(given_range(c, inputs, 1))));
  const Shape batch(x.shape().begin(), x.shape().end() - 2);
  ElementWriter y = TRY(ElementWriter::create(c, x.dtype(), with_band(batch, band.range, band.width)));
  if (inputs.size() > 2) {
    const Tensor& padding = *TRY(tensor_input(c, inputs, 2));
    if (padding.elements() != 1) return input_error("padding_value must be a scalar, found " + type_text(padding));
    y.fill(padding);
  }
  if (y.elements() > 0) copy_band(y, x, band, element_count_of(batch), false);
  return one(TRY(std::move(y).finish()));
}

// --- MatrixSetDiag

Result<void> infer_matrix_set_diag(InferContext& c) {
  const Alignment align = TRY(alignment(c.op(), c.attributes()));
  const PartialShape x = TRY(shape_of_rank_at_least(c, 0, 2));
  TRY(shape_of_rank_at_least(c, 1, 1));
  const auto range = TRY(inferred_range(c, 2));
  if (x.has_rank() && range) {
    const int64_t rows = x[x.rank() - 2], columns = x[x.rank() - 1];
    const int64_t width = rows == kUnknownDim || columns == kUnknownDim ? kUnknownDim : TRY(band_of_matrix(*range, rows, columns, align)).width;
    TRY(merge(c.shape(1), PartialShape(with_band(Shape(x.dims().begin(), x.dims().end() - 2), *range, width))));
  }
  return infer_same(c);
}
Result<Outputs> reference_matrix_set_diag(EvalContext& c, Inputs inputs) {
  const Tensor &x = *TRY(tensor_input(c, inputs, 0)), &diagonal = *TRY(tensor_input(c, inputs, 1));
  const Band band = TRY(band_of(c, x, TRY(given_range(c, inputs, 2))));
  const Shape batch(x.shape().begin(), x.shape().end() - 2);
  if (diagonal.shape() != with_band(batch, band.range, band.width)) {
    return input_error("diagonals of " + type_text(x) + " need shape " + to_string(with_band(batch, band.range, band.width)) + ", found " +
                       type_text(diagonal));
  }
  ElementWriter y = TRY(ElementWriter::create(c, x.dtype(), x.shape()));
  y.copy(x, 0, 0, x.elements());
  if (diagonal.elements() > 0) copy_band(y, diagonal, band, element_count_of(batch), true);
  return one(TRY(std::move(y).finish()));
}

// --- Diag, DiagPart

Result<void> infer_diag(InferContext& c) {
  const PartialShape& x = c.shape(0);
  if (!x.has_rank()) return {};
  if (x.rank() < 1 || x.rank() > 127) return input_error("Diag takes a tensor of rank 1 or more, found shape " + to_string(x));
  std::vector<int64_t> dims = x.dims();
  dims.insert(dims.end(), x.dims().begin(), x.dims().end());
  c.set_shape(0, PartialShape(std::move(dims)));
  return {};
}
Result<Outputs> reference_diag(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  if (x.rank() < 1) return input_error("Diag takes a tensor of rank 1 or more, found " + type_text(x));
  Shape shape = x.shape();
  shape.insert(shape.end(), x.shape().begin(), x.shape().end());
  ElementWriter y = TRY(ElementWriter::create(c, x.dtype(), std::move(shape)));
  y.copy(x, {0, {1}}, {0, {x.elements() + 1}}, {x.elements()});
  return one(TRY(std::move(y).finish()));
}

Result<void> infer_diag_part(InferContext& c) {
  const PartialShape& x = c.shape(0);
  if (!x.has_rank()) return {};
  if (x.rank() < 2 || x.rank() % 2 != 0) return input_error("DiagPart takes a tensor of even rank, found shape " + to_string(x));
  PartialShape half = PartialShape::of_rank(x.rank() / 2);
  for (int64_t d = 0; d < half.rank(); ++d) half[d] = TRY(same_dim(x[d], x[half.rank() + d], "the two halves of the shape"));
  c.set_shape(0, std::move(half));
  return {};
}
Result<Outputs> reference_diag_part(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const auto half = x.shape().begin() + x.rank() / 2;
  const Shape shape(x.shape().begin(), half);
  if (x.rank() < 2 || shape != Shape(half, x.shape().end())) return input_error("DiagPart takes a tensor of two equal halves, found " + type_text(x));
  return one(TRY(strided_copy(c, x, {element_count_of(shape)}, {0, {element_count_of(shape) + 1}})).reshaped(shape));
}

}  // namespace

#define DIAGONAL_OP(Name, operands, kernel, Attributes, text) \
  constinit const OpDef kOp_##Name = {                        \
      .name = #Name,                                          \
      .signature = operands,                                  \
      .make_attributes = &make_attributes<Attributes>,        \
      .infer = infer_##kernel,                                \
      .reference = reference_##kernel,                        \
      .doc = text,                                            \
  };
#define MATRIX_DIAG "diagonal: T, k: int32, num_rows: int32, num_cols: int32, padding_value: T -> output: T"

DIAGONAL_OP(Diag, "diagonal: T -> output: T", diag, NoAttributes, "y[i, i] = x[i], zero elsewhere, for x of any rank (i is then several indices).")
DIAGONAL_OP(DiagPart, "input: T -> diagonal: T", diag_part, NoAttributes, "y[i] = x[i, i], for x of any even rank (i is then several indices).")
DIAGONAL_OP(MatrixDiag, "diagonal: T -> output: T", matrix_diag, NoAttributes, "Square matrices with the rows of the input as main diagonals.")
DIAGONAL_OP(MatrixDiagV2, MATRIX_DIAG, matrix_diag, NoAttributes,
            "Matrices with the given diagonals, of the given size or the smallest that holds them, padding_value elsewhere. Short diagonals are aligned left.")
DIAGONAL_OP(MatrixDiagV3, MATRIX_DIAG, matrix_diag, DiagonalAlignAttributes, "As MatrixDiagV2, with short diagonals aligned as `align` says.")
DIAGONAL_OP(MatrixDiagPart, "input: T -> diagonal: T", matrix_diag_part, NoAttributes, "The main diagonals of matrices.")
DIAGONAL_OP(MatrixDiagPartV2, "input: T, k: int32, padding_value: T -> diagonal: T", matrix_diag_part, NoAttributes,
            "The diagonals k of matrices, one or a band; short ones are aligned left and padded.")
DIAGONAL_OP(MatrixDiagPartV3, "input: T, k: int32, padding_value: T -> diagonal: T", matrix_diag_part, DiagonalAlignAttributes,
            "As MatrixDiagPartV2, with short diagonals aligned as `align` says.")
DIAGONAL_OP(MatrixSetDiag, "input: T, diagonal: T -> output: T", matrix_set_diag, NoAttributes, "Matrices with their main diagonals replaced.")
DIAGONAL_OP(MatrixSetDiagV2, "input: T, diagonal: T, k: int32 -> output: T", matrix_set_diag, NoAttributes,
            "Matrices with the diagonals k replaced, one or a band; short ones are aligned left.")
DIAGONAL_OP(MatrixSetDiagV3, "input: T, diagonal: T, k: int32 -> output: T", matrix_set_diag, DiagonalAlignAttributes,
            "As MatrixSetDiagV2, with short diagonals aligned as `align` says.")

}  // namespace isomer::ops
