// Attributes of the ops that decode and encode Unicode.
#pragma once

#include <string>

#include "ir/op_def.h"

namespace isomer::ops {

// UnicodeDecode and UnicodeDecodeWithOffsets. `errors` says what becomes of malformed text: strict (an error), replace (by replacement_char) or ignore.
struct UnicodeDecodeAttributes {
  std::string input_encoding;
  std::string errors = "replace";
  int64_t replacement_char = 0xFFFD;
  bool replace_control_characters = false;  // U+0000 to U+001F become replacement_char
  DType Tsplits = DType::kInt64;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("input_encoding", self.input_encoding);
    visit("errors", self.errors);
    visit("replacement_char", self.replacement_char);
    visit("replace_control_characters", self.replace_control_characters);
    visit("Tsplits", self.Tsplits);
  }
};

struct UnicodeEncodeAttributes {
  std::string errors = "replace";
  std::string output_encoding;
  int64_t replacement_char = 0xFFFD;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("errors", self.errors);
    visit("output_encoding", self.output_encoding);
    visit("replacement_char", self.replacement_char);
  }
};

struct UnicodeTranscodeAttributes {
  std::string input_encoding;
  std::string output_encoding;
  std::string errors = "replace";
  int64_t replacement_char = 0xFFFD;
  bool replace_control_characters = false;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("input_encoding", self.input_encoding);
    visit("output_encoding", self.output_encoding);
    visit("errors", self.errors);
    visit("replacement_char", self.replacement_char);
    visit("replace_control_characters", self.replace_control_characters);
  }
};

}  // namespace isomer::ops
