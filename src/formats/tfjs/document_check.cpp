#include "formats/tfjs/document_check.h"

#include <unordered_map>

#include "formats/tf/graph_import.h"

namespace isomer::tfjs {
namespace {

std::unexpected<Error> broken(std::string message, std::string place) {
  return fail(Error{ErrorCode::kInvalidModel, std::move(message), std::move(place), {}, {}});
}

std::string describe(const tf::NodeDef& node) { return "node '" + node.name() + "' (" + node.op() + ")"; }

using NodeIndex = std::unordered_map<std::string_view, int>;

Result<NodeIndex> index_nodes(const tf::GraphDef& graph) {
  NodeIndex index;
  for (int i = 0; i < graph.node_size(); ++i) {
    const tf::NodeDef& node = graph.node(i);
    if (node.op().empty()) return broken("the node has no op", "node '" + node.name() + "'");
    if (!index.emplace(node.name(), i).second) return broken("two nodes are named '" + node.name() + "'", describe(node));
  }
  return index;
}

// Takes nodes whose inputs are all taken until none is left; the edge that closes a loop of TensorFlow 1 does not count.
Result<void> check_order(const tf::GraphDef& graph, const std::vector<std::vector<int>>& users, std::vector<int> waiting_for) {
  std::vector<int> ready;
  for (int i = 0; i < graph.node_size(); ++i)
    if (waiting_for[static_cast<size_t>(i)] == 0) ready.push_back(i);
  int taken = 0;
  while (!ready.empty()) {
    const int node = ready.back();
    ready.pop_back();
    ++taken;
    for (const int user : users[static_cast<size_t>(node)])
      if (--waiting_for[static_cast<size_t>(user)] == 0) ready.push_back(user);
  }
  if (taken == graph.node_size()) return {};
  for (int i = 0; i < graph.node_size(); ++i)
    if (waiting_for[static_cast<size_t>(i)] > 0) return broken("the node waits for its own result, or for a node that does", describe(graph.node(i)));
  return {};
}

Result<void> check_graph(const tf::GraphDef& graph, const NodeIndex& index) {
  const auto count = static_cast<size_t>(graph.node_size());
  std::vector<std::vector<int>> users(count);
  std::vector<int> waiting_for(count);
  for (int i = 0; i < graph.node_size(); ++i) {
    const tf::NodeDef& node = graph.node(i);
    const bool merge = node.op() == "Merge" || node.op() == "RefMerge";
    for (const std::string& input : node.input()) {
      const auto found = index.find(tf::parse_tensor_name(input).node);
      if (found == index.end()) return broken("the input '" + input + "' is no node of the graph", describe(node));
      if (merge && graph.node(found->second).op().ends_with("NextIteration")) continue;
      users[static_cast<size_t>(found->second)].push_back(i);
      ++waiting_for[static_cast<size_t>(i)];
    }
  }
  return check_order(graph, users, std::move(waiting_for));
}

Result<void> check_outputs(const std::optional<Signature>& signature, const NodeIndex& index) {
  if (!signature) return {};
  for (const SignatureTensor& output : signature->outputs) {
    if (index.contains(tf::parse_tensor_name(output.name).node)) continue;
    return broken("the signature's output '" + output.key + "' is the node '" + output.name + "', which the graph does not have", "signature.outputs");
  }
  return {};
}

}  // namespace

Result<void> check_graph_model(const GraphModelDocument& document) {
  const auto signature = TRY(document.signature()), initializer_signature = TRY(document.initializer_signature());
  const auto in_file = [&](auto result, const char* part) { return in_context(std::move(result), "checking " + std::string(part) + " of " + document.path); };
  const NodeIndex nodes = TRY(in_file(index_nodes(document.topology), "modelTopology"));
  TRY(in_file(check_graph(document.topology, nodes), "modelTopology"));
  TRY(in_file(check_outputs(signature, nodes), "the signature"));
  if (!document.initializer) return {};
  const NodeIndex initial = TRY(in_file(index_nodes(*document.initializer), "modelInitializer"));
  TRY(in_file(check_graph(*document.initializer, initial), "modelInitializer"));
  return in_file(check_outputs(initializer_signature, initial), "initializerSignature");
}

}  // namespace isomer::tfjs
