#include "formats/tfjs/write.h"

#include <algorithm>
#include <unordered_set>

#include "base/checked.h"
#include "base/mapped_file.h"

namespace isomer::tfjs {
namespace {

constexpr std::string_view kModelJson = "model.json";

Result<void> check_options(const WriteOptions& options) {
  if (options.weight_shard_size_bytes > 0) return {};
  return fail(ErrorCode::kInvalidArgument, "expected a positive shard size, found " + std::to_string(options.weight_shard_size_bytes));
}

// Creates model.json and fills it with `write(JsonWriter&)`.
template <class Write>
Result<void> write_model_json(AtomicDirectory& output, Write&& write) {
  OutputFile file = TRY(output.create_file(std::string(kModelJson)));
  JsonWriter json([&](std::string_view text) { return file.append(text); });
  write(json);
  TRY(json.finish());
  return file.close();
}

// Every Const node must have its weight and every weight its node, or tf.js fails while running.
Result<void> check_weights(const GraphModelOutput& model) {
  std::unordered_set<std::string_view> weights;
  for (const OutputWeight& weight : model.weights) {
    if (!weights.insert(weight.name).second) return fail(ErrorCode::kInvalidModel, "two weights have the name \"" + weight.name + "\"");
  }
  std::unordered_set<std::string_view> nodes;
  const auto check_nodes = [&](const auto& list) -> Result<void> {
    for (const tf::NodeDef& node : list) {
      if (node.op() != "Const") continue;
      if (!weights.contains(node.name())) return fail(ErrorCode::kInvalidModel, "the Const node \"" + node.name() + "\" has no weight");
      nodes.insert(node.name());
    }
    return {};
  };
  const auto check_graph = [&](const tf::GraphDef& graph) -> Result<void> {
    TRY(check_nodes(graph.node()));
    for (const tf::FunctionDef& function : graph.library().function()) TRY(check_nodes(function.node_def()));
    return {};
  };
  TRY(check_graph(model.topology));
  if (model.initializer) TRY(check_graph(*model.initializer));
  for (const OutputWeight& weight : model.weights) {
    if (!nodes.contains(weight.name)) return fail(ErrorCode::kInvalidModel, "the weight \"" + weight.name + "\" has no Const node");
  }
  return {};
}

// One group of all weights. Returns the entries of the manifest.
Result<JsonValue::Array> write_weights(AtomicDirectory& output, const GraphModelOutput& model, const WriteOptions& options, WriteReport& report) {
  int64_t total = 0;
  for (const OutputWeight& weight : model.weights) {
    const auto sum = checked_add(total, TRY(bytes_of(weight)));
    if (!sum) return fail(ErrorCode::kLimitExceeded, "the weights take more than 2^63 bytes");
    total = *sum;
  }
  ShardWriter shards(output, 1, total, options.weight_shard_size_bytes);
  JsonValue::Array entries;
  entries.reserve(model.weights.size());
  for (const OutputWeight& weight : model.weights) {
    entries.push_back(entry_json(weight));
    TRY(append_output_weight(shards, weight, options, report));
  }
  report.weight_bytes = total;
  report.files = TRY(shards.finish());
  return entries;
}

// The document's weights as they are stored, in the groups they have.
Result<std::vector<std::vector<std::string>>> copy_weights(AtomicDirectory& output, const WeightManifest& weights, const WriteOptions& options,
                                                           WriteReport& report) {
  std::vector<std::vector<std::string>> paths;
  for (size_t g = 0; g < weights.groups.size(); ++g) {
    const WeightGroup& group = weights.groups[g];
    const std::span<const WeightEntry> entries(weights.entries.data() + group.first, static_cast<size_t>(group.count));
    int64_t total = 0;
    for (const WeightEntry& entry : entries) total += entry.stored_bytes();
    ShardWriter shards(output, static_cast<int64_t>(g) + 1, total, options.weight_shard_size_bytes);
    for (const WeightEntry& entry : entries) {
      for (const Bytes& piece : entry.pieces) TRY(shards.append(piece));
    }
    paths.push_back(TRY(shards.finish()));
    report.weight_bytes += total;
    report.files.insert(report.files.end(), paths.back().begin(), paths.back().end());
  }
  return paths;
}

void write_document_manifest(JsonWriter& json, const WeightManifest& weights, const std::vector<std::vector<std::string>>& paths) {
  json.begin_array();
  for (size_t g = 0; g < weights.groups.size(); ++g) {
    const WeightGroup& group = weights.groups[g];
    JsonValue::Array entries;
    for (int64_t i = group.first; i < group.first + group.count; ++i) entries.push_back(to_json(weights.entries[static_cast<size_t>(i)]));
    write_group(json, paths[g], entries, group.other);
  }
  json.end_array();
}

}  // namespace

AtomicDirectory::IsModelFile model_files_of(const std::string& directory) {
  std::unordered_set<std::string> named;
  const std::string old_model = directory + "/" + std::string(kModelJson);
  if (auto file = is_regular_file(old_model) ? map_file(old_model) : Bytes(); file && !file->empty()) {
    // Only the manifest matters: nodes are dropped as they come. A broken model.json names nothing; it is replaced all the same.
    const auto drop = [](JsonValue) -> Result<void> { return {}; };
    const std::vector<JsonStream> dropped = {{"modelTopology.node", drop}, {"modelTopology.library.function", drop}, {"modelInitializer.node", drop}};
    if (auto json = read_json(file->text(), Limits{}, dropped); json && json->find("weightsManifest") && json->find("weightsManifest")->is_array()) {
      for (const JsonValue& group : json->find("weightsManifest")->items()) {
        const JsonValue* paths = group.find("paths");
        if (!paths || !paths->is_array()) continue;
        for (const JsonValue& path : paths->items()) {
          if (path.is_string()) named.insert(path.text().starts_with("./") ? path.text().substr(2) : path.text());
        }
      }
    }
  }
  return [named = std::move(named)](std::string_view name) {
    return name == kModelJson || name == "model.json.gz" || (name.starts_with("group") && name.find("-shard") != std::string_view::npos) ||
           named.contains(std::string(name));
  };
}

void write_group(JsonWriter& json, const std::vector<std::string>& paths, const JsonValue::Array& weights, const JsonValue& other) {
  json.begin_object();
  json.key("paths");
  json.begin_array();
  for (const std::string& path : paths) json.string(path);
  json.end_array();
  json.key("weights");
  json.begin_array();
  for (const JsonValue& weight : weights) json.value(weight);
  json.end_array();
  for (const JsonMember& member : other.members()) {
    json.key(member.key);
    json.value(member.value);
  }
  json.end_object();
}

JsonValue entry_json(const OutputWeight& weight) {
  WeightEntry entry;
  entry.name = weight.name;
  entry.shape = weight.value.shape();
  entry.quantization = weight.quantization;
  if (!weight.quantization) {
    entry.dtype = to_string(weight_dtype(weight.value.dtype()));
  } else {
    entry.dtype = weight.quantization->original_dtype.empty() ? "float32" : weight.quantization->original_dtype;
  }
  return to_json(entry);
}

Result<int64_t> bytes_of(const OutputWeight& weight) {
  if (!weight.quantization) return in_context(weight_bytes(weight.value), "writing the weight \"" + weight.name + "\"");
  if (weight.value.dtype() == weight.quantization->storage) return weight.value.byte_size();
  return fail(ErrorCode::kInvalidArgument, "the weight \"" + weight.name + "\" is quantised as " + std::string(to_string(weight.quantization->storage)) +
                                               ", but its codes have dtype " + std::string(to_string(weight.value.dtype())));
}

Result<void> append_output_weight(ShardWriter& shards, const OutputWeight& weight, const WriteOptions& options, WriteReport& report) {
  if (weight.quantization) return shards.append(weight.value.bytes());
  NarrowedWeight narrowed = TRY(append_weight(shards, weight.name, weight.value, options.narrow));
  if (narrowed.from != narrowed.to) report.narrowed.push_back(std::move(narrowed));
  return {};
}

Result<WriteReport> write_graph_model(const GraphModelOutput& model, const std::string& directory, const WriteOptions& options) {
  TRY(check_options(options));
  TRY(check_weights(model));
  AtomicDirectory output = TRY(AtomicDirectory::create(directory, model_files_of(directory)));
  WriteReport report;
  const JsonValue::Array entries = TRY(write_weights(output, model, options, report));
  TRY(write_model_json(output, [&](JsonWriter& json) {
    const auto member = [&](std::string_view key, const JsonValue& value) {
      json.key(key);
      json.value(value);
    };
    json.begin_object();
    member("format", "graph-model");
    member("generatedBy", JsonValue(model.generated_by));
    member("convertedBy", JsonValue(model.converted_by));
    member("signature", to_json(model.signature));
    if (!model.user_metadata.is_null()) member("userDefinedMetadata", model.user_metadata);
    json.key("modelTopology");
    tf::write_graph_def_json(json, model.topology);
    if (model.initializer && model.initializer->node_size() > 0) {
      json.key("modelInitializer");
      tf::write_graph_def_json(json, *model.initializer);
    }
    if (model.initializer_signature) member("initializerSignature", to_json(*model.initializer_signature));
    json.key("weightsManifest");
    json.begin_array();
    write_group(json, report.files, entries, JsonValue::object());
    json.end_array();
    json.end_object();
  }));
  report.files.emplace_back(kModelJson);
  if (options.before_commit) TRY(options.before_commit(output.partial_path()));
  TRY(output.commit());
  return report;
}

Result<WriteReport> rewrite_graph_model(const GraphModelDocument& document, const std::string& directory, const WriteOptions& options) {
  TRY(check_options(options));
  AtomicDirectory output = TRY(AtomicDirectory::create(directory, model_files_of(directory)));
  WriteReport report;
  const auto paths = TRY(copy_weights(output, document.weights, options, report));
  TRY(write_model_json(output, [&](JsonWriter& json) {
    json.begin_object();
    for (const JsonMember& member : document.json.members()) {
      json.key(member.key);
      if (member.key == "modelTopology") {
        tf::write_graph_def_json(json, document.topology, {false, &document.topology_unknown});
      } else if (member.key == "modelInitializer" && document.initializer) {
        tf::write_graph_def_json(json, *document.initializer, {false, &document.initializer_unknown});
      } else if (member.key == "weightsManifest") {
        write_document_manifest(json, document.weights, paths);
      } else {
        json.value(member.value);
      }
    }
    json.end_object();
  }));
  report.files.emplace_back(kModelJson);
  if (options.before_commit) TRY(options.before_commit(output.partial_path()));
  TRY(output.commit());
  return report;
}

}  // namespace isomer::tfjs
