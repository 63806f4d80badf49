// tf.js lists ops that TensorFlow never had, and runs models that name them. The constants that the rewriting needs carry their values, in a format where
// all others have them in the weight files.
#include "formats/tfjs/own_ops.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "formats/tf/schema/tensorflow.pb.h"
#include "formats/tfjs/regex_spelling.h"

namespace isomer::tfjs {
namespace {

using tf::AttrValue;
using tf::NodeDef;

const AttrValue* find_attr(const NodeDef& node, std::string_view key) {
  for (const tf::AttrEntry& attr : node.attr())
    if (attr.key() == key) return &attr.value();
  return nullptr;
}

std::string attr_text(const NodeDef& node, std::string_view key) {
  const AttrValue* attr = find_attr(node, key);
  return attr ? attr->s() : std::string();
}

void respell_regex(NodeDef& node, const RegexSpelling& spelling) {
  for (tf::AttrEntry& attr : *node.mutable_attr()) {
    if (attr.key() == "pattern") attr.mutable_value()->set_s(spelling.pattern);
    if (attr.key() == "rewrite") attr.mutable_value()->set_s(spelling.rewrite);
  }
}

AttrValue& add_attr(NodeDef& node, const std::string& key) {
  tf::AttrEntry& attr = *node.add_attr();
  attr.set_key(key);
  return *attr.mutable_value();
}

// The nodes of one graph or function while it is rewritten.
class NodeList {
 public:
  // In a function other nodes refer to a node's result by its name in the op's signature, in a graph by its number alone.
  NodeList(google::protobuf::RepeatedPtrField<NodeDef>& nodes, bool is_function) : nodes_(nodes), is_function_(is_function) {
    for (const NodeDef& node : nodes) names_.insert(node.name());
  }

  Result<void> rewrite() {
    const bool loops = std::any_of(nodes_.begin(), nodes_.end(), [](const NodeDef& n) { return n.op() == "NextIteration" || n.op() == "RefNextIteration"; });
    for (NodeDef& node : nodes_) {
      const std::string& op = node.op();
      if (op == "DepthwiseConv2d") node.set_op("DepthwiseConv2dNative");
      if (op == "StaticRegexReplace") respell_regex(node, regex_from_javascript(attr_text(node, "pattern"), attr_text(node, "rewrite")));
      if (op == "Conv1D") TRY(conv1d(node));
      if (op == "Ones" || op == "Zeros") filled(node, op == "Ones" ? 1 : 0);
      if ((op == "Enter" || op == "RefEnter") && !loops) {
        node.set_op("Identity");
        node.clear_attr();
      }
    }
    for (NodeDef& node : made_) *nodes_.Add() = std::move(node);
    return {};
  }

 private:
  std::string fresh(const std::string& base) {
    std::string name = base;
    for (int i = 1; !names_.insert(name).second; ++i) name = base + "_" + std::to_string(i);
    return name;
  }
  std::string result(const std::string& node, const std::string& output) const { return is_function_ ? node + ":" + output + ":0" : node; }

  std::string constant(const std::string& name, tf::DataType dtype, int value) {
    NodeDef& node = made_.emplace_back();
    node.set_name(fresh(name));
    node.set_op("Const");
    add_attr(node, "dtype").set_type(dtype);
    tf::TensorProto& tensor = *add_attr(node, "value").mutable_tensor();
    tensor.set_dtype(dtype);
    tensor.mutable_tensor_shape();
    if (dtype == tf::DT_INT32) tensor.add_int_val(value);
    if (dtype == tf::DT_FLOAT) tensor.add_float_val(static_cast<float>(value));
    if (dtype == tf::DT_BOOL) tensor.add_bool_val(value != 0);
    return result(node.name(), "output");
  }

  std::string expanded(const std::string& name, const std::string& input, int axis) {
    const std::string at = constant(name + "/dim", tf::DT_INT32, axis);
    NodeDef& node = made_.emplace_back();
    node.set_name(fresh(name));
    node.set_op("ExpandDims");
    node.add_input(input);
    node.add_input(at);
    return result(node.name(), "output");
  }

  Result<void> conv1d(NodeDef& node) {
    if (node.input_size() < 2 || node.input(0).starts_with('^') || node.input(1).starts_with('^')) {
      return fail(Error{ErrorCode::kInvalidModel, "Conv1D needs an input and a filter", "node '" + node.name() + "'", {}, {}});
    }
    const AttrValue *stride = find_attr(node, "stride"), *dilation = find_attr(node, "dilation"), *padding = find_attr(node, "padding"),
                    *format = find_attr(node, "data_format");
    if (!stride || !padding || (format && format->s() != "NWC")) return {};
    const std::string name = node.name();
    const std::string input = expanded(name + "/input", node.input(0), 1), filter = expanded(name + "/filter", node.input(1), 0);
    NodeDef& conv = made_.emplace_back();
    conv.set_name(fresh(name + "/conv"));
    conv.set_op("Conv2D");
    conv.add_input(input);
    conv.add_input(filter);
    for (int i = 2; i < node.input_size(); ++i) conv.add_input(node.input(i));  // control edges
    add_attr(conv, "padding").set_s(padding->s());
    for (const auto& [key, value] : {std::pair("strides", stride->i()), std::pair("dilations", dilation ? dilation->i() : 1)}) {
      auto& list = *add_attr(conv, key).mutable_list();
      for (const int64_t size : {int64_t{1}, int64_t{1}, static_cast<int64_t>(value), int64_t{1}}) list.add_i(size);
    }
    const std::string output = result(conv.name(), "output");
    node.set_op("Squeeze");
    node.clear_input();
    node.add_input(output);
    node.clear_attr();
    add_attr(node, "squeeze_dims").mutable_list()->add_i(1);
    return {};
  }

  void filled(NodeDef& node, int value) {
    const AttrValue* type = find_attr(node, "T");
    const tf::DataType dtype = type ? type->type() : tf::DT_FLOAT;
    if (dtype != tf::DT_FLOAT && dtype != tf::DT_INT32 && dtype != tf::DT_BOOL) return;
    const std::string input = constant(node.name() + "/value", dtype, value);
    // Behind the shape, before control edges.
    std::vector<std::string> inputs(node.input().begin(), node.input().end());
    inputs.insert(std::find_if(inputs.begin(), inputs.end(), [](const std::string& i) { return i.starts_with('^'); }), input);
    node.clear_input();
    for (const std::string& i : inputs) node.add_input(i);
    node.set_op("Fill");
    node.clear_attr();
  }

  google::protobuf::RepeatedPtrField<NodeDef>& nodes_;
  bool is_function_;
  std::set<std::string> names_;
  std::vector<NodeDef> made_;
};

}  // namespace

Result<void> rewrite_own_ops(tf::GraphDef& graph) {
  TRY(NodeList(*graph.mutable_node(), false).rewrite());
  for (tf::FunctionDef& function : *graph.mutable_library()->mutable_function()) TRY(NodeList(*function.mutable_node_def(), true).rewrite());
  return {};
}

namespace {

void spell_nodes_for_tfjs(google::protobuf::RepeatedPtrField<NodeDef>& nodes) {
  for (NodeDef& node : nodes) {
    if (node.op() != "StaticRegexReplace") continue;
    if (const auto spelling = regex_for_javascript(attr_text(node, "pattern"), attr_text(node, "rewrite"))) respell_regex(node, *spelling);
  }
}

}  // namespace

void spell_for_tfjs(tf::GraphDef& graph) {
  spell_nodes_for_tfjs(*graph.mutable_node());
  for (tf::FunctionDef& function : *graph.mutable_library()->mutable_function()) spell_nodes_for_tfjs(*function.mutable_node_def());
}

}  // namespace isomer::tfjs
