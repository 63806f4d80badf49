#include "ir/verify.h"

#include <algorithm>
#include <set>
#include <typeinfo>

#include "ir/const_op.h"

namespace isomer::ir {
namespace {

std::unexpected<Error> invalid(std::string message) { return fail(ErrorCode::kInvalidModel, std::move(message)); }

std::string number(int64_t n) { return std::to_string(n); }

std::string describe(const Node& node) { return "'" + node.name + "' (" + (node.op ? std::string(node.op->name) : "erased") + ")"; }

class GraphVerifier {
 public:
  GraphVerifier(const Module& module, const Graph& graph) : module_(module), graph_(graph) {}

  Result<void> run();

 private:
  bool is_node(NodeId id) const { return id.index >= 0 && id.index < graph_.node_count() && graph_.node(id).alive(); }
  // A value that a live node produces and owns up to.
  bool is_value(ValueId id) const;

  Result<void> check_edges(NodeId id);
  Result<void> check_users();
  Result<void> check_attributes(const Node& node);
  Result<void> check_dtypes(const Node& node);
  Result<void> check_inference(const Node& node);
  Result<void> check_ports();

  template <class Check>
  Result<void> for_each_node(Check check);

  const Module& module_;
  const Graph& graph_;
};

bool GraphVerifier::is_value(ValueId id) const {
  if (id.index < 0 || id.index >= graph_.value_count()) return false;
  const Value& value = graph_.value(id);
  if (!is_node(value.producer)) return false;
  const auto& outputs = graph_.node(value.producer).outputs;
  return value.output_index >= 0 && value.output_index < static_cast<int64_t>(outputs.size()) && outputs[static_cast<size_t>(value.output_index)] == id;
}

// --- edges

Result<void> GraphVerifier::check_edges(NodeId id) {
  const Node& node = graph_.node(id);
  if (node.name.empty()) return invalid("a node without a name");
  if (graph_.find(node.name) != id) return invalid("the graph finds another node under this name");
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (!is_value(node.inputs[i])) return invalid("input " + number(static_cast<int64_t>(i)) + " is no value of a live node");
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (is_value(node.outputs[i]) && graph_.value(node.outputs[i]).producer == id && graph_.value(node.outputs[i]).output_index == static_cast<int64_t>(i))
      continue;
    return invalid("result " + number(static_cast<int64_t>(i)) + " does not name this node as its producer");
  }
  for (const NodeId before : node.control_inputs) {
    if (!is_node(before)) return invalid("a control input is no live node");
    const auto& users = graph_.node(before).control_users;
    if (std::count(users.begin(), users.end(), id) != 1)
      return invalid("its control input " + describe(graph_.node(before)) + " does not list it as a control user");
  }
  for (const NodeId user : node.control_users) {
    if (!is_node(user)) return invalid("a control user is no live node");
    const auto& inputs = graph_.node(user).control_inputs;
    if (std::count(inputs.begin(), inputs.end(), id) != 1) return invalid("its control user " + describe(graph_.node(user)) + " does not wait for it");
  }
  return {};
}

// The users that values list are the uses that nodes make, counted.
Result<void> GraphVerifier::check_users() {
  std::vector<std::pair<int32_t, int32_t>> uses, listed;  // value, node
  for (const NodeId id : graph_.live_nodes()) {
    const Node& node = graph_.node(id);
    for (const ValueId input : node.inputs) uses.emplace_back(input.index, id.index);
    for (const ValueId output : node.outputs)
      for (const NodeId user : graph_.value(output).users) listed.emplace_back(output.index, user.index);
  }
  std::sort(uses.begin(), uses.end());
  std::sort(listed.begin(), listed.end());
  if (uses == listed) return {};
  const auto [use, entry] = std::mismatch(uses.begin(), uses.end(), listed.begin(), listed.end());
  const bool missing = entry == listed.end() || (use != uses.end() && *use < *entry);
  const auto [value, user] = missing ? *use : *entry;
  const std::string who = is_node(NodeId{user}) ? describe(graph_.node(NodeId{user})) : "an erased node";
  return fail(Error{ErrorCode::kInvalidModel,
                    missing ? "the list of users lacks " + who : "the list of users has " + who + ", which does not use it",
                    "node " + describe(graph_.producer(ValueId{value})),
                    {},
                    {}});
}

// --- nodes

Result<void> GraphVerifier::check_attributes(const Node& node) {
  if (!node.attributes) return invalid("a node without attributes");
  const auto fresh = node.op->make_attributes();
  const Attributes& own = *node.attributes;
  const Attributes& expected = *fresh;
  if (typeid(own) != typeid(expected)) return invalid("its attributes are those of another op");
  if (node.is("Foreign") && node.as<ForeignAttributes>().op.empty()) return invalid("a foreign op without a name");
  const auto check_function = [&](const std::string& attribute, const FunctionRef& f) -> Result<void> {
    if (!module_.find_function(f.name)) return invalid("attribute '" + attribute + "' names the function '" + f.name + "', which the module does not have");
    return {};
  };
  // A foreign op's functions need not have come along: nothing can call them.
  if (node.is("Foreign")) return {};
  for (const auto& [name, value] : own.to_map()) {
    if (const auto* f = std::get_if<FunctionRef>(&value)) TRY(check_function(name, *f));
    if (const auto* list = std::get_if<std::vector<FunctionRef>>(&value))
      for (const FunctionRef& f : *list) TRY(check_function(name, f));
  }
  return {};
}

Result<void> GraphVerifier::check_dtypes(const Node& node) {
  if (node.is("Foreign")) return {};
  std::vector<DType> inputs;
  inputs.reserve(node.inputs.size());
  for (const ValueId input : node.inputs) inputs.push_back(graph_.type(input).dtype);
  const std::vector<DType> expected = TRY(result_dtypes(*node.op, *node.attributes, inputs));
  if (expected.size() != node.outputs.size()) {
    return invalid("its signature gives " + number(static_cast<int64_t>(expected.size())) + " results, it has " +
                   number(static_cast<int64_t>(node.outputs.size())));
  }
  for (size_t i = 0; i < expected.size(); ++i) {
    const DType found = graph_.type(node.outputs[i]).dtype;
    // What follows from a foreign op's result may be unknown.
    if (found == expected[i] || expected[i] == DType::kInvalid) continue;
    return invalid("result " + number(static_cast<int64_t>(i)) + " should be " + std::string(to_string(expected[i])) + ", its type is " +
                   to_string(graph_.type(node.outputs[i])));
  }
  if (!node.is("Const")) return {};
  const auto& constant = node.as<ConstAttributes>();
  const TensorType& type = graph_.type(node.outputs[0]);
  if (!constant.value.valid()) return invalid("a constant without a value");
  if (constant.value.dtype() == type.dtype && type.shape == PartialShape(constant.value.shape())) return {};
  return invalid("its value is " + type_text(constant.value) + ", its type " + to_string(type));
}

Result<void> GraphVerifier::check_inference(const Node& node) {
  if (!node.op->infer) return {};
  std::vector<TensorType> types(node.outputs.size());
  for (size_t i = 0; i < types.size(); ++i) types[i].dtype = graph_.type(node.outputs[i]).dtype;
  InferContext context(graph_, &module_, *node.op, *node.attributes, node.inputs, types);
  TRY(node.op->infer(context));
  for (size_t i = 0; i < types.size(); ++i) {
    const TensorType& found = graph_.type(node.outputs[i]);
    if (types[i].dtype == found.dtype && compatible(types[i].shape, found.shape)) continue;
    return invalid("result " + number(static_cast<int64_t>(i)) + " is inferred to be " + to_string(types[i]) + ", its type is " + to_string(found));
  }
  return {};
}

// --- the graph

Result<void> GraphVerifier::check_ports() {
  std::set<ValueId> inputs;
  for (size_t i = 0; i < graph_.inputs.size(); ++i) {
    const Port& port = graph_.inputs[i];
    const std::string what = "input " + number(static_cast<int64_t>(i)) + " ('" + port.key + "')";
    if (!is_value(port.value)) return invalid(what + " is no value of a live node");
    if (!graph_.producer(port.value).is("Placeholder")) return invalid(what + " is " + describe(graph_.producer(port.value)) + ", not a Placeholder");
    if (!inputs.insert(port.value).second) return invalid(what + " is the same value as an input before it");
  }
  for (size_t i = 0; i < graph_.outputs.size(); ++i) {
    if (!is_value(graph_.outputs[i].value))
      return invalid("output " + number(static_cast<int64_t>(i)) + " ('" + graph_.outputs[i].key + "') is no value of a live node");
  }
  for (const NodeId id : graph_.control_outputs)
    if (!is_node(id)) return invalid("a control output is no live node");
  return {};
}

template <class Check>
Result<void> GraphVerifier::for_each_node(Check check) {
  for (const NodeId id : graph_.live_nodes()) {
    Result<void> checked = check(id);
    if (!checked) return fail(std::move(checked.error()).at("node " + describe(graph_.node(id))));
  }
  return {};
}

Result<void> GraphVerifier::run() {
  // Each step relies on what the steps before it have found right.
  TRY(for_each_node([&](NodeId id) { return check_edges(id); }));
  TRY(check_users());
  TRY(check_ports());
  TRY(graph_.topological_order());
  TRY(for_each_node([&](NodeId id) { return check_attributes(graph_.node(id)); }));
  TRY(for_each_node([&](NodeId id) { return check_dtypes(graph_.node(id)); }));
  return for_each_node([&](NodeId id) { return check_inference(graph_.node(id)); });
}

// --- the module

Result<void> check_variable(const Variable& v) {
  if (!v.value.valid()) return {};
  if (v.value.dtype() == v.dtype && compatible(PartialShape(v.value.shape()), v.shape)) return {};
  return invalid("variable '" + v.name + "' is " + std::string(to_string(v.dtype)) + to_string(v.shape) + ", its value " + type_text(v.value));
}

Result<void> check_table(const Table& t) {
  if (!t.keys.valid() && !t.values.valid()) return {};
  if (t.keys.dtype() != t.key_dtype || t.values.dtype() != t.value_dtype) {
    return invalid("table '" + t.name + "' maps " + std::string(to_string(t.key_dtype)) + " to " + std::string(to_string(t.value_dtype)) + ", its content " +
                   type_text(t.keys) + " to " + type_text(t.values));
  }
  if (t.keys.rank() == 1 && t.values.rank() >= 1 && t.values.shape()[0] == t.keys.shape()[0]) return {};
  return invalid("table '" + t.name + "' needs a vector of keys and as many values, it has " + type_text(t.keys) + " and " + type_text(t.values));
}

template <class List, class Key>
Result<void> check_unique(std::string_view what, const List& list, Key key) {
  std::set<std::string_view> seen;
  for (const auto& item : list)
    if (!seen.insert(key(item)).second) return invalid("two " + std::string(what) + " are named '" + std::string(key(item)) + "'");
  return {};
}

Result<void> check_module(const Module& module) {
  TRY(check_unique("functions", module.functions(), [](const auto& f) -> std::string_view { return f->name; }));
  TRY(check_unique("variables", module.variables, [](const Variable& v) -> std::string_view { return v.name; }));
  TRY(check_unique("tables", module.tables, [](const Table& t) -> std::string_view { return t.name; }));
  TRY(check_unique("assets", module.assets, [](const Asset& a) -> std::string_view { return a.name; }));
  TRY(check_unique("signatures", module.signatures, [](const Entry& e) -> std::string_view { return e.key; }));
  for (const Variable& v : module.variables) TRY(check_variable(v));
  for (const Table& t : module.tables) TRY(check_table(t));
  for (const Entry& entry : module.signatures) {
    if (!module.find_function(entry.function))
      return invalid("signature '" + entry.key + "' names the function '" + entry.function + "', which the module does not have");
  }
  for (const std::string& name : module.initializers) {
    const Function* f = module.find_function(name);
    if (!f) return invalid("the initialiser '" + name + "' is no function of the module");
    if (!f->graph.inputs.empty()) return invalid("the initialiser '" + name + "' takes inputs");
  }
  return {};
}

}  // namespace

Result<void> verify(const Module& module, const Function& function) {
  auto verified = GraphVerifier(module, function.graph).run();
  if (verified) return {};
  Error& error = verified.error();
  error.place = "function '" + function.name + "'" + (error.place.empty() ? "" : ", " + error.place);
  return verified;
}

Result<void> verify(const Module& module) {
  TRY(check_module(module));
  for (const auto& function : module.functions()) TRY(verify(module, *function));
  return {};
}

}  // namespace isomer::ir
