// Colours: hue, saturation and contrast. Hue runs from 0 to 1, one sixth for each of the six ways between two pure colours.
#include <cmath>

#include "ops/kernel.h"

namespace isomer::ops {
namespace {

using namespace ir;

struct Rgb {
  double r, g, b;
};
struct Hsv {
  double h, s, v;
};

Hsv to_hsv(const Rgb& c) {
  const double v = std::max({c.r, c.g, c.b}), range = v - std::min({c.r, c.g, c.b});
  const double s = v > 0 ? range / v : 0;
  if (range <= 0) return {0, s, v};
  const double sixth = 1 / (6 * range);
  double h = c.r == v ? sixth * (c.g - c.b) : c.g == v ? sixth * (c.b - c.r) + 2.0 / 6 : sixth * (c.r - c.g) + 4.0 / 6;
  if (h < 0) h += 1;
  return {h, s, v};
}

Rgb to_rgb(const Hsv& c) {
  const double h = c.h * 6;
  const auto channel = [&](double ramp) { return (1 - c.s + c.s * std::clamp(ramp, 0.0, 1.0)) * c.v; };
  return {channel(std::fabs(h - 3) - 1), channel(2 - std::fabs(h - 2)), channel(2 - std::fabs(h - 4))};
}

// The colour with its hue moved, between the same least and greatest channel.
Rgb with_hue_moved(const Rgb& c, double delta) {
  const double greatest = std::max({c.r, c.g, c.b}), least = std::min({c.r, c.g, c.b});
  double h = (to_hsv(c).h + delta) * 6;
  h -= 6 * std::floor(h / 6);
  const double sector = std::min(std::floor(h), 5.0), ratio = h - sector;
  const double middle = least + (std::fmod(sector, 2) == 0 ? ratio : 1 - ratio) * (greatest - least);
  switch (static_cast<int>(sector)) {
    case 0: return {greatest, middle, least};
    case 1: return {middle, greatest, least};
    case 2: return {least, greatest, middle};
    case 3: return {least, middle, greatest};
    case 4: return {middle, least, greatest};
    default: return {greatest, least, middle};
  }
}

Result<void> infer_colors(InferContext& c) {
  if (!is_float(c.input_type(0).dtype)) return dtype_error(c.op(), c.input_type(0).dtype);
  const PartialShape shape = TRY(shape_of_rank_at_least(c, 0, 1));
  if (shape.has_rank()) TRY(same_dim(shape[shape.rank() - 1], 3, "the channels of an image and the number 3"));
  return infer_same(c);
}

// f maps one pixel, three channels in and out.
template <class F>
Result<Outputs> map_pixels(EvalContext& c, Inputs inputs, F f) {
  const Tensor& images = *TRY(tensor_input(c, inputs, 0));
  if (!is_float(images.dtype())) return dtype_error(c, images.dtype());
  if (images.rank() < 1 || images.shape().back() != 3) return input_error("an image must have three channels, found " + type_text(images));
  MutableTensor out = TRY(c.allocate(images.dtype(), images.shape()));
  for (int64_t i = 0; i < out.elements(); i += 3) {
    double pixel[3];
    load_doubles(images, i, pixel);
    f(pixel);
    store_doubles(out, i, pixel);
  }
  return one(std::move(out));
}

Result<Outputs> reference_rgb_to_hsv(EvalContext& c, Inputs inputs) {
  return map_pixels(c, inputs, [](std::span<double, 3> p) {
    const Hsv hsv = to_hsv({p[0], p[1], p[2]});
    p[0] = hsv.h, p[1] = hsv.s, p[2] = hsv.v;
  });
}

void set(std::span<double, 3> pixel, const Rgb& color) { pixel[0] = color.r, pixel[1] = color.g, pixel[2] = color.b; }

Result<Outputs> reference_hsv_to_rgb(EvalContext& c, Inputs inputs) {
  return map_pixels(c, inputs, [](std::span<double, 3> p) { set(p, to_rgb({p[0], p[1], p[2]})); });
}

Result<double> scalar_float(EvalContext& c, Inputs inputs, int64_t i, std::string_view what) {
  const Tensor& tensor = *TRY(tensor_input(c, inputs, i));
  if (!is_float(tensor.dtype()) || tensor.elements() != 1) return input_error(std::string(what) + " must be one number, found " + type_text(tensor));
  return tensor.as_double(0);
}

Result<Outputs> reference_adjust_hue(EvalContext& c, Inputs inputs) {
  const double delta = TRY(scalar_float(c, inputs, 1, "delta"));
  if (!std::isfinite(delta)) return input_error("delta must be finite");
  return map_pixels(c, inputs, [&](std::span<double, 3> p) { set(p, with_hue_moved({p[0], p[1], p[2]}, delta)); });
}

Result<Outputs> reference_adjust_saturation(EvalContext& c, Inputs inputs) {
  const double scale = TRY(scalar_float(c, inputs, 1, "scale"));
  return map_pixels(c, inputs, [&](std::span<double, 3> p) {
    Hsv hsv = to_hsv({p[0], p[1], p[2]});
    hsv.s = std::clamp(hsv.s * scale, 0.0, 1.0);
    set(p, to_rgb(hsv));
  });
}

Result<void> infer_contrast(InferContext& c) {
  if (!is_float(c.input_type(0).dtype)) return dtype_error(c.op(), c.input_type(0).dtype);
  TRY(shape_of_rank_at_least(c, 0, 3));
  return infer_same(c);
}

Result<Outputs> reference_adjust_contrast(EvalContext& c, Inputs inputs) {
  const Tensor& images = *TRY(tensor_input(c, inputs, 0));
  const double factor = TRY(scalar_float(c, inputs, 1, "the contrast factor"));
  if (!is_float(images.dtype())) return dtype_error(c, images.dtype());
  if (images.rank() < 3) return input_error("an image has height, width and channels, found " + type_text(images));
  const Shape& shape = images.shape();
  const int64_t channels = shape.back(), pixels = shape[shape.size() - 2] * shape[shape.size() - 3], image = pixels * channels;
  MutableTensor out = TRY(c.allocate(images.dtype(), shape));
  std::vector<double> means(static_cast<size_t>(channels)), pixel(means.size());
  for (int64_t first = 0; first < out.elements(); first += image) {
    std::fill(means.begin(), means.end(), 0.0);
    for (int64_t i = 0; i < image; i += channels) {
      load_doubles(images, first + i, pixel);
      for (size_t k = 0; k < means.size(); ++k) means[k] += pixel[k];
    }
    for (double& mean : means) mean /= static_cast<double>(pixels);
    for (int64_t i = 0; i < image; i += channels) {
      load_doubles(images, first + i, pixel);
      for (size_t k = 0; k < means.size(); ++k) pixel[k] = (pixel[k] - means[k]) * factor + means[k];
      store_doubles(out, first + i, pixel);
    }
  }
  return one(std::move(out));
}

}  // namespace

constinit const OpDef kOp_RGBToHSV = {
    .name = "RGBToHSV",
    .signature = "images: T -> output: T",
    .infer = infer_colors,
    .reference = reference_rgb_to_hsv,
    .doc = "Red, green and blue to hue, saturation and value, all of [0, 1].",
};

constinit const OpDef kOp_HSVToRGB = {
    .name = "HSVToRGB",
    .signature = "images: T -> output: T",
    .infer = infer_colors,
    .reference = reference_hsv_to_rgb,
    .doc = "Hue, saturation and value to red, green and blue, all of [0, 1].",
};

constinit const OpDef kOp_AdjustHue = {
    .name = "AdjustHue",
    .signature = "images: T, delta: float32 -> output: T",
    .infer = infer_colors,
    .reference = reference_adjust_hue,
    .doc = "Adds to the hue of every pixel; the hue is a circle of length 1.",
};

constinit const OpDef kOp_AdjustSaturation = {
    .name = "AdjustSaturation",
    .signature = "images: T, scale: float32 -> output: T",
    .infer = infer_colors,
    .reference = reference_adjust_saturation,
    .doc = "Multiplies the saturation of every pixel and keeps it in [0, 1].",
};

constinit const OpDef kOp_AdjustContrastv2 = {
    .name = "AdjustContrastv2",
    .signature = "images: T, contrast_factor: float32 -> output: T",
    .infer = infer_contrast,
    .reference = reference_adjust_contrast,
    .doc = "Multiplies the distance of every pixel from the mean of its channel in its image.",
};

}  // namespace isomer::ops
