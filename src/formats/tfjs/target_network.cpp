// Conditions on the ops of neural networks; see target_conditions.h.
#include <algorithm>
#include <set>

#include "formats/tfjs/target_conditions.h"

namespace isomer::tfjs {
namespace {

using Integers = std::vector<int64_t>;

bool channels_first(const NodeView& v) { return v.attribute<std::string>("data_format", "NHWC").starts_with("NC"); }
Reason wants_channels_last() { return "tf.js computes with channels last only"; }

bool all_ones(const Integers& values) {
  return std::all_of(values.begin(), values.end(), [](int64_t value) { return value == 1; });
}

Reason window_condition(const NodeView& v) {
  if (channels_first(v)) return wants_channels_last();
  if (!is_float(v.dtype(0))) return "tf.js computes it for float32 only";
  const Integers strides = v.attribute("strides", Integers{}), dilations = v.attribute("dilations", Integers{});
  if (!all_ones(strides) && !all_ones(dilations)) return "tf.js refuses strides together with dilations";
  return {};
}

Reason pool_condition(const NodeView& v) {
  if (channels_first(v)) return wants_channels_last();
  if (!is_float(v.dtype(0))) return "tf.js computes it for float32 only";
  if (v.attribute<std::string>("padding", "") == "EXPLICIT") return "tf.js refuses explicit paddings of pools";
  const Integers window = v.attribute("ksize", Integers{}), strides = v.attribute("strides", Integers{});
  for (const Integers* list : {&window, &strides})
    if (!list->empty() && (list->front() != 1 || list->back() != 1)) return "tf.js pools over space only, not over examples or channels";
  return {};
}

// Leading dimensions of 1 are no broadcasting for tf.js.
std::vector<int64_t> batch_of(const PartialShape& shape) {
  std::vector<int64_t> batch(shape.dims().begin(), shape.dims().end() - std::min<int64_t>(2, shape.rank()));
  batch.erase(batch.begin(), std::find_if(batch.begin(), batch.end(), [](int64_t dim) { return dim != 1; }));
  return batch;
}

}  // namespace

Reason bias_add(const NodeView& v) {
  if (channels_first(v)) return wants_channels_last();
  return {};
}

Reason channels_last(const NodeView& v) {
  if (channels_first(v)) return wants_channels_last();
  return {};
}

Reason conv2d(const NodeView& v) {
  if (auto reason = window_condition(v)) return reason;
  const PartialShape &input = v.shape(0), &filter = v.shape(1);
  if (!input.has_rank() || !filter.has_rank() || input.rank() != 4 || filter.rank() != 4) return {};
  if (input[3] != kUnknownDim && filter[2] != kUnknownDim && input[3] != filter[2]) return "tf.js has no grouped convolution";
  return {};
}

Reason depthwise(const NodeView& v) { return window_condition(v); }

Reason conv2d_transpose(const NodeView& v) {
  if (channels_first(v)) return wants_channels_last();
  if (!all_ones(v.attribute("dilations", Integers{}))) return "tf.js ignores the dilations of a transposed convolution";
  return {};
}

Reason conv3d(const NodeView& v) { return window_condition(v); }
Reason pool2d(const NodeView& v) { return pool_condition(v); }

Reason pool3d(const NodeView& v) {
  if (auto reason = pool_condition(v)) return reason;
  const Integers window = v.attribute("ksize", Integers{}), strides = v.attribute("strides", Integers{});
  if (v.attribute<std::string>("padding", "") == "SAME" && window.size() == strides.size())
    for (size_t i = 0; i < window.size(); ++i)
      if (strides[i] > window[i]) return "tf.js pads by a negative amount where the stride is larger than the window";
  return {};
}

Reason max_pool_with_argmax(const NodeView& v) { return pool_condition(v); }

Reason batch_norm(const NodeView& v) {
  if (channels_first(v)) return wants_channels_last();
  if (v.attribute("is_training", true)) return "tf.js normalises by the given statistics even where those of the batch are asked for";
  for (int64_t i = 1; i < static_cast<int64_t>(v.node().outputs.size()); ++i)
    if (v.result_used(i)) return "tf.js gives the first result only";
  return {};
}

Reason batch_matmul(const NodeView& v) {
  const PartialShape &x = v.shape(0), &y = v.shape(1);
  if (!x.has_rank() || !y.has_rank()) return {};
  const auto a = batch_of(x), b = batch_of(y);
  // One batch must be the end of the other; dimensions not known yet are taken to be equal.
  const size_t common = std::min(a.size(), b.size());
  for (size_t i = 1; i <= common; ++i) {
    const int64_t p = a[a.size() - i], q = b[b.size() - i];
    if (p != q && p != kUnknownDim && q != kUnknownDim) return "tf.js computes wrong products where dimensions inside the batch broadcast";
    if (p != q && (p == 1 || q == 1)) return "tf.js computes wrong products where dimensions inside the batch broadcast";
  }
  return {};
}

Reason einsum(const NodeView& v) {
  const std::string equation = v.attribute<std::string>("equation", "");
  if (equation.find("->") == std::string::npos) return "tf.js wants the result's labels";
  if (equation.find('.') != std::string::npos) return "tf.js has no ellipsis";
  std::set<char> seen;
  for (const char c : equation) {
    if (c == ',' || c == '-') seen.clear();
    if (c >= 'A' && c <= 'Z') return "tf.js takes capital labels for small ones";
    if (c >= 'a' && c <= 'z' && !seen.insert(c).second) return "tf.js takes no label twice in one operand";
    if (c == ' ') return "tf.js takes a space for a label";
  }
  return {};
}

Reason non_max_suppression_v5(const NodeView& v) {
  if (v.result_used(2)) return "tf.js does not give the number of selected boxes";
  if (v.attribute("pad_to_max_output_size", false)) return "tf.js does not pad the selection";
  const Tensor* sigma = v.constant(5);
  const Tensor* threshold = v.constant(3);
  if (sigma && sigma->elements() == 1 && sigma->as_double(0) == 0) return {};
  if (sigma && threshold && threshold->elements() == 1 && threshold->as_double(0) >= 1) return {};
  return "tf.js drops overlapping boxes that TensorFlow only weakens";
}

}  // namespace isomer::tfjs
