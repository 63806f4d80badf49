// Conditions on arithmetic, casts, reductions and transforms; see target_conditions.h.
//
// tf.js has one integer type, int32. An 8 or 16 bit integer of the model is an int32 there, and does not wrap where it should. Ops on such integers are
// taken where the bounds of their inputs show that nothing can wrap; elsewhere the rules compute in int32 and cut the result with FloorMod. Wider
// integers (int64, uint32, uint64) become int32 as they are: values that do not fit are the writer's business.
#include <algorithm>
#include <cmath>

#include "formats/tfjs/target_conditions.h"

namespace isomer::tfjs {
namespace {

bool narrow(DType dtype) { return dtype != DType::kBool && dtype_bounds(dtype).has_value(); }

std::string name_of(DType dtype) { return std::string(to_string(dtype)); }

Bounds hull(std::initializer_list<double> values) { return {std::min(values), std::max(values)}; }

bool inside(const Bounds& inner, const Bounds& outer) { return inner.low >= outer.low && inner.high <= outer.high; }

// The dimensions that a reduction takes away, as far as known: true when one of them is 0.
bool reduces_nothing(const NodeView& v) {
  const PartialShape& shape = v.shape(0);
  const Tensor* axes = v.constant(1);
  if (!shape.has_rank() || !axes) return false;
  for (const int64_t axis : axes->to_int64s()) {
    const auto resolved = resolve_axis(axis, shape.rank());
    if (resolved && shape[*resolved] == 0) return true;
  }
  return false;
}

std::optional<Bounds> constant_bounds(const Tensor& tensor) {
  constexpr int64_t kSmall = 4096;  // larger constants are not looked at
  if (tensor.elements() == 0 || tensor.elements() > kSmall) return {};
  if (!is_integer(tensor.dtype()) && !is_float(tensor.dtype()) && tensor.dtype() != DType::kBool) return {};
  Bounds bounds{tensor.as_double(0), tensor.as_double(0)};
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const double value = tensor.as_double(i);
    if (std::isnan(value)) return {};
    bounds = {std::min(bounds.low, value), std::max(bounds.high, value)};
  }
  return bounds;
}

// Bounds of a sum, product, ... without wrapping; nothing for other ops.
std::optional<Bounds> arithmetic_bounds(const ir::Graph& graph, const ir::Node& node, int depth);

std::optional<Bounds> bounds_of(const ir::Graph& graph, ir::ValueId value, int depth) {
  if (const Tensor* constant = graph.constant(value))
    if (auto bounds = constant_bounds(*constant)) return bounds;
  const auto by_type = dtype_bounds(graph.type(value).dtype);
  if (depth == 0) return by_type;
  const ir::Node& node = graph.producer(value);
  const auto in = [&](size_t i) { return bounds_of(graph, node.inputs[i], depth - 1); };
  std::optional<Bounds> found;
  if (node.is("Cast")) {
    const auto bounds = in(0);
    if (bounds) found = Bounds{std::trunc(bounds->low), std::trunc(bounds->high)};
  } else if (node.is("Identity") || node.is("Reshape") || node.is("Transpose") || node.is("Slice") || node.is("StridedSlice") || node.is("Squeeze") ||
             node.is("ExpandDims") || node.is("Tile") || node.is("BroadcastTo") || node.is("GatherV2") || node.is("Max") || node.is("Min")) {
    found = in(0);
  } else if (node.is("Round") || node.is("Floor") || node.is("Ceil")) {
    const auto bounds = in(0);
    if (bounds) found = Bounds{std::floor(bounds->low), std::ceil(bounds->high)};
  } else if (node.is("Sigmoid") || node.is("Softmax")) {
    found = Bounds{0, 1};
  } else if (node.is("ArgMax") || node.is("ArgMin")) {
    const PartialShape& shape = graph.type(node.inputs[0]).shape;
    const Tensor* axis = graph.constant(node.inputs[1]);
    if (shape.has_rank() && axis && axis->elements() == 1)
      if (const auto at = resolve_axis(axis->as_int64(0), shape.rank()); at && shape[*at] != kUnknownDim) found = Bounds{0, static_cast<double>(shape[*at])};
  } else {
    found = arithmetic_bounds(graph, node, depth - 1);
  }
  // What wraps on the way may be anything that its dtype can hold.
  if (found && by_type && !inside(*found, *by_type)) return by_type;
  return found ? found : by_type;
}

std::optional<Bounds> arithmetic_bounds(const ir::Graph& graph, const ir::Node& node, int depth) {
  std::vector<Bounds> in;
  for (const ir::ValueId id : node.inputs) {
    const auto bounds = bounds_of(graph, id, depth);
    // Clipping needs one bounded side only.
    if (!bounds && !node.is("Minimum") && !node.is("Maximum") && !node.is("ClipByValue") && !node.is("FloorMod")) return {};
    in.push_back(bounds.value_or(Bounds{-INFINITY, INFINITY}));
  }
  const auto finite = [](Bounds b) -> std::optional<Bounds> {
    if (std::isfinite(b.low) && std::isfinite(b.high)) return b;
    return {};
  };
  if (node.is("Relu")) return Bounds{std::max(0.0, in[0].low), std::max(0.0, in[0].high)};
  if (node.is("Relu6")) return Bounds{0, 6};
  if (node.is("Neg")) return Bounds{-in[0].high, -in[0].low};
  if (node.is("Abs")) return Bounds{in[0].low > 0 ? in[0].low : 0, std::max(std::fabs(in[0].low), std::fabs(in[0].high))};
  if (node.is("Square")) return Bounds{0, std::max(in[0].low * in[0].low, in[0].high * in[0].high)};
  // An infinite side survives here; a second clip may close it.
  if (node.is("Minimum")) return Bounds{std::min(in[0].low, in[1].low), std::min(in[0].high, in[1].high)};
  if (node.is("Maximum")) return Bounds{std::max(in[0].low, in[1].low), std::max(in[0].high, in[1].high)};
  if (node.is("ClipByValue")) return finite({std::max(in[1].low, std::min(in[0].low, in[2].low)), std::min(in[2].high, std::max(in[0].high, in[1].high))});
  if (node.is("FloorMod") && in[1].low > 0 && std::isfinite(in[1].high)) return Bounds{0, in[1].high - (is_integer(graph.type(node.outputs[0]).dtype) ? 1 : 0)};
  if (node.is("Add") || node.is("AddV2")) return Bounds{in[0].low + in[1].low, in[0].high + in[1].high};
  if (node.is("Sub")) return Bounds{in[0].low - in[1].high, in[0].high - in[1].low};
  if (node.is("Mul")) return hull({in[0].low * in[1].low, in[0].low * in[1].high, in[0].high * in[1].low, in[0].high * in[1].high});
  if (node.is("SelectV2")) return Bounds{std::min(in[1].low, in[2].low), std::max(in[1].high, in[2].high)};
  if (node.is("ConcatV2") || node.is("Pack")) {
    Bounds all = in[0];
    for (size_t i = 1; i + (node.is("ConcatV2") ? 1 : 0) < in.size(); ++i) all = {std::min(all.low, in[i].low), std::max(all.high, in[i].high)};
    return all;
  }
  return {};
}

constexpr int kDepth = 8;

}  // namespace

std::optional<Bounds> dtype_bounds(DType dtype) {
  switch (dtype) {
    case DType::kBool: return Bounds{0, 1};
    case DType::kUint8: return Bounds{0, 255};
    case DType::kInt8: return Bounds{-128, 127};
    case DType::kUint16: return Bounds{0, 65535};
    case DType::kInt16: return Bounds{-32768, 32767};
    default: return {};
  }
}

std::optional<Bounds> value_bounds(const ir::Graph& graph, ir::ValueId value) { return bounds_of(graph, value, kDepth); }

Reason needs_no_wrap(const NodeView& v) {
  const DType dtype = v.result_dtype();
  if (!narrow(dtype)) return {};
  const auto bounds = arithmetic_bounds(v.graph(), v.node(), kDepth);
  if (bounds && inside(*bounds, *dtype_bounds(dtype))) return {};
  return "tf.js computes " + name_of(dtype) + " as int32, which does not wrap";
}

Reason add(const NodeView& v) {
  if (v.result_dtype() == DType::kString) return "tf.js does not join strings";
  return needs_no_wrap(v);
}

Reason divide(const NodeView& v) {
  if (is_integer(v.dtype(0))) return "tf.js rounds quotients of integers down, TensorFlow towards zero";
  return {};
}

Reason floor_div(const NodeView& v) {
  if (!is_integer(v.dtype(0))) return "tf.js gives int32 for quotients of floats";
  return {};
}

Reason mod(const NodeView&) { return "tf.js gives remainders the sign of the divisor, TensorFlow that of the dividend"; }

Reason sign(const NodeView& v) {
  if (!is_float(v.dtype(0))) return {};
  // The guarded form that the rule makes: SelectV2(IsNan(x), x, Sign(x)).
  const auto& users = v.graph().value(v.node().outputs[0]).users;
  if (users.size() == 1 && v.graph().node(users[0]).is("SelectV2") && !v.graph().is_output(v.node().outputs[0])) {
    const ir::Node& guard = v.graph().producer(v.graph().node(users[0]).inputs[0]);
    if (guard.is("IsNan") && guard.inputs[0] == v.input(0)) return {};
  }
  return "tf.js gives 0 for NaN";
}

Reason clip_by_value(const NodeView& v) {
  for (int64_t i = 1; i < 3; ++i)
    if (!v.shape(i).has_rank() || v.shape(i).rank() != 0) return "tf.js takes scalar bounds only";
  return {};
}

Reason cast(const NodeView& v) {
  const DType to = v.result_dtype();
  if (v.dtype(0) == DType::kString || to == DType::kString) return "tf.js does not convert strings";
  if (is_complex(v.dtype(0)) && !is_complex(to)) return "tf.js warns and drops the imaginary part";
  if (!narrow(to)) return {};
  const auto bounds = value_bounds(v.graph(), v.input(0));
  if (bounds && inside({std::trunc(bounds->low), std::trunc(bounds->high)}, *dtype_bounds(to))) return {};
  return "tf.js holds " + name_of(to) + " as int32, which does not wrap";
}

Reason bitwise_and(const NodeView&) { return "tf.js has the op, but it always fails"; }

Reason mean(const NodeView& v) {
  if (!is_float(v.dtype(0))) return "tf.js gives float32 for the mean of integers";
  return {};
}

Reason of_no_elements(const NodeView& v) {
  if (reduces_nothing(v)) return "tf.js reduces no elements to something else than TensorFlow";
  return {};
}

Reason scan(const NodeView& v) {
  const Tensor* axis = v.constant(1);
  if (axis && axis->elements() == 1 && axis->as_int64(0) < 0 && !(v.shape(0).has_rank() && v.shape(0).rank() == 1)) return "tf.js takes no negative axis";
  return needs_no_wrap(v);
}

Reason only_floats(const NodeView& v) {
  if (!is_float(v.dtype(0))) return "tf.js computes it for float32 only";
  return {};
}

Reason euclidean_norm(const NodeView& v) {
  const Tensor* axes = v.constant(1);
  if (!axes || axes->elements() > 2) return "tf.js takes the norm along one or two axes that are constants";
  return only_floats(v);
}

Reason fake_quant(const NodeView&) { return "tf.js has the op, but passes its input through"; }

Reason random_uniform_int(const NodeView&) { return "tf.js looks for the bounds among the attributes"; }

Reason dense_bincount(const NodeView& v) {
  if (v.attribute("binary_output", false) && !(v.shape(0).has_rank() && v.shape(0).rank() == 2)) return "tf.js counts where only presence is asked for";
  return {};
}

Reason rfft(const NodeView& v) {
  const Tensor* length = v.constant(1);
  const PartialShape& shape = v.shape(0);
  if (!length || length->elements() != 1 || !shape.has_rank() || shape.rank() < 1 || shape[shape.rank() - 1] != length->as_int64(0))
    return "tf.js ignores fft_length, which must be the input's length";
  return {};
}

Reason irfft(const NodeView& v) {
  const Tensor* length = v.constant(1);
  const PartialShape& shape = v.shape(0);
  if (!length || length->elements() != 1 || !shape.has_rank() || shape.rank() < 1) return "tf.js ignores fft_length, which must be a constant";
  const int64_t wanted = length->as_int64(0);
  if (wanted % 2 != 0) return "tf.js cannot make an odd number of elements";
  if (shape[shape.rank() - 1] != wanted / 2 + 1) return "tf.js ignores fft_length, which must fit the input's length";
  if (shape.rank() < 2) return "tf.js gives a result of rank 2 for a vector";
  return {};
}

}  // namespace isomer::tfjs
