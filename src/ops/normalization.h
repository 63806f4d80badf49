// Attributes of the normalisations, and batch normalisation itself for fused ops.
#pragma once

#include <string>

#include "ir/eval_context.h"

namespace isomer::ops {

// FusedBatchNorm, FusedBatchNormV2 and FusedBatchNormV3.
struct FusedBatchNormAttributes {
  float epsilon = 0.0001f;
  float exponential_avg_factor = 1.0f;
  std::string data_format = "NHWC";
  bool is_training = true;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("epsilon", self.epsilon);
    visit("exponential_avg_factor", self.exponential_avg_factor);
    visit("data_format", self.data_format);
    visit("is_training", self.is_training);
  }
};

// FusedBatchNormGrad, FusedBatchNormGradV2 and FusedBatchNormGradV3.
struct FusedBatchNormGradAttributes {
  float epsilon = 0.0001f;
  std::string data_format = "NHWC";
  bool is_training = true;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("epsilon", self.epsilon);
    visit("data_format", self.data_format);
    visit("is_training", self.is_training);
  }
};

struct LRNAttributes {
  int64_t depth_radius = 5;
  float bias = 1.0f;
  float alpha = 1.0f;
  float beta = 0.5f;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("depth_radius", self.depth_radius);
    visit("bias", self.bias);
    visit("alpha", self.alpha);
    visit("beta", self.beta);
  }
};

// (x - mean) * scale / sqrt(variance + epsilon) + offset along dimension `axis`; the four are vectors over it.
Result<Tensor> batch_norm(ir::EvalContext& c, const Tensor& x, int64_t axis, const Tensor& scale, const Tensor& offset, const Tensor& mean,
                          const Tensor& variance, float epsilon);

}  // namespace isomer::ops
