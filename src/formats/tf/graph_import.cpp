// Importing a graph: the nodes that are needed are put in topological order by name (files list them in any order), then each becomes a node of
// the IR. Inputs have two spellings: "node:1" in a main graph, "node:output_name:1" or the name of an argument in a function; the second needs
// the output names of the producer's op, which its signature tells.
#include "formats/tf/graph_import.h"

#include <algorithm>

#include "formats/tf/schema/tensorflow.pb.h"
#include "ir/const_op.h"
#include "ops/registry.h"

namespace isomer::tf {

using ir::NodeId;
using ir::ValueId;

TensorName parse_tensor_name(std::string_view text) {
  TensorName name;
  if (text.starts_with('^')) {
    name.control = true;
    text.remove_prefix(1);
  }
  const size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && colon + 1 < text.size() &&
      std::all_of(text.begin() + static_cast<ptrdiff_t>(colon) + 1, text.end(), [](char c) { return c >= '0' && c <= '9'; }) && text.size() - colon < 8) {
    name.index = std::stoll(std::string(text.substr(colon + 1)));
    text = text.substr(0, colon);
  }
  name.node = text;
  return name;
}

// One graph being filled.
struct GraphImporter::Scope {
  ir::Graph& graph;
  std::string name;
  bool is_function = false;
  std::unordered_map<std::string, std::vector<ValueId>> values;  // results by node name (or argument name)
  std::unordered_map<std::string, NodeId> nodes;
  // Output names by which inputs refer to nodes, in the order met. For an op that is not known they stand for its results: which result a name means
  // nobody can tell, but different names are different results.
  std::unordered_map<std::string, std::vector<std::string>> output_names;
};

namespace {

// The name of the node that an input refers to, in either spelling.
std::string_view node_of(std::string_view input) {
  if (input.starts_with('^')) return input.substr(1);
  return input.substr(0, input.find(':'));
}

std::string describe(const NodeDef& node) { return "node '" + node.name() + "'" + (node.op().empty() ? "" : " (" + node.op() + ")"); }

bool is_placeholder(const NodeDef& node) { return node.op() == "Placeholder" || node.op() == "PlaceholderV2"; }

bool has_elements(TensorProto tensor) {
  tensor.clear_dtype();
  tensor.clear_tensor_shape();
  tensor.clear_version_number();
  return tensor.ByteSizeLong() > 0;
}

// Ops of TensorFlow 1 whose second version only takes the table as a resource instead of a reference.
std::string_view current_name(std::string_view op) {
  for (const std::string_view later : {"InitializeTableV2", "LookupTableFindV2", "LookupTableImportV2", "LookupTableSizeV2"})
    if (later.substr(0, later.size() - 2) == op) return later;
  return op;
}

// In a main graph a resource without a shared name is known by the name of its node; the IR always has the name in shared_name.
void name_resource(const NodeDef& node, const ir::OpDef& op, ir::AttributeMap& map) {
  if (op.name != "VarHandleOp" && op.name != "HashTableV2" && op.name != "HashTable" && op.name != "MutableHashTableV2") return;
  const auto* shared = ir::find(map, "shared_name");
  if (shared && std::holds_alternative<std::string>(*shared) && !std::get<std::string>(*shared).empty()) return;
  std::erase_if(map, [](const ir::NamedAttribute& a) { return a.name == "shared_name"; });
  map.push_back({"shared_name", node.name()});
}

// The nodes reachable from `roots` against the edges, cut at `stop`, producers first.
Result<std::vector<const NodeDef*>> needed_nodes(const std::unordered_map<std::string_view, const NodeDef*>& by_name, const std::vector<std::string>& roots,
                                                 const std::set<std::string>& stop, const std::string& graph_name) {
  enum class State : uint8_t { kOpen, kDone };
  std::unordered_map<const NodeDef*, State> state;
  std::vector<const NodeDef*> order;
  std::vector<std::pair<const NodeDef*, int>> stack;  // node, next input
  const auto push = [&](std::string_view name, const std::string& user) -> Result<void> {
    if (stop.contains(std::string(name))) return {};
    const auto it = by_name.find(name);
    if (it == by_name.end()) {
      return fail(
          Error{ErrorCode::kInvalidModel, "no node '" + std::string(name) + "' in graph '" + graph_name + "', but " + user + " refers to it", {}, {}, {}});
    }
    const auto found = state.find(it->second);
    if (found != state.end()) {
      if (found->second == State::kDone) return {};
      return fail(Error{ErrorCode::kInvalidModel, "the graph '" + graph_name + "' has a cycle that is no loop", describe(*it->second), {}, {}});
    }
    state.emplace(it->second, State::kOpen);
    stack.emplace_back(it->second, 0);
    return {};
  };
  for (const std::string& root : roots) {
    TRY(push(root, "an output of the model"));
    while (!stack.empty()) {
      auto& [node, next] = stack.back();
      if (next < node->input_size()) {
        const std::string& input = node->input(next++);
        TRY(push(node_of(input), describe(*node)));
      } else {
        state[node] = State::kDone;
        order.push_back(node);
        stack.pop_back();
      }
    }
  }
  return order;
}

}  // namespace

GraphImporter::GraphImporter(ir::Module& module, const FunctionDefLibrary& library, std::span<const Bytes> detached, const Limits& limits)
    : module_(module), library_(library), decode_{detached, limits} {
  for (const FunctionDef& function : library_.function()) functions_.emplace(function.signature().name(), &function);
}

Result<ValueId> GraphImporter::resolve(const Scope& scope, std::string_view input) const {
  std::string_view name = input, output_name;
  int64_t index = 0;
  if (const size_t first = input.find(':'); first != std::string_view::npos) {
    name = input.substr(0, first);
    std::string_view rest = input.substr(first + 1);
    const size_t second = rest.find(':');
    if (second != std::string_view::npos) {
      output_name = rest.substr(0, second);
      rest = rest.substr(second + 1);
    }
    const TensorName parsed = parse_tensor_name("x:" + std::string(rest));
    if (parsed.node != "x") return fail(ErrorCode::kMalformed, "'" + std::string(input) + "' is not the name of a tensor");
    index = parsed.index;
  }
  const auto it = scope.values.find(std::string(name));
  if (it == scope.values.end()) return fail(ErrorCode::kInvalidModel, "no value '" + std::string(input) + "' in graph '" + scope.name + "'");
  const auto& values = it->second;
  if (!output_name.empty() && !values.empty()) {
    // Offset of the named output among the results.
    const ir::Node& producer = scope.graph.producer(values[0]);
    const auto& outputs = ir::signature_of(*producer.op).outputs;
    if (producer.is("Foreign")) {
      if (const auto names = scope.output_names.find(std::string(name)); names != scope.output_names.end()) {
        index += std::find(names->second.begin(), names->second.end(), output_name) - names->second.begin();
      }
    } else if (outputs.size() > 1) {
      const auto named = std::find_if(outputs.begin(), outputs.end(), [&](const ir::Operand& o) { return o.name == output_name; });
      if (named == outputs.end()) {
        return fail(ErrorCode::kInvalidModel,
                    std::string(producer.op->name) + " has no output '" + std::string(output_name) + "', but '" + std::string(input) + "' names it");
      }
      // At most one output of an op varies in number; those after it count from the end.
      const auto position = named - outputs.begin();
      const auto variadic = std::find_if(outputs.begin(), named, [](const ir::Operand& o) { return o.variadic(); });
      index += variadic == named ? position : static_cast<int64_t>(values.size()) - (outputs.end() - named);
    }
  }
  if (index < 0 || index >= static_cast<int64_t>(values.size())) {
    return fail(ErrorCode::kInvalidModel,
                "'" + std::string(input) + "' asks for result " + std::to_string(index) + ", but the node has " + std::to_string(values.size()));
  }
  return values[static_cast<size_t>(index)];
}

Result<ir::AttributeMap> GraphImporter::attributes_of(const NodeDef& node, const ir::OpDef* op) {
  ir::AttributeMap map;
  for (const AttrEntry& entry : node.attr()) {
    const std::string& key = entry.key();
    if (key.starts_with('_') && !node.op().starts_with('_')) continue;
    if (op && op->name == "Const" && key == "value") {
      const TensorProto& proto = entry.value().tensor();
      auto value = weights_ ? weights_(node.name(), dtype_from_number(proto.dtype()).value_or(DType::kInvalid)) : decode_tensor(proto, decode_);
      // What an importer made itself (which branch was taken, the axes of a Conv1D) is among no model's weights.
      if (weights_ && !value && value.error().code == ErrorCode::kNotFound && has_elements(proto)) value = decode_tensor(proto, decode_);
      if (const auto replaced = constants_.find(node.name()); replaced != constants_.end()) value = replaced->second;
      if (!value) return fail(std::move(value.error()).at(describe(node)));
      map.push_back({"dtype", value->dtype()});
      map.push_back({key, std::move(*value)});
      continue;
    }
    if (op && op->name == "Const") continue;  // its dtype is that of the value
    auto value = decode_attribute(entry.value(), decode_);
    if (!value) return fail(std::move(value.error()).with_context("reading attribute '" + key + "'").at(describe(node)));
    map.push_back({key, std::move(*value)});
  }
  return map;
}

Result<void> GraphImporter::import_referenced_functions(const ir::AttributeMap& attributes) {
  for (const auto& attribute : attributes) {
    if (const auto* one = std::get_if<ir::FunctionRef>(&attribute.value)) TRY(import_function(one->name));
    if (const auto* list = std::get_if<std::vector<ir::FunctionRef>>(&attribute.value))
      for (const auto& function : *list) TRY(import_function(function.name));
  }
  return {};
}

// Does the node read a result of a Foreign op, whose type nobody knows? Then nothing can be inferred for it either.
bool GraphImporter::reads_unknown(const Scope& scope, const NodeDef& node) const {
  for (const std::string& input : node.input()) {
    if (input.starts_with('^')) continue;
    const auto value = resolve(scope, input);
    if (value && scope.graph.type(*value).dtype == DType::kInvalid) return true;
  }
  return false;
}

Result<void> GraphImporter::import_variable(Scope& scope, const NodeDef& node) {
  // A reference variable: its result is a reference that every user dereferences.
  ir::AttributeMap map = TRY(attributes_of(node, nullptr));
  const ir::OpDef* handle_op = ops::find_op("VarHandleOp");
  auto attributes = handle_op->make_attributes();
  std::erase_if(map, [](const ir::NamedAttribute& a) { return a.name == "shared_name"; });
  map.push_back({"shared_name", node.name()});
  TRY(attributes->assign(map));
  const NodeId handle = TRY(scope.graph.add(*handle_op, std::move(attributes), {}, node.name() + "/handle"));
  const ir::OpDef* read_op = ops::find_op("ReadVariableOp");
  auto read_attributes = read_op->make_attributes();
  TRY(read_attributes->assign(map));
  const ValueId handle_value = scope.graph.output(handle);
  const NodeId read = TRY(scope.graph.add(*read_op, std::move(read_attributes), {&handle_value, 1}, node.name()));
  scope.values[node.name()] = scope.graph.node(read).outputs;
  scope.nodes[node.name()] = read;
  return {};
}

namespace {

// An attribute that the op does not have could change what the node means. TensorFlow's own ops for one processor (_FusedConv2D) have more than they document.
Result<void> check_attributes(const ir::OpDef& op, const ir::Attributes& attributes, const ir::AttributeMap& map) {
  if (op.name.starts_with('_')) return {};
  const ir::Signature& signature = ir::signature_of(op);
  const auto derived = [](const std::vector<ir::Operand>& operands, const std::string& name) {
    return std::any_of(operands.begin(), operands.end(), [&](const ir::Operand& o) { return o.type_attribute == name || o.number_attribute == name; });
  };
  for (const ir::NamedAttribute& attribute : map) {
    const std::string& name = attribute.name;
    if (name.starts_with('_') || attributes.has_field(name) || derived(signature.inputs, name) || derived(signature.outputs, name)) continue;
    return fail(Error{ErrorCode::kUnsupported,
                      std::string(op.name) + " has no attribute '" + name + "', which could change what the node computes",
                      {},
                      {},
                      "if a newer TensorFlow wrote this file, look for a newer Isomer"});
  }
  return {};
}

}  // namespace

Result<void> GraphImporter::add_node(Scope& scope, const NodeDef& node, const ir::OpDef& op, ir::AttributeMap map) {
  std::vector<ValueId> inputs;
  for (const std::string& input : node.input())
    if (!input.starts_with('^')) inputs.push_back(TRY(resolve(scope, input)));
  auto attributes = op.make_attributes();
  TRY(check_attributes(op, *attributes, map));
  TRY(attributes->assign(map));
  const NodeId id = TRY(scope.graph.add(op, std::move(attributes), inputs, node.name(), &module_));
  scope.values[node.name()] = scope.graph.node(id).outputs;
  scope.nodes[node.name()] = id;
  return {};
}

Result<void> GraphImporter::import_node(Scope& scope, const NodeDef& node) {
  if (++nodes_ > decode_.limits.nodes) return fail(ErrorCode::kLimitExceeded, "more than " + std::to_string(decode_.limits.nodes) + " nodes");
  if (node.op().empty()) return fail(ErrorCode::kInvalidModel, "the node has no op");
  std::string_view name = current_name(node.op());
  if (name == "VariableV2" || name == "Variable") return import_variable(scope, node);
  if (name == "PlaceholderWithDefault") name = "Identity";
  if (name == "PlaceholderV2") name = "Placeholder";
  const ir::OpDef* op = ops::find_op(name);
  if (op && op->name == "Foreign") op = nullptr;
  ir::AttributeMap map = TRY(attributes_of(node, op));
  if (node.op() == "PlaceholderWithDefault") map.clear();  // its dtype and shape are those of the default
  if (name == "Add") {
    const auto* t = ir::find(map, "T");
    if (!t || !std::holds_alternative<DType>(*t) || std::get<DType>(*t) != DType::kString) op = ops::find_op("AddV2");
  }
  TRY(import_referenced_functions(map));
  if (op && !scope.is_function) name_resource(node, *op, map);
  if (op && !reads_unknown(scope, node)) return add_node(scope, node, *op, std::move(map));
  // Foreign: how many results it has follows from the inputs that refer to it; see import_nodes.
  std::vector<ValueId> inputs;
  for (const std::string& input : node.input())
    if (!input.starts_with('^')) inputs.push_back(TRY(resolve(scope, input)));
  const auto wanted = scope.values.find(node.name());
  const size_t count = wanted == scope.values.end() ? 1 : std::max<size_t>(1, wanted->second.size());
  std::vector<TensorType> types(count);
  const NodeId id =
      scope.graph.add_with_types(ops::kOp_Foreign, ir::attributes_with(ir::ForeignAttributes{node.op(), std::move(map)}), inputs, types, node.name());
  scope.values[node.name()] = scope.graph.node(id).outputs;
  scope.nodes[node.name()] = id;
  return {};
}

// For an op that is not known, makes room for as many results as are referred to.
void GraphImporter::note_reference(Scope& scope, const std::string& input) {
  if (input.starts_with('^')) return;
  const std::string producer(node_of(input));
  int64_t results = parse_tensor_name(input).index + 1;
  if (const size_t first = input.find(':'), last = input.rfind(':'); first != last) {
    auto& names = scope.output_names[producer];
    const std::string output_name = input.substr(first + 1, last - first - 1);
    if (std::find(names.begin(), names.end(), output_name) == names.end()) names.push_back(output_name);
    results += static_cast<int64_t>(names.size()) - 1;
  }
  if (results == 1 || results > 1000) return;
  auto& values = scope.values[producer];
  if (values.size() < static_cast<size_t>(results)) values.resize(static_cast<size_t>(results));
}

Result<void> GraphImporter::import_nodes(Scope& scope, std::span<const NodeDef* const> nodes) {
  for (const NodeDef* node : nodes)
    for (const std::string& input : node->input()) note_reference(scope, input);
  for (const NodeDef* node : nodes) {
    if (auto imported = import_node(scope, *node); !imported)
      return fail(std::move(imported.error()).at(describe(*node)).with_context("importing graph '" + scope.name + "'"));
    const auto id = scope.nodes.find(node->name());
    if (id == scope.nodes.end()) continue;
    if (node->op() != scope.graph.node(id->second).op->name) scope.graph.node(id->second).origin = node->op();
    for (const std::string& input : node->input()) {
      if (!input.starts_with('^')) continue;
      if (const auto before = scope.nodes.find(std::string(node_of(input))); before != scope.nodes.end())
        scope.graph.add_control_input(id->second, before->second);
    }
  }
  return {};
}

Result<ir::Function*> GraphImporter::import_function(std::string_view name, std::span<const Capture> captures, std::string_view new_name) {
  if (captures.empty() && new_name.empty()) {
    if (ir::Function* known = module_.find_function(name); known && !open_.contains(known->name)) return known;
  }
  const auto it = functions_.find(std::string(name));
  if (it == functions_.end()) return fail(ErrorCode::kInvalidModel, "the library has no function '" + std::string(name) + "'");
  if (open_.contains(it->first)) {
    return fail(Error{ErrorCode::kUnsupported,
                      "the function '" + it->first + "' calls itself",
                      "function '" + it->first + "'",
                      {},
                      "recursive functions have no form in a graph model; rewrite the recursion as a loop"});
  }
  if (static_cast<int64_t>(open_.size()) > decode_.limits.nesting)
    return fail(ErrorCode::kLimitExceeded, "functions nested deeper than " + std::to_string(decode_.limits.nesting));
  open_.insert(it->first);
  const FunctionDef& def = *it->second;
  const OpDef& signature = def.signature();
  ir::Function& function = module_.add_function(new_name.empty() ? name : new_name);
  function.origin = name;
  Scope scope{function.graph, function.name, true, {}, {}};

  const int first_capture = signature.input_arg_size() - static_cast<int>(captures.size());
  if (first_capture < 0) return fail(ErrorCode::kInvalidModel, "function '" + it->first + "' has fewer arguments than captured values");
  for (int i = 0; i < signature.input_arg_size(); ++i) {
    const auto& arg = signature.input_arg(i);
    if (i >= first_capture) {
      const ValueId value = TRY(captures[static_cast<size_t>(i - first_capture)](function.graph, arg.name()));
      scope.values[arg.name()] = {value};
      continue;
    }
    const auto dtype = dtype_from_number(arg.type());
    if (!dtype || *dtype == DType::kInvalid) {
      return fail(ErrorCode::kUnsupported, "argument '" + arg.name() + "' of function '" + it->first + "' has no fixed dtype");
    }
    PartialShape shape;
    for (const auto& entry : def.arg_attr()) {
      if (entry.key() != static_cast<uint32_t>(i)) continue;
      for (const AttrEntry& attr : entry.value().attr())
        if (attr.key() == "_output_shapes" && attr.value().list().shape_size() == 1) shape = TRY(decode_shape(attr.value().list().shape(0)));
    }
    const NodeId id = TRY(function.graph.add(ops::kOp_Placeholder, ir::placeholder_attributes(*dtype, shape), {}, arg.name()));
    scope.values[arg.name()] = {function.graph.output(id)};
    scope.nodes[arg.name()] = id;
    function.graph.inputs.push_back({arg.name(), function.graph.output(id), {}});
  }

  std::unordered_map<std::string_view, const NodeDef*> by_name;
  for (const NodeDef& node : def.node_def()) {
    if (!by_name.emplace(node.name(), &node).second)
      return fail(ErrorCode::kInvalidModel, "two nodes called '" + node.name() + "' in function '" + it->first + "'");
  }
  std::vector<std::string> roots;
  std::set<std::string> stop;
  for (const auto& arg : signature.input_arg()) stop.insert(arg.name());
  for (const auto& ret : def.ret()) roots.push_back(std::string(node_of(ret.value())));
  for (const auto& ret : def.control_ret()) roots.push_back(std::string(node_of(ret.value())));
  const auto order = TRY(needed_nodes(by_name, roots, stop, function.name));
  for (const auto& ret : def.ret()) note_reference(scope, ret.value());
  TRY(import_nodes(scope, order));
  for (const auto& arg : signature.output_arg()) {
    const auto ret = std::find_if(def.ret().begin(), def.ret().end(), [&](const StringEntry& e) { return e.key() == arg.name(); });
    if (ret == def.ret().end())
      return fail(ErrorCode::kInvalidModel, "function '" + it->first + "' does not say where its output '" + arg.name() + "' comes from");
    const ValueId value = TRY(resolve(scope, ret->value()));
    if (TensorType type = function.graph.type(value); type.dtype == DType::kInvalid) {
      type.dtype = dtype_from_number(arg.type()).value_or(DType::kInvalid);
      function.graph.set_type(value, type);
    }
    function.graph.outputs.push_back({arg.name(), value, {}});
  }
  for (const auto& ret : def.control_ret()) {
    if (const auto node = scope.nodes.find(std::string(node_of(ret.value()))); node != scope.nodes.end())
      function.graph.control_outputs.push_back(node->second);
  }
  open_.erase(it->first);
  return &function;
}

Result<ir::Function*> GraphImporter::import_graph(const GraphDef& graph, std::string_view name, std::span<const Feed> feeds, std::span<const Fetch> fetches,
                                                  std::span<const std::string> targets, bool all_placeholders) {
  ir::Function& function = module_.add_function(name);
  Scope scope{function.graph, function.name, false, {}, {}};
  std::unordered_map<std::string_view, const NodeDef*> by_name;
  for (const NodeDef& node : graph.node()) {
    if (!by_name.emplace(node.name(), &node).second) return fail(ErrorCode::kInvalidModel, "two nodes are called '" + node.name() + "'");
  }
  std::set<std::string> stop;
  for (const Feed& feed : feeds) {
    const TensorName tensor = parse_tensor_name(feed.tensor);
    const auto it = by_name.find(tensor.node);
    if (it == by_name.end())
      return fail(ErrorCode::kInvalidModel, "the signature's input '" + feed.key + "' names the tensor '" + feed.tensor + "', which does not exist");
    TensorType type = feed.type.value_or(TensorType{});
    if (is_placeholder(*it->second)) {
      ir::AttributeMap map = TRY(attributes_of(*it->second, nullptr));
      if (const auto* dtype = ir::find(map, "dtype"); dtype && std::holds_alternative<DType>(*dtype)) type.dtype = std::get<DType>(*dtype);
      if (const auto* shape = ir::find(map, "shape"); shape && std::holds_alternative<PartialShape>(*shape) && !feed.type)
        type.shape = std::get<PartialShape>(*shape);
    }
    if (type.dtype == DType::kInvalid) return fail(ErrorCode::kInvalidModel, "the dtype of input '" + feed.key + "' is not known");
    const NodeId id = TRY(function.graph.add(ops::kOp_Placeholder, ir::placeholder_attributes(type.dtype, type.shape), {}, tensor.node));
    auto& values = scope.values[tensor.node];
    values.resize(std::max(values.size(), static_cast<size_t>(tensor.index) + 1), function.graph.output(id));
    values[static_cast<size_t>(tensor.index)] = function.graph.output(id);
    scope.nodes[tensor.node] = id;
    stop.insert(tensor.node);
    function.graph.inputs.push_back({feed.key, function.graph.output(id), feed.tensor});
  }
  std::vector<std::string> roots;
  for (const Fetch& fetch : fetches) roots.push_back(parse_tensor_name(fetch.tensor).node);
  for (const std::string& target : targets) roots.push_back(parse_tensor_name(target).node);
  const auto order = TRY(needed_nodes(by_name, roots, stop, function.name));
  TRY(import_nodes(scope, order));
  for (const NodeDef& node : graph.node()) {
    if (!is_placeholder(node) || stop.contains(node.name()) || !scope.nodes.contains(node.name())) continue;
    if (!all_placeholders) {
      return fail(Error{ErrorCode::kInvalidModel,
                        "the outputs need the placeholder '" + node.name() + "', which the signature does not feed",
                        describe(node),
                        {},
                        "choose another signature with --signature_name"});
    }
    function.graph.inputs.push_back({node.name(), scope.values[node.name()][0], node.name() + ":0"});
  }
  for (const Fetch& fetch : fetches) {
    auto value = resolve(scope, fetch.tensor);
    if (!value) return fail(std::move(value.error()).with_context("looking up the output '" + fetch.key + "'"));
    function.graph.outputs.push_back({fetch.key, *value, fetch.tensor});
  }
  for (const std::string& target : targets) {
    if (const auto node = scope.nodes.find(parse_tensor_name(target).node); node != scope.nodes.end()) function.graph.control_outputs.push_back(node->second);
  }
  return &function;
}

}  // namespace isomer::tf
