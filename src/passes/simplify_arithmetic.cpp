// Arithmetic that need not be done.
//
//   Before: x * 1, x / 1, x - 0, x ^ 1, -(-x), not not x        After: x
//   Before: f(f(x)) of Abs, Relu, Relu6, Floor, ...             After: f(x)
//   Before: x + (-y), x - (-y)                                  After: x - y, x + y
//   Before: Maximum(x, 0), Minimum(Relu(x), 6)                  After: Relu(x), Relu6(x)
//   Before: x * x, x ^ 2, Square(x - y)                         After: Square(x), Square(x), SquaredDifference(x, y)
//   Before: (x * 2) * 3, (x + 2) + 3                            After: x * 6, x + 5
//
// Safe where the other operand is constant and does not broadcast x. x + 0 stays x for integers only: for floats it would keep the sign of a zero, except
// where the constant is -0, or where x cannot be one. Constants of sums are joined when no digits can cancel: they have one sign, or are integers.
#include <algorithm>
#include <cmath>

#include "passes/match.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace isomer::passes {
namespace {

using ir::NodeId;
using ir::ValueId;

// Is the result of a binary op of the shape of input `i`, so that the other operand broadcasts nothing?
bool keeps_shape(const ir::Graph& graph, const ir::Node& node, size_t i) {
  const PartialShape &x = graph.type(node.inputs[i]).shape, &other = graph.type(node.inputs[1 - i]).shape;
  if (!x.has_rank() || !other.fully_known() || other.rank() > x.rank()) return false;
  for (int64_t axis = 1; axis <= other.rank(); ++axis) {
    const int64_t size = other[other.rank() - axis];
    if (size != 1 && size != x[x.rank() - axis]) return false;
  }
  return true;
}

bool is_negative_zero(const Tensor& tensor) {
  for (int64_t i = 0; i < tensor.elements(); ++i)
    if (const double v = tensor.as_double(i); v != 0 || !std::signbit(v)) return false;
  return true;
}

// Ops whose results are never -0, or by chance only.
bool never_negative_zero(const ir::Node& node) {
  static constexpr std::string_view kOps[] = {"Abs",      "Exp",    "RandomStandardNormal", "RandomUniform",  "Sigmoid", "Softmax",
                                              "Softplus", "Square", "SquaredDifference",    "TruncatedNormal"};
  return any_is(node, kOps);
}

// The operand that a node passes on unchanged, or none.
std::optional<size_t> neutral_operand(const ir::Graph& graph, const ir::Node& node) {
  const bool sum = node.is("AddV2") || node.is("Add"), product = node.is("Mul");
  const bool difference = node.is("Sub"), quotient = node.is("RealDiv") || node.is("Div") || node.is("Pow");
  if (!sum && !product && !difference && !quotient) return std::nullopt;
  for (const size_t i : {size_t{0}, size_t{1}}) {
    if (i == 1 && (difference || quotient)) break;
    const Tensor* constant = graph.constant(node.inputs[1 - i]);
    if (!constant || is_complex(constant->dtype()) || type_class(constant->dtype()) == TypeClass::kString || !keeps_shape(graph, node, i)) continue;
    if (constant->elements() > 65536) continue;
    if (product || quotient) {
      if (all_equal(*constant, 1)) return i;
    } else if (all_equal(*constant, 0)) {
      const bool exact = difference ? !is_float(constant->dtype()) || !is_negative_zero(*constant)
                                    : !is_float(constant->dtype()) || is_negative_zero(*constant) || never_negative_zero(graph.producer(node.inputs[i]));
      if (exact) return i;
    }
  }
  return std::nullopt;
}

bool idempotent(const ir::Node& node) {
  static constexpr std::string_view kOps[] = {"Abs", "Ceil", "Floor", "Relu", "Relu6", "Rint", "Round", "Sign"};
  return any_is(node, kOps);
}

bool undone_by_itself(const ir::Node& node) { return node.is("Neg") || node.is("LogicalNot") || node.is("Conj") || node.is("Invert"); }

const Tensor* scalar_constant(const ir::Graph& graph, ValueId id) {
  const Tensor* tensor = graph.constant(id);
  return tensor && tensor->elements() == 1 && tensor->rank() == 0 && is_float(tensor->dtype()) ? tensor : nullptr;
}

Result<bool> simplify_unary(RuleContext& context, NodeId id) {
  ir::Graph& graph = context.graph;
  const ir::Node& node = graph.node(id);
  const ir::Node& before = graph.producer(node.inputs[0]);
  if (before.inputs.empty()) return false;
  if (undone_by_itself(node) && before.op == node.op) {
    return replace_by(graph, id, before.inputs[0]);
  }
  const bool same = idempotent(node) && before.op == node.op;
  const bool covered = (node.is("Relu") && before.is("Relu6")) || (node.is("Abs") && (before.is("Relu") || before.is("Relu6") || before.is("Square")));
  if (same || covered) {
    if (covered && is_complex(graph.type(node.inputs[0]).dtype)) return false;
    return replace_by(graph, id, node.inputs[0]);
  }
  Builder b(context, id);
  if (node.is("Relu6") && before.is("Relu")) return b.replace(b.make("Relu6", {Term(b, before.inputs[0])}));
  if (node.is("Square") && before.is("Sub") && used_once(graph, node.inputs[0]) && is_float(graph.type(node.inputs[0]).dtype)) {
    return b.replace(b.make("SquaredDifference", {Term(b, before.inputs[0]), Term(b, before.inputs[1])}));
  }
  return false;
}

// Maximum(x, 0) and Minimum(Relu(x), 6).
Result<bool> simplify_clipping(RuleContext& context, NodeId id) {
  ir::Graph& graph = context.graph;
  const ir::Node& node = graph.node(id);
  for (const size_t i : {size_t{0}, size_t{1}}) {
    const Tensor* bound = scalar_constant(graph, node.inputs[1 - i]);
    if (!bound || graph.constant(node.inputs[i])) continue;
    const ValueId x = node.inputs[i];
    Builder b(context, id);
    if (node.is("Maximum") && bound->as_double(0) == 0) return b.replace(b.make("Relu", {Term(b, x)}));
    const ir::Node& before = graph.producer(x);
    if (node.is("Minimum") && bound->as_double(0) == 6 && before.is("Relu") && used_once(graph, x))
      return b.replace(b.make("Relu6", {Term(b, before.inputs[0])}));
  }
  return false;
}

bool one_sign(const Tensor& a, const Tensor& b) {
  if (is_integer(a.dtype())) return true;
  const auto x = doubles_of(a), y = doubles_of(b);
  const bool up = std::all_of(x.begin(), x.end(), [](double v) { return v >= 0; }) && std::all_of(y.begin(), y.end(), [](double v) { return v >= 0; });
  const bool down = std::all_of(x.begin(), x.end(), [](double v) { return v <= 0; }) && std::all_of(y.begin(), y.end(), [](double v) { return v <= 0; });
  return up || down;
}

// A product of such constants neither overflows nor loses digits.
bool moderate(const Tensor& a) {
  if (is_integer(a.dtype())) return true;
  for (const double v : doubles_of(a))
    if (const double size = std::fabs(v); !(size > 1e-12 && size < 1e12)) return false;
  return true;
}

// (x * a) * b with constants a and b, which the next folding multiplies.
Result<bool> join_constants(RuleContext& context, NodeId id) {
  ir::Graph& graph = context.graph;
  const ir::Node& node = graph.node(id);
  const bool product = node.is("Mul");
  if (!product && !node.is("AddV2")) return false;
  for (const size_t i : {size_t{0}, size_t{1}}) {
    const Tensor* outer = graph.constant(node.inputs[1 - i]);
    const ir::Node& before = graph.producer(node.inputs[i]);
    if (!outer || before.op != node.op || !used_once(graph, node.inputs[i])) continue;
    for (const size_t j : {size_t{0}, size_t{1}}) {
      const Tensor* inner = graph.constant(before.inputs[1 - j]);
      if (!inner || graph.constant(before.inputs[j]) || (!is_float(inner->dtype()) && inner->dtype() != DType::kInt32 && inner->dtype() != DType::kInt64))
        continue;
      if (inner->elements() > 65536 || outer->elements() > 65536) continue;
      const auto joined = broadcast(inner->shape(), outer->shape());
      // The joined constant must not be larger than both.
      if (!joined || element_count_of(*joined) > std::max(inner->elements(), outer->elements())) continue;
      if (product ? !moderate(*inner) || !moderate(*outer) : !one_sign(*inner, *outer)) continue;
      const ValueId x = before.inputs[j], a = before.inputs[1 - j], b = node.inputs[1 - i];
      Builder builder(context, id);
      const Term constant = builder.make(product ? "Mul" : "AddV2", {Term(builder, a), Term(builder, b)});
      return builder.replace(builder.make(product ? "Mul" : "AddV2", {Term(builder, x), constant}));
    }
  }
  return false;
}

Result<bool> simplify_binary(RuleContext& context, NodeId id) {
  ir::Graph& graph = context.graph;
  const ir::Node& node = graph.node(id);
  if (const auto kept = neutral_operand(graph, node)) {
    return replace_by(graph, id, node.inputs[*kept]);
  }
  Builder b(context, id);
  const Term x = b.input(0), y = b.input(1);
  const bool number = is_float(x.dtype()) || x.dtype() == DType::kInt32;
  if (node.is("Mul") && x == y && number) return b.replace(b.make("Square", {x}));
  if (node.is("Pow") && number) {
    const Tensor* power = scalar_constant(graph, y.id());
    if (power && power->as_double(0) == 2) return b.replace(b.make("Square", {x}));
  }
  if ((node.is("AddV2") || node.is("Sub")) && number) {
    const auto negated = [&](Term t) { return graph.producer(t.id()).is("Neg") && used_once(graph, t.id()); };
    const auto inside = [&](Term t) { return Term(b, graph.producer(t.id()).inputs[0]); };
    if (negated(y)) return b.replace(b.make(node.is("Sub") ? "AddV2" : "Sub", {x, inside(y)}));
    if (node.is("AddV2") && negated(x)) return b.replace(b.make("Sub", {y, inside(x)}));
  }
  return join_constants(context, id);
}

Result<bool> simplify(RuleContext& context, NodeId id) {
  const ir::Node& node = context.graph.node(id);
  if (node.outputs.size() != 1 || !is_free(node)) return false;
  if (node.is("Maximum") || node.is("Minimum")) return simplify_clipping(context, id);
  if (node.is("AddN") && node.inputs.size() == 1) return replace_by(context.graph, id, node.inputs[0]);
  static constexpr std::string_view kBinary[] = {"Add", "AddV2", "Div", "Mul", "Pow", "RealDiv", "Sub"};
  if (any_is(node, kBinary)) return simplify_binary(context, id);
  if (undone_by_itself(node) || idempotent(node) || node.is("Square")) return simplify_unary(context, id);
  return false;
}

}  // namespace

Result<void> simplify_arithmetic(ir::Module& module, PassContext&) { return for_each_node(module, simplify); }

}  // namespace isomer::passes
