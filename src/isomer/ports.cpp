#include "isomer/ports.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "ops/registry.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace isomer {
namespace {

// "node:1" is result 1 of the node; "node" result 0.
ir::ValueId find_value(const ir::Graph& graph, std::string_view name) {
  int64_t index = 0;
  ir::NodeId node = graph.find(name);
  if (const size_t colon = name.rfind(':'); !node.valid() && colon != std::string_view::npos) {
    const std::string_view digits = name.substr(colon + 1);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) return {};
    node = graph.find(name.substr(0, colon));
  }
  if (!node.valid() || index < 0 || index >= static_cast<int64_t>(graph.node(node).outputs.size())) return {};
  return graph.output(node, index);
}

// Some nodes whose name holds the last part of the wanted one.
std::string resembling(const ir::Graph& graph, std::string_view wanted) {
  const std::string_view part = wanted.substr(wanted.rfind('/') + 1);
  const std::string stem(part.substr(0, part.rfind(':')));
  std::string names;
  int count = 0;
  for (const ir::NodeId id : graph.live_nodes()) {
    const std::string& name = graph.node(id).name;
    if (stem.empty() || name.find(stem) == std::string::npos || graph.node(id).outputs.empty()) continue;
    if (++count > 5) return names + ", ...";
    names += (names.empty() ? "" : ", ") + name;
  }
  return names;
}

Result<void> inline_calls(ir::Module& module, const Limits& limits) {
  passes::PassContext context;
  context.limits = limits;
  return passes::inline_functions(module, context);
}

// The tensor of this name; functions are inlined when it is not found before.
Result<ir::ValueId> find_tensor(ir::Module& module, const std::string& name, const Limits& limits) {
  const ir::Function* function = TRY(entry_function(module));
  if (const ir::ValueId value = find_value(function->graph, name); value.valid()) return value;
  TRY(inline_calls(module, limits));
  const ir::Graph& graph = TRY(entry_function(module))->graph;
  if (const ir::ValueId value = find_value(graph, name); value.valid()) return value;
  const std::string near = resembling(graph, name);
  std::string hint = "the inputs are: " + list_ports(graph, graph.inputs) + "; the outputs are: " + list_ports(graph, graph.outputs);
  hint += near.empty() ? "; 'isomer dump MODEL' prints all nodes" : "; nodes with such a name: " + near;
  return fail(Error{ErrorCode::kInvalidArgument, "the model has neither an input nor an output nor a node '" + name + "'", {}, {}, hint});
}

// Nodes that the outputs and the effects depend on.
std::set<ir::NodeId> needed_nodes(const ir::Graph& graph) {
  std::set<ir::NodeId> needed;
  std::vector<ir::NodeId> stack(graph.control_outputs.begin(), graph.control_outputs.end());
  for (const ir::Port& port : graph.outputs) stack.push_back(graph.value(port.value).producer);
  while (!stack.empty()) {
    const ir::NodeId id = stack.back();
    stack.pop_back();
    if (!needed.insert(id).second) continue;
    for (const ir::ValueId input : graph.node(id).inputs) stack.push_back(graph.value(input).producer);
    for (const ir::NodeId before : graph.node(id).control_inputs) stack.push_back(before);
  }
  return needed;
}

const ir::Port* find_output(const ir::Graph& graph, std::string_view key) {
  const auto it = std::find_if(graph.outputs.begin(), graph.outputs.end(), [&](const ir::Port& port) { return port.key == key; });
  return it == graph.outputs.end() ? nullptr : &*it;
}

}  // namespace

Result<const ir::Function*> entry_function(const ir::Module& module) {
  const ir::Function* function = module.signatures.empty() ? nullptr : module.find_function(module.signatures[0].function);
  if (!function) return fail(ErrorCode::kInvalidModel, "the model has nothing to run");
  return function;
}

Result<ir::Function*> entry_function(ir::Module& module) { return const_cast<ir::Function*>(TRY(entry_function(static_cast<const ir::Module&>(module)))); }

const ir::Port* find_input(const ir::Graph& graph, std::string_view name) {
  const auto names = [&](const ir::Port& port) {
    return name == port.key || (!port.tensor_name.empty() && (name == port.tensor_name || std::string(name) + ":0" == port.tensor_name));
  };
  const auto it = std::find_if(graph.inputs.begin(), graph.inputs.end(), names);
  return it == graph.inputs.end() ? nullptr : &*it;
}

std::string list_ports(const ir::Graph& graph, const std::vector<ir::Port>& ports) {
  std::string text;
  for (const ir::Port& port : ports) text += (text.empty() ? "" : ", ") + port.key + " " + to_string(graph.type(port.value));
  return text.empty() ? "none" : text;
}
std::string list_inputs(const ir::Graph& graph) { return list_ports(graph, graph.inputs); }

Result<void> cut_at(ir::Module& module, const std::vector<std::string>& tensors, const Limits& limits) {
  for (const std::string& name : tensors) {
    const ir::ValueId value = TRY(find_tensor(module, name, limits));
    ir::Graph& graph = TRY(entry_function(module))->graph;
    const TensorType type = graph.type(value);
    if (type.dtype == DType::kResource || type.dtype == DType::kVariant)
      return fail(ErrorCode::kInvalidArgument, "'" + name + "' is a " + to_string(type) + ", which cannot be fed");
    const ir::AttributeMap attributes = {{"dtype", type.dtype}, {"shape", type.shape}};
    const ir::NodeId placeholder = TRY(passes::add_node(graph, "Placeholder", attributes, {}, graph.unique_name(name)));
    graph.replace_uses(value, graph.output(placeholder));
    graph.inputs.push_back({name, graph.output(placeholder), {}});
  }
  ir::Graph& graph = TRY(entry_function(module))->graph;
  const std::set<ir::NodeId> needed = needed_nodes(graph);
  std::erase_if(graph.inputs, [&](const ir::Port& port) { return !needed.contains(graph.value(port.value).producer); });
  return {};
}

Result<void> choose_outputs(ir::Module& module, const std::vector<std::string>& names, const Limits& limits) {
  std::vector<ir::Port> chosen;
  for (const std::string& name : names) {
    // Inlining keeps values that are outputs, so those chosen so far are looked up anew by name below.
    if (!find_output(TRY(entry_function(module))->graph, name)) (void)TRY(find_tensor(module, name, limits));
  }
  ir::Graph& graph = TRY(entry_function(module))->graph;
  for (const std::string& name : names) {
    if (const ir::Port* port = find_output(graph, name)) {
      chosen.push_back(*port);
      continue;
    }
    const ir::ValueId value = TRY(find_tensor(module, name, limits));
    chosen.push_back({name, value, {}});
  }
  graph.outputs = std::move(chosen);
  module.signatures[0].structured_outputs.clear();
  return {};
}

}  // namespace isomer
