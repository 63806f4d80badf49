// FusedBatchNorm and its gradient in three versions, and LRN.
#include "ops/normalization.h"

#include <cmath>

#include "ops/data_format.h"
#include "ops/kernel.h"

namespace isomer::ops {

using namespace ir;

namespace {

// x seen as [outer, channels, inner] with the channels in the middle.
struct Channels {
  int64_t outer = 1, count = 1, inner = 1;
};
Channels channels_of(const Shape& shape, int64_t axis) {
  Channels result;
  for (size_t d = 0; d < shape.size(); ++d) {
    const auto at = static_cast<int64_t>(d);
    (at < axis ? result.outer : at == axis ? result.count : result.inner) *= shape[d];
  }
  return result;
}

// f(channel, elements) for runs of elements of x that lie in one channel, with what f makes of them stored in y where y is given.
template <class F>
void for_channels(const Tensor& x, const Channels& channels, MutableTensor* y, F&& f) {
  std::vector<double> block(static_cast<size_t>(kBlock));
  for_blocks(x.elements(), [&](int64_t first, int64_t count) {
    const std::span<double> values(block.data(), static_cast<size_t>(count));
    load(x, first, values);
    for (int64_t done = 0; done < count;) {
      const int64_t index = first + done;
      const int64_t run = std::min(channels.inner - index % channels.inner, count - done);
      f(index / channels.inner % channels.count, values.subspan(static_cast<size_t>(done), static_cast<size_t>(run)));
      done += run;
    }
    if (y) store(*y, first, std::span<const double>(values));
  });
}

Result<Tensor> normalize(EvalContext& c, const Tensor& x, const Channels& channels, std::span<const double> scale, std::span<const double> offset,
                         std::span<const double> mean, std::span<const double> variance, double epsilon) {
  MutableTensor y = TRY(c.allocate(x.dtype(), x.shape()));
  std::vector<double> factor(scale.size());
  for (size_t i = 0; i < factor.size(); ++i) factor[i] = scale[i] / std::sqrt(variance[i] + epsilon);
  for_channels(x, channels, &y, [&](int64_t channel, std::span<double> values) {
    const auto i = static_cast<size_t>(channel);
    for (double& value : values) value = (value - mean[i]) * factor[i] + offset[i];
  });
  return std::move(y).finish();
}

Result<std::vector<double>> channel_vector(const Tensor& tensor, int64_t count, std::string_view what) {
  if (!is_float(tensor.dtype()) || tensor.rank() != 1 || tensor.elements() != count) {
    return input_error(std::string(what) + " must be a vector of " + std::to_string(count) + " floats, found " + type_text(tensor));
  }
  return load_all<double>(tensor);
}

Result<DataFormat> batch_norm_format(std::string_view text) { return parse_data_format(text, text.size() == 5 ? 3 : 2); }

}  // namespace

Result<Tensor> batch_norm(EvalContext& c, const Tensor& x, int64_t axis, const Tensor& scale, const Tensor& offset, const Tensor& mean, const Tensor& variance,
                          float epsilon) {
  const Channels channels = channels_of(x.shape(), axis);
  const auto s = TRY(channel_vector(scale, channels.count, "scale")), o = TRY(channel_vector(offset, channels.count, "offset"));
  const auto m = TRY(channel_vector(mean, channels.count, "mean")), v = TRY(channel_vector(variance, channels.count, "variance"));
  return normalize(c, x, channels, s, o, m, v, epsilon);
}

namespace {

Result<void> infer_batch_norm(InferContext& c) {
  const DataFormat format = TRY(batch_norm_format(c.as<FusedBatchNormAttributes>().data_format));
  PartialShape shape = TRY(shape_of_rank(c, 0, format.rank()));
  int64_t& channels = shape[format.channel_axis()];
  const bool training = c.as<FusedBatchNormAttributes>().is_training;
  for (int64_t i = 1; i < (training ? 3 : 5); ++i) {
    const PartialShape vector = TRY(shape_of_rank(c, i, 1));
    channels = TRY(same_dim(channels, vector[0], "the channels of a batch normalisation"));
  }
  for (int64_t i = 1; i < 5; ++i) c.set_shape(i, PartialShape{channels});
  c.set_shape(0, std::move(shape));
  if (c.output_count() > 5) c.set_shape(5, PartialShape::scalar());
  return {};
}

struct Moments {
  std::vector<double> mean, variance;  // the variance is biased
};
Moments moments_of(const Tensor& x, const Channels& channels) {
  const auto count = static_cast<double>(channels.outer * channels.inner);
  Moments m = {std::vector<double>(static_cast<size_t>(channels.count)), std::vector<double>(static_cast<size_t>(channels.count))};
  for_channels(x, channels, nullptr, [&](int64_t channel, std::span<double> values) {
    for (const double value : values) m.mean[static_cast<size_t>(channel)] += value;
  });
  for (double& mean : m.mean) mean /= count;
  for_channels(x, channels, nullptr, [&](int64_t channel, std::span<double> values) {
    const auto i = static_cast<size_t>(channel);
    for (const double value : values) m.variance[i] += (value - m.mean[i]) * (value - m.mean[i]);
  });
  for (double& variance : m.variance) variance /= count;
  return m;
}

Result<Tensor> vector_of(EvalContext& c, DType dtype, std::span<const double> values) {
  MutableTensor y = TRY(c.allocate(dtype, {static_cast<int64_t>(values.size())}));
  store(y, 0, values);
  return std::move(y).finish();
}

// The running average that TensorFlow keeps: the new value alone where the factor is 1.
void average(std::vector<double>& value, std::span<const double> previous, double factor) {
  if (factor == 1) return;
  for (size_t i = 0; i < value.size(); ++i) value[i] = (1 - factor) * previous[i] + factor * value[i];
}

Result<Outputs> reference_batch_norm(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<FusedBatchNormAttributes>();
  const auto in = TRY(tensor_inputs(c, inputs));
  const Tensor& x = *in[0];
  const DataFormat format = TRY(batch_norm_format(a.data_format));
  if (!is_float(x.dtype())) return dtype_error(c, x.dtype());
  if (x.rank() != format.rank())
    return input_error("a batch normalisation in " + a.data_format + " takes rank " + std::to_string(format.rank()) + ", found " + type_text(x));
  const Channels channels = channels_of(x.shape(), format.channel_axis());
  const DType statistics = in[1]->dtype();
  Outputs outputs;
  if (!a.is_training) {
    outputs.emplace_back(TRY(batch_norm(c, x, format.channel_axis(), *in[1], *in[2], *in[3], *in[4], a.epsilon)));
    for (int i = 0; i < 2; ++i) {
      outputs.emplace_back(*in[3]);
      outputs.emplace_back(*in[4]);
    }
  } else {
    const auto scale = TRY(channel_vector(*in[1], channels.count, "scale")), offset = TRY(channel_vector(*in[2], channels.count, "offset"));
    Moments m = moments_of(x, channels);
    outputs.emplace_back(TRY(normalize(c, x, channels, scale, offset, m.mean, m.variance, a.epsilon)));
    const Tensor saved_mean = TRY(vector_of(c, statistics, m.mean)), saved_variance = TRY(vector_of(c, statistics, m.variance));
    const auto count = static_cast<double>(channels.outer * channels.inner);
    for (double& variance : m.variance) variance *= count / std::max(count - 1, 1.0);  // the average is of the unbiased variance
    if (a.exponential_avg_factor != 1) {
      average(m.mean, TRY(channel_vector(*in[3], channels.count, "mean")), a.exponential_avg_factor);
      average(m.variance, TRY(channel_vector(*in[4], channels.count, "variance")), a.exponential_avg_factor);
    }
    outputs.emplace_back(TRY(vector_of(c, statistics, m.mean)));
    outputs.emplace_back(TRY(vector_of(c, statistics, m.variance)));
    outputs.emplace_back(saved_mean);
    outputs.emplace_back(saved_variance);
  }
  if (c.output_count() > 5) outputs.emplace_back(TRY(c.allocate(statistics, {})).finish());  // scratch space of GPU kernels
  return outputs;
}

// --- LRN

Result<void> infer_lrn(InferContext& c) {
  c.set_shape(0, TRY(shape_of_rank(c, 0, 4)));
  return {};
}
Result<Outputs> reference_lrn(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const auto& a = c.as<LRNAttributes>();
  if (!is_float(x.dtype())) return dtype_error(c, x.dtype());
  if (x.rank() != 4) return input_error("LRN takes rank 4, found " + type_text(x));
  if (a.depth_radius < 0) return input_error("depth_radius of LRN must be 0 or more, found " + std::to_string(a.depth_radius));
  MutableTensor y = TRY(c.allocate(x.dtype(), x.shape()));
  const int64_t channels = x.shape()[3], radius = std::min(a.depth_radius, channels);
  std::vector<double> row(static_cast<size_t>(channels)), result(row.size());
  for (int64_t first = 0; first < y.elements(); first += channels) {
    load(x, first, std::span(row));
    for (int64_t i = 0; i < channels; ++i) {
      double squares = 0;
      for (int64_t j = std::max<int64_t>(i - radius, 0); j <= std::min(i + radius, channels - 1); ++j)
        squares += row[static_cast<size_t>(j)] * row[static_cast<size_t>(j)];
      result[static_cast<size_t>(i)] = row[static_cast<size_t>(i)] * std::pow(a.bias + a.alpha * squares, -static_cast<double>(a.beta));
    }
    store(y, first, std::span<const double>(result));
  }
  return one(std::move(y));
}

}  // namespace

constinit const OpDef kOp_FusedBatchNorm = {
    .name = "FusedBatchNorm",
    .signature = "x: T, scale: T, offset: T, mean: T, variance: T -> y: T, batch_mean: T, batch_variance: T, reserve_space_1: T, reserve_space_2: T",
    .make_attributes = &make_attributes<FusedBatchNormAttributes>,
    .infer = infer_batch_norm,
    .reference = reference_batch_norm,
    .doc = "Batch normalisation over the channels: with the given mean and variance, or when training with those of the batch, which are results then.",
};
constinit const OpDef kOp_FusedBatchNormV2 = {
    .name = "FusedBatchNormV2",
    .signature = "x: T, scale: U, offset: U, mean: U, variance: U -> y: T, batch_mean: U, batch_variance: U, reserve_space_1: U, reserve_space_2: U",
    .make_attributes = &make_attributes<FusedBatchNormAttributes>,
    .infer = infer_batch_norm,
    .reference = reference_batch_norm,
    .doc = "FusedBatchNorm whose statistics have a dtype of their own, so that half precision inputs keep float32 statistics.",
};
constinit const OpDef kOp_FusedBatchNormV3 = {
    .name = "FusedBatchNormV3",
    .signature =
        "x: T, scale: U, offset: U, mean: U, variance: U -> y: T, batch_mean: U, batch_variance: U, reserve_space_1: U, reserve_space_2: U, "
        "reserve_space_3: U",
    .make_attributes = &make_attributes<FusedBatchNormAttributes>,
    .infer = infer_batch_norm,
    .reference = reference_batch_norm,
    .doc = "FusedBatchNormV2 with one more result, a scalar without meaning outside of GPUs.",
};
constinit const OpDef kOp_LRN = {
    .name = "LRN",
    .signature = "input: T -> output: T",
    .make_attributes = &make_attributes<LRNAttributes>,
    .infer = infer_lrn,
    .reference = reference_lrn,
    .doc = "Local response normalisation: x / (bias + alpha * sum of squares over the 2 * depth_radius + 1 nearest channels) ^ beta.",
};

// --- the gradient of a batch normalisation

namespace {

Result<void> infer_batch_norm_gradient(InferContext& c) {
  const DataFormat format = TRY(batch_norm_format(c.as<FusedBatchNormGradAttributes>().data_format));
  PartialShape shape = TRY(merge(TRY(shape_of_rank(c, 0, format.rank())), TRY(shape_of_rank(c, 1, format.rank()))));
  int64_t& channels = shape[format.channel_axis()];
  for (int64_t i = 2; i < 5; ++i) channels = TRY(same_dim(channels, TRY(shape_of_rank(c, i, 1))[0], "the channels of a batch normalisation"));
  for (int64_t i = 1; i < 3; ++i) c.set_shape(i, PartialShape{channels});
  c.set_shape(0, std::move(shape));
  for (int64_t i = 3; i < 5; ++i) c.set_shape(i, PartialShape{0});
  return {};
}

// With n = (x - mean) / deviation: the offset's gradient is the sum of the errors, the scale's that of errors * n. In training mean and deviation depend
// on x, so what the errors have in common with 1 and with n is taken out of the gradient of x.
Result<Outputs> reference_batch_norm_gradient(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<FusedBatchNormGradAttributes>();
  const auto in = TRY(tensor_inputs(c, inputs));
  const Tensor &errors = *in[0], &x = *in[1];
  const DataFormat format = TRY(batch_norm_format(a.data_format));
  if (!is_float(x.dtype())) return dtype_error(c, x.dtype());
  if (x.rank() != format.rank() || errors.shape() != x.shape())
    return input_error("a batch normalisation in " + a.data_format + " takes rank " + std::to_string(format.rank()) + ", found " + type_text(x));
  const Channels channels = channels_of(x.shape(), format.channel_axis());
  const auto scale = TRY(channel_vector(*in[2], channels.count, "scale")), mean = TRY(channel_vector(*in[3], channels.count, "the mean"));
  auto inverse = TRY(channel_vector(*in[4], channels.count, "the variance"));
  for (double& variance : inverse) variance = 1 / std::sqrt(variance + a.epsilon);
  const std::vector<double> values = load_all<double>(x), gradient = load_all<double>(errors);
  std::vector<double> offset_sum(scale.size()), scale_sum(scale.size());
  const auto channel_of = [&](size_t i) { return i / static_cast<size_t>(channels.inner) % scale.size(); };
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t k = channel_of(i);
    offset_sum[k] += gradient[i];
    scale_sum[k] += gradient[i] * (values[i] - mean[k]) * inverse[k];
  }
  const auto count = static_cast<double>(channels.outer * channels.inner);
  std::vector<double> result(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t k = channel_of(i);
    const double common = a.is_training ? (offset_sum[k] + (values[i] - mean[k]) * inverse[k] * scale_sum[k]) / count : 0;
    result[i] = scale[k] * inverse[k] * (gradient[i] - common);
  }
  MutableTensor y = TRY(c.allocate(x.dtype(), x.shape()));
  store_doubles(y, 0, result);
  const DType statistics = in[3]->dtype();
  Outputs outputs = one(std::move(y));
  outputs.emplace_back(TRY(vector_of(c, statistics, scale_sum)));
  outputs.emplace_back(TRY(vector_of(c, statistics, offset_sum)));
  for (int i = 0; i < 2; ++i) outputs.emplace_back(TRY(c.allocate(statistics, {0})).finish());
  return outputs;
}

constexpr OpDef batch_norm_gradient(std::string_view name, std::string_view signature, std::string_view doc) {
  return {.name = name,
          .signature = signature,
          .make_attributes = &make_attributes<FusedBatchNormGradAttributes>,
          .infer = infer_batch_norm_gradient,
          .reference = reference_batch_norm_gradient,
          .doc = doc};
}

}  // namespace

constinit const OpDef kOp_FusedBatchNormGrad = batch_norm_gradient(
    "FusedBatchNormGrad",
    "y_backprop: T, x: T, scale: T, reserve_space_1: T, reserve_space_2: T -> x_backprop: T, scale_backprop: T, offset_backprop: T, reserve_space_3: T, "
    "reserve_space_4: T",
    "The gradients of FusedBatchNorm with respect to x, scale and offset; the reserve spaces are mean and variance of the batch, or those given.");
constinit const OpDef kOp_FusedBatchNormGradV2 =
    batch_norm_gradient("FusedBatchNormGradV2",
                        "y_backprop: T, x: T, scale: float32, reserve_space_1: U, reserve_space_2: U -> x_backprop: T, scale_backprop: U, offset_backprop: U, "
                        "reserve_space_3: U, reserve_space_4: U",
                        "FusedBatchNormGrad with statistics of a dtype of their own.");
constinit const OpDef kOp_FusedBatchNormGradV3 =
    batch_norm_gradient("FusedBatchNormGradV3",
                        "y_backprop: T, x: T, scale: float32, reserve_space_1: U, reserve_space_2: U, reserve_space_3: U -> x_backprop: T, scale_backprop: U, "
                        "offset_backprop: U, reserve_space_4: U, reserve_space_5: U",
                        "FusedBatchNormGradV2; what reserve_space_3 holds is not needed.");

}  // namespace isomer::ops
