// Convolutions of forms that TensorFlow.js ignores, with other kernels: equal to the bit, since what is added are products with zero.
//
// Before: Conv1D, Conv2D or Conv3D with groups   After: without; a kernel over all channels that is zero where channels belong to other groups
// Before: DepthwiseConv2D or Conv2DTranspose with dilation   After: without; a kernel with zeros between its points
// Before: Conv2DTranspose with output_padding   After: Conv2DTranspose without padding on an image that is larger by zeros, Cropping2D to what is wanted
//
// Such a kernel may become another where it is trained on: then all of its points count. A note says so.
#include <algorithm>

#include "layers/rewrite_tfjs.h"

namespace isomer::layers {
namespace {

using Values = std::vector<double>;

Values numbers_of(const Tensor& tensor) {
  Values values(static_cast<size_t>(tensor.elements()));
  load_doubles(tensor, 0, values);
  return values;
}

// [..., in / groups, out] to [..., in, out]
Result<Tensor> without_groups(const Tensor& kernel, int64_t groups, const Limits& limits) {
  const Shape& old = kernel.shape();
  if (old.size() < 3 || old.back() % groups != 0)
    return fail(ErrorCode::kInvalidModel, "a kernel of shape " + to_string(old) + " has no " + std::to_string(groups) + " groups");
  Shape shape = old;
  shape[shape.size() - 2] *= groups;
  MutableTensor made = TRY(MutableTensor::create(kernel.dtype(), shape, limits));
  const int64_t out = old.back(), in = old[old.size() - 2], points = kernel.elements() / std::max<int64_t>(1, in * out);
  const Values from = numbers_of(kernel);
  Values to(from.size() * static_cast<size_t>(groups));
  for (int64_t p = 0; p < points; ++p)
    for (int64_t i = 0; i < in; ++i)
      for (int64_t o = 0; o < out; ++o)
        to[static_cast<size_t>((p * in * groups + o / (out / groups) * in + i) * out + o)] = from[static_cast<size_t>((p * in + i) * out + o)];
  store_doubles(made, 0, to);
  return std::move(made).finish();
}

// [h, w, a, b] with `by` - 1 zeros between the points of a row and a column
Result<Tensor> with_zeros_between(const Tensor& kernel, std::pair<int64_t, int64_t> by, const Limits& limits) {
  const Shape& old = kernel.shape();
  if (old.size() != 4) return fail(ErrorCode::kInvalidModel, "a kernel of shape " + to_string(old) + " where [height, width, ...] is wanted");
  const int64_t depth = old[2] * old[3];
  const Shape shape = {std::max<int64_t>(0, old[0] - 1) * by.first + 1, std::max<int64_t>(0, old[1] - 1) * by.second + 1, old[2], old[3]};
  MutableTensor made = TRY(MutableTensor::create(kernel.dtype(), shape, limits));
  const Values from = numbers_of(kernel);
  Values to(static_cast<size_t>(element_count_of(shape)));
  for (int64_t y = 0; y < old[0]; ++y)
    for (int64_t x = 0; x < old[1]; ++x)
      std::copy_n(from.begin() + (y * old[1] + x) * depth, depth, to.begin() + (y * by.first * shape[1] + x * by.second) * depth);
  store_doubles(made, 0, to);
  return std::move(made).finish();
}

void revalue(LayerRewriter& r, const std::string& name, std::function<Result<Tensor>(const Tensor&, const Limits&)> how) {
  WeightChange change;
  change.path = r.own_path();
  change.name = name;
  change.revalue = std::move(how);
  r.change_weight(std::move(change));
}

// A pair of sizes from `least` (what is taken where the key is missing) to some that can be multiplied.
std::optional<std::pair<int64_t, int64_t>> sizes_of(const JsonValue& config, std::string_view key, int64_t least) {
  constexpr int64_t kMost = 1 << 20;
  const auto pair = pair_of(config, key, least);
  if (!pair || std::min(pair->first, pair->second) < least || std::max(pair->first, pair->second) > kMost) return std::nullopt;
  return pair;
}

bool rewrite_groups(LayerRewriter& r, const SpelledLayer& layer) {
  const JsonValue* groups = layer.config.find("groups");
  const auto count = groups ? groups->as_int64() : std::nullopt;
  if (!count || *count < 2 || text_of(layer.config, "data_format") == "channels_first") return false;
  r.layer().config["groups"] = JsonValue(1);
  revalue(r, "kernel", [count = *count](const Tensor& kernel, const Limits& limits) { return without_groups(kernel, count, limits); });
  r.note("the kernel of '" + r.layer().name + "' holds zeros in place of " + std::to_string(*count) + " groups: trained on, they would become other numbers");
  return true;
}

bool rewrite_dilation(LayerRewriter& r, const SpelledLayer& layer) {
  const auto by = sizes_of(layer.config, "dilation_rate", 1), size = sizes_of(layer.config, "kernel_size", 1);
  if (!by || !size || (by->first < 2 && by->second < 2)) return false;
  r.layer().config["dilation_rate"] = json_list({1, 1});
  r.layer().config["kernel_size"] = json_list({(size->first - 1) * by->first + 1, (size->second - 1) * by->second + 1});
  // Keras 3 calls a depthwise kernel "kernel" as well.
  for (const char* name : {"kernel", "depthwise_kernel"})
    revalue(r, name, [by = *by](const Tensor& kernel, const Limits& limits) { return with_zeros_between(kernel, by, limits); });
  r.note("the kernel of '" + r.layer().name + "' holds zeros in place of a dilation: trained on, they would become other numbers");
  return true;
}

// One dimension of a transposed convolution with output_padding: zeros that the image gets at its end, and what is cut off before and after.
struct Cut {
  int64_t zeros, before, after;
};
Cut cut(int64_t kernel, int64_t stride, int64_t padding, bool same) {
  // Of n points come (n - 1) stride + kernel; Keras wants that many less what its padding takes on both sides, and output_padding more.
  const int64_t taken = same ? 2 * (kernel / 2) - padding : -padding, before = std::max<int64_t>(0, taken) / 2;
  // Both beside n stride: what TensorFlow.js gives without padding, and what is wanted. Each zero point makes it longer by a stride.
  const int64_t given = std::max(kernel - stride, int64_t{0}), wanted = kernel - stride - taken;
  const int64_t zeros = (std::max<int64_t>(0, wanted + before - given) + stride - 1) / stride;
  return {zeros, before, given + zeros * stride - wanted - before};
}

bool rewrite_output_padding(LayerRewriter& r) {
  const JsonValue config = r.layer().config;
  if (is_null_or_missing(config, "output_padding") || text_of(config, "data_format") == "channels_first") return false;
  const auto kernel = sizes_of(config, "kernel_size", 1), stride = sizes_of(config, "strides", 1), padding = sizes_of(config, "output_padding", 0);
  if (!kernel || !stride || !padding) return false;
  const bool same = text_of(config, "padding") == "same";
  const Cut rows = cut(kernel->first, stride->first, padding->first, same), columns = cut(kernel->second, stride->second, padding->second, same);
  if (rows.zeros > 0 || columns.zeros > 0) {
    const JsonValue zeros(JsonValue::Array{json_list({0, rows.zeros}), json_list({0, columns.zeros})});
    r.take({r.add("larger", "ZeroPadding2D", json_object({{"padding", zeros}}))});
  }
  const Term moved = r.move_before("whole");
  r.set_config(moved, "output_padding", JsonValue());
  r.set_config(moved, "padding", JsonValue("valid"));
  r.become("Cropping2D",
           json_object({{"cropping", JsonValue(JsonValue::Array{json_list({rows.before, rows.after}), json_list({columns.before, columns.after})})}}));
  return true;
}

}  // namespace

bool rewrite_kernel(LayerRewriter& r, const SpelledLayer& layer) {
  const std::string& name = layer.class_name;
  if (name == "Conv1D" || name == "Conv2D" || name == "Conv3D") return rewrite_groups(r, layer);
  if (name == "DepthwiseConv2D") return rewrite_dilation(r, layer);
  if (name != "Conv2DTranspose") return false;
  const bool dilated = rewrite_dilation(r, layer);
  return rewrite_output_padding(r) || dilated;
}

}  // namespace isomer::layers
