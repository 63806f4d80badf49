// Arguments and results of branches and loops that nobody needs.
//
//   Before: %a, %b = If(%c, %x, %y) where nobody uses %b and no branch uses its second argument      After: %a = If(%c, %x)
//   Before: %i, %w = While(%zero, %weights) whose body returns its second argument as it came        After: users of %w use %weights
//   ... and where %weights is a constant, or nobody looks at it inside                               After: %i = While(%zero), constants in the body
//   Before: %i, %n = While(%zero, %zero) that counts %n for nobody                                   After: %i = While(%zero)
//
// What a loop passes on unchanged is the same before and after it, so that outside of it nothing has to wait for the loop; a constant inside lets the body be
// folded and fused. Safe for functions that one node calls. Constants of several graphs are stored once (formats/tfjs/graph_model_export.cpp).
#include <algorithm>
#include <map>
#include <set>

#include "passes/loops.h"
#include "passes/match.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace isomer::passes {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::ValueId;

bool unused(const Graph& graph, ValueId id) { return graph.value(id).users.empty() && !graph.is_output(id); }

// The node again with the arguments and results of these positions only; `first` inputs (a condition) stay.
Result<void> keep_only(ir::Module& module, Graph& graph, NodeId id, size_t first, const std::vector<size_t>& arguments, const std::vector<size_t>& results) {
  const ir::Node& node = graph.node(id);
  const std::vector<ValueId> old_inputs = node.inputs, old_results = node.outputs;
  std::vector<ValueId> inputs(old_inputs.begin(), old_inputs.begin() + static_cast<std::ptrdiff_t>(first));
  for (const size_t i : arguments) inputs.push_back(old_inputs[first + i]);
  ir::AttributeMap attributes = node.attributes->to_map();
  for (ir::NamedAttribute& attribute : attributes) {
    if (auto* types = std::get_if<std::vector<DType>>(&attribute.value); types && types->size() == old_results.size()) {
      std::vector<DType> kept;
      for (const size_t i : results) kept.push_back((*types)[i]);
      *types = std::move(kept);
    }
    if (auto* shapes = std::get_if<std::vector<PartialShape>>(&attribute.value); shapes && shapes->size() == old_results.size()) {
      std::vector<PartialShape> kept;
      for (const size_t i : results) kept.push_back((*shapes)[i]);
      *shapes = std::move(kept);
    }
  }
  std::vector<ValueId> kept_results;
  for (const size_t i : results) kept_results.push_back(old_results[i]);
  TRY(replace_node(module, graph, id, attributes, inputs, kept_results));
  for (const ValueId input : old_inputs) erase_unused(graph, graph.value(input).producer);
  return {};
}

void keep_ports(std::vector<ir::Port>& ports, const std::vector<size_t>& kept) {
  std::vector<ir::Port> result;
  for (const size_t i : kept) result.push_back(ports[i]);
  ports = std::move(result);
}

// The arguments of these positions only; the others have no users.
void keep_arguments(Graph& graph, const std::vector<size_t>& kept) {
  const std::vector<ir::Port> old = graph.inputs;
  keep_ports(graph.inputs, kept);
  for (size_t i = 0; i < old.size(); ++i)
    if (!std::binary_search(kept.begin(), kept.end(), i)) graph.erase(graph.value(old[i].value).producer);
}

Result<void> trim_branch(ir::Module& module, Graph& graph, NodeId id, std::span<Graph* const> branches) {
  const ir::Node& node = graph.node(id);
  std::vector<size_t> arguments, results;
  for (size_t i = 0; i < node.outputs.size(); ++i)
    if (!unused(graph, node.outputs[i])) results.push_back(i);
  // A node without results would have to be kept for its effect, if it has one: it is left to prune.
  if (results.empty()) return {};
  const bool fewer_results = results.size() < node.outputs.size();
  if (fewer_results) {
    for (Graph* branch : branches) {
      std::vector<NodeId> producers;
      for (const ir::Port& port : branch->outputs) producers.push_back(branch->value(port.value).producer);
      keep_ports(branch->outputs, results);
      for (const NodeId producer : producers) erase_unused(*branch, producer);
    }
  }
  for (size_t i = 0; i + 1 < node.inputs.size(); ++i)
    if (std::any_of(branches.begin(), branches.end(),
                    [&](Graph* branch) { return !unused(*branch, branch->inputs[i].value) || !is_free(branch->producer(branch->inputs[i].value)); }))
      arguments.push_back(i);
  if (!fewer_results && arguments.size() + 1 == node.inputs.size()) return {};
  for (Graph* branch : branches) keep_arguments(*branch, arguments);
  return keep_only(module, graph, id, 1, arguments, results);
}

// Makes constants of the arguments that are constant outside, and that the loop passes on.
void bring_in_constants(const Graph& graph, const ir::Node& node, Graph& body, Graph& condition) {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const Tensor* constant = graph.constant(node.inputs[i]);
    if (!constant || body.outputs[i].value != body.inputs[i].value) continue;
    for (Graph* function : {&body, &condition}) {
      const ValueId argument = function->inputs[i].value;
      if (function->value(argument).users.empty()) continue;
      const ValueId made = add_constant(*function, *constant, function->producer(argument).name + "/value");
      // The ports of the body's outputs stay: they are what makes the argument one that is passed on.
      const std::vector<ir::Port> outputs = function->outputs;
      function->replace_uses(argument, made);
      if (function == &body) {
        function->outputs = outputs;
      }
    }
  }
}

// Which variables of a loop matter: those that the condition or someone behind the loop looks at, those that an effect in the body needs, and those that the
// next value of one that matters is made of.
class LiveVariables {
 public:
  explicit LiveVariables(const Graph& body) : body_(body), live_(body.inputs.size()), reached_(static_cast<size_t>(body.node_count())) {
    for (size_t i = 0; i < body.inputs.size(); ++i) argument_of_[body.value(body.inputs[i].value).producer] = i;
    for (const NodeId output : body.control_outputs) reach(output);
    for (const NodeId id : body.live_nodes()) {
      const ir::Node& node = body.node(id);
      if (!is_free(node) || node.op->effect == ir::Effect::kWrites || is_call(node) || is_branch(node) || is_loop(node)) reach(id);
    }
  }
  void add(size_t variable) {
    if (live_[variable]) return;
    live_[variable] = true;
    reach(body_.value(body_.outputs[variable].value).producer);
  }
  std::vector<size_t> found() const {
    std::vector<size_t> positions;
    for (size_t i = 0; i < live_.size(); ++i)
      if (live_[i]) positions.push_back(i);
    return positions;
  }
  // Nodes of the body that no variable that matters needs, users first.
  Result<std::vector<NodeId>> dead_nodes() const {
    std::vector<NodeId> dead = TRY(body_.topological_order());
    std::erase_if(dead, [&](NodeId id) { return reached_[static_cast<size_t>(id.index)] || argument_of_.contains(id); });
    std::reverse(dead.begin(), dead.end());
    return dead;
  }

 private:
  void reach(NodeId first) {
    std::vector<NodeId> stack{first};
    while (!stack.empty()) {
      const NodeId id = stack.back();
      stack.pop_back();
      if (reached_[static_cast<size_t>(id.index)]) continue;
      reached_[static_cast<size_t>(id.index)] = true;
      const ir::Node& node = body_.node(id);
      for (const ValueId input : node.inputs) stack.push_back(body_.value(input).producer);
      stack.insert(stack.end(), node.control_inputs.begin(), node.control_inputs.end());
      const auto argument = argument_of_.find(id);
      if (argument == argument_of_.end() || live_[argument->second]) continue;
      live_[argument->second] = true;
      stack.push_back(body_.value(body_.outputs[argument->second].value).producer);
    }
  }

  const Graph& body_;
  std::vector<bool> live_, reached_;
  std::map<NodeId, size_t> argument_of_;
};

Result<void> trim_loop(ir::Module& module, Graph& graph, NodeId id, Graph& body, Graph& condition) {
  const size_t count = graph.node(id).inputs.size();
  bring_in_constants(graph, graph.node(id), body, condition);
  LiveVariables live(body);
  for (size_t i = 0; i < count; ++i) {
    const ValueId argument = body.inputs[i].value, result = graph.node(id).outputs[i];
    const DType dtype = graph.type(result).dtype;
    if (body.outputs[i].value == argument && dtype != DType::kVariant && dtype != DType::kResource) graph.replace_uses(result, graph.node(id).inputs[i]);
    const bool seen = !unused(graph, result) || !unused(condition, condition.inputs[i].value) || !is_free(condition.producer(condition.inputs[i].value));
    if (seen) live.add(i);
  }
  const std::vector<size_t> kept = live.found();
  if (kept.size() == count || kept.empty()) return {};
  keep_ports(body.outputs, kept);
  for (const NodeId dead : TRY(live.dead_nodes())) body.erase(dead);
  keep_arguments(body, kept);
  keep_arguments(condition, kept);
  return keep_only(module, graph, id, 0, kept, kept);
}

Result<void> trim(ir::Module& module, Graph& graph, NodeId id, const std::map<std::string, int64_t>& references) {
  const std::vector<std::string> names = referenced_functions(graph.node(id));
  std::vector<Graph*> functions;
  for (const std::string& name : names) {
    ir::Function* function = module.find_function(name);
    const auto count = references.find(name);
    if (!function || count == references.end() || count->second != 1) return {};
    functions.push_back(&function->graph);
  }
  const ir::Node& node = graph.node(id);
  if (is_loop(node)) {
    const LoopFunctions loop = loop_functions(module, node);
    return loop ? trim_loop(module, graph, id, loop.body->graph, loop.condition->graph) : Result<void>();
  }
  if ((node.is("If") || node.is("StatelessIf")) && functions.size() == 2) {
    const bool fits = std::all_of(functions.begin(), functions.end(),
                                  [&](Graph* f) { return f->inputs.size() + 1 == node.inputs.size() && f->outputs.size() == node.outputs.size(); });
    if (fits) return trim_branch(module, graph, id, functions);
  }
  return {};
}

}  // namespace

Result<void> trim_functions(ir::Module& module, PassContext&) {
  const auto references = count_references(module);
  // Callers first: what a function is not asked for any more, it need not ask others for.
  std::vector<ir::Function*> order = TRY(callees_first(module));
  std::reverse(order.begin(), order.end());
  for (ir::Function* function : order) {
    for (const NodeId id : function->graph.live_nodes()) {
      const ir::Node& node = function->graph.node(id);
      if (!node.alive() || (!is_branch(node) && !is_loop(node))) continue;
      const std::string name = node.name;
      TRY(in_context(trim(module, function->graph, id, references), "trimming what '" + name + "' calls"));
    }
  }
  return {};
}

}  // namespace isomer::passes
