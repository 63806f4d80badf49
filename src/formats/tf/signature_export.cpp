#include "formats/tf/signature_export.h"

#include <algorithm>
#include <map>
#include <set>

#include "formats/tf/graph_export.h"
#include "formats/tf/schema/tensorflow.pb.h"
#include "formats/tf/tensor_proto.h"

namespace isomer::tf {
namespace {

bool is_resource_op(std::string_view op) { return op == "VarHandleOp" || op == "HashTableV2"; }

void take_valid_names(ir::Module& module) {
  for (const auto& function : module.functions()) {
    ir::Graph& graph = function->graph;
    for (const ir::NodeId id : graph.live_nodes())
      if (const std::string name = node_name(graph.node(id).name); name != graph.node(id).name) graph.rename(id, name);
  }
}

std::vector<SignatureValue> sorted_values(const ir::Graph& graph, std::vector<ir::Port>& ports) {
  std::stable_sort(ports.begin(), ports.end(), [](const ir::Port& a, const ir::Port& b) { return a.key < b.key; });
  std::vector<SignatureValue> values;
  for (const ir::Port& port : ports) values.push_back({port.key, graph.type(port.value)});
  return values;
}

std::string shared_name(const NodeDef& node) {
  for (const AttrEntry& attr : node.attr())
    if (attr.key() == "shared_name") return attr.value().s();
  return {};
}

std::string producer_of(const std::string& input) { return input.substr(0, input.find(':')); }

// Handles that the function makes itself become arguments: a handle made inside a function would be another resource than the one that was restored.
class Capturing {
 public:
  explicit Capturing(FunctionDef& function) : function_(function) {}

  std::vector<CapturedResource> run() {
    for (const NodeDef& node : function_.node_def()) names_.insert(node.name());
    for (const auto& arg : function_.signature().input_arg()) names_.insert(arg.name());
    for (const NodeDef& node : function_.node_def())
      if (is_resource_op(node.op())) arguments_[node.name()] = argument_of({shared_name(node), node.op() == "HashTableV2"});
    auto& nodes = *function_.mutable_node_def();
    nodes.erase(std::remove_if(nodes.begin(), nodes.end(), [](const NodeDef& node) { return is_resource_op(node.op()); }), nodes.end());
    for (NodeDef& node : nodes) redirect(node);
    for (StringEntry& ret : *function_.mutable_ret())
      if (const auto found = arguments_.find(producer_of(ret.value())); found != arguments_.end()) ret.set_value(found->second);
    if (!captures_.empty()) function_.mutable_signature()->set_is_stateful(true);
    return std::move(captures_);
  }

 private:
  std::string argument_of(const CapturedResource& resource) {
    const auto known = std::find(captures_.begin(), captures_.end(), resource);
    if (known != captures_.end()) return argument_names_[static_cast<size_t>(known - captures_.begin())];
    const std::string wanted = "resource_" + std::to_string(captures_.size());
    std::string name = wanted;
    for (int i = 1; !names_.insert(name).second; ++i) name = wanted + "_" + std::to_string(i);
    auto& arg = *function_.mutable_signature()->add_input_arg();
    arg.set_name(name);
    arg.set_type(DT_RESOURCE);
    captures_.push_back(resource);
    argument_names_.push_back(name);
    return name;
  }

  void redirect(NodeDef& node) const {
    auto& inputs = *node.mutable_input();
    for (std::string& input : inputs)
      if (const auto found = arguments_.find(producer_of(input)); found != arguments_.end()) input = found->second;
    inputs.erase(std::remove_if(inputs.begin(), inputs.end(), [&](const std::string& i) { return i.starts_with('^') && arguments_.contains(i.substr(1)); }),
                 inputs.end());
  }

  FunctionDef& function_;
  std::set<std::string> names_;
  std::map<std::string, std::string> arguments_;  // by node that made the handle
  std::vector<CapturedResource> captures_;
  std::vector<std::string> argument_names_;
};

void set_input_shapes(FunctionDef& function, const ExportedSignature& signature) {
  AttrEntry& attr = *function.add_attr();
  attr.set_key("_input_shapes");
  auto& list = *attr.mutable_value()->mutable_list();
  for (const SignatureValue& input : signature.inputs) encode_shape(input.type.shape, *list.add_shape());
  for (size_t i = 0; i < signature.captures.size(); ++i) list.add_shape();
}

}  // namespace

std::string node_name(std::string_view name) {
  std::string text(name);
  for (char& c : text) {
    const bool valid = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '/' || c == '-' || c == '>';
    if (!valid) c = '_';
  }
  const char first = text.empty() ? '_' : text[0];
  return first == '_' || first == '/' || first == '-' || first == '>' ? "node" + text : text;
}

Result<std::vector<ExportedSignature>> export_signatures(ir::Module& module, GraphDef& out) {
  take_valid_names(module);
  std::vector<ExportedSignature> signatures;
  std::vector<std::string> functions;
  for (const ir::Entry& entry : module.signatures) {
    ir::Graph& graph = module.find_function(entry.function)->graph;
    ExportedSignature signature;
    signature.key = entry.key;
    signature.inputs = sorted_values(graph, graph.inputs);
    signature.outputs = sorted_values(graph, graph.outputs);
    signatures.push_back(std::move(signature));
    functions.push_back(entry.function);
  }
  TRY(export_functions(module, functions, out));
  for (FunctionDef& function : *out.mutable_library()->mutable_function()) {
    const auto at = std::find(functions.begin(), functions.end(), function.signature().name());
    if (at != functions.end()) {
      const auto index = static_cast<size_t>(at - functions.begin());
      signatures[index].captures = Capturing(function).run();
      signatures[index].function = "__inference_signature_wrapper_" + std::to_string(index);
      function.mutable_signature()->set_name(signatures[index].function);
      set_input_shapes(function, signatures[index]);
      continue;
    }
    for (const NodeDef& node : function.node_def())
      if (is_resource_op(node.op()))
        return fail(Error{ErrorCode::kUnsupported,
                          "the function '" + function.signature().name() + "' uses the variable or table '" + shared_name(node) + "' inside a loop or a branch",
                          node.name(),
                          {},
                          {}});
  }
  return signatures;
}

}  // namespace isomer::tf
