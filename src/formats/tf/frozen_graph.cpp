#include "formats/tf/frozen_graph.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "base/mapped_file.h"
#include "formats/tf/control_flow_v1.h"
#include "formats/tf/detach.h"
#include "formats/tf/graph_import.h"
#include "formats/tf/parse_message.h"
#include "formats/tf/schema/tensorflow.pb.h"

namespace isomer::tf {
namespace {

constexpr std::string_view kNotOutputs[] = {"Const",  "NoOp",   "Placeholder", "PlaceholderV2", "PlaceholderWithDefault",
                                            "Assert", "SaveV2", "RestoreV2",   "VariableV2",    "VarHandleOp"};

std::string join(const std::vector<std::string>& names, size_t limit) {
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), limit); ++i) text += (i ? "," : "") + names[i];
  if (names.size() > limit) text += " and " + std::to_string(names.size() - limit) + " more";
  return text;
}

}  // namespace

Result<FrozenGraphDocument> read_frozen_graph(const std::string& path, const Limits& limits) {
  FrozenGraphDocument document;
  document.path = path;
  auto message = std::make_shared<GraphDef>();
  const Bytes bytes = TRY(map_file(path));
  document.is_text = path.ends_with(".pbtxt") || !looks_like_graph_def(bytes);
  if (document.is_text) {
    TRY(parse_text(bytes, *message, path, limits));
  } else {
    Detached reduced = TRY(in_context(detach_graph_def(bytes, limits), "reading " + path));
    document.detached = std::move(reduced.contents);
    TRY(parse_binary(reduced.message, *message, path, limits));
  }
  if (message->node_size() == 0) return fail(Error{ErrorCode::kMalformed, "the graph has no nodes", path, {}, "the file is no GraphDef"});
  document.message = std::move(message);
  return document;
}

std::vector<std::string> output_candidates(const FrozenGraphDocument& document) {
  std::unordered_set<std::string> used;
  for (const NodeDef& node : document.message->node())
    for (const std::string& input : node.input()) used.insert(parse_tensor_name(input).node);
  std::vector<std::string> names;
  for (const NodeDef& node : document.message->node()) {
    if (!used.contains(node.name()) && std::find(std::begin(kNotOutputs), std::end(kNotOutputs), node.op()) == std::end(kNotOutputs))
      names.push_back(node.name());
  }
  return names;
}

Result<ir::Module> import_frozen_graph(const FrozenGraphDocument& document, const ImportOptions& options, const Limits& limits) {
  if (options.output_node_names.empty()) {
    return fail(Error{ErrorCode::kInvalidArgument,
                      "a frozen graph does not say what its outputs are",
                      document.path,
                      {},
                      "name them with --output_node_names; nodes that nothing uses: " + join(output_candidates(document), 20)});
  }
  std::set<std::string> names;
  for (const NodeDef& node : document.message->node()) names.insert(node.name());
  std::vector<std::string> roots;
  std::vector<Fetch> fetches;
  for (const std::string& name : options.output_node_names) {
    const TensorName tensor = parse_tensor_name(name);
    if (!names.contains(tensor.node)) {
      return fail(Error{ErrorCode::kNotFound,
                        "the graph has no node '" + tensor.node + "'",
                        document.path,
                        {},
                        "nodes that nothing uses, likely outputs: " + join(output_candidates(document), 20)});
    }
    roots.push_back(tensor.node);
    fetches.push_back({name, name});
  }
  GraphDef rewritten;
  if (has_control_flow_v1(*document.message)) {
    rewritten = *document.message;
    TRY(in_context(functionalize_control_flow(rewritten, roots, {}, limits), "turning TensorFlow 1 control flow into functions"));
  }
  const GraphDef& graph = rewritten.node_size() > 0 ? rewritten : *document.message;
  ir::Module module;
  GraphImporter importer(module, graph.library(), document.detached, limits);
  ir::Function* function = TRY(importer.import_graph(graph, "serving_default", {}, fetches, {}, true));
  // A plain node name stands for all results of the node.
  std::vector<ir::Port> outputs;
  for (const ir::Port& port : function->graph.outputs) {
    const ir::Node& node = function->graph.producer(port.value);
    const bool whole = port.key.find(':') == std::string::npos && node.outputs.size() > 1 &&
                       (ir::signature_of(*node.op).outputs.size() > 1 || ir::signature_of(*node.op).outputs[0].variadic());
    if (!whole || node.op->name.starts_with("FusedBatchNorm")) {
      outputs.push_back(port);
      continue;
    }
    for (size_t i = 0; i < node.outputs.size(); ++i)
      outputs.push_back({port.key + ":" + std::to_string(i), node.outputs[i], port.key + ":" + std::to_string(i)});
  }
  function->graph.outputs = std::move(outputs);
  module.signatures.push_back({"serving_default", function->name, {}});
  module.producer = document.message->versions().producer() ? std::to_string(document.message->versions().producer()) : "";
  return module;
}

}  // namespace isomer::tf
