// Gradients of pools and convolutions, as pools and convolutions: what a window took from its place goes back to that place.
//
// In one dimension, with window k, stride s, dilation d and p zeros before the input: y[o] = sum over t of x[o * s + t * d - p] * w[t]. The gradient of w is
// a convolution of x with the gradient of y as its filter, where stride and dilation change places. That of x is the gradient of y with s - 1 zeros between
// its elements and (k - 1) * d - p before them, convolved with w from its end.
#include <algorithm>

#include "ops/partial_value.h"
#include "passes/legalize/convolution.h"

namespace isomer::passes {
namespace {

using Integers = std::vector<int64_t>;

Size at_least_0(Builder& b, const Size& size) {
  if (const auto* known = std::get_if<int64_t>(&size)) return std::max<int64_t>(*known, 0);
  return maximum(b.scalar(size), b.integer(0));
}

// The numbers of a convolution or pool with channels last.
struct Windows {
  int64_t rank = 4;
  Integers strides, dilations, explicit_paddings;
  std::string padding;
  int64_t stride(int64_t axis) const { return strides[static_cast<size_t>(axis)]; }
  int64_t dilation(int64_t axis) const { return dilations[static_cast<size_t>(axis)]; }
};

Windows windows_of(const Builder& b, int64_t rank) {
  const Integers ones(static_cast<size_t>(rank), 1);
  Windows w{rank, b.attribute("strides", ones), b.attribute("dilations", ones), b.attribute("explicit_paddings", Integers{}),
            b.attribute<std::string>("padding", "")};
  if (w.dilations.empty()) w.dilations = ones;
  return w;
}

bool well_formed(const Windows& w) {
  const auto size = static_cast<size_t>(w.rank);
  return w.strides.size() == size && w.dilations.size() == size && (w.padding != "EXPLICIT" || w.explicit_paddings.size() == 2 * size);
}

// The padding of the forward op before and after one axis, where `window` elements of `x` lie under a window and `y` results come out.
std::pair<Size, Size> padding_of(Builder& b, const Windows& w, int64_t axis, int64_t window, const Size& x, const Size& y) {
  const auto at = static_cast<size_t>(2 * axis);
  if (w.padding == "EXPLICIT") return {w.explicit_paddings[at], w.explicit_paddings[at + 1]};
  if (w.padding != "SAME") return {int64_t{0}, int64_t{0}};
  const Size reach = b.add(b.multiply(b.add(y, int64_t{-1}), w.stride(axis)), window);
  const Size total = at_least_0(b, b.subtract(reach, x)), before = b.divide(total, 2);
  return {before, b.subtract(total, before)};
}

// x with zeros around its spatial axes.
Term with_zeros(Term x, const std::vector<std::pair<Size, Size>>& pads) {
  Builder& b = x.builder();
  const int64_t rank = x.shape().rank();
  std::vector<Size> sizes{int64_t{0}, int64_t{0}};
  bool none = true;
  for (const auto& [before, after] : pads) {
    none = none && before == Size(int64_t{0}) && after == Size(int64_t{0});
    sizes.insert(sizes.end(), {before, after});
  }
  sizes.insert(sizes.end(), {int64_t{0}, int64_t{0}});
  return none ? x : b.make("Pad", {x, reshape(b.sizes(sizes), {rank, int64_t{2}})});
}

Term cut(Term x, int64_t axis, const Size& size) { return x.builder().size_of(x, axis) == size ? x : slice_axis(x, axis, int64_t{0}, size); }

// A vector of sizes, where all of them are known: a constant, or what the graph computes from shapes.
std::optional<Integers> known_sizes(Builder& b, Term sizes, int64_t count) {
  const auto elements = ops::partial_elements(b.graph(), sizes.id());
  if (!elements || static_cast<int64_t>(elements->size()) != count) return std::nullopt;
  Integers known;
  for (const auto& element : *elements) {
    if (!element) return std::nullopt;
    known.push_back(*element);
  }
  return known;
}

// Batch and channels exchanged with the space between them: [1 ... rank - 2, 0, rank - 1] for last = true, [rank - 1, 1 ... rank - 2, 0] otherwise.
Integers space_first(int64_t rank) {
  Integers order;
  for (int64_t i = 1; i + 1 < rank; ++i) order.push_back(i);
  order.insert(order.end(), {0, rank - 1});
  return order;
}
Integers ends_exchanged(int64_t rank) {
  Integers order;
  for (int64_t i = 0; i < rank; ++i) order.push_back(i == 0 ? rank - 1 : i + 1 == rank ? 0 : i);
  return order;
}

// x padded as the forward op pads it, for a filter of these sizes.
Term padded_for(Builder& b, const Windows& w, Term x, Term dy, const Integers& filter) {
  std::vector<std::pair<Size, Size>> pads;
  for (int64_t axis = 1; axis + 1 < w.rank; ++axis) {
    const int64_t window = (filter[static_cast<size_t>(axis - 1)] - 1) * w.dilation(axis) + 1;
    pads.push_back(padding_of(b, w, axis, window, b.size_of(x, axis), b.size_of(dy, axis)));
  }
  return with_zeros(x, pads);
}

// Stride and dilation of the forward op have changed places.
ir::AttributeMap exchanged(const Windows& w) { return {{"strides", w.dilations}, {"dilations", w.strides}, {"padding", std::string("VALID")}}; }

constexpr const char* kNeedRanks = "the ranks must be known";
constexpr const char* kNeedFilter = "the filter's size must be known";

}  // namespace

// Before: MaxPoolV2(x, ksize, strides), MaxPoolGradV2(x, y, dy, ksize, strides)   After: MaxPool(x) {ksize, strides}, MaxPoolGrad(x, y, dy) {ksize, strides}
Result<bool> lower_max_pool_v2(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  std::vector<Term> inputs = b.inputs();
  const auto strides = known_sizes(b, inputs.back(), 4);
  inputs.pop_back();
  const auto ksize = known_sizes(b, inputs.back(), 4);
  inputs.pop_back();
  if (!ksize || !strides) return refuse(reason, "the window and the strides must be constants");
  ir::AttributeMap attributes = {{"ksize", *ksize}, {"strides", *strides}};
  for (const char* name : {"padding", "data_format"}) attributes.push_back({name, b.attribute<std::string>(name, "NHWC")});
  return b.replace(b.make(inputs.size() == 1 ? "MaxPool" : "MaxPoolGrad", inputs, attributes));
}

// Before: MaxPoolGrad(x, y, dy)
// After:  Reshape(ScatterNd(where, dy, size of x), shape of x) with where = result 1 of MaxPoolWithArgmax(x), counted in the batch
//         channels first: between transposes;   explicit padding: PadV2 with the lowest float, and the result's part inside;   8 and 16 bits: in float32
Result<bool> lower_max_pool_gradient(RuleContext& context, ir::NodeId node, std::string& reason) {
  if (has_channels_first(context.graph.node(node))) return to_channels_last(context, node, {.data = {0, 1, 2}});
  Builder b(context, node);
  const Term x = b.input(0), dy = b.input(2);
  if (is_integer(x.dtype()) && element_size(x.dtype()) <= 2) {
    const auto wide = [&](Term t) { return cast(t, DType::kFloat32); };
    return b.replace(cast(b.again({wide(x), wide(b.input(1)), wide(dy)}), x.dtype()));
  }
  if (!is_float(x.dtype())) return refuse(reason, "only pools of floats are rewritten");
  if (!x.shape().has_rank()) return refuse(reason, kNeedRanks);
  const Windows w = windows_of(b, 4);
  if (w.padding == "EXPLICIT") {
    if (!well_formed(w)) return refuse(reason, "explicit_paddings must have two numbers for each dimension");
    constexpr double kLowest = -3.4028234663852886e38;  // of float32, where TensorFlow starts too
    const std::vector<double> pads(w.explicit_paddings.begin(), w.explicit_paddings.end());
    const Term padded = b.make("PadV2", {x, b.numbers(DType::kInt32, {4, 2}, pads), b.number(x.dtype(), kLowest)});
    const Term gradient = b.again({padded, b.input(1), dy}, {{"padding", std::string("VALID")}, {"explicit_paddings", Integers{}}});
    const auto& p = w.explicit_paddings;
    return b.replace(b.make("Slice", {gradient, b.integers({p[0], p[2], p[4], p[6]}), b.shape_of(x)}));
  }
  const auto pooled = b.make_all("MaxPoolWithArgmax", {x},
                                 {{"ksize", b.attribute("ksize", Integers{})},
                                  {"strides", w.strides},
                                  {"padding", w.padding},
                                  {"Targmax", DType::kInt32},
                                  {"include_batch_in_index", true}});
  TRY(b.status());
  std::vector<Size> sizes;
  Size total = int64_t{1};
  for (int64_t axis = 0; axis < 4; ++axis) {
    sizes.push_back(b.size_of(x, axis));
    total = b.multiply(total, sizes.back());
  }
  return b.replace(reshape(b.make("ScatterNd", {expand(flatten(pooled[1]), 1), flatten(dy), b.sizes({total})}), sizes));
}

// Before: AvgPoolGrad(shape, dy), AvgPool3DGrad(shape, dy)
// After:  every channel as an image of its own: Conv2DBackpropInput (Conv3DBackpropInputV2) of dy / n with a filter of ones, where n is how many elements lie
//         under the window: Conv2D (Conv3D) of ones with ones, or the window's size where nothing is padded
Result<bool> lower_avg_pool_gradient(RuleContext& context, ir::NodeId node, std::string& reason) {
  if (has_channels_first(context.graph.node(node))) return to_channels_last(context, node, {.data = {1}, .sizes = 0});
  Builder b(context, node);
  const Term shape = cast(b.input(0), DType::kInt32), dy = b.input(1);
  const Integers ksize = b.attribute("ksize", Integers{});
  const auto rank = static_cast<int64_t>(ksize.size());
  const Windows w = windows_of(b, rank);
  if ((rank != 4 && rank != 5) || !well_formed(w) || ksize[0] != 1 || ksize.back() != 1) return refuse(reason, "tf.js pools over space only");
  if (!dy.shape().has_rank()) return refuse(reason, kNeedRanks);
  Shape filter_shape(ksize.begin() + 1, ksize.end() - 1);
  filter_shape.insert(filter_shape.end(), {1, 1});
  const int64_t taps = element_count_of(filter_shape);
  const Term ones = b.numbers(dy.dtype(), filter_shape, std::vector<double>(static_cast<size_t>(taps), 1));
  const ir::AttributeMap attributes = {{"strides", w.strides}, {"padding", w.padding}};
  // [b, ..., c] as [b * c, ..., 1].
  std::vector<Size> one_image{int64_t{1}}, images, results, split, back;
  images.push_back(b.multiply(b.size_at(shape, 0), b.size_at(shape, rank - 1)));
  results.push_back(images[0]);
  split = {b.size_at(shape, 0), b.size_at(shape, rank - 1)};
  Integers to_front{0, rank - 1}, to_back{0};
  for (int64_t axis = 1; axis + 1 < rank; ++axis) {
    one_image.push_back(b.size_at(shape, axis));
    images.push_back(b.size_at(shape, axis));
    split.push_back(b.size_at(shape, axis));
    results.push_back(b.size_of(dy, axis));
    to_front.push_back(axis);
    to_back.push_back(axis + 1);
  }
  for (auto* sizes : {&one_image, &images, &results}) sizes->push_back(int64_t{1});
  to_back.push_back(1);
  Term share = dy / static_cast<double>(taps);
  if (w.padding == "SAME")
    share = dy / b.make(rank == 4 ? "Conv2D" : "Conv3D", {b.make("Fill", {b.sizes(one_image), b.number(dy.dtype(), 1)}), ones}, attributes);
  const Term apart = reshape(transpose(share, to_front), results);
  const Term placed = b.make(rank == 4 ? "Conv2DBackpropInput" : "Conv3DBackpropInputV2", {b.sizes(images), ones, apart}, attributes);
  return b.replace(transpose(reshape(placed, split), to_back));
}

// Before: Conv2DBackpropFilter(x, sizes, dy), Conv3DBackpropFilterV2
// After:  Conv2D (Conv3D) of x, padded, batch and channels exchanged, with dy as the filter: its strides are the dilations, its dilations the strides
Result<bool> lower_conv_filter_gradient(RuleContext& context, ir::NodeId node, std::string& reason) {
  if (has_channels_first(context.graph.node(node))) return to_channels_last(context, node, {.data = {0, 2}, .result = false});
  Builder b(context, node);
  const Term x = b.input(0), dy = b.input(2);
  const int64_t rank = context.graph.node(node).is("Conv2DBackpropFilter") ? 4 : 5;
  const Windows w = windows_of(b, rank);
  const auto filter = known_sizes(b, b.input(1), rank);
  if (!filter) return refuse(reason, kNeedFilter);
  if (!well_formed(w) || !x.shape().has_rank() || !dy.shape().has_rank()) return refuse(reason, kNeedRanks);
  const int64_t channels = x.shape()[rank - 1];
  if (channels != kUnknownDim && channels != (*filter)[static_cast<size_t>(rank - 2)]) return refuse(reason, "only convolutions of one group are rewritten");
  const Term image = transpose(padded_for(b, w, x, dy, *filter), ends_exchanged(rank));
  Term result = b.make(rank == 4 ? "Conv2D" : "Conv3D", {image, transpose(dy, space_first(rank))}, exchanged(w));
  for (int64_t axis = 1; axis + 1 < rank; ++axis) result = cut(result, axis, (*filter)[static_cast<size_t>(axis - 1)]);
  return b.replace(transpose(result, space_first(rank)));
}

// Before: DepthwiseConv2dNativeBackpropFilter(x, sizes, dy)
// After:  all images of the batch as channels of one: DepthwiseConv2dNative of x, padded, with dy as the filter, strides and dilations exchanged; Sum over the
//         images
Result<bool> lower_depthwise_filter_gradient(RuleContext& context, ir::NodeId node, std::string& reason) {
  if (has_channels_first(context.graph.node(node))) return to_channels_last(context, node, {.data = {0, 2}, .result = false});
  Builder b(context, node);
  const Term x = b.input(0), dy = b.input(2);
  const Windows w = windows_of(b, 4);
  const auto filter = known_sizes(b, b.input(1), 4);
  if (!filter) return refuse(reason, kNeedFilter);
  if (!well_formed(w) || !x.shape().has_rank() || !dy.shape().has_rank()) return refuse(reason, kNeedRanks);
  const int64_t channels = (*filter)[2], each = (*filter)[3];
  const Term padded = padded_for(b, w, x, dy, *filter);
  const Size batch = b.size_of(x, 0), together = b.multiply(batch, channels);
  const Term image = reshape(transpose(padded, space_first(4)), {int64_t{1}, b.size_of(padded, 1), b.size_of(padded, 2), together});
  const Term taps = reshape(transpose(dy, space_first(4)), {b.size_of(dy, 1), b.size_of(dy, 2), together, each});
  const Term result = cut(cut(b.make("DepthwiseConv2dNative", {image, taps}, exchanged(w)), 1, (*filter)[0]), 2, (*filter)[1]);
  return b.replace(reshape(sum(reshape(result, {(*filter)[0], (*filter)[1], batch, channels * each}), 2), {(*filter)[0], (*filter)[1], channels, each}));
}

// Before: DepthwiseConv2dNativeBackpropInput(sizes, filter, dy)
// After:  DepthwiseConv2dNative of dy, with zeros between its elements (as many as the stride skips) and around them, with the filter reversed; Sum over the
//         results of each channel
Result<bool> lower_depthwise_input_gradient(RuleContext& context, ir::NodeId node, std::string& reason) {
  if (has_channels_first(context.graph.node(node))) return to_channels_last(context, node, {.data = {2}, .sizes = 0});
  Builder b(context, node);
  const Term sizes = cast(b.input(0), DType::kInt32), filter = b.input(1);
  Term dy = b.input(2);
  const Windows w = windows_of(b, 4);
  if (!filter.shape().fully_known()) return refuse(reason, kNeedFilter);
  if (!well_formed(w) || !dy.shape().has_rank()) return refuse(reason, kNeedRanks);
  const int64_t channels = filter.shape()[2], each = filter.shape()[3];
  std::vector<std::pair<Size, Size>> pads;
  for (int64_t axis = 1; axis < 3; ++axis) {
    const int64_t window = (filter.shape()[axis - 1] - 1) * w.dilation(axis) + 1;
    const Size length = b.size_at(sizes, axis), results = b.size_of(dy, axis);
    const Size before = b.subtract(window - 1, padding_of(b, w, axis, window, length, results).first);
    const Size reach = b.add(b.multiply(b.add(results, int64_t{-1}), w.stride(axis)), int64_t{1});
    pads.emplace_back(before, b.subtract(b.add(b.subtract(length, reach), window - 1), before));
    dy = spread(dy, axis, w.stride(axis));
  }
  const Term reversed = reshape(b.make("ReverseV2", {filter, b.integers({0, 1})}), {filter.shape()[0], filter.shape()[1], channels * each, int64_t{1}});
  Term result = b.make("DepthwiseConv2dNative", {with_zeros(dy, pads), reversed},
                       {{"strides", Integers{1, 1, 1, 1}}, {"dilations", w.dilations}, {"padding", std::string("VALID")}});
  if (each != 1) result = sum(reshape(result, {b.size_at(sizes, 0), b.size_at(sizes, 1), b.size_at(sizes, 2), channels, each}), 4);
  return b.replace(result);
}

}  // namespace isomer::passes
