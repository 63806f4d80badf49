// Activations that are written out.
//
//   Before: Relu(x) + c * Relu(-x), Relu(x) - c * Relu(-x)           After: Prelu(x, -c), Prelu(x, c)
//   Before: Relu(x) + c * Minimum(x, 0)                              After: Prelu(x, c)
//   Before: Maximum(x, 0.1 * x)                                      After: LeakyRelu(x) {alpha = 0.1}
//   Before: SelectV2(x > 0, x, 0.1 * x)                              After: LeakyRelu(x) {alpha = 0.1}
//
// Safe for constant slopes of floats (Maximum: between 0 and 1) that do not broadcast x. Does not pay where a part is used elsewhere, since it then stays.
#include <algorithm>

#include "passes/match.h"
#include "passes/pass.h"

namespace isomer::passes {
namespace {

using ir::NodeId;
using ir::ValueId;

// A product of a constant and something.
struct Product {
  ValueId constant, other;
};
std::optional<Product> product_of(const ir::Graph& graph, ValueId id) {
  const ir::Node& node = graph.producer(id);
  if (!node.is("Mul") || !used_once(graph, id)) return std::nullopt;
  for (const size_t i : {size_t{0}, size_t{1}})
    if (graph.constant(node.inputs[i]) && !graph.constant(node.inputs[1 - i])) return Product{node.inputs[i], node.inputs[1 - i]};
  return std::nullopt;
}

// The negative part of x: Relu(-x) gives it with the other sign, Minimum(x, 0) as it is.
struct Part {
  ValueId x;
  bool negated;
};
std::optional<Part> negative_part(const ir::Graph& graph, ValueId id) {
  const ir::Node& node = graph.producer(id);
  if (!used_once(graph, id)) return std::nullopt;
  if (node.is("Relu")) {
    const ir::Node& inner = graph.producer(node.inputs[0]);
    if (inner.is("Neg")) return Part{inner.inputs[0], true};
  }
  if (node.is("Minimum")) {
    for (const size_t i : {size_t{0}, size_t{1}})
      if (const Tensor* zero = graph.constant(node.inputs[i]); zero && zero->elements() == 1 && zero->as_double(0) == 0) return Part{node.inputs[1 - i], false};
  }
  return std::nullopt;
}

bool broadcasts_nothing(const ir::Graph& graph, const Tensor& slope, ValueId x) {
  const PartialShape& shape = graph.type(x).shape;
  if (!shape.has_rank() || slope.rank() > shape.rank() || !is_float(slope.dtype()) || slope.elements() > 1 << 20) return false;
  for (int64_t axis = 1; axis <= slope.rank(); ++axis)
    if (const int64_t size = slope.shape()[static_cast<size_t>(slope.rank() - axis)]; size != 1 && size != shape[shape.rank() - axis]) return false;
  return true;
}

// Takes the parts away that nobody uses any more.
Result<bool> finish(Builder& b, Term result, const std::vector<ValueId>& parts) {
  TRY(b.replace(result));
  for (const ValueId part : parts) erase_unused(b.graph(), b.graph().value(part).producer);
  return true;
}

Result<bool> prelu(RuleContext& context, NodeId id) {
  ir::Graph& graph = context.graph;
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  const bool difference = graph.node(id).is("Sub");
  for (const size_t i : {size_t{0}, size_t{1}}) {
    if (i == 1 && difference) break;
    const ir::Node& positive = graph.producer(inputs[i]);
    const auto product = product_of(graph, inputs[1 - i]);
    if (!positive.is("Relu") || !product) continue;
    const auto part = negative_part(graph, product->other);
    if (!part || part->x != positive.inputs[0]) continue;
    const Tensor slope = *graph.constant(product->constant);
    if (!broadcasts_nothing(graph, slope, part->x)) continue;
    const bool negate = part->negated != difference;
    const ValueId x = part->x;
    std::vector<double> values = doubles_of(slope);
    if (negate) {
      for (double& value : values) value = -value;
    }
    // One slope for all is an attribute of LeakyRelu, if tf.js and TensorFlow agree on it: it must lie between 0 and 1.
    Builder b(context, id);
    if (slope.elements() == 1 && slope.rank() == 0 && values[0] >= 0 && values[0] <= 1 && static_cast<double>(static_cast<float>(values[0])) == values[0])
      return finish(b, b.make("LeakyRelu", {Term(b, x)}, {{"alpha", static_cast<float>(values[0])}}), inputs);
    const Term alpha = negate ? b.numbers(slope.dtype(), slope.shape(), values) : b.constant(slope);
    return finish(b, b.make("Prelu", {Term(b, x), alpha}), inputs);
  }
  return false;
}

std::optional<float> leak(const ir::Graph& graph, ValueId scaled, ValueId x) {
  const auto product = product_of(graph, scaled);
  if (!product || product->other != x) return std::nullopt;
  const Tensor* slope = graph.constant(product->constant);
  if (slope->elements() != 1 || !broadcasts_nothing(graph, *slope, x)) return std::nullopt;
  const double value = slope->as_double(0);
  if (!(value > 0 && value < 1) || static_cast<double>(static_cast<float>(value)) != value) return std::nullopt;
  return static_cast<float>(value);
}

Result<bool> leaky_relu(RuleContext& context, NodeId id) {
  ir::Graph& graph = context.graph;
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  if (!is_float(graph.type(inputs.back()).dtype)) return false;
  if (graph.node(id).is("Maximum")) {
    for (const size_t i : {size_t{0}, size_t{1}}) {
      const auto alpha = leak(graph, inputs[1 - i], inputs[i]);
      if (!alpha) continue;
      Builder b(context, id);
      return finish(b, b.make("LeakyRelu", {Term(b, inputs[i])}, {{"alpha", *alpha}}), inputs);
    }
    return false;
  }
  const ir::Node& condition = graph.producer(inputs[0]);
  if ((!condition.is("Greater") && !condition.is("GreaterEqual")) || !used_once(graph, inputs[0]) || condition.inputs[0] != inputs[1]) return false;
  const Tensor* zero = graph.constant(condition.inputs[1]);
  const auto alpha = leak(graph, inputs[2], inputs[1]);
  if (!zero || zero->elements() != 1 || zero->rank() != 0 || zero->as_double(0) != 0 || !alpha) return false;
  Builder b(context, id);
  return finish(b, b.make("LeakyRelu", {Term(b, inputs[1])}, {{"alpha", *alpha}}), inputs);
}

Result<bool> recognize(RuleContext& context, NodeId id) {
  const ir::Node& node = context.graph.node(id);
  if (!is_free(node) || node.outputs.size() != 1) return false;
  if (node.is("AddV2") || node.is("Add") || node.is("Sub")) return prelu(context, id);
  if (node.is("Maximum") || node.is("SelectV2")) return leaky_relu(context, id);
  return false;
}

}  // namespace

Result<void> recognize_activations(ir::Module& module, PassContext&) { return for_each_node(module, recognize); }

}  // namespace isomer::passes
