// The flags by which commands take inputs of a model.
#pragma once

#include <string>
#include <vector>

#include "isomer/inputs.h"

namespace CLI {
class App;
}

namespace isomer::cli {

struct InputFlags {
  std::vector<std::string> inputs, shapes;
  std::string image_size, image_mean, image_scale;
  // `name` is the flag of the inputs themselves: "--input".
  void add_to(CLI::App& app, const std::string& name, const std::string& otherwise);
  Result<InputRequest> finish() const;
};

}  // namespace isomer::cli
