// Each element of the matrix is computed by itself, from the distance of its column from where its row looks; ops/image_filter.cpp has the same formulas
// for numbers.
#include "passes/legalize/resize_weights.h"

#include <numbers>

namespace isomer::passes {
namespace {

constexpr DType kFloat = DType::kFloat32;

Term sine(Term x) { return x.builder().make("Sin", {x}); }
Term number_like(Term x, double value) { return x.builder().number(x.dtype(), value); }
Term choose(Term condition, Term yes, double no) { return select(condition, yes, number_like(yes, no)); }

// 0, 1, 2, ... as a column or a row.
Term counted(Builder& b, const Size& count, int64_t axis) { return expand(cast(range(b, count), kFloat), axis); }
Term as_float(Builder& b, const Size& size) {
  if (const auto* known = std::get_if<int64_t>(&size)) return b.number(kFloat, static_cast<double>(*known));
  return cast(b.scalar(size), kFloat);
}

// Rows that add up to 1, unless they nearly cancel.
Term normalized(Term weights) {
  const Term total = sum(weights, 1, true);
  return weights / choose(greater_equal(abs(total), 1.1754943508222875e-35), total, 1);
}

// --- ScaleAndTranslate

Term kernel_at(Term x, const std::string& name) {
  constexpr double kPi = std::numbers::pi;
  if (name == "triangle") return maximum(1 - x, number_like(x, 0));
  if (name == "box") return select(less(x, 0.5), number_like(x, 1), choose(equal(x, 0.5), number_like(x, 0.5), 0));
  if (name == "gaussian") return choose(less(x, 1.5), exp(square(x) * -2), 0);
  if (name == "keyscubic") {
    const Term far = ((x * -0.5 + 2.5) * x - 4) * x + 2, near = (x * 1.5 - 2.5) * x * x + 1;
    return choose(less(x, 2), select(less(x, 1), near, far), 0);
  }
  if (name == "mitchellcubic") {
    const Term far = ((x * (-7.0 / 18) + 2) * x - 10.0 / 3) * x + 16.0 / 9, near = (x * (7.0 / 6) - 2) * x * x + 8.0 / 9;
    return choose(less(x, 2), select(less(x, 1), near, far), 0);
  }
  const double radius = name == "lanczos1" ? 1 : name == "lanczos5" ? 5 : 3;
  const Term some = maximum(x, number_like(x, 1e-3));
  const Term wave = sine(some * kPi) * sine(some * (kPi / radius)) * radius / (square(some) * (kPi * kPi));
  return choose(less_equal(x, radius), choose(greater(x, 1e-3), wave, 1), 0);
}

Term kernel_weights(Builder& b, const AxisToResize& axis) {
  const Term inverse = b.make("Reciprocal", {axis.scale});
  const Term center = (counted(b, axis.target, 1) + 0.5) * inverse - inverse * axis.translation;
  const Term distance = abs(counted(b, axis.source, 0) + 0.5 - center);
  const Term width = b.attribute("antialias", true) ? maximum(inverse, b.number(kFloat, 1)) : b.number(kFloat, 1);
  const Term weights = normalized(kernel_at(distance / width, b.attribute<std::string>("kernel_type", "lanczos3")));
  return choose(both(greater_equal(center, 0), less_equal(center, as_float(b, axis.source))), weights, 0);
}

// --- the ops that fit the whole image

Term scale_of(Builder& b, const AxisToResize& axis) {
  const Term source = as_float(b, axis.source), target = as_float(b, axis.target), whole = source / target;
  if (!b.attribute("align_corners", false)) return whole;
  const Term corners = (source - 1) / maximum(target - 1, b.number(kFloat, 1));
  return select(greater(minimum(source, target), 1), corners, whole);
}

Term cubic_weights(Builder& b, const AxisToResize& axis) {
  const bool half_pixels = b.attribute("half_pixel_centers", false);
  const double a = half_pixels ? -0.5 : -0.75;
  const Term row = counted(b, axis.target, 1), scale = scale_of(b, axis);
  const Term at = half_pixels ? (row + 0.5) * scale - 0.5 : row * scale;
  const Term before = floor(at), delta = b.make("Round", {(at - before) * 1024}) / 1024;
  const auto near = [&](Term x) { return (x * (a + 2) - (a + 3)) * x * x + 1; };
  const auto far = [&](Term x) { return ((x * a - 5 * a) * x + 8 * a) * x - 4 * a; };
  const Term taps[] = {far(delta + 1), near(delta), near(1 - delta), far(2 - delta)};
  const Term column = counted(b, axis.source, 0), last = as_float(b, axis.source) - 1;
  std::optional<Term> weights;
  for (int i = 0; i < 4; ++i) {
    // With half_pixel_centers what lies outside of the image has no weight; without, the border repeats.
    const Term place = before + (i - 1), seen = half_pixels ? place : maximum(minimum(place, last), b.number(kFloat, 0));
    const Term tap = choose(equal(column, seen), taps[i], 0);
    weights = weights ? *weights + tap : tap;
  }
  return half_pixels ? normalized(*weights) : *weights;
}

Term area_weights(Builder& b, const AxisToResize& axis) {
  const Term row = counted(b, axis.target, 1), scale = scale_of(b, axis), column = counted(b, axis.source, 0);
  const Term begin = row * scale, end = (row + 1) * scale;
  // The last pixel goes on behind the border.
  const Term border = choose(less(column, as_float(b, axis.source) - 1), column + 1, 3e38);
  return maximum(minimum(border, end) - maximum(column, begin), b.number(kFloat, 0)) / scale;
}

}  // namespace

Term resize_weights(Builder& b, std::string_view op, const AxisToResize& axis) {
  if (op == "ResizeBicubic") return cubic_weights(b, axis);
  return op == "ResizeArea" ? area_weights(b, axis) : kernel_weights(b, axis);
}

}  // namespace isomer::passes
