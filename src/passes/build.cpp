#include "passes/build.h"

#include <algorithm>
#include <cmath>

#include "passes/rewrite.h"

namespace isomer::passes {

using ir::NodeId;
using ir::ValueId;

DType Term::dtype() const { return id_.valid() ? builder_->graph().type(id_).dtype : DType::kInvalid; }
PartialShape Term::shape() const { return id_.valid() ? builder_->graph().type(id_).shape : PartialShape(); }
const Tensor* Term::constant() const { return id_.valid() ? builder_->graph().constant(id_) : nullptr; }

Builder::Builder(RuleContext& context, NodeId node) : context_(context), node_(node) {
  const ir::Node& old = graph().node(node);
  prefix_ = old.name;
  origin_ = old.origin.empty() ? std::string(old.op->name) : old.origin;
  attributes_ = old.attributes->to_map();
}

Builder::Builder(RuleContext& context, std::string prefix) : context_(context), prefix_(std::move(prefix)) {}

Term Builder::input(int64_t i) { return {*this, graph().node(node_).inputs[static_cast<size_t>(i)]}; }
int64_t Builder::input_count() const { return static_cast<int64_t>(context_.graph.node(node_).inputs.size()); }
std::vector<Term> Builder::inputs() {
  std::vector<Term> all;
  for (int64_t i = 0; i < input_count(); ++i) all.push_back(input(i));
  return all;
}
DType Builder::result_dtype(int64_t i) { return graph().type(graph().output(node_, i)).dtype; }
PartialShape Builder::result_shape(int64_t i) { return graph().type(graph().output(node_, i)).shape; }
bool Builder::result_used(int64_t i) {
  const ValueId id = graph().output(node_, i);
  return !graph().value(id).users.empty() || graph().is_output(id);
}

std::vector<Term> Builder::make_all(std::string_view op, std::span<const Term> inputs, const ir::AttributeMap& attributes) {
  std::vector<ValueId> ids;
  for (const Term& term : inputs) ids.push_back(term.id());
  if (error_) return {};
  auto made = add_node(graph(), op, attributes, ids, prefix_ + "/" + std::string(op), &context_.module);
  if (!made) {
    error_ = std::move(made.error());
    return {};
  }
  if (first_new_ < 0) first_new_ = made->index;
  graph().node(*made).origin = origin_;
  std::vector<Term> results;
  for (const ValueId id : graph().node(*made).outputs) results.emplace_back(*this, id);
  return results;
}

Term Builder::make(std::string_view op, std::span<const Term> inputs, const ir::AttributeMap& attributes) {
  const auto results = make_all(op, inputs, attributes);
  return results.empty() ? Term(*this, {}) : results[0];
}

std::vector<Term> Builder::again(std::span<const Term> inputs, const ir::AttributeMap& changes) {
  ir::AttributeMap all = attributes_;
  for (ir::NamedAttribute& attribute : all)
    if (const ir::AttributeValue* changed = ir::find(changes, attribute.name)) attribute.value = *changed;
  return make_all(graph().node(node_).op->name, inputs, all);
}

Term Builder::constant(Tensor value) {
  if (error_) return {*this, {}};
  return {*this, add_constant(graph(), std::move(value), prefix_ + "/Const")};
}

Term Builder::number(DType dtype, double value) { return numbers(dtype, {}, {&value, 1}); }

Term Builder::numbers(DType dtype, Shape shape, std::span<const double> values) {
  auto tensor = MutableTensor::create(dtype, std::move(shape), Limits{});
  if (!tensor) {
    if (!error_) error_ = std::move(tensor.error());
    return {*this, {}};
  }
  if (is_float(dtype)) {
    store_doubles(*tensor, 0, values);
  } else if (is_complex(dtype)) {
    const std::vector<std::complex<double>> complex(values.begin(), values.end());
    store_complex(*tensor, 0, complex);
  } else {
    std::vector<int64_t> integers;
    for (const double value : values) integers.push_back(static_cast<int64_t>(value));
    store_int64s(*tensor, 0, integers);
  }
  return constant(std::move(*tensor).finish());
}

Term Builder::integers(std::span<const int64_t> values) { return constant(Tensor::int32s(values)); }
Term Builder::text(std::string value) { return constant(Tensor::from_strings({}, {&value, 1})); }

Term Builder::shape_of(Term x) {
  if (const auto known = x.shape().known()) return integers(*known);
  return make("Shape", {x}, {{"out_type", DType::kInt32}});
}

Size Builder::size_of(Term x, int64_t axis) {
  const PartialShape shape = x.shape();
  if (shape.has_rank()) {
    if (axis < 0) axis += shape.rank();
    if (axis >= 0 && axis < shape.rank() && shape[axis] != kUnknownDim) return shape[axis];
  }
  return size_at(shape_of(x), axis);
}

Size Builder::size_at(Term vector, int64_t index) {
  if (const Tensor* known = vector.constant()) {
    const int64_t at = index < 0 ? index + known->elements() : index;
    if (at >= 0 && at < known->elements()) return known->as_int64(at);
  }
  return make("StridedSlice", {vector, integers({index}), integers({index + 1}), integers({1})},
              {{"shrink_axis_mask", int64_t{1}}, {"end_mask", int64_t{index == -1 ? 1 : 0}}});
}

Term Builder::scalar(const Size& size) {
  if (const auto* known = std::get_if<int64_t>(&size)) return integer(*known);
  return std::get<Term>(size);
}

Term Builder::sizes(std::span<const Size> list) {
  std::vector<int64_t> known;
  for (const Size& size : list)
    if (const auto* value = std::get_if<int64_t>(&size)) known.push_back(*value);
  if (known.size() == list.size()) return integers(known);
  std::vector<Term> parts;
  for (const Size& size : list) parts.push_back(scalar(size));
  return make("Pack", parts, {{"axis", int64_t{0}}});
}

Size Builder::add(const Size& a, const Size& b) {
  const auto* x = std::get_if<int64_t>(&a);
  const auto* y = std::get_if<int64_t>(&b);
  if (x && y) return *x + *y;
  if (x && *x == 0) return b;
  if (y && *y == 0) return a;
  return scalar(a) + scalar(b);
}

Size Builder::subtract(const Size& a, const Size& b) {
  if (const auto* y = std::get_if<int64_t>(&b)) return add(a, -*y);
  return scalar(a) - scalar(b);
}

Size Builder::multiply(const Size& a, const Size& b) {
  const auto* x = std::get_if<int64_t>(&a);
  const auto* y = std::get_if<int64_t>(&b);
  if (x && y) return *x * *y;
  if (x && *x == 1) return b;
  if (y && *y == 1) return a;
  return scalar(a) * scalar(b);
}

Size Builder::divide(const Size& a, int64_t b) {
  if (const auto* x = std::get_if<int64_t>(&a)) return *x / b;
  if (b == 1) return a;
  return floor_div(scalar(a), integer(b));
}

Result<void> Builder::status() const {
  if (error_) return fail(*error_);
  return {};
}

Result<bool> Builder::replace(std::span<const Term> results) {
  TRY(status());
  ir::Graph& g = graph();
  const std::vector<ValueId> old_outputs = g.node(node_).outputs;
  if (results.size() > old_outputs.size()) return fail(ErrorCode::kInternal, "a rule for " + std::string(g.node(node_).op->name) + " returns too many results");
  NodeId heir;
  for (size_t i = 0; i < results.size(); ++i) {
    if (!results[i].id().valid()) continue;
    const ValueId made = results[i].id();
    TensorType type = g.type(made);
    if (auto merged = merge(type.shape, g.type(old_outputs[i]).shape)) type.shape = *merged;
    if (type.dtype != g.type(old_outputs[i]).dtype) {
      return fail(ErrorCode::kInternal, "the rule for " + std::string(g.node(node_).op->name) + " changes the dtype of result " + std::to_string(i) + " from " +
                                            std::string(to_string(g.type(old_outputs[i]).dtype)) + " to " + std::string(to_string(type.dtype)));
    }
    g.set_type(made, type);
    g.replace_uses(old_outputs[i], made);
    if (!heir.valid()) heir = g.value(made).producer;
  }
  if (!heir.valid()) return fail(ErrorCode::kInternal, "a rule for " + std::string(g.node(node_).op->name) + " returns nothing");
  const bool own = first_new_ >= 0 && heir.index >= first_new_ && !g.node(heir).is("Const");
  const std::vector<NodeId> before = g.node(node_).control_inputs;
  if (heir != node_) {
    if (!g.node(node_).control_users.empty()) g.replace_control_uses(node_, heir);
    if (own)
      for (const NodeId id : before) g.add_control_input(heir, id);
  }
  std::replace(g.control_outputs.begin(), g.control_outputs.end(), node_, heir);
  g.erase(node_);
  if (own) g.rename(heir, prefix_);
  return true;
}

namespace {

Builder& builder_of(Term a) { return a.builder(); }
Term binary(std::string_view op, Term a, Term b) { return builder_of(a).make(op, {a, b}); }
Term binary(std::string_view op, Term a, double b) { return binary(op, a, builder_of(a).number(a.dtype(), b)); }
Term unary(std::string_view op, Term a) { return builder_of(a).make(op, {a}); }

}  // namespace

Term operator+(Term a, Term b) { return binary("AddV2", a, b); }
Term operator-(Term a, Term b) { return binary("Sub", a, b); }
Term operator*(Term a, Term b) { return binary("Mul", a, b); }
Term operator/(Term a, Term b) { return binary("RealDiv", a, b); }
Term operator+(Term a, double b) { return binary("AddV2", a, b); }
Term operator-(Term a, double b) { return binary("Sub", a, b); }
Term operator*(Term a, double b) { return binary("Mul", a, b); }
Term operator/(Term a, double b) { return binary("RealDiv", a, b); }
Term operator-(double a, Term b) { return binary("Sub", builder_of(b).number(b.dtype(), a), b); }
Term operator-(Term a) { return unary("Neg", a); }
Term floor_div(Term a, Term b) { return binary("FloorDiv", a, b); }
Term floor_mod(Term a, Term b) { return binary("FloorMod", a, b); }
Term minimum(Term a, Term b) { return binary("Minimum", a, b); }
Term maximum(Term a, Term b) { return binary("Maximum", a, b); }
Term abs(Term x) { return unary("Abs", x); }
Term floor(Term x) { return unary("Floor", x); }
Term exp(Term x) { return unary("Exp", x); }
Term log(Term x) { return unary("Log", x); }
Term square(Term x) { return unary("Square", x); }

Term equal(Term a, Term b) { return binary("Equal", a, b); }
Term less(Term a, Term b) { return binary("Less", a, b); }
Term less_equal(Term a, Term b) { return binary("LessEqual", a, b); }
Term greater(Term a, Term b) { return binary("Greater", a, b); }
Term greater_equal(Term a, Term b) { return binary("GreaterEqual", a, b); }
Term equal(Term a, double b) { return binary("Equal", a, b); }
Term less(Term a, double b) { return binary("Less", a, b); }
Term less_equal(Term a, double b) { return binary("LessEqual", a, b); }
Term greater(Term a, double b) { return binary("Greater", a, b); }
Term greater_equal(Term a, double b) { return binary("GreaterEqual", a, b); }
Term both(Term a, Term b) { return binary("LogicalAnd", a, b); }
Term either(Term a, Term b) { return binary("LogicalOr", a, b); }
Term negate(Term a) { return unary("LogicalNot", a); }
Term select(Term condition, Term yes, Term no) { return builder_of(condition).make("SelectV2", {condition, yes, no}); }

Term cast(Term x, DType dtype) { return x.dtype() == dtype ? x : builder_of(x).make("Cast", {x}, {{"DstT", dtype}}); }
Term zeros_like(Term x) { return unary("ZerosLike", x); }

Term reshape(Term x, std::span<const Size> sizes) {
  Builder& b = builder_of(x);
  // One size may be left to Reshape; that saves computing it, and the others stay a constant.
  std::vector<Size> wanted(sizes.begin(), sizes.end());
  const auto unknown = [](const Size& size) { return std::holds_alternative<Term>(size); };
  const bool empty = std::find(wanted.begin(), wanted.end(), Size(int64_t{0})) != wanted.end();
  const bool inferred = std::find(wanted.begin(), wanted.end(), Size(int64_t{-1})) != wanted.end();
  if (!empty && !inferred && std::count_if(wanted.begin(), wanted.end(), unknown) == 1) *std::find_if(wanted.begin(), wanted.end(), unknown) = int64_t{-1};
  return b.make("Reshape", {x, b.sizes(wanted)});
}
Term reshape(Term x, std::initializer_list<Size> sizes) { return reshape(x, std::span<const Size>(sizes.begin(), sizes.size())); }
Term flatten(Term x) { return builder_of(x).make("Reshape", {x, builder_of(x).integers({-1})}); }
Term expand(Term x, int64_t axis) { return builder_of(x).make("ExpandDims", {x, builder_of(x).integer(axis)}); }
Term squeeze(Term x, int64_t axis) { return builder_of(x).make("Squeeze", {x}, {{"squeeze_dims", std::vector<int64_t>{axis}}}); }
Term transpose(Term x, std::span<const int64_t> permutation) { return builder_of(x).make("Transpose", {x, builder_of(x).integers(permutation)}); }
Term concat(std::span<const Term> parts, int64_t axis) {
  if (parts.size() == 1) return parts[0];
  Builder& b = builder_of(parts[0]);
  std::vector<Term> inputs(parts.begin(), parts.end());
  inputs.push_back(b.integer(axis));
  return b.make("ConcatV2", inputs);
}
Term concat(std::initializer_list<Term> parts, int64_t axis) { return concat(std::span<const Term>(parts.begin(), parts.size()), axis); }
Term gather(Term x, Term indices, int64_t axis, int64_t batch_dims) {
  Builder& b = builder_of(x);
  return b.make("GatherV2", {x, indices, b.integer(axis)}, {{"batch_dims", batch_dims}});
}
Term range(Builder& b, const Size& count) { return b.make("Range", {b.integer(0), b.scalar(count), b.integer(1)}); }
Term reduce(std::string_view op, Term x, std::span<const int64_t> axes, bool keep_dims) {
  return builder_of(x).make(op, {x, builder_of(x).integers(axes)}, {{"keep_dims", keep_dims}});
}
Term sum(Term x, std::span<const int64_t> axes, bool keep_dims) { return reduce("Sum", x, axes, keep_dims); }
Term sum(Term x, int64_t axis, bool keep_dims) { return reduce("Sum", x, {&axis, 1}, keep_dims); }

Term slice_axis(Term x, int64_t axis, const Size& begin, const Size& size) {
  Builder& b = builder_of(x);
  const int64_t rank = x.shape().has_rank() ? x.shape().rank() : 0;
  if (axis < 0) axis += rank;
  std::vector<Size> begins(static_cast<size_t>(rank), int64_t{0}), counts(static_cast<size_t>(rank), int64_t{-1});
  if (axis < rank) {
    begins[static_cast<size_t>(axis)] = begin;
    counts[static_cast<size_t>(axis)] = size;
  }
  return b.make("Slice", {x, b.sizes(begins), b.sizes(counts)});
}

}  // namespace isomer::passes
