// Sparse tensors, for runtimes whose arithmetic is dense.
#include "passes/build.h"

namespace isomer::passes {
namespace {

// The sparse tensor whose three parts are the inputs from number `first` on, made dense. Entries at one place add up.
Term dense(Builder& b, int64_t first) {
  return b.make("ScatterNd", {cast(b.input(first), DType::kInt32), b.input(first + 1), cast(b.input(first + 2), DType::kInt32)});
}

bool is_real(DType dtype) { return is_float(dtype) || is_integer(dtype); }

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

}  // namespace isomer::passes
