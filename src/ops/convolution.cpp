// Conv2D, Conv3D, the transposed convolutions Conv2DBackpropInput and Conv3DBackpropInputV2, and the gradients of filters.
//
// A convolution is a product of matrices. The left one has a row for each position of the output and a column for each tap (filter position and input
// channel); it is never stored, its panels are gathered from the input when the product wants them. The right one is the filter as it lies in memory. The
// transposed convolution multiplies the other way: the product has a column for each tap, and its elements are added up where the taps lie in the result.
// Groups are products of their own. Two spatial dimensions are three with a first one of size 1.
#include "ops/convolution.h"

#include "ops/gemm.h"
#include "ops/kernel.h"
#include "ops/partial_value.h"
#include "ops/window.h"

namespace isomer::ops {

using namespace ir;

namespace {

// A convolution with all sizes known. "Input" is the side of the input also in the transposed direction.
struct Geometry {
  Windows windows;
  int64_t batch, channels, group_channels, outputs, groups;
  ImageStrides input, output;

  int64_t positions() const { return windows[0].output * windows[1].output * windows[2].output; }
  int64_t taps() const { return windows[0].filter * windows[1].filter * windows[2].filter * group_channels; }
  int64_t group_outputs() const { return outputs / groups; }

  std::array<int64_t, 3> position(int64_t index) const {
    return {index / (windows[2].output * windows[1].output), index / windows[2].output % windows[1].output, index % windows[2].output};
  }
  int64_t output_offset(int64_t image, int64_t index) const {
    const auto at = position(index);
    return image * output.batch + at[0] * output.spatial[0] + at[1] * output.spatial[1] + at[2] * output.spatial[2];
  }

  // f(offset in the input or -1 for padding, first column, channel count) for the runs of channels that the columns [column, column + columns) of the row
  // of a position are.
  template <class F>
  void for_taps(int64_t image, int64_t row, int64_t group, int64_t column, int64_t columns, F&& f) const {
    const auto at = position(row);
    for (int64_t done = 0; done < columns;) {
      const int64_t tap = (column + done) / group_channels, channel = (column + done) % group_channels;
      const int64_t count = std::min(group_channels - channel, columns - done);
      const std::array<int64_t, 3> k = {tap / (windows[2].filter * windows[1].filter), tap / windows[2].filter % windows[1].filter, tap % windows[2].filter};
      int64_t offset = image * input.batch + (group * group_channels + channel) * input.channel;
      for (size_t d = 0; d < 3 && offset >= 0; ++d) {
        const int64_t x = windows[d].first(at[d]) + k[d] * windows[d].dilation;
        offset = x < 0 || x >= windows[d].input ? -1 : offset + x * input.spatial[d];
      }
      f(offset, done, count);
      done += count;
    }
  }
};

template <class T>
void convolve(const Geometry& g, const Tensor& input, const Tensor& filter, MutableTensor& y) {
  for (int64_t image = 0; image < g.batch; ++image) {
    for (int64_t group = 0; group < g.groups; ++group) {
      const int64_t first = group * g.group_outputs();
      const auto read_input = [&](int64_t row, int64_t rows, int64_t column, int64_t columns, T* out) {
        for (int64_t r = 0; r < rows; ++r, out += columns) {
          g.for_taps(image, row + r, group, column, columns, [&](int64_t offset, int64_t at, int64_t count) {
            const std::span<T> run(out + at, static_cast<size_t>(count));
            if (offset < 0) {
              std::fill(run.begin(), run.end(), T{});
            } else {
              load_channels(input, offset, g.input.channel, run);
            }
          });
        }
      };
      const auto read_filter = [&](int64_t row, int64_t rows, int64_t column, int64_t columns, T* out) {
        for (int64_t r = 0; r < rows; ++r) load(filter, (row + r) * g.outputs + first + column, std::span<T>(out + r * columns, static_cast<size_t>(columns)));
      };
      gemm<T>(g.positions(), g.group_outputs(), g.taps(), read_input, read_filter, [&](int64_t row, int64_t column, std::span<const T> values) {
        store_channels(y, g.output_offset(image, row) + (first + column) * g.output.channel, g.output.channel, values);
      });
    }
  }
}

// `gradient` has the shape of the convolution's output, the result that of its input.
template <class T>
void convolve_transposed(const Geometry& g, const Tensor& gradient, const Tensor& filter, MutableTensor& y) {
  std::vector<T> sums(static_cast<size_t>(y.elements() / g.batch));
  for (int64_t image = 0; image < g.batch; ++image) {
    std::fill(sums.begin(), sums.end(), T{});
    for (int64_t group = 0; group < g.groups; ++group) {
      const int64_t first = group * g.group_outputs();
      const auto read_gradient = [&](int64_t row, int64_t rows, int64_t column, int64_t columns, T* out) {
        for (int64_t r = 0; r < rows; ++r) {
          load_channels(gradient, g.output_offset(image, row + r) + (first + column) * g.output.channel, g.output.channel,
                        std::span<T>(out + r * columns, static_cast<size_t>(columns)));
        }
      };
      const auto read_filter = [&](int64_t row, int64_t rows, int64_t column, int64_t columns, T* out) {
        std::vector<T> line(static_cast<size_t>(rows));  // the outputs of one tap
        for (int64_t j = 0; j < columns; ++j) {
          load(filter, (column + j) * g.outputs + first + row, std::span<T>(line));
          for (int64_t r = 0; r < rows; ++r) out[r * columns + j] = line[static_cast<size_t>(r)];
        }
      };
      gemm<T>(g.positions(), g.taps(), g.group_outputs(), read_gradient, read_filter, [&](int64_t row, int64_t column, std::span<const T> values) {
        g.for_taps(0, row, group, column, static_cast<int64_t>(values.size()), [&](int64_t offset, int64_t at, int64_t count) {
          if (offset < 0) return;
          for (int64_t i = 0; i < count; ++i) {
            T& sum = sums[static_cast<size_t>(offset + i * g.input.channel)];
            if constexpr (std::is_same_v<T, int64_t>) {
              sum = wrapping_add(sum, values[static_cast<size_t>(at + i)]);
            } else {
              sum += values[static_cast<size_t>(at + i)];
            }
          }
        });
      });
    }
    store(y, image * static_cast<int64_t>(sums.size()), std::span<const T>(sums));
  }
}

// --- sizes

template <class Struct>
Result<WindowAttributes> window_attributes(const Struct& a, int64_t spatial) {
  WindowAttributes w = {.format = TRY(parse_data_format(a.data_format, spatial)), .strides = a.strides, .dilations = a.dilations, .padding = a.padding};
  if constexpr (requires { a.explicit_paddings; }) {
    w.explicit_paddings = a.explicit_paddings;
  } else if (a.padding == "EXPLICIT") {
    return input_error("3-D convolutions know the paddings VALID and SAME, found EXPLICIT");
  }
  return w;
}

std::span<const int64_t> spatial_sizes(const PartialShape& filter) { return std::span(filter.dims()).first(filter.dims().size() - 2); }

// The number of groups, or nullopt when a size is unknown.
Result<std::optional<int64_t>> group_count(const DataFormat& format, const PartialShape& input, const PartialShape& filter) {
  const int64_t channels = input[format.channel_axis()], group_channels = filter[format.spatial], outputs = filter[format.spatial + 1];
  if (channels == kUnknownDim || group_channels == kUnknownDim || outputs == kUnknownDim) return std::nullopt;
  if (group_channels == 0 || channels % group_channels != 0 || channels == 0 || outputs % (channels / group_channels) != 0) {
    return input_error("an input of " + std::to_string(channels) + " channels does not fit a filter of shape " + to_string(filter));
  }
  return channels / group_channels;
}

template <class Struct>
Result<PartialShape> conv_shape(const Struct& a, int64_t spatial, const PartialShape& input, const PartialShape& filter) {
  const WindowAttributes w = TRY(window_attributes(a, spatial));
  const Windows windows = TRY(make_windows(w, input, spatial_sizes(filter)));
  TRY(group_count(w.format, input, filter));
  return image_shape(w.format, input[0], windows, filter[spatial + 1]);
}

// `input` is the shape on the side of the convolution's input.
template <class Struct>
Result<Geometry> make_geometry(const Struct& a, int64_t spatial, const Shape& input, const Shape& filter) {
  if (static_cast<int64_t>(input.size()) != spatial + 2 || static_cast<int64_t>(filter.size()) != spatial + 2) {
    return input_error("a convolution takes an input and a filter of rank " + std::to_string(spatial + 2) + ", found " + to_string(input) + " and " +
                       to_string(filter));
  }
  const WindowAttributes w = TRY(window_attributes(a, spatial));
  const PartialShape known_input(input), known_filter(filter);
  Geometry g = {};
  g.windows = TRY(make_windows(w, known_input, spatial_sizes(known_filter)));
  g.groups = TRY(group_count(w.format, known_input, known_filter)).value_or(1);
  g.batch = input[0];
  g.channels = input[static_cast<size_t>(w.format.channel_axis())];
  g.group_channels = filter[static_cast<size_t>(spatial)];
  g.outputs = filter[static_cast<size_t>(spatial) + 1];
  g.input = image_strides(w.format, input);
  g.output = image_strides(w.format, image_shape(w.format, g.batch, g.windows, g.outputs).dims());
  return g;
}

template <class Struct>
Result<Tensor> run_convolution(EvalContext& c, const Struct& a, int64_t spatial, const Tensor& input, const Tensor& filter) {
  const Geometry g = TRY(make_geometry(a, spatial, input.shape(), filter.shape()));
  const DataFormat format = TRY(parse_data_format(a.data_format, spatial));
  MutableTensor y = TRY(c.allocate(input.dtype(), image_shape(format, g.batch, g.windows, g.outputs).dims()));
  if (y.elements() == 0) return std::move(y).finish();
  if (is_float(input.dtype())) {
    convolve<double>(g, input, filter, y);
  } else if (is_integer(input.dtype())) {
    convolve<int64_t>(g, input, filter, y);
  } else {
    return dtype_error(c, input.dtype());
  }
  return std::move(y).finish();
}

template <class Struct, int64_t spatial>
Result<void> infer_conv(InferContext& c) {
  const PartialShape input = TRY(shape_of_rank(c, 0, spatial + 2)), filter = TRY(shape_of_rank(c, 1, spatial + 2));
  c.set_shape(0, TRY(conv_shape(c.as<Struct>(), spatial, input, filter)));
  return {};
}
template <class Struct, int64_t spatial>
Result<Outputs> reference_conv(EvalContext& c, Inputs inputs) {
  const Tensor& input = *TRY(tensor_input(c, inputs, 0));
  const Tensor& filter = *TRY(tensor_input(c, inputs, 1));
  return one(TRY(run_convolution(c, c.as<Struct>(), spatial, input, filter)));
}

// --- transposed

// input_sizes holds all dimensions of the result, or only the spatial ones.
Result<Shape> transposed_shape(const std::vector<int64_t>& sizes, const DataFormat& format, int64_t batch, int64_t channels) {
  if (static_cast<int64_t>(sizes.size()) == format.rank()) return sizes;
  if (static_cast<int64_t>(sizes.size()) != format.spatial) {
    return input_error("input_sizes must have " + std::to_string(format.rank()) + " or " + std::to_string(format.spatial) + " entries, found " +
                       std::to_string(sizes.size()));
  }
  Shape shape(static_cast<size_t>(format.rank()));
  shape[0] = batch;
  shape[static_cast<size_t>(format.channel_axis())] = channels;
  for (int64_t i = 0; i < format.spatial; ++i) shape[static_cast<size_t>(format.spatial_axis(i))] = sizes[static_cast<size_t>(i)];
  return shape;
}

template <class Struct, int64_t spatial>
Result<void> infer_transposed(InferContext& c) {
  const DataFormat format = TRY(parse_data_format(c.as<Struct>().data_format, spatial));
  const PartialShape filter = TRY(shape_of_rank(c, 1, spatial + 2)), gradient = TRY(shape_of_rank(c, 2, spatial + 2));
  if (const Tensor* sizes = c.constant(0)) {
    const std::vector<int64_t> wanted = TRY(int_vector(*sizes, "input_sizes"));
    c.set_shape(0, PartialShape(TRY(transposed_shape(wanted, format, gradient[0], filter[spatial]))));
    return {};
  }
  PartialShape shape = PartialShape::of_rank(format.rank());
  const PartialShape known = TRY(shape_from_input(c, 0));
  if (known.has_rank() && known.rank() == format.rank()) shape = known;
  if (shape[0] == kUnknownDim) shape[0] = gradient[0];
  c.set_shape(0, std::move(shape));
  return {};
}

template <class Struct, int64_t spatial>
Result<Outputs> reference_transposed(EvalContext& c, Inputs inputs) {
  const Tensor& sizes = *TRY(tensor_input(c, inputs, 0));
  const Tensor& filter = *TRY(tensor_input(c, inputs, 1));
  const Tensor& gradient = *TRY(tensor_input(c, inputs, 2));
  const auto& a = c.as<Struct>();
  const DataFormat format = TRY(parse_data_format(a.data_format, spatial));
  if (gradient.rank() != spatial + 2 || filter.rank() != spatial + 2)
    return input_error("out_backprop and filter must have rank " + std::to_string(spatial + 2));
  const std::vector<int64_t> wanted = TRY(int_vector(sizes, "input_sizes"));
  const Shape shape = TRY(transposed_shape(wanted, format, gradient.shape()[0], filter.shape()[spatial]));
  if (!element_count(shape)) return input_error("input_sizes is no shape: " + to_string(shape));
  const Geometry g = TRY(make_geometry(a, spatial, shape, filter.shape()));
  const Shape expected = image_shape(format, g.batch, g.windows, g.outputs).dims();
  if (gradient.shape() != expected) {
    return input_error("out_backprop must have shape " + to_string(expected) + " for input_sizes " + to_string(shape) + ", found " + type_text(gradient));
  }
  MutableTensor y = TRY(c.allocate(gradient.dtype(), shape));
  if (y.elements() == 0) return one(std::move(y));
  if (is_float(gradient.dtype())) {
    convolve_transposed<double>(g, gradient, filter, y);
  } else if (is_integer(gradient.dtype())) {
    convolve_transposed<int64_t>(g, gradient, filter, y);
  } else {
    return dtype_error(c, gradient.dtype());
  }
  return one(std::move(y));
}

// --- the gradient of a filter

template <class Struct, int64_t spatial>
Result<void> infer_filter_gradient(InferContext& c) {
  const PartialShape input = TRY(shape_of_rank(c, 0, spatial + 2)), gradient = TRY(shape_of_rank(c, 2, spatial + 2));
  TRY(same_dim(input[0], gradient[0], "the batches of input and out_backprop"));
  PartialShape shape = PartialShape::of_rank(spatial + 2);
  if (const Tensor* sizes = c.constant(1)) shape = TRY(merge(shape, PartialShape(TRY(shape_value(*sizes, "filter_sizes")))));
  c.set_shape(0, std::move(shape));
  return {};
}

// Each tap sums input * gradient over all positions of all images.
template <class Struct, int64_t spatial>
Result<Outputs> reference_filter_gradient(EvalContext& c, Inputs inputs) {
  const Tensor &input = *TRY(tensor_input(c, inputs, 0)), &gradient = *TRY(tensor_input(c, inputs, 2));
  const Shape shape = TRY(shape_value(*TRY(tensor_input(c, inputs, 1)), "filter_sizes"));
  if (!is_float(input.dtype())) return dtype_error(c, input.dtype());
  const auto& a = c.as<Struct>();
  const Geometry g = TRY(make_geometry(a, spatial, input.shape(), shape));
  const Shape expected = image_shape(TRY(parse_data_format(a.data_format, spatial)), g.batch, g.windows, g.outputs).dims();
  if (gradient.shape() != expected) return input_error("out_backprop must have shape " + to_string(expected) + ", found " + type_text(gradient));
  MutableTensor y = TRY(c.allocate(input.dtype(), shape));
  if (y.elements() == 0) return one(std::move(y));
  std::vector<double> sums(static_cast<size_t>(y.elements())), run(static_cast<size_t>(g.group_channels)), errors(static_cast<size_t>(g.group_outputs()));
  for (int64_t image = 0; image < g.batch; ++image) {
    for (int64_t group = 0; group < g.groups; ++group) {
      const int64_t first = group * g.group_outputs();
      for (int64_t row = 0; row < g.positions(); ++row) {
        load_channels(gradient, g.output_offset(image, row) + first * g.output.channel, g.output.channel, std::span(errors));
        g.for_taps(image, row, group, 0, g.taps(), [&](int64_t offset, int64_t tap, int64_t count) {
          if (offset < 0) return;
          load_channels(input, offset, g.input.channel, std::span(run).first(static_cast<size_t>(count)));
          for (int64_t i = 0; i < count; ++i) {
            double* to = sums.data() + (tap + i) * g.outputs + first;
            for (size_t o = 0; o < errors.size(); ++o) to[o] += run[static_cast<size_t>(i)] * errors[o];
          }
        });
      }
    }
  }
  store_doubles(y, 0, sums);
  return one(std::move(y));
}

}  // namespace

Result<PartialShape> conv2d_shape(const Conv2DAttributes& a, const PartialShape& input, const PartialShape& filter) { return conv_shape(a, 2, input, filter); }
Result<Tensor> conv2d(EvalContext& c, const Conv2DAttributes& a, const Tensor& input, const Tensor& filter) { return run_convolution(c, a, 2, input, filter); }

constinit const OpDef kOp_Conv2D = {
    .name = "Conv2D",
    .signature = "input: T, filter: T -> output: T",
    .make_attributes = &make_attributes<Conv2DAttributes>,
    .infer = infer_conv<Conv2DAttributes, 2>,
    .reference = reference_conv<Conv2DAttributes, 2>,
    .doc = "2-D convolution of images with a filter [height, width, channels / groups, outputs]. The filter's channels tell the number of groups.",
};
constinit const OpDef kOp_Conv2DBackpropInput = {
    .name = "Conv2DBackpropInput",
    .signature = "input_sizes: int32, filter: T, out_backprop: T -> output: T",
    .make_attributes = &make_attributes<Conv2DAttributes>,
    .infer = infer_transposed<Conv2DAttributes, 2>,
    .reference = reference_transposed<Conv2DAttributes, 2>,
    .doc = "2-D transposed convolution: the gradient of Conv2D with respect to an input of shape input_sizes.",
};
constinit const OpDef kOp_Conv3D = {
    .name = "Conv3D",
    .signature = "input: T, filter: T -> output: T",
    .make_attributes = &make_attributes<Conv3DAttributes>,
    .infer = infer_conv<Conv3DAttributes, 3>,
    .reference = reference_conv<Conv3DAttributes, 3>,
    .doc = "3-D convolution of volumes with a filter [depth, height, width, channels / groups, outputs].",
};
constinit const OpDef kOp_Conv3DBackpropInputV2 = {
    .name = "Conv3DBackpropInputV2",
    .signature = "input_sizes: Tshape, filter: T, out_backprop: T -> output: T",
    .make_attributes = &make_attributes<Conv3DAttributes>,
    .infer = infer_transposed<Conv3DAttributes, 3>,
    .reference = reference_transposed<Conv3DAttributes, 3>,
    .doc = "3-D transposed convolution: the gradient of Conv3D with respect to an input of shape input_sizes.",
};

constinit const OpDef kOp_Conv2DBackpropFilter = {
    .name = "Conv2DBackpropFilter",
    .signature = "input: T, filter_sizes: int32, out_backprop: T -> output: T",
    .make_attributes = &make_attributes<Conv2DAttributes>,
    .infer = infer_filter_gradient<Conv2DAttributes, 2>,
    .reference = reference_filter_gradient<Conv2DAttributes, 2>,
    .doc = "The gradient of Conv2D with respect to a filter of shape filter_sizes.",
};
constinit const OpDef kOp_Conv3DBackpropFilterV2 = {
    .name = "Conv3DBackpropFilterV2",
    .signature = "input: T, filter_sizes: int32, out_backprop: T -> output: T",
    .make_attributes = &make_attributes<Conv3DAttributes>,
    .infer = infer_filter_gradient<Conv3DAttributes, 3>,
    .reference = reference_filter_gradient<Conv3DAttributes, 3>,
    .doc = "The gradient of Conv3D with respect to a filter of shape filter_sizes.",
};

}  // namespace isomer::ops
