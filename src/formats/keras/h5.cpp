#include "formats/keras/h5.h"

#include <algorithm>

#include "base/mapped_file.h"
#include "formats/keras/archive_weights.h"
#include "formats/keras/hdf5_weights.h"

namespace isomer::keras {
namespace {

// The datasets that "weight_names" of a layer's group lists.
Result<void> read_group(const Hdf5Object& group, const std::string& layer, const std::vector<std::string>& names, WeightTable& table, const Limits& limits) {
  for (const std::string& name : names) {
    const Hdf5Object dataset = TRY(group.find(name));
    TRY(table.add(layer, without_output_number(name), dataset, limits));
  }
  return {};
}

// Groups of layers below `group`, where no list of layers names them. Their names may hold slashes, which makes groups in groups.
Result<void> find_groups(const Hdf5Object& group, const std::string& path, int64_t depth, WeightTable& table, const Limits& limits) {
  if (depth > limits.nesting) return fail(ErrorCode::kLimitExceeded, "groups nest deeper than " + std::to_string(limits.nesting));
  if (const auto names = TRY(list_attribute(group, "weight_names"))) return read_group(group, path, *names, table, limits);
  for (const Hdf5Link& link : TRY(group.children())) {
    const Hdf5Object child = TRY(group.open(link));
    if (child.is_group()) TRY(find_groups(child, path.empty() ? link.name : path + "/" + link.name, depth + 1, table, limits));
  }
  return {};
}

// A group as Keras calls it "model_weights": the groups of the layers, listed in the model's order.
Result<WeightTable> read_layers(const Hdf5Object& root, const Limits& limits) {
  WeightTable table;
  const auto layers = TRY(list_attribute(root, "layer_names"));
  if (!layers) {
    TRY(find_groups(root, {}, 0, table, limits));
    return table;
  }
  for (const std::string& layer : *layers) {
    const Hdf5Object group = TRY(in_context(root.find(layer), "reading the weights of the layer '" + layer + "'"));
    if (const auto names = TRY(list_attribute(group, "weight_names")))
      TRY(in_context(read_group(group, layer, *names, table, limits), "reading the weights of the layer '" + layer + "'"));
  }
  // Weights that belong to the model and none of its layers.
  if (const auto top = root.find("top_level_model_weights");
      top && top->is_group() && std::find(layers->begin(), layers->end(), "top_level_model_weights") == layers->end())
    if (const auto names = TRY(list_attribute(*top, "weight_names"))) TRY(read_group(*top, {}, *names, table, limits));
  return table;
}

Result<JsonValue> json_attribute(const Hdf5Object& root, const std::string& name, const Limits& limits) {
  const auto text = TRY(text_attribute(root, name));
  if (!text) return JsonValue();
  return in_context(read_json(*text, limits), "reading the attribute '" + name + "'");
}

Result<bool> has_group(const Hdf5Object& root, const std::string& name) {
  for (const Hdf5Link& link : TRY(root.children()))
    if (link.name == name) return true;
  return false;
}

Result<Hdf5Object> open_root(const std::string& path, const Limits& limits) {
  const Bytes file = TRY(map_file(path));
  if (!looks_like_hdf5(file)) return fail(Error{ErrorCode::kMalformed, "this is no HDF5 file", path, {}, {}});
  return TRY(Hdf5File::open(file, limits)).root();
}

Result<void> read_optimizer(const Hdf5Object& root, layers::StoredModel& model, const Limits& limits) {
  if (!TRY(has_group(root, "optimizer_weights"))) return {};
  const Hdf5Object group = TRY(root.find("optimizer_weights"));
  WeightTable table;
  if (const auto names = TRY(list_attribute(group, "weight_names"))) TRY(read_group(group, {}, *names, table, limits));
  model.read_optimizer = table.reader();
  model.optimizer_weights = std::move(table.weights);
  return {};
}

Result<void> take_weights(const Hdf5Object& root, layers::StoredModel& model, const Limits& limits) {
  if (TRY(looks_like_archive_weights(root))) {
    return read_archive_weights({&root, 1}, model, limits);
  }
  const bool whole = TRY(has_group(root, "model_weights"));
  WeightTable table = TRY(read_layers(whole ? TRY(root.find("model_weights")) : root, limits));
  model.read = table.reader();
  model.weights = std::move(table.weights);
  model.has_weights = true;
  model.layout = layers::WeightLayout::kByLayer;
  return {};
}

Result<layers::StoredModel> read_model_file(const Hdf5Object& root, const Limits& limits) {
  layers::StoredModel model;
  model.keras_version = TRY(text_attribute(root, "keras_version")).value_or("");
  model.backend = TRY(text_attribute(root, "backend")).value_or("");
  JsonValue config = TRY(json_attribute(root, "model_config", limits));
  if (config.is_null()) {
    return fail(Error{ErrorCode::kNotFound,
                      "the file holds weights without the architecture they belong to",
                      {},
                      {},
                      "name the architecture (config.json, .json or .yaml, or a whole model) as the input and this file with --weights"});
  }
  model.topology = JsonValue::object();
  // Files of the first versions of Keras say no version.
  if (model.keras_version.empty()) model.keras_version = "1.0.0";
  model.topology["keras_version"] = JsonValue(model.keras_version);
  model.topology["backend"] = JsonValue(model.backend.empty() ? "tensorflow" : model.backend);
  model.topology["model_config"] = std::move(config);
  model.generation = layers::generation_of(model.topology);
  model.training = TRY(json_attribute(root, "training_config", limits));
  if (!model.training.is_null()) model.training_form = layers::TrainingForm::kHdf5;
  if (TRY(has_group(root, "model_weights"))) {
    TRY(take_weights(root, model, limits));
  } else {
    model.has_weights = false;
  }
  TRY(read_optimizer(root, model, limits));
  return model;
}

}  // namespace

Result<layers::StoredModel> read_h5(const std::string& path, const Limits& limits) {
  return in_context(read_model_file(TRY(in_context(open_root(path, limits), "reading " + path)), limits), "reading " + path);
}

Result<void> read_h5_weights(const std::string& path, layers::StoredModel& model, const Limits& limits) {
  return in_context(take_weights(TRY(in_context(open_root(path, limits), "reading " + path)), model, limits), "reading " + path);
}

}  // namespace isomer::keras
