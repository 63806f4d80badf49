#include "wire/yaml.h"

#include <yaml.h>

#include <charconv>
#include <limits>
#include <map>
#include <string>

namespace isomer {
namespace {

struct Parser {
  yaml_parser_t parser;
  Parser() { yaml_parser_initialize(&parser); }
  ~Parser() { yaml_parser_delete(&parser); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
};

struct Event {
  yaml_event_t event{};
  Event() = default;
  ~Event() { yaml_event_delete(&event); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
};

std::string place(const yaml_mark_t& mark) { return "line " + std::to_string(mark.line + 1) + ", column " + std::to_string(mark.column + 1); }

// A plain scalar as YAML 1.1 and PyYAML understand it.
JsonValue resolve(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return {};
  if (text == "true" || text == "True" || text == "TRUE" || text == "yes" || text == "on") return JsonValue(true);
  if (text == "false" || text == "False" || text == "FALSE" || text == "no" || text == "off") return JsonValue(false);
  const char* begin = text.data();
  const char* end = begin + text.size();
  int64_t whole = 0;
  if (const auto [stop, error] = std::from_chars(begin, end, whole); error == std::errc() && stop == end) return JsonValue(whole);
  if (text == ".inf" || text == ".Inf" || text == ".INF" || text == "+.inf") return JsonValue(std::numeric_limits<double>::infinity());
  if (text == "-.inf" || text == "-.Inf" || text == "-.INF") return JsonValue(-std::numeric_limits<double>::infinity());
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return JsonValue(std::numeric_limits<double>::quiet_NaN());
  // "inf" and "nan" without their dots are words.
  double number = 0;
  const bool digits = text.find_first_of("0123456789") != std::string::npos;
  if (const auto [stop, error] = std::from_chars(begin, end, number); digits && error == std::errc() && stop == end) return JsonValue(number);
  return JsonValue(text);
}

class Reader {
 public:
  Reader(std::string_view text, const Limits& limits) : limits_(limits), left_(limits.document_bytes) {
    yaml_parser_set_input_string(&parser_.parser, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    yaml_parser_set_encoding(&parser_.parser, YAML_UTF8_ENCODING);
  }

  Result<JsonValue> read() {
    while (true) {
      Event next;
      TRY(parse(next));
      if (next.event.type == YAML_STREAM_END_EVENT) return fail(ErrorCode::kTruncated, "the text holds no document");
      if (next.event.type == YAML_STREAM_START_EVENT || next.event.type == YAML_DOCUMENT_START_EVENT) continue;
      return value(next.event, 0);
    }
  }

 private:
  Result<void> parse(Event& event) {
    if (yaml_parser_parse(&parser_.parser, &event.event) == 1) return {};
    const char* problem = parser_.parser.problem;
    return fail(Error{ErrorCode::kMalformed, problem ? problem : "this is no YAML", place(parser_.parser.problem_mark), {}, {}});
  }

  Result<void> charge(int64_t bytes) {
    left_ -= bytes;
    if (left_ >= 0) return {};
    return fail(ErrorCode::kLimitExceeded, "the document takes more than " + std::to_string(limits_.document_bytes) + " bytes of memory");
  }

  static int64_t cost(const JsonValue& value) {
    auto bytes = static_cast<int64_t>(sizeof(JsonValue));
    if (value.is_string()) bytes += static_cast<int64_t>(value.text().size());
    if (value.is_array())
      for (const JsonValue& item : value.items()) bytes += cost(item);
    if (value.is_object())
      for (const JsonMember& member : value.members()) bytes += static_cast<int64_t>(member.key.size()) + cost(member.value);
    return bytes;
  }

  Result<JsonValue> value(const yaml_event_t& event, int64_t depth) {
    if (depth > limits_.nesting)
      return fail(Error{ErrorCode::kLimitExceeded, "values nest deeper than " + std::to_string(limits_.nesting), place(event.start_mark), {}, {}});
    TRY(charge(sizeof(JsonValue)));
    switch (event.type) {
      case YAML_SCALAR_EVENT: return scalar(event);
      case YAML_SEQUENCE_START_EVENT: return sequence(event, depth);
      case YAML_MAPPING_START_EVENT: return mapping(event, depth);
      case YAML_ALIAS_EVENT: return alias(event);
      default: return fail(Error{ErrorCode::kMalformed, "expected a value", place(event.start_mark), {}, {}});
    }
  }

  Result<JsonValue> scalar(const yaml_event_t& event) {
    const auto& data = event.data.scalar;
    const std::string text(reinterpret_cast<const char*>(data.value), data.length);
    TRY(charge(static_cast<int64_t>(text.size())));
    JsonValue result = data.style == YAML_PLAIN_SCALAR_STYLE && data.plain_implicit ? resolve(text) : JsonValue(text);
    remember(data.anchor, result);
    return result;
  }

  Result<JsonValue> sequence(const yaml_event_t& event, int64_t depth) {
    const std::string anchor = name_of(event.data.sequence_start.anchor);
    JsonValue result = JsonValue::array();
    while (true) {
      Event next;
      TRY(parse(next));
      if (next.event.type == YAML_SEQUENCE_END_EVENT) break;
      result.items().push_back(TRY(value(next.event, depth + 1)));
    }
    if (!anchor.empty()) anchors_[anchor] = result;
    return result;
  }

  Result<JsonValue> mapping(const yaml_event_t& event, int64_t depth) {
    const std::string anchor = name_of(event.data.mapping_start.anchor);
    JsonValue result = JsonValue::object();
    while (true) {
      Event key;
      TRY(parse(key));
      if (key.event.type == YAML_MAPPING_END_EVENT) break;
      if (key.event.type != YAML_SCALAR_EVENT) return fail(Error{ErrorCode::kUnsupported, "a key is no scalar", place(key.event.start_mark), {}, {}});
      const std::string name(reinterpret_cast<const char*>(key.event.data.scalar.value), key.event.data.scalar.length);
      if (result.find(name)) return fail(Error{ErrorCode::kMalformed, "the key '" + name + "' occurs twice", place(key.event.start_mark), {}, {}});
      TRY(charge(static_cast<int64_t>(name.size())));
      Event next;
      TRY(parse(next));
      JsonValue item = TRY(value(next.event, depth + 1));
      result.members().push_back({name, std::move(item)});
    }
    if (!anchor.empty()) anchors_[anchor] = result;
    return result;
  }

  Result<JsonValue> alias(const yaml_event_t& event) {
    const auto found = anchors_.find(name_of(event.data.alias.anchor));
    if (found == anchors_.end()) return fail(Error{ErrorCode::kMalformed, "an alias names nothing that was read before", place(event.start_mark), {}, {}});
    TRY(charge(cost(found->second)));
    return found->second;
  }

  static std::string name_of(const yaml_char_t* anchor) { return anchor ? reinterpret_cast<const char*>(anchor) : ""; }
  void remember(const yaml_char_t* anchor, const JsonValue& value) {
    if (anchor) anchors_[name_of(anchor)] = value;
  }

  const Limits& limits_;
  int64_t left_;
  Parser parser_;
  std::map<std::string, JsonValue> anchors_;
};

}  // namespace

Result<JsonValue> read_yaml(std::string_view text, const Limits& limits) { return Reader(text, limits).read(); }

}  // namespace isomer
