// TensorFlow 2: from the object graph to functions.
//
// A signature (or, where there is none, a callable function of the root object) leads to a concrete function: a FunctionDef whose last arguments
// are captured values. `bound_inputs` names the object behind each: a variable, whose value the checkpoint holds under a key found by walking the
// checkpoint's own object graph along the same child names; an asset; a constant of the main graph; or a table, which its `_initialize` function
// fills. Names and order of inputs and outputs come from the structured signature, flattened as TensorFlow does (dictionaries sorted by key).
#include "formats/tf/object_graph_import.h"

#include <algorithm>
#include <deque>
#include <map>

#include "formats/tf/checkpoint_keys.h"
#include "formats/tf/graph_import.h"
#include "formats/tf/schema/tensorflow.pb.h"
#include "ir/const_op.h"
#include "ops/registry.h"

namespace isomer::tf {
namespace {

using ir::NodeId;
using ir::ValueId;

struct FlatSpec {
  std::string name;
  std::string path;  // keys joined by '/'
  TensorType type;
};

std::string join_path(const std::string& prefix, const std::string& key) { return prefix.empty() ? key : prefix + "/" + key; }

// Tensor specs of a structure in TensorFlow's flattening order.
Result<void> flatten(const StructuredValue& value, const std::string& path, std::vector<FlatSpec>& out, int depth = 0) {
  if (depth > 50) return fail(ErrorCode::kLimitExceeded, "a structured signature nested deeper than 50 levels");
  const auto add_spec = [&](const TensorSpecProto& spec) -> Result<void> {
    FlatSpec flat{spec.name(), path, {}};
    flat.type.dtype = dtype_from_number(spec.dtype()).value_or(DType::kInvalid);
    flat.type.shape = TRY(decode_shape(spec.shape()));
    out.push_back(std::move(flat));
    return {};
  };
  const auto add_list = [&](const StructuredValue::List& list) -> Result<void> {
    for (int i = 0; i < list.values_size(); ++i) TRY(flatten(list.values(i), join_path(path, std::to_string(i)), out, depth + 1));
    return {};
  };
  switch (value.kind_case()) {
    case StructuredValue::kTensorSpecValue: return add_spec(value.tensor_spec_value());
    case StructuredValue::kBoundedTensorSpecValue: return add_spec(value.bounded_tensor_spec_value());
    case StructuredValue::kListValue: return add_list(value.list_value());
    case StructuredValue::kTupleValue: return add_list(value.tuple_value());
    case StructuredValue::kNamedTupleValue:
      for (const auto& entry : value.named_tuple_value().values()) TRY(flatten(entry.value(), join_path(path, entry.key()), out, depth + 1));
      return {};
    case StructuredValue::kDictValue: {
      std::map<std::string, const StructuredValue*> sorted;
      for (const auto& entry : value.dict_value().fields()) sorted[entry.key()] = &entry.value();
      for (const auto& [key, item] : sorted) TRY(flatten(*item, join_path(path, key), out, depth + 1));
      return {};
    }
    case StructuredValue::kTypeSpecValue:
      return fail(Error{ErrorCode::kUnsupported,
                        "'" + path + "' of the signature is a " + value.type_spec_value().type_spec_class_name(),
                        {},
                        {},
                        "export a signature that takes and gives dense tensors"});
    default: return {};  // None, numbers, strings: not tensors
  }
}

bool mentions_training(const StructuredValue& value) {
  if (value.kind_case() == StructuredValue::kBoolValue) return value.bool_value();
  if (value.kind_case() == StructuredValue::kTupleValue) {
    return std::any_of(value.tuple_value().values().begin(), value.tuple_value().values().end(), mentions_training);
  }
  if (value.kind_case() == StructuredValue::kDictValue) {
    return std::any_of(value.dict_value().fields().begin(), value.dict_value().fields().end(), [](const auto& e) { return mentions_training(e.value()); });
  }
  return false;
}

class ObjectGraphImporter {
 public:
  ObjectGraphImporter(const SavedModelDocument& document, const MetaGraphDef& graph, const Limits& limits)
      : document_(document),
        meta_(graph),
        objects_(graph.object_graph_def()),
        limits_(limits),
        importer_(module_, graph.graph_def().library(), document.detached, limits) {}

  // False: the object graph has neither the signature nor a callable function; the signature_def has to do.
  Result<bool> run(const ImportOptions& options);
  ir::Module take() { return std::move(module_); }

 private:
  const SavedObject* object(int64_t id) const { return id >= 0 && id < objects_.nodes_size() ? &objects_.nodes(static_cast<int>(id)) : nullptr; }
  int64_t child(int64_t id, std::string_view name) const;
  std::string concrete_child(int64_t id, std::string_view name) const;
  const SavedConcreteFunction* concrete_function(const std::string& name) const;
  Result<std::string> choose_function(const ImportOptions& options, std::string& key);
  Result<void> import_entry(const std::string& function, const std::string& key);
  Result<void> need_checkpoint_keys();
  Result<GraphImporter::Capture> capture(int64_t id);
  Result<GraphImporter::Capture> capture_variable(int64_t id, const SavedVariable& variable);
  Result<GraphImporter::Capture> capture_table(int64_t id);
  Result<GraphImporter::Capture> capture_asset(const SavedAsset& asset);
  Result<GraphImporter::Capture> capture_constant(const SavedConstant& constant);
  Result<std::vector<GraphImporter::Capture>> captures_of(const std::string& function);
  Result<void> restore_mutable_table(int64_t id, const std::string& name);

  const SavedModelDocument& document_;
  const MetaGraphDef& meta_;
  const SavedObjectGraph& objects_;
  const Limits& limits_;
  ir::Module module_;
  GraphImporter importer_;
  CheckpointKeys checkpoint_keys_;
  bool keys_read_ = false;
  std::map<int64_t, std::string> variable_names_;
  std::map<int64_t, std::string> table_names_;
};

int64_t ObjectGraphImporter::child(int64_t id, std::string_view name) const {
  if (const SavedObject* node = object(id)) {
    for (const ObjectReference& reference : node->children())
      if (reference.local_name() == name) return reference.node_id();
  }
  return -1;
}

// The function in the library that a child stands for, itself or its first trace; empty where there is none.
std::string ObjectGraphImporter::concrete_child(int64_t id, std::string_view name) const {
  const SavedObject* node = object(child(id, name));
  if (!node) return {};
  if (node->kind_case() == SavedObject::kBareConcreteFunction) return node->bare_concrete_function().concrete_function_name();
  const bool traced = node->kind_case() == SavedObject::kFunction && node->function().concrete_functions_size() > 0;
  return traced ? node->function().concrete_functions(0) : std::string();
}

const SavedConcreteFunction* ObjectGraphImporter::concrete_function(const std::string& name) const {
  for (const auto& entry : objects_.concrete_functions())
    if (entry.key() == name) return &entry.value();
  return nullptr;
}

Result<void> ObjectGraphImporter::need_checkpoint_keys() {
  if (keys_read_) return {};
  keys_read_ = true;
  if (document_.bundle) checkpoint_keys_ = TRY(read_checkpoint_keys(*document_.bundle, objects_, limits_));
  return {};
}

Result<GraphImporter::Capture> ObjectGraphImporter::capture_variable(int64_t id, const SavedVariable& variable) {
  auto [it, inserted] = variable_names_.try_emplace(id);
  if (inserted) {
    std::string name = variable.name().empty() ? "variable" : variable.name();
    if (module_.find_variable(name)) name += "_" + std::to_string(id);
    it->second = name;
    PartialShape shape = TRY(decode_shape(variable.shape()));
    ir::Variable entry{name, dtype_from_number(variable.dtype()).value_or(DType::kInvalid), std::move(shape), {}};
    TRY(need_checkpoint_keys());
    const auto keys = checkpoint_keys_.find(id);
    if (keys != checkpoint_keys_.end() && keys->second.contains("VARIABLE_VALUE")) {
      entry.value = TRY(in_context(document_.bundle->read(keys->second["VARIABLE_VALUE"]), "reading the variable '" + name + "'"));
      if (entry.value.dtype() != entry.dtype || !compatible(entry.shape, PartialShape(entry.value.shape()))) {
        return fail(Error{ErrorCode::kInvalidModel,
                          "the variable '" + name + "' is declared " + std::string(to_string(entry.dtype)) + to_string(entry.shape) +
                              ", the checkpoint holds " + type_text(entry.value),
                          document_.files->describe(""),
                          {},
                          "the checkpoint belongs to another model"});
      }
    } else {
      return fail(Error{ErrorCode::kNotFound,
                        "the checkpoint holds no value for the variable '" + name + "'",
                        document_.files->describe("variables"),
                        {},
                        "copy the whole SavedModel, the variables directory included"});
    }
    module_.variables.push_back(std::move(entry));
  }
  const ir::Variable* entry = module_.find_variable(it->second);
  const std::string name = it->second;
  const DType dtype = entry->dtype;
  const PartialShape shape = entry->shape;
  return GraphImporter::Capture([name, dtype, shape](ir::Graph& graph, const std::string& argument) -> Result<ValueId> {
    const ir::OpDef* op = ops::find_op("VarHandleOp");
    auto attributes = op->make_attributes();
    TRY(attributes->assign({{"shared_name", name}, {"dtype", dtype}, {"shape", shape}}));
    return graph.output(TRY(graph.add(*op, std::move(attributes), {}, argument)));
  });
}

Result<GraphImporter::Capture> ObjectGraphImporter::capture_asset(const SavedAsset& asset) {
  if (asset.asset_file_def_index() < 0 || asset.asset_file_def_index() >= meta_.asset_file_def_size()) {
    return fail(ErrorCode::kInvalidModel, "an asset refers to file " + std::to_string(asset.asset_file_def_index()) + ", which is not listed");
  }
  const std::string& name = meta_.asset_file_def(asset.asset_file_def_index()).filename();
  TRY(add_asset(module_, *document_.files, name));
  return GraphImporter::Capture([name](ir::Graph& graph, const std::string& argument) -> Result<ValueId> {
    return graph.output(TRY(graph.add(ops::kOp_Const, ir::const_attributes(Tensor::from_strings({}, {{name}})), {}, argument)));
  });
}

Result<GraphImporter::Capture> ObjectGraphImporter::capture_constant(const SavedConstant& constant) {
  for (const NodeDef& node : meta_.graph_def().node()) {
    if (node.name() != constant.operation()) continue;
    for (const AttrEntry& attr : node.attr()) {
      if (attr.key() != "value") continue;
      const Tensor value = TRY(decode_tensor(attr.value().tensor(), {document_.detached, limits_}));
      return GraphImporter::Capture([value](ir::Graph& graph, const std::string& argument) -> Result<ValueId> {
        return graph.output(TRY(graph.add(ops::kOp_Const, ir::const_attributes(value), {}, argument)));
      });
    }
  }
  return fail(ErrorCode::kInvalidModel, "a captured constant refers to the node '" + constant.operation() + "', which does not exist");
}

Result<void> ObjectGraphImporter::restore_mutable_table(int64_t id, const std::string& name) {
  TRY(need_checkpoint_keys());
  const auto keys = checkpoint_keys_.find(id);
  if (keys == checkpoint_keys_.end()) return {};
  for (const auto& [attribute, key] : keys->second) {
    if (!document_.bundle->find(key + "-keys")) continue;
    ir::Table table;
    table.name = name;
    table.keys = TRY(document_.bundle->read(key + "-keys"));
    table.values = TRY(document_.bundle->read(key + "-values"));
    table.key_dtype = table.keys.dtype();
    table.value_dtype = table.values.dtype();
    module_.tables.push_back(std::move(table));
  }
  return {};
}

Result<GraphImporter::Capture> ObjectGraphImporter::capture_table(int64_t id) {
  // The op that makes the table stands in the `_create_resource` function; here the handle is made where the table is used.
  const std::string function_name = concrete_child(id, "_create_resource");
  const NodeDef* maker = nullptr;
  for (const FunctionDef& def : meta_.graph_def().library().function()) {
    if (def.signature().name() != function_name) continue;
    for (const NodeDef& node : def.node_def())
      if (node.op().find("HashTable") != std::string::npos) maker = &node;
  }
  if (!maker) {
    return fail(Error{ErrorCode::kUnsupported,
                      "a captured resource is neither a variable nor a lookup table",
                      "object " + std::to_string(id),
                      {},
                      "models that hold other resources (iterators, decision forests) cannot become graph models"});
  }
  const ir::OpDef* op = ops::find_op(maker->op());
  if (!op) return fail(ErrorCode::kUnsupported, "a table made by the op " + maker->op());
  auto [it, inserted] = table_names_.try_emplace(id, "table_" + std::to_string(id));
  const std::string name = it->second;
  ir::AttributeMap map = {{"shared_name", name}};
  for (const AttrEntry& attr : maker->attr()) {
    if (attr.key() != "key_dtype" && attr.key() != "value_dtype") continue;
    ir::AttributeValue value = TRY(decode_attribute(attr.value(), {document_.detached, limits_}));
    map.push_back({attr.key(), std::move(value)});
  }
  if (inserted) {
    TRY(restore_mutable_table(id, name));
    if (const std::string initialize = concrete_child(id, "_initialize"); !initialize.empty()) {
      auto imported = importer_.import_function(initialize, TRY(captures_of(initialize)), "initialize_" + name);
      if (!imported) return fail(std::move(imported.error()).with_context("importing the initialiser of a lookup table"));
      module_.initializers.push_back((*imported)->name);
    }
  }
  return GraphImporter::Capture([op, map](ir::Graph& graph, const std::string& argument) -> Result<ValueId> {
    auto attributes = op->make_attributes();
    TRY(attributes->assign(map));
    return graph.output(TRY(graph.add(*op, std::move(attributes), {}, argument)));
  });
}

Result<GraphImporter::Capture> ObjectGraphImporter::capture(int64_t id) {
  const SavedObject* node = object(id);
  if (!node) return fail(ErrorCode::kInvalidModel, "a function captures object " + std::to_string(id) + ", which does not exist");
  switch (node->kind_case()) {
    case SavedObject::kVariable: return capture_variable(id, node->variable());
    case SavedObject::kAsset: return capture_asset(node->asset());
    case SavedObject::kConstant: return capture_constant(node->constant());
    case SavedObject::kResource: return capture_table(id);
    default:
      return fail(Error{
          ErrorCode::kUnsupported, "a function captures an object that is no variable, constant, asset or table", "object " + std::to_string(id), {}, {}});
  }
}

Result<std::vector<GraphImporter::Capture>> ObjectGraphImporter::captures_of(const std::string& function) {
  std::vector<GraphImporter::Capture> captures;
  if (const SavedConcreteFunction* concrete = concrete_function(function))
    for (const int64_t id : concrete->bound_inputs()) captures.push_back(TRY(capture(id)));
  return captures;
}

// The concrete function to run. `key` becomes the name under which the module offers it.
Result<std::string> ObjectGraphImporter::choose_function(const ImportOptions& options, std::string& key) {
  const SavedObject* signatures = object(child(0, "signatures"));
  std::vector<std::string> names;
  if (signatures) {
    for (const ObjectReference& reference : signatures->children()) names.push_back(reference.local_name());
  }
  const auto of_signature = [&](const std::string& name) -> std::string {
    const SavedObject* node = object(child(child(0, "signatures"), name));
    return node && node->kind_case() == SavedObject::kBareConcreteFunction ? node->bare_concrete_function().concrete_function_name() : "";
  };
  if (options.signature && std::find(names.begin(), names.end(), *options.signature) != names.end()) {
    key = *options.signature;
    return of_signature(key);
  }
  if (!options.signature && !names.empty()) {
    for (const char* usual : {"serving_default", "default"}) {
      if (std::find(names.begin(), names.end(), usual) == names.end()) continue;
      key = usual;
      return of_signature(key);
    }
    if (names.size() == 1) {
      key = names[0];
      return of_signature(key);
    }
  }
  // No signatures: the functions of the root object, `__call__` first.
  std::vector<std::string> callable;
  for (const ObjectReference& reference : object(0)->children()) {
    const SavedObject* node = object(reference.node_id());
    if (node && node->kind_case() == SavedObject::kFunction && node->function().concrete_functions_size() > 0) callable.push_back(reference.local_name());
  }
  const std::string wanted = options.signature.value_or(names.empty() ? "__call__" : "");
  if (std::find(callable.begin(), callable.end(), wanted) == callable.end()) {
    std::sort(names.begin(), names.end());
    std::string list;
    for (const auto& name : names) list += (list.empty() ? "" : ", ") + name;
    std::string functions;
    for (const auto& name : callable) functions += (functions.empty() ? "" : ", ") + name;
    return fail(Error{
        ErrorCode::kNotFound,
        options.signature ? "the model has no signature '" + *options.signature + "'" : "the model has several signatures and none is called serving_default",
        document_.files->describe(""),
        {},
        "choose with --signature_name; signatures: " + (list.empty() ? "none" : list) + "; functions: " + (functions.empty() ? "none" : functions)});
  }
  key = wanted;
  const SavedFunction& function = object(child(0, wanted))->function();
  // Of several traces, one for inference is wanted.
  for (const std::string& name : function.concrete_functions()) {
    const SavedConcreteFunction* concrete = concrete_function(name);
    if (concrete && !mentions_training(concrete->canonicalized_input_signature())) return name;
  }
  return function.concrete_functions(0);
}

Result<void> ObjectGraphImporter::import_entry(const std::string& name, const std::string& key) {
  const SavedConcreteFunction* concrete = concrete_function(name);
  if (!concrete) return fail(ErrorCode::kInvalidModel, "the object graph does not describe the function '" + name + "'");
  ir::Function* function = TRY(importer_.import_function(name, TRY(captures_of(name)), key));
  std::vector<FlatSpec> inputs, outputs;
  const auto context = "reading the signature '" + key + "'";
  // The canonical signature is a pair: positional arguments and keyword arguments.
  const auto& arguments = concrete->canonicalized_input_signature().tuple_value();
  for (const auto& part : arguments.values()) TRY(in_context(flatten(part, "", inputs), context));
  TRY(in_context(flatten(concrete->output_signature(), "", outputs), context));
  ir::Graph& graph = function->graph;
  if (inputs.size() == graph.inputs.size()) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      ir::Port& port = graph.inputs[i];
      const bool positional = !inputs[i].path.empty() && inputs[i].path.find_first_not_of("0123456789") == std::string::npos;
      std::string wanted = positional || inputs[i].path.empty() ? inputs[i].name : inputs[i].path;
      if (wanted.empty()) wanted = "arg_" + std::to_string(i);
      if (std::any_of(graph.inputs.begin(), graph.inputs.begin() + static_cast<ptrdiff_t>(i), [&](const ir::Port& p) { return p.key == wanted; }))
        wanted += "_" + std::to_string(i);
      port.key = wanted;
      if (auto merged = merge(graph.type(port.value).shape, inputs[i].type.shape)) {
        const NodeId node = graph.value(port.value).producer;
        graph.node(node).mutable_as<ir::PlaceholderAttributes>().shape = *merged;
        TRY(graph.infer(node));
      }
    }
  }
  if (outputs.size() == graph.outputs.size()) {
    for (size_t i = 0; i < outputs.size(); ++i) {
      const bool numbered = outputs[i].path.find_first_not_of("0123456789") == std::string::npos;  // a bare tensor or a tuple
      graph.outputs[i].key = outputs[i].path.empty() ? "output_0" : numbered ? "output_" + outputs[i].path : outputs[i].path;
    }
  }
  ir::Entry entry{key, function->name, {}};
  for (const ir::Port& port : graph.outputs) entry.structured_outputs.push_back(port.key);
  module_.signatures.push_back(std::move(entry));
  return {};
}

Result<bool> ObjectGraphImporter::run(const ImportOptions& options) {
  if (objects_.nodes_size() == 0) return false;
  const SavedObject* signatures = object(child(0, "signatures"));
  const bool has_signatures = signatures && signatures->children_size() > 0;
  if (!has_signatures && meta_.signature_def_size() > 1) return false;
  std::string key;
  const std::string function = TRY(choose_function(options, key));
  if (function.empty()) return false;
  TRY(import_entry(function, key));
  module_.producer = meta_.meta_info_def().tensorflow_version();
  return true;
}

}  // namespace

Result<void> add_asset(ir::Module& module, const ModelFiles& files, const std::string& name) {
  if (module.find_asset(name)) return {};
  auto content = files.read("assets/" + name);
  if (!content)
    return fail(
        std::move(content.error()).with_context("reading the asset '" + name + "'").with_hint("copy the whole SavedModel, the assets directory included"));
  module.assets.push_back({name, std::move(*content)});
  return {};
}

Result<std::optional<ir::Module>> import_object_graph(const SavedModelDocument& document, const MetaGraphDef& graph, const ImportOptions& options,
                                                      const Limits& limits) {
  ObjectGraphImporter importer(document, graph, limits);
  if (!TRY(importer.run(options))) return std::optional<ir::Module>();
  return std::optional<ir::Module>(importer.take());
}

}  // namespace isomer::tf
