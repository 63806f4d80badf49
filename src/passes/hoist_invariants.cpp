// Taking out of loops what is the same in every turn.
//
//   Before: While(%i, %x, %w) whose body computes Softmax(%w) and returns %w as it came
//   After:  While(%i, %x, %w, Softmax(%w)) whose body takes the value as one more variable and returns it as it came
//
// What depends on constants and on variables that are passed on, and nothing else, is invariant. Only pure ops move. Where nothing tells that there is a first
// turn, an op that may fail stays: the loop would not have run it. What is made of constants alone is left to fold_constants, which left it if it is too large;
// nor does a small value become a large one outside, where it would live as long as the loop. Safe for functions that one node calls. There are never more
// nodes, since each only moves.
#include <algorithm>
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

constexpr int64_t kFreeGrowth = 100 * 1024;  // as in fold_constants

// Ops of floats that fail for no values; those of two operands where inference knows that the shapes fit.
constexpr std::string_view kTotal[] = {"Abs",  "Ceil",  "Cos",   "Elu",     "Erf",  "Exp", "Floor",    "LeakyRelu", "Log",  "Log1p", "Neg",
                                       "Relu", "Relu6", "Rsqrt", "Sigmoid", "Sign", "Sin", "Softplus", "Square",    "Sqrt", "Tanh",  "Identity"};
constexpr std::string_view kTotalWhereShapesFit[] = {"AddV2", "BiasAdd", "MatMul",  "Maximum",           "Minimum",
                                                     "Mul",   "RealDiv", "Softmax", "SquaredDifference", "Sub"};

bool may_fail(const Graph& graph, const ir::Node& node) {
  const auto& inputs = node.inputs;
  if (!std::all_of(inputs.begin(), inputs.end(), [&](ValueId input) { return is_float(graph.type(input).dtype); })) return true;
  if (any_is(node, kTotal)) return false;
  if (!any_is(node, kTotalWhereShapesFit)) return true;
  return !std::all_of(inputs.begin(), inputs.end(), [&](ValueId input) { return graph.type(input).shape.fully_known(); });
}

std::optional<int64_t> known_bytes_of(const TensorType& type) {
  const auto elements = type.shape.elements();
  if (!elements || *elements > INT64_MAX / 64) return std::nullopt;
  return *elements * std::max<int64_t>(element_size(type.dtype), 8);
}

// Could what comes out be far larger than what goes in? Sizes that nobody knows count as nothing for inputs, so that they hold nodes back.
bool enlarges(const Graph& graph, const ir::Node& node) {
  static constexpr std::string_view kMakesLarger[] = {"BroadcastTo", "Fill", "LinSpace", "OneHot", "Range", "Tile"};
  int64_t in = 0, out = 0;
  for (const ValueId input : node.inputs) in += known_bytes_of(graph.type(input)).value_or(0);
  for (const ValueId output : node.outputs) {
    const auto bytes = known_bytes_of(graph.type(output));
    if (!bytes && any_is(node, kMakesLarger)) return true;
    out += bytes.value_or(0);
  }
  return out > kFreeGrowth && out > in;
}

bool is_tensor(const TensorType& type) { return type.dtype != DType::kVariant && type.dtype != DType::kResource && type.dtype != DType::kInvalid; }

class Hoisting {
 public:
  Hoisting(ir::Module& module, Graph& graph, NodeId loop, const LoopFunctions& functions, bool first_turn)
      : module_(module), graph_(graph), loop_(loop), body_(functions.body->graph), condition_(functions.condition->graph), first_turn_(first_turn) {}

  Result<void> run() {
    const std::vector<ValueId> initial = graph_.node(loop_).inputs;
    for (size_t i = 0; i < initial.size(); ++i)
      if (body_.outputs[i].value == body_.inputs[i].value && is_tensor(body_.type(body_.inputs[i].value))) outside_[body_.inputs[i].value] = initial[i];
    if (outside_.empty()) return {};
    std::vector<NodeId> moved;
    for (const NodeId id : TRY(body_.topological_order())) {
      if (!is_invariant(id)) continue;
      TRY(move(id));
      moved.push_back(id);
    }
    if (moved.empty()) return {};
    for (const NodeId id : moved) add_variables(id);
    TRY(replace_loop());
    std::reverse(moved.begin(), moved.end());
    for (const NodeId id : moved) erase_unused(body_, id);
    return {};
  }

 private:
  bool is_invariant(NodeId id) const {
    const ir::Node& node = body_.node(id);
    if (!is_foldable(*node.op) || !is_free(node) || node.inputs.empty() || node.outputs.empty()) return false;
    bool depends = false;  // on a variable
    for (const ValueId input : node.inputs) {
      if (outside_.contains(input)) {
        depends = true;
      } else if (!body_.constant(input)) {
        return false;
      }
    }
    const bool tensors = std::all_of(node.outputs.begin(), node.outputs.end(), [&](ValueId output) { return is_tensor(body_.type(output)); });
    return depends && tensors && !enlarges(body_, node) && (first_turn_ || !may_fail(body_, node));
  }

  // Makes the node outside.
  Result<void> move(NodeId id) {
    const ir::Node& node = body_.node(id);
    const std::string prefix = graph_.node(loop_).name + "/";
    std::vector<ValueId> inputs;
    for (const ValueId input : node.inputs) {
      const auto found = outside_.find(input);
      const Tensor* constant = body_.constant(input);
      inputs.push_back(constant ? add_constant(graph_, *constant, prefix + body_.producer(input).name) : found->second);
    }
    std::vector<TensorType> types;
    for (const ValueId output : node.outputs) types.push_back(body_.type(output));
    const NodeId made = graph_.add_with_types(*node.op, node.attributes->clone(), inputs, types, prefix + node.name);
    graph_.node(made).origin = node.origin;
    TRY(graph_.infer(made, &module_));
    for (size_t i = 0; i < node.outputs.size(); ++i) outside_[node.outputs[i]] = graph_.output(made, static_cast<int64_t>(i));
    moved_.insert(id);
    return {};
  }

  // One more variable for each result that a node which stays needs.
  void add_variables(NodeId id) {
    for (const ValueId result : std::vector<ValueId>(body_.node(id).outputs)) {
      const std::vector<NodeId> users = body_.value(result).users;
      const bool needed = body_.is_output(result) || std::any_of(users.begin(), users.end(), [&](NodeId user) { return !moved_.contains(user); });
      if (!needed) continue;
      const ValueId argument = add_argument(body_, body_.type(result), body_.node(id).name + "/hoisted");
      // Nodes that move keep the old value, so that they go with it.
      for (const NodeId user : users) {
        if (moved_.contains(user)) continue;
        for (size_t i = 0; i < body_.node(user).inputs.size(); ++i)
          if (body_.node(user).inputs[i] == result) body_.set_input(user, static_cast<int64_t>(i), argument);
      }
      for (ir::Port& port : body_.outputs)
        if (port.value == result) port.value = argument;
      body_.outputs.push_back({body_.inputs.back().key, argument, {}});
      add_argument(condition_, body_.type(argument), body_.inputs.back().key);
      variables_.push_back(outside_.at(result));
    }
  }

  static ValueId add_argument(Graph& graph, const TensorType& type, const std::string& name) {
    const ir::OpDef& placeholder = *graph.producer(graph.inputs[0].value).op;
    const NodeId made = graph.add_with_types(placeholder, ir::placeholder_attributes(type.dtype, type.shape), {}, {&type, 1}, name);
    graph.inputs.push_back({graph.node(made).name, graph.output(made), {}});
    return graph.output(made);
  }

  // The loop with the new variables.
  Result<void> replace_loop() {
    const ir::Node& node = graph_.node(loop_);
    std::vector<ValueId> inputs = node.inputs;
    const std::vector<ValueId> results = node.outputs;
    inputs.insert(inputs.end(), variables_.begin(), variables_.end());
    ir::AttributeMap attributes = node.attributes->to_map();
    for (ir::NamedAttribute& attribute : attributes) {
      if (auto* types = std::get_if<std::vector<DType>>(&attribute.value); types && types->size() == results.size())
        for (const ValueId variable : variables_) types->push_back(graph_.type(variable).dtype);
      if (auto* shapes = std::get_if<std::vector<PartialShape>>(&attribute.value); shapes && shapes->size() == results.size())
        for (const ValueId variable : variables_) shapes->push_back(graph_.type(variable).shape);
    }
    return replace_node(module_, graph_, loop_, attributes, inputs, results);
  }

  ir::Module& module_;
  Graph& graph_;
  NodeId loop_;
  Graph &body_, &condition_;
  bool first_turn_;
  std::map<ValueId, ValueId> outside_;  // invariant values of the body, and what they are outside
  std::set<NodeId> moved_;
  std::vector<ValueId> variables_;  // outside, to be added
};

}  // namespace

Result<void> hoist_invariants(ir::Module& module, PassContext& context) {
  const auto references = count_references(module);
  // Inner loops first: what leaves one may leave the next.
  for (ir::Function* function : TRY(callees_first(module))) {
    for (const NodeId id : function->graph.live_nodes()) {
      const ir::Node& node = function->graph.node(id);
      if (!is_loop(node) || node.inputs.empty()) continue;
      const LoopFunctions functions = loop_functions(module, node);
      if (!functions || references.at(functions.body->name) != 1 || references.at(functions.condition->name) != 1) continue;
      const bool first_turn = has_first_turn(module, function->graph, node, context).value_or(false);
      const std::string name = node.name;
      TRY(in_context(Hoisting(module, function->graph, id, functions, first_turn).run(), "taking what is invariant out of '" + name + "'"));
    }
  }
  return {};
}

}  // namespace isomer::passes
