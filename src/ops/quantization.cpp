// FakeQuantWithMinMaxArgs, ...Vars and ...VarsPerChannel: floats rounded to the values that a quantised tensor could hold.
//
// The range [min, max] is moved, mostly a little, so that 0.0 is one of those values. All steps are done in float32, as TensorFlow does them: the result of the
// rounding depends on it.
#include "ops/quantization.h"

#include <cmath>

#include "ops/kernel.h"

namespace isomer::ops {
namespace {

using namespace ir;

// The quantised values are low, low + step, ..., high.
struct Grid {
  float low = 0, high = 0, step = 0, steps_per_unit = 0;

  float nearest(float x) const {
    if (step == 0) return 0;  // an empty range around 0
    const float inside = std::fmin(std::fmax(x, low), high) - low;
    return std::floor(inside * steps_per_unit + 0.5f) * step + low;
  }
};

Result<Grid> make_grid(float min, float max, int64_t bits, bool narrow_range) {
  if (bits < 2 || bits > 16) return input_error("num_bits must be from 2 to 16, found " + std::to_string(bits));
  if (min == 0 && max == 0) return Grid{};
  if (!(min < max)) return input_error("the range of a quantisation must not be empty, found [" + std::to_string(min) + ", " + std::to_string(max) + "]");
  const float first = narrow_range ? 1.0f : 0.0f, last = static_cast<float>((1 << bits) - 1);
  const float step = (max - min) / (last - first);
  const float zero = std::fmin(std::fmax(std::round(first - min / step), first), last);
  return Grid{(first - zero) * step, (last - zero) * step, step, (last - first) / (max - min)};
}

// Each element on the grid of its channel, the last dimension; a single grid serves all.
Result<Tensor> quantize(EvalContext& c, const Tensor& x, const std::vector<Grid>& grids) {
  MutableTensor y = TRY(c.allocate(DType::kFloat32, x.shape()));
  float* to = y.as<float>();
  for (int64_t i = 0; i < y.elements(); ++i) to[i] = grids[static_cast<size_t>(i) % grids.size()].nearest(x.at<float>(i));
  return std::move(y).finish();
}

Result<Outputs> reference_args(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const auto& a = c.as<FakeQuantWithMinMaxArgsAttributes>();
  const Grid grid = TRY(make_grid(a.min, a.max, a.num_bits, a.narrow_range));
  return one(TRY(quantize(c, x, {grid})));
}

template <bool per_channel>
Result<void> infer_vars(InferContext& c) {
  PartialShape shape = per_channel ? TRY(shape_of_rank_at_least(c, 0, 1)) : c.shape(0);
  for (int64_t i = 1; i < 3; ++i) {
    const PartialShape range = TRY(shape_of_rank(c, i, per_channel ? 1 : 0));
    if (per_channel && shape.has_rank()) {
      int64_t& channels = shape[shape.rank() - 1];
      channels = TRY(same_dim(channels, range[0], "the channels of a quantisation"));
    }
  }
  c.set_shape(0, std::move(shape));
  return {};
}

template <bool per_channel>
Result<Outputs> reference_vars(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Tensor& min = *TRY(tensor_input(c, inputs, 1));
  const Tensor& max = *TRY(tensor_input(c, inputs, 2));
  if (c.tfjs_compat() && !per_channel) return one(x);  // TensorFlow.js takes the op for training alone
  const auto& a = c.as<FakeQuantWithMinMaxVarsAttributes>();
  if (per_channel && x.rank() == 0) return input_error("FakeQuantWithMinMaxVarsPerChannel takes rank 1 or more, found " + type_text(x));
  const int64_t channels = per_channel ? x.shape().back() : 1;
  if (min.elements() != channels || max.elements() != channels) {
    return input_error("the ranges must have " + std::to_string(channels) + " elements, found " + type_text(min) + " and " + type_text(max));
  }
  std::vector<Grid> grids;
  for (int64_t i = 0; i < channels; ++i) grids.push_back(TRY(make_grid(min.at<float>(i), max.at<float>(i), a.num_bits, a.narrow_range)));
  return one(TRY(quantize(c, x, grids)));
}

}  // namespace

constinit const OpDef kOp_FakeQuantWithMinMaxArgs = {
    .name = "FakeQuantWithMinMaxArgs",
    .signature = "inputs: float32 -> outputs: float32",
    .make_attributes = &make_attributes<FakeQuantWithMinMaxArgsAttributes>,
    .infer = infer_same,
    .reference = reference_args,
    .doc = "Each element rounded to one of 2^num_bits evenly spaced values between min and max, which are attributes.",
};
constinit const OpDef kOp_FakeQuantWithMinMaxVars = {
    .name = "FakeQuantWithMinMaxVars",
    .signature = "inputs: float32, min: float32, max: float32 -> outputs: float32",
    .make_attributes = &make_attributes<FakeQuantWithMinMaxVarsAttributes>,
    .infer = infer_vars<false>,
    .reference = reference_vars<false>,
    .doc = "Each element rounded to one of 2^num_bits evenly spaced values between min and max, which are scalars.",
};
constinit const OpDef kOp_FakeQuantWithMinMaxVarsPerChannel = {
    .name = "FakeQuantWithMinMaxVarsPerChannel",
    .signature = "inputs: float32, min: float32, max: float32 -> outputs: float32",
    .make_attributes = &make_attributes<FakeQuantWithMinMaxVarsAttributes>,
    .infer = infer_vars<true>,
    .reference = reference_vars<true>,
    .doc = "Each element rounded to one of 2^num_bits evenly spaced values between the min and max of its channel, the last dimension.",
};

}  // namespace isomer::ops
