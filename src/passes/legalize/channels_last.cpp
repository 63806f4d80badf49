// Channels first (NCHW, NCDHW) to channels last.
//
//   Before: Op(x) {data_format = "NCHW"}   After: Transpose(Op(Transpose(x)) {data_format = "NHWC"})
//
// Two such ops in a row leave a pair of transposes that cancel. So that they do, the way back to channels last is looked for through what stands between
// them: elementwise ops are computed again on the other side of the transpose, where that costs nothing (the old ones then have no users).
#include <algorithm>
#include <optional>

#include "passes/legalize/convolution.h"

namespace isomer::passes {
namespace {

using Integers = std::vector<int64_t>;

Integers to_last(int64_t rank) {
  Integers order{0};
  for (int64_t i = 2; i < rank; ++i) order.push_back(i);
  order.push_back(1);
  return order;
}

Integers to_first(int64_t rank) {
  Integers order{0, rank - 1};
  for (int64_t i = 1; i + 1 < rank; ++i) order.push_back(i);
  return order;
}

bool is_elementwise(const ir::Node& node) {
  static constexpr std::string_view kOps[] = {"Elu", "Identity", "LeakyRelu", "Relu", "Relu6", "Selu", "Sigmoid", "Softplus", "Tanh"};
  return std::any_of(std::begin(kOps), std::end(kOps), [&](std::string_view op) { return node.is(op); });
}

constexpr int kFarthest = 16;  // elementwise ops between two transposes

// x with channels last, where it comes from such a value; nothing where a transpose would be needed.
std::optional<Term> known_with_channels_last(Builder& b, ir::ValueId id, int64_t rank, int depth) {
  ir::Graph& graph = b.graph();
  const ir::NodeId producer = graph.value(id).producer;
  const ir::Node& node = graph.node(producer);
  if (node.is("Transpose")) {
    const Tensor* order = graph.constant(node.inputs[1]);
    if (order && order->to_int64s() == to_first(rank)) return Term(b, node.inputs[0]);
    return std::nullopt;
  }
  // Anything else must have no other user, or it would be computed twice.
  if (depth == 0 || graph.value(id).users.size() > 1 || graph.is_output(id)) return std::nullopt;
  const bool sum = node.is("AddV2") && graph.type(node.inputs[0]).shape == graph.type(node.inputs[1]).shape;
  if (!is_elementwise(node) && !sum) return std::nullopt;
  const std::string op(node.op->name);
  const ir::AttributeMap attributes = node.attributes->to_map();
  const std::vector<ir::ValueId> inputs = node.inputs;
  std::vector<Term> moved;
  for (const ir::ValueId input : inputs) {
    const auto term = known_with_channels_last(b, input, rank, depth - 1);
    if (!term) return std::nullopt;
    moved.push_back(*term);
  }
  return b.make(op, moved, attributes);
}

Term with_channels_last(Builder& b, Term x, int64_t rank) {
  if (const auto known = known_with_channels_last(b, x.id(), rank, kFarthest)) return *known;
  return transpose(x, to_last(rank));
}

Term with_channels_first(Term x, int64_t rank) { return transpose(x, to_first(rank)); }

Integers permuted(const Integers& values, int64_t rank) {
  if (static_cast<int64_t>(values.size()) != rank) return values;
  Integers result;
  for (const int64_t i : to_last(rank)) result.push_back(values[static_cast<size_t>(i)]);
  return result;
}

Integers permuted_pairs(const Integers& values, int64_t rank) {
  if (static_cast<int64_t>(values.size()) != 2 * rank) return values;
  Integers result;
  for (const int64_t i : to_last(rank)) {
    result.push_back(values[static_cast<size_t>(2 * i)]);
    result.push_back(values[static_cast<size_t>(2 * i + 1)]);
  }
  return result;
}

}  // namespace

bool has_channels_first(const ir::Node& node) {
  for (const auto& attribute : node.attributes->to_map())
    if (attribute.name == "data_format")
      if (const auto* format = std::get_if<std::string>(&attribute.value)) return *format == "NCHW" || *format == "NCDHW";
  return false;
}

// For every op whose lists of numbers follow data_format.
Result<bool> to_channels_last(RuleContext& context, ir::NodeId node, const ChannelPlaces& places) {
  Builder b(context, node);
  const bool volume = b.attribute<std::string>("data_format", "") == "NCDHW";
  const int64_t rank = volume ? 5 : 4;
  ir::AttributeMap changes = {{"data_format", std::string(volume ? "NDHWC" : "NHWC")}};
  for (const char* name : {"strides", "dilations", "ksize"}) changes.push_back({name, permuted(b.attribute(name, Integers{}), rank)});
  changes.push_back({"explicit_paddings", permuted_pairs(b.attribute("explicit_paddings", Integers{}), rank)});
  std::vector<Term> inputs = b.inputs();
  for (const int64_t i : places.data) inputs[static_cast<size_t>(i)] = with_channels_last(b, inputs[static_cast<size_t>(i)], rank);
  if (places.sizes >= 0) {
    Term& sizes = inputs[static_cast<size_t>(places.sizes)];
    sizes = gather(sizes, b.integers(to_last(rank)), 0);
  }
  std::vector<Term> results = b.again(inputs, changes);
  if (!results.empty() && places.result) results[0] = with_channels_first(results[0], rank);
  return b.replace(results);
}

// Before: BiasAdd(x, bias) {data_format = "NCHW"}, BiasAddV1   After: BiasAdd between transposes that cancel, else AddV2(x, Reshape(bias, [c, 1, 1]))
Result<bool> lower_bias_add(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term x = b.input(0);
  if (!has_channels_first(context.graph.node(node))) return b.replace(b.make("BiasAdd", {x, b.input(1)}));
  if (!x.shape().has_rank()) return refuse(reason, "the rank must be known");
  const int64_t rank = x.shape().rank();
  if (rank < 3) return b.replace(b.make("BiasAdd", {x, b.input(1)}));
  if (const auto last = known_with_channels_last(b, x.id(), rank, kFarthest))
    return b.replace(with_channels_first(b.make("BiasAdd", {*last, b.input(1)}), rank));
  std::vector<Size> sizes(static_cast<size_t>(rank - 1), int64_t{1});
  sizes[0] = int64_t{-1};
  return b.replace(x + reshape(b.input(1), sizes));
}

}  // namespace isomer::passes
