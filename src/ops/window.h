// Windows: how a filter or a pool slides over one spatial dimension. Convolutions, pools and Dilation2D share it.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "ops/data_format.h"
#include "ops/kernel.h"

namespace isomer::ops {

// Position `i` of the output sees the input positions first(i), first(i) + dilation, ..., `filter` of them; those outside [0, input) are padding.
struct Window {
  int64_t input = 1, filter = 1, stride = 1, dilation = 1;
  int64_t before = 0;  // padding before the first element
  int64_t output = 1;
  int64_t first(int64_t i) const { return i * stride - before; }
};

// The windows of up to three spatial dimensions, outermost first; with two, the first one is trivial.
using Windows = std::array<Window, 3>;

// What the attributes of an op say about its windows, one entry for each dimension of the data format (batch and channels included).
struct WindowAttributes {
  DataFormat format;
  std::span<const int64_t> strides;
  std::span<const int64_t> dilations;          // empty: all 1
  std::string_view padding;                    // VALID, SAME or EXPLICIT
  std::span<const int64_t> explicit_paddings;  // two for each dimension, for EXPLICIT
};

// One window. `input` and `filter` may be kUnknownDim: then `output` is, unless the other attributes decide it. InvalidModel for sizes and steps that no
// window can have, or where the output would be smaller than 0.
Result<Window> make_window(const WindowAttributes& a, int64_t spatial, int64_t input, int64_t filter);
// Windows of all spatial dimensions of a tensor of `shape` (its sizes may be unknown) under filters of `filter` (spatial sizes only). Strides and dilations
// must be 1 for batch and channels.
Result<Windows> make_windows(const WindowAttributes& a, const PartialShape& shape, std::span<const int64_t> filter);

// The shape of an image tensor with this batch, these channels and the outputs of the windows.
PartialShape image_shape(const DataFormat& format, int64_t batch, const Windows& windows, int64_t channels);

// Where the elements of an image tensor of three spatial dimensions (the first one may be 1) lie.
struct ImageStrides {
  int64_t batch, channel;
  std::array<int64_t, 3> spatial;
};
ImageStrides image_strides(const DataFormat& format, const Shape& shape);

// The channels at one position, `stride` elements apart, in the type that kernels compute in.
template <class T>
void load_channels(const Tensor& tensor, int64_t offset, int64_t stride, std::span<T> out) {
  if (stride == 1) return load(tensor, offset, out);
  for (size_t i = 0; i < out.size(); ++i) load(tensor, offset + static_cast<int64_t>(i) * stride, out.subspan(i, 1));
}
template <class T>
void store_channels(MutableTensor& tensor, int64_t offset, int64_t stride, std::span<const T> in) {
  if (stride == 1) return store(tensor, offset, in);
  for (size_t i = 0; i < in.size(); ++i) store(tensor, offset + static_cast<int64_t>(i) * stride, in.subspan(i, 1));
}

}  // namespace isomer::ops
