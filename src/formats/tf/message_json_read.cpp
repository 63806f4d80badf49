#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "formats/tf/message_json.h"
#include "wire/base64.h"

namespace isomer::tf {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

std::unexpected<Error> wrong(std::string_view expected, const JsonValue& found) {
  return fail(ErrorCode::kMalformed, "expected " + std::string(expected) + ", found " + describe(found));
}

const FieldDescriptor* find_field(const Descriptor* type, const std::string& name) {
  const FieldDescriptor* field = type->FindFieldByCamelcaseName(name);
  if (!field) field = type->FindFieldByName(name);
  // `detached` is this project's bookkeeping; a file has no say in it.
  return field && field->number() == TensorProto::kDetachedFieldNumber && type == TensorProto::descriptor() ? nullptr : field;
}

Result<double> read_float(const JsonValue& json) {
  if (json.is_number()) return json.number();
  if (json.is_string()) {
    const std::string& text = json.text();
    if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (text == "Infinity") return std::numeric_limits<double>::infinity();
    if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
    double value = 0;
    const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code == std::errc() && stop == text.data() + text.size()) return value;
  }
  return wrong("a number", json);
}

template <class T>
Result<T> read_integer(const JsonValue& json) {
  const auto value = json.as_int64();
  if (!value || *value < static_cast<int64_t>(std::numeric_limits<T>::min()) || *value > static_cast<int64_t>(std::numeric_limits<T>::max())) {
    return wrong("an integer of " + std::to_string(sizeof(T) * 8) + " bits", json);
  }
  return static_cast<T>(*value);
}

Result<uint64_t> read_uint64(const JsonValue& json) {
  if (json.kind() == JsonValue::Kind::kUnsigned) return json.unsigned_value();
  if (json.is_string()) {
    uint64_t value = 0;
    const char* end = json.text().data() + json.text().size();
    const auto [stop, code] = std::from_chars(json.text().data(), end, value);
    if (code == std::errc() && stop == end) return value;
  } else if (const auto value = json.as_int64(); value && *value >= 0) {
    return static_cast<uint64_t>(*value);
  }
  return wrong("an unsigned integer of 64 bits", json);
}

Result<bool> read_bool(const JsonValue& json) {
  if (json.is_bool()) return json.boolean();
  if (json.is_integer() && (json.integer() == 0 || json.integer() == 1)) return json.integer() == 1;
  return wrong("true or false", json);
}

Result<std::string> read_bytes(const JsonValue& json) {
  if (json.is_string()) {
    if (auto bytes = base64_decode(json.text())) return std::move(*bytes);
    return wrong("base64 text", json);
  }
  if (!json.is_array()) return wrong("base64 text or an array of character codes", json);
  std::string bytes;
  bytes.reserve(json.items().size());
  for (const JsonValue& code : json.items()) {
    const auto value = code.as_int64();
    if (!value || *value < 0 || *value > 255) return wrong("a character code", code);
    bytes += static_cast<char>(*value);
  }
  return bytes;
}

Result<int> read_enum(const JsonValue& json, const FieldDescriptor* field) {
  if (json.is_string()) {
    if (const auto* value = field->enum_type()->FindValueByName(json.text())) return value->number();
  }
  if (const auto number = json.as_int64(); number && *number >= INT32_MIN && *number <= INT32_MAX) return static_cast<int>(*number);
  return wrong("a name or number of " + field->enum_type()->name(), json);
}

class MessageReader {
 public:
  MessageReader(std::string path, UnknownMembers* unknown) : path_(std::move(path)), unknown_(unknown) {}

  Result<void> read(const JsonValue& json, Message& message) {
    if (!json.is_object()) return wrong("an object", json);
    for (const JsonMember& member : json.members()) {
      if (member.value.is_null()) continue;
      const FieldDescriptor* field = find_field(message.GetDescriptor(), member.key);
      if (!field) {
        if (unknown_) (*unknown_)[path_].push_back(member);
        continue;
      }
      const size_t length = path_.size();
      path_ += (path_.empty() ? "" : ".") + member.key;
      TRY(read_field(member.value, message, field));
      path_.resize(length);
    }
    return {};
  }

  const std::string& path() const { return path_; }

 private:
  Result<void> read_field(const JsonValue& json, Message& message, const FieldDescriptor* field) {
    const Reflection* reflection = message.GetReflection();
    if (is_map_field(field)) return read_map(json, message, field);
    if (!field->is_repeated()) {
      if (const auto* choice = field->real_containing_oneof(); choice && reflection->HasOneof(message, choice)) {
        return fail(ErrorCode::kInvalidModel, "two values, " + reflection->GetOneofFieldDescriptor(message, choice)->json_name() + " and " +
                                                  field->json_name() + ", where one may stand");
      }
      return read_value(json, message, field);
    }
    if (!json.is_array()) return wrong("an array", json);
    const size_t length = path_.size();
    for (size_t i = 0; i < json.items().size(); ++i) {
      path_ += "[" + std::to_string(i) + "]";
      TRY(read_value(json.items()[i], message, field));
      path_.resize(length);
    }
    return {};
  }

  Result<void> read_map(const JsonValue& json, Message& message, const FieldDescriptor* field) {
    if (json.is_array() && json.items().empty()) return {};
    if (!json.is_object()) return wrong("an object", json);
    const FieldDescriptor* key_field = field->message_type()->FindFieldByName("key");
    const FieldDescriptor* value_field = field->message_type()->FindFieldByName("value");
    const size_t length = path_.size();
    for (const JsonMember& member : json.members()) {
      path_ += "." + member.key;
      Message* entry = message.GetReflection()->AddMessage(&message, field);
      TRY(read_value(JsonValue(member.key), *entry, key_field));
      if (!member.value.is_null()) {
        TRY(read_value(member.value, *entry, value_field));
      } else if (value_field->message_type()) {
        entry->GetReflection()->MutableMessage(entry, value_field);
      }
      path_.resize(length);
    }
    return {};
  }

  // Sets a singular field or appends to a repeated one.
  Result<void> read_value(const JsonValue& json, Message& message, const FieldDescriptor* field) {
    const Reflection* reflection = message.GetReflection();
    const bool repeated = field->is_repeated();
    const auto store = [&](auto set, auto add, auto value) {
      if (repeated) {
        (reflection->*add)(&message, field, std::move(value));
      } else {
        (reflection->*set)(&message, field, std::move(value));
      }
    };
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32: store(&Reflection::SetInt32, &Reflection::AddInt32, TRY(read_integer<int32_t>(json))); break;
      case FieldDescriptor::CPPTYPE_INT64: store(&Reflection::SetInt64, &Reflection::AddInt64, TRY(read_integer<int64_t>(json))); break;
      case FieldDescriptor::CPPTYPE_UINT32: store(&Reflection::SetUInt32, &Reflection::AddUInt32, TRY(read_integer<uint32_t>(json))); break;
      case FieldDescriptor::CPPTYPE_UINT64: store(&Reflection::SetUInt64, &Reflection::AddUInt64, TRY(read_uint64(json))); break;
      case FieldDescriptor::CPPTYPE_DOUBLE: store(&Reflection::SetDouble, &Reflection::AddDouble, TRY(read_float(json))); break;
      case FieldDescriptor::CPPTYPE_FLOAT: store(&Reflection::SetFloat, &Reflection::AddFloat, static_cast<float>(TRY(read_float(json)))); break;
      case FieldDescriptor::CPPTYPE_BOOL: store(&Reflection::SetBool, &Reflection::AddBool, TRY(read_bool(json))); break;
      case FieldDescriptor::CPPTYPE_ENUM: store(&Reflection::SetEnumValue, &Reflection::AddEnumValue, TRY(read_enum(json, field))); break;
      case FieldDescriptor::CPPTYPE_STRING: {
        if (field->type() != FieldDescriptor::TYPE_BYTES && !json.is_string()) return wrong("a string", json);
        store(&Reflection::SetString, &Reflection::AddString, field->type() == FieldDescriptor::TYPE_BYTES ? TRY(read_bytes(json)) : json.text());
        break;
      }
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return read(json, repeated ? *reflection->AddMessage(&message, field) : *reflection->MutableMessage(&message, field));
    }
    return {};
  }

  std::string path_;
  UnknownMembers* unknown_;
};

}  // namespace

bool is_map_field(const FieldDescriptor* field) {
  const Descriptor* type = field->message_type();
  return field->is_repeated() && type && type->name().ends_with("Entry") && type->field_count() == 2 && type->FindFieldByName("key") &&
         type->FindFieldByName("value");
}

Result<void> message_from_json(const JsonValue& json, Message& message, const std::string& path, UnknownMembers* unknown) {
  MessageReader reader(path, unknown);
  auto read = reader.read(json, message);
  if (!read) return fail(std::move(read.error()).at(reader.path()));
  return {};
}

std::vector<JsonStream> GraphDefReader::streams() {
  return {{path_ + ".node", [this](JsonValue json) { return take_node(json); }},
          {path_ + ".library.function.nodeDef", [this](JsonValue json) { return take_function_node(json); }},
          {path_ + ".library.function.node_def", [this](JsonValue json) { return take_function_node(json); }},
          {path_ + ".library.function", [this](JsonValue json) { return take_function(json); }}};
}

// Reads one element and counts its memory; the path in errors starts at the root of the file, the one in `unknown` at the graph.
Result<void> GraphDefReader::read_into(const JsonValue& json, Message& message, const std::string& path) {
  auto read = message_from_json(json, message, path, &unknown);
  if (!read) {
    read.error().place = path_ + "." + read.error().place;
    return read;
  }
  bytes_ += static_cast<int64_t>(message.SpaceUsedLong());
  if (bytes_ > limits_.document_bytes) {
    return fail(ErrorCode::kLimitExceeded, "the graph takes more than the limit of " + std::to_string(limits_.document_bytes) + " bytes of memory");
  }
  return {};
}

Result<void> GraphDefReader::take_node(const JsonValue& json) {
  if (++nodes_ > limits_.nodes) return fail(ErrorCode::kLimitExceeded, "more nodes than the limit of " + std::to_string(limits_.nodes));
  const std::string path = "node[" + std::to_string(graph.node_size()) + "]";
  return read_into(json, *graph.add_node(), path);
}

Result<void> GraphDefReader::take_function_node(const JsonValue& json) {
  if (++nodes_ > limits_.nodes) return fail(ErrorCode::kLimitExceeded, "more nodes than the limit of " + std::to_string(limits_.nodes));
  const std::string function = "library.function[" + std::to_string(graph.library().function_size()) + "]";
  const std::string path = function + ".nodeDef[" + std::to_string(pending_.node_def_size()) + "]";
  return read_into(json, *pending_.add_node_def(), path);
}

Result<void> GraphDefReader::take_function(const JsonValue& json) {
  const std::string path = "library.function[" + std::to_string(graph.library().function_size()) + "]";
  FunctionDef& function = *graph.mutable_library()->add_function();
  TRY(read_into(json, function, path));
  function.mutable_node_def()->Swap(pending_.mutable_node_def());
  pending_.Clear();
  return {};
}

Result<void> GraphDefReader::finish(const JsonValue& json) {
  GraphDef rest;
  if (auto read = message_from_json(json, rest, "", &unknown); !read) {
    read.error().place = path_ + "." + read.error().place;
    return read;
  }
  if (rest.node_size() > 0 || rest.library().function_size() > 0) return fail(ErrorCode::kInternal, "the graph's nodes were not streamed");
  if (rest.has_library()) graph.mutable_library();
  if (rest.has_versions()) graph.mutable_versions()->Swap(rest.mutable_versions());
  return {};
}

Result<GraphDef> graph_def_from_json(const JsonValue& json, const Limits& limits, UnknownMembers* unknown) {
  if (!json.is_object()) return wrong("an object", json);
  GraphDef graph;
  TRY(message_from_json(json, graph, "", unknown));
  int64_t nodes = graph.node_size();
  for (const FunctionDef& function : graph.library().function()) nodes += function.node_def_size();
  if (nodes > limits.nodes) return fail(ErrorCode::kLimitExceeded, "more nodes than the limit of " + std::to_string(limits.nodes));
  return graph;
}

}  // namespace isomer::tf
