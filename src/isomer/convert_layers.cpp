#include "isomer/convert_layers.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "base/mapped_file.h"
#include "formats/keras/archive_write.h"
#include "formats/keras/h5_write.h"
#include "formats/keras/saved_model_write.h"
#include "formats/tfjs/layers_model_write.h"
#include "isomer/convert_notes.h"
#include "isomer/verify.h"
#include "layers/archive_paths.h"
#include "layers/object_paths.h"
#include "layers/optimizer_state.h"
#include "layers/placed_weights.h"
#include "layers/training_config.h"
#include "layers/translate.h"
#include "layers/weight_names.h"
#include "passes/suit_tensorflow.h"
#include "tensor/spill.h"

namespace isomer {
namespace {

using Metadata = std::vector<std::pair<std::string, JsonValue>>;

constexpr std::string_view kKeras2Version = "2.19.0", kKeras3Version = "3.0.0";

// Where a layers model keeps what its own configuration has no place for.
constexpr std::string_view kSourceConfig = "isomerSource";

// A model on its way: the target's configuration, and the weights with the names that its layers have there.
struct Translated {
  layers::StoredModel stored;
  layers::PlacedModel placed;
  layers::Translation translation;
  std::vector<layers::WeightSlot> slots;  // of placed.weights
};

void add_notes(ConvertReport& result, const std::vector<std::string>& notes) {
  for (const std::string& note : notes)
    if (std::find(result.notes.begin(), result.notes.end(), note) == result.notes.end()) result.notes.push_back(note);
}

// The weights of rewritten layers.
Result<void> change_weights(std::vector<layers::PlacedWeight>& weights, layers::Translation& translation, const Limits& limits) {
  for (const layers::WeightChange& change : translation.changes) {
    std::erase_if(weights, [&](const auto& w) { return w.slot.path == change.path && w.slot.name == change.name && change.becomes == ""; });
    for (layers::PlacedWeight& weight : weights) {
      std::vector<std::string>& path = weight.slot.path;
      if (!change.moved_to.empty()) {  // with all layers inside of it
        if (std::mismatch(change.path.begin(), change.path.end(), path.begin(), path.end()).first != change.path.end()) continue;
        path.erase(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(change.path.size()));
        path.insert(path.begin(), change.moved_to.begin(), change.moved_to.end());
        continue;
      }
      if (path != change.path || weight.slot.name != change.name) continue;
      if (change.revalue) weight.value = TRY(in_context(change.revalue(weight.value, limits), "rewriting the layer '" + change.path.back() + "'"));
      weight.slot.shape = weight.value.shape();
      if (change.becomes) weight.slot.name = *change.becomes;
    }
  }
  for (layers::AddedWeight& added : translation.added_weights) weights.push_back({std::move(added.slot), std::move(added.value)});
  if (translation.rewritten) layers::order_by_layers(weights, *translation.rewritten);
  return {};
}

Result<Translated> translate_source(layers::Spelling to, const ConvertOptions& options, ConvertReport& result) {
  Translated t;
  t.stored = TRY(in_context(load_layers(result.source, options.load), "reading " + result.source.path));
  auto placed = layers::place_weights(t.stored, options.load.limits, options.load.seed);
  if (!placed) {
    // What the target lacks says more than what this program does not know of it.
    if (const auto model = layers::read_model(t.stored.topology, t.stored.generation, options.load.limits))
      TRY(layers::translate(*model, t.stored.topology, to));
    return in_context(Result<Translated>(std::unexpected(std::move(placed).error())), "reading " + result.source.path);
  }
  t.placed = std::move(*placed);
  layers::TranslateOptions translate_options;
  translate_options.limits = options.load.limits;
  translate_options.rewrite_unsupported_layers = options.rewrite_unsupported_layers;
  translate_options.input_shapes = &t.placed.input_shapes;
  translate_options.result_shapes = &t.placed.result_shapes;
  translate_options.masked_layers = &t.placed.masked_layers;
  t.translation = TRY(layers::translate(t.placed.model, t.stored.topology, to, translate_options));
  TRY(change_weights(t.placed.weights, t.translation, options.load.limits));
  for (const layers::PlacedWeight& weight : t.placed.weights) t.slots.push_back(layers::renamed_slot(weight.slot, t.translation.renamed));
  add_notes(result, t.placed.notes);
  add_notes(result, t.translation.notes);
  result.weights = static_cast<int64_t>(t.placed.weights.size());
  for (const layers::PlacedWeight& weight : t.placed.weights) result.weight_bytes += weight.value.byte_size();
  for (const layers::UnknownLayer& layer : t.placed.unknown_layers)
    result.notes.push_back("the layer '" + layer.path.back() + "' of the class " + layer.class_name + " was taken over as it is: its code is not in the file");
  return t;
}

// The optimiser's weights in the target's order and names; none, with a note, where they cannot be told apart.
std::vector<layers::NamedState> optimizer_of(const Translated& t, const std::vector<std::string>& names, layers::TrainingForm to, ConvertReport& result) {
  if (t.stored.optimizer_weights.empty() || t.stored.training.is_null()) return {};
  std::vector<layers::TrainedWeight> trained;
  for (size_t i = 0; i < t.slots.size(); ++i)
    if (t.slots[i].trainable) trained.push_back({names[i], t.slots[i].shape});
  auto states = layers::translate_optimizer(t.stored, trained, to);
  if (states) return std::move(*states);
  result.notes.push_back("the optimiser's state was left out: " + states.error().message);
  return {};
}

// --- TensorFlow.js

JsonValue source_config(const Translated& t) {
  JsonValue json = JsonValue::object();
  if (!t.stored.keras_version.empty()) json["keras_version"] = JsonValue(t.stored.keras_version);
  json["model_config"] = layers::model_config(t.stored.topology);
  if (t.stored.training_form != layers::TrainingForm::kTfjs && !t.stored.training.is_null()) json["training_config"] = t.stored.training;
  return json;
}

void take_report(const tfjs::WriteReport& written, const std::string& output, ConvertReport& result) {
  count_written(written, output, result);
  note_narrowed(written.narrowed, result);
}

// With --verify: the model at `partial` is read, as a graph of ops, and run beside the source on the same inputs.
Result<void> verify(const std::string& partial, const ConvertOptions& options, ConvertReport& result) {
  if (!options.verify) return {};
  if (options.progress) options.progress->stage("verifying");
  VerifyOptions verification;
  verification.first = options.load;
  verification.first.input_format = result.source.format;
  verification.second.limits = verification.limits = options.load.limits;
  verification.second.input_format = options.output_format;
  verification.inputs = options.verify_inputs;
  verification.seed = verification.first.seed = options.seed;
  verification.tolerance = options.tolerance;
  verification.samples = 1;
  const VerifyReport report = TRY(in_context(verify_models(result.source.path, partial, verification), "running source and result for --verify"));
  result.comparison.emplace().outputs = report.differences;
  if (report.equal() || quantizes(options)) return {};
  return fail(difference_error(*result.comparison));
}

tfjs::LayersWriteOptions write_options(const ConvertOptions& options, ConvertReport& result) {
  tfjs::LayersWriteOptions write;
  write.before_commit = [&](const std::string& partial) { return verify(partial, options, result); };
  write.weight_shard_size_bytes = options.weight_shard_size_bytes;
  write.split_weights_by_layer = options.split_weights_by_layer;
  return write;
}

Result<void> quantize_plain(std::vector<tfjs::OutputWeight>& weights, const ConvertOptions& options, TensorAllocator& allocator, ConvertReport& result) {
  std::optional<LoadedModel> source;
  const auto module = [&]() -> Result<ir::Module*> {
    LoadOptions load = options.load;
    load.input_format = result.source.format;
    return &source.emplace(TRY(load_model(result.source.path, load, allocator))).module;
  };
  return quantize_as_asked(weights, module, false, options, allocator, result);
}

Result<void> quantize(std::vector<tfjs::LayersModelWeight>& weights, const ConvertOptions& options, TensorAllocator& allocator, ConvertReport& result) {
  if (!quantizes(options)) return {};
  std::vector<tfjs::OutputWeight> plain;
  for (tfjs::LayersModelWeight& weight : weights) plain.push_back(std::move(weight.weight));
  TRY(quantize_plain(plain, options, allocator, result));
  for (size_t i = 0; i < weights.size(); ++i) weights[i].weight = std::move(plain[i]);
  return {};
}

Result<void> to_layers_model(const std::string& output, const Metadata& metadata, const ConvertOptions& options, ConvertReport& result) {
  const Translated t = TRY(translate_source(layers::Spelling::kTfjs, options, result));
  const std::vector<std::string> names = TRY(layers::tfjs_weight_names(t.slots));
  tfjs::LayersModelOutput model;
  model.topology = JsonValue::object();
  model.topology["keras_version"] = JsonValue("2.15.0");
  model.topology["backend"] = JsonValue("tensorflow");
  model.topology["model_config"] = t.translation.config;
  for (size_t i = 0; i < names.size(); ++i)
    model.weights.push_back({{names[i], t.placed.weights[i].value, {}}, t.slots[i].path.empty() ? "" : t.slots[i].path[0]});
  SpillArena arena;
  TRY(quantize(model.weights, options, arena, result));
  // TensorFlow.js counts trainable weights first.
  model.training_config = layers::translate_training(t.stored.training, t.stored.training_form, layers::TrainingForm::kTfjs, result.notes);
  if (!model.training_config.is_null())
    for (layers::NamedState& state : optimizer_of(t, names, layers::TrainingForm::kTfjs, result))
      model.optimizer_weights.push_back({{state.name, state.value, {}}, ""});
  model.user_metadata = t.stored.user_metadata;
  const bool from_tfjs = t.stored.generation == layers::Generation::kTfjs;
  if ((!from_tfjs && options.source_config) || !metadata.empty()) {
    if (!model.user_metadata.is_object()) model.user_metadata = JsonValue::object();
    if (!from_tfjs && options.source_config) model.user_metadata[kSourceConfig] = source_config(t);
    for (const auto& [key, value] : metadata) model.user_metadata[key] = value;
  }
  model.generated_by = t.stored.keras_version.empty() ? std::string("keras") : "keras v" + t.stored.keras_version;
  model.converted_by = "Isomer " ISOMER_VERSION;
  take_report(TRY(tfjs::write_layers_model(model, output, write_options(options, result))), output, result);
  return {};
}

Result<void> rewrite_layers(const tfjs::LayersModelDocument& source, const std::string& output, const Metadata& metadata, const ConvertOptions& options,
                            ConvertReport& result) {
  tfjs::LayersModelDocument document = source;
  SpillArena arena;
  const auto quantize = [&](std::vector<tfjs::OutputWeight>& weights) { return quantize_plain(weights, options, arena, result); };
  if (options.dequantize || quantizes(options)) TRY(tfjs::change_manifest(document.weights, options.dequantize, quantize, options.load.limits, arena));
  if (!metadata.empty()) {
    JsonValue& members = document.json["userDefinedMetadata"];
    if (!members.is_object()) members = JsonValue::object();
    for (const auto& [key, value] : metadata) members[key] = value;
  }
  take_report(TRY(tfjs::rewrite_layers_model(document, output, write_options(options, result))), output, result);
  result.rewritten = true;
  result.weights = static_cast<int64_t>(document.weights.entries.size());
  return {};
}

// TensorFlow.js itself writes models that it does not load: without a depth_multiplier, weights of a nested model twice. So does the converter of Python with
// what Keras 3 wrote.
Result<bool> loads_as_it_is(const tfjs::LayersModelDocument& document, const Limits& limits) {
  const JsonValue& topology = *document.json.find("modelTopology");
  if (!document.has_weights || layers::generation_of(topology) == layers::Generation::kKeras3) return false;
  std::set<std::string> names;
  for (const tfjs::WeightEntry& entry : document.weights.entries)
    if (!names.insert(entry.name).second) return false;
  return TRY(tfjs::stored_model(document, limits)).topology == topology;
}

// --- Keras

// Within a group Keras sets trainable weights first.
std::vector<size_t> keras_order(const Translated& t, const std::string& layer) {
  std::vector<size_t> order;
  for (size_t i = 0; i < t.slots.size(); ++i)
    if (!t.slots[i].path.empty() && t.slots[i].path[0] == layer) order.push_back(i);
  std::stable_partition(order.begin(), order.end(), [&](size_t i) { return t.slots[i].trainable; });
  return order;
}

void note_metadata(const layers::StoredModel& stored, const Metadata& metadata, ConvertReport& result) {
  if (stored.user_metadata.is_object() || !metadata.empty()) result.notes.push_back("userDefinedMetadata was left out: Keras files have no place for it");
}

Result<void> to_h5(const std::string& output, const Metadata& metadata, const ConvertOptions& options, ConvertReport& result) {
  const Translated t = TRY(translate_source(layers::Spelling::kKeras2, options, result));
  const layers::Model target = TRY(layers::read_model(t.translation.config, layers::Generation::kKeras2, options.load.limits));
  const std::vector<std::string> names = TRY(layers::hdf5_weight_names(t.slots));
  keras::H5Model model;
  model.model_config = t.translation.config;
  model.keras_version = t.stored.keras_version.starts_with("2.") ? t.stored.keras_version : std::string(kKeras2Version);
  model.backend = "tensorflow";
  for (const layers::Layer& layer : target.layers) {
    if (target.sequential && layer.class_name == "InputLayer") continue;
    keras::H5Layer group{layer.name, {}};
    for (const size_t i : keras_order(t, layer.name)) group.weights.push_back({names[i], t.placed.weights[i].value});
    model.layers.push_back(std::move(group));
  }
  model.training_config = layers::translate_training(t.stored.training, t.stored.training_form, layers::TrainingForm::kHdf5, result.notes);
  for (layers::NamedState& state : optimizer_of(t, names, layers::TrainingForm::kHdf5, result)) model.optimizer_weights.push_back({state.name, state.value});
  note_metadata(t.stored, metadata, result);
  result.bytes_written = TRY(keras::write_h5(model, output, [&](const std::string& partial) { return verify(partial, options, result); }));
  return {};
}

Result<void> to_archive(const std::string& output, const Metadata& metadata, const ConvertOptions& options, ConvertReport& result) {
  Translated t = TRY(translate_source(layers::Spelling::kKeras3, options, result));
  const layers::Model target = TRY(layers::read_model(t.translation.config, layers::Generation::kKeras3, options.load.limits));
  // Places are counted by classes, which may be others in the target.
  for (layers::WeightSlot& slot : t.slots) {
    const layers::Model* in = &target;
    for (size_t i = 0; in && i < slot.path.size(); ++i) {
      const auto at = std::find_if(in->layers.begin(), in->layers.end(), [&](const layers::Layer& layer) { return layer.name == slot.path[i]; });
      if (at == in->layers.end()) break;
      slot.classes[i] = at->class_name;
      in = at->model.get();
    }
  }
  const auto paths = layers::archive_paths(target, t.slots);
  keras::ArchiveModel model;
  model.config = t.translation.config;
  model.keras_version =
      t.stored.generation == layers::Generation::kKeras3 && !t.stored.keras_version.empty() ? t.stored.keras_version : std::string(kKeras3Version);
  std::vector<std::string> names;
  for (size_t i = 0; i < t.slots.size(); ++i) {
    names.push_back(paths[i].front());
    model.weights.push_back({paths[i].front(), t.slots[i].path.empty() ? "" : t.slots[i].path.back(), t.placed.weights[i].value});
  }
  JsonValue training = layers::translate_training(t.stored.training, t.stored.training_form, layers::TrainingForm::kKeras3, result.notes);
  if (!training.is_null()) {
    model.config["compile_config"] = std::move(training);
    for (layers::NamedState& state : optimizer_of(t, names, layers::TrainingForm::kKeras3, result)) model.weights.push_back({state.name, "", state.value});
  }
  note_metadata(t.stored, metadata, result);
  result.bytes_written = TRY(keras::write_archive(model, output, [&](const std::string& partial) { return verify(partial, options, result); }));
  return {};
}

// An archive of Keras 3 again: its configuration, and every weight where it lay.
Result<void> rewrite_archive(const std::string& output, const Metadata& metadata, const ConvertOptions& options, ConvertReport& result) {
  const layers::StoredModel stored = TRY(in_context(load_layers(result.source, options.load), "reading " + result.source.path));
  if (stored.generation != layers::Generation::kKeras3) return to_archive(output, metadata, options, result);
  keras::ArchiveModel model;
  model.config = layers::model_config(stored.topology);
  model.keras_version = stored.keras_version;
  for (size_t i = 0; i < stored.weights.size(); ++i) {
    const Tensor value = TRY(in_context(stored.read(i), "reading the weight '" + stored.weights[i].name + "'"));
    result.weight_bytes += value.byte_size();
    model.weights.push_back({stored.weights[i].name, stored.weights[i].layer, value});
  }
  for (size_t i = 0; i < stored.optimizer_weights.size(); ++i) {
    const Tensor value = TRY(in_context(stored.read_optimizer(i), "reading the optimiser's weight '" + stored.optimizer_weights[i].name + "'"));
    model.weights.push_back({stored.optimizer_weights[i].name, stored.optimizer_weights[i].layer, value});
  }
  result.weights = static_cast<int64_t>(stored.weights.size());
  result.rewritten = true;
  note_metadata(stored, metadata, result);
  result.bytes_written = TRY(keras::write_archive(model, output, [&](const std::string& partial) { return verify(partial, options, result); }));
  return {};
}

// A Keras 2 file again: its configuration, with whatever calls and functions it holds, and every weight under its name.
Result<void> rewrite_h5(const layers::StoredModel& stored, const std::string& output, const Metadata& metadata, const ConvertOptions& options,
                        ConvertReport& result) {
  keras::H5Model model;
  model.model_config = layers::model_config(stored.topology);
  model.keras_version = stored.keras_version;
  model.backend = stored.backend;
  for (size_t i = 0; i < stored.weights.size(); ++i) {
    const layers::StoredWeight& weight = stored.weights[i];
    const Tensor value = TRY(in_context(stored.read(i), "reading the weight '" + weight.name + "'"));
    result.weight_bytes += value.byte_size();
    if (model.layers.empty() || model.layers.back().name != weight.group) model.layers.push_back({weight.group, {}});
    model.layers.back().weights.push_back({weight.name, value});
  }
  // Keras does not care where those without weights stand.
  const layers::Model source = TRY(layers::read_model(stored.topology, stored.generation, options.load.limits));
  for (const layers::Layer& layer : source.layers)
    if (std::none_of(model.layers.begin(), model.layers.end(), [&](const keras::H5Layer& group) { return group.name == layer.name; }))
      model.layers.push_back({layer.name, {}});
  model.training_config = stored.training;
  for (size_t i = 0; i < stored.optimizer_weights.size(); ++i) {
    const Tensor value = TRY(in_context(stored.read_optimizer(i), "reading the optimiser's weight '" + stored.optimizer_weights[i].name + "'"));
    model.optimizer_weights.push_back({stored.optimizer_weights[i].name, value});
  }
  result.weights = static_cast<int64_t>(stored.weights.size());
  result.rewritten = true;
  note_metadata(stored, metadata, result);
  result.bytes_written = TRY(keras::write_h5(model, output, [&](const std::string& partial) { return verify(partial, options, result); }));
  return {};
}

// Whether tf_keras understands the file as it is: tf.keras wrote it (Keras on its own, up to 2.3, had other defaults), and its groups of weights are what a new
// file's would be, one after the other.
bool is_written_as_it_is(const layers::StoredModel& stored) {
  const std::string& version = stored.keras_version;
  int major = 0, minor = 0;
  const bool numbered = std::sscanf(version.c_str(), "%d.%d", &major, &minor) == 2;
  const bool of_tensorflow = version.ends_with("-tf") || (numbered && major == 2 && minor >= 4);
  if (stored.generation != layers::Generation::kKeras2 || !stored.has_weights || !of_tensorflow) return false;
  std::set<std::string> groups;
  for (size_t i = 0; i < stored.weights.size(); ++i) {
    const std::string& group = stored.weights[i].group;
    if (group.empty() || ((i == 0 || stored.weights[i - 1].group != group) && !groups.insert(group).second)) return false;
  }
  return true;
}

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
      TRY(keras::write_keras_saved_model(std::move(model), output, [&](const std::string& partial) { return verify(partial, options, result); }));
  result.files = keras::keras_saved_model_files();
  return {};
}

void take_file(const std::string& output, ConvertReport& result) {
  const size_t slash = output.rfind('/');
  result.files = {slash == std::string::npos ? output : output.substr(slash + 1)};
}

}  // namespace

bool is_layers_pair(Format from, Format to) {
  return has_layers(from) && (to == Format::kLayersModel || to == Format::kKerasH5 || to == Format::kKerasArchive || to == Format::kKerasSavedModel);
}

Result<void> convert_layers(const std::string& output, const Metadata& metadata, const ConvertOptions& options, ConvertReport& result) {
  result.layers = true;
  if (options.progress) options.progress->stage("converting layers");
  switch (options.output_format) {
    case Format::kLayersModel: {
      if (result.source.format == Format::kLayersModel && !options.rewrite_unsupported_layers && options.load.weights.empty()) {
        const auto document = TRY(in_context(tfjs::read_layers_model(result.source.path, options.load.limits), "reading " + result.source.path));
        if (TRY(loads_as_it_is(document, options.load.limits))) return rewrite_layers(document, output, metadata, options, result);
      }
      return to_layers_model(output, metadata, options, result);
    }
    case Format::kKerasH5: {
      if (result.source.format == Format::kKerasH5 && options.load.weights.empty()) {
        const auto stored = TRY(in_context(load_layers(result.source, options.load), "reading " + result.source.path));
        if (is_written_as_it_is(stored)) {
          TRY(rewrite_h5(stored, output, metadata, options, result));
          break;
        }
      }
      TRY(to_h5(output, metadata, options, result));
      break;
    }
    case Format::kKerasArchive: {
      const bool again = result.source.format == Format::kKerasArchive && options.load.weights.empty();
      TRY(again ? rewrite_archive(output, metadata, options, result) : to_archive(output, metadata, options, result));
      break;
    }
    case Format::kKerasSavedModel: return to_saved_model(output, metadata, options, result);
    default: return fail(ErrorCode::kUnsupported, "Isomer does not write the format " + std::string(info(options.output_format).name));
  }
  take_file(output, result);
  return {};
}

}  // namespace isomer
