// Convolutions that TensorFlow's kernels for processors lack.
#pragma once

#include "passes/pass.h"

namespace isomer::passes {

// Writes dilated Conv3D, DepthwiseConv2dNative and transposed convolutions without dilation, in all functions.
Result<void> spread_kernels(ir::Module& module, PassContext& context);

}  // namespace isomer::passes
