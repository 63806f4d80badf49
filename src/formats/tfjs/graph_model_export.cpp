// Exporting for tf.js, in steps:
//   1. legalise: every op in a form that tf.js computes rightly, or refused by node;
//   2. names: tf.js looks constants up by name in one map for all graphs, so node names are made unique over the main graph and all functions;
//   3. outputs: each signature output gets a node of its own (tf.js keeps one key for each node), named Identity, Identity_1, ... or as the source
//      names the tensor; results of functions pass through Identity (tf.js disposes constants that a function returns directly);
//   4. tables become the initialiser graph, found by the name of their node;
//   5. GraphDef, weights and signature are handed to the writer.
#include "formats/tfjs/graph_model_export.h"

#include <algorithm>
#include <map>
#include <set>

#include "formats/tf/graph_export.h"
#include "formats/tf/graph_import.h"
#include "formats/tfjs/own_ops.h"
#include "formats/tfjs/target.h"
#include "formats/tfjs/target_advice.h"
#include "ir/const_op.h"
#include "passes/pipelines.h"
#include "passes/rewrite.h"

namespace isomer::tfjs {
namespace {

using ir::NodeId;
using ir::ValueId;

Error refusal(const std::vector<passes::Refused>& refused) {
  std::string message = refused.size() == 1 ? "1 node cannot run in tf.js" : std::to_string(refused.size()) + " nodes cannot run in tf.js";
  constexpr size_t kShown = 30;
  for (size_t i = 0; i < std::min(refused.size(), kShown); ++i) {
    const passes::Refused& r = refused[i];
    message += "\n    " + r.op + " '" + r.node + "' in '" + r.function + "': " + r.reason;
  }
  if (refused.size() > kShown) message += "\n    and " + std::to_string(refused.size() - kShown) + " more";
  constexpr std::string_view kCut = "cut the graph above these nodes with another signature or with --output_node_names, or do their work outside of the model";
  // What all of them lack for one reason has an advice of its own.
  const std::string_view general = lack_of("").advice, advice = lack_of(refused[0].op).advice;
  const bool shared = advice != general && std::all_of(refused.begin(), refused.end(), [&](const auto& r) { return lack_of(r.op).advice == advice; });
  return Error{ErrorCode::kUnsupported, std::move(message), {}, {}, std::string(shared ? advice : kCut)};
}

// Member names of JavaScript objects: tf.js keeps nodes in plain objects and takes these for things that are there already.
bool is_object_member(std::string_view name) {
  static constexpr std::string_view kMembers[] = {"constructor",      "hasOwnProperty",   "isPrototypeOf",    "propertyIsEnumerable",
                                                  "toLocaleString",   "toString",         "valueOf",          "__proto__",
                                                  "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__"};
  return std::find(std::begin(kMembers), std::end(kMembers), name) != std::end(kMembers);
}

// Names of nodes of all graphs are made different: tf.js takes the weight of a name before it looks for a node.
void make_names_unique(ir::Module& module, const ir::Function& main) {
  std::set<std::string> taken;
  const auto claim = [&](ir::Graph& graph, NodeId id, const std::string& prefix) {
    std::string name = graph.node(id).name;
    std::replace(name.begin(), name.end(), ':', '_');
    if (name.empty() || name[0] == '^' || is_object_member(name)) name = "node_" + name;
    if (taken.contains(name)) name = prefix + name;
    std::string unique = name;
    for (int64_t i = 1; taken.contains(unique); ++i) unique = name + "_" + std::to_string(i);
    taken.insert(unique);
    if (unique != graph.node(id).name) graph.rename(id, unique);
  };
  // The main graph first: its names are what users see.
  for (const auto& function : module.functions()) {
    if (function.get() != &main) continue;
    for (const NodeId id : function->graph.live_nodes()) claim(function->graph, id, "");
  }
  for (const auto& function : module.functions()) {
    if (function.get() == &main) continue;
    const std::string prefix = function->name + "/";
    for (const NodeId id : function->graph.live_nodes()) {
      // Constants get the function's name in front when they are written.
      if (function->graph.node(id).is("Const")) {
        taken.insert(prefix + function->graph.node(id).name);
      } else {
        claim(function->graph, id, prefix);
      }
    }
  }
}

// The conditions and bodies of loops.
std::set<std::string> functions_of_loops(const ir::Module& module) {
  std::set<std::string> names;
  for (const auto& function : module.functions()) {
    for (const NodeId id : function->graph.live_nodes()) {
      if (!passes::is_loop(function->graph.node(id))) continue;
      for (const std::string& name : passes::referenced_functions(function->graph.node(id))) names.insert(name);
    }
  }
  return names;
}

// May a loop's function return the value without an Identity of its own? An argument, or the only result of an op without effect that nobody else uses.
bool may_return(const ir::Graph& graph, ValueId value) {
  const ir::Node& producer = graph.producer(value);
  if (producer.is("Placeholder")) return true;
  return producer.outputs.size() == 1 && !producer.inputs.empty() && graph.value(value).users.empty() && producer.control_users.empty() &&
         producer.op->effect == ir::Effect::kPure && !passes::is_branch(producer) && !passes::is_loop(producer) && !producer.is("Foreign");
}

Result<void> separate_function_results(ir::Module& module, const ir::Function& main) {
  const std::set<std::string> loops = functions_of_loops(module);
  for (const auto& function : module.functions()) {
    if (function.get() == &main) continue;
    ir::Graph& graph = function->graph;
    const bool in_loop = loops.contains(function->name);
    std::set<ValueId> returned;
    for (ir::Port& port : graph.outputs) {
      const DType dtype = graph.type(port.value).dtype;
      if (dtype == DType::kVariant || dtype == DType::kResource) continue;
      // A value that was stored in a list must be returned itself (passes/return_stored_values.cpp): it has its own Identity already.
      if (port.key == "stored" && graph.producer(port.value).is("Identity") && !graph.producer(graph.producer(port.value).inputs[0]).is("Const")) continue;
      if (in_loop && may_return(graph, port.value) && returned.insert(port.value).second) continue;
      const NodeId identity = TRY(passes::add_node(graph, "Identity", {}, {&port.value, 1}, "result"));
      port.value = graph.output(identity);
    }
  }
  return {};
}

// Gives every output of the main graph its own node of the right name.
Result<void> name_outputs(ir::Graph& graph) {
  int64_t made_up = 0;
  std::set<NodeId> used;
  for (ir::Port& port : graph.outputs) {
    const ir::Value& value = graph.value(port.value);
    const ir::Node& producer = graph.node(value.producer);
    std::string name;
    if (port.tensor_name.empty()) {
      name = made_up == 0 ? "Identity" : "Identity_" + std::to_string(made_up);
      ++made_up;
    } else {
      const tf::TensorName tensor = tf::parse_tensor_name(port.tensor_name);
      name = tensor.index == 0 ? tensor.node : tensor.node + "_" + std::to_string(tensor.index);
      const bool own = producer.name == name && producer.outputs.size() == 1 && !producer.is("Const") && !producer.is("Placeholder") &&
                       producer.op->effect == ir::Effect::kPure && !passes::is_branch(producer) && !passes::is_loop(producer);
      if (own && used.insert(value.producer).second) continue;
    }
    if (const NodeId taken = graph.find(name); taken.valid() && !used.contains(taken)) {
      // An input keeps its name; the output then gets another.
      if (!graph.node(taken).is("Placeholder")) graph.rename(taken, name + "/value");
    }
    const NodeId identity = TRY(passes::add_node(graph, "Identity", {}, {&port.value, 1}, name));
    port.value = graph.output(identity);
    used.insert(identity);
  }
  return {};
}

Signature make_signature(const ir::Graph& graph) {
  const auto port_of = [&](const ir::Port& port) {
    SignatureTensor tensor;
    tensor.key = port.key;
    const TensorType& type = graph.type(port.value);
    tensor.name = graph.producer(port.value).name + ":0";
    tensor.dtype = static_cast<tf::DataType>(type.dtype);
    tensor.shape = type.shape;
    return tensor;
  };
  Signature signature;
  for (const ir::Port& port : graph.inputs) signature.inputs.push_back(port_of(port));
  for (const ir::Port& port : graph.outputs) signature.outputs.push_back(port_of(port));
  return signature;
}

// A constant of several graphs is one weight: tf.js finds it by its name, which all of them then use.
void share_weights(tf::GraphDef& topology, std::vector<OutputWeight>& weights) {
  std::map<std::pair<size_t, std::string>, std::vector<size_t>> alike;  // kept weights by bytes and type
  std::map<std::string, std::string> renamed;
  std::vector<OutputWeight> kept;
  for (OutputWeight& weight : weights) {
    auto& candidates = alike[{static_cast<size_t>(weight.value.byte_size()), type_text(weight.value)}];
    const auto same = std::find_if(candidates.begin(), candidates.end(), [&](size_t i) { return kept[i].value.identical(weight.value); });
    if (same != candidates.end()) {
      renamed[weight.name] = kept[*same].name;
      continue;
    }
    candidates.push_back(kept.size());
    kept.push_back(std::move(weight));
  }
  weights = std::move(kept);
  if (renamed.empty()) return;
  const auto new_name = [&](const std::string& name) -> const std::string* {
    const auto found = renamed.find(name);
    return found == renamed.end() ? nullptr : &found->second;
  };
  const auto rename = [&](auto& nodes) {
    std::set<std::string> taken;
    for (const tf::NodeDef& node : nodes)
      if (node.op() == "Const" && !new_name(node.name())) taken.insert(node.name());
    // Of constants that are one now, a graph has one.
    const auto again = [&](const tf::NodeDef& node) {
      const std::string* name = node.op() == "Const" ? new_name(node.name()) : nullptr;
      return name && !taken.insert(*name).second;
    };
    nodes.erase(std::remove_if(nodes.begin(), nodes.end(), again), nodes.end());
    for (tf::NodeDef& node : nodes) {
      if (node.op() == "Const")
        if (const std::string* name = new_name(node.name())) node.set_name(*name);
      for (std::string& input : *node.mutable_input())
        if (const std::string* name = new_name(input)) input = *name;
    }
  };
  rename(*topology.mutable_node());
  for (tf::FunctionDef& function : *topology.mutable_library()->mutable_function()) rename(*function.mutable_node_def());
}

// The initialiser graph: for each table that the main graph uses, its node and the import of its contents. Nothing reads the imports, so tf.js runs them all;
// with a signature it would count the tables among the inputs of the model (docs/decisions/0003).
Result<void> add_tables(const ir::Module& module, const ir::Graph& graph, GraphModelOutput& out) {
  std::map<std::string, std::string> node_of_table;  // shared name -> node name
  for (const NodeId id : graph.live_nodes()) {
    const ir::Node& node = graph.node(id);
    if (!node.is("HashTableV2") && !node.is("HashTable")) continue;
    const ir::AttributeMap map = node.attributes->to_map();
    node_of_table[std::get<std::string>(*ir::find(map, "shared_name"))] = node.name;
  }
  if (node_of_table.empty()) return {};
  ir::Module tables;
  ir::Function& function = tables.add_function("initializer");
  ir::Graph& initial = function.graph;
  for (const auto& [table_name, node_name] : node_of_table) {
    const ir::Table* table = module.find_table(table_name);
    if (!table || !table->keys.valid()) return fail(ErrorCode::kInvalidModel, "the table '" + table_name + "' has no contents");
    const NodeId handle = TRY(passes::add_node(
        initial, "HashTableV2", {{"shared_name", node_name}, {"key_dtype", table->key_dtype}, {"value_dtype", table->value_dtype}}, {}, node_name));
    const ValueId inputs[] = {initial.output(handle), passes::add_constant(initial, table->keys, node_name + "/keys"),
                              passes::add_constant(initial, table->values, node_name + "/values")};
    TRY(passes::add_node(initial, "LookupTableImportV2", {}, inputs, node_name + "/import"));
  }
  tf::GraphExportOptions options;
  options.constant_values = false;
  options.flat_function_inputs = true;
  options.target_dtype = working_dtype;
  out.initializer.emplace();
  for (auto& constant : TRY(tf::export_graph(tables, function, options, *out.initializer)))
    out.weights.push_back({std::move(constant.name), std::move(constant.value), {}});
  return {};
}

}  // namespace

Result<GraphModelOutput> export_graph_model(ir::Module& module, const ExportOptions& options, passes::PassContext& context) {
  if (module.signatures.size() != 1) return fail(ErrorCode::kInternal, "a graph model has one signature");
  const ir::Entry& entry = module.signatures[0];
  const auto refused = TRY(passes::legalize(module, why_not, context));
  if (!refused.empty() && !options.skip_op_check) return fail(refusal(refused));
  static constexpr std::string_view kFinish[] = {"fold_constants", "remove_identities", "prune"};
  TRY(passes::run_passes(module, kFinish, context));
  if (options.passes) {
    TRY(passes::run_passes(module, std::vector<std::string_view>(options.passes->begin(), options.passes->end()), context));
  } else if (options.optimize) {
    TRY(passes::optimize(module, context));
  }
  // Folding may have made forms that the table does not take (rank known only now).
  const auto late = TRY(passes::legalize(module, why_not, context));
  if (!late.empty() && !options.skip_op_check) return fail(refusal(late));

  if (options.optimize && !options.passes) TRY(passes::fuse_for_tfjs(module, context));
  static constexpr std::string_view kLists[] = {"return_stored_values"};
  TRY(passes::run_passes(module, kLists, context));

  ir::Function& main = *module.find_function(entry.function);
  TRY(separate_function_results(module, main));
  TRY(name_outputs(main.graph));
  make_names_unique(module, main);

  GraphModelOutput out;
  tf::GraphExportOptions graph_options;
  graph_options.constant_values = false;
  graph_options.flat_function_inputs = true;
  graph_options.target_dtype = working_dtype;
  for (auto& constant : TRY(tf::export_graph(module, main, graph_options, out.topology)))
    out.weights.push_back({std::move(constant.name), std::move(constant.value), {}});
  if (options.optimize) share_weights(out.topology, out.weights);
  spell_for_tfjs(out.topology);
  out.topology.mutable_versions()->set_producer(1882);
  out.signature = make_signature(main.graph);
  TRY(add_tables(module, main.graph, out));
  JsonValue metadata = JsonValue::object();
  if (options.structured_outputs) {
    JsonValue keys = JsonValue::array();
    for (const ir::Port& port : main.graph.outputs) keys.items().push_back(JsonValue(port.key));
    metadata["structuredOutputKeys"] = std::move(keys);
  }
  for (const auto& [name, value] : options.metadata) metadata[name] = value;
  if (!metadata.members().empty()) out.user_metadata = std::move(metadata);
  out.generated_by = module.producer;
  return out;
}

}  // namespace isomer::tfjs
