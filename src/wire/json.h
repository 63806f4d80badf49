// JSON: an ordered value, a tolerant reader and a streaming writer.
//
// The reader accepts what TensorFlow.js models in the wild contain beside JSON proper: a byte order mark and Python's bare NaN, Infinity and
// -Infinity. The writer prints what Python's json.dumps prints by default (one line, ", " and ": ", ASCII only) and never a bare NaN.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/limits.h"

namespace isomer {

struct JsonMember;

class JsonValue {
 public:
  using Array = std::vector<JsonValue>;
  using Object = std::vector<JsonMember>;  // in file order; the reader refuses duplicate keys
  // How a number was spelled is kept: 1 is an integer, 1.0 and 1e3 are floats. kUnsigned holds integers in [2^63, 2^64); larger ones are floats.
  enum class Kind : uint8_t { kNull, kBool, kInteger, kUnsigned, kFloat, kString, kArray, kObject };

  JsonValue();
  JsonValue(bool value);
  JsonValue(int64_t value);
  JsonValue(int value);
  JsonValue(double value);
  JsonValue(std::string value);
  JsonValue(std::string_view value);
  JsonValue(const char* value);
  JsonValue(Array items);
  JsonValue(Object members);
  JsonValue(const JsonValue&);
  JsonValue(JsonValue&&) noexcept;
  JsonValue& operator=(const JsonValue&);
  JsonValue& operator=(JsonValue&&) noexcept;
  ~JsonValue();
  static JsonValue unsigned_integer(uint64_t value);
  static JsonValue array();
  static JsonValue object();

  Kind kind() const { return static_cast<Kind>(value_.index()); }
  bool is_null() const { return kind() == Kind::kNull; }
  bool is_bool() const { return kind() == Kind::kBool; }
  bool is_integer() const { return kind() == Kind::kInteger; }  // fits int64
  bool is_number() const { return kind() == Kind::kInteger || kind() == Kind::kUnsigned || kind() == Kind::kFloat; }
  bool is_string() const { return kind() == Kind::kString; }
  bool is_array() const { return kind() == Kind::kArray; }
  bool is_object() const { return kind() == Kind::kObject; }

  // Each requires the kind it names; number() takes any number.
  bool boolean() const { return std::get<bool>(value_); }
  int64_t integer() const { return std::get<int64_t>(value_); }
  uint64_t unsigned_value() const { return std::get<uint64_t>(value_); }
  double number() const;
  const std::string& text() const { return std::get<std::string>(value_); }
  const Array& items() const { return std::get<Array>(value_); }
  Array& items() { return std::get<Array>(value_); }
  const Object& members() const { return std::get<Object>(value_); }
  Object& members() { return std::get<Object>(value_); }

  // An integer, however it is spelled: 3, 3.0 or "3". nullopt for everything else and for values outside int64.
  std::optional<int64_t> as_int64() const;

  // The member of an object; nullptr when this is no object or has no such key.
  const JsonValue* find(std::string_view key) const;
  JsonValue* find(std::string_view key);
  // The member of an object, appended as null if there is none. Requires an object.
  JsonValue& operator[](std::string_view key);
  // Removes a member of an object; true when there was one.
  bool erase(std::string_view key);

  bool operator==(const JsonValue& other) const;

 private:
  std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string, Array, Object> value_;
};

struct JsonMember {
  std::string key;
  JsonValue value;
  bool operator==(const JsonMember& other) const = default;
};

// Here, where the members' type is complete.
inline JsonValue::JsonValue() = default;
inline JsonValue::JsonValue(bool value) : value_(value) {}
inline JsonValue::JsonValue(int64_t value) : value_(value) {}
inline JsonValue::JsonValue(int value) : value_(int64_t{value}) {}
inline JsonValue::JsonValue(double value) : value_(value) {}
inline JsonValue::JsonValue(std::string value) : value_(std::move(value)) {}
inline JsonValue::JsonValue(std::string_view value) : value_(std::string(value)) {}
inline JsonValue::JsonValue(const char* value) : value_(std::string(value)) {}
inline JsonValue::JsonValue(Array items) : value_(std::move(items)) {}
inline JsonValue::JsonValue(Object members) : value_(std::move(members)) {}
inline JsonValue::JsonValue(const JsonValue&) = default;
inline JsonValue::JsonValue(JsonValue&&) noexcept = default;
inline JsonValue& JsonValue::operator=(const JsonValue&) = default;
inline JsonValue& JsonValue::operator=(JsonValue&&) noexcept = default;
inline JsonValue::~JsonValue() = default;

// "an array", "the string "abc"", "the number 3": for messages of the form "expected an object, found ...".
std::string describe(const JsonValue& value);

// An array whose elements are handed out one by one while the text is read, in order, instead of being kept, so that a long list costs no more
// memory than its longest element. `path` names object members from the root ("modelTopology.node"); an array on the way is passed through
// ("library.function.nodeDef" is the nodeDef list of every function), and inner elements come before the element that holds them.
// The value that read_json returns has an empty array in its place.
struct JsonStream {
  std::string path;
  std::function<Result<void>(JsonValue element)> take;
};

// Reads one JSON text. Errors: Malformed and Truncated with line, column and byte offset; LimitExceeded when nesting or the memory of the value
// passes the limits; whatever `take` returned. Strings must be UTF-8.
Result<JsonValue> read_json(std::string_view text, const Limits& limits, std::span<const JsonStream> streams = {});

// Writes JSON piece by piece into a sink. The caller keeps to the grammar: a key before each value of an object, begin and end in pairs.
// A failed sink or a string that is not UTF-8 stops the output; finish() returns the first error.
class JsonWriter {
 public:
  using Sink = std::function<Result<void>(std::string_view)>;
  explicit JsonWriter(Sink sink) : sink_(std::move(sink)) {}

  void begin_object();
  void end_object();
  void begin_array();
  void end_array();
  void key(std::string_view name);

  void null();
  void boolean(bool value);
  void integer(int64_t value);
  void unsigned_integer(uint64_t value);
  // The shortest decimal that reads back as the same float or double; "NaN", "Infinity" and "-Infinity" as strings.
  void float32(float value);
  void float64(double value);
  void string(std::string_view text);
  // A 64-bit integer as a decimal string, as protobuf's JSON form wants it.
  void quoted(int64_t value);
  void quoted(uint64_t value);
  void value(const JsonValue& value);

  // Hands over what is buffered. No call may follow.
  Result<void> finish();

 private:
  void separate();
  void append(std::string_view text);

  Sink sink_;
  std::string buffer_;
  std::vector<bool> has_element_;  // of each open array or object
  bool after_key_ = false;
  std::optional<Error> error_;
};

// The whole value as text.
Result<std::string> write_json(const JsonValue& value);

// Python's repr of a finite float, from the shortest digits of a double or a float: "1.0", "0.001", "1e-05", "3.4028235e+38".
std::string json_number(double value);
std::string json_number(float value);

}  // namespace isomer
