// Convolutions and pools in the forms that small runtimes have: channels last, one group, strides or dilations but not both, no explicit padding of pools.
#include "passes/legalize/convolution.h"

#include <algorithm>

#include "ops/partial_value.h"

namespace isomer::passes {
namespace {

using Integers = std::vector<int64_t>;

bool all_ones(const Integers& values) {
  return std::all_of(values.begin(), values.end(), [](int64_t value) { return value == 1; });
}

// Padding before and after as SAME means it for one dimension.
std::pair<int64_t, int64_t> same_padding(int64_t size, int64_t window, int64_t stride) {
  const int64_t results = (size + stride - 1) / stride;
  const int64_t total = std::max<int64_t>((results - 1) * stride + window - size, 0);
  return {total / 2, total - total / 2};
}

Term every(Term x, int64_t height_step, int64_t width_step) {
  Builder& b = x.builder();
  return b.make("StridedSlice", {x, b.integers({0, 0, 0, 0}), b.integers({0, 0, 0, 0}), b.integers({1, height_step, width_step, 1})},
                {{"begin_mask", int64_t{15}}, {"end_mask", int64_t{15}}});
}

// Stride 1, then every stride-th result. SAME pads for the stride, so its padding is written out.
Result<bool> stride_afterwards(Builder& b, std::string& reason) {
  const Integers strides = b.attribute("strides", Integers{}), dilations = b.attribute("dilations", Integers{});
  const PartialShape input = b.input(0).shape(), filter = b.input(1).shape();
  ir::AttributeMap changes = {{"strides", Integers{1, 1, 1, 1}}};
  if (b.attribute<std::string>("padding", "") == "SAME") {
    if (!input.has_rank() || !filter.has_rank() || input[1] == kUnknownDim || input[2] == kUnknownDim || filter[0] == kUnknownDim || filter[1] == kUnknownDim)
      return refuse(reason, "the image's size must be known where a convolution has strides, dilations and SAME padding");
    const auto pad = [&](int64_t axis) {
      return same_padding(input[axis], (filter[axis - 1] - 1) * dilations[static_cast<size_t>(axis)] + 1, strides[static_cast<size_t>(axis)]);
    };
    const auto [top, bottom] = pad(1);
    const auto [left, right] = pad(2);
    changes.push_back({"padding", std::string("EXPLICIT")});
    changes.push_back({"explicit_paddings", Integers{0, 0, top, bottom, left, right, 0, 0}});
  }
  return b.replace(every(b.again({b.input(0), b.input(1)}, changes), strides[1], strides[2]));
}

bool strided_and_dilated(const Builder& b) { return !all_ones(b.attribute("strides", Integers{})) && !all_ones(b.attribute("dilations", Integers{})); }

}  // namespace

Term spread(Term x, int64_t axis, int64_t step) {
  if (step == 1) return x;
  Builder& b = x.builder();
  const Size n = b.size_of(x, axis);
  std::vector<Size> sizes;
  for (int64_t i = 0; i < x.shape().rank(); ++i) sizes.push_back(i == axis ? b.multiply(n, step) : b.size_of(x, i));
  const Term element = expand(x, axis + 1);
  std::vector<Term> parts{element};
  const Term zeros = zeros_like(element);
  for (int64_t i = 1; i < step; ++i) parts.push_back(zeros);
  return slice_axis(reshape(concat(parts, axis + 1), sizes), axis, int64_t{0}, b.add(b.multiply(b.add(n, int64_t{-1}), step), int64_t{1}));
}

// Before: Conv2D(x, filter)
// After:  channels first: between transposes;   strides and dilations: stride 1, StridedSlice;
//         groups: DepthwiseConv2dNative where each has one channel, else Split, Conv2D for each, ConcatV2
Result<bool> lower_conv2d(RuleContext& context, ir::NodeId node, std::string& reason) {
  if (has_channels_first(context.graph.node(node))) return to_channels_last(context, node, 0);
  Builder b(context, node);
  if (!is_float(b.result_dtype())) return refuse(reason, "only convolutions of floats are rewritten");
  if (strided_and_dilated(b)) return stride_afterwards(b, reason);
  const PartialShape input = b.input(0).shape(), filter = b.input(1).shape();
  if (!input.has_rank() || !filter.has_rank() || input[3] == kUnknownDim || !filter.fully_known() || filter[2] < 1)
    return refuse(reason, "the numbers of channels must be known");
  const int64_t groups = input[3] / filter[2], per_group = groups > 0 ? filter[3] / groups : 0;
  if (groups < 2 || per_group < 1) return refuse(reason, "the numbers of channels do not fit groups");
  if (filter[2] == 1) {
    const Term depthwise = reshape(b.input(1), {filter[0], filter[1], groups, per_group});
    ir::AttributeMap attributes;
    for (const char* name : {"strides", "dilations", "explicit_paddings"}) attributes.push_back({name, b.attribute(name, Integers{})});
    attributes.push_back({"padding", b.attribute<std::string>("padding", "")});
    return b.replace(b.make("DepthwiseConv2dNative", {b.input(0), depthwise}, attributes));
  }
  const auto inputs = b.make_all("Split", {b.integer(3), b.input(0)}, {{"num_split", groups}});
  const auto filters = b.make_all("Split", {b.integer(3), b.input(1)}, {{"num_split", groups}});
  std::vector<Term> results;
  for (size_t i = 0; i < std::min(inputs.size(), filters.size()); ++i) results.push_back(b.again({inputs[i], filters[i]}));
  TRY(b.status());
  return b.replace(concat(results, 3));
}

// Before: DepthwiseConv2dNative(x, filter)   After: channels first: between transposes; strides and dilations: stride 1, StridedSlice
Result<bool> lower_depthwise(RuleContext& context, ir::NodeId node, std::string& reason) {
  if (has_channels_first(context.graph.node(node))) return to_channels_last(context, node, 0);
  Builder b(context, node);
  if (strided_and_dilated(b)) return stride_afterwards(b, reason);
  return refuse(reason, "");
}

// Before: Conv2DBackpropInput(sizes, filter, y)   After: channels first: between transposes; dilations: zeros between the taps of the filter
Result<bool> lower_conv2d_transpose(RuleContext& context, ir::NodeId node, std::string& reason) {
  if (has_channels_first(context.graph.node(node))) return to_channels_last(context, node, 2);
  Builder b(context, node);
  const Integers dilations = b.attribute("dilations", Integers{});
  Term filter = b.input(1);
  if (dilations.size() != 4 || !filter.shape().fully_known()) return refuse(reason, "the filter's size must be known");
  filter = spread(spread(filter, 0, dilations[1]), 1, dilations[2]);
  return b.replace(b.again({b.input(0), filter, b.input(2)}, {{"dilations", Integers{1, 1, 1, 1}}}));
}

// Before: Conv3D(x, filter) with channels first   After: Conv3D between transposes
Result<bool> lower_conv3d(RuleContext& context, ir::NodeId node, std::string& reason) {
  if (has_channels_first(context.graph.node(node))) return to_channels_last(context, node, 0);
  return refuse(reason, "");
}

// Before: Conv3DBackpropInputV2(sizes, filter, y)
// After:  zeros between the elements of y (as many as the stride skips) and around them; Conv3D with the filter reversed, its channels exchanged
// The definition of the transposed convolution. With p zeros before the input of the forward convolution and windows of k, y gets k - 1 - p before.
Result<bool> lower_conv3d_transpose(RuleContext& context, ir::NodeId node, std::string& reason) {
  if (has_channels_first(context.graph.node(node))) return to_channels_last(context, node, 2);
  Builder b(context, node);
  const Integers strides = b.attribute("strides", Integers{}), dilations = b.attribute("dilations", Integers{1, 1, 1, 1, 1});
  Term filter = b.input(1), y = b.input(2);
  PartialShape result = b.result_shape();
  if (const auto sizes = ops::partial_elements(context.graph, b.input(0).id()); sizes && sizes->size() == 5 && result.has_rank())
    for (int64_t axis = 0; axis < 5; ++axis) result[axis] = (*sizes)[static_cast<size_t>(axis)].value_or(result[axis]);
  if (!filter.shape().fully_known() || !result.has_rank() || !y.shape().has_rank() || strides.size() != 5 || dilations.size() != 5)
    return refuse(reason, "the shapes must be known");
  std::vector<double> pads{0, 0};
  for (int64_t axis = 1; axis < 4; ++axis) {
    const auto i = static_cast<size_t>(axis);
    if (result[axis] == kUnknownDim || y.shape()[axis] == kUnknownDim) return refuse(reason, "the sizes of the volumes must be known");
    const int64_t window = (filter.shape()[axis - 1] - 1) * dilations[i] + 1;
    const int64_t forward = b.attribute<std::string>("padding", "") == "SAME" ? same_padding(result[axis], window, strides[i]).first : 0;
    const int64_t before = window - 1 - forward, length = (y.shape()[axis] - 1) * strides[i] + 1;
    const int64_t after = result[axis] - length + window - 1 - before;
    if (before < 0 || after < 0 || y.shape()[axis] < 1) return refuse(reason, "the padding is larger than the window");
    pads.push_back(static_cast<double>(before));
    pads.push_back(static_cast<double>(after));
  }
  pads.insert(pads.end(), {0, 0});
  for (int64_t axis = 1; axis < 4; ++axis) {
    y = spread(y, axis, strides[static_cast<size_t>(axis)]);
    filter = spread(filter, axis - 1, dilations[static_cast<size_t>(axis)]);
  }
  const Term padded = b.make("Pad", {y, b.numbers(DType::kInt32, {5, 2}, pads)});
  const Term reversed = transpose(b.make("ReverseV2", {filter, b.integers({0, 1, 2})}), Integers{0, 1, 2, 4, 3});
  return b.replace(b.make("Conv3D", {padded, reversed}, {{"strides", Integers{1, 1, 1, 1, 1}}, {"padding", std::string("VALID")}}));
}

// Before: AvgPool, MaxPool and their 3D forms
// After:  channels first: between transposes;   explicit padding: PadV2 with the lowest float, VALID;   8 and 16 bit integers: in float32
Result<bool> lower_pool(RuleContext& context, ir::NodeId node, std::string& reason) {
  if (has_channels_first(context.graph.node(node))) return to_channels_last(context, node, 0);
  Builder b(context, node);
  const bool largest = context.graph.node(node).op->name.starts_with("MaxPool");
  Term x = b.input(0);
  if (largest && is_integer(x.dtype()) && element_size(x.dtype()) <= 2) return b.replace(cast(b.again({cast(x, DType::kFloat32)}), x.dtype()));
  if (!is_float(x.dtype())) return refuse(reason, "only pools of floats are rewritten");
  if (b.attribute<std::string>("padding", "") == "EXPLICIT" && largest) {
    const Integers paddings = b.attribute("explicit_paddings", Integers{});
    const std::vector<double> pads(paddings.begin(), paddings.end());
    if (pads.size() != 8) return refuse(reason, "explicit_paddings must have two numbers for each dimension");
    constexpr double kLowest = -3.4028234663852886e38;  // of float32, where TensorFlow starts too
    const Term padded = b.make("PadV2", {x, b.numbers(DType::kInt32, {4, 2}, pads), b.number(x.dtype(), kLowest)});
    return b.replace(b.again({padded}, {{"padding", std::string("VALID")}, {"explicit_paddings", Integers{}}}));
  }
  // SAME pads nothing where every stride is as large as its window or larger; the 3D pools of tf.js then pad by a negative amount.
  const Integers window = b.attribute("ksize", Integers{}), strides = b.attribute("strides", Integers{});
  if (window.size() == 5 && strides.size() == 5 && all_ones(window)) {
    const Term zeros = b.integers({0, 0, 0, 0, 0});
    return b.replace(b.make("StridedSlice", {x, zeros, zeros, b.integers(strides)}, {{"begin_mask", int64_t{31}}, {"end_mask", int64_t{31}}}));
  }
  return refuse(reason, "");
}

}  // namespace isomer::passes
