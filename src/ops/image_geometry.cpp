// Warping images and taking them apart into patches.
#include <cmath>

#include "ops/image.h"
#include "ops/kernel.h"
#include "ops/string_tensor.h"

namespace isomer::ops {
namespace {

using namespace ir;

// --- ImageProjectiveTransform

Result<void> infer_transform(InferContext& c) {
  const auto& a = c.as<ImageProjectiveTransformAttributes>();
  if (a.interpolation != "NEAREST" && a.interpolation != "BILINEAR")
    return input_error("interpolation must be NEAREST or BILINEAR, found '" + a.interpolation + "'");
  if (a.fill_mode != "CONSTANT" && a.fill_mode != "REFLECT" && a.fill_mode != "WRAP" && a.fill_mode != "NEAREST") {
    return input_error("fill_mode must be CONSTANT, REFLECT, WRAP or NEAREST, found '" + a.fill_mode + "'");
  }
  PartialShape shape = TRY(shape_of_rank(c, 0, 4));
  shape[1] = shape[2] = kUnknownDim;
  if (const Tensor* size = c.constant(2)) {
    const Shape wanted = TRY(shape_value(*size, "the output shape"));
    if (wanted.size() != 2) return input_error("the output shape must be height and width, found " + to_string(wanted));
    shape[1] = wanted[0];
    shape[2] = wanted[1];
  }
  c.set_shape(0, std::move(shape));
  return {};
}

// Brings a coordinate that lies outside of [0, size - 1] back in.
float folded_back(const std::string& mode, float at, int64_t size) {
  const auto length = static_cast<float>(size);
  if (mode == "CONSTANT" || !std::isfinite(at)) return at;
  if (mode == "REFLECT" && size > 1) {
    // d c b a | a b c d | d c b a
    const float period = 2 * length;
    if (at < 0) {
      if (at < period) at += period * std::trunc(-at / period);
      at = at < -length ? at + period : -at - 1;
    } else if (at > length - 1) {
      at -= period * std::trunc(at / period);
      if (at >= length) at = period - at - 1;
    }
  } else if (mode == "WRAP" && size > 1) {
    // a b c d | a b c d | a b c d
    if (at < 0) {
      at += length * (std::trunc(-at / (length - 1)) + 1);
    } else if (at > length - 1) {
      at -= length * std::trunc(at / (length - 1));
    }
  }
  return std::clamp(at, 0.0f, length - 1);
}

class Warp {
 public:
  Warp(const Tensor& images, const ImageProjectiveTransformAttributes& attributes, float fill) : images_(images), a_(attributes), fill_(fill) {}

  // The pixel that output position (x, y) shows; `t` are the eight numbers of the transform.
  void sample(int64_t image, const float* t, int64_t x, int64_t y, std::span<double> pixel) const {
    const auto fx = static_cast<float>(x), fy = static_cast<float>(y);
    const float projection = t[6] * fx + t[7] * fy + 1;
    if (projection == 0) return std::fill(pixel.begin(), pixel.end(), fill_);
    const float sx = folded_back(a_.fill_mode, (t[0] * fx + t[1] * fy + t[2]) / projection, images_.shape()[2]);
    const float sy = folded_back(a_.fill_mode, (t[3] * fx + t[4] * fy + t[5]) / projection, images_.shape()[1]);
    if (a_.interpolation == "NEAREST") {
      for (size_t k = 0; k < pixel.size(); ++k) pixel[k] = at(image, std::round(sx), std::round(sy), k);
      return;
    }
    // In float32 and in this order, as TensorFlow does: what an integer is cut to depends on it.
    const float left = std::floor(sx), top = std::floor(sy), right = left + 1, bottom = top + 1;
    const auto between = [&](float row, size_t k) {
      return (right - sx) * static_cast<float>(at(image, left, row, k)) + (sx - left) * static_cast<float>(at(image, right, row, k));
    };
    for (size_t k = 0; k < pixel.size(); ++k) pixel[k] = (bottom - sy) * between(top, k) + (sy - top) * between(bottom, k);
  }

 private:
  // Channel `k` of a source pixel; outside of the image lies the fill value.
  double at(int64_t image, float x, float y, size_t k) const {
    const Shape& s = images_.shape();
    if (!(x >= 0 && x < static_cast<float>(s[2]) && y >= 0 && y < static_cast<float>(s[1]))) return fill_;
    double value;
    load(images_, ((image * s[1] + static_cast<int64_t>(y)) * s[2] + static_cast<int64_t>(x)) * s[3] + static_cast<int64_t>(k), std::span(&value, 1));
    return value;
  }

  const Tensor& images_;
  const ImageProjectiveTransformAttributes& a_;
  double fill_;
};

// The number as an element of this dtype.
float as_element(DType dtype, float value) { return is_integer(dtype) ? std::trunc(value) : static_cast<float>(rounded_to(dtype, value)); }

Result<Outputs> reference_transform(EvalContext& c, Inputs inputs) {
  const Tensor &images = *TRY(tensor_input(c, inputs, 0)), &transforms = *TRY(tensor_input(c, inputs, 1));
  const Shape size = TRY(shape_value(*TRY(tensor_input(c, inputs, 2)), "the output shape"));
  float fill = 0;
  if (inputs.size() > 3) {
    const Tensor& given = *TRY(tensor_input(c, inputs, 3));
    if (given.elements() != 1) return input_error("fill_value must be a scalar, found " + type_text(given));
    fill = as_element(images.dtype(), given.at<float>(0));
  }
  const bool integers = is_integer(images.dtype());
  if (!integers && !is_float(images.dtype())) return dtype_error(c, images.dtype());
  if (images.rank() != 4 || size.size() != 2) return input_error("images must have rank 4, found " + type_text(images));
  const Shape& s = images.shape();
  if (transforms.rank() != 2 || transforms.shape()[1] != 8 || (transforms.shape()[0] != 1 && transforms.shape()[0] != s[0])) {
    return input_error("there must be eight numbers for each image, or for all, found " + type_text(transforms));
  }
  MutableTensor out = TRY(c.allocate(images.dtype(), {s[0], size[0], size[1], s[3]}));
  if (out.elements() == 0) return one(std::move(out));
  const Warp warp(images, c.as<ImageProjectiveTransformAttributes>(), fill);
  std::vector<double> pixel(static_cast<size_t>(s[3]));
  std::vector<int64_t> rounded(pixel.size());
  int64_t to = 0;
  for (Odometer at({s[0], size[0], size[1]}, {}); !at.done(); at.next(), to += s[3]) {
    float transform[8];
    for (int64_t i = 0; i < 8; ++i) transform[i] = transforms.at<float>((transforms.shape()[0] == 1 ? 0 : at.index()[0]) * 8 + i);
    warp.sample(at.index()[0], transform, at.index()[2], at.index()[1], pixel);
    if (!integers) {
      store_doubles(out, to, pixel);
      continue;
    }
    for (size_t k = 0; k < pixel.size(); ++k) rounded[k] = std::abs(pixel[k]) < 9.2e18 ? static_cast<int64_t>(pixel[k]) : 0;
    store_int64s(out, to, rounded);
  }
  return one(std::move(out));
}

// --- ExtractImagePatches

struct PatchAxis {
  int64_t size, stride, rate, before, count;
};

Result<PatchAxis> patch_axis(const ExtractImagePatchesAttributes& a, size_t dimension, int64_t length) {
  const int64_t size = a.ksizes[dimension], stride = a.strides[dimension], rate = a.rates[dimension];
  constexpr int64_t kLargest = int64_t{1} << 31;
  if (size < 1 || stride < 1 || rate < 1 || size > kLargest || stride > kLargest || rate > kLargest)
    return input_error("sizes, strides and rates must be positive");
  if (length == kUnknownDim) return PatchAxis{size, stride, rate, 0, kUnknownDim};
  const int64_t window = (size - 1) * rate + 1;
  if (a.padding == "VALID") return PatchAxis{size, stride, rate, 0, length < window ? 0 : (length - window) / stride + 1};
  const int64_t count = (length + stride - 1) / stride;
  return PatchAxis{size, stride, rate, std::max<int64_t>((count - 1) * stride + window - length, 0) / 2, count};
}

Result<void> check_patches(const ExtractImagePatchesAttributes& a) {
  for (const auto* list : {&a.ksizes, &a.strides, &a.rates})
    if (list->size() != 4 || (*list)[0] != 1 || (*list)[3] != 1) return input_error("sizes, strides and rates must be four numbers, 1 for batch and channels");
  if (a.padding != "VALID" && a.padding != "SAME") return input_error("padding must be VALID or SAME, found '" + a.padding + "'");
  return {};
}

Result<void> infer_patches(InferContext& c) {
  const auto& a = c.as<ExtractImagePatchesAttributes>();
  TRY(check_patches(a));
  const PartialShape shape = TRY(shape_of_rank(c, 0, 4));
  const PatchAxis rows = TRY(patch_axis(a, 1, shape[1])), columns = TRY(patch_axis(a, 2, shape[2]));
  c.set_shape(0, PartialShape{shape[0], rows.count, columns.count, mul_dims(mul_dims(rows.size, columns.size), shape[3])});
  return {};
}

Result<Outputs> reference_patches(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<ExtractImagePatchesAttributes>();
  TRY(check_patches(a));
  const Tensor& images = *TRY(tensor_input(c, inputs, 0));
  if (images.rank() != 4) return input_error("patches are taken from images of rank 4, found " + type_text(images));
  const Shape& s = images.shape();
  const PatchAxis rows = TRY(patch_axis(a, 1, s[1])), columns = TRY(patch_axis(a, 2, s[2]));
  const int64_t depth = mul_dims(mul_dims(rows.size, columns.size), s[3]);
  if (depth == kUnknownDim)
    return fail(ErrorCode::kLimitExceeded, "patches of " + std::to_string(rows.size) + " by " + std::to_string(columns.size) + " are too large");
  TensorBuilder builder = TRY(TensorBuilder::create(memory_of(c), images.dtype(), {s[0], rows.count, columns.count, depth}));
  if (element_count_of({s[0], rows.count, columns.count, depth}) == 0) return one(TRY(std::move(builder).finish()));
  for (Odometer at({s[0], rows.count, columns.count, rows.size, columns.size}, {}); !at.done(); at.next()) {
    const auto& i = at.index();
    const int64_t y = i[1] * rows.stride + i[3] * rows.rate - rows.before, x = i[2] * columns.stride + i[4] * columns.rate - columns.before;
    if (y < 0 || y >= s[1] || x < 0 || x >= s[2]) {
      builder.append_zeros(s[3]);
    } else {
      builder.append(images, ((i[0] * s[1] + y) * s[2] + x) * s[3], s[3]);
    }
  }
  return one(TRY(std::move(builder).finish()));
}

}  // namespace

constinit const OpDef kOp_ImageProjectiveTransformV2 = {
    .name = "ImageProjectiveTransformV2",
    .signature = "images: dtype, transforms: float32, output_shape: int32 -> transformed_images: dtype",
    .make_attributes = &make_attributes<ImageProjectiveTransformAttributes>,
    .infer = infer_transform,
    .reference = reference_transform,
    .doc = "ImageProjectiveTransformV3 with a fill_value of 0.",
};
constinit const OpDef kOp_ImageProjectiveTransformV3 = {
    .name = "ImageProjectiveTransformV3",
    .signature = "images: dtype, transforms: float32, output_shape: int32, fill_value: float32 -> transformed_images: dtype",
    .make_attributes = &make_attributes<ImageProjectiveTransformAttributes>,
    .infer = infer_transform,
    .reference = reference_transform,
    .doc =
        "Position (x, y) of the result shows the source at ((t0 x + t1 y + t2) / k, (t3 x + t4 y + t5) / k), k = t6 x + t7 y + 1. fill_mode says what lies "
        "outside of the source: fill_value, its reflection, its repetition, or its border.",
};

constinit const OpDef kOp_ExtractImagePatches = {
    .name = "ExtractImagePatches",
    .signature = "images: T -> patches: T",
    .make_attributes = &make_attributes<ExtractImagePatchesAttributes>,
    .infer = infer_patches,
    .reference = reference_patches,
    .doc = "The patches that a window of ksizes (with rates - 1 pixels between its own) sees at steps of strides, each as the channels of one pixel.",
};

}  // namespace isomer::ops
