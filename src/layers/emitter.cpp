#include "layers/emitter.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "ir/const_op.h"
#include "ops/registry.h"

namespace isomer::layers {
namespace {

const TensorType kNothing{DType::kFloat32, PartialShape::unknown(), DType::kInvalid, {}};

Result<ir::NodeId> add_node(ir::Module& module, ir::Graph& graph, std::string_view op_name, std::span<const Value> inputs, const ir::AttributeMap& map,
                            const std::string& name) {
  const ir::OpDef* op = ops::find_op(op_name);
  if (!op) return fail(ErrorCode::kInternal, "the op " + std::string(op_name) + " is not registered");
  auto attributes = op->make_attributes();
  TRY(attributes->assign(map));
  return graph.add(*op, std::move(attributes), inputs, graph.unique_name(name), &module);
}

}  // namespace

void Emitter::refuse(Error error) {
  if (!error_) error_ = std::move(error);
}

Result<void> Emitter::status() const {
  if (error_) return fail(*error_);
  return {};
}

std::vector<Value> Emitter::make_all(std::string_view op, std::span<const Value> inputs, const ir::AttributeMap& attributes) {
  if (!error_ && std::any_of(inputs.begin(), inputs.end(), [](Value v) { return !v.valid(); }))
    refuse(Error{ErrorCode::kInternal, "a value is missing", {}, {}, {}});
  if (error_) return {};
  auto node = add_node(module_, graph_, op, inputs, attributes, prefix + std::string(op));
  if (!node) {
    refuse(std::move(node.error()));
    return {};
  }
  return graph_.node(*node).outputs;
}

Value Emitter::make(std::string_view op, std::span<const Value> inputs, const ir::AttributeMap& attributes) {
  const auto results = make_all(op, inputs, attributes);
  return results.empty() ? Value() : results[0];
}

const TensorType& Emitter::type(Value x) const { return x.valid() ? graph_.type(x) : kNothing; }

int64_t Emitter::rank(Value x) {
  if (shape(x).has_rank()) return shape(x).rank();
  refuse("the number of dimensions must be known here");
  return 1;
}

int64_t Emitter::known_size(Value x, int64_t axis, std::string_view what) {
  const int64_t dims = rank(x);
  if (axis < 0) axis += dims;
  if (axis < 0 || axis >= dims) {
    refuse(std::string(what) + ": there is no dimension " + std::to_string(axis) + " in " + to_string(type(x)));
    return 1;
  }
  if (shape(x).has_rank() && shape(x)[axis] != kUnknownDim) return shape(x)[axis];
  refuse(std::string(what) + " must be known, the input is " + to_string(type(x)));
  return 1;
}

Value Emitter::constant(Tensor value, std::string_view name) {
  if (error_) return {};
  const auto type = TensorType{value.dtype(), PartialShape(value.shape()), DType::kInvalid, {}};
  const ir::NodeId node =
      graph_.add_with_types(*ops::find_op("Const"), ir::const_attributes(std::move(value)), {}, {&type, 1}, graph_.unique_name(prefix + std::string(name)));
  return graph_.output(node);
}

Value Emitter::scalar(DType dtype, double value) {
  auto tensor = MutableTensor::create(dtype, {}, Limits());
  if (!tensor) {
    refuse(std::move(tensor.error()));
    return {};
  }
  if (is_float(dtype)) {
    store_doubles(*tensor, 0, {&value, 1});
  } else if (is_complex(dtype)) {
    const std::complex<double> both(value);
    store_complex(*tensor, 0, {&both, 1});
  } else if (dtype == DType::kBool) {
    tensor->as<uint8_t>()[0] = value != 0;
  } else {
    const auto integer = static_cast<int64_t>(value);
    store_int64s(*tensor, 0, {&integer, 1});
  }
  return constant(std::move(*tensor).finish());
}

Value Emitter::integers(std::span<const int64_t> values) { return constant(Tensor::int32s(values)); }

Value Emitter::cast(Value x, DType to) { return dtype(x) == to || !x.valid() ? x : make("Cast", {x}, {{"DstT", to}}); }

Value Emitter::reduce(std::string_view op, Value x, std::span<const int64_t> axes, bool keep_dims) {
  return make(op, {x, integers(axes)}, {{"keep_dims", keep_dims}});
}

Value Emitter::dimension(Value x, int64_t axis) {
  const int64_t dims = rank(x);
  if (axis < 0) axis += dims;
  if (shape(x).has_rank() && axis < dims && shape(x)[axis] != kUnknownDim) return integer(shape(x)[axis]);
  const Value all = make("Shape", {x}, {{"out_type", DType::kInt32}});
  return make("StridedSlice", {all, integers({axis}), integers({axis + 1}), integers({1})}, {{"shrink_axis_mask", int64_t{1}}});
}

Value Emitter::dimensions(std::span<const Value> sizes) {
  std::vector<int64_t> known;
  for (const Value size : sizes) {
    const Tensor* value = size.valid() && !error_ ? graph_.constant(size) : nullptr;
    if (!value) return make("Pack", sizes);
    known.push_back(value->as_int64(0));
  }
  return integers(known);
}

Value Emitter::reshape(Value x, std::span<const int64_t> sizes) { return make("Reshape", {x, integers(sizes)}); }

Value Emitter::transpose(Value x, std::span<const int64_t> order) {
  bool same = true;
  for (size_t i = 0; i < order.size(); ++i) same = same && order[i] == static_cast<int64_t>(i);
  return same ? x : make("Transpose", {x, integers(order)});
}

Value Emitter::squeeze(Value x, int64_t axis) { return make("Squeeze", {x}, {{"squeeze_dims", std::vector<int64_t>{axis}}}); }

Value Emitter::concatenate(std::span<const Value> values, int64_t axis) {
  std::vector<Value> inputs(values.begin(), values.end());
  inputs.push_back(integer(axis));
  return make("ConcatV2", inputs);
}

Value Emitter::slice(Value x, int64_t axis, int64_t begin, int64_t end) {
  const int64_t dims = rank(x);
  if (axis < 0) axis += dims;
  const auto count = static_cast<size_t>(axis) + 1;
  std::vector<int64_t> begins(count, 0), ends(count, 0), steps(count, 1);
  begins.back() = begin;
  const bool open = end == std::numeric_limits<int64_t>::max();
  ends.back() = open ? 0 : end;
  const int64_t before = (int64_t{1} << axis) - 1;
  return make("StridedSlice", {x, integers(begins), integers(ends), integers(steps)},
              {{"begin_mask", before}, {"end_mask", open ? before | int64_t{1} << axis : before}});
}

std::vector<Value> Emitter::split(Value x, int64_t axis, int64_t parts) {
  const Value inputs[] = {integer(axis), x};
  auto results = make_all("Split", inputs, {{"num_split", parts}});
  results.resize(static_cast<size_t>(parts));
  return results;
}

Value Emitter::pad(Value x, std::span<const std::pair<int64_t, int64_t>> paddings, double value) {
  std::vector<int64_t> flat;
  for (const auto& [before, after] : paddings) flat.insert(flat.end(), {before, after});
  const Value sizes = constant(Tensor::int32s(flat).reshaped({static_cast<int64_t>(paddings.size()), 2}));
  return value == 0 ? make("Pad", {x, sizes}) : make("PadV2", {x, sizes, like(x, value)});
}

Value Emitter::fill(std::span<const Value> sizes, DType dtype, double value) { return make("Fill", {dimensions(sizes), scalar(dtype, value)}); }

}  // namespace isomer::layers
