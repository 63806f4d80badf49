// A model's configuration of one generation in the spelling of another: Keras 2, Keras 3, or what TensorFlow.js loads.
//
// Layers keep their names, so that weights find them again. Whatever a target would refuse, or take and compute something else with, is refused here, all
// layers at once; what it merely has no place for (regularisers of a class that it lacks) is left out, with a note.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "layers/lower.h"

namespace isomer::layers {

enum class Spelling {
  kKeras2,  // what tf_keras loads, and Keras 3 from an HDF5 file
  kKeras3,  // what Keras 3 loads from an archive
  kTfjs,    // what TensorFlow.js 4.22 loads
};

struct TranslateOptions {
  Limits limits;
  // Layers that the target lacks are written as others that compute the same, where there are such.
  bool rewrite_unsupported_layers = false;
  // Shapes of each layer's inputs (LoweredModel::input_shapes); null: not known, then what depends on them is left as it is.
  const LayerShapes* input_shapes = nullptr;
  // Shapes of their results (LoweredModel::result_shapes); null as above.
  const LayerShapes* result_shapes = nullptr;
  // Layers whose input comes with a mask (LoweredModel::masked_layers); null: not known.
  const std::set<std::vector<std::string>>* masked_layers = nullptr;
};

// What becomes of weights because a layer was rewritten: of one weight, or, with `moved_to`, of all of the layer and of those inside of it. Changes count in
// their order: each names the layer and the weight as those before it left them.
struct WeightChange {
  std::vector<std::string> path;                                                     // of the layer
  std::string name;                                                                  // of the weight
  std::optional<std::string> becomes;                                                // its new name; an empty one: it is left out
  std::vector<std::string> moved_to;                                                 // the layer's new path; `name` and what else is here does not matter then
  std::function<Result<Tensor>(const Tensor& value, const Limits& limits)> revalue;  // the new values; null: the same
};
// A weight of a layer that is not in the source.
struct AddedWeight {
  WeightSlot slot;
  Tensor value;
};

struct Translation {
  JsonValue config;                // {"class_name", "config"}
  std::vector<std::string> notes;  // what a user should know: what the target has no place for
  bool left_out = false;           // the source says something that the result does not
  // Layers that got other names, by their paths in the source: two of one name in different nested models, names with characters that the target refuses.
  std::map<std::vector<std::string>, std::string> renamed;
  std::vector<WeightChange> changes;
  std::vector<AddedWeight> added_weights;
  std::optional<Model> rewritten;  // what was written, where it is another than the source
};

// Does the target have layers of this class of Keras, so that one is written as it is? For TensorFlow.js more are written as others (layers/rewrite_tfjs.h).
bool has_class(Spelling spelling, std::string_view class_name);

// `topology` is what `model` was read from. Unsupported, listing all layers that cannot be expressed, with the reasons.
Result<Translation> translate(const Model& model, const JsonValue& topology, Spelling to, const TranslateOptions& options = {});

}  // namespace isomer::layers
