// Building the nodes that take another node's place, so that a rule of legalisation reads like its formula:
//
//   Builder b(context, node);
//   const Term x = b.input(0);
//   return b.replace(x / (abs(x) + 1));
//
// A Term is a value of the graph. Numbers in a formula become scalars of the other operand's dtype. A node that cannot be made leaves an error in the
// Builder, which makes nothing from then on; replace() returns it.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "passes/legalize.h"

namespace isomer::passes {

class Builder;

class Term {
 public:
  Term() = default;
  Term(Builder& builder, ir::ValueId id) : builder_(&builder), id_(id) {}
  ir::ValueId id() const { return id_; }
  Builder& builder() const { return *builder_; }
  DType dtype() const;
  PartialShape shape() const;
  // The value, where it is a Const.
  const Tensor* constant() const;
  bool operator==(const Term& other) const { return id_ == other.id_; }

 private:
  Builder* builder_ = nullptr;
  ir::ValueId id_;
};

// One dimension: known now, or a scalar int32 of the graph.
using Size = std::variant<int64_t, Term>;

class Builder {
 public:
  // `node` is the node that will be replaced: the nodes made are named after it and remember its op for messages.
  Builder(RuleContext& context, ir::NodeId node);
  // Without a node to replace; names begin with `prefix`.
  Builder(RuleContext& context, std::string prefix);

  ir::Graph& graph() { return context_.graph; }
  const ir::Module& module() { return context_.module; }
  // Of the node being replaced.
  Term input(int64_t i);
  int64_t input_count() const;
  std::vector<Term> inputs();
  DType result_dtype(int64_t i = 0);
  PartialShape result_shape(int64_t i = 0);
  bool result_used(int64_t i);
  // An attribute of the node being replaced, or `otherwise` where the op lacks it.
  template <class T>
  T attribute(std::string_view name, T otherwise) const {
    const ir::AttributeValue* found = ir::find(attributes_, name);
    const T* value = found ? std::get_if<T>(found) : nullptr;
    return value ? *value : otherwise;
  }

  // A node of this op and its first result, or all of them.
  Term make(std::string_view op, std::span<const Term> inputs, const ir::AttributeMap& attributes = {});
  Term make(std::string_view op, std::initializer_list<Term> inputs, const ir::AttributeMap& attributes = {}) {
    return make(op, std::span<const Term>(inputs.begin(), inputs.size()), attributes);
  }
  std::vector<Term> make_all(std::string_view op, std::span<const Term> inputs, const ir::AttributeMap& attributes = {});
  std::vector<Term> make_all(std::string_view op, std::initializer_list<Term> inputs, const ir::AttributeMap& attributes = {}) {
    return make_all(op, std::span<const Term>(inputs.begin(), inputs.size()), attributes);
  }
  // The op of the node being replaced with its attributes (changed where `changes` says so) on other inputs.
  std::vector<Term> again(std::span<const Term> inputs, const ir::AttributeMap& changes = {});
  Term again(std::initializer_list<Term> inputs, const ir::AttributeMap& changes = {}) {
    const auto all = again(std::span<const Term>(inputs.begin(), inputs.size()), changes);
    return all.empty() ? Term(*this, {}) : all[0];
  }

  Term constant(Tensor value);
  Term number(DType dtype, double value);  // a scalar
  Term numbers(DType dtype, Shape shape, std::span<const double> values);
  Term integers(std::span<const int64_t> values);  // an int32 vector
  Term integers(std::initializer_list<int64_t> values) { return integers(std::span<const int64_t>(values.begin(), values.size())); }
  Term integer(int64_t value) { return number(DType::kInt32, static_cast<double>(value)); }
  Term text(std::string value);  // a string scalar

  // Shapes. What is known now becomes constants; the rest is computed when the model runs.
  Term shape_of(Term x);                           // int32 vector
  Size size_of(Term x, int64_t axis);              // axis >= 0, or negative where the rank is known
  Size size_at(Term shape_vector, int64_t index);  // element of an int32 vector
  Term scalar(const Size& size);                   // int32 scalar
  Term sizes(std::span<const Size> sizes);         // int32 vector
  Term sizes(std::initializer_list<Size> list) { return sizes(std::span<const Size>(list.begin(), list.size())); }
  Size add(const Size& a, const Size& b);
  Size subtract(const Size& a, const Size& b);
  Size multiply(const Size& a, const Size& b);
  Size divide(const Size& a, int64_t b);  // exact or rounded down

  // Makes the users of the node's results use these, takes the node away and gives its name to the first of them. Always true, or the first error.
  Result<bool> replace(Term result) { return replace(std::span<const Term>(&result, 1)); }
  Result<bool> replace(std::span<const Term> results);
  // The same where results that nobody uses are left out (invalid Terms).
  Result<bool> replace(std::initializer_list<Term> results) { return replace(std::span<const Term>(results.begin(), results.size())); }

  bool failed() const { return error_.has_value(); }
  Result<void> status() const;

 private:
  friend class Term;
  RuleContext& context_;
  ir::NodeId node_;
  std::string prefix_, origin_;
  ir::AttributeMap attributes_;
  std::optional<Error> error_;
  int32_t first_new_ = -1;  // index of the first node made here; invalid before
};

// Arithmetic with broadcasting; operands of one dtype.
Term operator+(Term a, Term b);
Term operator-(Term a, Term b);
Term operator*(Term a, Term b);
Term operator/(Term a, Term b);  // floats only
Term operator+(Term a, double b);
Term operator-(Term a, double b);
Term operator*(Term a, double b);
Term operator/(Term a, double b);
Term operator-(double a, Term b);
Term operator-(Term a);
Term floor_div(Term a, Term b);
Term floor_mod(Term a, Term b);
Term minimum(Term a, Term b);
Term maximum(Term a, Term b);
Term abs(Term x);
Term floor(Term x);
Term exp(Term x);
Term log(Term x);
Term square(Term x);

Term equal(Term a, Term b);
Term less(Term a, Term b);
Term less_equal(Term a, Term b);
Term greater(Term a, Term b);
Term greater_equal(Term a, Term b);
Term equal(Term a, double b);
Term less(Term a, double b);
Term less_equal(Term a, double b);
Term greater(Term a, double b);
Term greater_equal(Term a, double b);
Term both(Term a, Term b);    // LogicalAnd
Term either(Term a, Term b);  // LogicalOr
Term negate(Term a);          // LogicalNot
Term select(Term condition, Term yes, Term no);

Term cast(Term x, DType dtype);  // x itself where it has the dtype already
Term zeros_like(Term x);
Term reshape(Term x, std::span<const Size> sizes);
Term reshape(Term x, std::initializer_list<Size> sizes);
Term flatten(Term x);  // to a vector
Term expand(Term x, int64_t axis);
Term squeeze(Term x, int64_t axis);
Term transpose(Term x, std::span<const int64_t> permutation);
Term concat(std::span<const Term> parts, int64_t axis);
Term concat(std::initializer_list<Term> parts, int64_t axis);
Term gather(Term x, Term indices, int64_t axis, int64_t batch_dims = 0);
Term range(Builder& b, const Size& count);  // int32: 0 ... count - 1
Term sum(Term x, std::span<const int64_t> axes, bool keep_dims = false);
Term sum(Term x, int64_t axis, bool keep_dims = false);
Term reduce(std::string_view op, Term x, std::span<const int64_t> axes, bool keep_dims = false);
// Elements [begin, begin + size) along one axis of x, whose rank must be known. A size of -1 means up to the end.
Term slice_axis(Term x, int64_t axis, const Size& begin, const Size& size);

// For rules that cannot do it: sets the reason.
inline Result<bool> refuse(std::string& reason, std::string text) {
  reason = std::move(text);
  return false;
}

}  // namespace isomer::passes
