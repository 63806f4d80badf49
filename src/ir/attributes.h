// Attributes of nodes: typed structs that list their fields once.
//
// An op family declares, say,
//
//   struct MatMulAttributes {
//     bool transpose_a = false;
//     bool transpose_b = false;
//     template <class Self, class Visit>
//     static void fields(Self& self, Visit&& visit) {
//       visit("transpose_a", self.transpose_a);
//       visit("transpose_b", self.transpose_b);
//     }
//   };
//
// and everything else derives from that list: printing, parsing, comparing, GraphDef and JSON. The initial value of a field is TensorFlow's
// default. Type attributes that follow from the inputs (T of MatMul) are not fields: the op's signature tells them (ir/op_def.h).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/error.h"
#include "tensor/tensor.h"

namespace isomer::ir {

// The name of a function of the same module.
struct FunctionRef {
  std::string name;
  bool operator==(const FunctionRef&) const = default;
};

// Every kind of value that an attribute can have. An empty list is an empty vector<int64_t> when its kind is not known.
using AttributeValue = std::variant<int64_t, float, bool, std::string, DType, PartialShape, Tensor, FunctionRef, std::vector<int64_t>, std::vector<float>,
                                    std::vector<bool>, std::vector<std::string>, std::vector<DType>, std::vector<PartialShape>, std::vector<FunctionRef>>;

bool equal(const AttributeValue& a, const AttributeValue& b);

struct NamedAttribute {
  std::string name;
  AttributeValue value;
};
using AttributeMap = std::vector<NamedAttribute>;  // in field order, or as read

const AttributeValue* find(const AttributeMap& map, std::string_view name);

// Type-erased attribute struct of one node. A value: clone() copies it.
class Attributes {
 public:
  virtual ~Attributes() = default;
  virtual std::unique_ptr<Attributes> clone() const = 0;
  // All fields, in declaration order.
  virtual AttributeMap to_map() const = 0;
  // Only the fields that differ from their defaults.
  virtual AttributeMap non_default() const = 0;
  // Takes the fields from `map`; fields that it lacks keep their values. InvalidModel when a value has the wrong kind.
  virtual Result<void> assign(const AttributeMap& map) = 0;
  virtual bool has_field(std::string_view name) const = 0;
  bool equals(const Attributes& other) const;
};

namespace detail {

// Moves an AttributeValue into a field; tolerates an int where a float is wanted and an empty list of unknown kind.
template <class Field>
bool assign_field(Field& field, const AttributeValue& value) {
  if (const auto* same = std::get_if<Field>(&value)) {
    field = *same;
    return true;
  }
  if constexpr (std::is_same_v<Field, float>) {
    if (const auto* integer = std::get_if<int64_t>(&value)) {
      field = static_cast<float>(*integer);
      return true;
    }
  }
  if constexpr (requires { field.clear(); } && !std::is_same_v<Field, std::string>) {
    const auto* list = std::get_if<std::vector<int64_t>>(&value);
    if (list && list->empty()) {
      field.clear();
      return true;
    }
  }
  return false;
}

}  // namespace detail

template <class Struct>
class AttributesOf final : public Attributes {
 public:
  AttributesOf() = default;
  explicit AttributesOf(Struct initial) : value(std::move(initial)) {}

  std::unique_ptr<Attributes> clone() const override { return std::make_unique<AttributesOf>(value); }
  AttributeMap to_map() const override {
    AttributeMap map;
    Struct::fields(value, [&](std::string_view name, const auto& field) { map.push_back({std::string(name), field}); });
    return map;
  }
  AttributeMap non_default() const override {
    const AttributeMap defaults = AttributesOf().to_map();
    AttributeMap result, all = to_map();
    for (size_t i = 0; i < all.size(); ++i)
      if (!equal(all[i].value, defaults[i].value)) result.push_back(std::move(all[i]));
    return result;
  }
  Result<void> assign(const AttributeMap& map) override {
    std::string wrong;
    Struct::fields(value, [&](std::string_view name, auto& field) {
      const AttributeValue* found = find(map, name);
      if (found && !detail::assign_field(field, *found)) wrong = name;
    });
    if (!wrong.empty()) return fail(ErrorCode::kInvalidModel, "attribute '" + wrong + "' has a value of the wrong kind");
    return {};
  }
  bool has_field(std::string_view wanted) const override {
    bool found = false;
    Struct::fields(value, [&](std::string_view name, const auto&) { found = found || name == wanted; });
    return found;
  }

  Struct value;
};

struct NoAttributes {
  template <class Self, class Visit>
  static void fields(Self&, Visit&&) {}
};

// What an unknown op carries: its name and attributes as they were read.
struct ForeignAttributes {
  std::string op;
  std::vector<NamedAttribute> attributes;
};
template <>
class AttributesOf<ForeignAttributes> final : public Attributes {
 public:
  AttributesOf() = default;
  explicit AttributesOf(ForeignAttributes initial) : value(std::move(initial)) {}
  std::unique_ptr<Attributes> clone() const override { return std::make_unique<AttributesOf>(value); }
  AttributeMap to_map() const override { return value.attributes; }
  AttributeMap non_default() const override { return value.attributes; }
  Result<void> assign(const AttributeMap& map) override {
    value.attributes = map;
    return {};
  }
  bool has_field(std::string_view name) const override { return find(value.attributes, name) != nullptr; }

  ForeignAttributes value;
};

template <class Struct>
std::unique_ptr<Attributes> make_attributes() {
  return std::make_unique<AttributesOf<Struct>>();
}
template <class Struct>
std::unique_ptr<Attributes> attributes_with(Struct value) {
  return std::make_unique<AttributesOf<Struct>>(std::move(value));
}

}  // namespace isomer::ir
