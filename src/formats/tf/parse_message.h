// Binary and text protobuf messages, parsed behind a fence: limits, no exceptions, errors with places.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"

namespace google::protobuf {
class Message;
}

namespace isomer::tf {

// `what` names the file in errors.
Result<void> parse_binary(const std::string& bytes, google::protobuf::Message& message, const std::string& what, const Limits& limits);
// Text form. Fields that Isomer's schema does not have are skipped.
Result<void> parse_text(const Bytes& text, google::protobuf::Message& message, const std::string& what, const Limits& limits);

}  // namespace isomer::tf
