// data_format: where the batch, the channels and the spatial dimensions of an image tensor are.
#pragma once

#include <string_view>

#include "tensor/shape.h"

namespace isomer::ops {

struct DataFormat {
  bool channels_first = false;
  int64_t spatial = 2;  // number of spatial dimensions

  int64_t rank() const { return spatial + 2; }
  int64_t channel_axis() const { return channels_first ? 1 : spatial + 1; }
  int64_t spatial_axis(int64_t i) const { return (channels_first ? 2 : 1) + i; }
};

// "NHWC", "NCHW" (two spatial dimensions), "NDHWC", "NCDHW" (three); InvalidModel for others, and where the dimensions are not `spatial`.
Result<DataFormat> parse_data_format(std::string_view text, int64_t spatial);

}  // namespace isomer::ops
