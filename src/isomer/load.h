// Loading a model of any format that Isomer reads.
#pragma once

#include <optional>
#include <string>

#include "base/limits.h"
#include "formats/import_options.h"
#include "formats/sniff.h"
#include "ir/module.h"

namespace isomer {

struct LoadOptions : ImportOptions {
  std::optional<Format> input_format;  // in place of recognising it
  Limits limits;
};

struct LoadedModel {
  Recognised source;
  ir::Module module;               // one signature; values are slices of the mapped files
  std::vector<std::string> notes;  // what a user should know of it
};

// Recognises, reads and imports. `allocator` holds what must be computed (dequantised weights) and must outlive the model.
Result<LoadedModel> load_model(const std::string& path, const LoadOptions& options, TensorAllocator& allocator = heap_allocator());

// The format of a path with --input_format considered: an error when the wish cannot be.
Result<Recognised> recognise_input(const std::string& path, const std::optional<Format>& wish, const Limits& limits);

}  // namespace isomer
