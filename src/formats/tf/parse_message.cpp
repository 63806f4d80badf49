#include "formats/tf/parse_message.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/text_format.h>

#include <algorithm>

namespace isomer::tf {
namespace {

namespace pb = google::protobuf;

// Keeps the first error; warnings (fields that the schema lacks) are not shown.
class FirstError final : public pb::io::ErrorCollector {
 public:
  void AddError(int line, pb::io::ColumnNumber column, const std::string& message) override {
    if (message_.empty()) message_ = "line " + std::to_string(line + 1) + ", column " + std::to_string(column + 1) + ": " + message;
  }
  void AddWarning(int, pb::io::ColumnNumber, const std::string&) override {}
  const std::string& message() const { return message_; }

 private:
  std::string message_;
};

Result<void> check_size(int64_t size, const std::string& what, const Limits& limits) {
  if (size > std::min<int64_t>(limits.document_bytes, INT32_MAX)) {
    return fail(ErrorCode::kLimitExceeded, what + " has " + std::to_string(size) + " bytes without its weights; at most " +
                                               std::to_string(std::min<int64_t>(limits.document_bytes, INT32_MAX)) + " are read");
  }
  return {};
}

// The text parser recurses once for each level of braces and has no limit of its own that suits hostile input.
Result<void> check_nesting(std::string_view text, const std::string& what, const Limits& limits) {
  int64_t depth = 0;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote) {
      if (c == '\\') {
        ++i;
      } else if (c == quote || c == '\n') {
        quote = 0;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '#') {
      i = std::min(text.find('\n', i), text.size());
    } else if (c == '{' || c == '<' || c == '[') {
      if (++depth > limits.nesting) return fail(ErrorCode::kLimitExceeded, what + " is nested deeper than " + std::to_string(limits.nesting) + " levels");
    } else if (c == '}' || c == '>' || c == ']') {
      --depth;
    }
  }
  return {};
}

}  // namespace

Result<void> parse_binary(const std::string& bytes, pb::Message& message, const std::string& what, const Limits& limits) {
  TRY(check_size(static_cast<int64_t>(bytes.size()), what, limits));
  pb::io::CodedInputStream stream(reinterpret_cast<const uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
  stream.SetRecursionLimit(static_cast<int>(limits.nesting));
  const pb::LogSilencer silence;  // protobuf writes to the error stream what the Error says
  if (!message.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage()) {
    return fail(Error{ErrorCode::kMalformed,
                      "not a valid " + std::string(message.GetDescriptor()->name()) + " message",
                      what,
                      {},
                      "the file is damaged or of another format"});
  }
  return {};
}

Result<void> parse_text(const Bytes& text, pb::Message& message, const std::string& what, const Limits& limits) {
  TRY(check_size(text.size(), what, limits));
  TRY(check_nesting(text.text(), what, limits));
  pb::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  FirstError errors;
  pb::TextFormat::Parser parser;
  parser.AllowUnknownField(true);
  parser.RecordErrorsTo(&errors);
  if (!parser.Parse(&stream, &message)) {
    return fail(
        Error{ErrorCode::kMalformed, "not a valid " + std::string(message.GetDescriptor()->name()) + " in text form: " + errors.message(), what, {}, {}});
  }
  return {};
}

}  // namespace isomer::tf
