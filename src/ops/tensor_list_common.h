// What the ops on tensor lists share: taking and making lists, checks, element shapes.
#pragma once

#include "ops/kernel.h"

namespace isomer::ops {

using ListPointer = std::shared_ptr<const ir::TensorList>;

// LimitExceeded when a list of this many elements is too long; InvalidModel when the size is negative.
Result<void> check_list_size(ir::EvalContext& c, int64_t size);
// Input `i`, which must be a list.
Result<const ir::TensorList*> list_input(Inputs inputs, int64_t i);
// The same as a list that may be changed: the input's own where nobody else holds it, else a copy.
Result<std::shared_ptr<ir::TensorList>> writable_list(Inputs inputs, int64_t i);
// Lists are always made by this, so that writable_list may change them.
std::shared_ptr<ir::TensorList> new_list(DType dtype, PartialShape element_shape);
Outputs one_list(std::shared_ptr<ir::TensorList> list);

// Element shapes are given as vectors with -1 for unknown sizes, or as the scalar -1 for an unknown rank.
Result<PartialShape> element_shape_input(ir::EvalContext& c, Inputs inputs, int64_t i);
// What such an input says before the graph runs.
Result<PartialShape> element_shape_constant(ir::InferContext& c, int64_t i);

PartialShape with_leading(int64_t size, const PartialShape& shape);
PartialShape without_leading(const PartialShape& shape);

// InvalidModel when the element, or the dtype that an op reads, does not fit the list.
Result<void> check_list_element(const ir::TensorList& list, const ir::RuntimeValue& element);
Result<void> check_list_dtype(const ir::TensorList& list, DType dtype);

// Result 0 is a list of such elements.
void set_list_type(ir::InferContext& c, DType dtype, PartialShape element_shape);

}  // namespace isomer::ops
