#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>

#include "formats/tf/message_json.h"
#include "wire/base64.h"

namespace isomer::tf {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Fields that tf.js reads without asking whether they are there.
bool always_written(const FieldDescriptor* field) {
  const Descriptor* type = field->containing_type();
  if (type == OpDef::descriptor()) return field->number() == OpDef::kInputArgFieldNumber || field->number() == OpDef::kOutputArgFieldNumber;
  if (type == GraphDef::descriptor()) return field->number() == GraphDef::kVersionsFieldNumber;
  return type == TensorShapeProto::Dim::descriptor() && field->number() == TensorShapeProto::Dim::kSizeFieldNumber;
}

class MessageWriter {
 public:
  MessageWriter(JsonWriter& out, const GraphDefJsonOptions& options) : out_(out), options_(options), keep_path_(options.unknown && !options.unknown->empty()) {}

  void write(const Message& message) {
    out_.begin_object();
    const Reflection* reflection = message.GetReflection();
    const bool const_node = options_.strip_const_values && is_const_node(message);
    const Descriptor* type = message.GetDescriptor();
    for (const FieldDescriptor* field : fields_in_order(type)) {
      const bool present = field->is_repeated() ? reflection->FieldSize(message, field) > 0 : reflection->HasField(message, field);
      if ((!present && !always_written(field)) || (type == TensorProto::descriptor() && field->number() == TensorProto::kDetachedFieldNumber)) continue;
      out_.key(field->json_name());
      const size_t length = push(field->json_name());
      if (const_node && field->number() == NodeDef::kAttrFieldNumber) {
        write_const_attributes(static_cast<const NodeDef&>(message));
      } else {
        write_field(message, field);
      }
      path_.resize(length);
    }
    if (keep_path_) write_unknown();
    out_.end_object();
  }

 private:
  static bool is_const_node(const Message& message) {
    return message.GetDescriptor() == NodeDef::descriptor() && static_cast<const NodeDef&>(message).op() == "Const";
  }

  size_t push(const std::string& step) {
    const size_t length = path_.size();
    if (keep_path_) path_ += (path_.empty() ? "" : ".") + step;
    return length;
  }

  void write_unknown() {
    const auto found = options_.unknown->find(path_);
    if (found == options_.unknown->end()) return;
    for (const JsonMember& member : found->second) {
      out_.key(member.key);
      out_.value(member.value);
    }
  }

  // A Const's value keeps dtype and shape; the elements lie in the weight files.
  void write_const_attributes(const NodeDef& node) {
    out_.begin_object();
    for (const AttrEntry& entry : node.attr()) {
      out_.key(entry.key());
      const size_t length = push(entry.key());
      if (entry.key() == "value" && entry.value().has_tensor()) {
        AttrValue bare;
        bare.mutable_tensor()->set_dtype(entry.value().tensor().dtype());
        *bare.mutable_tensor()->mutable_tensor_shape() = entry.value().tensor().tensor_shape();
        write(bare);
      } else {
        write(entry.value());
      }
      path_.resize(length);
    }
    out_.end_object();
  }

  void write_field(const Message& message, const FieldDescriptor* field) {
    const Reflection* reflection = message.GetReflection();
    if (!field->is_repeated()) return write_value(message, field, -1);
    const int size = reflection->FieldSize(message, field);
    if (is_map_field(field)) return write_map(message, field, size);
    out_.begin_array();
    for (int i = 0; i < size; ++i) {
      const size_t length = path_.size();
      if (keep_path_) path_ += "[" + std::to_string(i) + "]";
      write_value(message, field, i);
      path_.resize(length);
    }
    out_.end_array();
  }

  void write_map(const Message& message, const FieldDescriptor* field, int size) {
    const FieldDescriptor* key = field->message_type()->FindFieldByName("key");
    const FieldDescriptor* value = field->message_type()->FindFieldByName("value");
    out_.begin_object();
    for (int i = 0; i < size; ++i) {
      const Message& entry = message.GetReflection()->GetRepeatedMessage(message, field, i);
      const Reflection* reflection = entry.GetReflection();
      const std::string name =
          key->cpp_type() == FieldDescriptor::CPPTYPE_STRING ? reflection->GetString(entry, key) : std::to_string(reflection->GetUInt32(entry, key));
      out_.key(name);
      const size_t length = push(name);
      write_value(entry, value, -1);
      path_.resize(length);
    }
    out_.end_object();
  }

  // The field's value, or its element `index` where index >= 0.
  void write_value(const Message& message, const FieldDescriptor* field, int index) {
    const Reflection* reflection = message.GetReflection();
    const auto get = [&](auto single, auto repeated) {
      return index < 0 ? (reflection->*single)(message, field) : (reflection->*repeated)(message, field, index);
    };
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32: return out_.integer(get(&Reflection::GetInt32, &Reflection::GetRepeatedInt32));
      case FieldDescriptor::CPPTYPE_INT64: return out_.quoted(get(&Reflection::GetInt64, &Reflection::GetRepeatedInt64));
      case FieldDescriptor::CPPTYPE_UINT32: return out_.integer(get(&Reflection::GetUInt32, &Reflection::GetRepeatedUInt32));
      case FieldDescriptor::CPPTYPE_UINT64: return out_.quoted(get(&Reflection::GetUInt64, &Reflection::GetRepeatedUInt64));
      case FieldDescriptor::CPPTYPE_DOUBLE: return out_.float64(get(&Reflection::GetDouble, &Reflection::GetRepeatedDouble));
      case FieldDescriptor::CPPTYPE_FLOAT: return out_.float32(get(&Reflection::GetFloat, &Reflection::GetRepeatedFloat));
      case FieldDescriptor::CPPTYPE_BOOL: return out_.boolean(get(&Reflection::GetBool, &Reflection::GetRepeatedBool));
      case FieldDescriptor::CPPTYPE_ENUM: {
        const int number = get(&Reflection::GetEnumValue, &Reflection::GetRepeatedEnumValue);
        if (const auto* value = field->enum_type()->FindValueByNumber(number)) return out_.string(value->name());
        return out_.integer(number);
      }
      case FieldDescriptor::CPPTYPE_STRING: {
        std::string scratch;
        const std::string& text =
            index < 0 ? reflection->GetStringReference(message, field, &scratch) : reflection->GetRepeatedStringReference(message, field, index, &scratch);
        return out_.string(field->type() == FieldDescriptor::TYPE_BYTES ? base64_encode(text) : text);
      }
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return write(index < 0 ? reflection->GetMessage(message, field) : reflection->GetRepeatedMessage(message, field, index));
    }
  }

  // Descriptors list fields as the schema does; protobuf's JSON form lists them by number.
  const std::vector<const FieldDescriptor*>& fields_in_order(const Descriptor* type) {
    auto& fields = ordered_[type];
    if (fields.empty()) {
      for (int i = 0; i < type->field_count(); ++i) fields.push_back(type->field(i));
      std::sort(fields.begin(), fields.end(), [](const FieldDescriptor* a, const FieldDescriptor* b) { return a->number() < b->number(); });
    }
    return fields;
  }

  JsonWriter& out_;
  const GraphDefJsonOptions& options_;
  const bool keep_path_;
  std::string path_;
  std::unordered_map<const Descriptor*, std::vector<const FieldDescriptor*>> ordered_;
};

}  // namespace

void write_graph_def_json(JsonWriter& writer, const GraphDef& graph, const GraphDefJsonOptions& options) { MessageWriter(writer, options).write(graph); }

void write_message_json(JsonWriter& writer, const Message& message) {
  const GraphDefJsonOptions options{false, nullptr};
  MessageWriter(writer, options).write(message);
}

}  // namespace isomer::tf
