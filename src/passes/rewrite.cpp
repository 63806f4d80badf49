#include "passes/rewrite.h"

#include <algorithm>
#include <functional>

#include "ops/registry.h"

namespace isomer::passes {

using ir::FunctionRef;
using ir::NodeId;
using ir::ValueId;

std::vector<std::string> referenced_functions(const ir::Node& node) {
  std::vector<std::string> names;
  if (node.is("Const")) return names;  // most nodes, and the map would hold their values
  for (const auto& attribute : node.attributes->to_map()) {
    if (const auto* one = std::get_if<FunctionRef>(&attribute.value)) names.push_back(one->name);
    if (const auto* list = std::get_if<std::vector<FunctionRef>>(&attribute.value))
      for (const FunctionRef& function : *list) names.push_back(function.name);
  }
  return names;
}

Result<void> redirect_function(ir::Node& node, std::string_view from, std::string_view to) {
  ir::AttributeMap changed;
  for (auto& attribute : node.attributes->to_map()) {
    if (auto* one = std::get_if<FunctionRef>(&attribute.value)) {
      if (one->name == from) changed.push_back({attribute.name, FunctionRef{std::string(to)}});
    } else if (auto* list = std::get_if<std::vector<FunctionRef>>(&attribute.value)) {
      auto copy = *list;
      for (FunctionRef& function : copy)
        if (function.name == from) function.name = to;
      changed.push_back({attribute.name, std::move(copy)});
    }
  }
  return node.attributes->assign(changed);
}

bool is_call(const ir::Node& node) { return node.is("PartitionedCall") || node.is("StatefulPartitionedCall"); }
bool is_branch(const ir::Node& node) { return node.is("If") || node.is("StatelessIf") || node.is("Case") || node.is("StatelessCase"); }
bool is_loop(const ir::Node& node) { return node.is("While") || node.is("StatelessWhile"); }

bool is_foldable(const ir::OpDef& op) {
  static constexpr std::string_view kSourcesAndCalls[] = {
      "Case", "Const", "Foreign", "If", "PartitionedCall", "Placeholder", "StatefulPartitionedCall", "StatelessCase", "StatelessIf", "StatelessWhile", "While"};
  if (!op.reference || op.effect != ir::Effect::kPure) return false;
  return std::find(std::begin(kSourcesAndCalls), std::end(kSourcesAndCalls), op.name) == std::end(kSourcesAndCalls);
}

bool Effects::writes(const ir::Node& node) {
  const bool calls = is_call(node) || is_branch(node) || is_loop(node);
  if (!calls) return node.op->effect == ir::Effect::kWrites;
  const auto functions = referenced_functions(node);
  return std::any_of(functions.begin(), functions.end(), [&](const std::string& name) { return function_writes(name); });
}

bool Effects::function_writes(const std::string& name) {
  const auto [it, inserted] = known_.try_emplace(name, false);
  if (!inserted) return it->second;
  bool result = false;
  if (const ir::Function* function = module_.find_function(name)) {
    for (const NodeId id : function->graph.live_nodes()) result = result || writes(function->graph.node(id));
  }
  known_[name] = result;
  return result;
}

ValueId add_constant(ir::Graph& graph, Tensor value, std::string_view name) {
  TensorType type{value.dtype(), PartialShape(value.shape()), DType::kInvalid, {}};
  return graph.output(graph.add_with_types(ops::kOp_Const, ir::const_attributes(std::move(value)), {}, {&type, 1}, name));
}

Result<NodeId> add_node(ir::Graph& graph, std::string_view op_name, const ir::AttributeMap& map, std::span<const ValueId> inputs, std::string_view name,
                        const ir::Module* module) {
  const ir::OpDef* op = ops::find_op(op_name);
  if (!op) return fail(ErrorCode::kInternal, "the op " + std::string(op_name) + " is not registered");
  auto attributes = op->make_attributes();
  TRY(attributes->assign(map));
  return graph.add(*op, std::move(attributes), inputs, name, module);
}

std::vector<size_t> backward_ranges(const ir::Graph& graph, const ir::Node& slice) {
  const Tensor *begin = graph.constant(slice.inputs[1]), *end = graph.constant(slice.inputs[2]), *strides = graph.constant(slice.inputs[3]);
  if (!begin || !end || !strides) return {};
  int64_t masked = 0;  // where begin and end do not say what is taken
  for (const ir::NamedAttribute& attribute : slice.attributes->to_map())
    if (const auto* mask = std::get_if<int64_t>(&attribute.value)) masked |= *mask;
  std::vector<size_t> found;
  for (int64_t i = 0; i < begin->elements(); ++i) {
    const int64_t from = begin->as_int64(i), to = end->as_int64(i), step = strides->as_int64(i);
    if ((masked >> i & 1) != 0 || (from < 0) != (to < 0)) continue;
    if (step > 0 ? from > to : from < to) found.push_back(static_cast<size_t>(i));
  }
  return found;
}

Result<std::vector<ir::Function*>> callees_first(ir::Module& module) {
  enum class State { kOpen, kDone };
  std::map<std::string, State> state;
  std::vector<ir::Function*> order;
  std::function<Result<void>(const std::string&)> visit = [&](const std::string& name) -> Result<void> {
    const auto [it, inserted] = state.try_emplace(name, State::kOpen);
    if (!inserted) {
      if (it->second == State::kDone) return {};
      return fail(Error{ErrorCode::kUnsupported,
                        "the function '" + name + "' calls itself",
                        "function '" + name + "'",
                        {},
                        "recursive functions have no form in a graph model"});
    }
    ir::Function* function = module.find_function(name);
    if (!function) return fail(ErrorCode::kInvalidModel, "there is no function '" + name + "'");
    for (const NodeId id : function->graph.live_nodes())
      for (const std::string& callee : referenced_functions(function->graph.node(id))) TRY(visit(callee));
    state[name] = State::kDone;
    order.push_back(function);
    return {};
  };
  for (const std::string& name : module.initializers) TRY(visit(name));
  for (const ir::Entry& entry : module.signatures) TRY(visit(entry.function));
  return order;
}

}  // namespace isomer::passes
