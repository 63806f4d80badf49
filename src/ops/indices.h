// Rows of indices into the leading dimensions of a tensor, as GatherNd and the scatter ops have them.
#pragma once

#include "ops/gather.h"
#include "ops/kernel.h"

namespace isomer::ops {

// true: skip indices outside of the tensor; false: refuse them. InvalidModel for an unknown policy.
Result<bool> ignores_bad_indices(const BadIndicesAttributes& attributes);

struct IndexedRows {
  std::vector<int64_t> numbers;  // for each row of indices the number of the slice it names, or -1 where it is to be skipped
  Shape slice;                   // the dimensions behind the indexed ones
  int64_t slice_elements = 1;
};

// `indices` has shape [..., depth]; a row of it indexes the first `depth` dimensions of a tensor of this shape.
Result<IndexedRows> resolve_indices(const Tensor& indices, const Shape& shape, bool ignore_bad);

}  // namespace isomer::ops
