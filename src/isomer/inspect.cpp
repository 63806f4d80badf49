// Inspection goes in three steps, each of which may fail and leaves what the ones before found: the document (what the file says about itself), the
// module (what one signature of it computes) and the trial (freezing and legalising it for tf.js, to see what would be refused).
#include "isomer/inspect.h"

#include <algorithm>
#include <map>
#include <set>

#include "formats/tf/frozen_graph.h"
#include "formats/tf/saved_model.h"
#include "formats/tf/schema/tensorflow.pb.h"
#include "formats/tfjs/document.h"
#include "formats/tfjs/layers_model.h"
#include "formats/tfjs/target.h"
#include "formats/tfjs/target_advice.h"
#include "formats/tfjs/weight_writer.h"
#include "ir/const_op.h"
#include "isomer/convert.h"
#include "isomer/inspect_routes.h"
#include "passes/pipelines.h"
#include "tensor/spill.h"

namespace isomer {
namespace {

std::string join(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ",") + item;
  return text;
}

bool is_usual_name(const std::string& name) { return name == "serving_default" || name == "default"; }

// --- what the file says about itself ---

// Keras leaves a file of its own (up to TensorFlow 2.15) or objects of its own.
bool made_by_keras(const tf::SavedModelDocument& document, const tf::MetaGraphDef& graph) {
  if (document.files->contains("keras_metadata.pb")) return true;
  const auto& nodes = graph.object_graph_def().nodes();
  return std::any_of(nodes.begin(), nodes.end(), [](const tf::SavedObject& object) {
    return object.kind_case() == tf::SavedObject::kUserObject && object.user_object().identifier().starts_with("_tf_keras_");
  });
}

// Functions of the root object, which can be called by name.
void list_functions(const tf::MetaGraphDef& graph, const std::string& tags, Inspection& result) {
  const auto& objects = graph.object_graph_def().nodes();
  if (objects.empty()) return;
  for (const tf::ObjectReference& child : objects[0].children()) {
    if (child.node_id() < 0 || child.node_id() >= objects.size()) continue;
    const tf::SavedObject& object = objects[child.node_id()];
    if (object.kind_case() != tf::SavedObject::kFunction || object.function().concrete_functions_size() == 0) continue;
    CallableSummary callable;
    callable.name = child.local_name();
    callable.tags = tags;
    callable.is_function = true;
    callable.ports_known = false;
    result.callables.push_back(std::move(callable));
  }
}

Result<void> list_callables(const tf::MetaGraphDef& graph, const std::string& tags, Inspection& result) {
  const size_t first = result.callables.size();
  for (const tf::SignatureSummary& signature : TRY(tf::list_signatures(graph))) {
    CallableSummary callable;
    callable.name = signature.name;
    callable.tags = tags;
    for (const tf::SignaturePort& port : signature.inputs) callable.inputs.push_back({port.key, port.type});
    for (const tf::SignaturePort& port : signature.outputs) callable.outputs.push_back({port.key, port.type});
    result.callables.push_back(std::move(callable));
  }
  if (result.callables.size() == first) list_functions(graph, tags, result);
  return {};
}

Result<void> describe_saved_model(const LoadOptions& options, Inspection& result) {
  const auto document = TRY(tf::read_saved_model(TRY(ModelFiles::open(result.source.path, options.limits)), options.limits));
  for (const auto& tags : tf::tag_sets(document)) result.tag_sets.push_back(join(tags));
  const tf::MetaGraphDef& first = document.message->meta_graphs(0);
  const bool objects = first.object_graph_def().nodes_size() > 0;
  if (!first.meta_info_def().tensorflow_version().empty()) result.title += ", written by TensorFlow " + first.meta_info_def().tensorflow_version();
  if (result.source.format == Format::kHubModule)
    result.facts.push_back(document.is_hub_v1 ? "hub module of version 1 (tfhub_module.pb)" : "hub module of version 2");
  result.facts.push_back(objects ? "TensorFlow 2: functions and an object graph" : "TensorFlow 1: one graph, and signatures that name tensors in it");
  const bool keras = made_by_keras(document, first);
  result.facts.push_back(keras ? "made by Keras: the layers are described in it" : "no Keras layers in it, only ops");
  if (document.is_text) result.facts.push_back("text form (saved_model.pbtxt)");
  if (!document.bundle) result.facts.push_back("without variables");
  result.use = Use::kInferenceOnly;
  for (int i = 0; i < document.message->meta_graphs_size(); ++i)
    TRY(list_callables(document.message->meta_graphs(i), result.tag_sets[static_cast<size_t>(i)], result));
  return {};
}

Result<void> describe_frozen_graph(const LoadOptions& options, Inspection& result) {
  const auto document = TRY(tf::read_frozen_graph(result.source.path, options.limits));
  if (document.is_text) result.facts.push_back("text form");
  if (document.message->versions().producer() > 0) result.facts.push_back("graph version " + std::to_string(document.message->versions().producer()));
  result.facts.push_back("a frozen graph does not say what its outputs are: nodes that nothing uses are candidates");
  result.output_candidates = tf::output_candidates(document);
  result.use = Use::kInferenceOnly;
  return {};
}

std::vector<PortSummary> ports_of(const std::vector<tfjs::SignatureTensor>& tensors) {
  std::vector<PortSummary> ports;
  for (const tfjs::SignatureTensor& tensor : tensors) {
    if (tensor.resource_id) continue;  // a table: tf.js feeds it itself
    ports.push_back(
        {tensor.key, {dtype_from_number(tensor.dtype).value_or(DType::kInvalid), tensor.shape.value_or(PartialShape::unknown()), DType::kInvalid, {}}});
  }
  return ports;
}

Result<void> describe_graph_model(const LoadOptions& options, Inspection& result) {
  const auto document = TRY(tfjs::read_graph_model(result.source.path, options.limits));
  if (!document.text("convertedBy").empty()) result.title += ", written by " + std::string(document.text("convertedBy"));
  if (!document.text("generatedBy").empty()) result.facts.push_back("from a model of TensorFlow " + std::string(document.text("generatedBy")));
  int64_t bytes = 0, files = 0;
  std::map<std::string, int64_t> quantised;
  for (const auto& entry : document.weights.entries) {
    bytes += entry.stored_bytes();
    if (entry.quantization) ++quantised[std::string(to_string(entry.quantization->storage))];
  }
  for (const auto& group : document.weights.groups) files += static_cast<int64_t>(group.paths.size());
  result.facts.push_back("weight files: " + std::to_string(files) + ", " + std::to_string(bytes) + " bytes");
  for (const auto& [storage, count] : quantised) result.facts.push_back("weights quantised to " + storage + ": " + std::to_string(count));
  if (document.initializer) result.facts.push_back("tables are filled by an initialiser graph");
  result.use = Use::kInferenceOnly;
  const auto signature = TRY(document.signature());
  if (!signature) {
    result.facts.push_back("no signature: inputs are the placeholders, outputs the nodes that nothing uses");
    return {};
  }
  CallableSummary callable;
  callable.name = "serving_default";
  callable.inputs = ports_of(signature->inputs);
  callable.outputs = ports_of(signature->outputs);
  result.callables.push_back(std::move(callable));
  return {};
}

void describe_recognised_only(Inspection& result) {
  result.use = Use::kUnknown;
  result.facts.push_back("recognised by its content; this version of Isomer does not read the format");
}

Result<void> describe_layers(const LoadOptions& options, Inspection& result) {
  const layers::StoredModel model = TRY(load_layers(result.source, options));
  result.use = Use::kTrainable;
  if (!model.keras_version.empty()) result.facts.push_back("made by Keras " + model.keras_version);
  int64_t bytes = 0;
  for (const layers::StoredWeight& weight : model.weights) bytes += element_count_of(weight.shape) * static_cast<int64_t>(element_size(weight.dtype));
  result.facts.push_back(model.has_weights
                             ? "Keras layers and their weights: " + std::to_string(model.weights.size()) + " of " + std::to_string(bytes) + " bytes"
                             : "Keras layers without weights: they are drawn when the model is used");
  if (!model.training.is_null()) result.facts.push_back("compiled: the loss and the optimiser are told");
  if (!model.optimizer_weights.empty()) result.facts.push_back("the optimiser's state: " + std::to_string(model.optimizer_weights.size()) + " weights");
  return {};
}

Result<void> describe_document(const LoadOptions& options, Inspection& result) {
  switch (result.source.format) {
    case Format::kSavedModel:
    case Format::kHubModule: return describe_saved_model(options, result);
    case Format::kFrozenGraph: return describe_frozen_graph(options, result);
    case Format::kGraphModel: return describe_graph_model(options, result);
    case Format::kIsomerText: result.use = Use::kInferenceOnly; return {};
    case Format::kKerasSavedModel: return describe_saved_model(options, result);
    case Format::kLayersModel:
    case Format::kKerasH5:
    case Format::kKerasArchive:
    case Format::kKerasJson: return describe_layers(options, result);
    default: describe_recognised_only(result); return {};
  }
}

// --- what one signature computes ---

std::string op_name(const ir::Node& node) { return node.is("Foreign") ? node.as<ir::ForeignAttributes>().op : std::string(node.op->name); }

void add_value(const Tensor& value, StoredValues& values) {
  ++values.tensors;
  values.elements += value.elements();
  values.bytes += value.byte_size();
}

void count(const ir::Module& module, Inspection& result) {
  StoredValues variables, constants;
  for (const ir::Variable& variable : module.variables)
    if (variable.value.valid()) add_value(variable.value, variables);
  std::map<std::string, int64_t> ops;
  for (const auto& function : module.functions()) {
    const ir::Graph& graph = function->graph;
    for (const ir::NodeId id : graph.live_nodes()) {
      const ir::Node& node = graph.node(id);
      ++ops[op_name(node)];
      if (const Tensor* value = node.is("Const") ? graph.constant(graph.output(id)) : nullptr) add_value(*value, constants);
    }
  }
  result.variables = variables;
  result.constants = constants;
  result.ops.assign(ops.begin(), ops.end());
  std::stable_sort(result.ops.begin(), result.ops.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
}

std::vector<PortSummary> ports_of(const ir::Graph& graph, const std::vector<ir::Port>& ports) {
  std::vector<PortSummary> result;
  for (const ir::Port& port : ports) result.push_back({port.key, graph.type(port.value)});
  return result;
}

// The module knows more than the file's declaration: the order in which inputs are taken, and the inputs of functions.
void refine_callable(const ir::Module& module, const std::string& tags, Inspection& result) {
  const ir::Entry& entry = module.signatures[0];
  const ir::Function* function = module.find_function(entry.function);
  if (!function) return;
  auto found = std::find_if(result.callables.begin(), result.callables.end(),
                            [&](const CallableSummary& c) { return c.name == entry.key && (tags.empty() || c.tags == tags); });
  if (found == result.callables.end()) {
    result.callables.push_back({entry.key, {}, false, false, true, {}, {}});
    found = result.callables.end() - 1;
  }
  found->is_default = true;
  found->ports_known = true;
  found->inputs = ports_of(function->graph, function->graph.inputs);
  found->outputs = ports_of(function->graph, function->graph.outputs);
}

// What to examine when nobody chose: the default, or the first that there is.
LoadOptions choose(const LoadOptions& options, const Inspection& result) {
  LoadOptions chosen = options;
  if (result.source.format == Format::kFrozenGraph && chosen.output_node_names.empty()) chosen.output_node_names = result.output_candidates;
  if (chosen.signature || result.callables.empty() || result.source.format == Format::kGraphModel) return chosen;
  const auto in_tags = [&](const CallableSummary& c) { return !chosen.tags || c.tags == *chosen.tags; };
  const auto usual =
      std::find_if(result.callables.begin(), result.callables.end(), [&](const CallableSummary& c) { return in_tags(c) && is_usual_name(c.name); });
  if (usual != result.callables.end()) return chosen;
  const auto call =
      std::find_if(result.callables.begin(), result.callables.end(), [&](const CallableSummary& c) { return in_tags(c) && c.name == "__call__"; });
  const auto first = std::find_if(result.callables.begin(), result.callables.end(), in_tags);
  if (call != result.callables.end()) {
    chosen.signature = call->name;
  } else if (first != result.callables.end()) {
    chosen.signature = first->name;
  }
  return chosen;
}

// --- the trial ---

Result<std::vector<passes::Refused>> legalize_for_tfjs(ir::Module& module, passes::PassContext& context) {
  TRY(passes::freeze(module, true, context));
  auto refused = TRY(passes::legalize(module, tfjs::why_not, context));
  if (!refused.empty()) return refused;
  static constexpr std::string_view kFinish[] = {"fold_constants", "remove_identities", "prune"};
  TRY(passes::run_passes(module, kFinish, context));
  return passes::legalize(module, tfjs::why_not, context);
}

// Dtypes that tf.js has only narrower ones for.
std::vector<std::string> narrowed_dtypes(const ir::Module& module) {
  std::set<std::string> found;
  for (const auto& function : module.functions()) {
    const ir::Graph& graph = function->graph;
    for (const ir::NodeId id : graph.live_nodes()) {
      for (const ir::ValueId value : graph.node(id).outputs) {
        const DType from = graph.type(value).dtype, to = tfjs::working_dtype(from);
        if (from != to) found.insert(std::string(to_string(from)) + " becomes " + std::string(to_string(to)));
      }
    }
  }
  return {found.begin(), found.end()};
}

Result<void> examine(const std::string& path, const LoadOptions& options, Inspection& result, std::vector<std::string>& narrowed) {
  SpillArena arena;
  LoadedModel model = TRY(load_model(path, options, arena));
  if (model.module.signatures.empty()) return fail(ErrorCode::kInvalidModel, "the model has nothing to run");
  const std::string tags = options.tags.value_or("");
  result.examined = result.source.format == Format::kFrozenGraph ? join(options.output_node_names) : model.module.signatures[0].key;
  refine_callable(model.module, tags, result);
  count(model.module, result);
  passes::PassContext context{options.limits, &arena};
  for (const passes::Refused& r : TRY(in_context(legalize_for_tfjs(model.module, context), "trying what tf.js can run")))
    result.unsupported.push_back({r.function, r.node, r.op, r.reason, std::string(tfjs::lack_of(r.op).advice)});
  result.checked_for_tfjs = true;
  result.execution = needs_async(model.module);
  narrowed = narrowed_dtypes(model.module);
  return {};
}

}  // namespace

int64_t Inspection::parameters() const {
  if (variables && variables->tensors > 0) return variables->elements;
  return constants ? constants->elements : 0;
}

Result<Inspection> inspect_model(const std::string& path, const LoadOptions& options) {
  Inspection result;
  result.source = TRY(recognise_input(path, options.input_format, options.limits));
  result.title = std::string(info(result.source.format).title);
  if (result.source.archive) result.title += " (archive)";
  const auto described = in_context(describe_document(options, result), "reading " + path);
  std::vector<std::string> narrowed;
  const LoadOptions chosen = choose(options, result);
  if (!described) {
    result.error = described.error();
  } else if (info(result.source.format).reads) {
    if (const auto examined = examine(path, chosen, result, narrowed); !examined) result.error = examined.error();
  }
  result.routes = find_routes(path, options, chosen, narrowed, result);
  return result;
}

}  // namespace isomer
