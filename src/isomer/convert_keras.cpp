// Keras files as targets: HDF5 files and archives. A file of the same kind is written again as it is.
#include <algorithm>
#include <cstdio>
#include <set>

#include "formats/keras/archive_write.h"
#include "formats/keras/h5_write.h"
#include "isomer/translated_layers.h"
#include "layers/archive_paths.h"
#include "layers/shared_spelling.h"
#include "layers/training_config.h"
#include "layers/weight_names.h"

namespace isomer {
namespace {

// Within a group Keras sets trainable weights first.
std::vector<size_t> keras_order(const Translated& t, const std::string& layer) {
  std::vector<size_t> order;
  for (size_t i = 0; i < t.slots.size(); ++i)
    if (!t.slots[i].path.empty() && t.slots[i].path[0] == layer) order.push_back(i);
  std::stable_partition(order.begin(), order.end(), [&](size_t i) { return t.slots[i].trainable; });
  return order;
}

struct TranslatedToH5 {
  Translated t;
  bool of_keras3 = false;
};

// A recurrent layer that is called with its first states.
const layers::Layer* with_states(const layers::Model& model) {
  for (const layers::Layer& layer : model.layers) {
    if (const layers::Layer* inner = layer.model ? with_states(*layer.model) : nullptr) return inner;
    const bool recurrent = layers::is_recurrent_class(layer.class_name) || layer.class_name == "Bidirectional";
    if (recurrent && std::any_of(layer.calls.begin(), layer.calls.end(), [](const layers::Call& call) { return call.inputs.size() > 1; })) return &layer;
  }
  return nullptr;
}

// As Keras 2 writes it, which both generations open. A model of Keras 3 that holds what Keras 2 lacks, or what the two read differently, as Keras 3 does.
Result<TranslatedToH5> translate_to_h5(const ConvertOptions& options, ConvertReport& result) {
  ConvertReport as_shared = result;
  auto shared = translate_source(layers::Spelling::kKeras2, options, as_shared);
  if (!shared && shared.error().code != ErrorCode::kUnsupported) return std::unexpected(std::move(shared).error());
  const layers::Layer* states = shared && shared->stored.generation == layers::Generation::kKeras3 ? with_states(shared->placed.model) : nullptr;
  if (!shared || states) {
    auto own = translate_source(layers::Spelling::kKeras3, options, result);
    if (own && own->stored.generation == layers::Generation::kKeras3) {
      result.notes.push_back("Keras 3 opens the file, tf_keras does not: " +
                             (states ? "it reads the initial states of '" + states->name + "' otherwise" : shared.error().message));
      return TranslatedToH5{std::move(*own), true};
    }
    if (!shared) return std::unexpected(std::move(shared).error());
  }
  result = std::move(as_shared);
  return TranslatedToH5{std::move(*shared)};
}

Result<void> to_new_h5(const std::string& output, const Metadata& metadata, const ConvertOptions& options, ConvertReport& result) {
  const auto [t, of_keras3] = TRY(translate_to_h5(options, result));
  const auto generation = of_keras3 ? layers::Generation::kKeras3 : layers::Generation::kKeras2;
  const layers::Model target = TRY(layers::read_model(t.translation.config, generation, options.load.limits));
  const std::vector<std::string> names = TRY(layers::hdf5_weight_names(t.slots));
  keras::H5Model model;
  model.model_config = t.translation.config;
  if (of_keras3) {
    for (const char* key : {"module", "registered_name"}) model.model_config.erase(key);
  } else {
    layers::spell_for_both_generations(model.model_config);
  }
  const std::string_view version = of_keras3 ? kKeras3Version : kKeras2Version;
  model.keras_version = t.stored.keras_version.starts_with(version.substr(0, 2)) ? t.stored.keras_version : std::string(version);
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
  result.bytes_written = TRY(keras::write_h5(model, output, [&](const std::string& partial) { return verify_written(partial, options, result); }));
  return {};
}

Result<void> to_new_archive(const std::string& output, const Metadata& metadata, const ConvertOptions& options, ConvertReport& result) {
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
  result.bytes_written = TRY(keras::write_archive(model, output, [&](const std::string& partial) { return verify_written(partial, options, result); }));
  return {};
}

// An archive of Keras 3 again: its configuration, and every weight where it lay.
Result<void> rewrite_archive(const std::string& output, const Metadata& metadata, const ConvertOptions& options, ConvertReport& result) {
  const layers::StoredModel stored = TRY(in_context(load_layers(result.source, options.load), "reading " + result.source.path));
  if (stored.generation != layers::Generation::kKeras3) return to_new_archive(output, metadata, options, result);
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
  result.bytes_written = TRY(keras::write_archive(model, output, [&](const std::string& partial) { return verify_written(partial, options, result); }));
  return {};
}

// A Keras 2 file again: its configuration, with whatever calls and functions it holds but for spellings that Keras 3 refuses, and every weight under its name.
Result<void> rewrite_h5(const layers::StoredModel& stored, const std::string& output, const Metadata& metadata, const ConvertOptions& options,
                        ConvertReport& result) {
  keras::H5Model model;
  model.model_config = layers::model_config(stored.topology);
  layers::spell_for_both_generations(model.model_config);
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
  result.bytes_written = TRY(keras::write_h5(model, output, [&](const std::string& partial) { return verify_written(partial, options, result); }));
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

}  // namespace

Result<void> to_h5(const std::string& output, const Metadata& metadata, const ConvertOptions& options, ConvertReport& result) {
  if (result.source.format == Format::kKerasH5 && options.load.weights.empty()) {
    const auto stored = TRY(in_context(load_layers(result.source, options.load), "reading " + result.source.path));
    if (is_written_as_it_is(stored)) return rewrite_h5(stored, output, metadata, options, result);
  }
  return to_new_h5(output, metadata, options, result);
}

Result<void> to_archive(const std::string& output, const Metadata& metadata, const ConvertOptions& options, ConvertReport& result) {
  const bool again = result.source.format == Format::kKerasArchive && options.load.weights.empty();
  return again ? rewrite_archive(output, metadata, options, result) : to_new_archive(output, metadata, options, result);
}

}  // namespace isomer
