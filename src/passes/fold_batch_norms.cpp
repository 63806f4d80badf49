// Folding batch normalisation, and what else multiplies or adds constants for each channel, into the weights of the linear op beside it.
//
//   Before: FusedBatchNormV3(BiasAdd(Conv2D(x, w), b), scale, offset, mean, variance)        After: BiasAdd(Conv2D(x, w * s), (b - mean) * s + offset)
//   Before: MatMul(x * a + c, w)                                                             After: BiasAdd(MatMul(x, a * w), c * w)
//   Before: FusedBatchNormV3(Relu(x), ...)                                                   After: Relu(x) * s + (offset - mean * s)
//
// with s = scale / sqrt(variance + epsilon), computed in double. It takes FusedBatchNorm, V2 and V3 for inference, and Mul, RealDiv, AddV2, Sub and
// BiasAdd with a constant, as many as follow each other.
//
// Safe when nobody else sees what is between (one consumer, no output) and nobody else uses the weights. What is added before a convolution can move
// behind it only without padding, because padding is not added to, and only when it is small. Does not pay where the weights are shared: they would be stored
// twice.
#include <algorithm>
#include <cmath>

#include "passes/linear.h"
#include "passes/pass.h"

namespace isomer::passes {
namespace {

using ir::NodeId;
using ir::ValueId;

constexpr double kFarthest = 10;

struct Folder {
  RuleContext context;
  PassContext& pass;

  ir::Graph& graph() { return context.graph; }

  Result<std::optional<Tensor>> vector(std::span<const double> values, DType dtype) {
    MutableTensor out = TRY(MutableTensor::create(dtype, {static_cast<int64_t>(values.size())}, pass.limits));
    store_doubles(out, 0, values);
    for (const double value : values)
      if (!std::isfinite(value)) return std::optional<Tensor>();
    return std::optional<Tensor>(std::move(out).finish());
  }

  Result<void> fold(const LinearOp& op);
  Result<bool> fold_before(const LinearOp& op);
  Result<bool> fold_behind(const LinearOp& op);
  Result<bool> replace_alone(NodeId id);
};

bool weights_are_its_own(const ir::Graph& graph, const LinearOp& op) {
  const ValueId weights = graph.node(op.node).inputs[1];
  return graph.value(weights).users.size() == 1 && !graph.is_output(weights);
}

bool pads_nothing(const ir::Node& node) { return node.is("MatMul") || attribute_of(node, "padding", std::string()) == "VALID"; }

// What the constants before the op add to its result: the sum over each output channel's weights.
std::vector<double> through(const Tensor& weights, const LinearOp& op, std::span<const double> offset, bool depthwise) {
  std::vector<double> sums(static_cast<size_t>(op.outputs)), all = doubles_of(weights);
  for (int64_t i = 0; i < static_cast<int64_t>(all.size()); ++i) {
    const int64_t out = depthwise ? i % op.outputs : i / op.out_inner % op.outputs;
    sums[static_cast<size_t>(out)] += all[static_cast<size_t>(i)] * offset[static_cast<size_t>(i / op.in_inner % op.inputs)];
  }
  return sums;
}

// True when it changed the graph: then the op has another input and weights.
Result<bool> Folder::fold_before(const LinearOp& op) {
  const ValueId x = graph().node(op.node).inputs[static_cast<size_t>(op.data)];
  if (op.inputs == 0) return false;
  const NodeId before_id = graph().value(x).producer;
  const ir::Node& before = graph().node(before_id);
  const bool norm = before.op->name.starts_with("FusedBatchNorm");
  if (before.inputs.empty() || !is_free(before) || !only_user(graph(), x).valid() || (before.outputs.size() != 1 && !norm)) return false;
  const ValueId source = !norm && graph().constant(before.inputs[0]) && before.inputs.size() > 1 ? before.inputs[1] : before.inputs[0];
  // A linear op before that takes it needs no place here.
  if (graph().type(source).shape != graph().type(x).shape) return false;
  const auto affine = affine_of(graph(), before, source, op.inputs);
  if (!affine || (!affine->scales() && !affine->shifts()) || (affine->scales() && !weights_are_its_own(graph(), op))) return false;
  // Far summands would cancel against the data only behind the op, in numbers that have lost digits by then.
  if (std::any_of(affine->offset.begin(), affine->offset.end(), [](double v) { return std::fabs(v) > kFarthest; })) return false;
  const ir::Node& node = graph().node(op.node);
  const bool shifts = affine->shifts(), depthwise = node.is("DepthwiseConv2dNative");
  if (shifts && (node.is("Conv2DBackpropInput") || !pads_nothing(node))) return false;
  const Tensor weights = *graph().constant(node.inputs[1]);
  std::optional<Tensor> product;
  if (affine->scales()) {
    product = TRY(scaled(weights, affine->scale, op.in_inner, pass));
    if (!product) return false;
  }
  const DType dtype = graph().type(node.outputs[0]).dtype;
  std::optional<Tensor> bias;
  if (shifts) {
    bias = TRY(vector(through(weights, op, affine->offset, depthwise), dtype));
    if (!bias) return false;
  }
  const std::string name = node.name;
  const ValueId result = node.outputs[0];
  Builder b(context, name);
  const NodeId old_weights = graph().value(node.inputs[1]).producer;
  graph().set_input(op.node, op.data, source);
  if (product) graph().set_input(op.node, 1, b.constant(*product).id());
  erase_unused(graph(), before_id);
  erase_unused(graph(), old_weights);
  if (!bias) return true;
  // The users of the op become users of the sum.
  const Term sum = b.make("BiasAdd", {Term(b, result), b.constant(*bias)});
  TRY(b.status());
  graph().replace_uses(result, sum.id());
  graph().set_input(graph().value(sum.id()).producer, 0, result);
  return true;
}

Result<bool> Folder::fold_behind(const LinearOp& op) {
  ValueId end = graph().output(op.node);
  const DType dtype = graph().type(end).dtype;
  Affine total;
  total.scale.assign(static_cast<size_t>(op.outputs), 1);
  total.offset.assign(static_cast<size_t>(op.outputs), 0);
  std::vector<NodeId> chain;
  bool vector_bias = false;
  while (true) {
    const NodeId next = only_user(graph(), end);
    if (!next.valid()) break;
    const ir::Node& node = graph().node(next);
    const auto affine = affine_of(graph(), node, end, op.outputs);
    if (!affine || graph().type(node.outputs[0]).dtype != dtype) break;
    for (size_t c = 0; c < total.scale.size(); ++c) {
      total.scale[c] *= affine->scale[c];
      total.offset[c] = total.offset[c] * affine->scale[c] + affine->offset[c];
    }
    vector_bias = vector_bias || (!affine->scales() && graph().type(node.inputs[node.inputs[0] == end ? 1 : 0]).shape.elements() == op.outputs);
    chain.push_back(next);
    end = node.outputs[0];
  }
  if (chain.empty() || !graph().type(end).shape.has_rank()) return false;
  const bool scales = total.scales();
  const ir::Node& last = graph().node(chain.back());
  if (!scales && chain.size() == 1) {
    // One sum: nothing to do for a BiasAdd; a scalar is not worth a vector.
    if (last.is("BiasAdd") || !vector_bias) return false;
  }
  if (scales && !weights_are_its_own(graph(), op)) return false;
  if (!std::all_of(total.scale.begin(), total.scale.end(), [](double v) { return std::isfinite(v); })) return false;
  std::optional<Tensor> weights, bias;
  if (scales) {
    weights = TRY(scaled(*graph().constant(graph().node(op.node).inputs[1]), total.scale, op.out_inner, pass));
    if (!weights) return false;
  }
  if (total.shifts()) {
    bias = TRY(vector(total.offset, dtype));
    if (!bias) return false;
  }
  const std::vector<ValueId> inputs = graph().node(op.node).inputs;
  const std::string op_name(graph().node(op.node).op->name), name = graph().node(op.node).name, origin = graph().node(op.node).origin;
  const ir::AttributeMap attributes = graph().node(op.node).attributes->to_map();
  Builder b(context, chain.back());
  std::vector<Term> again;
  for (const ValueId input : inputs) again.emplace_back(b, input);
  if (weights) again[1] = b.constant(*weights);
  Term result = b.make(op_name, again, attributes);
  const NodeId linear = result.id().valid() ? graph().value(result.id()).producer : NodeId{};
  if (bias) result = b.make("BiasAdd", {result, b.constant(*bias)});
  // Nobody reads the statistics that a normalisation gives.
  TRY(b.replace(result));
  for (auto it = chain.rbegin(); it != chain.rend(); ++it) erase_unused(graph(), *it);
  erase_unused(graph(), op.node);
  if (bias) graph().rename(linear, name);
  graph().node(linear).origin = origin;
  return true;
}

Result<void> Folder::fold(const LinearOp& op) {
  // What stands before may be a chain too.
  LinearOp current = op;
  while (TRY(fold_before(current))) {
    const auto again = linear_op(graph(), current.node);
    if (!again) return {};
    current = *again;
  }
  TRY(fold_behind(current));
  return {};
}

// A batch normalisation that stands alone is a product and a sum.
Result<bool> Folder::replace_alone(NodeId id) {
  const ir::Node& node = graph().node(id);
  if (!node.alive() || !node.op->name.starts_with("FusedBatchNorm") || node.inputs.size() != 5 || !is_free(node)) return false;
  const PartialShape& shape = graph().type(node.inputs[0]).shape;
  if (!shape.has_rank() || shape.rank() == 0 || graph().type(node.inputs[0]).dtype != graph().type(node.inputs[1]).dtype) return false;
  const Tensor* scale = graph().constant(node.inputs[1]);
  if (!scale) return false;
  const auto affine = affine_of(graph(), node, node.inputs[0], scale->elements());
  if (!affine) return false;
  const auto factor = TRY(vector(affine->scale, scale->dtype())), summand = TRY(vector(affine->offset, scale->dtype()));
  if (!factor || !summand) return false;
  Builder b(context, id);
  const Term x = b.input(0);
  const Term product = x * b.constant(*factor);
  return b.replace(product + b.constant(*summand));
}

}  // namespace

Result<void> fold_batch_norms(ir::Module& module, PassContext& context) {
  for (const auto& function : module.functions()) {
    Folder folder{{module, function->graph}, context};
    const auto order = TRY(function->graph.topological_order());
    for (const NodeId id : order) {
      if (!function->graph.node(id).alive()) continue;
      const std::string name = function->graph.node(id).name;
      if (const auto op = linear_op(function->graph, id)) TRY(in_context(folder.fold(*op), "folding into the weights of '" + name + "'"));
    }
    for (const NodeId id : order) TRY(folder.replace_alone(id));
  }
  return {};
}

}  // namespace isomer::passes
