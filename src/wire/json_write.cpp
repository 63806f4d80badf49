// The writer of JSON text: Python's default layout, so that a converted model.json looks like the one that the Python converter writes.
#include <charconv>
#include <cmath>

#include "wire/json.h"

namespace isomer {
namespace {

constexpr size_t kBufferBytes = 64 * 1024;

// Lays out the shortest digits as Python's repr does: positional for exponents in [-4, 16), otherwise scientific with at least two exponent digits.
template <class Float>
std::string python_repr(Float value) {
  char text[40];
  const auto [end, code] = std::to_chars(text, text + sizeof(text), value, std::chars_format::scientific);
  std::string_view shown(text, static_cast<size_t>(end - text));
  std::string sign;
  if (shown.front() == '-') {
    sign = "-";
    shown.remove_prefix(1);
  }
  const size_t e = shown.find('e');
  int exponent = 0;
  const char* exponent_begin = shown.data() + e + 1;
  if (*exponent_begin == '+') ++exponent_begin;
  std::from_chars(exponent_begin, shown.data() + shown.size(), exponent);
  std::string digits(1, shown[0]);
  if (e > 2) digits += shown.substr(2, e - 2);

  const auto count = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    std::string result = sign + digits[0];
    if (count > 1) result += "." + digits.substr(1);
    const std::string magnitude = std::to_string(std::abs(exponent));
    return result + (exponent < 0 ? "e-" : "e+") + (magnitude.size() < 2 ? "0" : "") + magnitude;
  }
  if (exponent < 0) return sign + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  if (count <= exponent + 1) return sign + digits + std::string(static_cast<size_t>(exponent + 1 - count), '0') + ".0";
  return sign + digits.substr(0, static_cast<size_t>(exponent + 1)) + "." + digits.substr(static_cast<size_t>(exponent + 1));
}

void append_unit(std::string& out, uint32_t unit) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[(unit >> shift) & 15];
}

// The code point at text[at], moving `at` behind it; nullopt when the bytes are not UTF-8.
std::optional<uint32_t> next_code_point(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(at);
  const size_t length = lead < 0x80 ? 1 : lead >= 0xC2 && lead < 0xE0 ? 2 : lead >= 0xE0 && lead < 0xF0 ? 3 : lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
  if (length == 0 || text.size() - at < length) return std::nullopt;
  uint32_t point = length == 1 ? lead : lead & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return std::nullopt;
    point = point << 6 | (byte(at + i) & 0x3F);
  }
  static constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < kLeast[length] || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return std::nullopt;
  at += length;
  return point;
}

// Appends the text in quotes, ASCII only; false when it is not UTF-8.
bool append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (size_t at = 0; at < text.size();) {
    const auto point = next_code_point(text, at);
    if (!point) return false;
    switch (*point) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      default:
        if (*point >= 0x20 && *point < 0x7F) {
          out += static_cast<char>(*point);
        } else if (*point < 0x10000) {
          append_unit(out, *point);
        } else {
          append_unit(out, 0xD800 + ((*point - 0x10000) >> 10));
          append_unit(out, 0xDC00 + ((*point - 0x10000) & 0x3FF));
        }
    }
  }
  out += '"';
  return true;
}

template <class Float>
std::string float_token(Float value) {
  if (std::isnan(value)) return "\"NaN\"";
  if (std::isinf(value)) return value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  return python_repr(value);
}

}  // namespace

std::string json_number(double value) { return python_repr(value); }
std::string json_number(float value) { return python_repr(value); }

void JsonWriter::append(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() < kBufferBytes) return;
  if (!error_) {
    if (auto written = sink_(buffer_); !written) error_ = std::move(written.error());
  }
  buffer_.clear();
}

void JsonWriter::separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (has_element_.empty()) return;
  if (has_element_.back()) append(", ");
  has_element_.back() = true;
}

void JsonWriter::begin_object() {
  separate();
  append("{");
  has_element_.push_back(false);
}

void JsonWriter::end_object() {
  has_element_.pop_back();
  append("}");
}

void JsonWriter::begin_array() {
  separate();
  append("[");
  has_element_.push_back(false);
}

void JsonWriter::end_array() {
  has_element_.pop_back();
  append("]");
}

void JsonWriter::key(std::string_view name) {
  string(name);
  append(": ");
  after_key_ = true;
}

void JsonWriter::null() {
  separate();
  append("null");
}

void JsonWriter::boolean(bool value) {
  separate();
  append(value ? "true" : "false");
}

void JsonWriter::integer(int64_t value) {
  separate();
  append(std::to_string(value));
}

void JsonWriter::unsigned_integer(uint64_t value) {
  separate();
  append(std::to_string(value));
}

void JsonWriter::float32(float value) {
  separate();
  append(float_token(value));
}

void JsonWriter::float64(double value) {
  separate();
  append(float_token(value));
}

void JsonWriter::string(std::string_view text) {
  separate();
  const size_t start = buffer_.size();
  if (!append_quoted(buffer_, text) && !error_) {
    error_ = Error{ErrorCode::kMalformed, "a string that is not UTF-8 cannot be written as JSON; it begins with " + buffer_.substr(start, 40), {}, {}, {}};
  }
  append({});
}

void JsonWriter::quoted(int64_t value) {
  separate();
  append("\"" + std::to_string(value) + "\"");
}

void JsonWriter::quoted(uint64_t value) {
  separate();
  append("\"" + std::to_string(value) + "\"");
}

void JsonWriter::value(const JsonValue& value) {
  switch (value.kind()) {
    case JsonValue::Kind::kNull: return null();
    case JsonValue::Kind::kBool: return boolean(value.boolean());
    case JsonValue::Kind::kInteger: return integer(value.integer());
    case JsonValue::Kind::kUnsigned: return unsigned_integer(value.unsigned_value());
    case JsonValue::Kind::kFloat: return float64(value.number());
    case JsonValue::Kind::kString: return string(value.text());
    case JsonValue::Kind::kArray:
      begin_array();
      for (const JsonValue& item : value.items()) this->value(item);
      return end_array();
    case JsonValue::Kind::kObject:
      begin_object();
      for (const JsonMember& member : value.members()) {
        key(member.key);
        this->value(member.value);
      }
      return end_object();
  }
}

Result<void> JsonWriter::finish() {
  if (!error_ && !buffer_.empty()) {
    if (auto written = sink_(buffer_); !written) error_ = std::move(written.error());
    buffer_.clear();
  }
  if (error_) return fail(*error_);
  return {};
}

Result<std::string> write_json(const JsonValue& value) {
  std::string text;
  JsonWriter writer([&](std::string_view piece) -> Result<void> {
    text += piece;
    return {};
  });
  writer.value(value);
  TRY(writer.finish());
  return text;
}

}  // namespace isomer
