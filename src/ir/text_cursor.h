// What the parsers of the text form share: a position in the text, tokens, and the values of attributes. Private to ir.
#pragma once

#include "ir/text.h"

namespace isomer::ir {

class TextCursor {
 public:
  TextCursor(std::string_view text, std::string_view source) : text_(text), source_(source) {}

  // Skips spaces, line ends and comments.
  void skip_space();
  bool at_end();
  // The next character without skipping; '\0' at the end.
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  std::string_view rest() const { return text_.substr(at_); }
  size_t offset() const { return at_; }
  void advance(size_t count) { at_ += count; }

  // Skips spaces; consumes `token` when it comes next.
  bool take(std::string_view token);
  // The same for a whole word.
  bool take_word(std::string_view word);
  Result<void> expect(std::string_view token);
  // The next word (letters, digits, '_') without consuming it; empty when something else comes.
  std::string_view next_word();
  // `what` is what was expected, for the error.
  Result<std::string> word(std::string_view what);
  Result<std::string> quoted(std::string_view what);
  // A bare or quoted name, not empty.
  Result<std::string> name(std::string_view what);
  Result<int64_t> integer(std::string_view what);

  // "expected WHAT, found ..." here.
  std::unexpected<Error> expected(std::string_view what) const;
  std::unexpected<Error> error(ErrorCode code, std::string message, size_t offset) const;
  std::string place(size_t offset) const;

 private:
  std::string_view text_;
  std::string_view source_;
  size_t at_ = 0;
};

// Letters, digits and what else bare names hold.
bool is_word_character(char c);
bool is_name_character(char c);

Result<AttributeValue> parse_attribute_value(TextCursor& cursor, const ParseOptions& options);
Result<Tensor> parse_tensor_value(TextCursor& cursor, const ParseOptions& options);
Result<DType> parse_dtype(TextCursor& cursor);
// "[2,?]", "[...]"
Result<PartialShape> parse_shape(TextCursor& cursor, const Limits& limits);
Result<TensorType> parse_type(TextCursor& cursor, const Limits& limits);
// "@data(OFFSET, COUNT)" after the "@data"
Result<Bytes> parse_side_bytes(TextCursor& cursor, const ParseOptions& options);

}  // namespace isomer::ir
