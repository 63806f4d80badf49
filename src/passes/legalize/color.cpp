// Colours, channel by channel. Hue runs from 0 to 1, one sixth for each of the six ways between two pure colours.
#include "passes/build.h"

namespace isomer::passes {
namespace {

// Red, green and blue or hue, saturation and value; each keeps a last dimension of 1.
struct Channels {
  Term first, second, third;
};

bool takes_colors(Term images) {
  const PartialShape shape = images.shape();
  return shape.has_rank() && shape.rank() > 0 && is_float(images.dtype());
}

Channels split_channels(Term images) {
  const auto channel = [&](int64_t i) { return slice_axis(images, -1, i, int64_t{1}); };
  return {channel(0), channel(1), channel(2)};
}
Term join_channels(const Channels& c) { return concat({c.first, c.second, c.third}, c.first.shape().rank() - 1); }

Term greatest_of(const Channels& c) { return maximum(maximum(c.first, c.second), c.third); }
Term least_of(const Channels& c) { return minimum(minimum(c.first, c.second), c.third); }
Term clamped(Term x) {
  Builder& b = x.builder();
  return minimum(maximum(x, b.number(x.dtype(), 0)), b.number(x.dtype(), 1));
}

// v = max(r, g, b), range = v - min(r, g, b), s = range / v; the hue by which channel is the greatest. Grey has hue 0, black saturation 0.
Channels to_hsv(const Channels& rgb) {
  const Term r = rgb.first, g = rgb.second, b = rgb.third;
  const Term value = greatest_of(rgb), range = value - least_of(rgb);
  const Term zero = zeros_like(value), one = zero + 1;
  const Term saturation = select(greater(value, 0), range / select(greater(value, 0), value, one), zero);
  const Term sixth = one / (select(greater(range, 0), range, one) * 6);
  const Term hue = select(equal(r, value), sixth * (g - b), select(equal(g, value), sixth * (b - r) + 2.0 / 6, sixth * (r - g) + 4.0 / 6));
  const Term turned = select(less(hue, 0), hue + 1, hue);
  return {select(greater(range, 0), turned, zero), saturation, value};
}

// How much of the colour of this hue (0 to 6) each channel has, 0 to 1.
Channels shares_of_hue(Term hue) { return {clamped(abs(hue - 3) - 1), clamped(2 - abs(hue - 2)), clamped(2 - abs(hue - 4))}; }

Channels to_rgb(const Channels& hsv) {
  const Channels shares = shares_of_hue(hsv.first * 6);
  const Term saturation = hsv.second;
  const auto channel = [&](Term share) { return (1 - saturation + saturation * share) * hsv.third; };
  return {channel(shares.first), channel(shares.second), channel(shares.third)};
}

constexpr const char* kNoColors = "the rank must be known, the numbers real";

}  // namespace

// Before: RGBToHSV(images)
// After:  v = Maximum(r, g, b), range = v - Minimum(r, g, b), s = range / v, h by the greatest channel: (g - b), (b - r) + 2 range or (r - g) + 4 range,
//         divided by 6 range; ConcatV2 of the three
Result<bool> lower_rgb_to_hsv(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  if (!takes_colors(b.input(0))) return refuse(reason, kNoColors);
  return b.replace(join_channels(to_hsv(split_channels(b.input(0)))));
}

// Before: HSVToRGB(images)   After: (1 - s + s * share) * v, with share of red = |6 h - 3| - 1, green = 2 - |6 h - 2|, blue = 2 - |6 h - 4| within [0, 1]
Result<bool> lower_hsv_to_rgb(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  if (!takes_colors(b.input(0))) return refuse(reason, kNoColors);
  return b.replace(join_channels(to_rgb(split_channels(b.input(0)))));
}

// Before: AdjustHue(images, delta)   After: h = fraction of (hue + delta); least + share of h * (greatest - least) for each channel, as in HSVToRGB
Result<bool> lower_adjust_hue(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  if (!takes_colors(b.input(0))) return refuse(reason, kNoColors);
  const Channels rgb = split_channels(b.input(0));
  const Term hue = to_hsv(rgb).first + cast(b.input(1), b.result_dtype());
  const Term least = least_of(rgb), range = greatest_of(rgb) - least;
  const Channels shares = shares_of_hue((hue - floor(hue)) * 6);
  const auto channel = [&](Term share) { return least + share * range; };
  return b.replace(join_channels({channel(shares.first), channel(shares.second), channel(shares.third)}));
}

// Before: AdjustSaturation(images, scale)   After: HSVToRGB of RGBToHSV with s * scale kept within [0, 1], both written out
Result<bool> lower_adjust_saturation(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  if (!takes_colors(b.input(0))) return refuse(reason, kNoColors);
  Channels hsv = to_hsv(split_channels(b.input(0)));
  hsv.second = clamped(hsv.second * cast(b.input(1), b.result_dtype()));
  return b.replace(join_channels(to_rgb(hsv)));
}

// Before: AdjustContrastv2(images, factor)   After: (images - m) * factor + m, m = Mean of images over height and width
Result<bool> lower_adjust_contrast(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term images = b.input(0);
  const PartialShape shape = images.shape();
  if (!shape.has_rank() || shape.rank() < 3 || !is_float(images.dtype())) return refuse(reason, kNoColors);
  const int64_t axes[] = {shape.rank() - 3, shape.rank() - 2};
  const Term mean = reduce("Mean", images, axes, true);
  return b.replace((images - mean) * cast(b.input(1), b.result_dtype()) + mean);
}

}  // namespace isomer::passes
