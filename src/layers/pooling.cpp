// Pooling over windows, and over everything.
#include <algorithm>

#include "layers/layer_classes.h"

namespace isomer::layers {
namespace {

enum class Pool { kMax, kAverage };

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char ch) { return static_cast<char>(std::toupper(ch)); });
  return text;
}

template <Pool pool, size_t rank>
void pooling(LayerCall& c) {
  Emitter& e = c.e;
  Config& config = c.config;
  std::vector<int64_t> size = config.window(config.has("pool_length") ? "pool_length" : "pool_size", rank, 2);
  std::vector<int64_t> strides = size;
  for (const char* key : {"strides", "stride"})
    if (config.has(key)) strides = config.window(key, rank, 2);
  const std::string padding = upper(config.text(config.has("border_mode") ? "border_mode" : "padding", "valid"));
  const bool first = config.text("dim_ordering", "") == "th" || config.channels_first();
  Value x = first ? to_channels_last(e, c.input()) : c.input();
  if (rank == 1) {
    x = e.expand(x, 2);
    size.push_back(1);
    strides.push_back(1);
  }
  const std::string op = std::string(pool == Pool::kMax ? "MaxPool" : "AvgPool") + (rank == 3 ? "3D" : "");
  Value y = e.make(op, {x}, {{"ksize", with_ends(size)}, {"strides", with_ends(strides)}, {"padding", padding}});
  if (rank == 1) y = e.squeeze(y, 2);
  c.give(first ? to_channels_first(e, y) : y);
}

template <Pool pool, size_t rank>
void global_pooling(LayerCall& c) {
  Emitter& e = c.e;
  const bool first = c.config.text("dim_ordering", "") == "th" || c.config.channels_first();
  std::vector<int64_t> axes;
  for (size_t i = 0; i < rank; ++i) axes.push_back(static_cast<int64_t>(i) + (first ? 2 : 1));
  const bool keep = c.config.boolean("keepdims", false);
  const Value x = c.input(), mask = c.inputs.empty() ? Value() : c.inputs[0].mask;
  if (rank == 1 && pool == Pool::kAverage && mask.valid()) {
    // Only the steps that are not masked count.
    const Value weights = e.expand(e.cast(mask, e.dtype(x)), first ? 1 : 2);
    const Value sum = e.reduce("Sum", e.multiply(x, weights), axes, keep);
    return c.give(e.divide(sum, e.reduce("Sum", weights, axes, keep)));
  }
  c.give(e.reduce(pool == Pool::kMax ? "Max" : "Mean", x, axes, keep));
}

// Windows that cover the input in a given number of steps: output i sees what lies from floor(i * in / out) to ceil((i + 1) * in / out). Axis by axis, which
// for means is right because all windows of an axis go with all of another.
template <Pool pool, size_t rank>
void adaptive_pooling(LayerCall& c) {
  Emitter& e = c.e;
  const bool first = c.config.channels_first();
  const std::vector<int64_t> sizes = c.config.window("output_size", rank, 1);
  Value x = c.input();
  for (size_t d = 0; d < rank; ++d) {
    const int64_t axis = static_cast<int64_t>(d) + (first ? 2 : 1), in = e.known_size(x, axis, "the size of the input"), out = sizes[d];
    if (e.failed() || out < 1 || out > 4096) return e.refuse("an adaptive pooling layer cannot have the output_size " + std::to_string(out));
    std::vector<Value> parts;
    for (int64_t i = 0; i < out; ++i) {
      const Value part = e.slice(x, axis, i * in / out, ((i + 1) * in + out - 1) / out);
      parts.push_back(e.reduce(pool == Pool::kMax ? "Max" : "Mean", part, {axis}, true));
    }
    x = parts.size() == 1 ? parts[0] : e.concatenate(parts, axis);
  }
  c.give(x);
}

}  // namespace

LAYER_CLASS(AdaptiveAveragePooling1D, (adaptive_pooling<Pool::kAverage, 1>), "The means of as many windows as are wanted.")
LAYER_CLASS(AdaptiveAveragePooling2D, (adaptive_pooling<Pool::kAverage, 2>), "The means of as many windows as are wanted.")
LAYER_CLASS(AdaptiveAveragePooling3D, (adaptive_pooling<Pool::kAverage, 3>), "The means of as many windows as are wanted.")
LAYER_CLASS(AdaptiveMaxPooling1D, (adaptive_pooling<Pool::kMax, 1>), "The largest elements of as many windows as are wanted.")
LAYER_CLASS(AdaptiveMaxPooling2D, (adaptive_pooling<Pool::kMax, 2>), "The largest elements of as many windows as are wanted.")
LAYER_CLASS(AdaptiveMaxPooling3D, (adaptive_pooling<Pool::kMax, 3>), "The largest elements of as many windows as are wanted.")
LAYER_CLASS(MaxPooling1D, (pooling<Pool::kMax, 1>), "The largest element of each window of steps.")
LAYER_CLASS(MaxPooling2D, (pooling<Pool::kMax, 2>), "The largest element of each window of the plane.")
LAYER_CLASS(MaxPooling3D, (pooling<Pool::kMax, 3>), "The largest element of each window of the volume.")
LAYER_CLASS(AveragePooling1D, (pooling<Pool::kAverage, 1>), "The mean of each window of steps; padding does not count.")
LAYER_CLASS(AveragePooling2D, (pooling<Pool::kAverage, 2>), "The mean of each window of the plane; padding does not count.")
LAYER_CLASS(AveragePooling3D, (pooling<Pool::kAverage, 3>), "The mean of each window of the volume; padding does not count.")
LAYER_CLASS(GlobalMaxPooling1D, (global_pooling<Pool::kMax, 1>), "The largest of all steps.")
LAYER_CLASS(GlobalMaxPooling2D, (global_pooling<Pool::kMax, 2>), "The largest of the plane.")
LAYER_CLASS(GlobalMaxPooling3D, (global_pooling<Pool::kMax, 3>), "The largest of the volume.")
LAYER_CLASS(GlobalAveragePooling1D, (global_pooling<Pool::kAverage, 1>), "The mean of all steps that are not masked.")
LAYER_CLASS(GlobalAveragePooling2D, (global_pooling<Pool::kAverage, 2>), "The mean of the plane.")
LAYER_CLASS(GlobalAveragePooling3D, (global_pooling<Pool::kAverage, 3>), "The mean of the volume.")

}  // namespace isomer::layers
