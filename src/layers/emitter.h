// Building a graph op by op, so that the lowering of a layer reads like its formula.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/module.h"

namespace isomer::layers {

using Value = ir::ValueId;

// Adds nodes to one function. A node that cannot be made leaves an error; from then on nothing is made, values are invalid, and status() tells why.
class Emitter {
 public:
  Emitter(ir::Module& module, ir::Graph& graph) : module_(module), graph_(graph) {}

  ir::Module& module() { return module_; }
  ir::Graph& graph() { return graph_; }
  // Names of nodes begin with this: the layer's name and a slash.
  std::string prefix;

  Value make(std::string_view op, std::span<const Value> inputs, const ir::AttributeMap& attributes = {});
  Value make(std::string_view op, std::initializer_list<Value> inputs, const ir::AttributeMap& attributes = {}) {
    return make(op, std::span<const Value>(inputs.begin(), inputs.size()), attributes);
  }
  std::vector<Value> make_all(std::string_view op, std::span<const Value> inputs, const ir::AttributeMap& attributes = {});

  // Types. Of an invalid value: dtype float32 and an unknown shape.
  const TensorType& type(Value x) const;
  DType dtype(Value x) const { return type(x).dtype; }
  const PartialShape& shape(Value x) const { return type(x).shape; }
  int64_t rank(Value x);                                             // refuses where it is unknown
  int64_t known_size(Value x, int64_t axis, std::string_view what);  // axis may be negative; refuses where the size is unknown

  // Constants.
  Value constant(Tensor value, std::string_view name = "constant");
  Value scalar(DType dtype, double value);
  Value like(Value x, double value) { return scalar(dtype(x), value); }  // of x's dtype
  Value integer(int64_t value) { return scalar(DType::kInt32, static_cast<double>(value)); }
  Value integers(std::span<const int64_t> values);
  Value integers(std::initializer_list<int64_t> values) { return integers(std::span<const int64_t>(values.begin(), values.size())); }

  // Arithmetic with broadcasting.
  Value add(Value a, Value b) { return make("AddV2", {a, b}); }
  Value subtract(Value a, Value b) { return make("Sub", {a, b}); }
  Value multiply(Value a, Value b) { return make("Mul", {a, b}); }
  Value divide(Value a, Value b) { return make("RealDiv", {a, b}); }
  Value add(Value a, double b) { return add(a, like(a, b)); }
  Value multiply(Value a, double b) { return multiply(a, like(a, b)); }
  Value minimum(Value a, double b) { return make("Minimum", {a, like(a, b)}); }
  Value maximum(Value a, double b) { return make("Maximum", {a, like(a, b)}); }
  Value select(Value condition, Value a, Value b) { return make("SelectV2", {condition, a, b}); }
  Value cast(Value x, DType dtype);
  Value reduce(std::string_view op, Value x, std::span<const int64_t> axes, bool keep_dims = false);
  Value reduce(std::string_view op, Value x, std::initializer_list<int64_t> axes, bool keep_dims = false) {
    return reduce(op, x, std::span<const int64_t>(axes.begin(), axes.size()), keep_dims);
  }

  // Shapes. A dimension is a scalar int32 of the graph, or constant where it is known.
  Value dimension(Value x, int64_t axis);
  Value dimensions(std::span<const Value> sizes);  // int32 vector
  // At most one of the sizes may be -1.
  Value reshape(Value x, std::span<const int64_t> sizes);
  Value reshape(Value x, std::initializer_list<int64_t> sizes) { return reshape(x, std::span<const int64_t>(sizes.begin(), sizes.size())); }
  Value reshape_to(Value x, std::span<const Value> sizes) { return make("Reshape", {x, dimensions(sizes)}); }
  Value transpose(Value x, std::span<const int64_t> order);
  Value transpose(Value x, std::initializer_list<int64_t> order) { return transpose(x, std::span<const int64_t>(order.begin(), order.size())); }
  Value expand(Value x, int64_t axis) { return make("ExpandDims", {x, integer(axis)}); }
  Value squeeze(Value x, int64_t axis);
  Value concatenate(std::span<const Value> values, int64_t axis);
  Value reverse(Value x, int64_t axis) { return make("ReverseV2", {x, integers({axis})}); }
  // x[..., begin:end, ...] on one axis; `end` may be INT64_MAX.
  Value slice(Value x, int64_t axis, int64_t begin, int64_t end);
  std::vector<Value> split(Value x, int64_t axis, int64_t parts);
  Value pad(Value x, std::span<const std::pair<int64_t, int64_t>> paddings, double value = 0);
  Value zeros_like(Value x) { return make("ZerosLike", {x}); }
  Value fill(std::span<const Value> sizes, DType dtype, double value);

  void refuse(Error error);
  void refuse(std::string message) { refuse(Error{ErrorCode::kInvalidModel, std::move(message), {}, {}, {}}); }
  bool failed() const { return error_.has_value(); }
  Result<void> status() const;
  // Takes the other's error in place of its own (which then says more).
  void replace_error(const Emitter& other) { error_ = other.error_; }
  // The same error in two emitters (of a function and of the body of a loop in it).
  void adopt(const Emitter& other) {
    if (!error_) error_ = other.error_;
  }

 private:
  ir::Module& module_;
  ir::Graph& graph_;
  std::optional<Error> error_;
};

}  // namespace isomer::layers
