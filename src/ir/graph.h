// Graph: an acyclic graph of nodes and values. All mutation goes through this class, which keeps users and names right.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ir/op_def.h"

namespace isomer::ir {

class Module;

// Index types that cannot be mixed up. -1 is "none".
template <class Tag>
struct Id {
  int32_t index = -1;
  bool valid() const { return index >= 0; }
  auto operator<=>(const Id&) const = default;
};
using NodeId = Id<struct NodeTag>;
using ValueId = Id<struct ValueTag>;

struct Value {
  TensorType type;
  NodeId producer;
  int32_t output_index = 0;
  std::vector<NodeId> users;  // one entry for each use; order means nothing
};

struct Node {
  const OpDef* op = nullptr;  // null: erased
  std::unique_ptr<Attributes> attributes;
  std::vector<ValueId> inputs;
  std::vector<NodeId> control_inputs;
  std::vector<NodeId> control_users;
  std::vector<ValueId> outputs;
  std::string name;    // unique in its graph
  std::string origin;  // op and name in the source file where they differ from `op` and `name`; for messages
  bool alive() const { return op != nullptr; }

  // The attribute struct. The caller knows the op, hence the struct.
  template <class Struct>
  const Struct& as() const {
    return static_cast<const AttributesOf<Struct>&>(*attributes).value;
  }
  template <class Struct>
  Struct& mutable_as() {
    return static_cast<AttributesOf<Struct>&>(*attributes).value;
  }
  bool is(std::string_view op_name) const { return op && op->name == op_name; }
};

// An input or output of a function. For signatures `key` is the signature key and `tensor_name` the name that the source file gives the tensor
// ("x:0"; empty where the format makes up its own).
struct Port {
  std::string key;
  ValueId value;
  std::string tensor_name;
};

class Graph {
 public:
  std::vector<Port> inputs;             // values of Placeholder nodes, in call order
  std::vector<Port> outputs;            // in return order
  std::vector<NodeId> control_outputs;  // nodes with effects that must run even where no output needs them

  // Adds a node. Result dtypes come from the signature, shapes from the op's inference; `module` (may be null) lets inference see functions.
  Result<NodeId> add(const OpDef& op, std::unique_ptr<Attributes> attributes, std::span<const ValueId> inputs, std::string_view name,
                     const Module* module = nullptr);
  // Adds a node whose result types the caller knows (Foreign, and parsing).
  NodeId add_with_types(const OpDef& op, std::unique_ptr<Attributes> attributes, std::span<const ValueId> inputs, std::span<const TensorType> types,
                        std::string_view name);
  // Runs inference again for one node and narrows the types of its results.
  Result<void> infer(NodeId id, const Module* module = nullptr);

  const Node& node(NodeId id) const { return nodes_[static_cast<size_t>(id.index)]; }
  Node& node(NodeId id) { return nodes_[static_cast<size_t>(id.index)]; }
  const Value& value(ValueId id) const { return values_[static_cast<size_t>(id.index)]; }
  const TensorType& type(ValueId id) const { return value(id).type; }
  void set_type(ValueId id, TensorType type) { values_[static_cast<size_t>(id.index)].type = std::move(type); }
  const Node& producer(ValueId id) const { return node(value(id).producer); }
  ValueId output(NodeId id, int64_t index = 0) const { return node(id).outputs[static_cast<size_t>(index)]; }

  // Ids of the live nodes in insertion order. (Not a topological order: passes append.)
  std::vector<NodeId> live_nodes() const;
  int64_t live_count() const { return live_count_; }
  // Ids are below these, erased ones included.
  int64_t node_count() const { return static_cast<int64_t>(nodes_.size()); }
  int64_t value_count() const { return static_cast<int64_t>(values_.size()); }
  // Producers before users, control edges obeyed, ties by insertion order; InvalidModel naming a node when there is a cycle.
  Result<std::vector<NodeId>> topological_order() const;

  void set_input(NodeId id, int64_t index, ValueId value);
  // Replaces all inputs at once.
  void set_inputs(NodeId id, std::span<const ValueId> values);
  void add_control_input(NodeId id, NodeId before);
  void clear_control_inputs(NodeId id);
  // Makes every user of `from` (nodes and outputs of the graph) use `to`.
  void replace_uses(ValueId from, ValueId to);
  // Control users of `from` wait for `to` instead.
  void replace_control_uses(NodeId from, NodeId to);
  bool is_output(ValueId id) const;
  bool unused(NodeId id) const;  // no value used, no control user, no output
  // Erases a node; its results must be unused. Control users lose the edge.
  void erase(NodeId id);
  // Gives a node another op and attributes in place (same inputs and outputs).
  void change_op(NodeId id, const OpDef& op, std::unique_ptr<Attributes> attributes);
  // `name` is made unique by a numeric suffix where it is taken.
  void rename(NodeId id, std::string_view name);
  std::string unique_name(std::string_view wanted) const;
  NodeId find(std::string_view name) const;  // invalid when there is none

  // The tensor of a Const node, or null.
  const Tensor* constant(ValueId id) const;

  Graph clone() const;

 private:
  void drop_use(ValueId value, NodeId user);

  std::vector<Node> nodes_;
  std::vector<Value> values_;
  std::unordered_map<std::string, NodeId> names_;
  mutable std::unordered_map<std::string, int64_t> next_suffix_;
  int64_t live_count_ = 0;
};

// What an op's inference sees and sets.
class InferContext {
 public:
  InferContext(const Graph& graph, const Module* module, const OpDef& op, const Attributes& attributes, std::span<const ValueId> inputs,
               std::vector<TensorType>& results)
      : graph_(graph), module_(module), op_(op), attributes_(attributes), inputs_(inputs), results_(results) {}

  template <class Struct>
  const Struct& as() const {
    return static_cast<const AttributesOf<Struct>&>(attributes_).value;
  }
  const Graph& graph() const { return graph_; }
  const Module* module() const { return module_; }
  const OpDef& op() const { return op_; }
  const Attributes& attributes() const { return attributes_; }
  int64_t input_count() const { return static_cast<int64_t>(inputs_.size()); }
  ValueId input(int64_t i) const { return inputs_[static_cast<size_t>(i)]; }
  const TensorType& input_type(int64_t i) const { return graph_.type(input(i)); }
  const PartialShape& shape(int64_t i) const { return input_type(i).shape; }
  const Tensor* constant(int64_t i) const { return graph_.constant(input(i)); }
  int64_t output_count() const { return static_cast<int64_t>(results_.size()); }
  TensorType& result(int64_t i) { return results_[static_cast<size_t>(i)]; }
  void set_shape(int64_t i, PartialShape shape) { result(i).shape = std::move(shape); }

 private:
  const Graph& graph_;
  const Module* module_;
  const OpDef& op_;
  const Attributes& attributes_;
  std::span<const ValueId> inputs_;
  std::vector<TensorType>& results_;
};

}  // namespace isomer::ir
