// Constant folding.
//
//   Before: %y = AddV2(%one, %two), %s = Shape(%x) with %x : float32[2,3]         After: %y = Const() 3, %s = Const() [2, 3]
//
// Nodes are visited producers first: types are inferred anew (a shape argument may have become known), then a pure node all of whose inputs are
// constants is run by the reference kernel. Shape, Size and Rank need only the type of their input; what is computed from shapes that are known in part
// (height and width of images, but not their number) needs only the known elements.
//
// Does not pay where a small constant would become a large one: a result above 100 KiB that is larger than all inputs together is left alone.
#include <algorithm>

#include "ir/eval_context.h"
#include "ops/interpreter.h"
#include "ops/partial_value.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace isomer::passes {
namespace {

using ir::NodeId;
using ir::ValueId;

constexpr int64_t kGrowthLimit = 100 * 1024;

bool may_fold(const ir::Graph& graph, const ir::Node& node, Effects& effects) {
  if (!is_foldable(*node.op) || node.outputs.empty() || effects.writes(node)) return false;
  const auto plain = [&](ValueId v) {
    const DType dtype = graph.type(v).dtype;
    return dtype != DType::kResource && dtype != DType::kVariant && dtype != DType::kInvalid;
  };
  return std::all_of(node.outputs.begin(), node.outputs.end(), plain);
}

// Could the results be far larger than the inputs? Known from the types alone.
bool grows(const ir::Graph& graph, const ir::Node& node) {
  int64_t in = 0, out = 0;
  for (const ValueId input : node.inputs) in += graph.constant(input)->byte_size();
  for (const ValueId output : node.outputs) {
    const TensorType& type = graph.type(output);
    const auto elements = type.shape.elements();
    if (!elements) continue;
    out += *elements > INT64_MAX / 32 ? INT64_MAX / 64 : *elements * std::max<int64_t>(element_size(type.dtype), 8 * (type.dtype == DType::kString));
  }
  return out > kGrowthLimit && out > in;
}

// Shape, Size, Rank and ShapeN of values whose type tells the answer, and small integers computed from them.
std::vector<Tensor> from_types(const ir::Graph& graph, const ir::Node& node) {
  const auto integers = [&](std::span<const int64_t> values, DType dtype, bool scalar) {
    Tensor tensor = dtype == DType::kInt64 ? Tensor::int64s(values) : Tensor::int32s(values);
    return scalar ? tensor.reshaped({}) : tensor;
  };
  std::vector<Tensor> results;
  if (node.is("Shape") || node.is("ShapeN")) {
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const auto shape = graph.type(node.inputs[i]).shape.known();
      if (!shape) return {};
      results.push_back(integers(*shape, graph.type(node.outputs[i]).dtype, false));
    }
  } else if (node.is("Size")) {
    const auto elements = graph.type(node.inputs[0]).shape.elements();
    if (elements) results.push_back(integers({{*elements}}, graph.type(node.outputs[0]).dtype, true));
  } else if (node.is("Rank")) {
    const PartialShape& shape = graph.type(node.inputs[0]).shape;
    if (shape.has_rank()) results.push_back(integers({{shape.rank()}}, DType::kInt32, true));
  }
  if (results.empty() && node.outputs.size() == 1) {
    const TensorType& type = graph.type(node.outputs[0]);
    const auto shape = is_integer(type.dtype) ? type.shape.known() : std::nullopt;
    const auto elements = shape ? ops::partial_elements(graph, node.outputs[0]) : std::nullopt;
    if (elements && element_count_of(*shape) == static_cast<int64_t>(elements->size())) {
      std::vector<int64_t> values;
      for (const auto& element : *elements)
        if (element) values.push_back(*element);
      if (values.size() == elements->size() && (type.dtype == DType::kInt32 || type.dtype == DType::kInt64))
        results.push_back(integers(values, type.dtype, false).reshaped(*shape));
    }
  }
  return results;
}

Result<void> fold_graph(ir::Module& module, ir::Graph& graph, PassContext& context, Effects& effects) {
  ir::RunState state;
  state.limits = context.limits;
  state.allocator = context.allocator;
  for (const NodeId id : TRY(graph.topological_order())) {
    TRY(graph.infer(id, &module));
    const ir::Node& node = graph.node(id);
    if (!may_fold(graph, node, effects)) continue;
    std::vector<Tensor> results = from_types(graph, node);
    if (results.empty()) {
      std::vector<Tensor> inputs;
      for (const ValueId input : node.inputs) {
        const Tensor* constant = graph.constant(input);
        if (!constant) break;
        inputs.push_back(*constant);
      }
      if (inputs.size() != node.inputs.size() || grows(graph, node)) continue;
      auto computed = ops::evaluate_node(state, module, graph, id, inputs);
      // What cannot be computed now (a bad index, perhaps, in a branch that is never taken) fails when it runs, as in TensorFlow.
      if (!computed) continue;
      for (const Tensor& input : inputs) input.bytes().release_pages();
      results = std::move(*computed);
    }
    const std::string name = node.name;
    const auto outputs = node.outputs;
    NodeId folded;
    for (size_t i = 0; i < outputs.size(); ++i) {
      const Tensor& result = results[i];
      result.bytes().release_pages();
      if (graph.value(outputs[i]).users.empty() && !graph.is_output(outputs[i])) continue;
      const ValueId constant = add_constant(graph, result, outputs.size() == 1 ? name : name + "/" + std::to_string(i));
      graph.replace_uses(outputs[i], constant);
      folded = graph.value(constant).producer;
    }
    // Control users waited for a pure node: they wait for what it waited for.
    const auto users = graph.node(id).control_users, before = graph.node(id).control_inputs;
    for (const NodeId user : users)
      for (const NodeId earlier : before) graph.add_control_input(user, earlier);
    graph.erase(id);
    if (outputs.size() == 1 && folded.valid()) graph.rename(folded, name);
  }
  return {};
}

}  // namespace

Result<void> fold_constants(ir::Module& module, PassContext& context) {
  Effects effects(module);
  // Functions that others call come first, so that their result types are known.
  for (ir::Function* function : TRY(callees_first(module))) {
    TRY(in_context(fold_graph(module, function->graph, context, effects), "folding constants of '" + function->name + "'"));
  }
  return {};
}

}  // namespace isomer::passes
