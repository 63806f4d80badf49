// What a caller may choose when a model is imported. What is not chosen is decided by the reader, or is an error that lists the choices.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace isomer {

struct ImportOptions {
  std::optional<std::string> signature;        // --signature_name; or the name of a callable function where there are no signatures
  std::optional<std::string> tags;             // --saved_model_tags, comma separated
  std::vector<std::string> output_node_names;  // --output_node_names, for graphs without signatures
  uint64_t seed = 0;                           // of the first weights of a model that is stored without
};

}  // namespace isomer
