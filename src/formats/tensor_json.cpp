#include "formats/tensor_json.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace isomer {
namespace {

// The lists of a nested form, outermost first: their shape, and all that is no list, in order.
class Flattener {
 public:
  explicit Flattener(const Limits& limits) : limits_(limits) {}

  Result<void> add(const JsonValue& json, size_t depth = 0) {
    if (!json.is_array()) {
      if (!leaf_depth_) leaf_depth_ = depth;
      if (*leaf_depth_ != depth) return fail(ErrorCode::kMalformed, "lists and single values stand side by side");
      values.push_back(&json);
      return {};
    }
    const auto size = static_cast<int64_t>(json.items().size());
    if (leaf_depth_ && depth >= *leaf_depth_) return fail(ErrorCode::kMalformed, "lists and single values stand side by side");
    if (depth >= static_cast<size_t>(limits_.rank)) return fail(ErrorCode::kLimitExceeded, "lists nest deeper than " + std::to_string(limits_.rank));
    if (depth == shape.size()) shape.push_back(size);
    if (shape[depth] != size)
      return fail(ErrorCode::kMalformed, "a list has " + std::to_string(size) + " elements where another of its level has " + std::to_string(shape[depth]));
    for (const JsonValue& item : json.items()) TRY(add(item, depth + 1));
    return {};
  }

  Shape shape;
  std::vector<const JsonValue*> values;

 private:
  const Limits& limits_;
  std::optional<size_t> leaf_depth_;
};

std::optional<double> float_of(const JsonValue& value) {
  if (value.is_number()) return value.number();
  if (!value.is_string()) return std::nullopt;
  if (value.text() == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (value.text() == "Infinity") return std::numeric_limits<double>::infinity();
  if (value.text() == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

// Stores one number; false where the value is of another kind.
bool store(MutableTensor& tensor, int64_t index, const JsonValue& value) {
  switch (type_class(tensor.dtype())) {
    case TypeClass::kBool:
      if (!value.is_bool()) return false;
      tensor.as<uint8_t>()[index] = value.boolean() ? 1 : 0;
      return true;
    case TypeClass::kInteger: {
      const auto integer = value.kind() == JsonValue::Kind::kUnsigned ? std::optional(static_cast<int64_t>(value.unsigned_value())) : value.as_int64();
      if (!integer || !value.is_number()) return false;
      store_int64s(tensor, index, {&*integer, 1});
      return true;
    }
    case TypeClass::kFloat: {
      const auto number = float_of(value);
      if (!number) return false;
      store_doubles(tensor, index, {&*number, 1});
      return true;
    }
    default: return false;
  }
}

Result<Tensor> strings_from(Shape shape, std::span<const JsonValue* const> values) {
  std::vector<std::string> strings;
  for (const JsonValue* value : values) {
    if (!value->is_string()) return fail(ErrorCode::kMalformed, "expected a string, found " + describe(*value));
    strings.push_back(value->text());
  }
  return Tensor::from_strings(std::move(shape), strings);
}

Result<Tensor> complex_from(DType dtype, Shape shape, std::span<const JsonValue* const> values, const Limits& limits) {
  MutableTensor tensor = TRY(MutableTensor::create(dtype, std::move(shape), limits));
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const auto real = float_of(*values[static_cast<size_t>(2 * i)]), imaginary = float_of(*values[static_cast<size_t>(2 * i + 1)]);
    if (!real || !imaginary) return fail(ErrorCode::kMalformed, "element " + std::to_string(i) + " is no pair of numbers");
    const std::complex<double> value(*real, *imaginary);
    store_complex(tensor, i, {&value, 1});
  }
  return std::move(tensor).finish();
}

Result<Tensor> from_values(DType dtype, Shape shape, std::span<const JsonValue* const> values, const Limits& limits) {
  const auto count = element_count(shape);
  const int64_t parts = is_complex(dtype) ? 2 : 1;
  if (!count || *count > static_cast<int64_t>(values.size()) || *count * parts != static_cast<int64_t>(values.size()))
    return fail(ErrorCode::kMalformed, "the shape " + to_string(shape) + " does not go with " + std::to_string(values.size()) + " values");
  if (dtype == DType::kString) return strings_from(std::move(shape), values);
  if (is_complex(dtype)) return complex_from(dtype, std::move(shape), values, limits);
  MutableTensor tensor = TRY(MutableTensor::create(dtype, std::move(shape), limits));
  for (size_t i = 0; i < values.size(); ++i) {
    if (!store(tensor, static_cast<int64_t>(i), *values[i]))
      return fail(ErrorCode::kMalformed, "element " + std::to_string(i) + " of a " + std::string(to_string(dtype)) + " tensor is " + describe(*values[i]));
  }
  return std::move(tensor).finish();
}

Result<Tensor> from_object(const JsonValue& json, const Limits& limits) {
  const JsonValue* dtype = json.find("dtype");
  const JsonValue* shape_value = json.find("shape");
  const JsonValue* values = json.find("values");
  if (!dtype || !dtype->is_string() || !shape_value || !shape_value->is_array() || !values || !values->is_array())
    return fail(ErrorCode::kMalformed, "expected {\"dtype\": \"...\", \"shape\": [...], \"values\": [...]} or nested lists");
  Shape shape;
  for (const JsonValue& dim : shape_value->items()) {
    const auto size = dim.as_int64();
    if (!size || *size < 0) return fail(ErrorCode::kMalformed, "a dimension is " + describe(dim));
    shape.push_back(*size);
  }
  const auto type = dtype_from_string(dtype->text());
  if (!type) return fail(ErrorCode::kMalformed, "there is no dtype '" + dtype->text() + "'");
  std::vector<const JsonValue*> flat;
  for (const JsonValue& value : values->items()) flat.push_back(&value);
  return from_values(*type, std::move(shape), flat, limits);
}

}  // namespace

Result<Tensor> tensor_from_json(const JsonValue& json, std::optional<DType> dtype, const Limits& limits) {
  if (json.is_object()) return from_object(json, limits);
  if (!dtype) return fail(ErrorCode::kMalformed, "expected {\"dtype\": \"...\", \"shape\": [...], \"values\": [...]}, found " + describe(json));
  Flattener flat(limits);
  TRY(flat.add(json));
  Shape shape = std::move(flat.shape);
  // The innermost lists of complex tensors are pairs.
  if (is_complex(*dtype)) {
    if (shape.empty() || shape.back() != 2) return fail(ErrorCode::kMalformed, "complex numbers are written as pairs: [real, imaginary]");
    shape.pop_back();
  }
  return from_values(*dtype, std::move(shape), flat.values, limits);
}

JsonValue tensor_to_json(const Tensor& tensor) {
  JsonValue object = JsonValue::object();
  object["dtype"] = JsonValue(to_string(tensor.dtype()));
  JsonValue::Array shape, values;
  for (const int64_t dim : tensor.shape()) shape.emplace_back(dim);
  // A float's shortest spelling, not that of the double it widens to.
  const auto real = [&](double value) {
    const bool single = element_size(tensor.dtype()) <= (is_complex(tensor.dtype()) ? 8 : 4);
    return single && std::isfinite(value) ? JsonValue(std::stod(json_number(static_cast<float>(value)))) : JsonValue(value);
  };
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    switch (type_class(tensor.dtype())) {
      case TypeClass::kString: values.emplace_back(tensor.string_at(i)); break;
      case TypeClass::kBool: values.emplace_back(tensor.as_int64(i) != 0); break;
      case TypeClass::kInteger:
        values.push_back(tensor.dtype() == DType::kUint64 ? JsonValue::unsigned_integer(tensor.at<uint64_t>(i)) : JsonValue(tensor.as_int64(i)));
        break;
      case TypeClass::kComplex: {
        std::complex<double> value;
        load_complex(tensor, i, {&value, 1});
        values.push_back(real(value.real()));
        values.push_back(real(value.imag()));
        break;
      }
      default: values.push_back(real(tensor.as_double(i)));
    }
  }
  object["shape"] = JsonValue(std::move(shape));
  object["values"] = JsonValue(std::move(values));
  return object;
}

}  // namespace isomer
