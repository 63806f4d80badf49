#include "ops/indices.h"

namespace isomer::ops {

Result<bool> ignores_bad_indices(const BadIndicesAttributes& attributes) {
  const std::string& policy = attributes.bad_indices_policy;
  if (policy == "IGNORE") return true;
  if (policy.empty() || policy == "DEFAULT" || policy == "ERROR") return false;
  return input_error("bad_indices_policy must be DEFAULT, ERROR or IGNORE, found '" + policy + "'");
}

Result<IndexedRows> resolve_indices(const Tensor& indices, const Shape& shape, bool ignore_bad) {
  const int64_t depth = indices.rank() == 0 ? -1 : indices.shape().back();
  if (depth < 0 || depth > static_cast<int64_t>(shape.size())) {
    return input_error("the rows of " + type_text(indices) + " do not index a tensor of shape " + to_string(shape));
  }
  IndexedRows rows;
  rows.slice.assign(shape.begin() + depth, shape.end());
  rows.slice_elements = element_count_of(rows.slice);
  const int64_t count = element_count_of(Shape(indices.shape().begin(), indices.shape().end() - 1));
  const auto values = indices.to_int64s();
  const bool empty = element_count_of(shape) == 0;  // then slice numbers mean nothing, and need not fit 64 bits
  rows.numbers.reserve(static_cast<size_t>(depth == 0 ? 0 : count));
  if (depth == 0) {
    // Every row names the whole tensor. Many empty rows cost no bytes in the file, so do not list more than there can be.
    if (count > (int64_t{1} << 24)) return fail(ErrorCode::kLimitExceeded, std::to_string(count) + " empty rows of indices");
    rows.numbers.assign(static_cast<size_t>(count), 0);
    return rows;
  }
  for (int64_t r = 0; r < count; ++r) {
    int64_t number = 0;
    for (int64_t d = 0; d < depth && number >= 0; ++d) {
      const int64_t at = values[static_cast<size_t>(r * depth + d)], size = shape[static_cast<size_t>(d)];
      if (at >= 0 && at < size) {
        number = empty ? 0 : number * size + at;
      } else if (ignore_bad) {
        number = -1;
      } else {
        return input_error("index " + std::to_string(at) + " lies outside of dimension " + std::to_string(d) + " of shape " + to_string(shape));
      }
    }
    rows.numbers.push_back(number);
  }
  return rows;
}

}  // namespace isomer::ops
