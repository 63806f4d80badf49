// Steps that all conversions within the family of Keras layers share.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "isomer/convert.h"
#include "layers/optimizer_state.h"
#include "layers/placed_weights.h"
#include "layers/translate.h"

namespace isomer {

using Metadata = std::vector<std::pair<std::string, JsonValue>>;  // userDefinedMetadata

inline constexpr std::string_view kKeras2Version = "2.19.0", kKeras3Version = "3.0.0";  // written where the source says none

// A model on its way: the target's configuration, and the weights with the names that its layers have there.
struct Translated {
  layers::StoredModel stored;
  layers::PlacedModel placed;
  layers::Translation translation;
  std::vector<layers::WeightSlot> slots;  // of placed.weights
};

// Reads the source, finds the places of its weights and spells its layers as the target does. What a user should know goes into `result.notes`.
Result<Translated> translate_source(layers::Spelling to, const ConvertOptions& options, ConvertReport& result);

// The optimiser's weights in the target's order and names; none, with a note, where they cannot be told apart.
std::vector<layers::NamedState> optimizer_of(const Translated& t, const std::vector<std::string>& names, layers::TrainingForm to, ConvertReport& result);

// With --verify: the model at `partial` is read, as a graph of ops, and run beside the source on the same inputs.
Result<void> verify_written(const std::string& partial, const ConvertOptions& options, ConvertReport& result);

// Says that metadata of the user was left out, where there is any: Keras files have no place for it.
void note_metadata(const layers::StoredModel& stored, const Metadata& metadata, ConvertReport& result);

// --- Writers of the formats of Keras.

Result<void> to_h5(const std::string& output, const Metadata& metadata, const ConvertOptions& options, ConvertReport& result);
Result<void> to_archive(const std::string& output, const Metadata& metadata, const ConvertOptions& options, ConvertReport& result);
Result<void> to_saved_model(const std::string& output, const Metadata& metadata, const ConvertOptions& options, ConvertReport& result);

}  // namespace isomer
