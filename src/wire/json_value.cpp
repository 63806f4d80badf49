#include <charconv>
#include <cmath>

#include "wire/json.h"

namespace isomer {

JsonValue JsonValue::unsigned_integer(uint64_t value) {
  JsonValue result;
  if (value <= static_cast<uint64_t>(INT64_MAX)) {
    result.value_ = static_cast<int64_t>(value);
  } else {
    result.value_ = value;
  }
  return result;
}

JsonValue JsonValue::array() { return JsonValue(Array{}); }

JsonValue JsonValue::object() { return JsonValue(Object{}); }

double JsonValue::number() const {
  switch (kind()) {
    case Kind::kInteger: return static_cast<double>(integer());
    case Kind::kUnsigned: return static_cast<double>(unsigned_value());
    default: return std::get<double>(value_);
  }
}

std::optional<int64_t> JsonValue::as_int64() const {
  switch (kind()) {
    case Kind::kInteger: return integer();
    case Kind::kFloat: {
      const double value = number();
      // 2^63 is the first double beyond int64.
      if (!(value >= -0x1p63 && value < 0x1p63) || value != std::trunc(value)) return std::nullopt;
      return static_cast<int64_t>(value);
    }
    case Kind::kString: {
      int64_t value = 0;
      const char* end = text().data() + text().size();
      const auto [stop, code] = std::from_chars(text().data(), end, value);
      if (code != std::errc() || stop != end) return std::nullopt;
      return value;
    }
    default: return std::nullopt;
  }
}

const JsonValue* JsonValue::find(std::string_view key) const {
  if (!is_object()) return nullptr;
  for (const JsonMember& member : members()) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

JsonValue* JsonValue::find(std::string_view key) { return const_cast<JsonValue*>(std::as_const(*this).find(key)); }

JsonValue& JsonValue::operator[](std::string_view key) {
  if (JsonValue* found = find(key)) return *found;
  return members().emplace_back(JsonMember{std::string(key), {}}).value;
}

bool JsonValue::erase(std::string_view key) {
  if (!is_object()) return false;
  return std::erase_if(members(), [&](const JsonMember& member) { return member.key == key; }) > 0;
}

bool JsonValue::operator==(const JsonValue& other) const { return value_ == other.value_; }

std::string describe(const JsonValue& value) {
  switch (value.kind()) {
    case JsonValue::Kind::kNull: return "null";
    case JsonValue::Kind::kBool: return value.boolean() ? "true" : "false";
    case JsonValue::Kind::kInteger: return "the number " + std::to_string(value.integer());
    case JsonValue::Kind::kUnsigned: return "the number " + std::to_string(value.unsigned_value());
    case JsonValue::Kind::kFloat: return std::isfinite(value.number()) ? "the number " + json_number(value.number()) : "a number that is not finite";
    case JsonValue::Kind::kString:
      return value.text().size() > 60 ? "a string of " + std::to_string(value.text().size()) + " bytes" : "the string \"" + value.text() + "\"";
    case JsonValue::Kind::kArray: return value.items().empty() ? "an empty array" : "an array";
    case JsonValue::Kind::kObject: return "an object";
  }
  return "a value";
}

}  // namespace isomer
