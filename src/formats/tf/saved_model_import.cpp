// TensorFlow 1: a signature is a cut through one graph, from the tensors it feeds to those it fetches. Variables are found by what restores them:
// the saver's Assign(variable, RestoreV2:i) tells the checkpoint key and, for partitioned variables, the slice. Tables are filled by the
// initialisation op that the MetaGraph names.
#include "formats/tf/saved_model_import.h"

#include <algorithm>
#include <map>
#include <set>

#include "formats/tf/control_flow_v1.h"
#include "formats/tf/graph_import.h"
#include "formats/tf/object_graph_import.h"
#include "formats/tf/schema/tensorflow.pb.h"

namespace isomer::tf {
namespace {

using NodesByName = std::map<std::string_view, const NodeDef*>;

const AttrValue* find_attr(const NodeDef& node, std::string_view key) {
  for (const AttrEntry& entry : node.attr())
    if (entry.key() == key) return &entry.value();
  return nullptr;
}

const NodeDef* producer(const NodesByName& nodes, const std::string& input) {
  const auto it = nodes.find(parse_tensor_name(input).node);
  return it == nodes.end() ? nullptr : it->second;
}

// Where a variable's value lies in the checkpoint.
struct Source {
  std::string key;
  std::string slice;  // "" for the whole tensor, else "full_shape start,length:..."
};

Result<std::map<std::string, Source>> restore_sources(const GraphDef& graph, const NodesByName& nodes, const DecodeContext& decode) {
  std::map<std::string, Source> sources;
  for (const NodeDef& node : graph.node()) {
    if ((node.op() != "Assign" && node.op() != "AssignVariableOp") || node.input_size() < 2) continue;
    std::string value = node.input(1);
    const NodeDef* from = producer(nodes, value);
    while (from && from->op() == "Identity" && from->input_size() > 0) {
      value = from->input(0);
      from = producer(nodes, value);
    }
    if (!from || from->op() != "RestoreV2" || from->input_size() < 3) continue;
    const auto strings = [&](int input) -> Result<Tensor> {
      const NodeDef* constant = producer(nodes, from->input(input));
      const AttrValue* attr = constant ? find_attr(*constant, "value") : nullptr;
      if (!attr) return fail(ErrorCode::kInvalidModel, "'" + from->name() + "' restores names that are not constants");
      return decode_tensor(attr->tensor(), decode);
    };
    const Tensor names = TRY(strings(1)), slices = TRY(strings(2));
    const int64_t index = parse_tensor_name(value).index;
    if (names.dtype() != DType::kString || slices.dtype() != DType::kString || index >= names.elements() || index >= slices.elements()) continue;
    sources[parse_tensor_name(node.input(0)).node] = {std::string(names.string_at(index)), std::string(slices.string_at(index))};
  }
  return sources;
}

Result<const SignatureSummary*> choose_signature(const std::vector<SignatureSummary>& signatures, const std::optional<std::string>& wanted,
                                                 const std::string& directory) {
  const auto named = [&](std::string_view name) -> const SignatureSummary* {
    for (const SignatureSummary& s : signatures)
      if (s.name == name) return &s;
    return nullptr;
  };
  if (wanted) {
    if (const auto* s = named(*wanted)) return s;
  } else {
    for (const char* usual : {"serving_default", "default"})
      if (const auto* s = named(usual)) return s;
    if (signatures.size() == 1) return &signatures[0];
  }
  std::string list;
  for (const SignatureSummary& s : signatures) list += (list.empty() ? "" : ", ") + s.name;
  return fail(Error{ErrorCode::kNotFound,
                    wanted               ? "the model has no signature '" + *wanted + "'"
                    : signatures.empty() ? "the model has no signatures"
                                         : "the model has several signatures and none is called serving_default",
                    directory,
                    {},
                    list.empty() ? "this SavedModel was exported for something else than inference (training state only, perhaps)"
                                 : "choose with --signature_name; there are: " + list});
}

// Nodes that fill the tables: the op that the signature __saved_model_init_op names, or that of a collection.
std::vector<std::string> initialization_targets(const MetaGraphDef& meta) {
  for (const SignatureEntry& entry : meta.signature_def()) {
    if (entry.key() != "__saved_model_init_op") continue;
    std::vector<std::string> targets;
    for (const TensorInfoEntry& output : entry.value().outputs()) targets.push_back(output.value().name());
    if (!targets.empty()) return targets;
  }
  for (const char* name : {"saved_model_main_op", "legacy_init_op", "table_initializer"}) {
    for (const CollectionEntry& entry : meta.collection_def()) {
      if (entry.key() != name || entry.value().node_list().value_size() == 0) continue;
      return {entry.value().node_list().value().begin(), entry.value().node_list().value().end()};
    }
  }
  return {};
}

// The asset files and the nodes that hold their names: a field of the MetaGraph, or, from older writers, a collection of packed messages.
std::vector<AssetFileDef> asset_files(const MetaGraphDef& meta) {
  std::vector<AssetFileDef> assets(meta.asset_file_def().begin(), meta.asset_file_def().end());
  for (const CollectionEntry& entry : meta.collection_def()) {
    if (entry.key() != "saved_model_assets" || !assets.empty()) continue;
    for (const auto& packed : entry.value().any_list().value()) {
      AssetFileDef asset;
      if (asset.ParseFromString(packed.value())) assets.push_back(std::move(asset));
    }
  }
  return assets;
}

class GraphSignatureImporter {
 public:
  GraphSignatureImporter(const SavedModelDocument& document, const MetaGraphDef& meta, const Limits& limits)
      : document_(document), meta_(meta), limits_(limits), decode_{document.detached, limits} {
    for (const NodeDef& node : meta.graph_def().node()) nodes_.emplace(node.name(), &node);
    assets_ = asset_files(meta);
  }

  Result<ir::Module> run(const SignatureSummary& signature) {
    std::vector<Feed> feeds;
    std::vector<Fetch> fetches;
    for (const SignaturePort& port : signature.inputs) {
      TRY(check_dense(port));
      feeds.push_back({port.key, port.tensor, port.type});
    }
    for (const SignaturePort& port : signature.outputs) {
      TRY(check_dense(port));
      fetches.push_back({port.key, port.tensor});
    }
    TRY(import_part(signature.name, feeds, fetches, {}));
    module_.signatures.push_back({signature.name, signature.name, {}});
    TRY(import_initializer());
    TRY(read_variables());
    module_.producer = meta_.meta_info_def().tensorflow_version();
    return std::move(module_);
  }

 private:
  static Result<void> check_dense(const SignaturePort& port) {
    if (!port.tensor.empty()) return {};
    return fail(Error{ErrorCode::kUnsupported,
                      "'" + port.key + "' of the signature is a sparse or composite tensor",
                      {},
                      {},
                      "export a signature that takes and gives dense tensors"});
  }

  // Control flow is made functional on a copy of the nodes, so each part of the graph (signature, initialiser) has a GraphDef of its own.
  Result<void> import_part(const std::string& name, std::span<const Feed> feeds, std::span<const Fetch> fetches, std::span<const std::string> targets) {
    std::vector<std::string> roots, fed;
    for (const Feed& feed : feeds) fed.push_back(parse_tensor_name(feed.tensor).node);
    for (const Fetch& fetch : fetches) roots.push_back(parse_tensor_name(fetch.tensor).node);
    for (const std::string& target : targets) roots.push_back(parse_tensor_name(target).node);
    GraphDef rewritten;
    if (has_control_flow_v1(meta_.graph_def())) {
      rewritten = meta_.graph_def();
      TRY(in_context(functionalize_control_flow(rewritten, roots, fed, limits_), "turning TensorFlow 1 control flow into functions"));
    }
    const GraphDef& graph = rewritten.node_size() > 0 ? rewritten : meta_.graph_def();
    GraphImporter importer(module_, graph.library(), document_.detached, limits_);
    for (const AssetFileDef& asset : assets_) {
      importer.set_constant(parse_tensor_name(asset.tensor_info().name()).node, Tensor::from_strings({}, {{asset.filename()}}));
    }
    TRY(importer.import_graph(graph, name, feeds, fetches, targets, false));
    return {};
  }

  bool uses_tables() const {
    for (const auto& function : module_.functions())
      for (const ir::NodeId id : function->graph.live_nodes())
        if (function->graph.node(id).op->name.find("HashTable") != std::string_view::npos) return true;
    return false;
  }

  Result<void> import_initializer() {
    const auto targets = initialization_targets(meta_);
    if (targets.empty() || !uses_tables()) return {};
    TRY(in_context(import_part("initialize", {}, {}, targets), "importing the initialisation op"));
    module_.initializers.push_back("initialize");
    for (const AssetFileDef& asset : assets_) TRY(add_asset(module_, *document_.files, asset.filename()));
    return {};
  }

  Result<void> read_variables() {
    const auto sources = TRY(restore_sources(meta_.graph_def(), nodes_, decode_));
    std::set<std::string> seen;
    for (const auto& function : module_.functions()) {
      for (const ir::NodeId id : function->graph.live_nodes()) {
        const ir::Node& node = function->graph.node(id);
        if (!node.is("VarHandleOp")) continue;
        const ir::AttributeMap map = node.attributes->to_map();
        const std::string name = std::get<std::string>(*ir::find(map, "shared_name"));
        if (!seen.insert(name).second) continue;
        ir::Variable variable{name, std::get<DType>(*ir::find(map, "dtype")), std::get<PartialShape>(*ir::find(map, "shape")), {}};
        TRY(read_variable(variable, sources));
        module_.variables.push_back(std::move(variable));
      }
    }
    return {};
  }

  Result<void> read_variable(ir::Variable& variable, const std::map<std::string, Source>& sources) {
    const auto it = sources.find(variable.name);
    const Source source = it == sources.end() ? Source{variable.name, ""} : it->second;
    if (!document_.bundle || !document_.bundle->find(source.key)) {
      return fail(Error{ErrorCode::kNotFound,
                        "the checkpoint holds no value for the variable '" + variable.name + "'",
                        document_.files->describe("variables"),
                        {},
                        "copy the whole SavedModel, the variables directory included"});
    }
    auto value = source.slice.empty() ? document_.bundle->read(source.key) : document_.bundle->read_slice(source.key, source.slice);
    if (!value) return fail(std::move(value.error()).with_context("reading the variable '" + variable.name + "'"));
    if (value->dtype() != variable.dtype || !compatible(variable.shape, PartialShape(value->shape()))) {
      return fail(Error{ErrorCode::kInvalidModel,
                        "the variable '" + variable.name + "' is declared " + std::string(to_string(variable.dtype)) + to_string(variable.shape) +
                            ", the checkpoint holds " + type_text(*value),
                        document_.files->describe(""),
                        {},
                        "the checkpoint belongs to another model"});
    }
    variable.value = std::move(*value);
    return {};
  }

  const SavedModelDocument& document_;
  const MetaGraphDef& meta_;
  const Limits& limits_;
  DecodeContext decode_;
  NodesByName nodes_;
  std::vector<AssetFileDef> assets_;
  ir::Module module_;
};

}  // namespace

Result<ir::Module> import_saved_model(const SavedModelDocument& document, const ImportOptions& options, const Limits& limits) {
  const MetaGraphDef* meta = TRY(choose_meta_graph(document, options.tags));
  if (auto module = TRY(import_object_graph(document, *meta, options, limits))) return std::move(*module);
  const auto signatures = TRY(list_signatures(*meta));
  const SignatureSummary* signature = TRY(choose_signature(signatures, options.signature, document.files->describe("")));
  return GraphSignatureImporter(document, *meta, limits).run(*signature);
}

}  // namespace isomer::tf
