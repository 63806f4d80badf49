// A model's configuration of one generation in the spelling of another: Keras 2, Keras 3, or what TensorFlow.js loads.
//
// Layers keep their names, so that weights find them again. Whatever a target would refuse, or take and compute something else with, is refused here, all
// layers at once; what it merely has no place for (regularisers of a class that it lacks) is left out, with a note.
#pragma once

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
  const InputShapes* input_shapes = nullptr;
  // Layers whose input comes with a mask (LoweredModel::masked_layers); null: not known.
  const std::set<std::vector<std::string>>* masked_layers = nullptr;
};

// A weight that goes by another name, or with other values, because its layer was rewritten.
struct WeightChange {
  std::vector<std::string> path;
  std::string name, becomes;       // becomes nothing: it is left out
  std::optional<double> at_least;  // no value stays below
};

struct Translation {
  JsonValue config;                // {"class_name", "config"}
  std::vector<std::string> notes;  // what a user should know: what the target has no place for
  bool left_out = false;           // the source says something that the result does not
  // Layers that got other names, by their paths in the source: two of one name in different nested models, names with characters that the target refuses.
  std::map<std::vector<std::string>, std::string> renamed;
  std::vector<WeightChange> changes;
};

// `topology` is what `model` was read from. Unsupported, listing all layers that cannot be expressed, with the reasons.
Result<Translation> translate(const Model& model, const JsonValue& topology, Spelling to, const TranslateOptions& options = {});

}  // namespace isomer::layers
