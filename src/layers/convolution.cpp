// Convolutions, their transposes, and what resizes by whole steps: padding, cropping, upsampling.
//
// Ops take channels last; with channels first the input is transposed before and the result after. One-dimensional layers run as two-dimensional ones
// whose height is 1.
#include <algorithm>

#include "layers/layer_classes.h"

namespace isomer::layers {
namespace {

struct Windows {
  std::vector<int64_t> kernel, strides, dilation;
  std::string padding;  // "SAME", "VALID", "CAUSAL"
};

// Keras 1 spells windows otherwise: nb_row and nb_col, filter_length, subsample, border_mode, atrous_rate.
Windows windows_of(LayerCall& c, size_t rank) {
  Config& config = c.config;
  Windows w;
  if (config.has("nb_row") && rank == 2) {
    w.kernel = {config.integer("nb_row", 1), config.integer("nb_col", 1)};
  } else if (config.has("filter_length")) {
    w.kernel = {config.integer("filter_length", 1)};
  } else {
    w.kernel = config.window("kernel_size", rank, 1);
  }
  w.strides = config.window(config.has("subsample") ? "subsample" : config.has("subsample_length") ? "subsample_length" : "strides", rank, 1);
  w.dilation = config.window(config.has("atrous_rate") ? "atrous_rate" : "dilation_rate", rank, 1);
  w.padding = config.text(config.has("border_mode") ? "border_mode" : "padding", "valid");
  std::transform(w.padding.begin(), w.padding.end(), w.padding.begin(), [](unsigned char ch) { return static_cast<char>(std::toupper(ch)); });
  if (w.padding != "SAME" && w.padding != "VALID" && w.padding != "CAUSAL") config.refuse("there is no padding '" + w.padding + "'");
  return w;
}

bool channels_first(LayerCall& c) {
  const std::string ordering = c.config.text("dim_ordering", "");  // Keras 1
  return ordering == "th" || c.config.channels_first();
}

// A one-dimensional problem as a two-dimensional one.
void widen(Windows& w) {
  w.kernel.insert(w.kernel.begin(), 1);
  w.strides.insert(w.strides.begin(), 1);
  w.dilation.insert(w.dilation.begin(), 1);
}

ir::AttributeMap conv_attributes(const Windows& w) { return {{"strides", with_ends(w.strides)}, {"padding", w.padding}, {"dilations", with_ends(w.dilation)}}; }

// Zeros before the first step, so that no output sees what comes after it.
Value pad_causally(Emitter& e, Value x, Windows& w) {
  if (w.padding != "CAUSAL") return x;
  w.padding = "VALID";
  const std::pair<int64_t, int64_t> paddings[] = {{0, 0}, {(w.kernel[0] - 1) * w.dilation[0], 0}, {0, 0}};
  return e.pad(x, paddings);
}

int64_t filters_of(LayerCall& c) { return c.config.integer("filters", c.config.integer("nb_filter", 0)); }
bool has_bias(LayerCall& c) { return c.config.boolean("use_bias", c.config.boolean("bias", true)); }

void finish(LayerCall& c, Value y, int64_t filters, bool first) {
  if (has_bias(c)) y = add_bias(c.e, y, c.weight("bias", {filters}, "bias_initializer"));
  y = activate(c, "activation", y);
  c.give(first ? to_channels_first(c.e, y) : y);
}

// --- convolutions

template <size_t rank>
void convolution(LayerCall& c) {
  Emitter& e = c.e;
  Windows w = windows_of(c, rank);
  const bool first = channels_first(c);
  Value x = first ? to_channels_last(e, c.input()) : c.input();
  const int64_t filters = filters_of(c), groups = c.config.integer("groups", 1);
  const int64_t channels = e.known_size(x, -1, "the number of channels");
  if (groups < 1 || channels % groups != 0) return e.refuse("the channels do not split into " + std::to_string(groups) + " groups");
  std::vector<int64_t> shape = w.kernel;
  shape.insert(shape.end(), {channels / groups, filters});
  Value kernel = c.weight("kernel", shape, "kernel_initializer");
  x = pad_causally(e, x, w);
  if (rank == 1) {
    x = e.expand(x, 1);
    kernel = e.expand(kernel, 0);
    widen(w);
  }
  Value y = e.make(rank == 3 ? "Conv3D" : "Conv2D", {x, kernel}, conv_attributes(w));
  if (rank == 1) y = e.squeeze(y, 1);
  finish(c, y, filters, first);
}

// Depthwise weights: kernel height, width, channels, multiplier.
Value depthwise(LayerCall& c, Value x, Windows w, bool one_dimensional) {
  Emitter& e = c.e;
  const int64_t channels = e.known_size(x, -1, "the number of channels"), multiplier = c.config.integer("depth_multiplier", 1);
  std::vector<int64_t> shape = w.kernel;
  shape.insert(shape.end(), {channels, multiplier});
  const bool own_name = c.config.generation() == Generation::kKeras3 && c.layer.class_name.starts_with("Depthwise");
  Value kernel = c.weight(own_name ? "kernel" : "depthwise_kernel", shape, "depthwise_initializer");
  x = one_dimensional ? pad_causally(e, x, w) : x;
  if (one_dimensional) {
    x = e.expand(x, 1);
    kernel = e.expand(kernel, 0);
    widen(w);
  }
  // The op wants equal strides; a one-dimensional layer's go for its height of 1, too, where they change nothing.
  if (one_dimensional) w.strides[0] = w.strides[1];
  Value y = e.make("DepthwiseConv2dNative", {x, kernel}, conv_attributes(w));
  return one_dimensional ? e.squeeze(y, 1) : y;
}

template <size_t rank>
void depthwise_convolution(LayerCall& c) {
  const bool first = channels_first(c);
  const Value x = first ? to_channels_last(c.e, c.input()) : c.input();
  const Value y = depthwise(c, x, windows_of(c, rank), rank == 1);
  finish(c, y, c.e.known_size(y, -1, "the number of channels"), first);
}

template <size_t rank>
void separable_convolution(LayerCall& c) {
  Emitter& e = c.e;
  const bool first = channels_first(c);
  const Value x = first ? to_channels_last(e, c.input()) : c.input();
  const int64_t filters = filters_of(c);
  Value y = depthwise(c, x, windows_of(c, rank), rank == 1);
  std::vector<int64_t> shape(rank, 1);
  shape.insert(shape.end(), {e.known_size(y, -1, "the number of channels"), filters});
  Value kernel = c.weight("pointwise_kernel", shape, "pointwise_initializer");
  if (rank == 1) {
    y = e.expand(y, 1);
    kernel = e.expand(kernel, 0);
  }
  y = e.make("Conv2D", {y, kernel}, {{"strides", std::vector<int64_t>{1, 1, 1, 1}}, {"padding", std::string("VALID")}});
  finish(c, rank == 1 ? e.squeeze(y, 1) : y, filters, first);
}

// --- transposed

// A convolution of this many steps turns `length * stride + added` into `length` (Keras's deconv_output_length).
int64_t added_length(int64_t kernel, int64_t stride, int64_t dilation, bool same, std::optional<int64_t> output_padding) {
  kernel += (kernel - 1) * (dilation - 1);
  if (output_padding) return kernel - stride - 2 * (same ? kernel / 2 : 0) + *output_padding;
  return same ? 0 : std::max<int64_t>(kernel - stride, 0);
}

// length * stride + added for an axis of x; a constant where its length is known.
Value lengthened(Emitter& e, Value x, int64_t axis, int64_t stride, int64_t added) {
  const int64_t length = e.shape(x).has_rank() ? e.shape(x)[axis] : kUnknownDim;
  if (length != kUnknownDim) return e.integer(length * stride + added);
  return e.add(e.multiply(e.dimension(x, axis), e.integer(stride)), e.integer(added));
}

template <size_t rank>
void transposed_convolution(LayerCall& c) {
  Emitter& e = c.e;
  Windows w = windows_of(c, rank);
  const bool first = channels_first(c);
  Value x = first ? to_channels_last(e, c.input()) : c.input();
  const int64_t filters = filters_of(c), channels = e.known_size(x, -1, "the number of channels");
  const bool same = w.padding == "SAME";
  std::vector<int64_t> output_padding;
  if (c.config.has("output_padding")) output_padding = c.config.window("output_padding", rank, 0);
  std::vector<Value> sizes = {e.dimension(x, 0)};
  for (size_t i = 0; i < rank; ++i) {
    const auto axis = static_cast<int64_t>(i) + 1;
    const std::optional<int64_t> extra = output_padding.empty() ? std::nullopt : std::optional(output_padding[i]);
    sizes.push_back(lengthened(e, x, axis, w.strides[i], added_length(w.kernel[i], w.strides[i], w.dilation[i], same, extra)));
  }
  sizes.push_back(e.integer(filters));
  std::vector<int64_t> shape = w.kernel;
  shape.insert(shape.end(), {filters, channels});
  Value kernel = c.weight("kernel", shape, "kernel_initializer");
  if (rank == 1) {
    x = e.expand(x, 1);
    kernel = e.expand(kernel, 0);
    widen(w);
    sizes.insert(sizes.begin() + 1, e.integer(1));
  }
  Value y = e.make(rank == 3 ? "Conv3DBackpropInputV2" : "Conv2DBackpropInput", {e.dimensions(sizes), kernel, x}, conv_attributes(w));
  if (rank == 1) y = e.squeeze(y, 1);
  finish(c, y, filters, first);
}

// --- padding, cropping, upsampling

// One number for all sides, a number for each dimension, or a pair for each.
std::vector<std::pair<int64_t, int64_t>> pairs_of(LayerCall& c, std::string_view key, size_t rank) {
  const JsonValue* found = c.config.find(key);
  std::vector<std::pair<int64_t, int64_t>> pairs;
  if (found && found->is_array() && !found->items().empty() && found->items()[0].is_array()) {
    for (const JsonValue& item : found->items()) {
      const auto sizes = dimensions(item);
      if (!sizes || sizes->size() != 2) return c.e.refuse("expected pairs in " + std::string(key)), std::vector<std::pair<int64_t, int64_t>>(rank);
      pairs.emplace_back((*sizes)[0], (*sizes)[1]);
    }
  } else {
    const std::vector<int64_t> sizes = c.config.integers(key, {1});
    if (rank == 1 && sizes.size() == 2) return {{sizes[0], sizes[1]}};
    for (size_t i = 0; i < rank; ++i) pairs.emplace_back(sizes[std::min(i, sizes.size() - 1)], sizes[std::min(i, sizes.size() - 1)]);
  }
  if (pairs.size() != rank) c.e.refuse("expected " + std::to_string(rank) + " pairs in " + std::string(key));
  pairs.resize(rank);
  return pairs;
}

template <size_t rank>
void zero_padding(LayerCall& c) {
  auto pairs = pairs_of(c, "padding", rank);
  const bool first = rank > 1 && channels_first(c);
  pairs.insert(pairs.begin(), {0, 0});
  pairs.insert(first ? pairs.begin() + 1 : pairs.end(), {0, 0});
  c.give(c.e.pad(c.input(), pairs));
}

template <size_t rank>
void cropping(LayerCall& c) {
  const auto pairs = pairs_of(c, "cropping", rank);
  const int64_t offset = rank > 1 && channels_first(c) ? 2 : 1;
  Value x = c.input();
  for (size_t i = 0; i < rank; ++i) {
    const auto [before, after] = pairs[i];
    if (before != 0 || after != 0) x = c.e.slice(x, static_cast<int64_t>(i) + offset, before, after == 0 ? INT64_MAX : -after);
  }
  c.give(x);
}

// Each element of an axis `times` times.
Value repeat(Emitter& e, Value x, int64_t axis, int64_t times) {
  if (times == 1) return x;
  const int64_t rank = e.rank(x);
  std::vector<int64_t> multiples(static_cast<size_t>(rank) + 1, 1);
  multiples[static_cast<size_t>(axis) + 1] = times;
  std::vector<Value> sizes;
  for (int64_t i = 0; i < rank; ++i) {
    const Value size = e.dimension(x, i);
    const bool known = e.shape(x).has_rank() && e.shape(x)[i] != kUnknownDim;
    sizes.push_back(i != axis ? size : known ? e.integer(e.shape(x)[i] * times) : e.multiply(size, e.integer(times)));
  }
  return e.reshape_to(e.make("Tile", {e.expand(x, axis + 1), e.integers(multiples)}), sizes);
}

template <size_t rank>
void up_sampling(LayerCall& c) {
  Emitter& e = c.e;
  const std::vector<int64_t> size = c.config.window(rank == 1 && c.config.has("length") ? "length" : "size", rank, 2);
  const bool first = rank > 1 && channels_first(c);
  const std::string interpolation = c.config.text("interpolation", "nearest");
  Value x = first ? to_channels_last(e, c.input()) : c.input();
  if (rank == 2 && interpolation != "nearest") {
    if (interpolation != "bilinear") return c.unsupported("UpSampling2D with the interpolation '" + interpolation + "'", "use nearest or bilinear");
    std::vector<Value> sizes;
    for (int64_t i = 1; i <= 2; ++i) {
      const bool known = e.shape(x).has_rank() && e.shape(x)[i] != kUnknownDim;
      const int64_t factor = size[static_cast<size_t>(i) - 1];
      sizes.push_back(known ? e.integer(e.shape(x)[i] * factor) : e.multiply(e.dimension(x, i), e.integer(factor)));
    }
    x = e.cast(e.make("ResizeBilinear", {x, e.dimensions(sizes)}, {{"half_pixel_centers", true}}), e.dtype(x));
  } else {
    for (size_t i = 0; i < rank; ++i) x = repeat(e, x, static_cast<int64_t>(i) + 1, size[i]);
  }
  c.give(first ? to_channels_first(e, x) : x);
}

}  // namespace

LAYER_CLASS(Conv1D, convolution<1>, "A convolution over steps.")
LAYER_CLASS(Conv2D, convolution<2>, "A convolution over the plane.")
LAYER_CLASS(Conv3D, convolution<3>, "A convolution over space.")
LAYER_CLASS(Conv1DTranspose, transposed_convolution<1>, "The transpose of a convolution over steps.")
LAYER_CLASS(Conv2DTranspose, transposed_convolution<2>, "The transpose of a convolution over the plane.")
LAYER_CLASS(Conv3DTranspose, transposed_convolution<3>, "The transpose of a convolution over space.")
LAYER_CLASS(DepthwiseConv1D, depthwise_convolution<1>, "A convolution over steps of each channel on its own.")
LAYER_CLASS(DepthwiseConv2D, depthwise_convolution<2>, "A convolution over the plane of each channel on its own.")
LAYER_CLASS(SeparableConv1D, separable_convolution<1>, "A depthwise convolution, then one of kernel size 1.")
LAYER_CLASS(SeparableConv2D, separable_convolution<2>, "A depthwise convolution, then one of kernel size 1.")
LAYER_CLASS(ZeroPadding1D, zero_padding<1>, "Zeros before and after the steps.")
LAYER_CLASS(ZeroPadding2D, zero_padding<2>, "Zeros around the plane.")
LAYER_CLASS(ZeroPadding3D, zero_padding<3>, "Zeros around the volume.")
LAYER_CLASS(Cropping1D, cropping<1>, "Steps without the first and last ones.")
LAYER_CLASS(Cropping2D, cropping<2>, "The plane without its border.")
LAYER_CLASS(Cropping3D, cropping<3>, "The volume without its border.")
LAYER_CLASS(UpSampling1D, up_sampling<1>, "Each step several times.")
LAYER_CLASS(UpSampling2D, up_sampling<2>, "The plane enlarged by whole factors, to the nearest pixel or bilinearly.")
LAYER_CLASS(UpSampling3D, up_sampling<3>, "Each place of the volume several times.")

}  // namespace isomer::layers
