// ResizeBilinear and ResizeNearestNeighbor on images [batch, height, width, channels].
//
// Source coordinates are computed in float32, as TensorFlow does: which pixel is the nearest depends on it.
#include "ops/resize.h"

#include <cmath>

#include "ops/kernel.h"

namespace isomer::ops {
namespace {

using namespace ir;

// How the pixels of one dimension of the result map to those of the source.
struct Axis {
  int64_t source = 0, target = 0;
  bool align_corners = false, half_pixel_centers = false;

  float scale() const {
    if (align_corners && target > 1) return static_cast<float>(source - 1) / static_cast<float>(target - 1);
    return static_cast<float>(source) / static_cast<float>(target);
  }
  float coordinate(int64_t i) const {
    const auto x = static_cast<float>(i);
    return half_pixel_centers ? (x + 0.5f) * scale() - 0.5f : x * scale();
  }
  int64_t nearest(int64_t i) const {
    const float x = half_pixel_centers ? (static_cast<float>(i) + 0.5f) * scale() : static_cast<float>(i) * scale();
    return std::clamp<int64_t>(static_cast<int64_t>(align_corners ? std::round(x) : std::floor(x)), 0, source - 1);
  }
};

Result<void> check_attributes(const ResizeAttributes& a) {
  if (a.align_corners && a.half_pixel_centers) return input_error("align_corners and half_pixel_centers cannot both be set");
  return {};
}

Result<void> infer_resize(InferContext& c) {
  TRY(check_attributes(c.as<ResizeAttributes>()));
  PartialShape shape = TRY(shape_of_rank(c, 0, 4));
  shape[1] = shape[2] = kUnknownDim;
  if (const Tensor* size = c.constant(1)) {
    const Shape wanted = TRY(shape_value(*size, "the size of the resized images"));
    if (wanted.size() != 2) return input_error("the size of the resized images must be height and width, found " + to_string(wanted));
    shape[1] = wanted[0];
    shape[2] = wanted[1];
  }
  c.set_shape(0, std::move(shape));
  return {};
}

struct Task {
  const Tensor* images;
  Axis rows, columns;
  MutableTensor y;
};
Result<Task> make_task(EvalContext& c, Inputs inputs) {
  const Tensor& images = *TRY(tensor_input(c, inputs, 0));
  const Tensor& size = *TRY(tensor_input(c, inputs, 1));
  const auto& a = c.as<ResizeAttributes>();
  TRY(check_attributes(a));
  if (images.rank() != 4) return input_error("resizing takes images of rank 4, found " + type_text(images));
  const Shape wanted = TRY(shape_value(size, "the size of the resized images"));
  if (wanted.size() != 2 || wanted[0] < 1 || wanted[1] < 1)
    return input_error("the size of the resized images must be height and width, found " + to_string(wanted));
  const Shape& s = images.shape();
  if (s[1] < 1 || s[2] < 1) return input_error("there is nothing to resize in " + type_text(images));
  MutableTensor resized = TRY(c.allocate(c.output_dtype(0), {s[0], wanted[0], wanted[1], s[3]}));
  return Task{&images, {s[1], wanted[0], a.align_corners, a.half_pixel_centers}, {s[2], wanted[1], a.align_corners, a.half_pixel_centers}, std::move(resized)};
}

Result<Outputs> reference_nearest(EvalContext& c, Inputs inputs) {
  Task task = TRY(make_task(c, inputs));
  const Tensor& images = *task.images;
  if (images.dtype() != task.y.dtype() || element_size(images.dtype()) == 0) return dtype_error(c, images.dtype());
  const int64_t pixel = images.shape()[3] * element_size(images.dtype());
  std::byte* to = task.y.data();
  if (task.y.elements() == 0) return one(std::move(task.y));
  for (Odometer at({images.shape()[0], task.rows.target, task.columns.target}, {}); !at.done(); at.next(), to += pixel) {
    const int64_t row = at.index()[0] * task.rows.source + task.rows.nearest(at.index()[1]);
    std::memcpy(to, images.bytes().data() + (row * task.columns.source + task.columns.nearest(at.index()[2])) * pixel, static_cast<size_t>(pixel));
  }
  return one(std::move(task.y));
}

// The two neighbours of a source coordinate, and the weight of the second.
struct Neighbours {
  int64_t lower, upper;
  double weight;
};
Neighbours neighbours(const Axis& axis, int64_t i) {
  const float x = axis.coordinate(i), floor = std::floor(x);
  return {std::clamp<int64_t>(static_cast<int64_t>(floor), 0, axis.source - 1), std::clamp<int64_t>(static_cast<int64_t>(std::ceil(x)), 0, axis.source - 1),
          x - floor};
}

Result<Outputs> reference_bilinear(EvalContext& c, Inputs inputs) {
  Task task = TRY(make_task(c, inputs));
  const Tensor& images = *task.images;
  if (!is_float(images.dtype()) && !is_integer(images.dtype())) return dtype_error(c, images.dtype());
  if (task.y.elements() == 0) return one(std::move(task.y));
  const auto channels = static_cast<size_t>(images.shape()[3]);
  std::vector<double> corners[4] = {std::vector<double>(channels), std::vector<double>(channels), std::vector<double>(channels), std::vector<double>(channels)};
  std::vector<double> pixel(channels);
  int64_t to = 0;
  for (Odometer at({images.shape()[0], task.rows.target, task.columns.target}, {}); !at.done(); at.next(), to += images.shape()[3]) {
    const Neighbours y = neighbours(task.rows, at.index()[1]), x = neighbours(task.columns, at.index()[2]);
    for (size_t i = 0; i < 4; ++i) {
      const int64_t row = at.index()[0] * task.rows.source + (i / 2 ? y.upper : y.lower);
      load(images, (row * task.columns.source + (i % 2 ? x.upper : x.lower)) * images.shape()[3], std::span(corners[i]));
    }
    for (size_t i = 0; i < channels; ++i) {
      const double top = corners[0][i] + (corners[1][i] - corners[0][i]) * x.weight, bottom = corners[2][i] + (corners[3][i] - corners[2][i]) * x.weight;
      pixel[i] = top + (bottom - top) * y.weight;
    }
    store(task.y, to, std::span<const double>(pixel));
  }
  return one(std::move(task.y));
}

}  // namespace

constinit const OpDef kOp_ResizeBilinear = {
    .name = "ResizeBilinear",
    .signature = "images: T, size: int32 -> resized_images: float32",
    .make_attributes = &make_attributes<ResizeAttributes>,
    .infer = infer_resize,
    .reference = reference_bilinear,
    .doc = "Images of another height and width; each pixel is interpolated between the four nearest ones.",
};
constinit const OpDef kOp_ResizeNearestNeighbor = {
    .name = "ResizeNearestNeighbor",
    .signature = "images: T, size: int32 -> resized_images: T",
    .make_attributes = &make_attributes<ResizeAttributes>,
    .infer = infer_resize,
    .reference = reference_nearest,
    .doc = "Images of another height and width; each pixel is a copy of the nearest one.",
};

}  // namespace isomer::ops
