// Common subexpressions, and weights that are stored twice.
//
//   Before: %a = Exp(%x), %b = Exp(%x), %c = Const() 1, %d = Const() 1         After: %a = Exp(%x), %c = Const() 1, used in place of %b and %d
//
// Two nodes are equal when op, attributes and inputs are: producers are visited first, so that equal inputs are the same value by then. Safe for ops
// without effect that take and give plain tensors (a list or a table may be changed later) and wait for nothing. Constants are told apart by dtype, shape
// and a sample of their bytes; only where these agree all bytes are read.
#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "passes/match.h"
#include "passes/rewrite.h"

namespace isomer::passes {
namespace {

using ir::NodeId;
using ir::ValueId;

constexpr uint64_t kPrime = 0x9E3779B97F4A7C15u;
constexpr int64_t kSample = 128;  // bytes at either end of a constant that its hash reads

uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * kPrime;
  return hash ^ (hash >> 29);
}

uint64_t mix_bytes(uint64_t hash, const std::byte* data, int64_t size) {
  for (int64_t i = 0; i < size; ++i) hash = mix(hash, static_cast<uint64_t>(data[i]));
  return hash;
}

uint64_t hash_constant(const Tensor& tensor) {
  uint64_t hash = mix(static_cast<uint64_t>(tensor.dtype()), static_cast<uint64_t>(tensor.byte_size()));
  for (const int64_t size : tensor.shape()) hash = mix(hash, static_cast<uint64_t>(size));
  const std::byte* data = tensor.bytes().data();
  const int64_t size = tensor.byte_size();
  if (size <= 2 * kSample) return mix_bytes(hash, data, size);
  return mix_bytes(mix_bytes(hash, data, kSample), data + size - kSample, kSample);
}

bool may_merge(const ir::Graph& graph, const ir::Node& node) {
  if (node.op->effect != ir::Effect::kPure || node.outputs.empty() || !is_free(node)) return false;
  if (node.is("Placeholder") || node.is("Foreign") || is_call(node) || is_branch(node) || is_loop(node)) return false;
  const auto plain = [&](ValueId id) {
    const DType dtype = graph.type(id).dtype;
    return dtype != DType::kResource && dtype != DType::kVariant && dtype != DType::kInvalid;
  };
  return std::all_of(node.inputs.begin(), node.inputs.end(), plain) && std::all_of(node.outputs.begin(), node.outputs.end(), plain);
}

uint64_t hash_node(const ir::Graph& graph, const ir::Node& node) {
  if (const Tensor* constant = node.is("Const") ? graph.constant(node.outputs[0]) : nullptr) return hash_constant(*constant);
  uint64_t hash = mix(kPrime, std::hash<std::string_view>()(node.op->name));
  for (const ValueId input : node.inputs) hash = mix(hash, static_cast<uint64_t>(input.index));
  return hash;
}

bool same(const ir::Graph& graph, const ir::Node& a, const ir::Node& b) {
  if (a.op != b.op || a.inputs != b.inputs || a.outputs.size() != b.outputs.size()) return false;
  if (a.is("Const")) {
    const Tensor &x = *graph.constant(a.outputs[0]), &y = *graph.constant(b.outputs[0]);
    const bool identical = x.identical(y);
    y.bytes().release_pages();
    return identical;
  }
  const ir::AttributeMap x = a.attributes->to_map(), y = b.attributes->to_map();
  return x.size() == y.size() &&
         std::equal(x.begin(), x.end(), y.begin(), [](const auto& p, const auto& q) { return p.name == q.name && equal(p.value, q.value); });
}

Result<void> merge_graph(ir::Graph& graph) {
  std::unordered_multimap<uint64_t, NodeId> seen;
  for (const NodeId id : TRY(graph.topological_order())) {
    const ir::Node& node = graph.node(id);
    if (!may_merge(graph, node)) continue;
    const uint64_t hash = hash_node(graph, node);
    const auto [begin, end] = seen.equal_range(hash);
    const auto twin = std::find_if(begin, end, [&](const auto& entry) { return same(graph, graph.node(entry.second), node); });
    if (twin == end) {
      seen.emplace(hash, id);
      continue;
    }
    const auto outputs = node.outputs;
    for (size_t i = 0; i < outputs.size(); ++i) {
      const ValueId kept = graph.node(twin->second).outputs[i];
      TensorType type = graph.type(kept);
      if (auto merged = merge(type.shape, graph.type(outputs[i]).shape)) type.shape = *merged;
      graph.set_type(kept, type);
      graph.replace_uses(outputs[i], kept);
    }
    graph.erase(id);
  }
  return {};
}

}  // namespace

Result<void> merge_equal_nodes(ir::Module& module, PassContext&) {
  for (const auto& function : module.functions()) TRY(in_context(merge_graph(function->graph), "merging equal nodes of '" + function->name + "'"));
  return {};
}

}  // namespace isomer::passes
