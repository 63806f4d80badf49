// The wire format: a message is a row of fields; a field is a tag (field number * 8 + wire type, a varint) and a value: 0 a varint, 1 eight bytes,
// 2 a length and as many bytes (strings, messages, packed lists), 5 four bytes.
//
// The walk below copies a message field by field into the result and enters only the fields on the way to a tensor, listed in kPaths. A message
// inside another is written behind a gap for its length, which is known only afterwards: lengths shrink by what was cut out.
#include "formats/tf/detach.h"

#include <algorithm>

#include "wire/varint.h"

namespace isomer::tf {
namespace {

enum class Message { kSavedModel, kMetaGraph, kGraph, kLibrary, kFunction, kNode, kAttrEntry, kAttrValue, kList, kFunctionName, kTensor };

struct Path {
  Message in;
  uint64_t field;
  Message to;
};

constexpr Path kPaths[] = {
    {Message::kSavedModel, 2, Message::kMetaGraph}, {Message::kMetaGraph, 2, Message::kGraph},   {Message::kGraph, 1, Message::kNode},
    {Message::kGraph, 2, Message::kLibrary},        {Message::kLibrary, 1, Message::kFunction},  {Message::kFunction, 3, Message::kNode},
    {Message::kFunction, 5, Message::kAttrEntry},   {Message::kNode, 5, Message::kAttrEntry},    {Message::kAttrEntry, 2, Message::kAttrValue},
    {Message::kAttrValue, 1, Message::kList},       {Message::kAttrValue, 8, Message::kTensor},  {Message::kAttrValue, 10, Message::kFunctionName},
    {Message::kList, 8, Message::kTensor},          {Message::kList, 9, Message::kFunctionName}, {Message::kFunctionName, 2, Message::kAttrEntry},
};

constexpr uint64_t kTensorContent = 4, kDetached = 500000;

const Path* find_path(Message message, uint64_t field) {
  const auto* path = std::find_if(std::begin(kPaths), std::end(kPaths), [&](const Path& p) { return p.in == message && p.field == field; });
  return path == std::end(kPaths) ? nullptr : path;
}

struct Field {
  uint64_t number = 0;
  uint64_t wire_type = 0;
  Bytes content;               // of a length-delimited field
  int64_t begin = 0, end = 0;  // the whole field within its message
};

std::string offset_text(int64_t offset) { return "byte " + std::to_string(offset); }

// Reads the field at `at` of `message` and moves past it. `base` is the message's place in the file, for errors.
Result<Field> read_field(const Bytes& message, int64_t& at, int64_t base) {
  Field field;
  field.begin = at;
  const auto malformed = [&](std::string what) { return fail(Error{ErrorCode::kMalformed, std::move(what), offset_text(base + field.begin), {}, {}}); };
  const auto truncated = [&] {
    return fail(Error{ErrorCode::kTruncated,
                      "field " + std::to_string(field.number) + " passes the end of the message it is in (" + std::to_string(message.size() - field.begin) +
                          " bytes are left)",
                      offset_text(base + field.begin),
                      {},
                      {}});
  };
  const auto tag = read_varint(message, at);
  if (!tag) return malformed("expected the tag of a protobuf field");
  field.number = *tag >> 3;
  field.wire_type = *tag & 7;
  if (field.number == 0 || field.number > (1U << 29) - 1) return malformed("a protobuf field has the impossible number " + std::to_string(field.number));
  const int64_t left = message.size() - at;
  switch (field.wire_type) {
    case 0:
      if (!read_varint(message, at)) return truncated();
      break;
    case 1:
    case 5: {
      const int64_t size = field.wire_type == 1 ? 8 : 4;
      if (left < size) return truncated();
      at += size;
      break;
    }
    case 2: {
      const auto length = read_length(message, at);
      if (!length) return truncated();
      field.content = message.slice(at, *length);
      at += *length;
      break;
    }
    default: return malformed("a protobuf field has wire type " + std::to_string(field.wire_type) + ", which TensorFlow's messages do not use");
  }
  field.end = at;
  return field;
}

class Detacher {
 public:
  Detacher(const Bytes& file, const Limits& limits) : file_(file), limits_(limits) {}

  Result<Detached> run(Message kind) {
    TRY(walk(file_, kind, 0));
    return std::move(result_);
  }

 private:
  int64_t offset_of(const Bytes& part) const { return part.data() - file_.data(); }

  Result<void> copy(std::string_view bytes, int64_t offset) {
    if (static_cast<int64_t>(bytes.size()) > limits_.document_bytes - static_cast<int64_t>(result_.message.size())) {
      return fail(Error{ErrorCode::kLimitExceeded,
                        "the graph without its weights is larger than " + std::to_string(limits_.document_bytes) + " bytes",
                        offset_text(offset),
                        {},
                        {}});
    }
    result_.message += bytes;
    return {};
  }

  Result<void> walk(const Bytes& message, Message kind, int64_t depth) {
    const int64_t base = offset_of(message);
    if (depth > limits_.nesting) {
      return fail(Error{ErrorCode::kLimitExceeded, "messages are nested more than " + std::to_string(limits_.nesting) + " deep", offset_text(base), {}, {}});
    }
    if (kind == Message::kNode && ++nodes_ > limits_.nodes) {
      return fail(Error{ErrorCode::kLimitExceeded, "the graph has more than " + std::to_string(limits_.nodes) + " nodes", offset_text(base), {}, {}});
    }
    if (kind == Message::kTensor) return walk_tensor(message, base);
    for (int64_t at = 0; at < message.size();) {
      const Field field = TRY(read_field(message, at, base));
      const Path* path = field.wire_type == 2 ? find_path(kind, field.number) : nullptr;
      if (!path) {
        TRY(copy(message.text().substr(static_cast<size_t>(field.begin), static_cast<size_t>(field.end - field.begin)), base + field.begin));
        continue;
      }
      append_varint(result_.message, field.number << 3 | 2);
      const size_t start = result_.message.size();
      TRY(walk(field.content, path->to, depth + 1));
      std::string length;
      append_varint(length, result_.message.size() - start);
      result_.message.insert(start, length);
    }
    return {};
  }

  // Of several contents the last one counts, as it does for every parser of protobuf; the others are dropped.
  Result<void> walk_tensor(const Bytes& message, int64_t base) {
    Bytes content;
    for (int64_t at = 0; at < message.size();) {
      const Field field = TRY(read_field(message, at, base));
      if (field.number == kDetached) continue;
      if (field.number == kTensorContent && field.wire_type == 2) {
        content = field.content;
      } else {
        TRY(copy(message.text().substr(static_cast<size_t>(field.begin), static_cast<size_t>(field.end - field.begin)), base + field.begin));
      }
    }
    if (content.size() > kDetachAbove) {
      result_.contents.push_back(content);
      append_varint(result_.message, kDetached << 3);
      append_varint(result_.message, result_.contents.size());
    } else if (!content.empty()) {
      append_varint(result_.message, kTensorContent << 3 | 2);
      append_varint(result_.message, static_cast<uint64_t>(content.size()));
      TRY(copy(content.text(), base));
    }
    return {};
  }

  const Bytes& file_;
  const Limits& limits_;
  Detached result_;
  int64_t nodes_ = 0;
};

// Letters, digits and what else TensorFlow allows in the names of nodes and ops.
bool is_name(std::string_view text, std::string_view also) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || also.find(c) != also.npos;
  });
}

bool looks_like_node(const Bytes& message) {
  bool has_name = false, has_op = false;
  for (int64_t at = 0; at < message.size();) {
    const auto field = read_field(message, at, 0);
    if (!field || field->wire_type != 2 || field->number > 7) return false;
    if (field->number == 1) has_name = is_name(field->content.text(), "_.\\-/>");
    if (field->number == 2) has_op = is_name(field->content.text(), "_>");
  }
  return has_name && has_op;
}

bool looks_like_meta_graph(const Bytes& message) {
  bool has_graph = false;
  for (int64_t at = 0; at < message.size();) {
    const auto field = read_field(message, at, 0);
    if (!field || field->wire_type != 2 || field->number > 7) return false;
    if (field->number == 2) has_graph = field->content.empty() || looks_like_graph_def(field->content);
  }
  return has_graph;
}

}  // namespace

Result<Detached> detach_saved_model(const Bytes& file, const Limits& limits) { return Detacher(file, limits).run(Message::kSavedModel); }
Result<Detached> detach_graph_def(const Bytes& file, const Limits& limits) { return Detacher(file, limits).run(Message::kGraph); }

bool looks_like_saved_model(const Bytes& file) {
  bool has_graph = false;
  for (int64_t at = 0; at < file.size();) {
    const auto field = read_field(file, at, 0);
    if (!field || field->number > 2 || field->wire_type != (field->number == 1 ? 0U : 2U)) return false;
    if (field->number == 2 && !has_graph && !looks_like_meta_graph(field->content)) return false;
    has_graph = has_graph || field->number == 2;
  }
  return has_graph;
}

bool looks_like_graph_def(const Bytes& file) {
  constexpr int kNodesToSee = 8;
  int nodes = 0;
  for (int64_t at = 0; at < file.size() && nodes < kNodesToSee;) {
    const auto field = read_field(file, at, 0);
    if (!field || field->number > 5 || field->wire_type != (field->number == 3 ? 0U : 2U)) return false;
    if (field->number == 1 && !looks_like_node(field->content)) return false;
    nodes += field->number == 1;
  }
  return nodes > 0;
}

}  // namespace isomer::tf
