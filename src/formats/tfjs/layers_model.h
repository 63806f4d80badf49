// A TensorFlow.js layers model on disk: model.json with a Keras configuration, and weight files.
#pragma once

#include <string>

#include "formats/tfjs/manifest.h"
#include "layers/stored_model.h"

namespace isomer::tfjs {

struct LayersModelDocument {
  std::string path;        // of model.json, for messages
  JsonValue json;          // the file's object with its members in order; "weightsManifest" stands there as null: it follows
  WeightManifest weights;  // those of an optimiser ("group": "optimizer") included
  bool has_weights = false;
};

// `path` is a folder with a model.json (or one other .json file) or such a file itself; gzip-compressed ones are unpacked. A graph model is refused
// (Unsupported): it has a reader of its own.
Result<LayersModelDocument> read_layers_model(const std::string& path, const Limits& limits = {});

// The configuration and the weights. The result holds what it needs of the document.
Result<layers::StoredModel> stored_model(const LayersModelDocument& document, const Limits& limits);

}  // namespace isomer::tfjs
