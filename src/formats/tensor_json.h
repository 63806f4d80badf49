// Tensors as JSON: {"dtype": "float32", "shape": [2, 2], "values": [1, 2.5, "NaN", 4]}, or nested lists whose dtype the reader is told.
#pragma once

#include <optional>

#include "base/error.h"
#include "base/limits.h"
#include "tensor/tensor.h"
#include "wire/json.h"

namespace isomer {

// Reads either form. Nested lists need `dtype`, and every list of a level must have the same length. "NaN", "Infinity" and "-Infinity" may stand as
// strings; complex numbers are pairs of numbers in the flat list of values. Malformed says which element is wrong.
Result<Tensor> tensor_from_json(const JsonValue& json, std::optional<DType> dtype, const Limits& limits);

// The first form. Bytes of strings that are no UTF-8 are an InvalidArgument of the writer.
JsonValue tensor_to_json(const Tensor& tensor);

}  // namespace isomer
