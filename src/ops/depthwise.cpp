// DepthwiseConv2dNative with its gradients, and Dilation2D: filters that slide over each channel by itself.
#include <algorithm>
#include <functional>
#include <limits>

#include "ops/convolution.h"
#include "ops/kernel.h"
#include "ops/window.h"

namespace isomer::ops {

using namespace ir;

namespace {

Result<WindowAttributes> depthwise_windows(const DepthwiseConv2dNativeAttributes& a) {
  return WindowAttributes{.format = TRY(parse_data_format(a.data_format, 2)),
                          .strides = a.strides,
                          .dilations = a.dilations,
                          .padding = a.padding,
                          .explicit_paddings = a.explicit_paddings};
}

// f(x, y, tap) for the taps of one output position that lie inside the input.
template <class F>
void for_inner_taps(const Window& rows, const Window& columns, int64_t row, int64_t column, F&& f) {
  for (int64_t i = 0; i < rows.filter; ++i) {
    const int64_t y = rows.first(row) + i * rows.dilation;
    if (y < 0 || y >= rows.input) continue;
    for (int64_t j = 0; j < columns.filter; ++j) {
      const int64_t x = columns.first(column) + j * columns.dilation;
      if (x >= 0 && x < columns.input) f(y, x, i * columns.filter + j);
    }
  }
}

}  // namespace

Result<PartialShape> depthwise_conv2d_shape(const DepthwiseConv2dNativeAttributes& a, const PartialShape& input, const PartialShape& filter) {
  const WindowAttributes w = TRY(depthwise_windows(a));
  const Windows windows = TRY(make_windows(w, input, std::span(filter.dims()).first(2)));
  const int64_t channels = TRY(same_dim(input[w.format.channel_axis()], filter[2], "the channels of the input and of the filter"));
  return image_shape(w.format, input[0], windows, mul_dims(channels, filter[3]));
}

Result<Tensor> depthwise_conv2d(EvalContext& c, const DepthwiseConv2dNativeAttributes& a, const Tensor& input, const Tensor& filter) {
  if (!is_float(input.dtype())) return dtype_error(c, input.dtype());
  if (input.rank() != 4 || filter.rank() != 4) return input_error("a convolution takes rank 4, found " + type_text(input) + " and " + type_text(filter));
  const PartialShape known_input(input.shape()), known_filter(filter.shape());
  const PartialShape shape = TRY(depthwise_conv2d_shape(a, known_input, known_filter));
  const WindowAttributes w = TRY(depthwise_windows(a));
  const Windows windows = TRY(make_windows(w, known_input, std::span(known_filter.dims()).first(2)));
  MutableTensor y = TRY(c.allocate(input.dtype(), shape.dims()));
  if (y.elements() == 0) return std::move(y).finish();
  const ImageStrides from = image_strides(w.format, input.shape()), to = image_strides(w.format, y.shape());
  const int64_t channels = filter.shape()[2], multiplier = filter.shape()[3];
  const std::vector<double> weights = load_all<double>(filter);
  std::vector<double> run(static_cast<size_t>(channels)), sums(static_cast<size_t>(channels * multiplier));
  for (Odometer at({input.shape()[0], windows[1].output, windows[2].output}, {{to.batch, to.spatial[1], to.spatial[2]}}); !at.done(); at.next()) {
    std::fill(sums.begin(), sums.end(), 0);
    for_inner_taps(windows[1], windows[2], at.index()[1], at.index()[2], [&](int64_t row, int64_t column, int64_t tap) {
      const int64_t offset = at.index()[0] * from.batch + row * from.spatial[1] + column * from.spatial[2];
      load_channels(input, offset, from.channel, std::span(run));
      const double* weight = weights.data() + tap * channels * multiplier;
      for (int64_t i = 0; i < channels; ++i) {
        for (int64_t m = 0; m < multiplier; ++m) sums[static_cast<size_t>(i * multiplier + m)] += run[static_cast<size_t>(i)] * weight[i * multiplier + m];
      }
    });
    store_channels(y, at.offset(0), to.channel, std::span<const double>(sums));
  }
  return std::move(y).finish();
}

namespace {

Result<void> infer_depthwise(InferContext& c) {
  const PartialShape input = TRY(shape_of_rank(c, 0, 4)), filter = TRY(shape_of_rank(c, 1, 4));
  c.set_shape(0, TRY(depthwise_conv2d_shape(c.as<DepthwiseConv2dNativeAttributes>(), input, filter)));
  return {};
}
Result<Outputs> reference_depthwise(EvalContext& c, Inputs inputs) {
  const Tensor& input = *TRY(tensor_input(c, inputs, 0));
  const Tensor& filter = *TRY(tensor_input(c, inputs, 1));
  return one(TRY(depthwise_conv2d(c, c.as<DepthwiseConv2dNativeAttributes>(), input, filter)));
}

// --- Dilation2D

Result<Windows> dilation_windows(const Dilation2DAttributes& a, const PartialShape& input, const PartialShape& filter) {
  if (a.padding == "EXPLICIT") return input_error("Dilation2D knows the paddings VALID and SAME, found EXPLICIT");
  TRY(same_dim(input[3], filter[2], "the channels of the input and of the filter"));
  if (a.rates.empty()) return input_error("rates must have 4 entries, found none");
  const WindowAttributes w = {.format = {false, 2}, .strides = a.strides, .dilations = a.rates, .padding = a.padding};
  return make_windows(w, input, std::span(filter.dims()).first(2));
}

Result<void> infer_dilation(InferContext& c) {
  const PartialShape input = TRY(shape_of_rank(c, 0, 4)), filter = TRY(shape_of_rank(c, 1, 3));
  const Windows windows = TRY(dilation_windows(c.as<Dilation2DAttributes>(), input, filter));
  c.set_shape(0, image_shape({false, 2}, input[0], windows, TRY(same_dim(input[3], filter[2], "the channels"))));
  return {};
}

// `add` gives a sum in the input's dtype, `less` orders them.
template <class T, class Add, class Less>
void dilate(const Windows& windows, const Tensor& input, const std::vector<T>& weights, T lowest, MutableTensor& y, Add add, Less less) {
  const int64_t channels = input.shape()[3];
  const ImageStrides from = image_strides({false, 2}, input.shape()), to = image_strides({false, 2}, y.shape());
  std::vector<T> run(static_cast<size_t>(channels)), best(run.size());
  for (Odometer at({input.shape()[0], windows[1].output, windows[2].output}, {{to.batch, to.spatial[1], to.spatial[2]}}); !at.done(); at.next()) {
    std::fill(best.begin(), best.end(), lowest);
    for_inner_taps(windows[1], windows[2], at.index()[1], at.index()[2], [&](int64_t row, int64_t column, int64_t tap) {
      load(input, at.index()[0] * from.batch + row * from.spatial[1] + column * from.spatial[2], std::span<T>(run));
      for (size_t i = 0; i < run.size(); ++i) best[i] = std::max(best[i], add(run[i], weights[static_cast<size_t>(tap * channels) + i]), less);
    });
    store(y, at.offset(0), std::span<const T>(best));
  }
}
Result<Outputs> reference_dilation(EvalContext& c, Inputs inputs) {
  const Tensor& input = *TRY(tensor_input(c, inputs, 0));
  const Tensor& filter = *TRY(tensor_input(c, inputs, 1));
  if (input.rank() != 4 || filter.rank() != 3) return input_error("Dilation2D takes rank 4 and 3, found " + type_text(input) + " and " + type_text(filter));
  const PartialShape known_input(input.shape()), known_filter(filter.shape());
  const Windows windows = TRY(dilation_windows(c.as<Dilation2DAttributes>(), known_input, known_filter));
  MutableTensor y = TRY(c.allocate(input.dtype(), image_shape({false, 2}, input.shape()[0], windows, input.shape()[3]).dims()));
  if (y.elements() == 0) return one(std::move(y));
  if (is_float(input.dtype())) {
    dilate<double>(windows, input, load_all<double>(filter), -std::numeric_limits<double>::infinity(), y, std::plus<double>(), std::less<double>());
  } else if (input.dtype() == DType::kUint64) {
    const auto less = [](int64_t a, int64_t b) { return static_cast<uint64_t>(a) < static_cast<uint64_t>(b); };
    dilate<int64_t>(windows, input, load_all<int64_t>(filter), 0, y, wrapping_add, less);
  } else if (is_integer(input.dtype())) {
    const int unused = 64 - 8 * static_cast<int>(element_size(input.dtype()));  // bits of an int64 above those of an element
    const bool is_signed = is_signed_integer(input.dtype());
    const auto add = [&](int64_t a, int64_t b) {
      const uint64_t sum = static_cast<uint64_t>(wrapping_add(a, b)) << unused;
      return is_signed ? static_cast<int64_t>(sum) >> unused : static_cast<int64_t>(sum >> unused);
    };
    dilate<int64_t>(windows, input, load_all<int64_t>(filter), INT64_MIN, y, add, std::less<int64_t>());
  } else {
    return dtype_error(c, input.dtype());
  }
  return one(std::move(y));
}

}  // namespace

constinit const OpDef kOp_DepthwiseConv2dNative = {
    .name = "DepthwiseConv2dNative",
    .signature = "input: T, filter: T -> output: T",
    .make_attributes = &make_attributes<DepthwiseConv2dNativeAttributes>,
    .infer = infer_depthwise,
    .reference = reference_depthwise,
    .doc =
        "2-D convolution of each channel by itself with the filters [height, width, channels, multiplier]; channel c gives the outputs c * multiplier and on.",
};
constinit const OpDef kOp_Dilation2D = {
    .name = "Dilation2D",
    .signature = "input: T, filter: T -> output: T",
    .make_attributes = &make_attributes<Dilation2DAttributes>,
    .infer = infer_dilation,
    .reference = reference_dilation,
    .doc = "Morphological dilation: the largest sum of input and filter under a window, for each channel by itself.",
};

// --- gradients of the depthwise convolution

namespace {

// f(offset of the input's channels, offset of the output's channels, tap) for all that meet in a convolution.
template <class F>
void for_meetings(const DataFormat& format, const Windows& windows, const Shape& input, const Shape& output, F&& f) {
  const ImageStrides from = image_strides(format, input), to = image_strides(format, output);
  for (Odometer at({input[0], windows[1].output, windows[2].output}, {{to.batch, to.spatial[1], to.spatial[2]}}); !at.done(); at.next()) {
    for_inner_taps(windows[1], windows[2], at.index()[1], at.index()[2], [&](int64_t row, int64_t column, int64_t tap) {
      f(at.index()[0] * from.batch + row * from.spatial[1] + column * from.spatial[2], at.offset(0), tap);
    });
  }
}

struct DepthwiseGradient {
  WindowAttributes attributes;
  Windows windows;
  int64_t channels, multiplier;
};

// The convolution that an input and a filter of these shapes have, whose result must have the shape of `gradient`.
Result<DepthwiseGradient> depthwise_gradient(EvalContext& c, const Shape& input, const Shape& filter, const Tensor& gradient) {
  const auto& a = c.as<DepthwiseConv2dNativeAttributes>();
  if (!is_float(gradient.dtype())) return dtype_error(c, gradient.dtype());
  if (input.size() != 4 || filter.size() != 4) return input_error("a convolution takes rank 4, found " + to_string(input) + " and " + to_string(filter));
  const PartialShape known_input(input), known_filter(filter);
  const PartialShape expected = TRY(depthwise_conv2d_shape(a, known_input, known_filter));
  if (gradient.shape() != expected.dims()) return input_error("out_backprop must have shape " + to_string(expected) + ", found " + type_text(gradient));
  const WindowAttributes w = TRY(depthwise_windows(a));
  const Windows windows = TRY(make_windows(w, known_input, std::span(known_filter.dims()).first(2)));
  return DepthwiseGradient{w, windows, filter[2], filter[3]};
}

Result<void> infer_sizes_at(InferContext& c, int64_t i, std::string_view what) {
  PartialShape shape = PartialShape::of_rank(4);
  if (const Tensor* sizes = c.constant(i)) shape = TRY(merge(shape, PartialShape(TRY(shape_value(*sizes, what)))));
  c.set_shape(0, std::move(shape));
  return {};
}

Result<void> infer_depthwise_input(InferContext& c) {
  TRY(shape_of_rank(c, 1, 4));
  TRY(shape_of_rank(c, 2, 4));
  return infer_sizes_at(c, 0, "input_sizes");
}
Result<void> infer_depthwise_filter(InferContext& c) {
  TRY(shape_of_rank(c, 0, 4));
  TRY(shape_of_rank(c, 2, 4));
  return infer_sizes_at(c, 1, "filter_sizes");
}

Result<Outputs> reference_depthwise_input(EvalContext& c, Inputs inputs) {
  const Shape shape = TRY(shape_value(*TRY(tensor_input(c, inputs, 0)), "input_sizes"));
  const Tensor &filter = *TRY(tensor_input(c, inputs, 1)), &gradient = *TRY(tensor_input(c, inputs, 2));
  const DepthwiseGradient g = TRY(depthwise_gradient(c, shape, filter.shape(), gradient));
  MutableTensor y = TRY(c.allocate(gradient.dtype(), shape));
  if (y.elements() == 0) return one(std::move(y));
  const int64_t step = image_strides(g.attributes.format, shape).channel, gradient_step = image_strides(g.attributes.format, gradient.shape()).channel;
  const std::vector<double> weights = load_all<double>(filter);
  std::vector<double> sums(static_cast<size_t>(y.elements())), errors(static_cast<size_t>(g.channels * g.multiplier));
  for_meetings(g.attributes.format, g.windows, shape, gradient.shape(), [&](int64_t from, int64_t to, int64_t tap) {
    load_channels(gradient, to, gradient_step, std::span(errors));
    const double* weight = weights.data() + tap * static_cast<int64_t>(errors.size());
    for (size_t i = 0; i < errors.size(); ++i) sums[static_cast<size_t>(from + static_cast<int64_t>(i) / g.multiplier * step)] += errors[i] * weight[i];
  });
  store_doubles(y, 0, sums);
  return one(std::move(y));
}

Result<Outputs> reference_depthwise_filter(EvalContext& c, Inputs inputs) {
  const Tensor &input = *TRY(tensor_input(c, inputs, 0)), &gradient = *TRY(tensor_input(c, inputs, 2));
  const Shape shape = TRY(shape_value(*TRY(tensor_input(c, inputs, 1)), "filter_sizes"));
  const DepthwiseGradient g = TRY(depthwise_gradient(c, input.shape(), shape, gradient));
  MutableTensor y = TRY(c.allocate(gradient.dtype(), shape));
  if (y.elements() == 0) return one(std::move(y));
  const int64_t step = image_strides(g.attributes.format, input.shape()).channel, gradient_step = image_strides(g.attributes.format, gradient.shape()).channel;
  std::vector<double> sums(static_cast<size_t>(y.elements())), errors(static_cast<size_t>(g.channels * g.multiplier)), run(static_cast<size_t>(g.channels));
  for_meetings(g.attributes.format, g.windows, input.shape(), gradient.shape(), [&](int64_t from, int64_t to, int64_t tap) {
    load_channels(gradient, to, gradient_step, std::span(errors));
    load_channels(input, from, step, std::span(run));
    double* sum = sums.data() + tap * static_cast<int64_t>(errors.size());
    for (size_t i = 0; i < errors.size(); ++i) sum[i] += errors[i] * run[i / static_cast<size_t>(g.multiplier)];
  });
  store_doubles(y, 0, sums);
  return one(std::move(y));
}

}  // namespace

constinit const OpDef kOp_DepthwiseConv2dNativeBackpropInput = {
    .name = "DepthwiseConv2dNativeBackpropInput",
    .signature = "input_sizes: int32, filter: T, out_backprop: T -> output: T",
    .make_attributes = &make_attributes<DepthwiseConv2dNativeAttributes>,
    .infer = infer_depthwise_input,
    .reference = reference_depthwise_input,
    .doc = "The gradient of DepthwiseConv2dNative with respect to an input of shape input_sizes.",
};
constinit const OpDef kOp_DepthwiseConv2dNativeBackpropFilter = {
    .name = "DepthwiseConv2dNativeBackpropFilter",
    .signature = "input: T, filter_sizes: int32, out_backprop: T -> output: T",
    .make_attributes = &make_attributes<DepthwiseConv2dNativeAttributes>,
    .infer = infer_depthwise_filter,
    .reference = reference_depthwise_filter,
    .doc = "The gradient of DepthwiseConv2dNative with respect to a filter of shape filter_sizes.",
};

}  // namespace isomer::ops
