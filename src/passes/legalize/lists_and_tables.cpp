// Tensor lists and lookup tables in the ops that targets run rightly.
#include <algorithm>

#include "passes/build.h"
#include "passes/rewrite.h"

namespace isomer::passes {
namespace {

// The shape of a list's elements: what the list's type says, and what the element shape given to its reader adds.
PartialShape element_shape(const ir::Graph& graph, ir::ValueId list, const Tensor* given) {
  const PartialShape known = graph.type(list).element_shape;
  if (!given || given->rank() != 1) return known;
  std::vector<int64_t> sizes;
  for (int64_t i = 0; i < given->elements(); ++i) sizes.push_back(given->as_int64(i) < 0 ? kUnknownDim : given->as_int64(i));
  const auto merged = merge(known, PartialShape(sizes));
  return merged ? *merged : known;
}

bool changes_tables(const ir::Node& node) { return node.is("LookupTableInsertV2") || node.is("LookupTableImportV2") || node.is("LookupTableRemoveV2"); }

}  // namespace

// Before: TensorListConcatV2(l)   After: elements = TensorListStack(l) [n, k, rows...], Reshape(elements, [n * k, rows...]), lengths: k, n times
// The elements must have one shape; a list of several fails in TensorListStack.
Result<bool> lower_list_concat(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const ir::Node& old = context.graph.node(node);
  const Tensor* given = old.is("TensorListConcatV2") ? b.input(1).constant() : nullptr;
  PartialShape shape = element_shape(context.graph, old.inputs[0], given);
  if (const auto merged = merge(shape, b.attribute("element_shape", PartialShape::unknown()))) shape = *merged;
  if (!shape.has_rank() || shape.rank() == 0) return refuse(reason, "the rank of the list's elements is not known");
  std::vector<int64_t> sizes;
  for (int64_t i = 0; i < shape.rank(); ++i) sizes.push_back(shape[i] == kUnknownDim ? -1 : shape[i]);
  const Term elements = b.make("TensorListStack", {b.input(0), b.integers(sizes)}, {{"element_dtype", b.result_dtype()}, {"num_elements", int64_t{-1}}});
  const Size count = b.size_of(elements, 0), length = b.size_of(elements, 1);
  std::vector<Size> result = {b.multiply(count, length)};
  for (int64_t i = 1; i < shape.rank(); ++i) result.push_back(b.size_of(elements, i + 1));
  const Term joined = reshape(elements, result);
  if (!b.result_used(1)) return b.replace({joined, Term()});
  return b.replace({joined, cast(b.make("Fill", {b.sizes({count}), b.scalar(length)}), DType::kInt64)});
}

// Before: list, last = TensorListPopBack(l)   After: n = TensorListLength(l) - 1, last = TensorListGetItem(l, n), list = TensorListResize(l, n)
Result<bool> lower_list_pop_back(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const Term list = b.input(0), last = b.make("TensorListLength", {list}) - 1;
  const Term item = b.make("TensorListGetItem", {list, last, b.input(1)}, {{"element_dtype", b.result_dtype(1)}});
  return b.replace({b.make("TensorListResize", {list, last}), item});
}

// Before: TensorListElementShape(l)   After: the shape that the list's type has, as a constant
Result<bool> lower_list_element_shape(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const PartialShape shape = element_shape(context.graph, b.input(0).id(), nullptr);
  if (!shape.has_rank()) return refuse(reason, "the rank of the list's elements is not known");
  std::vector<double> sizes;
  for (const int64_t size : shape.dims()) sizes.push_back(size == kUnknownDim ? -1 : static_cast<double>(size));
  return b.replace(b.numbers(b.result_dtype(), {shape.rank()}, sizes));
}

// Before: LookupTableFindV2(t, keys, otherwise), LookupTableFind   After: Reshape(LookupTableFindV2(t, Reshape(keys, [-1]), otherwise), Shape(keys))
Result<bool> lower_table_find(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term keys = b.input(1);
  const PartialShape otherwise = b.input(2).shape();
  if (otherwise.has_rank() && otherwise.rank() != 0) return refuse(reason, "the values of the table are not scalars");
  const Term found = b.make("LookupTableFindV2", {b.input(0), flatten(keys), b.input(2)});
  return b.replace(b.make("Reshape", {found, b.shape_of(keys)}));
}

// Before: MutableHashTableV2 that no op changes   After: HashTableV2
Result<bool> lower_mutable_table(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const std::string name = b.attribute("shared_name", std::string());
  const ir::Table* table = context.module.find_table(name);
  if (!table || !table->keys.valid()) return refuse(reason, "the table '" + name + "' has no contents");
  for (const auto& function : context.module.functions())
    for (const ir::NodeId id : function->graph.live_nodes())
      if (changes_tables(function->graph.node(id))) return refuse(reason, "the model changes its tables when it runs");
  return b.replace(b.make("HashTableV2", {}, {{"shared_name", name}, {"key_dtype", table->key_dtype}, {"value_dtype", table->value_dtype}}));
}

}  // namespace isomer::passes
