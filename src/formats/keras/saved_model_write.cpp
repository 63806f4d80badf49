// tf_keras makes each layer again from its metadata, finds the variables of the object graph among the layer's attributes by the names of the edges, and
// restores them from the checkpoint along the same names. So an object is needed for every layer, and for what lies between a layer and its variables.
#include "formats/keras/saved_model_write.h"

#include <algorithm>

#include "base/atomic_output.h"
#include "formats/keras/schema/keras_metadata.pb.h"
#include "formats/tf/saved_model_write.h"
#include "layers/config.h"
#include "layers/object_paths.h"

namespace isomer::keras {
namespace {

std::string identifier_of(std::string_view class_name) {
  if (class_name == "Sequential") return "_tf_keras_sequential";
  if (layers::is_model_class(class_name)) return "_tf_keras_network";
  if (class_name == "InputLayer") return "_tf_keras_input_layer";
  return layers::is_recurrent_class(class_name) ? "_tf_keras_rnn_layer" : "_tf_keras_layer";
}

JsonValue shape_json(const JsonValue& dimensions) {
  JsonValue shape = JsonValue::object();
  shape["class_name"] = JsonValue("TensorShape");
  shape["items"] = dimensions;
  return shape;
}

class Objects {
 public:
  explicit Objects(KerasSavedModel& model) : model_(model) {
    objects_.push_back({identifier_of(layers::class_name_of(model.model_config)), -1, true, {}});
    add_metadata(0, "root", model.model_config, {});
    add_layers(0, "root", model.model_config, {});
    for (SavedModelWeight& weight : model.weights) add_weight(weight);
    for (const int64_t owner : owners_) add_lists(owner);
  }

  tf::SavedModelOutput take_objects() { return {std::move(objects_), std::move(variables_), std::move(model_.module)}; }
  const schema::SavedMetadata& metadata() const { return metadata_; }
  Result<void> status() const { return status_; }

 private:
  int64_t add(int64_t parent, const std::string& name, tf::OutputObject object) {
    objects_.push_back(std::move(object));
    const auto id = static_cast<int64_t>(objects_.size()) - 1;
    objects_[static_cast<size_t>(parent)].children.emplace_back(name, id);
    return id;
  }

  bool has_weights(const std::vector<std::string>& path) const {
    return std::any_of(model_.weights.begin(), model_.weights.end(), [&](const SavedModelWeight& weight) {
      return weight.path.size() > path.size() && std::equal(path.begin(), path.end(), weight.path.begin());
    });
  }

  // The layers of a model under both names that tf_keras gives them. `path` is made of these, `place` of names of layers.
  void add_layers(int64_t parent, const std::string& path, const JsonValue& config, const std::vector<std::string>& place) {
    int64_t with_weights = 0;
    const auto counted = layers::counted_layers(config);
    for (size_t i = 0; i < counted.size(); ++i) {
      const JsonValue& layer = *counted[i];
      const std::string name = "layer-" + std::to_string(i), class_name = layers::class_name_of(layer);
      const int64_t id = add(parent, name, {identifier_of(class_name), -1, true, {}});
      std::vector<std::string> attributes = attributes_[parent], inner = place;
      attributes.push_back(name);
      inner.push_back(layers::layer_name_of(layer));
      attributes_[id] = attributes;
      if (has_weights(attributes)) objects_[static_cast<size_t>(parent)].children.emplace_back("layer_with_weights-" + std::to_string(with_weights++), id);
      add_metadata(id, path + "." + name, layer, inner);
      add_inside(id, path + "." + name, layer, inner);
    }
  }

  // The layers of a nested model, and those of a model that a wrapper has: tf_keras finishes every model that it makes, by its metadata.
  void add_inside(int64_t id, const std::string& path, const JsonValue& layer, std::vector<std::string> place) {
    if (layers::is_model_class(layers::class_name_of(layer))) return add_layers(id, path, layer, place);
    if (layers::class_name_of(layer) == "MultiHeadAttention") return add_projections(id, path, layer, place);
    const JsonValue* config = layer.find("config");
    const JsonValue* wrapped = config ? config->find("layer") : nullptr;
    if (!wrapped || !layers::is_model_class(layers::class_name_of(*wrapped))) return;
    const int64_t inner = add(id, "layer", {identifier_of(layers::class_name_of(*wrapped)), -1, true, {}});
    attributes_[inner] = attributes_[id];
    attributes_[inner].emplace_back("layer");
    place.push_back(layers::layer_name_of(*wrapped));
    add_metadata(inner, path + ".layer", *wrapped, place);
    add_layers(inner, path + ".layer", *wrapped, place);
  }

  // The layers inside of MultiHeadAttention are built when they are first called, so what each is built on has to be told.
  void add_projections(int64_t id, const std::string& path, const JsonValue& layer, const std::vector<std::string>& place) {
    const auto more = model_.more_config.find(place);
    if (more == model_.more_config.end()) return;
    const JsonValue& config = *layer.find("config");
    JsonValue attended = *more->second.find("query_shape");
    const JsonValue* heads = config.find("num_heads");
    const JsonValue* size = config.find("value_dim");
    if (!size || size->is_null()) size = config.find("key_dim");
    attended.items().back() = heads ? *heads : JsonValue();
    attended.items().push_back(size ? *size : JsonValue());
    for (const auto& [name, shape] : {std::pair("query", *more->second.find("query_shape")), std::pair("key", *more->second.find("key_shape")),
                                      std::pair("value", *more->second.find("value_shape")), std::pair("output", attended)}) {
      const std::string attribute = "_" + std::string(name) + "_dense";
      JsonValue projection = JsonValue::object();
      projection["class_name"] = JsonValue("EinsumDense");
      projection["config"] = JsonValue::object();
      projection["config"]["name"] = JsonValue(name);
      std::vector<std::string> inner = place;
      inner.push_back(attribute);
      model_.build_shapes[inner] = shape;
      add_metadata(add(id, attribute, {"_tf_keras_layer", -1, true, {}}), path + "." + attribute, projection, inner);
    }
  }

  void add_weight(SavedModelWeight& weight) {
    int64_t at = 0;
    std::string key;
    std::vector<int64_t> owners = {0};
    for (size_t i = 0; i < weight.path.size(); ++i) {
      const std::string& name = weight.path[i];
      key += (key.empty() ? "" : "/") + name;
      const auto& children = objects_[static_cast<size_t>(at)].children;
      const auto known = std::find_if(children.begin(), children.end(), [&](const auto& child) { return child.first == name; });
      if (i + 1 == weight.path.size()) {
        at = add(at, name, {"", static_cast<int64_t>(variables_.size()), true, {}});
      } else {
        at = known != children.end() ? known->second : add(at, name, {name == "cells" ? "trackable_list_wrapper" : "_tf_keras_layer", -1, true, {}});
        owners.push_back(at);
      }
    }
    variables_.push_back({weight.variable, weight.name, key, weight.trainable, std::move(weight.value)});
    for (const int64_t owner : owners) {
      if (!attributes_.contains(owner)) continue;  // only layers of models tell their variables
      owned_[owner].push_back(at);
      if (std::find(owners_.begin(), owners_.end(), owner) == owners_.end()) owners_.push_back(owner);
    }
  }

  // Lists of what a layer owns, which other readers go by.
  void add_lists(int64_t owner) {
    std::vector<int64_t> all, trainable, others;
    for (const int64_t id : owned_[owner])
      (variables_[static_cast<size_t>(objects_[static_cast<size_t>(id)].variable)].trainable ? trainable : others).push_back(id);
    all = trainable;
    all.insert(all.end(), others.begin(), others.end());
    for (const auto& [name, ids] : {std::pair("variables", all), std::pair("trainable_variables", trainable)}) {
      const int64_t list = add(owner, name, {"trackable_list_wrapper", -1, false, {}});
      for (size_t i = 0; i < ids.size(); ++i) objects_[static_cast<size_t>(list)].children.emplace_back(std::to_string(i), ids[i]);
    }
  }

  void add_metadata(int64_t id, const std::string& path, const JsonValue& layer, const std::vector<std::string>& place) {
    const std::string class_name = layers::class_name_of(layer);
    const JsonValue* config = layer.find("config");
    JsonValue json = JsonValue::object();
    json["name"] = JsonValue(layers::layer_name_of(layer));
    const JsonValue* trainable = config ? config->find("trainable") : nullptr;
    json["trainable"] = trainable && trainable->is_bool() ? *trainable : JsonValue(true);
    json["expects_training_arg"] = JsonValue(layers::is_model_class(class_name) || layers::is_recurrent_class(class_name));
    json["must_restore_from_config"] = JsonValue(false);
    json["class_name"] = *layer.find("class_name");
    if (config) json["config"] = *config;
    if (const auto more = model_.more_config.find(place); config && more != model_.more_config.end()) {
      for (const JsonMember& member : more->second.members())
        if (JsonValue& own = json["config"][member.key]; own.is_null()) own = member.value;
    }
    if (layers::is_model_class(class_name)) json["is_graph_network"] = JsonValue(true);
    if (const auto shapes = model_.build_shapes.find(place); shapes != model_.build_shapes.end()) json["build_input_shape"] = build_shape(shapes->second);
    if (id == 0) {
      json["keras_version"] = JsonValue(model_.keras_version);
      json["backend"] = JsonValue(model_.backend);
      json["model_config"] = model_.model_config;
      if (!model_.training_config.is_null()) json["training_config"] = model_.training_config;
      attributes_[0] = {};
    }
    auto text = write_json(json);
    if (!text) {
      if (status_)
        status_ = in_context(Result<void>(std::unexpected(std::move(text.error()))), "writing the configuration of the layer '" + json["name"].text() + "'");
      return;
    }
    auto& node = *metadata_.add_nodes();
    node.set_node_id(static_cast<int32_t>(id));
    node.set_node_path(path);
    node.set_identifier(objects_[static_cast<size_t>(id)].identifier);
    node.set_metadata(std::move(*text));
    node.mutable_version()->set_producer(2);
    node.mutable_version()->set_min_consumer(1);
  }

  static JsonValue build_shape(const JsonValue& shapes) {
    const bool several = shapes.is_array() && !shapes.items().empty() && shapes.items()[0].is_array();
    if (!several) return shape_json(shapes);
    JsonValue list = JsonValue::array();
    for (const JsonValue& shape : shapes.items()) list.items().push_back(shape_json(shape));
    return list;
  }

  KerasSavedModel& model_;
  std::vector<tf::OutputObject> objects_;
  std::vector<tf::OutputVariable> variables_;
  std::map<int64_t, std::vector<std::string>> attributes_;  // of layers of models: their paths
  std::map<int64_t, std::vector<int64_t>> owned_;           // variables of these
  std::vector<int64_t> owners_;                             // those that have any, in order
  schema::SavedMetadata metadata_;
  Result<void> status_;
};

bool is_model_file(std::string_view name) {
  for (const std::string_view own : {"saved_model.pb", "saved_model.pbtxt", "keras_metadata.pb", "fingerprint.pb", "variables", "assets"})
    if (name == own) return true;
  return false;
}

}  // namespace

std::vector<std::string> keras_saved_model_files() {
  return {"keras_metadata.pb", "saved_model.pb", "variables/variables.data-00000-of-00001", "variables/variables.index"};
}

Result<int64_t> write_keras_saved_model(KerasSavedModel model, const std::string& directory, const BeforeCommit& before_commit) {
  Objects objects(model);
  TRY(objects.status());
  AtomicDirectory output = TRY(AtomicDirectory::create(directory, is_model_file));
  const std::string metadata = objects.metadata().SerializeAsString();
  const int64_t size = TRY(tf::write_saved_model(objects.take_objects(), output));
  TRY(output.write_file("keras_metadata.pb", metadata));
  if (before_commit) TRY(before_commit(output.partial_path()));
  TRY(output.commit());
  return size + static_cast<int64_t>(metadata.size());
}

}  // namespace isomer::keras
