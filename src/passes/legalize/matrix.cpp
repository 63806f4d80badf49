// Matrices: bands, diagonals, cross products, and products of batches. (Einsum has its own file.)
#include <algorithm>
#include <cmath>
#include <optional>

#include "passes/build.h"

namespace isomer::passes {
namespace {

// Diagonals lower ... upper of a matrix of known size, as TensorFlow stores them: diagonal number 0 is the upper one, and each is a row of `length`
// elements. The shorter ones are aligned left or right: align says so for the upper (k >= 0) and the lower ones (k <= 0), "RIGHT_LEFT" by default.
struct Diagonals {
  int64_t rows = 0, columns = 0, lower = 0, upper = 0, length = 0;
  bool right_above = true, right_below = false;

  int64_t count() const { return upper - lower + 1; }
  int64_t length_of(int64_t k) const { return std::min(rows + std::min<int64_t>(k, 0), columns - std::max<int64_t>(k, 0)); }
  // Where the first element of diagonal k lies in its row.
  int64_t start(int64_t k) const { return (k >= 0 ? right_above : right_below) ? length - length_of(k) : 0; }
};

constexpr int64_t kLargest = 1 << 20;  // elements of a constant of places

Result<std::optional<Diagonals>> diagonals(const Tensor* k, int64_t rows, int64_t columns, const std::string& align) {
  if (!k || k->elements() < 1 || k->elements() > 2 || rows < 0 || columns < 0 || rows > kLargest || columns > kLargest || rows * columns > kLargest)
    return std::nullopt;
  Diagonals d{.rows = rows, .columns = columns, .lower = k->as_int64(0), .upper = k->as_int64(k->elements() - 1)};
  if (d.lower > d.upper || d.upper >= std::max<int64_t>(columns, 1) || d.lower <= -std::max<int64_t>(rows, 1))
    return fail(ErrorCode::kInvalidModel, "the diagonals asked for lie outside of the matrix");
  d.right_above = align.starts_with("RIGHT");
  d.right_below = align.ends_with("RIGHT");
  d.length = std::min(rows + std::min<int64_t>(d.upper, 0), columns - std::max<int64_t>(d.lower, 0));
  return d;
}

// For each element of the matrix: its place in the flat diagonals, and whether it lies on one.
std::pair<Term, Term> places_in_diagonals(Builder& b, const Diagonals& d) {
  std::vector<double> place, inside;
  for (int64_t row = 0; row < d.rows; ++row) {
    for (int64_t column = 0; column < d.columns; ++column) {
      const int64_t k = column - row;
      const bool on = k >= d.lower && k <= d.upper;
      inside.push_back(on);
      place.push_back(on ? static_cast<double>((d.upper - k) * d.length + d.start(k) + std::min(row, column)) : 0);
    }
  }
  return {b.numbers(DType::kInt32, {d.rows, d.columns}, place), b.numbers(DType::kBool, {d.rows, d.columns}, inside)};
}

// For each element of the diagonals: its place in the flat matrix, and whether it has one.
std::pair<Term, Term> places_in_matrix(Builder& b, const Diagonals& d, const Shape& shape) {
  std::vector<double> place, inside;
  for (int64_t k = d.upper; k >= d.lower; --k) {
    for (int64_t i = 0; i < d.length; ++i) {
      const int64_t at = i - d.start(k);
      const bool on = at >= 0 && at < d.length_of(k);
      inside.push_back(on);
      place.push_back(on ? static_cast<double>((at + std::max<int64_t>(-k, 0)) * d.columns + at + std::max<int64_t>(k, 0)) : 0);
    }
  }
  return {b.numbers(DType::kInt32, shape, place), b.numbers(DType::kBool, shape, inside)};
}

// The last `count` dimensions made one.
Term join_last(Term x, int64_t count) {
  if (count == 1) return x;
  Builder& b = x.builder();
  std::vector<Size> sizes;
  const PartialShape shape = x.shape();
  for (int64_t i = 0; i + count < shape.rank(); ++i) sizes.push_back(b.size_of(x, i));
  int64_t joined = 1;
  for (int64_t i = shape.rank() - count; i < shape.rank(); ++i) joined *= shape[i];
  sizes.emplace_back(joined);
  return reshape(x, sizes);
}

bool last_known(const PartialShape& shape, int64_t count) {
  if (!shape.has_rank() || shape.rank() < count) return false;
  return std::none_of(shape.dims().end() - count, shape.dims().end(), [](int64_t dim) { return dim == kUnknownDim; });
}

// Diagonals as a matrix with `background` elsewhere.
Term diagonals_on(Term diagonal, const Diagonals& d, bool several, Term background) {
  Builder& b = diagonal.builder();
  const auto [place, inside] = places_in_diagonals(b, d);
  return select(inside, gather(join_last(diagonal, several ? 2 : 1), place, -1), background);
}

const Tensor* main_diagonal() {
  static const Tensor zero = Tensor::scalar(int32_t{0});
  return &zero;
}

// V1 has no such inputs; V2 aligns to the left.
std::string alignment(const Builder& b, const ir::Node& node) {
  return b.attribute<std::string>("align", node.op->name.ends_with("V2") ? "LEFT_LEFT" : "RIGHT_LEFT");
}

bool is_minus_one(Term size) {
  const Tensor* known = size.constant();
  return known && known->elements() == 1 && known->as_int64(0) == -1;
}

// The smallest square matrix with this diagonal number k.
Term one_diagonal(Term diagonal, int64_t k, Term background) {
  Builder& b = diagonal.builder();
  const int64_t more = std::abs(k), rank = diagonal.shape().rank();
  Term elements = diagonal;
  if (more > 0) {
    std::vector<double> paddings(static_cast<size_t>(2 * rank), 0);
    paddings.back() = static_cast<double>(more);
    elements = b.make("Pad", {diagonal, b.numbers(DType::kInt32, {rank, 2}, paddings)});
  }
  const Term i = range(b, b.size_of(elements, -1));
  // An element stands in its row above the main diagonal, in its column below.
  return select(equal(i - expand(i, 1), static_cast<double>(k)), expand(elements, k >= 0 ? rank : rank - 1), background);
}

Term mask_of_band(Builder& b, Term x, Term lower, Term upper) {
  const Term distance = expand(range(b, b.size_of(x, -2)), 1) - range(b, b.size_of(x, -1));
  const Term below = either(less(lower, 0), less_equal(distance, lower));
  const Term above = either(less(upper, 0), less_equal(-distance, upper));
  return both(below, above);
}

}  // namespace

// Before: MatrixBandPart(x, lower, upper)
// After:  d = row - column; SelectV2((lower < 0 or d <= lower) and (upper < 0 or -d <= upper), x, ZerosLike(x))
Result<bool> lower_matrix_band_part(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term x = b.input(0);
  if (is_complex(x.dtype()) || !x.shape().has_rank() || x.shape().rank() < 2) return refuse(reason, "the rank must be known, the numbers real");
  return b.replace(select(mask_of_band(b, x, cast(b.input(1), DType::kInt32), cast(b.input(2), DType::kInt32)), x, zeros_like(x)));
}

// Before: MatrixDiag*(diagonal, k, rows, columns, padding)   After: SelectV2(constant mask, GatherV2(diagonal, constant places), padding)
//         where only the run knows the size, for one diagonal k: SelectV2(column - row == k, the diagonal with |k| more elements, padding)
Result<bool> lower_matrix_diag(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term diagonal = b.input(0);
  const bool first_version = b.input_count() == 1;
  const Tensor* k = first_version ? main_diagonal() : b.input(1).constant();
  const PartialShape result = b.result_shape();
  const bool several = k && k->elements() == 2 && k->as_int64(0) != k->as_int64(1);
  const bool minimal = first_version || (is_minus_one(b.input(2)) && is_minus_one(b.input(3)));
  if (k && k->elements() > 0 && !several && minimal && diagonal.shape().has_rank() && diagonal.shape().rank() > 0 && !last_known(diagonal.shape(), 1)) {
    return b.replace(one_diagonal(diagonal, k->as_int64(0), first_version ? b.number(b.result_dtype(), 0) : b.input(4)));
  }
  // TensorFlow infers the size of the matrix from the longest diagonal where it is not given.
  int64_t rows = result.has_rank() ? result[result.rank() - 2] : kUnknownDim, columns = result.has_rank() ? result[result.rank() - 1] : kUnknownDim;
  if (!last_known(diagonal.shape(), several ? 2 : 1)) return refuse(reason, "the size of the diagonals must be known");
  const auto d = TRY(diagonals(k, rows, columns, alignment(b, context.graph.node(node))));
  if (!d) return refuse(reason, "the size of the matrix and which diagonals are meant must be known");
  const Term padding = first_version ? b.number(b.result_dtype(), 0) : b.input(4);
  return b.replace(diagonals_on(diagonal, *d, several, padding));
}

// Before: MatrixDiagPart*(matrix, k, padding)   After: SelectV2(constant mask, GatherV2(flat matrix, constant places), padding)
Result<bool> lower_matrix_diag_part(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term matrix = b.input(0);
  const bool first_version = b.input_count() == 1;
  const Tensor* k = first_version ? main_diagonal() : b.input(1).constant();
  if (!last_known(matrix.shape(), 2)) return refuse(reason, "the size of the matrix must be known");
  const PartialShape shape = matrix.shape();
  const auto d = TRY(diagonals(k, shape[shape.rank() - 2], shape[shape.rank() - 1], alignment(b, context.graph.node(node))));
  if (!d) return refuse(reason, "which diagonals are meant must be known");
  const bool several = d->count() > 1;
  const auto [place, inside] = places_in_matrix(b, *d, several ? Shape{d->count(), d->length} : Shape{d->length});
  const Term padding = first_version ? b.number(b.result_dtype(), 0) : b.input(2);
  return b.replace(select(inside, gather(join_last(matrix, 2), place, -1), padding));
}

// Before: MatrixSetDiag*(matrix, diagonal, k)   After: SelectV2(constant mask, GatherV2(diagonal, constant places), matrix)
Result<bool> lower_matrix_set_diag(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term matrix = b.input(0), diagonal = b.input(1);
  const Tensor* k = b.input_count() == 2 ? main_diagonal() : b.input(2).constant();
  if (!last_known(matrix.shape(), 2)) return refuse(reason, "the size of the matrix must be known");
  const PartialShape shape = matrix.shape();
  const auto d = TRY(diagonals(k, shape[shape.rank() - 2], shape[shape.rank() - 1], alignment(b, context.graph.node(node))));
  const bool several = d && d->count() > 1;
  if (!d || !last_known(diagonal.shape(), several ? 2 : 1)) return refuse(reason, "which diagonals are meant must be known");
  return b.replace(diagonals_on(diagonal, *d, several, matrix));
}

// Before: Diag(x)   After: Reshape of MatrixDiag(Reshape(x, [-1])) to the shape of x twice
Result<bool> lower_diag(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term x = b.input(0);
  if (!x.shape().has_rank()) return refuse(reason, "the rank must be known");
  const Term flat = x.shape().rank() == 1 ? x : flatten(x);
  const Term i = range(b, b.size_of(flat, 0));
  Term matrix = select(equal(expand(i, 1), i), expand(flat, -1), b.number(b.result_dtype(), 0));
  if (x.shape().rank() != 1) {
    std::vector<Size> sizes;
    for (int64_t axis = 0; axis < 2 * x.shape().rank(); ++axis) sizes.push_back(b.size_of(x, axis % x.shape().rank()));
    matrix = reshape(matrix, sizes);
  }
  return b.replace(matrix);
}

// Before: DiagPart(x)   After: GatherV2 of the flat elements at 0, n + 1, 2 n + 2, ..., shaped as the first half of x's dimensions
Result<bool> lower_diag_part(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const auto shape = b.result_shape().known();
  if (!shape) return refuse(reason, "the shape must be known");
  const int64_t n = element_count_of(*shape);
  const Term places = range(b, n) * static_cast<double>(n + 1);
  const std::vector<Size> sizes(shape->begin(), shape->end());
  return b.replace(reshape(gather(flatten(b.input(0)), places, 0), sizes));
}

// Before: Cross(a, b)   After: a[1 2 0] * b[2 0 1] - a[2 0 1] * b[1 2 0]      indices into the last dimension
Result<bool> lower_cross(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const Term next = b.integers({1, 2, 0}), after = b.integers({2, 0, 1});
  const auto at = [&](int64_t i, Term places) { return gather(b.input(i), places, -1); };
  return b.replace(at(0, next) * at(1, after) - at(0, after) * at(1, next));
}

// Before: BatchMatMulV2(x, y) whose batch dimensions broadcast   After: the same of both operands brought to the full batch by BroadcastTo
// Before: BatchMatMulV3(x, y) {Tout}                             After: BatchMatMulV2 of the operands cast to Tout
Result<bool> lower_batch_matmul(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  Term x = cast(b.input(0), b.result_dtype()), y = cast(b.input(1), b.result_dtype());
  const ir::AttributeMap attributes = {{"adj_x", b.attribute("adj_x", false)}, {"adj_y", b.attribute("adj_y", false)}};
  if (is_complex(b.result_dtype())) return refuse(reason, "products of complex matrices are not rewritten");
  if (context.graph.node(node).is("BatchMatMulV3")) return b.replace(b.make("BatchMatMulV2", {x, y}, attributes));
  if (!x.shape().has_rank() || !y.shape().has_rank()) return refuse(reason, "the ranks must be known");
  const int64_t rank = std::max(x.shape().rank(), y.shape().rank());
  const auto batch_size = [&](Term t, int64_t axis) -> Size {
    const int64_t own = axis - (rank - t.shape().rank());
    return own < 0 ? Size(int64_t{1}) : b.size_of(t, own);
  };
  std::vector<Size> batch;
  for (int64_t axis = 0; axis + 2 < rank; ++axis) {
    const Size p = batch_size(x, axis), q = batch_size(y, axis);
    // A size known to be more than 1 is the result's; of two unknown ones either will do.
    const auto* known = std::get_if<int64_t>(&q);
    batch.push_back(known && *known == 1 ? p : std::holds_alternative<int64_t>(p) && std::get<int64_t>(p) != 1 ? p : q);
  }
  const auto broadcast_to_batch = [&](Term t) {
    std::vector<Size> sizes = batch;
    sizes.push_back(b.size_of(t, -2));
    sizes.push_back(b.size_of(t, -1));
    return b.make("BroadcastTo", {t, b.sizes(sizes)});
  };
  return b.replace(b.make("BatchMatMulV2", {broadcast_to_batch(x), broadcast_to_batch(y)}, attributes));
}

}  // namespace isomer::passes
