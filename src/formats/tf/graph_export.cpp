#include "formats/tf/graph_export.h"

#include <algorithm>
#include <deque>
#include <set>

#include "formats/tf/schema/tensorflow.pb.h"
#include "formats/tf/tensor_proto.h"
#include "ir/const_op.h"

namespace isomer::tf {
namespace {

using ir::NodeId;
using ir::ValueId;

class Exporter {
 public:
  Exporter(const ir::Module& module, const GraphExportOptions& options, GraphDef& out) : module_(module), options_(options), out_(out) {}

  Result<std::vector<ExportedConstant>> run(const ir::Function& main) {
    for (const NodeId id : TRY(ordered(main.graph))) {
      NodeDef& node = *out_.add_node();
      TRY(encode_node(main.graph, id, "", node));
      for (const ValueId input : main.graph.node(id).inputs) node.add_input(main_input(main.graph, input));
      add_control_inputs(main.graph, id, node);
    }
    TRY(export_requested());
    return std::move(constants_);
  }

  Result<void> run(std::span<const std::string> functions) {
    for (const std::string& name : functions) request(name);
    return export_requested();
  }

 private:
  Result<void> export_requested() {
    while (!pending_.empty()) {
      const std::string name = pending_.front();
      pending_.pop_front();
      const ir::Function* function = module_.find_function(name);
      if (!function) return fail(ErrorCode::kInternal, "there is no function '" + name + "'");
      TRY(export_function(*function));
    }
    return {};
  }

  // Placeholders in the order of the inputs, then constants, then the rest in topological order.
  static Result<std::vector<NodeId>> ordered(const ir::Graph& graph) {
    std::vector<NodeId> order = TRY(graph.topological_order());
    const auto rank = [&](NodeId id) { return graph.node(id).is("Placeholder") ? 0 : graph.node(id).is("Const") ? 1 : 2; };
    std::stable_sort(order.begin(), order.end(), [&](NodeId a, NodeId b) { return rank(a) < rank(b); });
    for (size_t i = 0; i < graph.inputs.size() && i < order.size(); ++i) order[i] = graph.value(graph.inputs[i].value).producer;
    return order;
  }

  static std::string main_input(const ir::Graph& graph, ValueId value) {
    const ir::Value& v = graph.value(value);
    return v.output_index == 0 ? graph.node(v.producer).name : graph.node(v.producer).name + ":" + std::to_string(v.output_index);
  }

  static void add_control_inputs(const ir::Graph& graph, NodeId id, NodeDef& node) {
    for (const NodeId before : graph.node(id).control_inputs) node.add_input("^" + graph.node(before).name);
  }

  Result<void> encode_node(const ir::Graph& graph, NodeId id, const std::string& prefix, NodeDef& out) {
    const ir::Node& node = graph.node(id);
    const bool foreign = node.is("Foreign");
    const bool constant = node.is("Const");
    out.set_name(constant ? prefix + node.name : node.name);
    out.set_op(foreign ? node.as<ir::ForeignAttributes>().op : std::string(node.op->name));
    if (constant) {
      const Tensor& value = node.as<ir::ConstAttributes>().value;
      AttrEntry& dtype = *out.add_attr();
      dtype.set_key("dtype");
      dtype.mutable_value()->set_type(static_cast<DataType>(target(value.dtype())));
      AttrEntry& entry = *out.add_attr();
      entry.set_key("value");
      TensorProto& tensor = *entry.mutable_value()->mutable_tensor();
      encode_tensor(value, options_.constant_values, tensor);
      tensor.set_dtype(static_cast<DataType>(target(value.dtype())));
      constants_.push_back({out.name(), value});
      return {};
    }
    ir::AttributeMap map = node.attributes->to_map();
    if (!foreign) {
      std::vector<DType> dtypes;
      for (const ValueId input : node.inputs) dtypes.push_back(graph.type(input).dtype);
      for (auto& derived : TRY(ir::derived_attributes(*node.op, node.attributes.get(), dtypes)))
        if (!ir::find(map, derived.name)) map.push_back(std::move(derived));
    }
    std::sort(map.begin(), map.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    for (auto& attribute : map) {
      narrow(attribute.value);
      request_functions(attribute.value);
      AttrEntry& entry = *out.add_attr();
      entry.set_key(attribute.name);
      encode_attribute(attribute.value, *entry.mutable_value());
    }
    return {};
  }

  DType target(DType dtype) const { return options_.target_dtype ? options_.target_dtype(dtype) : dtype; }

  void narrow(ir::AttributeValue& value) const {
    if (auto* one = std::get_if<DType>(&value)) *one = target(*one);
    if (auto* list = std::get_if<std::vector<DType>>(&value))
      for (DType& dtype : *list) dtype = target(dtype);
  }

  void request(const std::string& function) {
    if (requested_.insert(function).second) pending_.push_back(function);
  }
  void request_functions(const ir::AttributeValue& value) {
    if (const auto* one = std::get_if<ir::FunctionRef>(&value)) request(one->name);
    if (const auto* list = std::get_if<std::vector<ir::FunctionRef>>(&value))
      for (const auto& function : *list) request(function.name);
  }

  std::string function_input(const ir::Graph& graph, ValueId value, const std::string& prefix) const {
    const ir::Value& v = graph.value(value);
    const ir::Node& producer = graph.node(v.producer);
    if (producer.is("Placeholder")) return producer.name;
    const std::string name = producer.is("Const") ? prefix + producer.name : producer.name;
    if (options_.flat_function_inputs || producer.is("Foreign")) return v.output_index == 0 ? name : name + ":" + std::to_string(v.output_index);
    // The output operand that the result belongs to, and its place there. At most one operand varies in number.
    const auto& outputs = ir::signature_of(*producer.op).outputs;
    int64_t index = v.output_index;
    size_t operand = 0;
    for (; operand + 1 < outputs.size(); ++operand) {
      const int64_t size = outputs[operand].variadic() ? static_cast<int64_t>(producer.outputs.size() - outputs.size() + 1) : 1;
      if (index < size) break;
      index -= size;
    }
    return name + ":" + outputs[operand].name + ":" + std::to_string(index);
  }

  Result<void> export_function(const ir::Function& function) {
    const ir::Graph& graph = function.graph;
    FunctionDef& def = *out_.mutable_library()->add_function();
    const std::string prefix = function.name + "/";
    def.mutable_signature()->set_name(function.name);
    for (const ir::Port& port : graph.inputs) {
      auto& arg = *def.mutable_signature()->add_input_arg();
      arg.set_name(graph.producer(port.value).name);
      arg.set_type(static_cast<DataType>(target(graph.type(port.value).dtype)));
    }
    for (const NodeId id : TRY(ordered(graph))) {
      if (graph.node(id).is("Placeholder")) continue;
      NodeDef& node = *def.add_node_def();
      TRY(encode_node(graph, id, prefix, node));
      for (const ValueId input : graph.node(id).inputs) node.add_input(function_input(graph, input, prefix));
      add_control_inputs(graph, id, node);
    }
    for (size_t i = 0; i < graph.outputs.size(); ++i) {
      const std::string name = "output_" + std::to_string(i);
      auto& arg = *def.mutable_signature()->add_output_arg();
      arg.set_name(name);
      arg.set_type(static_cast<DataType>(target(graph.type(graph.outputs[i].value).dtype)));
      StringEntry& ret = *def.add_ret();
      ret.set_key(name);
      ret.set_value(function_input(graph, graph.outputs[i].value, prefix));
    }
    for (const NodeId id : graph.control_outputs) {
      StringEntry& ret = *def.add_control_ret();
      ret.set_key(graph.node(id).name);
      ret.set_value(graph.node(id).name);
      def.mutable_signature()->add_control_output(graph.node(id).name);
    }
    return {};
  }

  const ir::Module& module_;
  const GraphExportOptions& options_;
  GraphDef& out_;
  std::vector<ExportedConstant> constants_;
  std::set<std::string> requested_;
  std::deque<std::string> pending_;
};

}  // namespace

Result<std::vector<ExportedConstant>> export_graph(const ir::Module& module, const ir::Function& function, const GraphExportOptions& options, GraphDef& out) {
  return Exporter(module, options, out).run(function);
}

Result<void> export_functions(const ir::Module& module, std::span<const std::string> names, GraphDef& out) {
  const GraphExportOptions options;
  return Exporter(module, options, out).run(names);
}

}  // namespace isomer::tf
