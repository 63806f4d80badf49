#include "ir/copy.h"

namespace isomer::ir {

Result<CopyMap> copy_nodes(const Graph& from, Graph& to, std::span<const ValueId> arguments, std::string_view prefix) {
  if (arguments.size() != from.inputs.size()) {
    return fail(ErrorCode::kInvalidModel, "a function of " + std::to_string(from.inputs.size()) + " inputs is called with " + std::to_string(arguments.size()));
  }
  const std::vector<NodeId> order = TRY(from.topological_order());
  CopyMap map;
  size_t value_count = 0, node_count = 0;
  for (const NodeId id : order) {
    node_count = std::max(node_count, static_cast<size_t>(id.index) + 1);
    for (const ValueId output : from.node(id).outputs) value_count = std::max(value_count, static_cast<size_t>(output.index) + 1);
  }
  map.values.resize(value_count);
  map.nodes.resize(node_count);
  for (size_t i = 0; i < arguments.size(); ++i) {
    map.values[static_cast<size_t>(from.inputs[i].value.index)] = arguments[i];
    map.nodes[static_cast<size_t>(from.value(from.inputs[i].value).producer.index)] = to.value(arguments[i]).producer;
  }
  std::vector<ValueId> inputs;
  std::vector<TensorType> types;
  for (const NodeId id : order) {
    const Node& node = from.node(id);
    if (map[id].valid()) continue;  // an input
    inputs.clear();
    types.clear();
    for (const ValueId input : node.inputs) inputs.push_back(map[input]);
    for (const ValueId output : node.outputs) types.push_back(from.type(output));
    const NodeId copy = to.add_with_types(*node.op, node.attributes->clone(), inputs, types, std::string(prefix) + node.name);
    to.node(copy).origin = node.origin;
    map.nodes[static_cast<size_t>(id.index)] = copy;
    for (size_t i = 0; i < node.outputs.size(); ++i) map.values[static_cast<size_t>(node.outputs[i].index)] = to.output(copy, static_cast<int64_t>(i));
    for (const NodeId before : node.control_inputs) to.add_control_input(copy, map[before]);
  }
  return map;
}

}  // namespace isomer::ir
