// Each Keras object of the SavedModel's object graph has a text of metadata, a JSON object. That of the root holds the configuration of the whole model, that
// of its children "layer-0", "layer-1", ... their names; their children "variables" list what they own. Values lie in the checkpoint.
#include "formats/keras/saved_model.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "formats/keras/schema/keras_metadata.pb.h"
#include "formats/model_files.h"
#include "formats/tf/checkpoint_keys.h"
#include "formats/tf/parse_message.h"
#include "formats/tf/saved_model.h"
#include "formats/tf/schema/tensorflow.pb.h"
#include "formats/tf/tensor_proto.h"
#include "wire/json.h"

#include "layers/config.h"

namespace isomer::keras {
namespace {

constexpr const char* kMetadataFile = "keras_metadata.pb";
using Metadata = std::map<int64_t, std::string>;  // by node of the object graph

const tf::SavedObjectGraph* object_graph(const tf::SavedModelDocument& document) {
  for (const auto& graph : document.message->meta_graphs())
    if (graph.has_object_graph_def() && graph.object_graph_def().nodes_size() > 0) return &graph.object_graph_def();
  return nullptr;
}

Result<Metadata> read_metadata(const tf::SavedModelDocument& document, const tf::SavedObjectGraph& objects, const Limits& limits) {
  Metadata metadata;
  if (document.files->contains(kMetadataFile)) {
    const Bytes file = TRY(document.files->read(kMetadataFile));
    schema::SavedMetadata message;
    TRY(tf::parse_binary(std::string(file.text()), message, document.files->describe(kMetadataFile), limits));
    for (const auto& node : message.nodes()) metadata[node.node_id()] = node.metadata();
    return metadata;
  }
  for (int i = 0; i < objects.nodes_size(); ++i) {
    const auto& node = objects.nodes(i);
    if (node.kind_case() == tf::SavedObject::kUserObject && node.user_object().identifier().starts_with("_tf_keras_") && !node.user_object().metadata().empty())
      metadata[i] = node.user_object().metadata();
  }
  return metadata;
}

// {"class_name": "__tuple__", "items": [...]} stands for a list; so does TensorShape.
void unpack_tuples(JsonValue& json) {
  if (json.is_object()) {
    const JsonValue* class_name = json.find("class_name");
    JsonValue* items = json.find("items");
    if (class_name && items && items->is_array() && (*class_name == JsonValue("__tuple__") || *class_name == JsonValue("TensorShape")))
      json = JsonValue(JsonValue::Array(items->items()));
  }
  if (json.is_array())
    for (JsonValue& item : json.items()) unpack_tuples(item);
  if (json.is_object())
    for (JsonMember& member : json.members()) unpack_tuples(member.value);
}

Result<JsonValue> metadata_of(const Metadata& metadata, int64_t node, const Limits& limits) {
  const auto it = metadata.find(node);
  if (it == metadata.end()) return JsonValue();
  JsonValue json = TRY(in_context(read_json(it->second, limits), "reading the metadata of object " + std::to_string(node)));
  unpack_tuples(json);
  return json;
}

int64_t child(const tf::SavedObjectGraph& objects, int64_t id, std::string_view name) {
  for (const auto& reference : objects.nodes(static_cast<int>(id)).children())
    if (reference.local_name() == name && reference.node_id() >= 0 && reference.node_id() < objects.nodes_size()) return reference.node_id();
  return -1;
}

std::optional<int64_t> number_after(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  text.remove_prefix(prefix.size());
  int64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return number;
}

// Children whose names are a prefix and a number, by that number.
std::map<int64_t, int64_t> numbered(const tf::SavedObjectGraph& objects, int64_t id, std::string_view prefix) {
  std::map<int64_t, int64_t> result;
  for (const auto& reference : objects.nodes(static_cast<int>(id)).children())
    if (const auto number = number_after(reference.local_name(), prefix); number && reference.node_id() >= 0 && reference.node_id() < objects.nodes_size())
      result.emplace(*number, reference.node_id());
  return result;
}

// The weights of the layers at the root, in order. A layer that stands twice has its weights once.
Result<void> collect_weights(const tf::SavedModelDocument& document, const tf::SavedObjectGraph& objects, const Metadata& metadata, layers::StoredModel& model,
                             const Limits& limits) {
  const tf::CheckpointKeys keys = document.bundle ? TRY(tf::read_checkpoint_keys(*document.bundle, objects, limits)) : tf::CheckpointKeys();
  std::vector<std::string> places;
  std::set<int64_t> seen;
  for (const auto& [number, layer] : numbered(objects, 0, "layer-")) {
    const std::string group = layers::text_of(TRY(metadata_of(metadata, layer, limits)), "name");
    const int64_t list = child(objects, layer, "variables");
    if (list < 0) continue;
    for (const auto& [position, id] : numbered(objects, list, "")) {
      const auto& node = objects.nodes(static_cast<int>(id));
      if (node.kind_case() != tf::SavedObject::kVariable || !seen.insert(id).second) continue;
      const auto& variable = node.variable();
      const auto found = keys.find(id);
      const auto key = found == keys.end() ? std::map<std::string, std::string>::const_iterator() : found->second.find("VARIABLE_VALUE");
      if (found == keys.end() || key == found->second.end())
        return fail(Error{ErrorCode::kNotFound,
                          "the checkpoint holds no value for the variable '" + variable.name() + "'",
                          document.files->describe("variables"),
                          {},
                          "copy the whole SavedModel, the variables directory included"});
      const tf::BundleEntry* entry = document.bundle->find(key->second);
      if (!entry) return fail(ErrorCode::kNotFound, "the checkpoint has no tensor '" + key->second + "'");
      model.weights.push_back({group, variable.name(), entry->shape, entry->dtype});
      places.push_back(key->second);
    }
  }
  model.read = [bundle = document.bundle, places](size_t i) { return bundle->read(places[i]); };
  return {};
}

Result<layers::StoredModel> read(const std::string& path, const Limits& limits) {
  const tf::SavedModelDocument document = TRY(tf::read_saved_model(TRY(ModelFiles::open(path, limits)), limits));
  const tf::SavedObjectGraph* objects = object_graph(document);
  const Metadata metadata = objects ? TRY(read_metadata(document, *objects, limits)) : Metadata();
  const char* advice = "convert it as a SavedModel, to a graph model: --input_format=tf_saved_model --output_format=tfjs_graph_model";
  if (!metadata.contains(0)) return fail(Error{ErrorCode::kUnsupported, "the SavedModel does not say which Keras layers it was made of", {}, {}, advice});
  const JsonValue root = TRY(metadata_of(metadata, 0, limits));
  layers::StoredModel model;
  model.keras_version = layers::text_of(root, "keras_version");
  model.backend = layers::text_of(root, "backend");
  JsonValue config = JsonValue::object();
  if (const JsonValue* whole = root.find("model_config"); whole && whole->is_object()) {
    config = *whole;
  } else if (root.find("config") && !layers::text_of(root, "class_name").empty()) {
    config["class_name"] = *root.find("class_name");
    config["config"] = *root.find("config");
  }
  const JsonValue* graph_network = root.find("is_graph_network");
  const JsonValue* inner = config.find("config");
  if (!inner || !(inner->find("layers") || inner->is_array()) ||
      (graph_network && *graph_network == JsonValue(false) && layers::text_of(config, "class_name") != "Sequential"))
    return fail(Error{ErrorCode::kUnsupported,
                      "the model" + (layers::text_of(root, "class_name").empty() ? "" : " is of the class " + layers::text_of(root, "class_name") + ", which") +
                          " has code of its own: the file does not say how its layers are called",
                      {},
                      {},
                      advice});
  model.topology = JsonValue::object();
  model.topology["keras_version"] = JsonValue(model.keras_version.empty() ? "2.0.0" : model.keras_version);
  model.topology["backend"] = JsonValue(model.backend.empty() ? "tensorflow" : model.backend);
  model.topology["model_config"] = std::move(config);
  model.generation = layers::generation_of(model.topology);
  if (const JsonValue* training = root.find("training_config"); training && training->is_object()) {
    model.training = *training;
    model.training_form = layers::TrainingForm::kHdf5;
  }
  TRY(collect_weights(document, *objects, metadata, model, limits));
  return model;
}

}  // namespace

bool holds_layers(const std::string& path, const Limits& limits) {
  const auto files = ModelFiles::open(path, limits);
  if (!files) return false;
  if ((*files)->contains(kMetadataFile)) return true;
  const auto document = tf::read_saved_model(*files, limits);
  const tf::SavedObjectGraph* objects = document ? object_graph(*document) : nullptr;
  return objects && objects->nodes(0).kind_case() == tf::SavedObject::kUserObject && objects->nodes(0).user_object().identifier().starts_with("_tf_keras_") &&
         !objects->nodes(0).user_object().metadata().empty();
}

Result<layers::StoredModel> read_saved_model_layers(const std::string& path, const Limits& limits) { return in_context(read(path, limits), "reading " + path); }

}  // namespace isomer::keras
