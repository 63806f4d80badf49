// Reading modules. A function's body is read in one go: definitions come before uses, so every operand is known when its node is added; the ports
// (input, output, control_output) may stand anywhere in the body and are looked up at its end.
#include "ir/const_op.h"
#include "ir/text_cursor.h"

namespace isomer::ir {
namespace {

class ModuleParser {
 public:
  ModuleParser(std::string_view text, const ParseOptions& options) : cursor_(text, options.source), options_(options) {}

  Result<Module> run();

 private:
  // A use of a value or node: "%name" or "%name:2".
  struct Reference {
    std::string node;
    int64_t output = 0;
    size_t offset = 0;
  };
  struct PortText {
    std::string key;
    Reference value;
    std::string tensor_name;
  };
  struct Ports {
    std::vector<PortText> inputs, outputs;
    std::vector<Reference> control_outputs;
  };

  Result<void> module_item();
  Result<void> variable();
  Result<void> table();
  Result<void> asset();
  Result<void> signature();
  Result<void> function();
  Result<void> node(Graph& graph);
  Result<std::unique_ptr<Attributes>> attributes(const OpDef& op, std::string_view foreign_name);
  Result<AttributeMap> attribute_map();
  Result<void> resolve(const Ports& ports, Graph& graph);

  Result<PortText> port();
  Result<Reference> reference();
  Result<NodeId> find_node(const Graph& graph, const Reference& reference);
  Result<ValueId> find_value(const Graph& graph, const Reference& reference);
  Result<std::string> function_name();

  std::unexpected<Error> malformed(std::string message, size_t offset) { return cursor_.error(ErrorCode::kMalformed, std::move(message), offset); }

  TextCursor cursor_;
  const ParseOptions& options_;
  Module module_;
  int64_t nodes_ = 0;
};

// --- names

Result<std::string> ModuleParser::function_name() {
  TRY(cursor_.expect("@"));
  return cursor_.name("the name of a function");
}

Result<ModuleParser::Reference> ModuleParser::reference() {
  TRY(cursor_.expect("%"));
  Reference result;
  result.offset = cursor_.offset() - 1;
  result.node = TRY(cursor_.name("the name of a node"));
  if (cursor_.peek() == ':') {
    cursor_.advance(1);
    if (cursor_.peek() < '0' || cursor_.peek() > '9') return cursor_.expected("the number of a result");
    result.output = TRY(cursor_.integer("the number of a result"));
  }
  return result;
}

Result<NodeId> ModuleParser::find_node(const Graph& graph, const Reference& reference) {
  const NodeId id = graph.find(reference.node);
  if (id.valid()) return id;
  return fail(std::move(malformed("no node %" + reference.node + " is defined before this use", reference.offset).error())
                  .with_hint("nodes stand in the order of their dependences: definitions before uses"));
}

Result<ValueId> ModuleParser::find_value(const Graph& graph, const Reference& reference) {
  const Node& node = graph.node(TRY(find_node(graph, reference)));
  const auto count = static_cast<int64_t>(node.outputs.size());
  if (reference.output < count) return node.outputs[static_cast<size_t>(reference.output)];
  return malformed("%" + reference.node + " has " + std::to_string(count) + " results; there is no result " + std::to_string(reference.output),
                   reference.offset);
}

// --- the module's items

Result<void> ModuleParser::variable() {
  Variable variable;
  variable.name = TRY(cursor_.quoted("the name of a variable"));
  variable.dtype = TRY(parse_dtype(cursor_));
  variable.shape = TRY(parse_shape(cursor_, options_.limits));
  if (cursor_.take("=")) variable.value = TRY(parse_tensor_value(cursor_, options_));
  module_.variables.push_back(std::move(variable));
  return {};
}

Result<void> ModuleParser::table() {
  Table table;
  table.name = TRY(cursor_.quoted("the name of a table"));
  table.key_dtype = TRY(parse_dtype(cursor_));
  TRY(cursor_.expect("->"));
  table.value_dtype = TRY(parse_dtype(cursor_));
  if (cursor_.take_word("keys")) {
    TRY(cursor_.expect("="));
    table.keys = TRY(parse_tensor_value(cursor_, options_));
    TRY(cursor_.expect("values"));
    TRY(cursor_.expect("="));
    table.values = TRY(parse_tensor_value(cursor_, options_));
  }
  module_.tables.push_back(std::move(table));
  return {};
}

Result<void> ModuleParser::asset() {
  Asset asset;
  asset.name = TRY(cursor_.quoted("the name of an asset"));
  cursor_.skip_space();
  const size_t begin = cursor_.offset();
  if (cursor_.take("@data")) {
    asset.content = TRY(parse_side_bytes(cursor_, options_));
  } else if (cursor_.take("...")) {
    return fail(std::move(malformed("the content of this asset was left out when the text was printed", begin).error())
                    .with_hint("print the module with its side file to be able to read it back"));
  } else {
    asset.content = Bytes::from_string(TRY(cursor_.quoted("the content of the asset")));
  }
  module_.assets.push_back(std::move(asset));
  return {};
}

Result<void> ModuleParser::signature() {
  Entry entry;
  entry.key = TRY(cursor_.quoted("the key of a signature"));
  TRY(cursor_.expect("="));
  entry.function = TRY(function_name());
  if (cursor_.take_word("structured")) {
    TRY(cursor_.expect("["));
    do entry.structured_outputs.push_back(TRY(cursor_.quoted("the key of an output")));
    while (cursor_.take(","));
    TRY(cursor_.expect("]"));
  }
  module_.signatures.push_back(std::move(entry));
  return {};
}

Result<void> ModuleParser::module_item() {
  if (cursor_.take_word("producer")) {
    module_.producer = TRY(cursor_.quoted("the producer"));
    return {};
  }
  if (cursor_.take_word("metadata")) {
    std::string name = TRY(cursor_.quoted("the name of the metadata"));
    module_.metadata.emplace_back(std::move(name), TRY(cursor_.quoted("JSON text in quotes")));
    return {};
  }
  if (cursor_.take_word("initializer")) {
    module_.initializers.push_back(TRY(function_name()));
    return {};
  }
  if (cursor_.take_word("variable")) return variable();
  if (cursor_.take_word("table")) return table();
  if (cursor_.take_word("asset")) return asset();
  if (cursor_.take_word("signature")) return signature();
  return cursor_.expected("producer, metadata, variable, table, asset, initializer, signature or '}'");
}

// --- nodes

Result<AttributeMap> ModuleParser::attribute_map() {
  AttributeMap map;
  if (!cursor_.take("{")) return map;
  if (cursor_.take("}")) return map;
  do {
    cursor_.skip_space();
    const size_t begin = cursor_.offset();
    std::string name = TRY(cursor_.name("the name of an attribute"));
    if (find(map, name)) return malformed("attribute '" + name + "' stands twice", begin);
    TRY(cursor_.expect("="));
    AttributeValue value = TRY(parse_attribute_value(cursor_, options_));
    map.push_back({std::move(name), std::move(value)});
  } while (cursor_.take(","));
  TRY(cursor_.expect("}"));
  return map;
}

Result<std::unique_ptr<Attributes>> ModuleParser::attributes(const OpDef& op, std::string_view foreign_name) {
  cursor_.skip_space();
  const size_t begin = cursor_.offset();
  AttributeMap map = TRY(attribute_map());
  if (op.name == "Foreign") return attributes_with(ForeignAttributes{std::string(foreign_name), std::move(map)});
  auto result = op.make_attributes();
  for (const NamedAttribute& attribute : map) {
    if (result->has_field(attribute.name)) continue;
    std::string fields;
    for (const NamedAttribute& field : result->to_map()) fields += (fields.empty() ? "; it has " : ", ") + field.name;
    return malformed(std::string(op.name) + " has no attribute '" + attribute.name + "'" + fields, begin);
  }
  if (auto assigned = result->assign(map); !assigned) return fail(std::move(assigned.error()).at(cursor_.place(begin)));
  if (op.name == "Const" && !find(map, "dtype")) {
    auto& constant = static_cast<AttributesOf<ConstAttributes>&>(*result).value;
    constant.dtype = constant.value.dtype();
  }
  return result;
}

Result<void> ModuleParser::node(Graph& graph) {
  const Reference definition = TRY(reference());
  if (definition.output != 0) return malformed("a definition has no result number", definition.offset);
  if (graph.find(definition.node).valid()) return malformed("%" + definition.node + " is defined twice", definition.offset);
  if (++nodes_ > options_.limits.nodes) {
    return cursor_.error(ErrorCode::kLimitExceeded, "the text has more than " + std::to_string(options_.limits.nodes) + " nodes", definition.offset);
  }
  TRY(cursor_.expect("="));
  cursor_.skip_space();
  const size_t op_offset = cursor_.offset();
  const std::string op_name = TRY(cursor_.word("the name of an op"));
  const OpDef* op = options_.find_op(op_name);
  if (!op) {
    return fail(
        Error{ErrorCode::kUnsupported, "there is no op " + op_name, cursor_.place(op_offset), {}, "Foreign \"" + op_name + "\"(...) carries an unknown op"});
  }
  std::string foreign_name;
  if (op->name == "Foreign") foreign_name = TRY(cursor_.quoted("the name of the foreign op in quotes"));
  TRY(cursor_.expect("("));
  std::vector<ValueId> inputs;
  if (!cursor_.take(")")) {
    do inputs.push_back(TRY(find_value(graph, TRY(reference()))));
    while (cursor_.take(","));
    TRY(cursor_.expect(")"));
  }
  auto attribute_struct = TRY(attributes(*op, foreign_name));
  std::vector<NodeId> control_inputs;
  if (cursor_.take("^")) {
    TRY(cursor_.expect("("));
    do control_inputs.push_back(TRY(find_node(graph, TRY(reference()))));
    while (cursor_.take(","));
    TRY(cursor_.expect(")"));
  }
  std::vector<TensorType> types;
  if (cursor_.take(":")) {
    do types.push_back(TRY(parse_type(cursor_, options_.limits)));
    while (cursor_.take(","));
  }
  const NodeId id = graph.add_with_types(*op, std::move(attribute_struct), inputs, types, definition.node);
  for (const NodeId before : control_inputs) graph.add_control_input(id, before);
  if (cursor_.take_word("from")) graph.node(id).origin = TRY(cursor_.quoted("the origin"));
  return {};
}

// --- functions

Result<ModuleParser::PortText> ModuleParser::port() {
  PortText result;
  result.key = TRY(cursor_.quoted("the key of an input or output"));
  TRY(cursor_.expect("="));
  result.value = TRY(reference());
  cursor_.skip_space();
  if (cursor_.peek() == '"') result.tensor_name = TRY(cursor_.quoted("the name of a tensor"));
  return result;
}

Result<void> ModuleParser::resolve(const Ports& ports, Graph& graph) {
  const auto add_ports = [&](const std::vector<PortText>& texts, std::vector<Port>& list) -> Result<void> {
    for (const PortText& text : texts) {
      const ValueId value = TRY(find_value(graph, text.value));
      list.push_back({text.key, value, text.tensor_name});
    }
    return {};
  };
  TRY(add_ports(ports.inputs, graph.inputs));
  TRY(add_ports(ports.outputs, graph.outputs));
  for (const Reference& r : ports.control_outputs) graph.control_outputs.push_back(TRY(find_node(graph, r)));
  return {};
}

Result<void> ModuleParser::function() {
  cursor_.skip_space();
  const size_t begin = cursor_.offset();
  const std::string name = TRY(function_name());
  if (module_.find_function(name)) return malformed("function @" + name + " is defined twice", begin);
  Function& function = module_.add_function(name);
  if (cursor_.take_word("from")) function.origin = TRY(cursor_.quoted("the origin"));
  TRY(cursor_.expect("{"));
  Ports ports;
  while (!cursor_.take("}")) {
    if (cursor_.take_word("input")) {
      ports.inputs.push_back(TRY(port()));
    } else if (cursor_.take_word("output")) {
      ports.outputs.push_back(TRY(port()));
    } else if (cursor_.take_word("control_output")) {
      ports.control_outputs.push_back(TRY(reference()));
    } else if (cursor_.next_word().empty() && cursor_.peek() == '%') {
      TRY(node(function.graph));
    } else {
      return cursor_.expected("a node (%name = Op(...)), input, output, control_output or '}'");
    }
  }
  return resolve(ports, function.graph);
}

Result<Module> ModuleParser::run() {
  bool has_module = false;
  while (!cursor_.at_end()) {
    if (!has_module && cursor_.take_word("module")) {
      has_module = true;
      TRY(cursor_.expect("{"));
      while (!cursor_.take("}")) TRY(module_item());
    } else if (cursor_.take_word("function")) {
      if (++nodes_ > options_.limits.nodes) {
        return cursor_.error(ErrorCode::kLimitExceeded, "the text has more than " + std::to_string(options_.limits.nodes) + " nodes", cursor_.offset());
      }
      TRY(function());
    } else {
      return cursor_.expected(has_module ? "function" : "module or function");
    }
  }
  return std::move(module_);
}

}  // namespace

Result<Module> parse(std::string_view text, const ParseOptions& options) {
  if (!options.find_op) return fail(ErrorCode::kInvalidArgument, "parsing a module needs a way to find ops");
  return ModuleParser(text, options).run();
}

}  // namespace isomer::ir
