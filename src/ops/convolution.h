// Attributes of the convolutions, and the convolutions themselves for fused ops.
#pragma once

#include <string>
#include <vector>

#include "ir/eval_context.h"

namespace isomer::ops {

// Conv2D and Conv2DBackpropInput.
struct Conv2DAttributes {
  std::vector<int64_t> strides;
  bool use_cudnn_on_gpu = true;
  std::string padding;                     // VALID, SAME or EXPLICIT
  std::vector<int64_t> explicit_paddings;  // before and after for each dimension of data_format
  std::string data_format = "NHWC";
  std::vector<int64_t> dilations = {1, 1, 1, 1};
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("strides", self.strides);
    visit("use_cudnn_on_gpu", self.use_cudnn_on_gpu);
    visit("padding", self.padding);
    visit("explicit_paddings", self.explicit_paddings);
    visit("data_format", self.data_format);
    visit("dilations", self.dilations);
  }
};

struct DepthwiseConv2dNativeAttributes {
  std::vector<int64_t> strides;
  std::string padding;
  std::vector<int64_t> explicit_paddings;
  std::string data_format = "NHWC";
  std::vector<int64_t> dilations = {1, 1, 1, 1};
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("strides", self.strides);
    visit("padding", self.padding);
    visit("explicit_paddings", self.explicit_paddings);
    visit("data_format", self.data_format);
    visit("dilations", self.dilations);
  }
};

// Conv3D and Conv3DBackpropInputV2.
struct Conv3DAttributes {
  std::vector<int64_t> strides;
  std::string padding;  // VALID or SAME
  std::string data_format = "NDHWC";
  std::vector<int64_t> dilations = {1, 1, 1, 1, 1};
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("strides", self.strides);
    visit("padding", self.padding);
    visit("data_format", self.data_format);
    visit("dilations", self.dilations);
  }
};

struct Dilation2DAttributes {
  std::vector<int64_t> strides;
  std::vector<int64_t> rates;
  std::string padding;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("strides", self.strides);
    visit("rates", self.rates);
    visit("padding", self.padding);
  }
};

// The shape of a 2-D convolution: filter [height, width, input channels / groups, output channels], or for a depthwise one [height, width, channels,
// multiplier].
Result<PartialShape> conv2d_shape(const Conv2DAttributes& a, const PartialShape& input, const PartialShape& filter);
Result<PartialShape> depthwise_conv2d_shape(const DepthwiseConv2dNativeAttributes& a, const PartialShape& input, const PartialShape& filter);
Result<Tensor> conv2d(ir::EvalContext& c, const Conv2DAttributes& a, const Tensor& input, const Tensor& filter);
Result<Tensor> depthwise_conv2d(ir::EvalContext& c, const DepthwiseConv2dNativeAttributes& a, const Tensor& input, const Tensor& filter);

}  // namespace isomer::ops
