// Writing layers models: model.json and its weight files, all at once or not at all.
#pragma once

#include <string>
#include <vector>

#include "formats/tfjs/layers_model.h"
#include "formats/tfjs/write.h"

namespace isomer::tfjs {

struct LayersModelWeight {
  OutputWeight weight;  // "dense/kernel"
  std::string layer;    // of the outermost model: what groups are made of where each layer gets its own
};

// A layers model about to be written.
struct LayersModelOutput {
  JsonValue topology;  // "modelTopology"
  std::vector<LayersModelWeight> weights;
  JsonValue training_config;                         // "trainingConfig"; null: none
  std::vector<LayersModelWeight> optimizer_weights;  // in the group "optimizer"
  JsonValue user_metadata;                           // null: none
  std::string generated_by, converted_by;
};

struct LayersWriteOptions : WriteOptions {
  bool split_weights_by_layer = false;
};

// Writes the folder `directory`, replacing a model that is there. Errors: those of append_weight, InvalidModel for two weights of one name.
Result<WriteReport> write_layers_model(const LayersModelOutput& model, const std::string& directory, const LayersWriteOptions& options = {});

// Writes a document back with its weights, quantised ones too, bit for bit, in shards of the given size; everything else as it is. Weights stay in their
// groups unless each layer is to have its own.
Result<WriteReport> rewrite_layers_model(const LayersModelDocument& document, const std::string& directory, const LayersWriteOptions& options = {});

}  // namespace isomer::tfjs
