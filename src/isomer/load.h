// Loading a model of any format that Isomer reads.
#pragma once

#include <optional>
#include <string>

#include "base/background_checks.h"
#include "base/limits.h"
#include "formats/import_options.h"
#include "formats/sniff.h"
#include "ir/module.h"
#include "layers/stored_model.h"

namespace isomer {

struct LoadOptions : ImportOptions {
  std::optional<Format> input_format;  // in place of recognising it
  std::string weights;                 // file with the weights of a Keras model, in place of those that it has; empty: none
  Limits limits;
  // Takes checksums of large weights beside the work on them, where a format has such; null: they are taken while reading.
  BackgroundChecks* checks = nullptr;
};

struct LoadedModel {
  Recognised source;
  ir::Module module;               // one signature; values are slices of the mapped files
  std::vector<std::string> notes;  // what a user should know of it
};

// Recognises, reads and imports. `allocator` holds what must be computed (dequantised weights) and must outlive the model.
Result<LoadedModel> load_model(const std::string& path, const LoadOptions& options, TensorAllocator& allocator = heap_allocator());

// Does the format hold the layers of a model (rather than ops)?
bool has_layers(Format format);

// Reads a model of layers as its file stores it, without turning it into ops. `source` is of a format that has_layers, or a SavedModel that holds them.
Result<layers::StoredModel> load_layers(const Recognised& source, const LoadOptions& options);

// The format of a path with --input_format considered: an error when the wish cannot be.
Result<Recognised> recognise_input(const std::string& path, const std::optional<Format>& wish, const Limits& limits);

}  // namespace isomer
