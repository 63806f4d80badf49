// Converting within the family of Keras layers: nothing of it goes through ops.
#pragma once

#include "isomer/convert.h"

namespace isomer {

// Do both formats hold layers, so that a conversion between them loses nothing that the target has a place for?
bool is_layers_pair(Format from, Format to);

// `result.source` is what was recognised. `metadata` goes into userDefinedMetadata of a layers model. Errors: Unsupported for layers that the target lacks, all
// of them by name; those of reading and writing. Nothing is left at `output` when it fails.
Result<void> convert_layers(const std::string& output, const std::vector<std::pair<std::string, JsonValue>>& metadata, const ConvertOptions& options,
                            ConvertReport& result);

}  // namespace isomer
