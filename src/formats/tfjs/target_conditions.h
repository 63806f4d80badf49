// The conditions of the table in target.cpp: in which form tf.js computes what TensorFlow does.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/module.h"

namespace isomer::tfjs {

// A node as a condition sees it. Attributes are read by name, so that a Foreign node can be judged too.
class NodeView {
 public:
  NodeView(const ir::Module& module, const ir::Graph& graph, const ir::Node& node);

  const ir::Module& module() const { return module_; }
  const ir::Graph& graph() const { return graph_; }
  const ir::Node& node() const { return node_; }
  std::string_view op() const { return op_; }
  int64_t input_count() const { return static_cast<int64_t>(node_.inputs.size()); }
  ir::ValueId input(int64_t i) const { return node_.inputs[static_cast<size_t>(i)]; }
  DType dtype(int64_t i) const { return graph_.type(input(i)).dtype; }
  const PartialShape& shape(int64_t i) const { return graph_.type(input(i)).shape; }
  const Tensor* constant(int64_t i) const { return graph_.constant(input(i)); }
  DType result_dtype(int64_t i = 0) const { return graph_.type(node_.outputs[static_cast<size_t>(i)]).dtype; }
  bool result_used(int64_t i) const;
  template <class T>
  T attribute(std::string_view name, T otherwise) const {
    const ir::AttributeValue* found = ir::find(attributes_, name);
    const T* value = found ? std::get_if<T>(found) : nullptr;
    return value ? *value : otherwise;
  }

 private:
  const ir::Module& module_;
  const ir::Graph& graph_;
  const ir::Node& node_;
  std::string op_;
  ir::AttributeMap attributes_;
};

using Reason = std::optional<std::string>;
using Condition = Reason (*)(const NodeView&);

// tf.js computes 8 and 16 bit integers as int32. Bounds of a value's elements as far as constants, casts and clipping tell, computed without wrapping;
// nothing when nothing is known.
struct Bounds {
  double low, high;
};
std::optional<Bounds> value_bounds(const ir::Graph& graph, ir::ValueId value);
std::optional<Bounds> dtype_bounds(DType dtype);  // of integers of up to 16 bits, and bool

// target_numeric.cpp
Reason needs_no_wrap(const NodeView& v);  // arithmetic on narrow integers
Reason add(const NodeView& v);
Reason divide(const NodeView& v);
Reason floor_div(const NodeView& v);
Reason mod(const NodeView& v);
Reason sign(const NodeView& v);
Reason clip_by_value(const NodeView& v);
Reason cast(const NodeView& v);
Reason bitwise_and(const NodeView& v);
Reason mean(const NodeView& v);
Reason of_no_elements(const NodeView& v);
Reason scan(const NodeView& v);
Reason only_floats(const NodeView& v);
Reason euclidean_norm(const NodeView& v);
Reason fake_quant(const NodeView& v);
Reason random_uniform_int(const NodeView& v);
Reason dense_bincount(const NodeView& v);
Reason rfft(const NodeView& v);
Reason irfft(const NodeView& v);

// target_array.cpp
Reason select(const NodeView& v);
Reason strided_slice(const NodeView& v);
Reason one_hot(const NodeView& v);
Reason ensure_shape(const NodeView& v);
Reason shape_n(const NodeView& v);
Reason tensor_scatter_update(const NodeView& v);
Reason matrix_band_part(const NodeView& v);
Reason regex_replace(const NodeView& v);
Reason string_ngrams(const NodeView& v);
Reason one_result(const NodeView& v);
Reason not_registered(const NodeView& v);
Reason synthetic(const NodeView& v);
Reason table_find(const NodeView& v);
Reason list_concat_v2(const NodeView& v);
Reason list_pop_back(const NodeView& v);
Reason conditional(const NodeView& v);
Reason loop(const NodeView& v);
Reason stateful_control_flow(const NodeView& v);

// target_network.cpp
Reason bias_add(const NodeView& v);
Reason conv2d(const NodeView& v);
Reason depthwise(const NodeView& v);
Reason conv2d_transpose(const NodeView& v);
Reason conv3d(const NodeView& v);
Reason pool2d(const NodeView& v);
Reason pool3d(const NodeView& v);
Reason max_pool_with_argmax(const NodeView& v);
Reason channels_last(const NodeView& v);
Reason batch_norm(const NodeView& v);
Reason batch_matmul(const NodeView& v);
Reason einsum(const NodeView& v);
Reason non_max_suppression_v5(const NodeView& v);

}  // namespace isomer::tfjs
