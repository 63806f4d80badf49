// A Keras model as a file stores it, of whatever format: the configuration, the weights by the names that the file has for them, and what training left.
//
// Readers of formats make it; it is turned into ops (lower_stored), or written in another format of the family, which loses nothing that the other has a place
// for.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "layers/lower.h"
#include "layers/weight_matching.h"

namespace isomer::layers {

// Where a training configuration comes from, which is how it is written.
enum class TrainingForm {
  kNone,
  kHdf5,    // "training_config" of Keras 1, 2 and 3: optimizer_config, loss, metrics, ...
  kKeras3,  // "compile_config" of a .keras archive
  kTfjs,    // "trainingConfig" of TensorFlow.js: optimizer_config, loss, metrics
};

// What the names of weights mean.
enum class WeightLayout {
  kByLayer,  // names of layers and of weights: "dense/kernel"
  kArchive,  // places in a .keras archive: "layers/dense_1/vars/0" (layers/archive_paths.h)
};

struct StoredModel {
  JsonValue topology;  // {"class_name", "config"}, or the object around it that has it as "model_config"
  Generation generation = Generation::kKeras2;
  std::string keras_version, backend;  // as the file says them; empty where it does not
  WeightLayout layout = WeightLayout::kByLayer;
  std::vector<StoredWeight> weights;           // of the layers, in the file's order
  std::function<Result<Tensor>(size_t)> read;  // the values of weights[i]
  bool has_weights = true;                     // false: an architecture alone, whose weights are drawn by its initialisers

  TrainingForm training_form = TrainingForm::kNone;
  JsonValue training;  // null: the model was never compiled
  std::vector<StoredWeight> optimizer_weights;
  std::function<Result<Tensor>(size_t)> read_optimizer;

  JsonValue user_metadata;  // "userDefinedMetadata" of TensorFlow.js; null: none
};

// The value in the variable's dtype, where the file has another width. InvalidModel where one is of numbers of another kind.
Result<Tensor> as_dtype(Tensor value, DType wanted);

// Reads the configuration, lowers it, and gives the variables their values: those of the file, or where it has none, first values drawn from `seed`, with a
// note that says so.
Result<LoweredModel> lower_stored(const StoredModel& stored, const LoweringOptions& options, uint64_t seed);

}  // namespace isomer::layers
