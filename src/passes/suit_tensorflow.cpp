// A dilated convolution is a plain one whose kernel has zeros between its elements.
//
//   Before: Conv3D(x, w) {dilations = 1, d, d, d, 1}
//   After:  Conv3D(x, w') where w' has the elements of w at every d-th place
//
// DepthwiseConv2dNative and the transposed convolutions likewise. Safe where the kernel's shape is known: SAME padding counts the dilated size in both. It
// costs the products with zeros, so it is for targets that lack the dilated form.
//
//   Before: BiasAdd(Conv2D(x, w), b), w for fewer channels than x has
//   After:  AddV2(Conv2D(x, w), b)
//
// TensorFlow makes one op of a convolution and its BiasAdd, and that one has no groups. Safe where channels are last.
#include "passes/suit_tensorflow.h"

#include <algorithm>

#include "passes/build.h"

namespace isomer::passes {
namespace {

constexpr std::string_view kOps[] = {"Conv2DBackpropInput", "Conv3D", "Conv3DBackpropInputV2", "DepthwiseConv2dNative"};  // the kernel is input 1 of all

// Zeros after each element along the axis, but for the last.
Term spread(Builder& b, Term kernel, int64_t axis, int64_t dilation) {
  const std::vector<int64_t> dims = kernel.shape().dims();
  const auto at = static_cast<size_t>(axis);
  std::vector<Size> apart(dims.begin(), dims.end()), together(dims.begin(), dims.end());
  apart.insert(apart.begin() + axis + 1, int64_t{1});
  together[at] = dims[at] * dilation;
  std::vector<double> paddings(2 * apart.size(), 0);
  paddings[2 * (at + 1) + 1] = static_cast<double>(dilation - 1);
  const Term padded = b.make("Pad", {reshape(kernel, apart), b.numbers(DType::kInt32, {static_cast<int64_t>(apart.size()), 2}, paddings)});
  return slice_axis(reshape(padded, together), axis, int64_t{0}, (dims[at] - 1) * dilation + 1);
}

Result<void> spread_kernel(RuleContext& context, ir::NodeId node) {
  Builder b(context, node);
  const std::vector<int64_t> dilations = b.attribute("dilations", std::vector<int64_t>());
  Term kernel = b.input(1);
  if (!kernel.shape().known() || std::all_of(dilations.begin(), dilations.end(), [](int64_t d) { return d == 1; })) return {};
  for (size_t i = 1; i + 1 < dilations.size(); ++i)
    if (dilations[i] > 1) kernel = spread(b, kernel, static_cast<int64_t>(i) - 1, dilations[i]);
  std::vector<Term> inputs = b.inputs();
  inputs[1] = kernel;
  TRY(b.replace(b.again(inputs, {{"dilations", std::vector<int64_t>(dilations.size(), 1)}})));
  return {};
}

bool is_grouped(const ir::Graph& graph, const ir::Node& node) {
  if (!node.is("Conv2D")) return false;
  const PartialShape &x = graph.value(node.inputs[0]).type.shape, &kernel = graph.value(node.inputs[1]).type.shape;
  return x.has_rank() && kernel.has_rank() && x.rank() == 4 && kernel.rank() == 4 && x[3] != kUnknownDim && kernel[2] != kUnknownDim && x[3] != kernel[2];
}

Result<void> part_bias(RuleContext& context, ir::NodeId node) {
  Builder b(context, node);
  if (b.attribute("data_format", std::string("NHWC")) != "NHWC" || !is_grouped(context.graph, context.graph.producer(context.graph.node(node).inputs[0])))
    return {};
  TRY(b.replace(b.make("AddV2", {b.input(0), b.input(1)})));
  return {};
}

}  // namespace

Result<void> suit_tensorflow(ir::Module& module, PassContext&) {
  for (const auto& function : module.functions()) {
    RuleContext context{module, function->graph};
    for (const ir::NodeId id : function->graph.live_nodes()) {
      const ir::Node& node = function->graph.node(id);
      if (node.is("BiasAdd")) {
        TRY(part_bias(context, id));
      } else if (std::any_of(std::begin(kOps), std::end(kOps), [&](std::string_view op) { return node.is(op); })) {
        TRY(spread_kernel(context, id));
      }
    }
  }
  return {};
}

}  // namespace isomer::passes
