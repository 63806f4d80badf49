// Things are compared by name. Weights are then looked for by content as well, since conversions give them other names.
#include "isomer/diff.h"

#include <algorithm>
#include <map>
#include <set>

#include "ir/const_op.h"
#include "ir/text.h"
#include "isomer/compare.h"
#include "isomer/ports.h"
#include "passes/pipelines.h"
#include "wire/crc32c.h"

namespace isomer {
namespace {

constexpr int64_t kLeastWeight = 8;  // elements; smaller constants are axes, shapes and the like, and count as part of the nodes

// Names to texts, in the order of the first model and then of the second.
class Table {
 public:
  void add(std::string name, std::string text) {
    const auto [it, inserted] = texts_.try_emplace(std::move(name), std::move(text));
    if (inserted) order_.push_back(it->first);
  }
  const std::string* find(const std::string& name) const {
    const auto it = texts_.find(name);
    return it == texts_.end() ? nullptr : &it->second;
  }
  const std::vector<std::string>& order() const { return order_; }

 private:
  std::map<std::string, std::string> texts_;
  std::vector<std::string> order_;
};

std::vector<Change> changes(const Table& first, const Table& second) {
  std::vector<Change> result;
  for (const std::string& name : first.order()) {
    const std::string* other = second.find(name);
    if (!other || *other != *first.find(name)) result.push_back({name, *first.find(name), other ? *other : ""});
  }
  for (const std::string& name : second.order())
    if (!first.find(name)) result.push_back({name, "", *second.find(name)});
  return result;
}

// --- signature

void add_ports(const ir::Graph& graph, const std::vector<ir::Port>& ports, const std::string& what, Table& table) {
  std::string order;
  for (const ir::Port& port : ports) {
    table.add(what + " " + port.key, to_string(graph.type(port.value)));
    order += (order.empty() ? "" : ", ") + port.key;
  }
  if (ports.size() > 1) table.add("order of " + what + "s", order);
}

Table signature_of(const ir::Module& module, const ir::Function& function) {
  Table table;
  table.add("key", module.signatures[0].key);
  add_ports(function.graph, function.graph.inputs, "input", table);
  add_ports(function.graph, function.graph.outputs, "output", table);
  return table;
}

// --- ops and nodes

Table op_counts(const ir::Module& module) {
  std::map<std::string, int64_t> counts;
  for (const auto& function : module.functions()) {
    for (const ir::NodeId id : function->graph.live_nodes()) {
      const ir::Node& node = function->graph.node(id);
      ++counts[node.is("Foreign") ? node.as<ir::ForeignAttributes>().op : std::string(node.op->name)];
    }
  }
  Table table;
  for (const auto& [op, count] : counts) table.add(op, std::to_string(count));
  return table;
}

bool is_weight(const ir::Node& node) { return node.is("Const") && node.as<ir::ConstAttributes>().value.elements() >= kLeastWeight; }

// "Conv2D(%x, %kernel) {padding = "SAME"}"; of a weight only that it is one.
std::string node_text(const ir::Graph& graph, const ir::Node& node) {
  if (is_weight(node)) return "Const " + type_text(node.as<ir::ConstAttributes>().value);
  std::string text = node.is("Foreign") ? node.as<ir::ForeignAttributes>().op : std::string(node.op->name);
  text += "(";
  for (const ir::ValueId input : node.inputs) {
    const int64_t index = graph.value(input).output_index;
    text += (text.ends_with('(') ? "%" : ", %") + graph.producer(input).name + (index > 0 ? ":" + std::to_string(index) : "");
  }
  text += ")";
  std::string attributes;
  for (const auto& [name, value] : node.attributes->to_map()) attributes += (attributes.empty() ? "" : ", ") + name + " = " + ir::print_attribute(value);
  return attributes.empty() ? text : text + " {" + attributes + "}";
}

Table nodes_of(const ir::Module& module, const ir::Function& entry, int64_t& count) {
  Table table;
  for (const auto& function : module.functions()) {
    // The function that is run goes by no name: signatures are named differently from format to format.
    const std::string prefix = function.get() == &entry ? "" : "@" + function->name + " ";
    for (const ir::NodeId id : function->graph.live_nodes()) {
      const ir::Node& node = function->graph.node(id);
      ++count;
      table.add(prefix + node.name, node_text(function->graph, node));
    }
  }
  return table;
}

// --- weights

using Weights = std::map<std::string, Tensor>;

// Variables that were frozen are still listed by the module, but are constants by now.
Weights weights_of(const ir::Module& module, bool frozen) {
  Weights weights;
  for (const ir::Variable& variable : module.variables)
    if (!frozen && variable.value.valid()) weights.emplace(variable.name, variable.value);
  for (const auto& function : module.functions())
    for (const ir::NodeId id : function->graph.live_nodes())
      if (const ir::Node& node = function->graph.node(id); is_weight(node)) weights.emplace(node.name, node.as<ir::ConstAttributes>().value);
  return weights;
}

std::string content_key(const Tensor& tensor) { return type_text(tensor) + " " + std::to_string(crc32c(tensor.bytes().span())); }

std::string difference_text(const Tensor& first, const Tensor& second) {
  const OutputDifference difference = compare_tensors({}, first, second, {0, 0});
  if (!difference.note.empty()) return ", " + difference.note;
  char text[96];
  std::snprintf(text, sizeof text, ", differs by at most %.3g (relative %.3g)", difference.max_absolute, difference.max_relative);
  return text;
}

void diff_weights(const Weights& first, const Weights& second, DiffReport& report) {
  std::multimap<std::string, std::string> by_content;  // those of the second model whose names the first has not
  for (const auto& [name, tensor] : second)
    if (!first.contains(name)) by_content.emplace(content_key(tensor), name);
  std::set<std::string> renamed;
  for (const auto& [name, tensor] : first) {
    const auto same = second.find(name);
    if (same != second.end() && same->second.identical(tensor)) {
      ++report.equal_weights;
    } else if (same != second.end()) {
      report.weights.push_back({name, type_text(tensor), type_text(same->second) + difference_text(tensor, same->second)});
    } else if (const auto it = by_content.find(content_key(tensor)); it != by_content.end() && second.at(it->second).identical(tensor)) {
      report.weights.push_back({name + " -> " + it->second, type_text(tensor), type_text(tensor)});
      renamed.insert(it->second);
      by_content.erase(it);
    } else {
      report.weights.push_back({name, type_text(tensor), ""});
    }
  }
  for (const auto& [name, tensor] : second)
    if (!first.contains(name) && !renamed.contains(name)) report.weights.push_back({name, "", type_text(tensor)});
}

}  // namespace

Result<DiffReport> diff_models(const std::string& first, const std::string& second, const DiffOptions& options) {
  LoadedModel a = TRY(load_model(first, options.first));
  LoadedModel b = TRY(load_model(second, options.second));
  DiffReport report;
  report.first = a.source;
  report.second = b.source;
  report.frozen = options.freeze.value_or(a.source.format != b.source.format);
  if (report.frozen) {
    passes::PassContext context;
    context.limits = options.limits;
    TRY(in_context(passes::freeze(a.module, false, context), "freezing " + first));
    TRY(in_context(passes::freeze(b.module, false, context), "freezing " + second));
  }
  const ir::Function* entry_a = TRY(entry_function(static_cast<const ir::Module&>(a.module)));
  const ir::Function* entry_b = TRY(entry_function(static_cast<const ir::Module&>(b.module)));
  report.signature = changes(signature_of(a.module, *entry_a), signature_of(b.module, *entry_b));
  report.ops = changes(op_counts(a.module), op_counts(b.module));
  report.nodes = changes(nodes_of(a.module, *entry_a, report.first_nodes), nodes_of(b.module, *entry_b, report.second_nodes));
  diff_weights(weights_of(a.module, report.frozen), weights_of(b.module, report.frozen), report);
  return report;
}

}  // namespace isomer
