#include "isomer/translated_layers.h"

#include <algorithm>

#include "isomer/convert_notes.h"
#include "isomer/verify.h"
#include "layers/weight_names.h"

namespace isomer {
namespace {

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

}  // namespace

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

void note_metadata(const layers::StoredModel& stored, const Metadata& metadata, ConvertReport& result) {
  if (stored.user_metadata.is_object() || !metadata.empty()) result.notes.push_back("userDefinedMetadata was left out: Keras files have no place for it");
}

Result<void> verify_written(const std::string& partial, const ConvertOptions& options, ConvertReport& result) {
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

}  // namespace isomer
