// What the rules of convolution, pooling and normalisation share.
#pragma once

#include <vector>

#include "passes/build.h"

namespace isomer::passes {

// Is `data_format` NCHW or NCDHW?
bool has_channels_first(const ir::Node& node);
// Where an op has channels.
struct ChannelPlaces {
  std::vector<int64_t> data;  // inputs that are images or volumes
  int64_t sizes = -1;         // the input that is the shape of one, or none
  bool result = true;         // result 0 is an image or volume
};
// Before: Op(..., x, ...) {data_format = "NCHW"}   After: Transpose(Op(..., Transpose(x), ...) {data_format = "NHWC"})
Result<bool> to_channels_last(RuleContext& context, ir::NodeId node, const ChannelPlaces& places);
// The same where input number `data` is the only image; a transposed convolution (2) has the shape of its result as input 0.
inline Result<bool> to_channels_last(RuleContext& context, ir::NodeId node, int64_t data) {
  return to_channels_last(context, node, ChannelPlaces{.data = {data}, .sizes = data == 2 ? 0 : -1});
}

// Zeros between the elements along one axis: n elements become (n - 1) * step + 1.
Term spread(Term x, int64_t axis, int64_t step);

}  // namespace isomer::passes
