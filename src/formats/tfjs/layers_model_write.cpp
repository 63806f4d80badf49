#include "formats/tfjs/layers_model_write.h"

#include <algorithm>
#include <unordered_set>

#include "base/checked.h"

namespace isomer::tfjs {
namespace {

constexpr std::string_view kModelJson = "model.json";

struct WrittenGroup {
  std::vector<std::string> paths;
  JsonValue::Array entries;
  JsonValue other = JsonValue::object();
};

Result<void> check(const LayersModelOutput& model, const LayersWriteOptions& options) {
  if (options.weight_shard_size_bytes <= 0)
    return fail(ErrorCode::kInvalidArgument, "expected a positive shard size, found " + std::to_string(options.weight_shard_size_bytes));
  std::unordered_set<std::string_view> names;
  for (const auto* list : {&model.weights, &model.optimizer_weights})
    for (const LayersModelWeight& weight : *list)
      if (!names.insert(weight.weight.name).second) return fail(ErrorCode::kInvalidModel, "two weights have the name \"" + weight.weight.name + "\"");
  return {};
}

class Files {
 public:
  Files(AtomicDirectory& output, const LayersWriteOptions& options, WriteReport& report) : output_(output), options_(options), report_(report) {}

  Result<WrittenGroup> write(std::span<const LayersModelWeight* const> weights, size_t optimizer_from) {
    WrittenGroup group;
    int64_t total = 0;
    for (const LayersModelWeight* weight : weights) {
      const auto sum = checked_add(total, TRY(bytes_of(weight->weight)));
      if (!sum) return fail(ErrorCode::kLimitExceeded, "the weights take more than 2^63 bytes");
      total = *sum;
    }
    ShardWriter shards(output_, ++groups_, total, options_.weight_shard_size_bytes);
    for (size_t i = 0; i < weights.size(); ++i) {
      JsonValue entry = entry_json(weights[i]->weight);
      if (i >= optimizer_from) entry["group"] = JsonValue("optimizer");
      group.entries.push_back(std::move(entry));
      TRY(append_output_weight(shards, weights[i]->weight, options_, report_));
    }
    group.paths = TRY(shards.finish());
    report_.weight_bytes += total;
    report_.files.insert(report_.files.end(), group.paths.begin(), group.paths.end());
    return group;
  }

  // The stored bytes as they are.
  Result<WrittenGroup> copy(std::span<const WeightEntry* const> entries, JsonValue other) {
    WrittenGroup group;
    group.other = std::move(other);
    int64_t total = 0;
    for (const WeightEntry* entry : entries) total += entry->stored_bytes();
    ShardWriter shards(output_, ++groups_, total, options_.weight_shard_size_bytes);
    for (const WeightEntry* entry : entries) {
      group.entries.push_back(to_json(*entry));
      for (const Bytes& piece : entry->pieces) TRY(shards.append(piece));
    }
    group.paths = TRY(shards.finish());
    report_.weight_bytes += total;
    report_.files.insert(report_.files.end(), group.paths.begin(), group.paths.end());
    return group;
  }

 private:
  AtomicDirectory& output_;
  const LayersWriteOptions& options_;
  WriteReport& report_;
  int64_t groups_ = 0;
};

// Weights of each layer together, in the order in which layers occur first; one group where they are not to be parted.
template <class T, class LayerOf>
std::vector<std::vector<const T*>> by_layer(std::span<const T> weights, bool split, LayerOf&& layer_of) {
  std::vector<std::vector<const T*>> groups;
  std::vector<std::string> names;
  for (const T& weight : weights) {
    const std::string layer = split ? layer_of(weight) : std::string();
    const auto found = std::find(names.begin(), names.end(), layer);
    if (found == names.end()) {
      names.push_back(layer);
      groups.push_back({&weight});
    } else {
      groups[static_cast<size_t>(found - names.begin())].push_back(&weight);
    }
  }
  return groups;
}

void write_manifest(JsonWriter& json, const std::vector<WrittenGroup>& groups) {
  json.key("weightsManifest");
  json.begin_array();
  for (const WrittenGroup& group : groups) write_group(json, group.paths, group.entries, group.other);
  json.end_array();
}

template <class Write>
Result<void> write_model_json(AtomicDirectory& output, Write&& write) {
  OutputFile file = TRY(output.create_file(std::string(kModelJson)));
  JsonWriter json([&](std::string_view text) { return file.append(text); });
  json.begin_object();
  write(json);
  json.end_object();
  TRY(json.finish());
  return file.close();
}

Result<void> commit(AtomicDirectory& output, const LayersWriteOptions& options, WriteReport& report) {
  report.files.emplace_back(kModelJson);
  if (options.before_commit) TRY(options.before_commit(output.partial_path()));
  return output.commit();
}

}  // namespace

Result<WriteReport> write_layers_model(const LayersModelOutput& model, const std::string& directory, const LayersWriteOptions& options) {
  TRY(check(model, options));
  AtomicDirectory output = TRY(AtomicDirectory::create(directory, model_files_of(directory)));
  WriteReport report;
  Files files(output, options, report);
  std::vector<WrittenGroup> groups;
  auto parted = by_layer(std::span(model.weights), options.split_weights_by_layer, [](const LayersModelWeight& weight) { return weight.layer; });
  if (parted.empty()) parted.emplace_back();
  for (size_t i = 0; i < parted.size(); ++i) {
    const size_t own = parted[i].size();
    if (i + 1 == parted.size())
      for (const LayersModelWeight& weight : model.optimizer_weights) parted[i].push_back(&weight);
    // A model without weights has no manifest: TensorFlow.js counts the empty one's as missing.
    if (!parted[i].empty()) groups.push_back(TRY(files.write(parted[i], own)));
  }
  TRY(write_model_json(output, [&](JsonWriter& json) {
    const auto member = [&](std::string_view key, const JsonValue& value) {
      if (value.is_null()) return;
      json.key(key);
      json.value(value);
    };
    member("format", "layers-model");
    member("generatedBy", JsonValue(model.generated_by));
    member("convertedBy", JsonValue(model.converted_by));
    member("modelTopology", model.topology);
    member("trainingConfig", model.training_config);
    member("userDefinedMetadata", model.user_metadata);
    write_manifest(json, groups);
  }));
  TRY(commit(output, options, report));
  return report;
}

Result<WriteReport> rewrite_layers_model(const LayersModelDocument& document, const std::string& directory, const LayersWriteOptions& options) {
  TRY(check({}, options));
  AtomicDirectory output = TRY(AtomicDirectory::create(directory, model_files_of(directory)));
  WriteReport report;
  Files files(output, options, report);
  std::vector<WrittenGroup> groups;
  const auto layer_of = [](const WeightEntry& entry) { return entry.name.substr(0, entry.name.find('/')); };
  for (const WeightGroup& group : document.weights.groups) {
    const std::span<const WeightEntry> entries(document.weights.entries.data() + group.first, static_cast<size_t>(group.count));
    for (const auto& part : by_layer(entries, options.split_weights_by_layer, layer_of)) groups.push_back(TRY(files.copy(part, group.other)));
  }
  TRY(write_model_json(output, [&](JsonWriter& json) {
    for (const JsonMember& member : document.json.members()) {
      if (member.key == "weightsManifest") {
        write_manifest(json, groups);
      } else {
        json.key(member.key);
        json.value(member.value);
      }
    }
  }));
  TRY(commit(output, options, report));
  return report;
}

}  // namespace isomer::tfjs
