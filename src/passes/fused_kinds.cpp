#include "passes/fused_kinds.h"

#include <algorithm>

namespace isomer::passes {
namespace {

constexpr FusedKind kFusedKinds[] = {{"Conv2D", "_FusedConv2D"}, {"DepthwiseConv2dNative", "FusedDepthwiseConv2dNative"}, {"MatMul", "_FusedMatMul"}};
constexpr std::string_view kFusedActivations[] = {"Elu", "LeakyRelu", "Prelu", "Relu", "Relu6", "Sigmoid"};

const FusedKind* find_kind(const ir::Node& node, std::string_view FusedKind::* name) {
  const auto found = std::find_if(std::begin(kFusedKinds), std::end(kFusedKinds), [&](const FusedKind& kind) { return node.is(kind.*name); });
  return found == std::end(kFusedKinds) ? nullptr : found;
}

}  // namespace

const FusedKind* kind_of_linear(const ir::Node& node) { return find_kind(node, &FusedKind::op); }
const FusedKind* kind_of_fused(const ir::Node& node) { return find_kind(node, &FusedKind::fused); }

bool fuses_activation(const FusedKind& kind, std::string_view activation, bool has_bias) {
  if (activation == "Prelu" && !has_bias) return false;
  if (activation == "LeakyRelu" && kind.op == "DepthwiseConv2dNative") return false;
  return std::find(std::begin(kFusedActivations), std::end(kFusedActivations), activation) != std::end(kFusedActivations);
}

bool fuses_slope(const PartialShape& alpha, const PartialShape& x) {
  // A slope that broadcasts the result would change its shape.
  if (!alpha.has_rank() || !x.has_rank() || alpha.rank() > x.rank()) return false;
  // A slope for each channel, or for each element of an example: the forms that tf.js takes.
  return alpha.rank() <= 1 || alpha.rank() + 1 == x.rank();
}

ir::AttributeMap linear_attributes(const ir::Node& node) {
  ir::AttributeMap attributes;
  const ir::AttributeMap all = node.attributes->to_map();
  for (const char* name : {"strides", "padding", "explicit_paddings", "data_format", "dilations", "transpose_a", "transpose_b"})
    if (const ir::AttributeValue* value = ir::find(all, name)) attributes.push_back({name, *value});
  return attributes;
}

}  // namespace isomer::passes
