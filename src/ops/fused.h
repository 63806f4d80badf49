// Attributes of the ops that fuse a linear op with what follows it. TensorFlow's graph optimiser makes them, and TensorFlow.js models hold them.
//
// fused_ops names the steps after the linear op: BiasAdd, FusedBatchNorm or NoOp (none) first, then an activation (Elu, LeakyRelu, Prelu, Relu, Relu6, Sigmoid,
// Tanh). Their operands are `args` in order: the bias; or scale, offset, mean and variance; then alpha of Prelu.
#pragma once

#include <string>
#include <vector>

#include "ir/op_def.h"

namespace isomer::ops {

struct FusedConv2DAttributes {
  std::vector<int64_t> strides;
  std::string padding;
  std::vector<int64_t> explicit_paddings;
  std::string data_format = "NHWC";
  std::string filter_format = "HWIO";
  std::vector<int64_t> dilations = {1, 1, 1, 1};
  bool use_cudnn_on_gpu = true;
  std::vector<std::string> fused_ops;
  float epsilon = 0.0001f;       // of FusedBatchNorm
  float leakyrelu_alpha = 0.2f;  // of LeakyRelu
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("strides", self.strides);
    visit("padding", self.padding);
    visit("explicit_paddings", self.explicit_paddings);
    visit("data_format", self.data_format);
    visit("filter_format", self.filter_format);
    visit("dilations", self.dilations);
    visit("use_cudnn_on_gpu", self.use_cudnn_on_gpu);
    visit("fused_ops", self.fused_ops);
    visit("epsilon", self.epsilon);
    visit("leakyrelu_alpha", self.leakyrelu_alpha);
  }
};

struct FusedDepthwiseConv2dNativeAttributes {
  std::vector<int64_t> strides;
  std::string padding;
  std::vector<int64_t> explicit_paddings;
  std::string data_format = "NHWC";
  std::vector<int64_t> dilations = {1, 1, 1, 1};
  std::vector<std::string> fused_ops;
  float epsilon = 0.0001f;
  float leakyrelu_alpha = 0.2f;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("strides", self.strides);
    visit("padding", self.padding);
    visit("explicit_paddings", self.explicit_paddings);
    visit("data_format", self.data_format);
    visit("dilations", self.dilations);
    visit("fused_ops", self.fused_ops);
    visit("epsilon", self.epsilon);
    visit("leakyrelu_alpha", self.leakyrelu_alpha);
  }
};

struct FusedMatMulAttributes {
  bool transpose_a = false;
  bool transpose_b = false;
  std::vector<std::string> fused_ops;
  float epsilon = 0.0001f;
  float leakyrelu_alpha = 0.2f;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("transpose_a", self.transpose_a);
    visit("transpose_b", self.transpose_b);
    visit("fused_ops", self.fused_ops);
    visit("epsilon", self.epsilon);
    visit("leakyrelu_alpha", self.leakyrelu_alpha);
  }
};

}  // namespace isomer::ops
