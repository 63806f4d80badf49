#include "passes/linear.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/parallel.h"
#include "tensor/blocks.h"

namespace isomer::passes {

using ir::NodeId;
using ir::ValueId;

namespace {

bool channels_last(const ir::Node& node) { return attribute_of(node, "data_format", std::string("NHWC")).ends_with("C"); }

}  // namespace

std::optional<LinearOp> linear_op(const ir::Graph& graph, NodeId id) {
  const ir::Node& node = graph.node(id);
  LinearOp op;
  op.node = id;
  const bool convolution = node.is("Conv2D") || node.is("Conv3D");
  const bool depthwise = node.is("DepthwiseConv2dNative"), transposed = node.is("Conv2DBackpropInput"), product = node.is("MatMul");
  if ((!convolution && !depthwise && !transposed && !product) || node.outputs.size() != 1 || !is_free(node)) return std::nullopt;
  if (transposed) op.data = 2;
  const Tensor* weights = graph.constant(node.inputs[1]);
  if (!weights || !is_float(weights->dtype()) || weights->elements() == 0) return std::nullopt;
  if (!product && !channels_last(node)) return std::nullopt;
  const Shape& shape = weights->shape();
  const size_t rank = shape.size();
  op.rank = static_cast<int64_t>(rank);
  if (rank != (product ? 2u : node.is("Conv3D") ? 5u : 4u)) return std::nullopt;
  const int64_t last = shape[rank - 1], before = shape[rank - 2];
  op.outputs = last;
  op.inputs = before;
  op.in_inner = last;
  if (depthwise) op.outputs = before * last;
  if (transposed || (product && attribute_of(node, "transpose_b", false))) {
    op.outputs = before;
    op.out_inner = last;
    op.inputs = last;
    op.in_inner = 1;
  }
  // Columns are no channels of the data then.
  if (product && attribute_of(node, "transpose_a", false)) op.inputs = 0;
  return op;
}

bool Affine::scales() const {
  return std::any_of(scale.begin(), scale.end(), [](double v) { return v != 1; });
}
bool Affine::shifts() const {
  return std::any_of(offset.begin(), offset.end(), [](double v) { return v != 0; });
}

namespace {

std::optional<std::vector<double>> per_channel(const Tensor* constant, int64_t channels, int64_t rank) {
  if (!constant || !is_float(constant->dtype()) || constant->rank() > rank) return std::nullopt;
  if (constant->elements() == 1) return std::vector<double>(static_cast<size_t>(channels), doubles_of(*constant)[0]);
  if (constant->elements() != channels || constant->shape().back() != channels) return std::nullopt;
  return doubles_of(*constant);
}

std::optional<Affine> batch_norm(const ir::Graph& graph, const ir::Node& node, int64_t channels) {
  if (attribute_of(node, "is_training", true) || !channels_last(node)) return std::nullopt;
  for (size_t i = 1; i < node.outputs.size(); ++i)
    if (!graph.value(node.outputs[i]).users.empty() || graph.is_output(node.outputs[i])) return std::nullopt;
  std::vector<std::vector<double>> constants;
  for (size_t i = 1; i < 5; ++i) {
    const Tensor* constant = graph.constant(node.inputs[i]);
    if (!constant || constant->elements() != channels) return std::nullopt;
    constants.push_back(doubles_of(*constant));
  }
  const double epsilon = attribute_of(node, "epsilon", 1e-4f);
  Affine result;
  for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
    const double scale = constants[0][c] / std::sqrt(constants[3][c] + epsilon);
    result.scale.push_back(scale);
    result.offset.push_back(constants[1][c] - constants[2][c] * scale);
    if (!std::isfinite(scale) || !std::isfinite(result.offset.back())) return std::nullopt;
  }
  return result;
}

}  // namespace

std::optional<Affine> affine_of(const ir::Graph& graph, const ir::Node& node, ValueId x, int64_t channels) {
  if (!is_free(node) || node.inputs.empty() || !is_float(graph.type(x).dtype)) return std::nullopt;
  const PartialShape& shape = graph.type(x).shape;
  if (!shape.has_rank() || shape.rank() < 1) return std::nullopt;
  if (node.op->name.starts_with("FusedBatchNorm")) return node.inputs.size() == 5 && node.inputs[0] == x ? batch_norm(graph, node, channels) : std::nullopt;
  const bool sum = node.is("AddV2") || node.is("Add"), bias = node.is("BiasAdd"), product = node.is("Mul");
  const bool ordered = node.is("Sub") || node.is("RealDiv") || bias;
  if ((!sum && !product && !ordered) || node.inputs[0] == node.inputs[1] || (bias && !channels_last(node))) return std::nullopt;
  const size_t at = node.inputs[0] == x ? 0 : 1;
  if (at == 1 && ordered) return std::nullopt;
  auto numbers = per_channel(graph.constant(node.inputs[1 - at]), channels, shape.rank());
  if (!numbers) return std::nullopt;
  Affine result;
  result.scale.assign(numbers->size(), 1);
  result.offset.assign(numbers->size(), 0);
  for (size_t c = 0; c < numbers->size(); ++c) {
    const double number = (*numbers)[c];
    if (!std::isfinite(number) || (node.is("RealDiv") && number == 0)) return std::nullopt;
    if (product) result.scale[c] = number;
    if (node.is("RealDiv")) result.scale[c] = 1 / number;
    if (sum || bias) result.offset[c] = number;
    if (node.is("Sub")) result.offset[c] = -number;
  }
  return result;
}

Result<std::optional<Tensor>> scaled(const Tensor& weights, std::span<const double> scale, int64_t inner, PassContext& context) {
  TensorWriter out = TRY(TensorWriter::create(weights.dtype(), weights.shape(), context.limits, *context.allocator));
  const double largest = weights.dtype() == DType::kHalf ? 65504.0 : weights.dtype() == DType::kFloat64 ? 1.7976931348623157e308 : 3.4028234e38;
  std::atomic<bool> finite = true;
  TRY(for_ranges(weights.elements(), 1 << 17, [&](int64_t begin, int64_t count) -> Result<void> {
    ChannelScale channels(scale, inner, begin);
    Result<void> written;
    for_each_block(weights, begin, count, [&](int64_t first, std::span<double> block) {
      if (!finite || !written) return;
      if (channels.multiply(block, largest)) {
        written = out.write(first, block);
      } else {
        finite = false;
      }
    });
    return written;
  }));
  weights.bytes().release_pages();
  if (!finite) return std::optional<Tensor>();
  Tensor result = TRY(std::move(out).finish());
  result.bytes().release_pages();
  return std::optional<Tensor>(std::move(result));
}

}  // namespace isomer::passes
