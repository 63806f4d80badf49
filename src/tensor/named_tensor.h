#pragma once

#include <string>

#include "tensor/tensor.h"

namespace isomer {

// An input or output of a model: its key, or the name of a tensor, and the value.
struct NamedTensor {
  std::string name;
  Tensor value;
};

}  // namespace isomer
