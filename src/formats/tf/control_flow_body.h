// A graph or function body while control flow is taken out of it: its nodes by name, and parts of it cut out as functions.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "formats/tf/graph_import.h"
#include "formats/tf/schema/tensorflow.pb.h"

namespace isomer::tf::control_flow {

inline bool is_switch(const NodeDef& n) { return n.op() == "Switch" || n.op() == "RefSwitch"; }
inline bool is_merge(const NodeDef& n) { return n.op() == "Merge" || n.op() == "RefMerge"; }
inline bool is_enter(const NodeDef& n) { return n.op() == "Enter" || n.op() == "RefEnter"; }
inline bool is_exit(const NodeDef& n) { return n.op() == "Exit" || n.op() == "RefExit"; }
inline bool is_next(const NodeDef& n) { return n.op() == "NextIteration" || n.op() == "RefNextIteration"; }
inline bool is_control_flow(const NodeDef& n) { return is_switch(n) || is_merge(n) || is_enter(n) || is_exit(n) || is_next(n) || n.op() == "LoopCond"; }

// The node's attribute of this name, or null.
const AttrValue* find_attribute(const NodeDef& node, std::string_view key);
// The attribute T, or DT_INVALID.
DataType type_of(const NodeDef& node);
// set(AttrValue&) fills a new attribute.
inline void add_attr(NodeDef& node, const std::string& key, auto&& set) {
  AttrEntry& entry = *node.add_attr();
  entry.set_key(key);
  set(*entry.mutable_value());
}

// "name" or "name:index".
std::string text_of(const TensorName& tensor);
std::string text_of(const std::string& node, int64_t index);
// "node 'name' (Op)".
std::string node_text(const NodeDef& node);
// Unsupported: control flow that has no structured form.
std::unexpected<Error> refuse(const NodeDef& node, const std::string& why);

// The nodes of one graph or function body while it is rewritten.
class Body {
 public:
  std::map<std::string, NodeDef> nodes;  // by name; sorted, so that the work is the same on every run
  std::vector<std::string> roots;        // nodes that are needed
  std::set<std::string> sources;         // names that are values from outside: arguments and fed nodes

  const NodeDef* find(const std::string& name) const {
    const auto it = nodes.find(name);
    return it == nodes.end() ? nullptr : &it->second;
  }
  std::string fresh(const std::string& wanted) const {
    std::string name = wanted;
    for (int64_t i = 1; nodes.contains(name) || sources.contains(name); ++i) name = wanted + "_" + std::to_string(i);
    return name;
  }
};

// Producers first; loops must be gone, except that edges from NextIteration are ignored.
Result<std::vector<const NodeDef*>> topological(const Body& body);
// Drops what the roots do not need. A name that is neither node nor source is left for the importer to report.
void prune(Body& body);
// Is the producer of `input` the node `target`, or identities below it?
bool leads_to(const Body& body, const std::string& input, const std::string& target);
// The tensor that `input` is, below identities.
std::string canonical_predicate(const Body& body, const std::string& input);

// A function being cut out of a body: replaced tensors become arguments, the rest is copied.
class Outliner {
 public:
  Outliner(const Body& body, FunctionDef& def, const std::string& name) : body_(body), def_(def) { def_.mutable_signature()->set_name(name); }

  void add_argument(const std::string& name, DataType type) {
    auto& arg = *def_.mutable_signature()->add_input_arg();
    arg.set_name(name);
    arg.set_type(type);
  }
  // The tensor of the body that an argument stands for.
  void replace(const TensorName& tensor, const std::string& argument) { replaced_[text_of(tensor)] = argument; }
  // Nodes that may be copied; everything else must be replaced.
  void set_inside(std::set<std::string> inside) { inside_ = std::move(inside); }
  // What to do with a tensor that is neither inside nor replaced: gives the name of a new argument for it.
  using External = std::function<Result<std::string>(const TensorName&)>;
  void set_external(External external) { external_ = std::move(external); }

  // Copies the tensor's producers; returns how the function refers to it.
  Result<std::string> tensor(const TensorName& name);

  void add_result(const std::string& name, DataType type, const std::string& value) {
    auto& arg = *def_.mutable_signature()->add_output_arg();
    arg.set_name(name);
    arg.set_type(type);
    StringEntry& ret = *def_.add_ret();
    ret.set_key(name);
    ret.set_value(value);
  }

 private:
  // Depth-first without recursion: graphs can be deep.
  Result<void> copy(const NodeDef& root);

  const Body& body_;
  FunctionDef& def_;
  std::map<std::string, std::string> replaced_;
  std::set<std::string> inside_;
  std::set<std::string> copied_;
  External external_;
};

// The result dtype of a tensor that becomes an argument, from the signature of the op that makes it.
Result<DataType> external_type(const Body& body, const TensorName& tensor, const std::map<std::string, DataType>& argument_types);

}  // namespace isomer::tf::control_flow
