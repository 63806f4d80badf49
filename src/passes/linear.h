// Linear ops with constant weights, as the passes that fold into them see them.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "passes/match.h"

namespace isomer::passes {

// Where the channels lie in the weights of a linear op: element `i` belongs to output channel (i / out_inner) % outputs, and to input channel
// (i / in_inner) % inputs.
struct LinearOp {
  ir::NodeId node;
  int64_t data = 0, weights = 1;  // which inputs these are
  int64_t outputs = 0, out_inner = 1;
  int64_t inputs = 0, in_inner = 1;
  int64_t rank = 0;  // of the result; its last dimension are the output channels
};

// Conv2D, DepthwiseConv2dNative, Conv2DBackpropInput, Conv3D (channels last) and MatMul of floats, whose weights are constant. Nothing for other nodes.
std::optional<LinearOp> linear_op(const ir::Graph& graph, ir::NodeId node);

// A multiplication and an addition for each channel: y = x * scale + offset.
struct Affine {
  std::vector<double> scale, offset;
  bool scales() const;
  bool shifts() const;
};

// What a node with one non-constant input does to each of `channels` channels of the last dimension of that input `x`: Mul, RealDiv, AddV2, Add, Sub and
// BiasAdd with a constant, and FusedBatchNorm* for inference. Nothing for other nodes, or where it would change the rank.
std::optional<Affine> affine_of(const ir::Graph& graph, const ir::Node& node, ir::ValueId x, int64_t channels);

// weights * scale[channel], computed in double and rounded once. Nothing where a result is no finite number.
Result<std::optional<Tensor>> scaled(const Tensor& weights, std::span<const double> scale, int64_t inner, PassContext& context);

}  // namespace isomer::passes
