#include "ir/graph.h"

#include <algorithm>
#include <queue>

#include "ir/const_op.h"

namespace isomer::ir {

NodeId Graph::add_with_types(const OpDef& op, std::unique_ptr<Attributes> attributes, std::span<const ValueId> inputs, std::span<const TensorType> types,
                             std::string_view name) {
  const NodeId id{static_cast<int32_t>(nodes_.size())};
  Node node;
  node.op = &op;
  node.attributes = std::move(attributes);
  node.inputs.assign(inputs.begin(), inputs.end());
  node.name = unique_name(name.empty() ? op.name : name);
  names_.emplace(node.name, id);
  for (const ValueId input : inputs) values_[static_cast<size_t>(input.index)].users.push_back(id);
  for (size_t i = 0; i < types.size(); ++i) {
    node.outputs.push_back({static_cast<int32_t>(values_.size())});
    values_.push_back({types[i], id, static_cast<int32_t>(i), {}});
  }
  nodes_.push_back(std::move(node));
  ++live_count_;
  return id;
}

Result<NodeId> Graph::add(const OpDef& op, std::unique_ptr<Attributes> attributes, std::span<const ValueId> inputs, std::string_view name,
                          const Module* module) {
  std::vector<DType> dtypes;
  dtypes.reserve(inputs.size());
  for (const ValueId input : inputs) dtypes.push_back(type(input).dtype);
  const auto place = [&] { return "node '" + std::string(name) + "' (" + std::string(op.name) + ")"; };
  auto results = result_dtypes(op, *attributes, dtypes);
  if (!results) return fail(std::move(results.error()).at(place()));
  std::vector<TensorType> types(results->size());
  for (size_t i = 0; i < types.size(); ++i) types[i].dtype = (*results)[i];
  if (op.infer) {
    InferContext context(*this, module, op, *attributes, inputs, types);
    if (auto inferred = op.infer(context); !inferred) return fail(std::move(inferred.error()).at(place()));
  }
  return add_with_types(op, std::move(attributes), inputs, types, name);
}

Result<void> Graph::infer(NodeId id, const Module* module) {
  const Node& n = node(id);
  if (!n.op->infer) return {};
  std::vector<TensorType> types(n.outputs.size());
  for (size_t i = 0; i < types.size(); ++i) types[i].dtype = type(n.outputs[i]).dtype;
  InferContext context(*this, module, *n.op, *n.attributes, n.inputs, types);
  if (auto inferred = n.op->infer(context); !inferred) {
    return fail(std::move(inferred.error()).at("node '" + n.name + "' (" + std::string(n.op->name) + ")"));
  }
  for (size_t i = 0; i < types.size(); ++i) {
    Value& value = values_[static_cast<size_t>(n.outputs[i].index)];
    if (auto merged = merge(types[i].shape, value.type.shape)) types[i].shape = *merged;
    value.type = std::move(types[i]);
  }
  return {};
}

std::vector<NodeId> Graph::live_nodes() const {
  std::vector<NodeId> ids;
  ids.reserve(static_cast<size_t>(live_count_));
  for (size_t i = 0; i < nodes_.size(); ++i)
    if (nodes_[i].alive()) ids.push_back({static_cast<int32_t>(i)});
  return ids;
}

Result<std::vector<NodeId>> Graph::topological_order() const {
  std::vector<int32_t> waiting(nodes_.size(), 0);
  std::priority_queue<int32_t, std::vector<int32_t>, std::greater<>> ready;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i].alive()) continue;
    waiting[i] = static_cast<int32_t>(nodes_[i].inputs.size() + nodes_[i].control_inputs.size());
    if (waiting[i] == 0) ready.push(static_cast<int32_t>(i));
  }
  std::vector<NodeId> order;
  order.reserve(static_cast<size_t>(live_count_));
  const auto release = [&](NodeId user) {
    if (--waiting[static_cast<size_t>(user.index)] == 0) ready.push(user.index);
  };
  while (!ready.empty()) {
    const NodeId id{ready.top()};
    ready.pop();
    order.push_back(id);
    for (const ValueId output : node(id).outputs)
      for (const NodeId user : value(output).users) release(user);
    for (const NodeId user : node(id).control_users) release(user);
  }
  if (static_cast<int64_t>(order.size()) != live_count_) {
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].alive() && waiting[i] > 0) {
        return fail(
            Error{ErrorCode::kInvalidModel, "the graph has a cycle", "node '" + nodes_[i].name + "' (" + std::string(nodes_[i].op->name) + ")", {}, {}});
      }
    }
  }
  return order;
}

void Graph::drop_use(ValueId value, NodeId user) {
  auto& users = values_[static_cast<size_t>(value.index)].users;
  users.erase(std::find(users.begin(), users.end(), user));
}

void Graph::set_input(NodeId id, int64_t index, ValueId value) {
  ValueId& input = node(id).inputs[static_cast<size_t>(index)];
  drop_use(input, id);
  input = value;
  values_[static_cast<size_t>(value.index)].users.push_back(id);
}

void Graph::set_inputs(NodeId id, std::span<const ValueId> values) {
  for (const ValueId input : node(id).inputs) drop_use(input, id);
  node(id).inputs.assign(values.begin(), values.end());
  for (const ValueId input : values) values_[static_cast<size_t>(input.index)].users.push_back(id);
}

void Graph::add_control_input(NodeId id, NodeId before) {
  auto& list = node(id).control_inputs;
  if (std::find(list.begin(), list.end(), before) != list.end()) return;
  list.push_back(before);
  node(before).control_users.push_back(id);
}

void Graph::clear_control_inputs(NodeId id) {
  for (const NodeId before : node(id).control_inputs) std::erase(node(before).control_users, id);
  node(id).control_inputs.clear();
}

void Graph::replace_uses(ValueId from, ValueId to) {
  if (from == to) return;
  auto users = std::move(values_[static_cast<size_t>(from.index)].users);
  values_[static_cast<size_t>(from.index)].users.clear();
  for (const NodeId user : users) {
    // One entry of `users` for each use, so each entry moves one input.
    auto& list = node(user).inputs;
    *std::find(list.begin(), list.end(), from) = to;
    values_[static_cast<size_t>(to.index)].users.push_back(user);
  }
  for (Port& port : outputs)
    if (port.value == from) port.value = to;
}

void Graph::replace_control_uses(NodeId from, NodeId to) {
  const auto users = node(from).control_users;
  for (const NodeId user : users) {
    std::erase(node(user).control_inputs, from);
    if (user != to) add_control_input(user, to);
  }
  node(from).control_users.clear();
}

bool Graph::is_output(ValueId id) const {
  return std::any_of(outputs.begin(), outputs.end(), [&](const Port& port) { return port.value == id; });
}

bool Graph::unused(NodeId id) const {
  const Node& n = node(id);
  if (!n.control_users.empty() || std::find(control_outputs.begin(), control_outputs.end(), id) != control_outputs.end()) return false;
  return std::all_of(n.outputs.begin(), n.outputs.end(), [&](ValueId v) { return value(v).users.empty() && !is_output(v); });
}

void Graph::erase(NodeId id) {
  Node& n = node(id);
  for (const ValueId input : n.inputs) drop_use(input, id);
  clear_control_inputs(id);
  for (const NodeId user : n.control_users) std::erase(node(user).control_inputs, id);
  std::erase(control_outputs, id);
  names_.erase(n.name);
  n = Node{};
  --live_count_;
}

void Graph::change_op(NodeId id, const OpDef& op, std::unique_ptr<Attributes> attributes) {
  node(id).op = &op;
  node(id).attributes = std::move(attributes);
}

void Graph::rename(NodeId id, std::string_view name) {
  Node& n = node(id);
  if (n.name == name) return;
  names_.erase(n.name);
  n.name = unique_name(name);
  names_.emplace(n.name, id);
}

std::string Graph::unique_name(std::string_view wanted) const {
  std::string name(wanted);
  if (!names_.contains(name)) return name;
  int64_t& suffix = next_suffix_[name];
  std::string candidate;
  do {
    candidate = name + "_" + std::to_string(++suffix);
  } while (names_.contains(candidate));
  return candidate;
}

NodeId Graph::find(std::string_view name) const {
  const auto it = names_.find(std::string(name));
  return it == names_.end() ? NodeId{} : it->second;
}

const Tensor* Graph::constant(ValueId id) const {
  const Node& n = producer(id);
  return n.is("Const") ? &n.as<ConstAttributes>().value : nullptr;
}

Graph Graph::clone() const {
  Graph copy;
  copy.inputs = inputs;
  copy.outputs = outputs;
  copy.control_outputs = control_outputs;
  copy.values_ = values_;
  copy.names_ = names_;
  copy.next_suffix_ = next_suffix_;
  copy.live_count_ = live_count_;
  copy.nodes_.reserve(nodes_.size());
  for (const Node& n : nodes_) {
    Node& c = copy.nodes_.emplace_back();
    c.op = n.op;
    c.attributes = n.attributes ? n.attributes->clone() : nullptr;
    c.inputs = n.inputs;
    c.control_inputs = n.control_inputs;
    c.control_users = n.control_users;
    c.outputs = n.outputs;
    c.name = n.name;
    c.origin = n.origin;
  }
  return copy;
}

}  // namespace isomer::ir
