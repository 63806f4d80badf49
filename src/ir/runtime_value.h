// What flows along an edge when a graph runs: a tensor, a tensor list, or a handle of a resource.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "tensor/tensor.h"

namespace isomer::ir {

struct TensorList;

// A handle names a resource of the run (variable, table, tensor array) in its resource manager.
struct ResourceHandle {
  std::string name;
};

using RuntimeValue = std::variant<Tensor, std::shared_ptr<const TensorList>, ResourceHandle>;

// TensorFlow's functional list of tensors. A list is a value: setting an element makes a new list (elements are shared). An element that was
// reserved and never set is an invalid Tensor.
struct TensorList {
  DType element_dtype = DType::kInvalid;
  PartialShape element_shape;
  std::vector<RuntimeValue> elements;
};

}  // namespace isomer::ir
