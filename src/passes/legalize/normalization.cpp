// Batch normalisation and the losses on logits.
#include <cmath>

#include "passes/legalize/convolution.h"

namespace isomer::passes {

// Before: FusedBatchNorm*(x, scale, offset, mean, variance) {is_training}
// After:  m = Mean(x), v = Mean(SquaredDifference(x, m)) over all but the channels; (x - m) * Rsqrt(v + epsilon) * scale + offset
//         The batch's statistics are results too: m and v * n / (n - 1), mixed with the given ones where exponential_avg_factor is not 1, and m and v again.
// Before: FusedBatchNorm* for inference, whose other results are used   After: those are the given mean and variance
// Channels first: between transposes.
Result<bool> lower_batch_norm(RuleContext& context, ir::NodeId node, std::string& reason) {
  if (has_channels_first(context.graph.node(node))) return to_channels_last(context, node, 0);
  Builder b(context, node);
  const Term scale = b.input(1), offset = b.input(2), mean = b.input(3), variance = b.input(4);
  const DType dtype = b.result_dtype();
  const bool has_third = context.graph.node(node).outputs.size() > 5;
  const auto unused = [&](int64_t i, Term value) { return b.result_used(i) ? value : Term(b, {}); };
  if (has_third && b.result_used(5)) return refuse(reason, "the third reserve space means something to TensorFlow's own kernels only");
  if (!b.attribute("is_training", true)) {
    const Term y = b.again({b.input(0), scale, offset, mean, variance});
    return b.replace({y, unused(1, mean), unused(2, variance), unused(3, mean), unused(4, variance)});
  }
  const Term x = cast(b.input(0), scale.dtype());  // half precision is normalised in float32
  if (!x.shape().has_rank()) return refuse(reason, "the rank must be known");
  std::vector<int64_t> axes;
  Size count = int64_t{1};
  for (int64_t axis = 0; axis + 1 < x.shape().rank(); ++axis) {
    axes.push_back(axis);
    count = b.multiply(count, b.size_of(x, axis));
  }
  const Term m = reduce("Mean", x, axes);
  const Term v = reduce("Mean", b.make("SquaredDifference", {x, m}), axes);
  const Term factor = b.make("Rsqrt", {v + b.attribute("epsilon", 1e-4f)}) * scale;
  const Term y = cast((x - m) * factor + offset, dtype);
  std::vector<Term> results{y, Term(b, {}), Term(b, {}), unused(3, m), unused(4, v)};
  const double fresh = b.attribute("exponential_avg_factor", 1.0f);
  const auto mixed = [&](Term now, Term before) { return fresh == 1 ? now : now * fresh + before * (1 - fresh); };
  if (b.result_used(1)) results[1] = mixed(m, mean);
  if (b.result_used(2)) {
    const Term n = cast(b.scalar(count), x.dtype());
    results[2] = mixed(v * (n / maximum(n - 1, b.number(x.dtype(), 1))), variance);
  }
  return b.replace(results);
}

// Before: FusedBatchNormGrad*(dy, x, scale, mean, variance) {is_training}
// After:  with r = Rsqrt(variance + epsilon), n = (x - mean) * r, over all but the channels: Sum(dy) for the offset, Sum(dy * n) for the scale, and for x
//         dy * scale * r, or in training (dy - (Sum(dy) + n * Sum(dy * n)) / count) * scale * r
// Channels first: between transposes.
Result<bool> lower_batch_norm_gradient(RuleContext& context, ir::NodeId node, std::string& reason) {
  if (has_channels_first(context.graph.node(node))) return to_channels_last(context, node, ChannelPlaces{.data = {0, 1}});
  Builder b(context, node);
  if (b.result_used(3) || b.result_used(4)) return refuse(reason, "the reserve spaces hold nothing");
  const Term scale = b.input(2), mean = b.input(3), variance = b.input(4);
  const DType dtype = b.result_dtype(), wide = scale.dtype();
  const Term dy = cast(b.input(0), wide), x = cast(b.input(1), wide);
  if (!x.shape().has_rank()) return refuse(reason, "the rank must be known");
  std::vector<int64_t> axes;
  Size count = int64_t{1};
  for (int64_t axis = 0; axis + 1 < x.shape().rank(); ++axis) {
    axes.push_back(axis);
    count = b.multiply(count, b.size_of(x, axis));
  }
  const Term r = b.make("Rsqrt", {cast(variance, wide) + b.attribute("epsilon", 1e-4f)}), n = (x - cast(mean, wide)) * r;
  const Term offset = sum(dy, axes), slope = sum(dy * n, axes);
  const Term own = b.attribute("is_training", true) ? dy - (offset + n * slope) / cast(b.scalar(count), wide) : dy;
  return b.replace({cast(own * (scale * r), dtype), cast(slope, b.result_dtype(1)), cast(offset, b.result_dtype(2))});
}

// Before: SoftmaxCrossEntropyWithLogits(x, labels)   After: -Sum(labels * LogSoftmax(x), -1) and Softmax(x) - labels
Result<bool> lower_softmax_cross_entropy(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const Term x = b.input(0), labels = b.input(1);
  const Term loss = -sum(labels * b.make("LogSoftmax", {x}), -1);
  const Term slope = b.result_used(1) ? b.make("Softmax", {x}) - labels : Term(b, {});
  return b.replace({loss, slope});
}

// Before: SparseSoftmaxCrossEntropyWithLogits(x, classes)   After: the same with labels = OneHot(classes)
Result<bool> lower_sparse_softmax_cross_entropy(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const Term x = b.input(0);
  const Term depth = b.scalar(b.size_of(x, 1));
  const Term labels = b.make("OneHot", {cast(b.input(1), DType::kInt32), depth, b.number(x.dtype(), 1), b.number(x.dtype(), 0)}, {{"axis", int64_t{-1}}});
  const Term loss = -sum(labels * b.make("LogSoftmax", {x}), -1);
  const Term slope = b.result_used(1) ? b.make("Softmax", {x}) - labels : Term(b, {});
  return b.replace({loss, slope});
}

// Before: FakeQuantWithMinMaxArgs(x) {min, max}, FakeQuantWithMinMaxVars(x, min, max), FakeQuantWithMinMaxVarsPerChannel(x, min, max)
// After:  scale = (max - min) / (high - low), zero = low - min / scale, cut to [low, high] and rounded; lowest = (low - zero) * scale,
//         highest = (high - zero) * scale; Floor((clipped x - lowest) / scale + 0.5) * scale + lowest
// low is 1 with narrow_range, else 0; high is 2^num_bits - 1. TensorFlow moves min and max so that 0 is one of the steps.
Result<bool> lower_fake_quant(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const Term x = b.input(0);
  const bool as_inputs = b.input_count() > 1;
  const Term min = as_inputs ? b.input(1) : b.number(x.dtype(), b.attribute("min", -6.0f));
  const Term max = as_inputs ? b.input(2) : b.number(x.dtype(), b.attribute("max", 6.0f));
  const double low = b.attribute("narrow_range", false) ? 1 : 0, high = std::ldexp(1.0, static_cast<int>(b.attribute<int64_t>("num_bits", 8))) - 1;
  const Term scale = (max - min) / (high - low);
  const Term zero = low - min / scale;
  // Halves are rounded away from zero, which is up here.
  const Term nearest = floor(minimum(maximum(zero, b.number(x.dtype(), low)), b.number(x.dtype(), high)) + 0.5);
  const Term lowest = (low - nearest) * scale, highest = (high - nearest) * scale;
  const Term steps = (minimum(maximum(x, lowest), highest) - lowest) * (b.number(x.dtype(), 1) / scale);
  return b.replace(floor(steps + 0.5) * scale + lowest);
}

// Before: QuantizeAndDequantizeV2(x, min, max) {num_bits, signed_input, range_given, narrow_range, round_mode, axis}, V3(x, min, max, num_bits), V4
// After:  min and max are those given, or Min and Max of x; with the integers from lowest to highest, of the two steps min / lowest and max / highest the one
//         whose inverse is smaller; Round(x * (1 / step)) * step, x cut first where the range is given
Result<bool> lower_quantize_and_dequantize(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term x = b.input(0);
  const Tensor* bits_input = b.input_count() > 3 ? b.input(3).constant() : nullptr;
  if (b.input_count() > 3 && (!bits_input || bits_input->elements() != 1)) return refuse(reason, "num_bits must be a constant");
  const int64_t bits = bits_input ? bits_input->as_int64(0) : b.attribute<int64_t>("num_bits", 8), axis = b.attribute<int64_t>("axis", -1);
  const bool is_signed = b.attribute("signed_input", true), given = b.attribute("range_given", false);
  const bool half_up = b.attribute<std::string>("round_mode", "HALF_TO_EVEN") == "HALF_UP";
  if (bits < 1 || bits > 24) return refuse(reason, "more than 24 bits are more than float32 counts");
  if (!x.shape().has_rank()) return refuse(reason, "the rank must be known");
  const double lowest = is_signed ? -std::ldexp(1.0, static_cast<int>(bits) - 1) + (b.attribute("narrow_range", false) ? 1 : 0) : 0;
  const double highest = std::ldexp(1.0, static_cast<int>(is_signed ? bits - 1 : bits)) - 1;
  std::vector<int64_t> axes;
  std::vector<Size> along{int64_t{-1}};
  for (int64_t d = 0; d < x.shape().rank(); ++d) {
    if (d != axis) axes.push_back(d);
    if (axis >= 0 && d > axis) along.emplace_back(int64_t{1});
  }
  const auto end = [&](const char* op, int64_t input) {
    const Term value = given ? b.input(input) : reduce(op, x, axes);
    return axis < 0 ? value : reshape(value, along);
  };
  Term min = end("Min", 1), max = end("Max", 2);
  constexpr double kMost = 3.4028234663852886e38;
  // The inverse of a step whose end of the range has the other sign, or is 0, is as large as can be.
  const auto inverse = [&](double count, Term limit) {
    if (count == 0) return b.number(x.dtype(), kMost);
    return select(count > 0 ? greater(limit, 0) : less(limit, 0), b.number(x.dtype(), count) / limit, b.number(x.dtype(), kMost));
  };
  const Term from_min = inverse(lowest, min), from_max = inverse(highest, max), below = less(from_min, from_max);
  const Term step = lowest == 0 ? max / highest : select(below, min / lowest, max / highest);
  const Term scale = minimum(from_min, from_max);
  Term kept = x;
  if (given) {
    max = select(below, step * highest, max);
    min = select(below, min, step * lowest);
    kept = maximum(minimum(x, max), min);
  }
  const Term counted = kept * scale;
  return b.replace((half_up ? floor(counted + 0.5) : b.make("Round", {counted})) * step);
}

// Before: SigmoidGrad(y, dy), TanhGrad(y, dy), SqrtGrad(y, dy), RsqrtGrad(y, dy), ReciprocalGrad(y, dy), InvGrad(y, dy)
// After:  dy * y * (1 - y), dy * (1 - y^2), dy / 2 / y, -dy / 2 * y^3, -dy * y^2, -dy * y^2
Result<bool> lower_gradient_of_result(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  if (is_complex(b.result_dtype())) return refuse(reason, "gradients of complex numbers need conjugates");
  const Term y = b.input(0), dy = b.input(1);
  const ir::Node& old = context.graph.node(node);
  if (old.is("SigmoidGrad")) return b.replace(dy * y * (1 - y));
  if (old.is("TanhGrad")) return b.replace(dy * (1 - square(y)));
  if (old.is("SqrtGrad")) return b.replace(dy * 0.5 / y);
  if (old.is("RsqrtGrad")) return b.replace(dy * -0.5 * square(y) * y);
  return b.replace(-dy * square(y));  // Reciprocal and Inv
}

// Before: ReluGrad(dy, x), Relu6Grad(dy, x), LeakyReluGrad(dy, x) {alpha}, EluGrad(dy, y), SeluGrad(dy, y)
// After:  dy where x > 0 else 0, dy where 0 < x < 6 else 0, dy where x > 0 else dy * alpha, dy * (y + 1) where y < 0 else dy,
//         dy * (y + scale * alpha) where y < 0 else dy * scale
// Before: SoftplusGrad(dy, x), SoftsignGrad(dy, x)   After: dy / (exp(-x) + 1), dy / (1 + |x|)^2
Result<bool> lower_activation_gradient(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const Term dy = b.input(0), x = b.input(1);
  const ir::Node& old = context.graph.node(node);
  if (old.is("ReluGrad")) return b.replace(select(greater(x, 0), dy, zeros_like(dy)));
  if (old.is("Relu6Grad")) return b.replace(select(both(greater(x, 0), less(x, 6)), dy, zeros_like(dy)));
  if (old.is("LeakyReluGrad")) return b.replace(select(greater(x, 0), dy, dy * static_cast<double>(b.attribute("alpha", 0.2f))));
  if (old.is("EluGrad")) return b.replace(select(less(x, 0), dy * (x + 1), dy));
  if (old.is("SoftplusGrad")) return b.replace(dy / (exp(-x) + 1));
  if (old.is("SoftsignGrad")) return b.replace(dy / square(abs(x) + 1));
  constexpr double kScale = 1.0507009873554804934193349852946, kScaledAlpha = 1.7580993408473768599402175208123;  // Selu
  return b.replace(select(less(x, 0), dy * (x + kScaledAlpha), dy * kScale));
}

// Before: BiasAddGrad(dy) {data_format}   After: Sum(dy) over all dimensions but that of the channels
Result<bool> lower_bias_add_gradient(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term dy = b.input(0);
  if (!dy.shape().has_rank()) return refuse(reason, "the rank must be known");
  const int64_t channels = has_channels_first(context.graph.node(node)) ? 1 : dy.shape().rank() - 1;
  std::vector<int64_t> axes;
  for (int64_t axis = 0; axis < dy.shape().rank(); ++axis)
    if (axis != channels) axes.push_back(axis);
  return b.replace(sum(dy, axes));
}

}  // namespace isomer::passes
