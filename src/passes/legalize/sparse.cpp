// Sparse tensors, for runtimes whose arithmetic is dense.
#include "passes/build.h"

namespace isomer::passes {
namespace {

// The sparse tensor whose three parts are the inputs from number `first` on, made dense. Entries at one place add up.
Term dense(Builder& b, int64_t first) {
  return b.make("ScatterNd", {cast(b.input(first), DType::kInt32), b.input(first + 1), cast(b.input(first + 2), DType::kInt32)});
}

bool is_real(DType dtype) { return is_float(dtype) || is_integer(dtype); }

// How often each number below `size` occurs, or the sum of its weights: in each row where `rows` are given, the row of number i being row[i].
Result<bool> count_numbers(Builder& b, Term numbers, Term size, Term weights, const Term* row, const Size& rows, std::string& reason) {
  const DType dtype = b.result_dtype();
  if (!is_real(dtype)) return refuse(reason, "only real numbers are counted");
  if (!weights.shape().fully_known() && !b.attribute("binary_output", false)) return refuse(reason, "whether there are weights must be known");
  const Term bins = cast(size, DType::kInt32), place = minimum(cast(numbers, DType::kInt32), bins);
  const bool weighted = weights.shape().fully_known() && element_count_of(*weights.shape().known()) > 0 && !b.attribute("binary_output", false);
  const Term each = weighted ? weights : cast(b.make("OnesLike", {place}), dtype);
  // Numbers of `size` and above go to a bin of their own, which is cut off.
  std::vector<Size> shape{Size(bins + 1)};
  if (row) shape.insert(shape.begin(), rows);
  const Term where = row ? b.make("Pack", {*row, place}, {{"axis", int64_t{1}}}) : expand(place, 1);
  Term counts = slice_axis(b.make("ScatterNd", {where, each, b.sizes(shape)}), row ? 1 : 0, int64_t{0}, Size(bins));
  if (b.attribute("binary_output", false)) counts = minimum(counts, b.number(dtype, 1));
  return b.replace(counts);
}

constexpr const char* kNotReal = "only real numbers are rewritten";

}  // namespace

// Before: SparseTensorDenseMatMul(indices, values, shape, b)   After: MatMul(ScatterNd(indices, values, shape), b)
Result<bool> lower_sparse_matmul(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  if (!is_real(b.result_dtype())) return refuse(reason, kNotReal);
  const ir::AttributeMap attributes = {{"transpose_a", b.attribute("adjoint_a", false)}, {"transpose_b", b.attribute("adjoint_b", false)}};
  return b.replace(b.make("MatMul", {dense(b, 0), b.input(3)}, attributes));
}

// Before: SparseTensorDenseAdd(indices, values, shape, b)   After: b + ScatterNd(indices, values, shape)
Result<bool> lower_sparse_dense_add(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  if (!is_real(b.result_dtype())) return refuse(reason, kNotReal);
  return b.replace(b.input(3) + dense(b, 0));
}

// Before: SparseReduceSum(indices, values, shape, axes)   After: Sum(ScatterNd(indices, values, shape), axes)
Result<bool> lower_sparse_sum(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  if (!is_real(b.result_dtype())) return refuse(reason, kNotReal);
  return b.replace(b.make("Sum", {dense(b, 0), b.input(3)}, {{"keep_dims", b.attribute("keep_dims", false)}}));
}

// Before: SparseDenseCwiseAdd(indices, values, shape, d), SparseDenseCwiseMul, SparseDenseCwiseDiv
// After:  values + GatherNd(BroadcastTo(d, shape), indices), values * ..., values / ... (floats)
Result<bool> lower_sparse_with_dense(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const bool divides = context.graph.node(node).is("SparseDenseCwiseDiv");
  if (!is_real(b.result_dtype()) || (divides && !is_float(b.result_dtype()))) return refuse(reason, kNotReal);
  const Term values = b.input(1), full = b.make("BroadcastTo", {b.input(3), cast(b.input(2), DType::kInt32)});
  const Term others = b.make("GatherNd", {full, cast(b.input(0), DType::kInt32)});
  if (divides) return b.replace(values / others);
  return b.replace(context.graph.node(node).is("SparseDenseCwiseMul") ? values * others : values + others);
}

// Before: SparseBincount(indices, values, shape, size, weights)
// After:  ScatterNd of the weights, or of ones, at [row, number] (at [number] for a vector), the numbers cut at size; Slice of the first `size` bins
Result<bool> lower_sparse_bincount(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const PartialShape shape = b.input(2).shape();
  if (!shape.has_rank() || shape.rank() != 1 || shape[0] == kUnknownDim || shape[0] < 1) return refuse(reason, "the rank must be known");
  if (shape[0] == 1) return count_numbers(b, b.input(1), b.input(3), b.input(4), nullptr, int64_t{1}, reason);
  const Term row = squeeze(slice_axis(cast(b.input(0), DType::kInt32), 1, int64_t{0}, int64_t{1}), 1);
  return count_numbers(b, b.input(1), b.input(3), b.input(4), &row, b.size_at(cast(b.input(2), DType::kInt32), 0), reason);
}

// Before: RaggedBincount(splits, values, size, weights)   After: the same; the row of a value is the number of rows that end at it or before
Result<bool> lower_ragged_bincount(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term splits = cast(b.input(0), DType::kInt32);
  if (!splits.shape().has_rank() || !b.input(1).shape().has_rank()) return refuse(reason, "the ranks must be known");
  const Term ends = slice_axis(splits, 0, int64_t{1}, int64_t{-1});
  const Term passed = less_equal(expand(ends, 0), expand(range(b, b.size_of(b.input(1), 0)), 1));
  const Term row = sum(cast(passed, DType::kInt32), 1);
  return count_numbers(b, b.input(1), b.input(2), b.input(3), &row, b.subtract(b.size_of(splits, 0), int64_t{1}), reason);
}

}  // namespace isomer::passes
