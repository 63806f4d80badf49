#include "formats/tfjs/layers_model.h"

#include "base/mapped_file.h"
#include "formats/tfjs/document.h"
#include "wire/gzip.h"

namespace isomer::tfjs {
namespace {

bool is_of_optimizer(const WeightEntry& entry) {
  const JsonValue* group = entry.other.find("group");
  return group && group->is_string() && group->text() == "optimizer";
}

// TensorFlow.js leaves depth_multiplier out when it saves a SeparableConv2D; the shape of the kernel tells it.
void restore_depth_multipliers(JsonValue& json, const WeightManifest& weights) {
  if (json.is_array())
    for (JsonValue& item : json.items()) restore_depth_multipliers(item, weights);
  if (!json.is_object()) return;
  const JsonValue* class_name = json.find("class_name");
  JsonValue* config = json.find("config");
  if (class_name && *class_name == JsonValue("SeparableConv2D") && config && config->is_object() && !config->find("depth_multiplier")) {
    const JsonValue* name = config->find("name");
    const WeightEntry* kernel = name && name->is_string() ? weights.find(name->text() + "/depthwise_kernel") : nullptr;
    if (kernel && kernel->shape.size() == 4) (*config)["depth_multiplier"] = JsonValue(kernel->shape[3]);
  }
  for (JsonMember& member : json.members()) restore_depth_multipliers(member.value, weights);
}

}  // namespace

Result<LayersModelDocument> read_layers_model(const std::string& path, const Limits& limits) {
  LayersModelDocument document;
  document.path = TRY(find_model_json(path));
  const auto in_file = [&](auto result) { return in_context(std::move(result), "reading " + document.path); };
  Bytes file = TRY(map_file(document.path));
  if (is_gzip(file)) file = TRY(in_file(gunzip(file, limits)));
  document.json = TRY(in_file(read_json(file.text(), limits)));
  file.release_pages();
  if (!document.json.is_object()) return fail(Error{ErrorCode::kMalformed, "expected an object, found " + describe(document.json), document.path, {}, {}});
  // A file may be the configuration itself.
  if (!document.json.find("modelTopology") && (document.json.find("class_name") || document.json.find("model_config"))) {
    JsonValue whole = JsonValue::object();
    whole["modelTopology"] = std::move(document.json);
    document.json = std::move(whole);
  }
  const JsonValue* topology = present(document.json.find("modelTopology"));
  if (!topology)
    return fail(Error{ErrorCode::kInvalidModel,
                      "there is no modelTopology: the file holds weights without the model they belong to",
                      document.path,
                      {},
                      "save the whole model, or name the file that holds its architecture"});
  if (topology->find("node")) return fail(Error{ErrorCode::kUnsupported, "this is a TensorFlow.js graph model, not a layers model", document.path, {}, {}});
  JsonValue* manifest = document.json.find("weightsManifest");
  if (present(manifest)) {
    const size_t slash = document.path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : document.path.substr(0, slash);
    document.weights = TRY(in_file(read_weight_manifest(*manifest, folder, limits, Repeats::kIfEqual)));
    document.has_weights = !document.weights.entries.empty();
    *manifest = JsonValue();
  }
  return document;
}

Result<layers::StoredModel> stored_model(const LayersModelDocument& document, const Limits& limits) {
  layers::StoredModel stored;
  stored.topology = *document.json.find("modelTopology");
  stored.generation = layers::generation_of(stored.topology);
  const JsonValue* writer = document.json.find("generatedBy");
  if (writer && writer->is_string() && writer->text().starts_with("TensorFlow.js")) stored.generation = layers::Generation::kTfjs;
  restore_depth_multipliers(stored.topology, document.weights);
  stored.has_weights = document.has_weights;
  std::vector<WeightEntry> entries;
  for (const WeightEntry& entry : document.weights.entries) {
    if (is_of_optimizer(entry) || document.weights.find(entry.name) != &entry) continue;  // an optimiser's, or the same weight again
    stored.weights.push_back({{}, entry.name, entry.shape, dtype_from_string(entry.dtype).value_or(DType::kFloat32)});
    entries.push_back(entry);
  }
  stored.read = [entries, limits](size_t i) { return decode_weight(entries[i], limits); };
  return stored;
}

}  // namespace isomer::tfjs
