// Moving transposes towards each other.
//
//   Before: Relu(Transpose(x, p))                            After: Transpose(Relu(x), p)
//   Before: AddV2(Transpose(x, p), Transpose(y, p))          After: Transpose(AddV2(x, y), p); a constant in place of one is permuted
//   Before: ConcatV2(Transpose(x, p), Transpose(y, p), i)    After: Transpose(ConcatV2(x, y, p[i]), p)
//   Before: Pad(Transpose(x, p)), Mean(Transpose(x, p))      After: Transpose(Pad(x), p), Mean(x) over the permuted axes
//
// A model with channels first has become one where every convolution stands between two transposes; what is between convolutions goes to the other side,
// and the transposes cancel (eliminate_moves). Safe for a known permutation. The number of nodes never grows: a transpose that moves has no other user,
// or at least one of those that meet has none, or the copy behind the op goes away there: all users transpose back or reduce, at once or behind ops of one
// operand.
#include <algorithm>

#include "passes/match.h"
#include "passes/pass.h"

namespace isomer::passes {
namespace {

using ir::NodeId;
using ir::ValueId;
using Integers = std::vector<int64_t>;

constexpr std::string_view kUnary[] = {"Abs",  "Cast",  "Ceil",  "Elu",   "Erf",     "Exp",  "Floor", "LeakyRelu", "Log",    "Log1p", "LogicalNot", "Neg",
                                       "Relu", "Relu6", "Round", "Rsqrt", "Sigmoid", "Selu", "Sign",  "Softplus",  "Square", "Sqrt",  "Tanh"};
constexpr std::string_view kBinary[] = {"AddV2",   "Equal", "Greater", "GreaterEqual", "Less",    "LessEqual",         "Maximum",
                                        "Minimum", "Mul",   "Pow",     "Prelu",        "RealDiv", "SquaredDifference", "Sub"};
constexpr std::string_view kReductions[] = {"Max", "Mean", "Min", "Prod", "Sum"};

// The permutation of a Transpose that may move, or nothing.
std::optional<Integers> permutation_of(const ir::Graph& graph, ValueId id) {
  const ir::Node& node = graph.producer(id);
  if (!node.is("Transpose") || !is_free(node)) return std::nullopt;
  const auto order = constant_integers(graph, node.inputs[1]);
  if (!order || order->empty() || *std::min_element(order->begin(), order->end()) < 0) return std::nullopt;
  return order;
}

Term under(Builder& b, ValueId transposed) { return {b, b.graph().producer(transposed).inputs[0]}; }

Term transposed_again(Builder& b, Term x, const Integers& order) {
  const Term permutation = b.integers(order);
  return b.make("Transpose", {x, permutation});
}

Integers inverse_of(const Integers& order) {
  Integers inverse(order.size());
  for (size_t i = 0; i < order.size(); ++i) inverse[static_cast<size_t>(order[i])] = static_cast<int64_t>(i);
  return inverse;
}

// Takes the way of a node away that lost its user.
Result<bool> finish(Builder& b, Term result, const std::vector<ValueId>& old_inputs) {
  TRY(b.replace(result));
  for (const ValueId input : old_inputs) erase_unused(b.graph(), b.graph().value(input).producer);
  return true;
}

// The axes of `x` that a reduction of its transposed value takes, sorted, where the result needs no transpose.
std::optional<std::vector<double>> axes_without_transpose(const ir::Graph& graph, const ir::Node& reduction, const Integers& order) {
  const auto axes = constant_integers(graph, reduction.inputs[1]);
  if (!axes || attribute_of(reduction, "keep_dims", false)) return std::nullopt;
  const auto rank = static_cast<int64_t>(order.size());
  std::vector<bool> reduced(order.size());
  std::vector<double> moved;
  for (int64_t axis : *axes) {
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank) return std::nullopt;
    reduced[static_cast<size_t>(axis)] = true;
    moved.push_back(static_cast<double>(order[static_cast<size_t>(axis)]));
  }
  Integers kept;
  for (size_t i = 0; i < order.size(); ++i)
    if (!reduced[i]) kept.push_back(order[i]);
  if (!std::is_sorted(kept.begin(), kept.end())) return std::nullopt;
  std::sort(moved.begin(), moved.end());
  return moved;
}

// Would a transpose before the users of this value go away behind them?
bool vanishes_behind(const ir::Graph& graph, ValueId value, const Integers& order, int depth = 0) {
  constexpr int kDeepest = 8;
  const auto& users = graph.value(value).users;
  if (depth > kDeepest || graph.is_output(value) || users.empty()) return false;
  return std::all_of(users.begin(), users.end(), [&](NodeId id) {
    const ir::Node& user = graph.node(id);
    if (!is_free(user) || user.outputs.size() != 1) return false;
    if (user.is("Transpose")) return permutation_of(graph, user.outputs[0]) == inverse_of(order);
    if (any_is(user, kReductions)) return axes_without_transpose(graph, user, order).has_value();
    return any_is(user, kUnary) && vanishes_behind(graph, user.outputs[0], order, depth + 1);
  });
}

Result<bool> sink_elementwise(RuleContext& context, NodeId id) {
  ir::Graph& graph = context.graph;
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  std::optional<Integers> order;
  bool dies = false;
  for (const ValueId input : inputs) {
    const auto found = permutation_of(graph, input);
    if (!found) {
      const Tensor* constant = graph.constant(input);
      if (!constant || constant->elements() > 65536) return false;
      continue;
    }
    if (order && *order != *found) return false;
    order = found;
    dies = dies || used_once(graph, input);
  }
  if (!order || (!dies && !vanishes_behind(graph, graph.output(id), *order))) return false;
  const auto rank = static_cast<int64_t>(order->size());
  for (const ValueId input : inputs)
    if (const Tensor* constant = graph.constant(input); constant && constant->rank() > rank) return false;
  Builder b(context, id);
  std::vector<Term> moved;
  for (const ValueId input : inputs) {
    const Tensor* constant = graph.constant(input);
    if (!constant) {
      moved.push_back(under(b, input));
    } else if (constant->elements() == 1) {
      moved.emplace_back(b, input);
    } else {
      Shape shape(static_cast<size_t>(rank - constant->rank()), 1);
      shape.insert(shape.end(), constant->shape().begin(), constant->shape().end());
      const Term full = b.constant(constant->reshaped(std::move(shape)));
      moved.push_back(transposed_again(b, full, inverse_of(*order)));
    }
  }
  TRY(b.status());
  const std::vector<Term> made = b.again(moved);
  TRY(b.status());
  return finish(b, transposed_again(b, made[0], *order), inputs);
}

Result<bool> sink_concat(RuleContext& context, NodeId id) {
  ir::Graph& graph = context.graph;
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  const auto axis = constant_integers(graph, inputs.back());
  std::optional<Integers> order;
  bool dies = false;
  for (size_t i = 0; i + 1 < inputs.size(); ++i) {
    const auto found = permutation_of(graph, inputs[i]);
    if (!found || (order && *order != *found)) return false;
    order = found;
    dies = dies || used_once(graph, inputs[i]);
  }
  if (!order || !dies || !axis || axis->size() != 1) return false;
  const auto at = (*axis)[0] < 0 ? (*axis)[0] + static_cast<int64_t>(order->size()) : (*axis)[0];
  if (at < 0 || at >= static_cast<int64_t>(order->size())) return false;
  Builder b(context, id);
  std::vector<Term> parts;
  for (size_t i = 0; i + 1 < inputs.size(); ++i) parts.push_back(under(b, inputs[i]));
  parts.push_back(b.integer((*order)[static_cast<size_t>(at)]));
  const Term joined = b.make("ConcatV2", parts);
  return finish(b, transposed_again(b, joined, *order), inputs);
}

Result<bool> sink_pad(RuleContext& context, NodeId id) {
  ir::Graph& graph = context.graph;
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  const auto order = permutation_of(graph, inputs[0]);
  const auto paddings = constant_integers(graph, inputs[1]);
  if (!order || !used_once(graph, inputs[0]) || !paddings || paddings->size() != 2 * order->size()) return false;
  std::vector<double> moved(paddings->size());
  for (size_t i = 0; i < order->size(); ++i)
    for (const size_t side : {size_t{0}, size_t{1}}) moved[2 * static_cast<size_t>((*order)[i]) + side] = static_cast<double>((*paddings)[2 * i + side]);
  Builder b(context, id);
  std::vector<Term> terms{under(b, inputs[0]), b.numbers(graph.type(inputs[1]).dtype, {static_cast<int64_t>(order->size()), 2}, moved)};
  for (size_t i = 2; i < inputs.size(); ++i) terms.emplace_back(b, inputs[i]);
  const Term padded = b.make(graph.node(id).op->name, terms, graph.node(id).attributes->to_map());
  return finish(b, transposed_again(b, padded, *order), inputs);
}

// With keep_dims the transpose stands behind the reduction.
Result<bool> sink_behind_reduction(RuleContext& context, NodeId id, const Integers& order) {
  ir::Graph& graph = context.graph;
  const ir::Node& node = graph.node(id);
  const std::vector<ValueId> inputs = node.inputs;
  const auto axes = constant_integers(graph, inputs[1]);
  if (!axes || !attribute_of(node, "keep_dims", false) || !used_once(graph, inputs[0])) return false;
  const auto rank = static_cast<int64_t>(order.size());
  std::vector<double> moved;
  for (int64_t axis : *axes) {
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank) return false;
    moved.push_back(static_cast<double>(order[static_cast<size_t>(axis)]));
  }
  std::sort(moved.begin(), moved.end());
  Builder b(context, id);
  const Term where = b.numbers(graph.type(inputs[1]).dtype, {static_cast<int64_t>(moved.size())}, moved);
  const Term result = b.make(graph.node(id).op->name, {under(b, inputs[0]), where}, graph.node(id).attributes->to_map());
  return finish(b, transposed_again(b, result, order), inputs);
}

Result<bool> sink_reduction(RuleContext& context, NodeId id) {
  ir::Graph& graph = context.graph;
  const ir::Node& node = graph.node(id);
  const std::vector<ValueId> inputs = node.inputs;
  const auto order = permutation_of(graph, inputs[0]);
  if (!order) return false;
  const auto axes = axes_without_transpose(graph, node, *order);
  if (!axes) return sink_behind_reduction(context, id, *order);
  Builder b(context, id);
  const Term where = b.numbers(graph.type(inputs[1]).dtype, {static_cast<int64_t>(axes->size())}, *axes);
  return finish(b, b.make(graph.node(id).op->name, {under(b, inputs[0]), where}, graph.node(id).attributes->to_map()), inputs);
}

Result<bool> sink(RuleContext& context, NodeId id) {
  const ir::Node& node = context.graph.node(id);
  if (node.outputs.size() != 1 || !is_free(node) || node.inputs.empty()) return false;
  if (node.is("ConcatV2")) return sink_concat(context, id);
  if (node.is("Pad") || node.is("PadV2")) return sink_pad(context, id);
  if (any_is(node, kReductions)) return sink_reduction(context, id);
  if (any_is(node, kUnary) || any_is(node, kBinary)) return sink_elementwise(context, id);
  return false;
}

}  // namespace

Result<void> sink_transposes(ir::Module& module, PassContext&) { return for_each_node(module, sink); }

}  // namespace isomer::passes
