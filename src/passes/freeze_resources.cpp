// Freezing.
//
//   Before: %h = VarHandleOp() {shared_name = "w"}     After: %w = Const()
//           %w = ReadVariableOp(%h)
//           %y = If(%c, %h, %x) {then_branch = @t}             %y = If(%c, %x) {then_branch = @t_1}, @t_1 with handles and constants of its own
//
// First every branch and loop body gets its own handles in place of resource arguments (the functions are cloned for it), outermost first, so that
// after it a handle is made where it is used. Then a variable that is only read becomes one constant in each graph that reads it: ReadVariableOp
// becomes the constant, ResourceGather a GatherV2 of it. A variable that the module assigns stays, with the ops that assign it: exporters refuse
// those by name.
//
// Safe where a loop hands a resource through unchanged (checked): TensorFlow's loops always do.
#include <algorithm>
#include <set>

#include "ir/copy.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace isomer::passes {
namespace {

using ir::NodeId;
using ir::ValueId;

bool makes_handle(const ir::Node& node) {
  return node.is("VarHandleOp") || node.is("HashTableV2") || node.is("HashTable") || node.is("MutableHashTableV2") || node.is("MutableHashTable");
}

// Follows Identity.
ValueId source_of(const ir::Graph& graph, ValueId value) {
  while (graph.producer(value).is("Identity")) value = graph.producer(value).inputs[0];
  return value;
}

std::string_view shared_name(const ir::Node& node, std::string& storage) {
  const ir::AttributeMap map = node.attributes->to_map();
  const auto* name = ir::find(map, "shared_name");
  storage = name && std::holds_alternative<std::string>(*name) ? std::get<std::string>(*name) : "";
  return storage;
}

class Specializer {
 public:
  explicit Specializer(ir::Module& module) : module_(module) {}

  Result<void> run(const std::string& function) {
    if (!done_.insert(function).second) return {};
    ir::Graph& graph = module_.find_function(function)->graph;
    for (const NodeId id : graph.live_nodes()) {
      const ir::Node& node = graph.node(id);
      if (!is_branch(node) && !is_loop(node)) continue;
      TRY(in_context(specialize(graph, id), "giving the functions of '" + node.name + "' their own resources"));
      // A loop that lost arguments was made anew, and visited there.
      if (!graph.node(id).alive()) continue;
      for (const std::string& callee : referenced_functions(graph.node(id))) TRY(run(callee));
    }
    return {};
  }

 private:
  Result<void> specialize(ir::Graph& graph, NodeId id) {
    const bool loop = is_loop(graph.node(id));
    const int64_t first = loop ? 0 : 1;                // branches: input 0 is the condition
    std::vector<std::pair<int64_t, ValueId>> handles;  // position among the arguments, the handle
    const auto inputs = graph.node(id).inputs;
    for (int64_t i = first; i < static_cast<int64_t>(inputs.size()); ++i) {
      const ValueId source = source_of(graph, inputs[static_cast<size_t>(i)]);
      if (makes_handle(graph.producer(source))) handles.emplace_back(i - first, source);
    }
    if (handles.empty()) return {};
    for (const std::string& name : referenced_functions(graph.node(id))) {
      const ir::Function* original = module_.find_function(name);
      if (!original) return fail(ErrorCode::kInvalidModel, "there is no function '" + name + "'");
      const std::string clone = TRY(clone_with_handles(*original, graph, handles, loop && name == body_of(graph.node(id))));
      TRY(redirect_function(graph.node(id), name, clone));
    }
    std::vector<ValueId> kept;
    for (size_t i = 0; i < inputs.size(); ++i)
      if (!is_handle(handles, static_cast<int64_t>(i) - first)) kept.push_back(inputs[i]);
    if (!loop) {
      graph.set_inputs(id, kept);
      return {};
    }
    // A loop has one result for each argument, so it is made anew with fewer.
    std::vector<TensorType> types;
    std::vector<ValueId> results = graph.node(id).outputs;
    for (size_t i = 0; i < results.size(); ++i)
      if (!is_handle(handles, static_cast<int64_t>(i))) types.push_back(graph.type(results[i]));
    auto attributes = graph.node(id).attributes->clone();
    TRY(drop_output_shapes(*attributes, handles));
    const std::string name = graph.node(id).name;
    const NodeId fresh = graph.add_with_types(*graph.node(id).op, std::move(attributes), kept, types, name);
    graph.node(fresh).origin = graph.node(id).origin;
    for (size_t i = 0, next = 0; i < results.size(); ++i) {
      const auto handle = std::find_if(handles.begin(), handles.end(), [&](const auto& h) { return h.first == static_cast<int64_t>(i); });
      graph.replace_uses(results[i], handle == handles.end() ? graph.output(fresh, static_cast<int64_t>(next++)) : handle->second);
    }
    for (const NodeId before : std::vector<NodeId>(graph.node(id).control_inputs)) graph.add_control_input(fresh, before);
    graph.replace_control_uses(id, fresh);
    std::replace(graph.control_outputs.begin(), graph.control_outputs.end(), id, fresh);
    graph.erase(id);
    graph.rename(fresh, name);
    return run_again(graph, fresh);
  }

  Result<void> run_again(ir::Graph& graph, NodeId id) {
    for (const std::string& callee : referenced_functions(graph.node(id))) TRY(run(callee));
    return {};
  }

  static std::string body_of(const ir::Node& loop) {
    const ir::AttributeMap map = loop.attributes->to_map();
    const auto* body = ir::find(map, "body");
    return body && std::holds_alternative<ir::FunctionRef>(*body) ? std::get<ir::FunctionRef>(*body).name : "";
  }

  static bool is_handle(const std::vector<std::pair<int64_t, ValueId>>& handles, int64_t position) {
    return std::any_of(handles.begin(), handles.end(), [&](const auto& h) { return h.first == position; });
  }

  static Result<void> drop_output_shapes(ir::Attributes& attributes, const std::vector<std::pair<int64_t, ValueId>>& handles) {
    const ir::AttributeMap map = attributes.to_map();
    const auto* shapes = ir::find(map, "output_shapes");
    if (!shapes || !std::holds_alternative<std::vector<PartialShape>>(*shapes)) return {};
    std::vector<PartialShape> kept;
    const auto& all = std::get<std::vector<PartialShape>>(*shapes);
    for (size_t i = 0; i < all.size(); ++i)
      if (!is_handle(handles, static_cast<int64_t>(i))) kept.push_back(all[i]);
    return attributes.assign({{"output_shapes", kept}});
  }

  // A copy of `original` in which the arguments at the handles' positions are handles made inside. For the body of a loop the results at those
  // positions go too, after checking that they are the arguments themselves.
  Result<std::string> clone_with_handles(const ir::Function& original, const ir::Graph& caller, const std::vector<std::pair<int64_t, ValueId>>& handles,
                                         bool body) {
    ir::Function& clone = module_.add_function(original.name);
    clone.origin = original.origin;
    clone.graph = original.graph.clone();
    ir::Graph& graph = clone.graph;
    if (body && graph.outputs.size() != graph.inputs.size()) {
      return fail(ErrorCode::kInvalidModel, "the loop body '" + original.name + "' does not return as many values as it takes");
    }
    std::vector<ValueId> inner;
    for (const auto& [position, handle] : handles) {
      if (position >= static_cast<int64_t>(graph.inputs.size())) return fail(ErrorCode::kInvalidModel, "'" + original.name + "' has too few arguments");
      const ir::Port& port = graph.inputs[static_cast<size_t>(position)];
      if (body && source_of(graph, graph.outputs[static_cast<size_t>(position)].value) != port.value) {
        return fail(Error{ErrorCode::kUnsupported, "the loop body '" + original.name + "' exchanges the resource '" + port.key + "'", {}, {}, {}});
      }
      const ir::Node& maker = caller.producer(handle);
      const TensorType type = caller.type(handle);
      const NodeId copy = graph.add_with_types(*maker.op, maker.attributes->clone(), {}, {&type, 1}, maker.name);
      inner.push_back(graph.output(copy));
    }
    std::vector<ir::Port> inputs, outputs;
    std::vector<NodeId> placeholders;
    for (size_t i = 0; i < graph.inputs.size(); ++i) {
      const auto handle = std::find_if(handles.begin(), handles.end(), [&](const auto& h) { return h.first == static_cast<int64_t>(i); });
      if (handle == handles.end()) {
        inputs.push_back(graph.inputs[i]);
        if (body) outputs.push_back(graph.outputs[i]);
        continue;
      }
      placeholders.push_back(graph.value(graph.inputs[i].value).producer);
    }
    if (body) graph.outputs = std::move(outputs);
    for (size_t i = 0; i < handles.size(); ++i) graph.replace_uses(graph.inputs[static_cast<size_t>(handles[i].first)].value, inner[i]);
    graph.inputs = std::move(inputs);
    for (const NodeId placeholder : placeholders) graph.erase(placeholder);
    return clone.name;
  }

  ir::Module& module_;
  std::set<std::string> done_;
};

std::set<std::string> assigned_variables(const ir::Module& module) {
  std::set<std::string> names;
  std::string storage;
  for (const auto& function : module.functions()) {
    for (const NodeId id : function->graph.live_nodes()) {
      const ir::Node& node = function->graph.node(id);
      const std::string_view op = node.is("Foreign") ? std::string_view(node.as<ir::ForeignAttributes>().op) : node.op->name;
      if (!op.starts_with("Assign") && op.find("ResourceScatter") == std::string_view::npos && !op.starts_with("ResourceApply")) continue;
      for (const ValueId input : node.inputs) {
        const ir::Node& source = function->graph.producer(source_of(function->graph, input));
        if (source.is("VarHandleOp")) names.insert(std::string(shared_name(source, storage)));
      }
    }
  }
  return names;
}

// Reads of one graph become constants.
Result<void> freeze_graph(const ir::Module& module, ir::Graph& graph, const std::set<std::string>& assigned) {
  std::map<std::string, ValueId> constants;
  std::string storage;
  for (const NodeId id : graph.live_nodes()) {
    const ir::Node& node = graph.node(id);
    const bool read = node.is("ReadVariableOp"), gather = node.is("ResourceGather"), gather_nd = node.is("ResourceGatherNd"),
               asks = node.is("VarIsInitializedOp");
    if (node.is("DisableCopyOnRead")) {
      graph.erase(id);
      continue;
    }
    if (!read && !gather && !gather_nd && !asks) continue;
    const ir::Node& source = graph.producer(source_of(graph, node.inputs[0]));
    if (!source.is("VarHandleOp")) continue;
    const std::string name(shared_name(source, storage));
    if (assigned.contains(name)) continue;
    const ir::Variable* variable = module.find_variable(name);
    if (!variable || !variable->value.valid()) {
      return fail(Error{ErrorCode::kInvalidModel,
                        "the variable '" + name + "' has no value",
                        "node '" + node.name + "'",
                        {},
                        "copy the whole model, the variables included"});
    }
    const std::string node_name = node.name;
    const auto inputs = node.inputs;
    if (asks) {
      graph.replace_uses(node.outputs[0], add_constant(graph, Tensor::scalar(true), node_name));
      graph.erase(id);
      continue;
    }
    auto [it, inserted] = constants.try_emplace(name);
    if (inserted) it->second = add_constant(graph, variable->value, name);
    ValueId result = it->second;
    if (gather || gather_nd) {
      std::vector<ValueId> arguments = {it->second, inputs[1]};
      ir::AttributeMap map;
      if (gather) {
        arguments.push_back(add_constant(graph, Tensor::scalar(int32_t{0}), node_name + "/axis"));
        const ir::AttributeMap source_map = graph.node(id).attributes->to_map();
        if (const auto* batch = ir::find(source_map, "batch_dims")) map.push_back({"batch_dims", *batch});
      }
      result = graph.output(TRY(add_node(graph, gather ? "GatherV2" : "GatherNd", map, arguments, node_name)));
    }
    graph.replace_uses(graph.node(id).outputs[0], result);
    graph.erase(id);
    if (gather || gather_nd) graph.rename(graph.value(result).producer, node_name);
  }
  return {};
}

}  // namespace

Result<void> freeze_resources(ir::Module& module, PassContext&) {
  Specializer specializer(module);
  std::vector<std::string> roots = module.initializers;
  for (const ir::Entry& entry : module.signatures) roots.push_back(entry.function);
  for (const std::string& root : roots) TRY(specializer.run(root));
  const auto assigned = assigned_variables(module);
  for (const auto& function : module.functions())
    TRY(in_context(freeze_graph(module, function->graph, assigned), "freezing the variables of '" + function->name + "'"));
  return {};
}

}  // namespace isomer::passes
