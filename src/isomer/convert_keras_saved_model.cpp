// Keras SavedModels as targets: the layers in metadata, and what they compute as the ops of a signature.
#include <algorithm>
#include <set>

#include "formats/keras/saved_model_write.h"
#include "isomer/translated_layers.h"
#include "layers/object_paths.h"
#include "layers/training_config.h"
#include "layers/weight_names.h"
#include "passes/suit_tensorflow.h"

namespace isomer {
namespace {

JsonValue dims_json(const PartialShape& shape) {
  JsonValue::Array dims;
  for (const int64_t dim : shape.dims()) dims.push_back(dim == kUnknownDim ? JsonValue() : JsonValue(dim));
  return JsonValue(std::move(dims));
}

// What tf_keras builds a layer on: dimensions, or a list of them where the layer is called on several tensors.
JsonValue build_shape(const layers::Call& call, const std::vector<PartialShape>& shapes) {
  JsonValue::Array list;
  for (const PartialShape& shape : shapes) list.push_back(dims_json(shape));
  // What is not an argument by place (states, masks) comes behind.
  const JsonValue::Array& args = call.args.items();
  const bool nested = args.size() == 1 && args[0].is_array();
  list.resize(std::clamp<size_t>(nested ? args[0].items().size() : args.size(), 1, list.size()));
  return nested || list.size() > 1 ? JsonValue(std::move(list)) : list[0];
}

// What MultiHeadAttention remembers of its call, without which tf_keras makes it no weights.
JsonValue attention_shapes(const layers::Call& call, const std::vector<PartialShape>& shapes) {
  const auto named = [&](std::string_view key, size_t otherwise) {
    const JsonValue* argument = call.kwargs.find(key);
    const JsonValue* tensor = argument ? argument->find("tensor") : nullptr;
    return std::min(tensor && tensor->is_integer() ? static_cast<size_t>(tensor->integer()) : otherwise, shapes.size() - 1);
  };
  const size_t value = named("value", 1);
  JsonValue config = JsonValue::object();
  config["query_shape"] = dims_json(shapes[0]);
  config["value_shape"] = dims_json(shapes[value]);
  config["key_shape"] = dims_json(shapes[named("key", call.args.items().size() > 2 ? 2 : value)]);
  return config;
}

void add_shapes(const layers::Model& model, const layers::LayerShapes& input_shapes, std::vector<std::string> place, keras::KerasSavedModel& out) {
  place.emplace_back();
  for (const layers::Layer& layer : model.layers) {
    place.back() = layer.name;
    if (layer.model) add_shapes(*layer.model, input_shapes, place, out);
    const auto shapes = input_shapes.find(place);
    if (shapes == input_shapes.end() || layer.calls.empty() || shapes->second.empty()) continue;
    out.build_shapes[place] = build_shape(layer.calls[0], shapes->second);
    if (layer.class_name == "MultiHeadAttention") out.more_config[place] = attention_shapes(layer.calls[0], shapes->second);
  }
}

// The slot of the model that is written for the source's `index`-th weight: by name, else by place in the layer (Keras 3 has other names for some).
const layers::WeightSlot* slot_for(const std::vector<layers::WeightSlot>& target, const std::vector<layers::WeightSlot>& source, size_t index) {
  const layers::WeightSlot& wanted = source[index];
  std::vector<const layers::WeightSlot*> of_layer;
  for (const layers::WeightSlot& slot : target) {
    if (slot.path != wanted.path) continue;
    if (slot.name == wanted.name) return &slot;
    of_layer.push_back(&slot);
  }
  size_t place = 0;
  for (size_t i = 0; i < index; ++i) place += source[i].path == wanted.path ? 1 : 0;
  return place < of_layer.size() ? of_layer[place] : nullptr;
}

}  // namespace

Result<void> to_saved_model(const std::string& output, const Metadata& metadata, const ConvertOptions& options, ConvertReport& result) {
  Translated t = TRY(translate_source(layers::Spelling::kKeras2, options, result));
  // The signature is made of ops, which a custom layer's code would have to tell.
  for (const layers::UnknownLayer& layer : t.placed.unknown_layers)
    return fail(
        Error{ErrorCode::kUnsupported,
              "the layer '" + layer.path.back() + "' of the class " + layer.class_name + " cannot be expressed in a SavedModel: its code is not in the file",
              {},
              {},
              "write an HDF5 file or an archive, which take the layer over as it is: --output_format=keras"});
  keras::KerasSavedModel model;
  model.model_config = t.translation.config;
  const layers::Model target = TRY(layers::read_model(model.model_config, layers::Generation::kKeras2, options.load.limits));
  layers::LoweringOptions lowering;
  lowering.limits = options.load.limits;
  layers::LoweredModel lowered = TRY(in_context(layers::lower(target, lowering), "turning the model's layers into ops"));
  add_shapes(target, lowered.input_shapes, {}, model);
  passes::PassContext context;
  context.limits = options.load.limits;
  TRY(passes::suit_tensorflow(lowered.module, context));
  model.module = std::move(lowered.module);
  const std::vector<std::string> names = TRY(layers::hdf5_weight_names(t.slots));
  std::set<std::string> used;
  for (size_t i = 0; i < t.slots.size(); ++i) {
    const layers::WeightSlot* at = slot_for(lowered.weights, t.slots, i);
    if (!at) return fail(ErrorCode::kInternal, "the weight '" + t.slots[i].variable + "' has no place in the model that is written");
    Tensor value = TRY(in_context(layers::as_dtype(t.placed.weights[i].value, at->dtype), "writing the weight '" + at->variable + "'"));
    // Names are those of an HDF5 file; where nested models have two alike, the whole path.
    std::string name = names[i].substr(0, names[i].rfind(':'));
    for (int n = 0; !used.insert(name).second; ++n) name = at->variable + (n == 0 ? "" : "_" + std::to_string(n));
    model.weights.push_back({layers::object_path(model.model_config, *at), at->variable, std::move(name), at->trainable, std::move(value)});
  }
  model.keras_version = kKeras2Version;
  model.backend = "tensorflow";
  model.training_config = layers::translate_training(t.stored.training, t.stored.training_form, layers::TrainingForm::kHdf5, result.notes);
  if (!t.stored.optimizer_weights.empty()) result.notes.emplace_back("the optimiser's state was left out: tf_keras does not restore it from a SavedModel");
  note_metadata(t.stored, metadata, result);
  result.bytes_written =
      TRY(keras::write_keras_saved_model(std::move(model), output, [&](const std::string& partial) { return verify_written(partial, options, result); }));
  result.files = keras::keras_saved_model_files();
  return {};
}

}  // namespace isomer
