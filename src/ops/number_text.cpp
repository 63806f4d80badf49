#include "ops/number_text.h"

#include <charconv>
#include <cmath>
#include <limits>

namespace isomer::ops {
namespace {

bool blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

template <class T>
bool parse_integer(std::string_view text, T& value) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return false;
  }
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && at == end;
}

template <class T>
bool parse_float(std::string_view text, T& value) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.starts_with('-')) return false;
  auto format = std::chars_format::general;
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    text.remove_prefix(2);
    format = std::chars_format::hex;
  }
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value, format);
  if (at != end || at == text.data() || error == std::errc::invalid_argument) return false;
  if (error == std::errc::result_out_of_range) {
    // from_chars does not say on which side; the exponent's sign, or the absence of any digit before the point, does.
    const size_t exponent = text.find_first_of(format == std::chars_format::hex ? "pP" : "eE");
    const bool tiny = exponent != std::string_view::npos ? text.substr(exponent + 1).starts_with('-') : text.starts_with('.') || text.starts_with("0");
    value = tiny ? 0 : std::numeric_limits<T>::infinity();
  }
  if (negative) value = -value;
  return true;
}

}  // namespace

Result<void> parse_number(std::string_view text, MutableTensor& out, int64_t index) {
  const std::string_view digits = trimmed(text);
  const auto parse = [&]<class T>(T value, auto parser) {
    if (!parser(digits, value)) return false;
    out.as<T>()[index] = value;
    return true;
  };
  const auto integer = [](std::string_view t, auto& v) { return parse_integer(t, v); };
  const auto real = [](std::string_view t, auto& v) { return parse_float(t, v); };
  bool done = false;
  switch (out.dtype()) {
    case DType::kInt32: done = parse(int32_t{}, integer); break;
    case DType::kInt64: done = parse(int64_t{}, integer); break;
    case DType::kUint32: done = parse(uint32_t{}, integer); break;
    case DType::kUint64: done = parse(uint64_t{}, integer); break;
    case DType::kFloat32: done = parse(float{}, real); break;
    case DType::kFloat64: done = parse(double{}, real); break;
    default: break;
  }
  if (done) return {};
  return fail(ErrorCode::kInvalidModel, "'" + std::string(text.substr(0, 40)) + "' is no number of type " + std::string(to_string(out.dtype())));
}

}  // namespace isomer::ops
