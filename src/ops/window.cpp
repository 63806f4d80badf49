#include "ops/window.h"

#include <algorithm>

#include "base/checked.h"
#include "ops/kernel.h"

namespace isomer::ops {
namespace {

Result<void> check_list(std::span<const int64_t> list, const DataFormat& format, std::string_view what) {
  if (static_cast<int64_t>(list.size()) != format.rank()) {
    return input_error(std::string(what) + " must have " + std::to_string(format.rank()) + " entries, found " + std::to_string(list.size()));
  }
  if (std::any_of(list.begin(), list.end(), [](int64_t x) { return x < 1; })) return input_error(std::string(what) + " must be 1 or more");
  if (list[0] != 1 || list[static_cast<size_t>(format.channel_axis())] != 1) return input_error(std::string(what) + " must be 1 for batch and channels");
  return {};
}

// The part of the input that a filter spans.
Result<int64_t> extent(int64_t filter, int64_t dilation) {
  if (filter < 1) return input_error("a window must have 1 element or more in each dimension, found " + std::to_string(filter));
  const auto span = checked_mul(filter - 1, dilation);
  if (!span || *span > INT32_MAX)
    return input_error("a window of " + std::to_string(filter) + " elements with dilation " + std::to_string(dilation) + " is too large");
  return *span + 1;
}

}  // namespace

Result<Window> make_window(const WindowAttributes& a, int64_t spatial, int64_t input, int64_t filter) {
  const auto axis = static_cast<size_t>(a.format.spatial_axis(spatial));
  Window w = {.input = input, .filter = filter, .stride = a.strides[axis], .dilation = a.dilations.empty() ? 1 : a.dilations[axis], .output = kUnknownDim};
  if (w.stride > INT32_MAX) return input_error("a stride of " + std::to_string(w.stride) + " is too large");
  if (input > INT64_MAX / 2) return input_error("an input of " + std::to_string(input) + " elements in one dimension is too large");
  int64_t padded = input;
  if (a.padding == "SAME") {
    if (input == kUnknownDim) return w;
    w.output = (input + w.stride - 1) / w.stride;
    if (filter == kUnknownDim) return w;
    const int64_t needed = (w.output - 1) * w.stride + TRY(extent(filter, w.dilation)) - input;
    w.before = std::max<int64_t>(needed, 0) / 2;
    return w;
  }
  if (a.padding == "EXPLICIT") {
    if (a.explicit_paddings.size() != 2 * static_cast<size_t>(a.format.rank())) {
      return input_error("explicit_paddings must have " + std::to_string(2 * a.format.rank()) + " entries, found " +
                         std::to_string(a.explicit_paddings.size()));
    }
    w.before = a.explicit_paddings[2 * axis];
    const int64_t after = a.explicit_paddings[2 * axis + 1];
    if (w.before < 0 || after < 0 || w.before > INT32_MAX || after > INT32_MAX) return input_error("explicit_paddings must be sizes from 0 to 2^31 - 1");
    padded = add_dims(input, w.before + after);
  } else if (a.padding != "VALID") {
    return input_error("padding must be VALID, SAME or EXPLICIT, found '" + std::string(a.padding) + "'");
  }
  if (padded == kUnknownDim || filter == kUnknownDim) return w;
  const int64_t room = padded - TRY(extent(filter, w.dilation)) + w.stride;
  if (room < 0) return input_error("a window of " + std::to_string(filter) + " elements does not fit an input of " + std::to_string(input));
  w.output = room / w.stride;
  return w;
}

Result<Windows> make_windows(const WindowAttributes& a, const PartialShape& shape, std::span<const int64_t> filter) {
  TRY(check_list(a.strides, a.format, "strides"));
  if (!a.dilations.empty()) TRY(check_list(a.dilations, a.format, "dilations"));
  Windows windows;
  for (int64_t i = 0; i < a.format.spatial; ++i) {
    windows[static_cast<size_t>(3 - a.format.spatial + i)] = TRY(make_window(a, i, shape[a.format.spatial_axis(i)], filter[static_cast<size_t>(i)]));
  }
  return windows;
}

PartialShape image_shape(const DataFormat& format, int64_t batch, const Windows& windows, int64_t channels) {
  PartialShape shape = PartialShape::of_rank(format.rank());
  shape[0] = batch;
  shape[format.channel_axis()] = channels;
  for (int64_t i = 0; i < format.spatial; ++i) shape[format.spatial_axis(i)] = windows[static_cast<size_t>(3 - format.spatial + i)].output;
  return shape;
}

ImageStrides image_strides(const DataFormat& format, const Shape& shape) {
  const std::vector<int64_t> strides = strides_of(shape);
  ImageStrides result = {strides[0], strides[static_cast<size_t>(format.channel_axis())], {0, 0, 0}};
  for (int64_t i = 0; i < format.spatial; ++i)
    result.spatial[static_cast<size_t>(3 - format.spatial + i)] = strides[static_cast<size_t>(format.spatial_axis(i))];
  return result;
}

}  // namespace isomer::ops
