#include "base/error.h"

namespace isomer {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kTruncated: return "truncated";
    case ErrorCode::kMalformed: return "malformed";
    case ErrorCode::kUnsupported: return "unsupported";
    case ErrorCode::kLimitExceeded: return "limit exceeded";
    case ErrorCode::kNotFound: return "not found";
    case ErrorCode::kInvalidModel: return "invalid model";
    case ErrorCode::kInvalidArgument: return "invalid argument";
    case ErrorCode::kIo: return "input/output error";
    case ErrorCode::kInternal: return "internal error";
  }
  return "unknown error";
}

std::string Error::describe() const {
  std::string text = std::string(to_string(code)) + ": " + message;
  if (!place.empty()) text += "\n  at " + place;
  for (const std::string& line : context) text += "\n  while " + line;
  if (!hint.empty()) text += "\n  hint: " + hint;
  // A terminal, or whoever takes it for a C string, would end the text at a NUL from a file.
  for (size_t at; (at = text.find('\0')) != text.npos;) text.replace(at, 1, "\\0");
  return text;
}

}  // namespace isomer
