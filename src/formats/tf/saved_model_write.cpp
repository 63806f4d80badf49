// The object graph has the caller's objects first, then what TensorFlow keeps beside them: the map of signatures with their functions, and the lookup tables,
// each a resource with a function that makes it and one that fills it. The checkpoint has an object graph of its own, in a tensor of that name, with the same
// numbers; loaders walk both along equal names of children.
#include "formats/tf/saved_model_write.h"

#include <algorithm>
#include <map>

#include "formats/tf/main_graph.h"
#include "formats/tf/node_build.h"
#include "formats/tf/signature_export.h"
#include "formats/tf/tensor_bundle_write.h"

namespace isomer::tf {
namespace {

constexpr std::string_view kValueSuffix = "/.ATTRIBUTES/VARIABLE_VALUE";

void add_child(SavedObject& parent, const std::string& name, int64_t id) {
  ObjectReference& reference = *parent.add_children();
  reference.set_node_id(static_cast<int32_t>(id));
  reference.set_local_name(name);
}

// (positional arguments, keyword arguments): none of the first kind. The dictionary of the second.
StructuredValue::Dict& call_signature(StructuredValue& out) {
  auto& both = *out.mutable_tuple_value();
  both.add_values()->mutable_tuple_value();
  return *both.add_values()->mutable_dict_value();
}

void add_field(StructuredValue::Dict& dict, const std::string& key, const TensorType& type) {
  auto& field = *dict.add_fields();
  field.set_key(key);
  fill_spec(*field.mutable_value()->mutable_tensor_spec_value(), key, type);
}

class ObjectGraph {
 public:
  ObjectGraph(const SavedModelOutput& model, MetaGraphDef& meta) : model_(model), graph_(*meta.mutable_object_graph_def()), meta_(meta) {
    for (const OutputObject& object : model.objects) add(object);
  }

  void add_tables() {
    if (model_.module.tables.empty()) return;
    const int64_t list = add_user_object("_generic_user_object");
    add_child(*graph_.mutable_nodes(0), "lookup_tables", list);
    for (size_t i = 0; i < model_.module.tables.size(); ++i) {
      const ir::Table& table = model_.module.tables[i];
      const std::string number = std::to_string(i);
      const int64_t resource = next();
      graph_.add_nodes()->mutable_resource();
      add_child(*graph_.mutable_nodes(static_cast<int>(list)), "table_" + number, resource);
      add_table_function(resource, "_create_resource", create_function(table, "__inference__create_table_" + number), {}, DType::kResource);
      add_table_function(resource, "_initialize", fill_function(table, "__inference__initialize_table_" + number), resource, DType::kInt32);
      tables_[table.name] = resource;
    }
  }

  void add_signatures(const std::vector<ExportedSignature>& signatures) {
    const int64_t map = add_user_object("signature_map");
    add_child(*graph_.mutable_nodes(0), "signatures", map);
    for (const ExportedSignature& signature : signatures) {
      const int64_t function = next();
      auto& bare = *graph_.add_nodes()->mutable_bare_concrete_function();
      bare.set_concrete_function_name(signature.function);
      bare.set_allowed_positional_arguments(signature.inputs.size() == 1 ? 1 : 0);
      add_child(*graph_.mutable_nodes(static_cast<int>(map)), signature.key, function);
      auto& entry = *graph_.add_concrete_functions();
      entry.set_key(signature.function);
      for (const CapturedResource& capture : signature.captures)
        entry.mutable_value()->add_bound_inputs(static_cast<int32_t>((capture.is_table ? tables_ : variables_)[capture.name]));
      auto& inputs = call_signature(*entry.mutable_value()->mutable_canonicalized_input_signature());
      for (const SignatureValue& input : signature.inputs) {
        bare.add_argument_keywords(input.key);
        add_field(inputs, input.key, input.type);
      }
      auto& outputs = *entry.mutable_value()->mutable_output_signature()->mutable_dict_value();
      for (const SignatureValue& output : signature.outputs) add_field(outputs, output.key, output.type);
    }
  }

 private:
  int64_t next() const { return graph_.nodes_size(); }

  void add(const OutputObject& object) {
    const int64_t id = next();
    SavedObject& node = *graph_.add_nodes();
    for (const auto& [name, child] : object.children) add_child(node, name, child);
    if (object.variable < 0) {
      node.mutable_user_object()->set_identifier(object.identifier);
      set_version(node);
      return;
    }
    const OutputVariable& variable = model_.variables[static_cast<size_t>(object.variable)];
    auto& saved = *node.mutable_variable();
    saved.set_dtype(static_cast<DataType>(variable.value.dtype()));
    encode_shape(PartialShape(variable.value.shape()), *saved.mutable_shape());
    saved.set_trainable(variable.trainable);
    saved.set_name(variable.name);
    variables_[variable.variable] = id;
  }

  int64_t add_user_object(const std::string& identifier) {
    const int64_t id = next();
    SavedObject& node = *graph_.add_nodes();
    node.mutable_user_object()->set_identifier(identifier);
    set_version(node);
    return id;
  }

  static void set_version(SavedObject& node) {
    node.mutable_user_object()->mutable_version()->set_producer(1);
    node.mutable_user_object()->mutable_version()->set_min_consumer(1);
  }

  void add_table_function(int64_t table, const std::string& name, const std::string& function, std::optional<int64_t> bound, DType result) {
    const int64_t id = next();
    graph_.add_nodes()->mutable_bare_concrete_function()->set_concrete_function_name(function);
    add_child(*graph_.mutable_nodes(static_cast<int>(table)), name, id);
    auto& entry = *graph_.add_concrete_functions();
    entry.set_key(function);
    if (bound) entry.mutable_value()->add_bound_inputs(static_cast<int32_t>(*bound));
    call_signature(*entry.mutable_value()->mutable_canonicalized_input_signature());
    fill_spec(*entry.mutable_value()->mutable_output_signature()->mutable_tensor_spec_value(), "", {result, PartialShape::scalar(), DType::kInvalid, {}});
  }

  FunctionDef& new_function(const std::string& name, DType result, const std::string& returns, const std::string& effect) {
    FunctionDef& function = *meta_.mutable_graph_def()->mutable_library()->add_function();
    function.mutable_signature()->set_name(name);
    function.mutable_signature()->set_is_stateful(true);
    auto& output = *function.mutable_signature()->add_output_arg();
    output.set_name("result");
    output.set_type(static_cast<DataType>(result));
    StringEntry& ret = *function.add_ret();
    ret.set_key("result");
    ret.set_value(returns);
    function.mutable_signature()->add_control_output(effect);
    StringEntry& control = *function.add_control_ret();
    control.set_key(effect);
    control.set_value(effect);
    return function;
  }

  std::string create_function(const ir::Table& table, const std::string& name) {
    FunctionDef& function = new_function(name, DType::kResource, "table:table_handle:0", "table");
    fill_node(*function.add_node_def(), "HashTableV2", "table", {},
              {{"key_dtype", table.key_dtype}, {"shared_name", table.name}, {"value_dtype", table.value_dtype}});
    return name;
  }

  std::string fill_function(const ir::Table& table, const std::string& name) {
    FunctionDef& function = new_function(name, DType::kInt32, "done:output:0", "import");
    auto& handle = *function.mutable_signature()->add_input_arg();
    handle.set_name("handle");
    handle.set_type(DT_RESOURCE);
    fill_constant(*function.add_node_def(), "keys", table.keys);
    fill_constant(*function.add_node_def(), "values", table.values);
    fill_constant(*function.add_node_def(), "done", Tensor::scalar(int32_t{1}));
    fill_node(*function.add_node_def(), "LookupTableImportV2", "import", {"handle", "keys:output:0", "values:output:0"},
              {{"Tin", table.key_dtype}, {"Tout", table.value_dtype}});
    return name;
  }

  const SavedModelOutput& model_;
  SavedObjectGraph& graph_;
  MetaGraphDef& meta_;
  std::map<std::string, int64_t> variables_, tables_;  // objects by names of the module's
};

Result<int64_t> write_checkpoint(const SavedModelOutput& model, AtomicDirectory& output) {
  TensorBundleWriter bundle = TRY(TensorBundleWriter::create(output, "variables/variables"));
  std::map<std::string, const Tensor*> sorted;
  for (const OutputVariable& variable : model.variables) sorted[variable.path + std::string(kValueSuffix)] = &variable.value;
  for (const auto& [key, value] : sorted) TRY(in_context(bundle.add(key, *value), "writing the variable '" + key + "'"));
  TrackableObjectGraph objects;
  for (const OutputObject& object : model.objects) {
    auto& node = *objects.add_nodes();
    for (const auto& [name, child] : object.children) {
      if (!model.objects[static_cast<size_t>(child)].in_checkpoint) continue;
      ObjectReference& reference = *node.add_children();
      reference.set_node_id(static_cast<int32_t>(child));
      reference.set_local_name(name);
    }
    if (object.variable < 0) continue;
    const OutputVariable& variable = model.variables[static_cast<size_t>(object.variable)];
    auto& value = *node.add_attributes();
    value.set_name("VARIABLE_VALUE");
    value.set_full_name(variable.name);
    value.set_checkpoint_key(variable.path + std::string(kValueSuffix));
  }
  TRY(bundle.add("_CHECKPOINTABLE_OBJECT_GRAPH", Tensor::from_strings({}, {{objects.SerializeAsString()}})));
  return bundle.finish();
}

}  // namespace

Result<int64_t> write_saved_model(SavedModelOutput model, AtomicDirectory& output) {
  SavedModel message;
  message.set_saved_model_schema_version(1);
  MetaGraphDef& meta = *message.add_meta_graphs();
  meta.mutable_meta_info_def()->add_tags("serve");
  meta.mutable_meta_info_def()->set_tensorflow_version("2.19.0");
  meta.mutable_graph_def()->mutable_versions()->set_producer(1882);
  const std::vector<ExportedSignature> signatures = TRY(export_signatures(model.module, *meta.mutable_graph_def()));
  std::vector<GraphVariable> variables;
  for (const OutputVariable& variable : model.variables)
    variables.push_back({variable.variable, variable.name, variable.path + std::string(kValueSuffix), variable.value.dtype(), variable.value.shape()});
  add_main_graph(signatures, variables, model.module.tables, meta);
  ObjectGraph objects(model, meta);
  objects.add_tables();
  objects.add_signatures(signatures);
  const int64_t checkpoint = TRY(write_checkpoint(model, output));
  std::string bytes;
  if (!message.SerializeToString(&bytes))
    return fail(Error{ErrorCode::kLimitExceeded, "the graph of the SavedModel passes the 2 GiB that its format can hold", {}, {}, {}});
  TRY(output.write_file("saved_model.pb", bytes));
  return checkpoint + static_cast<int64_t>(bytes.size());
}

}  // namespace isomer::tf
