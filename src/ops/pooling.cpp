// MaxPool, AvgPool, their 3-D forms and gradients, and MaxPoolWithArgmax. Padding never counts: it is neither a maximum nor a part of a mean. Two spatial
// dimensions are three with a first one of size 1.
#include "ops/pooling.h"

#include <cmath>
#include <functional>
#include <limits>
#include <optional>

#include "ops/kernel.h"
#include "ops/partial_value.h"
#include "ops/window.h"

namespace isomer::ops {
namespace {

using namespace ir;

struct Pool {
  DataFormat format;
  Windows windows;
};

template <class Struct>
Result<Pool> make_pool(const Struct& a, int64_t spatial, const PartialShape& input) {
  Pool pool = {.format = {false, spatial}, .windows = {}};
  if constexpr (requires { a.data_format; }) pool.format = TRY(parse_data_format(a.data_format, spatial));
  WindowAttributes w = {.format = pool.format, .strides = a.strides, .padding = a.padding};
  if constexpr (requires { a.explicit_paddings; }) {
    w.explicit_paddings = a.explicit_paddings;
  } else if (a.padding == "EXPLICIT") {
    return input_error("this pool knows the paddings VALID and SAME, found EXPLICIT");
  }
  if (static_cast<int64_t>(a.ksize.size()) != pool.format.rank()) {
    return input_error("ksize must have " + std::to_string(pool.format.rank()) + " entries, found " + std::to_string(a.ksize.size()));
  }
  if (a.ksize[0] != 1 || a.ksize[static_cast<size_t>(pool.format.channel_axis())] != 1) {
    return fail(ErrorCode::kUnsupported, "pools over the batch or over channels are not supported; ksize is " + to_string(Shape(a.ksize)));
  }
  std::vector<int64_t> sizes;
  for (int64_t i = 0; i < spatial; ++i) sizes.push_back(a.ksize[static_cast<size_t>(pool.format.spatial_axis(i))]);
  pool.windows = TRY(make_windows(w, input, sizes));
  return pool;
}

template <class Struct, int64_t spatial>
Result<void> infer_pool(InferContext& c) {
  const PartialShape input = TRY(shape_of_rank(c, 0, spatial + 2));
  const Pool pool = TRY(make_pool(c.as<Struct>(), spatial, input));
  for (int64_t i = 0; i < c.output_count(); ++i) c.set_shape(i, image_shape(pool.format, input[0], pool.windows, input[pool.format.channel_axis()]));
  return {};
}

// Calls begin(), tap(offset of the first channel) for each input position under the window, and end(output offset) for each position of the output.
template <class Begin, class Tap, class End>
void slide(const Pool& pool, const Shape& input, const Shape& output, Begin begin, Tap tap, End end) {
  const ImageStrides from = image_strides(pool.format, input), to = image_strides(pool.format, output);
  const auto& [depth, height, width] = pool.windows;
  // The input positions [first, second) under a window.
  const auto range = [](const Window& w, int64_t position) {
    const int64_t first = w.first(position);
    return std::pair(std::max<int64_t>(first, 0), std::min(first + w.filter, w.input));
  };
  for (Odometer at({input[0], depth.output, height.output, width.output}, {{to.batch, to.spatial[0], to.spatial[1], to.spatial[2]}}); !at.done(); at.next()) {
    begin();
    const auto planes = range(depth, at.index()[1]), rows = range(height, at.index()[2]), columns = range(width, at.index()[3]);
    for (int64_t z = planes.first; z < planes.second; ++z) {
      for (int64_t y = rows.first; y < rows.second; ++y) {
        for (int64_t x = columns.first; x < columns.second; ++x) {
          tap(at.index()[0] * from.batch + z * from.spatial[0] + y * from.spatial[1] + x * from.spatial[2]);
        }
      }
    }
    end(at.offset(0));
  }
}

bool float_beats(double candidate, double best) {
  if (std::isnan(best)) return false;
  return std::isnan(candidate) || candidate > best;
}

// The largest elements and, where `index` is given, where they are: the offset in the input, less that of the image unless `in_batch`.
template <class T, class Beats>
void max_pool(const Pool& pool, const Tensor& x, MutableTensor& y, T lowest, Beats beats, MutableTensor* index, bool in_batch) {
  const int64_t channels = x.shape()[static_cast<size_t>(pool.format.channel_axis())];
  const int64_t from_step = image_strides(pool.format, x.shape()).channel, to_step = image_strides(pool.format, y.shape()).channel;
  const int64_t image = x.elements() / x.shape()[0];
  std::vector<T> run(static_cast<size_t>(channels)), best(run.size());
  std::vector<int64_t> where(run.size());
  slide(
      pool, x.shape(), y.shape(),
      [&] {
        std::fill(best.begin(), best.end(), lowest);
        std::fill(where.begin(), where.end(), 0);
      },
      [&](int64_t offset) {
        load_channels(x, offset, from_step, std::span<T>(run));
        for (size_t i = 0; i < run.size(); ++i) {
          if (!beats(run[i], best[i])) continue;
          best[i] = run[i];
          where[i] = offset + static_cast<int64_t>(i);
        }
      },
      [&](int64_t offset) {
        store_channels(y, offset, to_step, std::span<const T>(best));
        if (!index) return;
        for (int64_t& at : where) at = in_batch ? at : at % image;
        store(*index, offset, std::span<const int64_t>(where));
      });
}

Result<void> run_max_pool(EvalContext& c, const Pool& pool, const Tensor& x, MutableTensor& y, MutableTensor* index, bool in_batch) {
  if (is_float(x.dtype())) {
    max_pool<double>(pool, x, y, -std::numeric_limits<double>::infinity(), float_beats, index, in_batch);
  } else if (x.dtype() == DType::kUint64) {
    const auto beats = [](int64_t a, int64_t b) { return static_cast<uint64_t>(a) > static_cast<uint64_t>(b); };
    max_pool<int64_t>(pool, x, y, 0, beats, index, in_batch);
  } else if (is_integer(x.dtype())) {
    const int64_t lowest = is_signed_integer(x.dtype()) ? -(int64_t{1} << (element_size(x.dtype()) * 8 - 2)) * 2 : 0;
    max_pool<int64_t>(pool, x, y, lowest, std::greater<int64_t>(), index, in_batch);
  } else {
    return dtype_error(c, x.dtype());
  }
  return {};
}

// The input of a pool with its windows and an empty result.
struct PoolTask {
  const Tensor* x;
  Pool pool;
  MutableTensor y;
};
Result<PoolTask> make_pool_task(EvalContext& c, const auto& attributes, int64_t spatial, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  if (x.rank() != spatial + 2) return input_error("this pool takes rank " + std::to_string(spatial + 2) + ", found " + type_text(x));
  Pool pool = TRY(make_pool(attributes, spatial, PartialShape(x.shape())));
  const PartialShape shape = image_shape(pool.format, x.shape()[0], pool.windows, x.shape()[static_cast<size_t>(pool.format.channel_axis())]);
  MutableTensor y = TRY(c.allocate(x.dtype(), shape.dims()));
  return PoolTask{&x, std::move(pool), std::move(y)};
}

template <class Struct, int64_t spatial>
Result<Outputs> reference_max_pool(EvalContext& c, Inputs inputs) {
  PoolTask task = TRY(make_pool_task(c, c.as<Struct>(), spatial, inputs));
  if (task.y.elements() > 0) TRY(run_max_pool(c, task.pool, *task.x, task.y, nullptr, false));
  return one(std::move(task.y));
}

// MaxPoolV2 and MaxPoolGradV2: windows and strides are inputs, from number `first` on.
Result<MaxPoolAttributes> attributes_from_inputs(EvalContext& c, Inputs inputs, int64_t first) {
  const auto& a = c.as<MaxPoolV2Attributes>();
  auto ksize = TRY(int_vector(*TRY(tensor_input(c, inputs, first)), "ksize")), strides = TRY(int_vector(*TRY(tensor_input(c, inputs, first + 1)), "strides"));
  return MaxPoolAttributes{
      .ksize = std::move(ksize), .strides = std::move(strides), .padding = a.padding, .explicit_paddings = {}, .data_format = a.data_format};
}
Result<std::optional<MaxPoolAttributes>> attributes_from_inputs(InferContext& c, int64_t first) {
  const auto& a = c.as<MaxPoolV2Attributes>();
  for (int64_t i = first; i < first + 2; ++i) TRY(shape_of_rank(c, i, 1));
  const auto ksize = elements_from_input(c, first), strides = elements_from_input(c, first + 1);
  if (!ksize || !strides) return std::nullopt;
  return MaxPoolAttributes{.ksize = *ksize, .strides = *strides, .padding = a.padding, .explicit_paddings = {}, .data_format = a.data_format};
}

Result<void> infer_max_pool_v2(InferContext& c) {
  const PartialShape input = TRY(shape_of_rank(c, 0, 4));
  const DataFormat format = TRY(parse_data_format(c.as<MaxPoolV2Attributes>().data_format, 2));
  PartialShape result = PartialShape::of_rank(4);
  if (const auto a = TRY(attributes_from_inputs(c, 1))) {
    const Pool pool = TRY(make_pool(*a, 2, input));
    result = image_shape(pool.format, input[0], pool.windows, input[pool.format.channel_axis()]);
  } else {
    result[0] = input[0];
    result[format.channel_axis()] = input[format.channel_axis()];
  }
  c.set_shape(0, std::move(result));
  return {};
}

Result<Outputs> reference_max_pool_v2(EvalContext& c, Inputs inputs) {
  PoolTask task = TRY(make_pool_task(c, TRY(attributes_from_inputs(c, inputs, 1)), 2, inputs));
  if (task.y.elements() > 0) TRY(run_max_pool(c, task.pool, *task.x, task.y, nullptr, false));
  return one(std::move(task.y));
}

Result<Outputs> reference_max_pool_with_argmax(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<MaxPoolWithArgmaxAttributes>();
  PoolTask task = TRY(make_pool_task(c, a, 2, inputs));
  if (!is_integer(a.Targmax)) return dtype_error(c, a.Targmax);
  MutableTensor index = TRY(c.allocate(a.Targmax, task.y.shape()));
  if (task.y.elements() > 0) TRY(run_max_pool(c, task.pool, *task.x, task.y, &index, a.include_batch_in_index));
  Outputs outputs;
  outputs.emplace_back(std::move(task.y).finish());
  outputs.emplace_back(std::move(index).finish());
  return outputs;
}

template <class Struct, int64_t spatial>
Result<Outputs> reference_avg_pool(EvalContext& c, Inputs inputs) {
  PoolTask task = TRY(make_pool_task(c, c.as<Struct>(), spatial, inputs));
  const Tensor& x = *task.x;
  if (!is_float(x.dtype())) return dtype_error(c, x.dtype());
  if (task.y.elements() == 0) return one(std::move(task.y));
  const int64_t from_step = image_strides(task.pool.format, x.shape()).channel, to_step = image_strides(task.pool.format, task.y.shape()).channel;
  std::vector<double> run(static_cast<size_t>(x.shape()[static_cast<size_t>(task.pool.format.channel_axis())])), sums(run.size());
  double count = 0;
  slide(
      task.pool, x.shape(), task.y.shape(),
      [&] {
        std::fill(sums.begin(), sums.end(), 0);
        count = 0;
      },
      [&](int64_t offset) {
        load_channels(x, offset, from_step, std::span(run));
        for (size_t i = 0; i < run.size(); ++i) sums[i] += run[i];
        ++count;
      },
      [&](int64_t offset) {
        for (double& sum : sums) sum /= count;
        store_channels(task.y, offset, to_step, std::span<const double>(sums));
      });
  return one(std::move(task.y));
}

}  // namespace

constinit const OpDef kOp_AvgPool = {
    .name = "AvgPool",
    .signature = "value: T -> output: T",
    .make_attributes = &make_attributes<AvgPoolAttributes>,
    .infer = infer_pool<AvgPoolAttributes, 2>,
    .reference = reference_avg_pool<AvgPoolAttributes, 2>,
    .doc = "The mean under a window sliding over height and width; padding does not count.",
};
constinit const OpDef kOp_AvgPool3D = {
    .name = "AvgPool3D",
    .signature = "input: T -> output: T",
    .make_attributes = &make_attributes<Pool3DAttributes>,
    .infer = infer_pool<Pool3DAttributes, 3>,
    .reference = reference_avg_pool<Pool3DAttributes, 3>,
    .doc = "The mean under a window sliding over depth, height and width; padding does not count.",
};
constinit const OpDef kOp_MaxPool = {
    .name = "MaxPool",
    .signature = "input: T -> output: T",
    .make_attributes = &make_attributes<MaxPoolAttributes>,
    .infer = infer_pool<MaxPoolAttributes, 2>,
    .reference = reference_max_pool<MaxPoolAttributes, 2>,
    .doc = "The largest element under a window sliding over height and width.",
};
constinit const OpDef kOp_MaxPoolV2 = {
    .name = "MaxPoolV2",
    .signature = "input: T, ksize: int32, strides: int32 -> output: T",
    .make_attributes = &make_attributes<MaxPoolV2Attributes>,
    .infer = infer_max_pool_v2,
    .reference = reference_max_pool_v2,
    .doc = "MaxPool with the window and the strides as inputs.",
};
constinit const OpDef kOp_MaxPool3D = {
    .name = "MaxPool3D",
    .signature = "input: T -> output: T",
    .make_attributes = &make_attributes<Pool3DAttributes>,
    .infer = infer_pool<Pool3DAttributes, 3>,
    .reference = reference_max_pool<Pool3DAttributes, 3>,
    .doc = "The largest element under a window sliding over depth, height and width.",
};
constinit const OpDef kOp_MaxPoolWithArgmax = {
    .name = "MaxPoolWithArgmax",
    .signature = "input: T -> output: T, argmax: Targmax",
    .make_attributes = &make_attributes<MaxPoolWithArgmaxAttributes>,
    .infer = infer_pool<MaxPoolWithArgmaxAttributes, 2>,
    .reference = reference_max_pool_with_argmax,
    .doc = "MaxPool, and where each of the largest elements is: (y * width + x) * channels + c, from the start of its image or of the batch.",
};

// --- gradients

namespace {

template <class Struct, int64_t spatial>
Result<void> infer_max_pool_gradient(InferContext& c) {
  const PartialShape input = TRY(shape_of_rank(c, 0, spatial + 2));
  TRY(merge(c.shape(1), c.shape(2)));
  TRY(make_pool(c.as<Struct>(), spatial, input));
  return infer_same(c);
}

template <class Struct, int64_t spatial>
Result<void> infer_avg_pool_gradient(InferContext& c) {
  TRY(shape_of_rank(c, 1, spatial + 2));
  PartialShape shape = PartialShape::of_rank(spatial + 2);
  if (const Tensor* sizes = c.constant(0)) shape = TRY(merge(shape, PartialShape(TRY(shape_value(*sizes, "orig_input_shape")))));
  c.set_shape(0, std::move(shape));
  return {};
}

Result<void> infer_max_pool_gradient_v2(InferContext& c) {
  const PartialShape input = TRY(shape_of_rank(c, 0, 4));
  TRY(merge(c.shape(1), c.shape(2)));
  if (const auto a = TRY(attributes_from_inputs(c, 3))) TRY(make_pool(*a, 2, input));
  return infer_same(c);
}

// share(taps, gradient of one position, sums): hands the gradient of a window's result on to what lies under the window.
template <class T, class Share>
Result<Outputs> pool_gradient(EvalContext& c, const auto& attributes, int64_t spatial, const Shape& input, const Tensor& gradient, Share share) {
  if (static_cast<int64_t>(input.size()) != spatial + 2)
    return input_error("this pool takes rank " + std::to_string(spatial + 2) + ", found " + to_string(input));
  const Pool pool = TRY(make_pool(attributes, spatial, PartialShape(input)));
  const auto channel_axis = static_cast<size_t>(pool.format.channel_axis());
  const Shape expected = image_shape(pool.format, input[0], pool.windows, input[channel_axis]).dims();
  if (gradient.shape() != expected) return input_error("the gradient must have shape " + to_string(expected) + ", found " + type_text(gradient));
  MutableTensor y = TRY(c.allocate(gradient.dtype(), input));
  if (y.elements() == 0) return one(std::move(y));
  std::vector<T> sums(static_cast<size_t>(y.elements())), errors(static_cast<size_t>(input[channel_axis]));
  const int64_t from_step = image_strides(pool.format, input).channel, to_step = image_strides(pool.format, expected).channel;
  std::vector<int64_t> taps;
  slide(
      pool, input, expected, [&] { taps.clear(); }, [&](int64_t offset) { taps.push_back(offset); },
      [&](int64_t offset) {
        load_channels(gradient, offset, to_step, std::span<T>(errors));
        for (size_t i = 0; i < errors.size() && !taps.empty(); ++i) share(taps, static_cast<int64_t>(i) * from_step, errors[i], sums);
      });
  store(y, 0, std::span<const T>(sums));
  return one(std::move(y));
}

double sum_of(double a, double b) { return a + b; }
int64_t sum_of(int64_t a, int64_t b) { return wrapping_add(a, b); }

// All of it goes to the first of the largest elements. A NaN is no larger than anything, but the first element may be one.
template <class T, class Larger>
Result<Outputs> max_pool_gradient(EvalContext& c, const auto& attributes, int64_t spatial, const Tensor& x, const Tensor& gradient, Larger larger) {
  const std::vector<T> values = load_all<T>(x);
  return pool_gradient<T>(c, attributes, spatial, x.shape(), gradient, [&](std::span<const int64_t> taps, int64_t channel, T error, std::vector<T>& sums) {
    int64_t best = taps[0] + channel;
    for (const int64_t tap : taps)
      if (larger(values[static_cast<size_t>(tap + channel)], values[static_cast<size_t>(best)])) best = tap + channel;
    T& sum = sums[static_cast<size_t>(best)];
    sum = sum_of(sum, error);
  });
}

Result<Outputs> max_pool_gradient(EvalContext& c, const auto& attributes, int64_t spatial, Inputs inputs) {
  const Tensor &x = *TRY(tensor_input(c, inputs, 0)), &gradient = *TRY(tensor_input(c, inputs, 2));
  if (is_float(x.dtype()) && is_float(gradient.dtype())) return max_pool_gradient<double>(c, attributes, spatial, x, gradient, std::greater<double>());
  if (!is_integer(x.dtype()) || x.dtype() != gradient.dtype()) return dtype_error(c, x.dtype());
  if (x.dtype() != DType::kUint64) return max_pool_gradient<int64_t>(c, attributes, spatial, x, gradient, std::greater<int64_t>());
  const auto larger = [](int64_t a, int64_t b) { return static_cast<uint64_t>(a) > static_cast<uint64_t>(b); };
  return max_pool_gradient<int64_t>(c, attributes, spatial, x, gradient, larger);
}

template <class Struct, int64_t spatial>
Result<Outputs> reference_max_pool_gradient(EvalContext& c, Inputs inputs) {
  return max_pool_gradient(c, c.as<Struct>(), spatial, inputs);
}
Result<Outputs> reference_max_pool_gradient_v2(EvalContext& c, Inputs inputs) {
  return max_pool_gradient(c, TRY(attributes_from_inputs(c, inputs, 3)), 2, inputs);
}

template <class Struct, int64_t spatial>
Result<Outputs> reference_avg_pool_gradient(EvalContext& c, Inputs inputs) {
  const Shape shape = TRY(shape_value(*TRY(tensor_input(c, inputs, 0)), "orig_input_shape"));
  const Tensor& gradient = *TRY(tensor_input(c, inputs, 1));
  if (!is_float(gradient.dtype())) return dtype_error(c, gradient.dtype());
  return pool_gradient<double>(c, c.as<Struct>(), spatial, shape, gradient,
                               [](std::span<const int64_t> taps, int64_t channel, double error, std::vector<double>& sums) {
                                 for (const int64_t tap : taps) sums[static_cast<size_t>(tap + channel)] += error / static_cast<double>(taps.size());
                               });
}

}  // namespace

constinit const OpDef kOp_AvgPoolGrad = {
    .name = "AvgPoolGrad",
    .signature = "orig_input_shape: int32, grad: T -> output: T",
    .make_attributes = &make_attributes<AvgPoolAttributes>,
    .infer = infer_avg_pool_gradient<AvgPoolAttributes, 2>,
    .reference = reference_avg_pool_gradient<AvgPoolAttributes, 2>,
    .doc = "The gradient of AvgPool with respect to an input of this shape.",
};
constinit const OpDef kOp_AvgPool3DGrad = {
    .name = "AvgPool3DGrad",
    .signature = "orig_input_shape: int32, grad: T -> output: T",
    .make_attributes = &make_attributes<Pool3DAttributes>,
    .infer = infer_avg_pool_gradient<Pool3DAttributes, 3>,
    .reference = reference_avg_pool_gradient<Pool3DAttributes, 3>,
    .doc = "The gradient of AvgPool3D with respect to an input of this shape.",
};
constinit const OpDef kOp_MaxPoolGrad = {
    .name = "MaxPoolGrad",
    .signature = "orig_input: T, orig_output: T, grad: T -> output: T",
    .make_attributes = &make_attributes<MaxPoolAttributes>,
    .infer = infer_max_pool_gradient<MaxPoolAttributes, 2>,
    .reference = reference_max_pool_gradient<MaxPoolAttributes, 2>,
    .doc = "The gradient of MaxPool with respect to its input; the first of several largest elements gets it all.",
};
constinit const OpDef kOp_MaxPoolGradV2 = {
    .name = "MaxPoolGradV2",
    .signature = "orig_input: T, orig_output: T, grad: T, ksize: int32, strides: int32 -> output: T",
    .make_attributes = &make_attributes<MaxPoolV2Attributes>,
    .infer = infer_max_pool_gradient_v2,
    .reference = reference_max_pool_gradient_v2,
    .doc = "MaxPoolGrad with the window and the strides as inputs.",
};
constinit const OpDef kOp_MaxPool3DGrad = {
    .name = "MaxPool3DGrad",
    .signature = "orig_input: TInput, orig_output: TInput, grad: T -> output: T",
    .make_attributes = &make_attributes<Pool3DAttributes>,
    .infer = infer_max_pool_gradient<Pool3DAttributes, 3>,
    .reference = reference_max_pool_gradient<Pool3DAttributes, 3>,
    .doc = "The gradient of MaxPool3D with respect to its input.",
};

}  // namespace isomer::ops
