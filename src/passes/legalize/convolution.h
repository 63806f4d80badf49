// What the rules of convolution, pooling and normalisation share.
#pragma once

#include "passes/build.h"

namespace isomer::passes {

// Is `data_format` NCHW or NCDHW?
bool has_channels_first(const ir::Node& node);
// Before: Op(..., x, ...) {data_format = "NCHW"}   After: Transpose(Op(..., Transpose(x), ...) {data_format = "NHWC"}); x is input number `data`.
Result<bool> to_channels_last(RuleContext& context, ir::NodeId node, int64_t data);

}  // namespace isomer::passes
