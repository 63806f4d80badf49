// A dilated convolution is a plain one whose kernel has zeros between its elements.
//
//   Before: Conv3D(x, w) {dilations = 1, d, d, d, 1}
//   After:  Conv3D(x, w') where w' has the elements of w at every d-th place
//
// DepthwiseConv2dNative and the transposed convolutions likewise. Safe where the kernel's shape is known: SAME padding counts the dilated size in both. It
// costs the products with zeros, so it is for targets that lack the dilated form.
#include "passes/spread_kernels.h"

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

}  // namespace

Result<void> spread_kernels(ir::Module& module, PassContext&) {
  for (const auto& function : module.functions()) {
    RuleContext context{module, function->graph};
    for (const ir::NodeId id : function->graph.live_nodes())
      for (const std::string_view op : kOps)
        if (function->graph.node(id).is(op)) {
          TRY(spread_kernel(context, id));
          break;
        }
  }
  return {};
}

}  // namespace isomer::passes
