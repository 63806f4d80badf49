// Rows of updates added to, or otherwise combined with, rows of a tensor: what scattering and summing over segments have in common.
#pragma once

#include "ops/kernel.h"

namespace isomer::ops {

enum class Combine { kAdd, kSubtract, kMultiply, kMaximum, kMinimum };

// A copy of `start`, seen as rows of `width` elements, in which row rows[r] is combined with row r of `updates`, for r = 0, 1, ...; a negative rows[r]
// skips it. Rows must lie inside of `start`; `updates` has the dtype of `start`. InvalidModel for dtypes without such arithmetic.
Result<Tensor> combine_rows(ir::EvalContext& c, const Tensor& start, std::span<const int64_t> rows, int64_t width, const Tensor& updates, Combine how);

// The scalar that changes nothing: 0, 1, the lowest or the highest number of the dtype, which for floats is finite unless `infinite`. InvalidModel for
// dtypes that have none.
Result<Tensor> neutral_element(ir::EvalContext& c, DType dtype, Combine how, bool infinite = false);

}  // namespace isomer::ops
