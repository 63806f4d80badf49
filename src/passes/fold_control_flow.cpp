// Folding control flow.
//
//   Before: %y = If(%true, %x) {then_branch = @t}           After: %y = Op(%x), the nodes of @t
//           %y = Case(%i, %x) {branches = [@a, @b, @c]}            %y = If(%i = 0, %x) {@a, else: If(%i = 1) {@b, @c}}
//           %y = While(%x) whose condition is false at first       users of %y use %x
//
// Safe always. TensorFlow's Case runs the last branch when the index lies outside of the list, and so does the nested form.
#include "ir/copy.h"
#include "passes/loops.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace isomer::passes {
namespace {

using ir::FunctionRef;
using ir::NodeId;
using ir::ValueId;

Result<void> inline_branch(ir::Module& module, ir::Graph& graph, NodeId id, const std::string& branch) {
  const ir::Function* function = module.find_function(branch);
  if (!function) return fail(ErrorCode::kInvalidModel, "there is no function '" + branch + "'");
  const auto inputs = graph.node(id).inputs;
  const auto results = graph.node(id).outputs;
  const ir::CopyMap map = TRY(ir::copy_nodes(function->graph, graph, std::span(inputs).subspan(1), graph.node(id).name + "/"));
  if (results.size() != function->graph.outputs.size())
    return fail(ErrorCode::kInvalidModel, "'" + branch + "' does not have as many outputs as the node that calls it");
  for (size_t i = 0; i < results.size(); ++i) graph.replace_uses(results[i], map[function->graph.outputs[i].value]);
  for (const NodeId output : function->graph.control_outputs) graph.control_outputs.push_back(map[output]);
  graph.erase(id);
  return {};
}

// Wraps `Case` for the branches from `first` on into a function of its own: (index, arguments...) -> results.
Result<std::string> rest_of_case(ir::Module& module, const ir::Graph& graph, const ir::Node& node, const std::vector<FunctionRef>& branches, size_t first) {
  ir::Function& function = module.add_function(node.name + "/case_" + std::to_string(first));
  std::vector<ValueId> arguments;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const TensorType& type = graph.type(node.inputs[i]);
    const std::string name = i ? "arg_" + std::to_string(i - 1) : "branch_index";
    const NodeId placeholder = TRY(add_node(function.graph, "Placeholder", {{"dtype", type.dtype}, {"shape", type.shape}}, {}, name));
    function.graph.set_type(function.graph.output(placeholder), type);
    arguments.push_back(function.graph.output(placeholder));
    function.graph.inputs.push_back({name, arguments.back(), {}});
  }
  ir::AttributeMap map = node.attributes->to_map();
  std::erase_if(map, [](const auto& a) { return a.name == "branches"; });
  map.push_back({"branches", std::vector<FunctionRef>(branches.begin() + static_cast<ptrdiff_t>(first), branches.end())});
  const ValueId offset = add_constant(function.graph, Tensor::scalar(static_cast<int32_t>(first)), "first");
  const ValueId shifted[] = {arguments[0], offset};
  arguments[0] = function.graph.output(TRY(add_node(function.graph, "Sub", {}, shifted, "index")));
  const NodeId rest = TRY(add_node(function.graph, node.op->name, map, arguments, "case", &module));
  for (size_t i = 0; i < node.outputs.size(); ++i)
    function.graph.outputs.push_back({"output_" + std::to_string(i), function.graph.output(rest, static_cast<int64_t>(i)), {}});
  return function.name;
}

// Case to If: equal to the first index, else the rest. An index below zero also means the last branch, which the rest ends in.
Result<void> split_case(ir::Module& module, ir::Graph& graph, NodeId id) {
  const ir::AttributeMap map = graph.node(id).attributes->to_map();
  const auto branches = std::get<std::vector<FunctionRef>>(*ir::find(map, "branches"));
  const std::string name = graph.node(id).name;
  const auto inputs = graph.node(id).inputs;
  const auto results = graph.node(id).outputs;
  if (branches.empty()) return fail(ErrorCode::kInvalidModel, "a Case without branches");
  if (branches.size() == 1) return inline_branch(module, graph, id, branches[0].name);
  const bool stateless = graph.node(id).is("StatelessCase");
  const ValueId zero = add_constant(graph, Tensor::scalar(int32_t{0}), name + "/zero");
  const ValueId pair[] = {inputs[0], zero};
  const ValueId condition = graph.output(TRY(add_node(graph, "Equal", {}, pair, name + "/first")));
  std::string rest = branches[1].name;
  std::vector<ValueId> arguments = {condition};
  if (branches.size() > 2) {
    // The branches are called with the index as an extra argument; the first gets a wrapper that ignores it.
    rest = TRY(rest_of_case(module, graph, graph.node(id), branches, 1));
    arguments.push_back(inputs[0]);
  }
  arguments.insert(arguments.end(), inputs.begin() + 1, inputs.end());
  std::string then = branches[0].name;
  if (branches.size() > 2) {
    const ir::Function* original = module.find_function(then);
    if (!original) return fail(ErrorCode::kInvalidModel, "there is no function '" + then + "'");
    ir::Graph copy = original->graph.clone();
    const NodeId ignored = TRY(add_node(copy, "Placeholder", {{"dtype", graph.type(inputs[0]).dtype}, {"shape", PartialShape::scalar()}}, {}, "branch_index"));
    copy.inputs.insert(copy.inputs.begin(), ir::Port{copy.node(ignored).name, copy.output(ignored), {}});
    ir::Function& wrapper = module.add_function(then);
    wrapper.graph = std::move(copy);
    then = wrapper.name;
  }
  ir::AttributeMap attributes = {{"then_branch", FunctionRef{then}}, {"else_branch", FunctionRef{rest}}};
  for (const char* carried : {"Tout", "output_shapes"})
    if (const auto* value = ir::find(map, carried)) attributes.push_back({carried, *value});
  const NodeId branch = TRY(add_node(graph, stateless ? "StatelessIf" : "If", attributes, arguments, name + "/if", &module));
  for (size_t i = 0; i < results.size(); ++i) graph.replace_uses(results[i], graph.output(branch, static_cast<int64_t>(i)));
  graph.replace_control_uses(id, branch);
  for (NodeId& output : graph.control_outputs)
    if (output == id) output = branch;
  graph.erase(id);
  return {};
}

// A loop without turns. Its condition is computed from constants, so that nothing is lost with it.
void skip_loop(ir::Graph& graph, NodeId id) {
  const std::vector<ValueId> results = graph.node(id).outputs, inputs = graph.node(id).inputs;
  for (size_t i = 0; i < results.size(); ++i) graph.replace_uses(results[i], inputs[i]);
  const std::vector<NodeId> users = graph.node(id).control_users, before = graph.node(id).control_inputs;
  for (const NodeId user : users)
    for (const NodeId earlier : before) graph.add_control_input(user, earlier);
  std::erase(graph.control_outputs, id);
  graph.erase(id);
}

}  // namespace

Result<void> fold_control_flow(ir::Module& module, PassContext& context) {
  // Functions made on the way are visited as well: the list grows while it is walked.
  for (size_t f = 0; f < module.functions().size(); ++f) {
    ir::Graph& graph = module.functions()[f]->graph;
    for (const NodeId id : graph.live_nodes()) {
      const ir::Node& node = graph.node(id);
      if (node.is("Case") || node.is("StatelessCase")) {
        TRY(in_context(split_case(module, graph, id), "splitting a Case into branches"));
        continue;
      }
      if (is_loop(node)) {
        if (!has_first_turn(module, graph, node, context).value_or(true)) skip_loop(graph, id);
        continue;
      }
      if (!node.is("If") && !node.is("StatelessIf")) continue;
      const Tensor* condition = graph.constant(node.inputs[0]);
      if (!condition) continue;
      const auto functions = referenced_functions(node);
      TRY(inline_branch(module, graph, id, functions.at(truth(*condition) ? 0 : 1)));
    }
  }
  return {};
}

}  // namespace isomer::passes
