// Functions of networks: activations, convolutions, pooling, images.
#include <algorithm>

#include "layers/functions.h"
#include "layers/layer_classes.h"

namespace isomer::layers {
namespace {

constexpr std::string_view kOne = "x|features|input|logits|value";

// The activation of the row's name.
void activation(FunctionCall& f) {
  const Generation generation = f.of_tensorflow ? Generation::kKeras2 : Generation::kKeras3;
  f.give(activate(f.e, generation, f.def.name, f.floating("x")));
}
void relu(FunctionCall& f) { f.give(f.e.make(f.def.op, {f.tensor("x")})); }

void gelu(FunctionCall& f) {
  // Keras approximates unless told otherwise, TensorFlow does not.
  f.give(activate(f.e, Generation::kKeras3, f.boolean("approximate", !f.of_tensorflow) ? "gelu_new" : "gelu", f.floating("x")));
}

void leaky_relu(FunctionCall& f) { f.give(f.e.make("LeakyRelu", {f.floating("x")}, {{"alpha", static_cast<float>(f.number("negative_slope", 0.2))}})); }

void elu(FunctionCall& f) {
  Emitter& e = f.e;
  const Value x = f.floating("x");
  const double alpha = f.number("alpha", 1);
  if (alpha == 1) return f.give(e.make("Elu", {x}));
  f.give(e.select(e.make("Greater", {x, e.like(x, 0)}), x, e.multiply(e.make("Expm1", {x}), alpha)));
}

void softmax_function(FunctionCall& f) {
  const Value x = f.floating("x");
  f.give(softmax(f.e, x, f.has("axis") ? f.axes("axis", x) : std::vector<int64_t>{-1}));
}

void log_softmax(FunctionCall& f) {
  Emitter& e = f.e;
  const Value x = f.floating("x");
  const int64_t axis = f.axis("axis", x, -1), rank = e.rank(x);
  std::vector<int64_t> order;
  for (int64_t i = 0; i < rank; ++i) order.push_back(i == axis ? rank - 1 : i == rank - 1 ? axis : i);
  f.give(e.transpose(e.make("LogSoftmax", {e.transpose(x, order)}), order));
}

// --- windows

std::vector<int64_t> window(FunctionCall& f, std::string_view parameter, size_t rank, std::vector<int64_t> otherwise) {
  std::vector<int64_t> values = f.integers(parameter, std::move(otherwise));
  // TensorFlow may give the batch's and the channels' numbers, too.
  if (values.size() == rank + 2) values = std::vector<int64_t>(values.begin() + 1, values.end() - 1);
  if (values.size() == 1) values.resize(rank, values[0]);
  if (values.size() != rank) f.e.refuse("expected " + std::to_string(rank) + " numbers as " + std::string(parameter));
  values.resize(rank, 1);
  return values;
}

bool channels_first(FunctionCall& f) {
  const std::string format = f.text("data_format", "");
  return format == "channels_first" || format.starts_with("NC");
}

std::string padding_of(FunctionCall& f) {
  std::string padding = f.text("padding", "valid");
  std::transform(padding.begin(), padding.end(), padding.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (padding != "SAME" && padding != "VALID") f.unsupported("with the padding '" + padding + "'");
  return padding;
}

void pool(FunctionCall& f) {
  Emitter& e = f.e;
  const bool first = channels_first(f);
  Value x = f.floating("x");
  x = first ? to_channels_last(e, x) : x;
  const auto rank = static_cast<size_t>(std::max<int64_t>(e.rank(x) - 2, 1));
  std::vector<int64_t> size = window(f, "pool_size", rank, {1});
  std::vector<int64_t> strides = window(f, "strides", rank, f.has("strides") ? std::vector<int64_t>{1} : size);
  if (rank == 1) {
    x = e.expand(x, 2);
    size.push_back(1);
    strides.push_back(1);
  }
  if (rank > 3) return f.unsupported("over more than three dimensions");
  Value y =
      e.make(std::string(f.def.op) + (rank == 3 ? "3D" : ""), {x}, {{"ksize", with_ends(size)}, {"strides", with_ends(strides)}, {"padding", padding_of(f)}});
  if (rank == 1) y = e.squeeze(y, 2);
  f.give(first ? to_channels_first(e, y) : y);
}

void convolution(FunctionCall& f) {
  Emitter& e = f.e;
  const bool first = channels_first(f), by_channel = f.def.name == "depthwise_conv";
  Value x = f.tensor("inputs"), kernel = f.tensor("kernel", x);
  x = first ? to_channels_last(e, x) : x;
  const auto rank = static_cast<size_t>(std::max<int64_t>(e.rank(x) - 2, 1));
  std::vector<int64_t> strides = window(f, "strides", rank, {1}), dilation = window(f, "dilation_rate", rank, {1});
  if (rank == 1) {
    x = e.expand(x, 1);
    kernel = e.expand(kernel, 0);
    strides.insert(strides.begin(), by_channel ? strides[0] : 1);
    dilation.insert(dilation.begin(), 1);
  }
  if (rank > 3 || (rank == 3 && by_channel)) return f.unsupported("over so many dimensions");
  const std::string op = by_channel ? "DepthwiseConv2dNative" : rank == 3 ? "Conv3D" : "Conv2D";
  Value y = e.make(op, {x, kernel}, {{"strides", with_ends(strides)}, {"padding", padding_of(f)}, {"dilations", with_ends(dilation)}});
  if (rank == 1) y = e.squeeze(y, 1);
  f.give(first ? to_channels_first(e, y) : y);
}

void bias_add(FunctionCall& f) {
  Emitter& e = f.e;
  const bool first = channels_first(f);
  const Value x = f.tensor("x"), y = add_bias(e, first ? to_channels_last(e, x) : x, f.tensor("bias", x));
  f.give(first ? to_channels_first(e, y) : y);
}

// --- images

void resize(FunctionCall& f) {
  Emitter& e = f.e;
  Value x = f.tensor("images");
  const DType dtype = e.dtype(x);
  const bool alone = e.rank(x) == 3, first = channels_first(f);
  if (alone) x = e.expand(x, 0);
  if (first) x = to_channels_last(e, x);
  const Value size = e.integers(window(f, "size", 2, {1}));
  std::string method = f.text("interpolation", "bilinear");
  if (f.boolean("antialias", false) || f.boolean("crop_to_aspect_ratio", false) || f.boolean("pad_to_aspect_ratio", false) ||
      f.boolean("preserve_aspect_ratio", false))
    return f.unsupported("with these options");
  const std::string op = method == "nearest"    ? "ResizeNearestNeighbor"
                         : method == "bilinear" ? "ResizeBilinear"
                         : method == "bicubic"  ? "ResizeBicubic"
                         : method == "area"     ? "ResizeArea"
                                                : "";
  if (op.empty()) return f.unsupported("with the interpolation '" + method + "'");
  Value y = op == "ResizeArea" ? e.make(op, {x, size}) : e.make(op, {x, size}, {{"half_pixel_centers", true}});
  if (is_float(dtype)) y = e.cast(y, dtype);
  if (first) y = to_channels_first(e, y);
  f.give(alone ? e.squeeze(y, 0) : y);
}

void grayscale(FunctionCall& f) {
  Emitter& e = f.e;
  const Value x = f.floating("images");
  const std::vector<float> weights = {0.2989F, 0.587F, 0.114F};
  const Value factors = e.cast(e.constant(Tensor::of<float>(DType::kFloat32, {3}, weights)), e.dtype(x));
  f.give(e.reduce("Sum", e.multiply(x, factors), {e.rank(x) - 1}, true));
}

void flip_image(FunctionCall& f) { f.give(f.e.reverse(f.tensor("images"), f.def.name == "image.flip_left_right" ? -2 : -3)); }

constexpr std::string_view kPool = "x|inputs|input|value pool_size|ksize strides padding data_format";
constexpr std::string_view kConvolution = "inputs|input|x kernel|filters|filter strides|stride padding data_format dilation_rate|dilations";
constexpr FunctionDef kRows[] = {
    {"average_pool", kPool, pool, "AvgPool"},
    {"bias_add", "x|value bias data_format", bias_add},
    {"celu", kOne, activation},
    {"conv", kConvolution, convolution},
    {"conv1d", kConvolution, convolution},
    {"conv2d", kConvolution, convolution},
    {"conv3d", kConvolution, convolution},
    {"depthwise_conv", kConvolution, convolution},
    {"elu", "x|features alpha", elu},
    {"gelu", "x|features approximate", gelu},
    {"glu", kOne, activation},
    {"hard_shrink", kOne, activation},
    {"hard_sigmoid", kOne, activation},
    {"hard_silu", kOne, activation},
    {"hard_swish", kOne, activation},
    {"hard_tanh", kOne, activation},
    {"image.flip_left_right", "images|image", flip_image},
    {"image.flip_up_down", "images|image", flip_image},
    {"image.rgb_to_grayscale", "images", grayscale},
    {"leaky_relu", "x|features negative_slope|alpha", leaky_relu},
    {"log_sigmoid", kOne, activation},
    {"log_softmax", "x|logits axis", log_softmax},
    {"max_pool", kPool, pool, "MaxPool"},
    {"mish", kOne, activation},
    {"relu", kOne, relu, "Relu"},
    {"relu6", kOne, relu, "Relu6"},
    {"resize", "images|image size interpolation|method antialias data_format crop_to_aspect_ratio pad_to_aspect_ratio preserve_aspect_ratio", resize},
    {"rgb_to_grayscale", "images|image data_format", grayscale},
    {"selu", kOne, activation},
    {"sigmoid", kOne, activation},
    {"silu", kOne, activation},
    {"soft_shrink", kOne, activation},
    {"softmax", "x|logits axis", softmax_function},
    {"softplus", kOne, activation},
    {"softsign", kOne, activation},
    {"sparse_plus", kOne, activation},
    {"squareplus", kOne, activation},
    {"swish", kOne, activation},
    {"tanh_shrink", kOne, activation},
};

}  // namespace

std::span<const FunctionDef> network_functions() { return kRows; }

}  // namespace isomer::layers
