// Normalisations: the mean and spread over some axes, of the batch or remembered.
#include <algorithm>
#include <numeric>

#include "layers/layer_classes.h"

namespace isomer::layers {
namespace {

std::vector<int64_t> sizes_of(Emitter& e, Value x, std::span<const int64_t> axes) {
  std::vector<int64_t> sizes;
  for (const int64_t axis : axes) sizes.push_back(e.known_size(x, axis, "a size of the input"));
  return sizes;
}

std::vector<int64_t> axes_of(LayerCall& c, Value x, std::vector<int64_t> otherwise) {
  std::vector<int64_t> axes = c.config.integers("axis", std::move(otherwise));
  for (int64_t& axis : axes) axis = positive_axis(c.e, x, axis);
  std::sort(axes.begin(), axes.end());
  return axes;
}

struct Moments {
  Value mean, variance;
};
Moments moments(Emitter& e, Value x, std::span<const int64_t> axes) {
  const Value mean = e.reduce("Mean", x, axes, true);
  const Value centred = e.subtract(x, mean);
  return {mean, e.reduce("Mean", e.multiply(centred, centred), axes, true)};
}

// (x - mean) / sqrt(variance + epsilon) * scale + offset; scale and offset may be invalid. The mean goes first: of large numbers little would be left else.
Value normalize_centred(Emitter& e, Value x, const Moments& m, double epsilon, Value scale, Value offset) {
  Value factor = e.make("Rsqrt", {e.add(m.variance, epsilon)});
  if (scale.valid()) factor = e.multiply(factor, scale);
  const Value y = e.multiply(e.subtract(x, m.mean), factor);
  return offset.valid() ? e.add(y, offset) : y;
}

// The same as one multiplication and one addition for each element, where mean and variance are weights.
Value normalize(Emitter& e, Value x, const Moments& m, double epsilon, Value scale, Value offset) {
  Value factor = e.make("Rsqrt", {e.add(m.variance, epsilon)});
  if (scale.valid()) factor = e.multiply(factor, scale);
  const Value moved = offset.valid() ? e.subtract(offset, e.multiply(m.mean, factor)) : e.make("Neg", {e.multiply(m.mean, factor)});
  return e.add(e.multiply(x, factor), moved);
}

void batch_normalization(LayerCall& c) {
  Emitter& e = c.e;
  const Value x = c.input();
  const std::vector<int64_t> axes = axes_of(c, x, {-1});
  const std::vector<int64_t> shape = sizes_of(e, x, axes);
  const double epsilon = c.config.number("epsilon", 1e-3);
  Value gamma, beta;
  if (c.config.boolean("scale", true)) gamma = along_axes(e, c.weight("gamma", shape, "gamma_initializer"), x, axes);
  if (c.config.boolean("center", true)) beta = along_axes(e, c.weight("beta", shape, "beta_initializer"), x, axes);
  const Value mean = c.weight("moving_mean", shape, "moving_mean_initializer", false);
  const Value variance = c.weight("moving_variance", shape, "moving_variance_initializer", false);
  Moments m{along_axes(e, mean, x, axes), along_axes(e, variance, x, axes)};
  if (c.training()) {
    std::vector<int64_t> others;
    for (int64_t i = 0; i < e.rank(x); ++i)
      if (std::find(axes.begin(), axes.end(), i) == axes.end()) others.push_back(i);
    m = moments(e, x, others);
    if (!c.lowering.options().training) return c.give_masked(normalize(e, x, m, epsilon, gamma, beta));  // told by the call alone: nothing is to be learned
    c.update("moving_mean", mean, m.mean, c.config.number("momentum", 0.99));
    c.update("moving_variance", variance, m.variance, c.config.number("momentum", 0.99));
  }
  c.give_masked(normalize(e, x, m, epsilon, gamma, beta));
}

void layer_normalization(LayerCall& c) {
  Emitter& e = c.e;
  const Value x = c.input();
  const std::vector<int64_t> axes = axes_of(c, x, {-1});
  const std::vector<int64_t> shape = sizes_of(e, x, axes);
  Value gamma, beta;
  const bool root_mean_square = c.config.boolean("rms_scaling", false);
  if (c.config.boolean("scale", true) || root_mean_square) gamma = along_axes(e, c.weight("gamma", shape, "gamma_initializer"), x, axes);
  if (c.config.boolean("center", true) && !root_mean_square) beta = along_axes(e, c.weight("beta", shape, "beta_initializer"), x, axes);
  const double epsilon = c.config.number("epsilon", 1e-3);
  if (root_mean_square) {
    // Scaled by the spread around the mean, which itself stays.
    const Moments m = moments(e, x, axes);
    return c.give_masked(e.multiply(e.multiply(x, e.make("Rsqrt", {e.add(m.variance, epsilon)})), gamma));
  }
  c.give_masked(normalize_centred(e, x, moments(e, x, axes), epsilon, gamma, beta));
}

void root_mean_square_normalization(LayerCall& c) {
  Emitter& e = c.e;
  const Value x = c.input();
  const std::vector<int64_t> axes = axes_of(c, x, {-1});
  const Value scale = along_axes(e, c.weight("scale", sizes_of(e, x, axes), "scale_initializer"), x, axes);
  const Value mean_square = e.reduce("Mean", e.multiply(x, x), axes, true);
  c.give_masked(e.multiply(e.multiply(x, e.make("Rsqrt", {e.add(mean_square, c.config.number("epsilon", 1e-6))})), scale));
}

void group_normalization(LayerCall& c) {
  Emitter& e = c.e;
  const Value x = c.input();
  const int64_t axis = positive_axis(e, x, c.config.integer("axis", -1)), rank = e.rank(x);
  const int64_t channels = e.known_size(x, axis, "the number of channels");
  int64_t groups = c.config.integer("groups", 32);
  if (groups == -1) groups = channels;
  if (groups < 1 || channels % groups != 0) return e.refuse("the channels do not split into " + std::to_string(groups) + " groups");
  Value gamma, beta;
  const int64_t along[] = {axis};
  if (c.config.boolean("scale", true)) gamma = along_axes(e, c.weight("gamma", {channels}, "gamma_initializer"), x, along);
  if (c.config.boolean("center", true)) beta = along_axes(e, c.weight("beta", {channels}, "beta_initializer"), x, along);
  // The axis becomes two: groups, and channels of a group.
  std::vector<Value> sizes, back;
  std::vector<int64_t> axes;
  for (int64_t i = 0; i < rank; ++i) {
    back.push_back(e.dimension(x, i));
    if (i == axis) sizes.push_back(e.integer(groups));
    sizes.push_back(i == axis ? e.integer(channels / groups) : back.back());
    if (i > 0 && i < axis) axes.push_back(i);
    if (i >= axis) axes.push_back(i + 1);
  }
  const Value grouped = e.reshape_to(x, sizes);
  const Value normal = normalize_centred(e, grouped, moments(e, grouped, axes), c.config.number("epsilon", 1e-3), {}, {});
  Value y = e.reshape_to(normal, back);
  if (gamma.valid()) y = e.multiply(y, gamma);
  c.give_masked(beta.valid() ? e.add(y, beta) : y);
}

void unit_normalization(LayerCall& c) {
  const Value x = c.input();
  c.give_masked(l2_normalize(c.e, x, axes_of(c, x, {-1})));
}

// Mean and variance are in the configuration, or weights that were adapted to data.
void normalization(LayerCall& c) {
  Emitter& e = c.e;
  Value x = c.input();
  if (!is_float(e.dtype(x))) x = e.cast(x, c.compute());
  const bool scalar = c.config.json().find("axis") && c.config.json().find("axis")->is_null();
  const std::vector<int64_t> axes = scalar ? std::vector<int64_t>() : axes_of(c, x, {-1});
  const std::vector<int64_t> shape = sizes_of(e, x, axes);
  Value mean, variance;
  if (c.config.has("mean")) {
    const auto given = [&](std::string_view key) {
      const std::vector<double> values = c.config.numbers(key, {});
      int64_t count = std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
      std::vector<float> floats;
      for (int64_t i = 0; i < count; ++i) floats.push_back(values.empty() ? 0 : static_cast<float>(values[static_cast<size_t>(i) % values.size()]));
      return e.constant(Tensor::of<float>(DType::kFloat32, shape, floats), key);
    };
    mean = given("mean");
    variance = given("variance");
  } else {
    mean = c.weight("mean", shape, "", false);
    variance = c.weight("variance", shape, "", false);
    (void)c.lowering.weight(e, "count", {}, c.config.generation() == Generation::kKeras3 ? DType::kInt32 : DType::kInt64, nullptr, false);
  }
  mean = along_axes(e, e.cast(mean, e.dtype(x)), x, axes);
  variance = along_axes(e, e.cast(variance, e.dtype(x)), x, axes);
  const Value spread = e.maximum(e.make("Sqrt", {variance}), 1e-7);
  c.give(c.config.boolean("invert", false) ? e.add(e.multiply(x, spread), mean) : e.divide(e.subtract(x, mean), spread));
}

}  // namespace

LAYER_CLASS(BatchNormalization, batch_normalization, "Scaled by remembered mean and variance of each channel; of the batch in training.")
LAYER_CLASS(LayerNormalization, layer_normalization, "Scaled by the mean and variance of each sample.")
LAYER_CLASS(RMSNormalization, root_mean_square_normalization, "Scaled by the root of the mean square of each sample.")
LAYER_CLASS(GroupNormalization, group_normalization, "Scaled by the mean and variance of each group of channels.")
LAYER_CLASS(UnitNormalization, unit_normalization, "Each vector at length 1.")
LAYER_CLASS(Normalization, normalization, "Shifted and scaled by mean and variance of data it was adapted to.")

}  // namespace isomer::layers
