// Resizing by filters: a pixel of the result is a weighted sum of pixels of the source, with weights that are a product of one for its row and one for its
// column. Each op says which source rows (or columns) a row (or column) of the result sees, and with which weights; coordinates are computed in float32,
// as TensorFlow does.
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "ops/image.h"
#include "ops/kernel.h"
#include "ops/resize.h"

namespace isomer::ops {
namespace {

using namespace ir;

// What one row or column of the result sees.
struct Taps {
  std::vector<int64_t> sources;
  std::vector<float> weights;
  void clear() {
    sources.clear();
    weights.clear();
  }
  void add(int64_t source, float weight) {
    sources.push_back(source);
    weights.push_back(weight);
  }
  // Makes the weights add up to 1, unless they nearly cancel.
  void normalize() {
    float sum = 0;
    for (const float weight : weights) sum += weight;
    if (std::fabs(sum) < 1000 * std::numeric_limits<float>::min()) return;
    const float factor = 1.0f / sum;
    for (float& weight : weights) weight *= factor;
  }
};
using TapsOf = std::function<void(int64_t index, Taps& taps)>;

Result<void> infer_resize(InferContext& c) {
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

struct Sizes {
  int64_t batch, source_rows, source_columns, channels, rows, columns;
};
Result<Sizes> sizes_of(const Tensor& images, const Tensor& size) {
  const Shape wanted = TRY(shape_value(size, "the size of the resized images"));
  if (images.rank() != 4 || (!is_float(images.dtype()) && !is_integer(images.dtype()))) {
    return input_error("resizing takes numeric images of rank 4, found " + type_text(images));
  }
  const Shape& s = images.shape();
  if (wanted.size() != 2 || wanted[0] < 1 || wanted[1] < 1 || s[1] < 1 || s[2] < 1) {
    return input_error("images " + type_text(images) + " cannot be resized to " + to_string(wanted));
  }
  return Sizes{s[0], s[1], s[2], s[3], wanted[0], wanted[1]};
}

Result<Outputs> filter(EvalContext& c, const Tensor& images, const Sizes& s, const TapsOf& row_taps, const TapsOf& column_taps) {
  MutableTensor out = TRY(c.allocate(DType::kFloat32, {s.batch, s.rows, s.columns, s.channels}));
  if (out.elements() == 0) return one(std::move(out));
  std::vector<double> pixel(static_cast<size_t>(s.channels)), sum(pixel.size());
  Taps rows, columns;
  int64_t to = 0;
  for (int64_t image = 0; image < s.batch; ++image) {
    for (int64_t y = 0; y < s.rows; ++y) {
      rows.clear();
      row_taps(y, rows);
      for (int64_t x = 0; x < s.columns; ++x, to += s.channels) {
        columns.clear();
        column_taps(x, columns);
        std::fill(sum.begin(), sum.end(), 0.0);
        for (size_t i = 0; i < rows.sources.size(); ++i) {
          for (size_t j = 0; j < columns.sources.size(); ++j) {
            const double weight = static_cast<double>(rows.weights[i]) * columns.weights[j];
            load(images, ((image * s.source_rows + rows.sources[i]) * s.source_columns + columns.sources[j]) * s.channels, std::span(pixel));
            for (size_t k = 0; k < sum.size(); ++k) sum[k] += weight * pixel[k];
          }
        }
        store_doubles(out, to, sum);
      }
    }
  }
  return one(std::move(out));
}

float scale_of(int64_t source, int64_t target, bool align_corners) {
  if (align_corners && target > 1) return static_cast<float>(source - 1) / static_cast<float>(target - 1);
  return static_cast<float>(source) / static_cast<float>(target);
}

// --- ResizeBicubic

// Keys' cubic at a distance of [0, 1) and [1, 2).
double near_cubic(double a, double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; }
double far_cubic(double a, double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; }

TapsOf cubic_taps(int64_t source, int64_t target, const ResizeAttributes& a) {
  const float scale = scale_of(source, target, a.align_corners);
  return [=](int64_t index, Taps& taps) {
    // TensorFlow reads the cubic from a table of this many steps. With half_pixel_centers it is Keys' own (-0.5), and what lies outside of the image has
    // no weight; without, it is steeper (-0.75), and the border repeats.
    constexpr int64_t kSteps = 1024;
    const double steepness = a.half_pixel_centers ? -0.5 : -0.75;
    const float at = a.half_pixel_centers ? (static_cast<float>(index) + 0.5f) * scale - 0.5f : static_cast<float>(index) * scale;
    const float floor = std::floor(at);
    const double delta = static_cast<double>(std::lrint((at - floor) * kSteps)) / kSteps;
    const auto first = static_cast<int64_t>(floor) - 1;
    const double weights[] = {far_cubic(steepness, delta + 1), near_cubic(steepness, delta), near_cubic(steepness, 1 - delta), far_cubic(steepness, 2 - delta)};
    for (int64_t i = 0; i < 4; ++i) {
      const int64_t clamped = std::clamp<int64_t>(first + i, 0, source - 1);
      const bool inside = clamped == first + i;
      taps.add(clamped, inside || !a.half_pixel_centers ? static_cast<float>(weights[i]) : 0.0f);
    }
    if (a.half_pixel_centers) taps.normalize();
  };
}

Result<Outputs> reference_bicubic(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<ResizeAttributes>();
  if (a.align_corners && a.half_pixel_centers) return input_error("align_corners and half_pixel_centers cannot both be set");
  const Tensor& images = *TRY(tensor_input(c, inputs, 0));
  const Sizes s = TRY(sizes_of(images, *TRY(tensor_input(c, inputs, 1))));
  return filter(c, images, s, cubic_taps(s.source_rows, s.rows, a), cubic_taps(s.source_columns, s.columns, a));
}

// --- ResizeArea

// The parts of source pixels that a pixel of the result covers.
TapsOf area_taps(int64_t source, int64_t target, bool align_corners) {
  // A single pixel has no corners.
  const float scale = scale_of(source, target, align_corners && source > 1);
  return [=](int64_t index, Taps& taps) {
    const float begin = static_cast<float>(index) * scale, end = static_cast<float>(index + 1) * scale;
    for (auto i = static_cast<int64_t>(std::floor(begin)); static_cast<float>(i) < end; ++i) {
      const float covered = std::min(static_cast<float>(i + 1), end) - std::max(static_cast<float>(i), begin);
      taps.add(std::clamp<int64_t>(i, 0, source - 1), covered / scale);
    }
  };
}

Result<Outputs> reference_area(EvalContext& c, Inputs inputs) {
  const bool align = c.as<ResizeAreaAttributes>().align_corners;
  const Tensor& images = *TRY(tensor_input(c, inputs, 0));
  const Sizes s = TRY(sizes_of(images, *TRY(tensor_input(c, inputs, 1))));
  return filter(c, images, s, area_taps(s.source_rows, s.rows, align), area_taps(s.source_columns, s.columns, align));
}

// --- ScaleAndTranslate

struct Kernel {
  float radius;
  float (*at)(float x, float radius);  // x >= 0
};

float lanczos(float x, float radius) {
  constexpr float kPi = std::numbers::pi_v<float>;
  if (x > radius) return 0;
  if (x <= 1e-3f) return 1;
  return radius * std::sin(kPi * x) * std::sin(kPi * x / radius) / (kPi * kPi * x * x);
}
float gaussian(float x, float radius) {
  const float sigma = radius / 3;
  return x >= radius ? 0 : std::exp(-x * x / (2 * sigma * sigma));
}
float box(float x, float) { return x < 0.5f ? 1.0f : x == 0.5f ? 0.5f : 0.0f; }
float triangle(float x, float) { return x < 1 ? 1 - x : 0; }
float keys_cubic(float x, float) {
  if (x >= 2) return 0;
  return x >= 1 ? ((-0.5f * x + 2.5f) * x - 4) * x + 2 : (1.5f * x - 2.5f) * x * x + 1;
}
float mitchell_cubic(float x, float) {
  if (x >= 2) return 0;
  if (x >= 1) return (((-7.0f / 18) * x + 2) * x - 10.0f / 3) * x + 16.0f / 9;
  return ((7.0f / 6) * x - 2) * x * x + 8.0f / 9;
}

Result<Kernel> kernel_named(const std::string& name) {
  const std::pair<std::string_view, Kernel> kernels[] = {
      {"lanczos1", {1, lanczos}}, {"lanczos3", {3, lanczos}},  {"lanczos5", {5, lanczos}},     {"gaussian", {1.5f, gaussian}},
      {"box", {1, box}},          {"triangle", {1, triangle}}, {"keyscubic", {2, keys_cubic}}, {"mitchellcubic", {2, mitchell_cubic}},
  };
  for (const auto& [known, kernel] : kernels)
    if (known == name) return kernel;
  return input_error("there is no kernel '" + name + "'");
}

TapsOf kernel_taps(int64_t source, const Kernel& kernel, float scale, float translation, bool antialias) {
  const float inverse = 1.0f / scale, shift = -inverse * translation;
  const float width = antialias ? std::max(inverse, 1.0f) : 1.0f;
  return [=](int64_t index, Taps& taps) {
    const float center = (static_cast<float>(index) + 0.5f) * inverse + shift;
    if (!(center >= 0 && center <= static_cast<float>(source))) return;
    const float reach = std::min(kernel.radius * width, static_cast<float>(source) + 1);
    const int64_t first = std::max<int64_t>(0, static_cast<int64_t>(std::ceil(center - reach - 0.5f)));
    const int64_t last = std::min<int64_t>(source - 1, static_cast<int64_t>(std::floor(center + reach - 0.5f)));
    for (int64_t i = first; i <= last; ++i) taps.add(i, kernel.at(std::fabs((static_cast<float>(i) + 0.5f - center) / width), kernel.radius));
    taps.normalize();
  };
}

Result<Outputs> reference_scale_and_translate(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<ScaleAndTranslateAttributes>();
  const Tensor& images = *TRY(tensor_input(c, inputs, 0));
  const Sizes s = TRY(sizes_of(images, *TRY(tensor_input(c, inputs, 1))));
  const Tensor &scale = *TRY(tensor_input(c, inputs, 2)), &translation = *TRY(tensor_input(c, inputs, 3));
  if (scale.elements() != 2 || translation.elements() != 2) return input_error("scale and translation must have two numbers each");
  const Kernel kernel = TRY(kernel_named(a.kernel_type));
  for (int64_t i = 0; i < 2; ++i)
    if (!(scale.at<float>(i) > 0) || !std::isfinite(translation.at<float>(i))) return input_error("scales must be positive and translations finite");
  return filter(c, images, s, kernel_taps(s.source_rows, kernel, scale.at<float>(0), translation.at<float>(0), a.antialias),
                kernel_taps(s.source_columns, kernel, scale.at<float>(1), translation.at<float>(1), a.antialias));
}

}  // namespace

constinit const OpDef kOp_ResizeBicubic = {
    .name = "ResizeBicubic",
    .signature = "images: T, size: int32 -> resized_images: float32",
    .make_attributes = &make_attributes<ResizeAttributes>,
    .infer = infer_resize,
    .reference = reference_bicubic,
    .doc = "Resizes images by a cubic filter of four by four pixels.",
};

constinit const OpDef kOp_ResizeArea = {
    .name = "ResizeArea",
    .signature = "images: T, size: int32 -> resized_images: float32",
    .make_attributes = &make_attributes<ResizeAreaAttributes>,
    .infer = infer_resize,
    .reference = reference_area,
    .doc = "Resizes images by averaging the area that a pixel of the result covers.",
};

constinit const OpDef kOp_ScaleAndTranslate = {
    .name = "ScaleAndTranslate",
    .signature = "images: T, size: int32, scale: float32, translation: float32 -> resized_images: float32",
    .make_attributes = &make_attributes<ScaleAndTranslateAttributes>,
    .infer = infer_resize,
    .reference = reference_scale_and_translate,
    .doc = "Scales and moves images by a filter of the named kernel, widened where images shrink if antialias is set. What lies outside of the source is 0.",
};

}  // namespace isomer::ops
