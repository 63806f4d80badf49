#include "isomer/convert_layers.h"

#include <set>

#include "formats/tfjs/layers_model_write.h"
#include "isomer/convert_notes.h"
#include "isomer/translated_layers.h"
#include "layers/training_config.h"
#include "layers/weight_names.h"
#include "tensor/spill.h"

namespace isomer {
namespace {

// Where a layers model keeps what its own configuration has no place for.
constexpr std::string_view kSourceConfig = "isomerSource";

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

tfjs::LayersWriteOptions write_options(const ConvertOptions& options, ConvertReport& result) {
  tfjs::LayersWriteOptions write;
  write.before_commit = [&](const std::string& partial) { return verify_written(partial, options, result); };
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
    case Format::kKerasH5: TRY(to_h5(output, metadata, options, result)); break;
    case Format::kKerasArchive: TRY(to_archive(output, metadata, options, result)); break;
    case Format::kKerasSavedModel: return to_saved_model(output, metadata, options, result);
    default: return fail(ErrorCode::kUnsupported, "Isomer does not write the format " + std::string(info(options.output_format).name));
  }
  take_file(output, result);
  return {};
}

}  // namespace isomer