// Convolutions that TensorFlow's kernels for processors lack, in forms that they have.
#pragma once

#include "passes/pass.h"

namespace isomer::passes {

// Writes dilated Conv3D, DepthwiseConv2dNative and transposed convolutions without dilation, and biases of convolutions with groups as sums, in all functions.
Result<void> suit_tensorflow(ir::Module& module, PassContext& context);

}  // namespace isomer::passes
