// Softmax, LogSoftmax and the cross entropies, along the last dimension.
#include <cmath>
#include <limits>

#include "ops/kernel.h"

namespace isomer::ops {
namespace {

using namespace ir;

Result<void> infer_softmax(InferContext& c) {
  c.set_shape(0, TRY(shape_of_rank_at_least(c, 0, 1)));
  return {};
}

// Subtracts the largest element, so that exp cannot overflow, and returns log(sum(exp(row))) of what is left.
double shift(std::span<double> row) {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (const double value : row) largest = std::fmax(largest, value);
  for (double& value : row) sum += std::exp(value -= largest);
  return std::log(sum);
}

template <bool logarithm>
Result<Outputs> reference_softmax(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  if (!is_float(x.dtype())) return dtype_error(c, x.dtype());
  if (x.rank() < 1) return input_error(std::string(c.node().op->name) + " takes rank 1 or more, found " + type_text(x));
  MutableTensor y = TRY(c.allocate(x.dtype(), x.shape()));
  const int64_t width = x.shape().back();
  std::vector<double> row(static_cast<size_t>(y.elements() ? width : 0));
  for (int64_t first = 0; first < y.elements(); first += width) {
    load(x, first, std::span(row));
    const double log_sum = shift(row);
    for (double& value : row) value = logarithm ? value - log_sum : std::exp(value) / std::exp(log_sum);
    store(y, first, std::span<const double>(row));
  }
  return one(std::move(y));
}

// --- cross entropy

Result<void> infer_cross_entropy(InferContext& c) {
  const PartialShape features = TRY(shape_of_rank(c, 0, 2)), labels = TRY(shape_of_rank(c, 1, 2));
  const PartialShape shape = TRY(broadcast(features, labels));
  c.set_shape(0, PartialShape{shape[0]});
  c.set_shape(1, shape);
  return {};
}
Result<Outputs> reference_cross_entropy(EvalContext& c, Inputs inputs) {
  const Tensor& features = *TRY(tensor_input(c, inputs, 0));
  const Tensor& labels = *TRY(tensor_input(c, inputs, 1));
  if (!is_float(features.dtype())) return dtype_error(c, features.dtype());
  const Shape shape = TRY(broadcast(features.shape(), labels.shape()));
  if (shape.size() != 2) return input_error("logits and labels must have rank 2, found " + type_text(features) + " and " + type_text(labels));
  MutableTensor loss = TRY(c.allocate(features.dtype(), {shape[0]})), gradient = TRY(c.allocate(features.dtype(), shape));
  const BroadcastReader logits(features, shape), wanted(labels, shape);
  std::vector<double> row(static_cast<size_t>(shape[1])), label(row.size());
  for (int64_t i = 0; i < shape[0]; ++i) {
    logits.load(i * shape[1], std::span(row));
    wanted.load(i * shape[1], std::span(label));
    const double log_sum = shift(row);
    double sum = 0;
    for (size_t j = 0; j < row.size(); ++j) {
      if (label[j] != 0) sum += label[j] * (log_sum - row[j]);
      row[j] = std::exp(row[j] - log_sum) - label[j];
    }
    store(loss, i, std::span<const double>(&sum, 1));
    store(gradient, i * shape[1], std::span<const double>(row));
  }
  Outputs outputs = one(std::move(loss));
  outputs.emplace_back(std::move(gradient).finish());
  return outputs;
}

Result<void> infer_sparse_cross_entropy(InferContext& c) {
  PartialShape shape = TRY(shape_of_rank(c, 0, 2));
  const PartialShape labels = TRY(shape_of_rank(c, 1, 1));
  shape[0] = TRY(same_dim(shape[0], labels[0], "the rows of the logits and the labels"));
  c.set_shape(0, PartialShape{shape[0]});
  c.set_shape(1, shape);
  return {};
}
Result<Outputs> reference_sparse_cross_entropy(EvalContext& c, Inputs inputs) {
  const Tensor& features = *TRY(tensor_input(c, inputs, 0));
  const Tensor& labels = *TRY(tensor_input(c, inputs, 1));
  if (!is_float(features.dtype())) return dtype_error(c, features.dtype());
  if (features.rank() != 2 || labels.rank() != 1 || labels.elements() != features.shape()[0]) {
    return input_error("the logits must have rank 2 and the labels be a vector over their rows, found " + type_text(features) + " and " + type_text(labels));
  }
  const std::vector<int64_t> wanted = TRY(int_vector(labels, "labels"));
  MutableTensor loss = TRY(c.allocate(features.dtype(), labels.shape())), gradient = TRY(c.allocate(features.dtype(), features.shape()));
  const int64_t classes = features.shape()[1];
  std::vector<double> row(static_cast<size_t>(classes));
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] < 0 || wanted[i] >= classes)
      return input_error("label " + std::to_string(wanted[i]) + " lies outside of " + std::to_string(classes) + " classes");
    const int64_t first = static_cast<int64_t>(i) * classes;
    load(features, first, std::span(row));
    const double log_sum = shift(row), value = log_sum - row[static_cast<size_t>(wanted[i])];
    for (double& element : row) element = std::exp(element - log_sum);
    row[static_cast<size_t>(wanted[i])] -= 1;
    store(loss, static_cast<int64_t>(i), std::span<const double>(&value, 1));
    store(gradient, first, std::span<const double>(row));
  }
  Outputs outputs = one(std::move(loss));
  outputs.emplace_back(std::move(gradient).finish());
  return outputs;
}

}  // namespace

constinit const OpDef kOp_LogSoftmax = {
    .name = "LogSoftmax",
    .signature = "logits: T -> logsoftmax: T",
    .infer = infer_softmax,
    .reference = reference_softmax<true>,
    .doc = "x - log(sum(exp(x))) along the last dimension.",
};
constinit const OpDef kOp_Softmax = {
    .name = "Softmax",
    .signature = "logits: T -> softmax: T",
    .infer = infer_softmax,
    .reference = reference_softmax<false>,
    .doc = "exp(x) / sum(exp(x)) along the last dimension.",
};
constinit const OpDef kOp_SoftmaxCrossEntropyWithLogits = {
    .name = "SoftmaxCrossEntropyWithLogits",
    .signature = "features: T, labels: T -> loss: T, backprop: T",
    .infer = infer_cross_entropy,
    .reference = reference_cross_entropy,
    .doc = "The cross entropy of each row of logits with a distribution, and its gradient with respect to the logits.",
};
constinit const OpDef kOp_SparseSoftmaxCrossEntropyWithLogits = {
    .name = "SparseSoftmaxCrossEntropyWithLogits",
    .signature = "features: T, labels: Tlabels -> loss: T, backprop: T",
    .infer = infer_sparse_cross_entropy,
    .reference = reference_sparse_cross_entropy,
    .doc = "The cross entropy of each row of logits with one right class, and its gradient with respect to the logits.",
};

}  // namespace isomer::ops
