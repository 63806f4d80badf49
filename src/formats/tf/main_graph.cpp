#include "formats/tf/main_graph.h"

#include <map>
#include <set>

#include "formats/tf/node_build.h"

namespace isomer::tf {
namespace {

class MainGraph {
 public:
  MainGraph(std::span<const GraphVariable> variables, MetaGraphDef& out) : variables_(variables), out_(out), graph_(*out.mutable_graph_def()) {
    for (const GraphVariable& variable : variables)
      handles_[variable.variable] =
          add("VarHandleOp", variable.name, {}, {{"dtype", variable.dtype}, {"shape", PartialShape(variable.shape)}, {"shared_name", variable.name}});
  }

  void add_tables(std::span<const ir::Table> tables) {
    if (tables.empty()) return;
    std::vector<std::string> imports;
    for (const ir::Table& table : tables) {
      const std::string handle =
          add("HashTableV2", table.name, {}, {{"key_dtype", table.key_dtype}, {"shared_name", table.name}, {"value_dtype", table.value_dtype}});
      tables_[table.name] = handle;
      const std::string keys = add_constant(table.name + "/keys", table.keys), values = add_constant(table.name + "/values", table.values);
      imports.push_back("^" +
                        add("LookupTableImportV2", table.name + "/import", {handle, keys, values}, {{"Tin", table.key_dtype}, {"Tout", table.value_dtype}}));
    }
    SignatureEntry& entry = *out_.add_signature_def();
    entry.set_key("__saved_model_init_op");
    TensorInfoEntry& result = *entry.mutable_value()->add_outputs();
    result.set_key("__saved_model_init_op");
    result.mutable_value()->set_name(add("NoOp", "init_tables", imports, {}));
    result.mutable_value()->set_dtype(DT_INVALID);
    result.mutable_value()->mutable_tensor_shape()->set_unknown_rank(true);
  }

  void add_signature(const ExportedSignature& signature) {
    SignatureEntry& entry = *out_.add_signature_def();
    entry.set_key(signature.key);
    entry.mutable_value()->set_method_name("tensorflow/serving/predict");
    std::vector<std::string> arguments;
    std::vector<DType> argument_types, result_types;
    for (const SignatureValue& input : signature.inputs) {
      arguments.push_back(add("Placeholder", signature.key + "_" + input.key, {}, {{"dtype", input.type.dtype}, {"shape", input.type.shape}}));
      argument_types.push_back(input.type.dtype);
      fill_info(*entry.mutable_value()->add_inputs(), input, arguments.back() + ":0");
    }
    for (const CapturedResource& capture : signature.captures) {
      arguments.push_back((capture.is_table ? tables_ : handles_)[capture.name]);
      argument_types.push_back(DType::kResource);
    }
    for (const SignatureValue& result : signature.outputs) result_types.push_back(result.type.dtype);
    const std::string call = add("StatefulPartitionedCall", "StatefulPartitionedCall", arguments,
                                 {{"Tin", argument_types}, {"Tout", result_types}, {"f", ir::FunctionRef{signature.function}}});
    for (size_t i = 0; i < signature.outputs.size(); ++i)
      fill_info(*entry.mutable_value()->add_outputs(), signature.outputs[i], call + ":" + std::to_string(i));
  }

  // Restoring and saving as the loaders of TensorFlow 1 ask for it: the name of the checkpoint goes in, an op or the name comes out.
  void add_saver() {
    if (variables_.empty()) return;
    std::vector<std::string> keys;
    std::vector<DType> dtypes;
    for (const GraphVariable& variable : variables_) {
      keys.push_back(variable.checkpoint_key);
      dtypes.push_back(variable.dtype);
    }
    const Shape count{static_cast<int64_t>(keys.size())};
    const std::string file = add("Placeholder", "saver_filename", {}, {{"dtype", DType::kString}, {"shape", PartialShape::scalar()}});
    const std::string names = add_constant("save/tensor_names", Tensor::from_strings(count, keys));
    const std::string slices = add_constant("save/shape_and_slices", Tensor::from_strings(count, std::vector<std::string>(keys.size())));
    const std::string restored = add("RestoreV2", "save/RestoreV2", {file, names, slices}, {{"dtypes", dtypes}});
    std::vector<std::string> assigned, saved = {file, names, slices};
    for (size_t i = 0; i < variables_.size(); ++i) {
      const std::string& handle = handles_[variables_[i].variable];
      const std::string value = i == 0 ? restored : restored + ":" + std::to_string(i);
      assigned.push_back("^" + add("AssignVariableOp", "save/AssignVariableOp", {handle, value}, {{"dtype", dtypes[i]}}));
      saved.push_back(add("ReadVariableOp", "save/ReadVariableOp", {handle}, {{"dtype", dtypes[i]}}));
    }
    const std::string save = add("SaveV2", "save/SaveV2", saved, {{"dtypes", dtypes}});
    const std::string saved_name = add("Identity", "save/Identity", {file, "^" + save}, {{"T", DType::kString}});
    SaverDef& saver = *out_.mutable_saver_def();
    saver.set_filename_tensor_name(file + ":0");
    saver.set_save_tensor_name(saved_name + ":0");
    saver.set_restore_op_name(add("NoOp", "save/restore_all", assigned, {}));
  }

 private:
  static void fill_info(TensorInfoEntry& entry, const SignatureValue& value, const std::string& tensor) {
    entry.set_key(value.key);
    entry.mutable_value()->set_name(tensor);
    entry.mutable_value()->set_dtype(static_cast<DataType>(value.type.dtype));
    encode_shape(value.type.shape, *entry.mutable_value()->mutable_tensor_shape());
  }

  std::string unique(const std::string& wanted) {
    const std::string valid = node_name(wanted);
    std::string name = valid;
    for (int64_t& i = counts_[valid]; !names_.insert(name).second;) name = valid + "_" + std::to_string(++i);
    return name;
  }

  std::string add(const std::string& op, const std::string& wanted, const std::vector<std::string>& inputs, const std::vector<NewAttribute>& attributes) {
    return fill_node(*graph_.add_node(), op, unique(wanted), inputs, attributes).name();
  }
  std::string add_constant(const std::string& wanted, const Tensor& value) { return fill_constant(*graph_.add_node(), unique(wanted), value).name(); }

  std::span<const GraphVariable> variables_;
  MetaGraphDef& out_;
  GraphDef& graph_;
  std::set<std::string> names_;
  std::map<std::string, int64_t> counts_;
  std::map<std::string, std::string> handles_, tables_;  // nodes by names of variables and tables
};

}  // namespace

void add_main_graph(std::span<const ExportedSignature> signatures, std::span<const GraphVariable> variables, std::span<const ir::Table> tables,
                    MetaGraphDef& out) {
  MainGraph graph(variables, out);
  graph.add_tables(tables);
  for (const ExportedSignature& signature : signatures) graph.add_signature(signature);
  graph.add_saver();
}

}  // namespace isomer::tf
