// The fused ops of tf.js and what they are made of.
#pragma once

#include <string_view>

#include "ir/graph.h"

namespace isomer::passes {

struct FusedKind {
  std::string_view op, fused;  // "Conv2D", "_FusedConv2D"
};
// The kind whose linear op, or whose fused op, the node is; null for other nodes.
const FusedKind* kind_of_linear(const ir::Node& node);
const FusedKind* kind_of_fused(const ir::Node& node);

// Does tf.js fuse an op of this name with the linear op, behind a bias or without one? Prelu: with such a slope on such a value.
bool fuses_activation(const FusedKind& kind, std::string_view activation, bool has_bias);
bool fuses_slope(const PartialShape& alpha, const PartialShape& x);

// The attributes that the linear op and its fused op have in common.
ir::AttributeMap linear_attributes(const ir::Node& node);

}  // namespace isomer::passes
