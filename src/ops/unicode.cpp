// Text as code points and back. Malformed text gives one error for each longest beginning of a character that cannot go on (Unicode, section 3.9), as in
// TensorFlow. UTF-8, UTF-16 and UTF-32 (big endian), ASCII and Latin-1 are known; TensorFlow knows more encodings to read.
#include "ops/unicode.h"

#include <algorithm>

#include "ops/kernel.h"
#include "ops/string_tensor.h"
#include "ops/unicode_script_data.h"

namespace isomer::ops {
namespace {

using namespace ir;

constexpr int64_t kMalformed = -1, kLastCodePoint = 0x10FFFF;

bool is_character(int64_t code) { return code >= 0 && code <= kLastCodePoint && (code < 0xD800 || code > 0xDFFF); }

bool is_high_surrogate(int64_t code) { return code >= 0xD800 && code < 0xDC00; }
bool is_low_surrogate(int64_t code) { return code >= 0xDC00 && code < 0xE000; }
int64_t joined(int64_t high, int64_t low) { return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00); }

// What a text begins with: a code point, or kMalformed, and the bytes it takes.
struct Step {
  int64_t code;
  size_t size;
};

int64_t byte_at(std::string_view text, size_t i) { return static_cast<unsigned char>(text[i]); }

Step next_utf8(std::string_view text) {
  const int64_t lead = byte_at(text, 0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xC2 || lead > 0xF4) return {kMalformed, 1};
  const size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  int64_t code = lead & (0xFF >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    // The second byte keeps out overlong forms, surrogates, and what lies above U+10FFFF.
    const int64_t low = i > 1 ? 0x80 : lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80, high = i > 1 ? 0xBF : lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (i >= text.size() || byte_at(text, i) < low || byte_at(text, i) > high) return {kMalformed, i};
    code = code << 6 | (byte_at(text, i) & 0x3F);
  }
  return {code, size};
}

Step next_utf16(std::string_view text) {
  const auto unit = [&](size_t i) { return byte_at(text, i) << 8 | byte_at(text, i + 1); };
  if (text.size() < 2) return {kMalformed, text.size()};
  const int64_t first = unit(0);
  if (first < 0xD800 || first > 0xDFFF) return {first, 2};
  if (first > 0xDBFF) return {kMalformed, 2};
  if (text.size() < 4) return {kMalformed, text.size()};
  const int64_t second = unit(2);
  if (second < 0xDC00 || second > 0xDFFF) return {kMalformed, 2};
  return {joined(first, second), 4};
}

Step next_utf32(std::string_view text) {
  if (text.size() < 4) return {kMalformed, text.size()};
  const int64_t code = byte_at(text, 0) << 24 | byte_at(text, 1) << 16 | byte_at(text, 2) << 8 | byte_at(text, 3);
  return {is_character(code) ? code : kMalformed, 4};
}

Step next_ascii(std::string_view text) { return {byte_at(text, 0) < 0x80 ? byte_at(text, 0) : kMalformed, 1}; }
Step next_latin1(std::string_view text) { return {byte_at(text, 0), 1}; }

using Decoder = Step (*)(std::string_view);

Result<Decoder> decoder_named(const std::string& name) {
  static constexpr std::pair<std::string_view, Decoder> kDecoders[] = {
      {"UTF-8", next_utf8},        {"UTF8", next_utf8},      {"UTF-16-BE", next_utf16}, {"UTF-16BE", next_utf16},
      {"UTF-32-BE", next_utf32},   {"UTF-32BE", next_utf32}, {"ASCII", next_ascii},     {"US-ASCII", next_ascii},
      {"ISO-8859-1", next_latin1}, {"LATIN1", next_latin1},  {"LATIN-1", next_latin1},
  };
  for (const auto& [known, decoder] : kDecoders)
    if (known == name) return decoder;
  return fail(ErrorCode::kUnsupported, "the encoding '" + name + "' is not known here; UTF-8, UTF-16-BE, UTF-32-BE, US-ASCII and ISO-8859-1 are");
}

void add_unit(std::string& text, int64_t value, int bytes) {
  for (int i = bytes; i-- > 0;) text += static_cast<char>(value >> (8 * i));
}

void encode_utf8(int64_t code, std::string& text) {
  const int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  if (more == 0) return add_unit(text, code, 1);
  add_unit(text, (0xF0 << (3 - more) & 0xFF) | code >> (6 * more), 1);
  for (int i = more; i-- > 0;) add_unit(text, 0x80 | (code >> (6 * i) & 0x3F), 1);
}
void encode_utf16(int64_t code, std::string& text) {
  if (code < 0x10000) return add_unit(text, code, 2);
  add_unit(text, 0xD800 + ((code - 0x10000) >> 10), 2);
  add_unit(text, 0xDC00 + ((code - 0x10000) & 0x3FF), 2);
}
void encode_utf32(int64_t code, std::string& text) { add_unit(text, code, 4); }

using Encoder = void (*)(int64_t code, std::string& text);

Result<Encoder> encoder_named(const std::string& name) {
  if (name == "UTF-8") return encode_utf8;
  if (name == "UTF-16-BE") return encode_utf16;
  if (name == "UTF-32-BE") return encode_utf32;
  return input_error("output_encoding must be UTF-8, UTF-16-BE or UTF-32-BE, found '" + name + "'");
}

// What becomes of what is no character.
struct OnError {
  bool strict = false, ignore = false;
  int64_t replacement = 0xFFFD;
};

Result<OnError> error_policy(const std::string& errors, int64_t replacement) {
  if (errors != "strict" && errors != "replace" && errors != "ignore") return input_error("errors must be strict, replace or ignore, found '" + errors + "'");
  if (!is_character(replacement)) return input_error("replacement_char must be a Unicode character, found " + std::to_string(replacement));
  return OnError{errors == "strict", errors == "ignore", replacement};
}

// f(code, first byte) for each character of the text, after replacements.
template <class F>
Result<void> for_characters(std::string_view text, Decoder decode, const OnError& on_error, bool replace_controls, F&& f) {
  for (size_t at = 0; at < text.size();) {
    auto [code, size] = decode(text.substr(at));
    if (code == kMalformed && on_error.strict) return input_error("byte " + std::to_string(at) + " of a text does not fit its encoding");
    const bool bad = code == kMalformed || (replace_controls && code < 0x20);
    if (!bad || !on_error.ignore) TRY(f(bad ? on_error.replacement : code, static_cast<int64_t>(at)));
    at += size;
  }
  return {};
}

// --- UnicodeDecode

Result<void> infer_decode(InferContext& c) {
  const auto& a = c.as<UnicodeDecodeAttributes>();
  TRY(error_policy(a.errors, a.replacement_char));
  c.set_shape(0, PartialShape{c.shape(0).elements() ? *c.shape(0).elements() + 1 : kUnknownDim});
  for (int64_t i = 1; i < c.output_count(); ++i) c.set_shape(i, PartialShape{kUnknownDim});
  return {};
}

Result<Outputs> reference_decode(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<UnicodeDecodeAttributes>();
  const Tensor& texts = *TRY(tensor_input(c, inputs, 0));
  const Decoder decode = TRY(decoder_named(a.input_encoding));
  const OnError on_error = TRY(error_policy(a.errors, a.replacement_char));
  std::vector<int64_t> splits{0}, codes, starts;
  for (int64_t i = 0; i < texts.elements(); ++i) {
    TRY(for_characters(texts.string_at(i), decode, on_error, a.replace_control_characters, [&](int64_t code, int64_t start) -> Result<void> {
      codes.push_back(code);
      starts.push_back(start);
      return {};
    }));
    splits.push_back(static_cast<int64_t>(codes.size()));
  }
  Outputs results;
  const std::pair<DType, const std::vector<int64_t>*> columns[] = {{c.output_dtype(0), &splits}, {DType::kInt32, &codes}, {DType::kInt64, &starts}};
  for (const auto& [dtype, values] : std::span(columns).first(static_cast<size_t>(c.output_count()))) {
    MutableTensor column = TRY(c.allocate(dtype, {static_cast<int64_t>(values->size())}));
    store_int64s(column, 0, *values);
    results.push_back(std::move(column).finish());
  }
  return results;
}

// --- UnicodeEncode

Result<void> infer_encode(InferContext& c) {
  const auto& a = c.as<UnicodeEncodeAttributes>();
  TRY(error_policy(a.errors, a.replacement_char));
  TRY(encoder_named(a.output_encoding));
  TRY(shape_of_rank(c, 0, 1));
  const PartialShape splits = TRY(shape_of_rank(c, 1, 1));
  c.set_shape(0, PartialShape{splits[0] == kUnknownDim ? kUnknownDim : std::max<int64_t>(splits[0] - 1, 0)});
  return {};
}

// TensorFlow takes the code points that Unicode keeps for internal use for errors, too.
bool may_be_encoded(int64_t code) { return is_character(code) && (code & 0xFFFE) != 0xFFFE && (code < 0xFDD0 || code > 0xFDEF); }

// What TensorFlow leaves of a row when it ignores errors: numbers beyond Unicode vanish, surrogates stay. Two that make a pair are one character; alone
// they are no text in UTF-8.
void encode_ignoring_errors(std::span<const int64_t> codes, Encoder encode, std::string& text) {
  std::vector<int64_t> kept;
  for (const int64_t code : codes) {
    if (code < 0 || code > kLastCodePoint) continue;
    if (!kept.empty() && is_high_surrogate(kept.back()) && is_low_surrogate(code)) {
      kept.back() = joined(kept.back(), code);
    } else {
      kept.push_back(code);
    }
  }
  for (const int64_t code : kept) encode(is_character(code) || encode != encode_utf8 ? code : 0xFFFD, text);
}

Result<Outputs> reference_encode(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<UnicodeEncodeAttributes>();
  const Tensor& codes = *TRY(tensor_input(c, inputs, 0));
  const auto splits = TRY(int_vector(*TRY(tensor_input(c, inputs, 1)), "the row splits"));
  const Encoder encode = TRY(encoder_named(a.output_encoding));
  const OnError on_error = TRY(error_policy(a.errors, a.replacement_char));
  if (splits.empty() || splits.front() != 0 || splits.back() != codes.elements() || !std::is_sorted(splits.begin(), splits.end()))
    return input_error("row splits must ascend from 0 to " + std::to_string(codes.elements()) + ", the number of characters");
  const std::vector<int64_t> all = codes.to_int64s();
  StringCollector texts(memory_of(c));
  for (size_t row = 0; row + 1 < splits.size(); ++row) {
    std::string text;
    const auto codes_of_row = std::span(all).subspan(static_cast<size_t>(splits[row]), static_cast<size_t>(splits[row + 1] - splits[row]));
    if (on_error.ignore) encode_ignoring_errors(codes_of_row, encode, text);
    for (const int64_t code : on_error.ignore ? std::span<const int64_t>() : codes_of_row) {
      if (on_error.strict && !may_be_encoded(code)) return input_error(std::to_string(code) + " is no Unicode character");
      encode(may_be_encoded(code) ? code : on_error.replacement, text);
    }
    TRY(texts.add(std::move(text)));
  }
  return one(TRY(texts.finish({static_cast<int64_t>(splits.size()) - 1})));
}

// --- UnicodeTranscode

Result<void> infer_transcode(InferContext& c) {
  const auto& a = c.as<UnicodeTranscodeAttributes>();
  TRY(error_policy(a.errors, a.replacement_char));
  TRY(encoder_named(a.output_encoding));
  return infer_same(c);
}

Result<Outputs> reference_transcode(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<UnicodeTranscodeAttributes>();
  const Tensor& texts = *TRY(tensor_input(c, inputs, 0));
  const Decoder decode = TRY(decoder_named(a.input_encoding));
  const Encoder encode = TRY(encoder_named(a.output_encoding));
  const OnError on_error = TRY(error_policy(a.errors, a.replacement_char));
  StringCollector results(memory_of(c));
  for (int64_t i = 0; i < texts.elements(); ++i) {
    std::string text;
    TRY(for_characters(texts.string_at(i), decode, on_error, a.replace_control_characters, [&](int64_t code, int64_t) -> Result<void> {
      encode(code, text);
      return {};
    }));
    TRY(results.add(std::move(text)));
  }
  return one(TRY(results.finish(texts.shape())));
}

// --- UnicodeScript

int64_t script_of(int64_t code) {
  if (code < 0 || code > kLastCodePoint) return -1;
  const auto* run = std::upper_bound(std::begin(kScriptRuns), std::end(kScriptRuns), code, [](int64_t c, const ScriptRun& r) { return c < r.first; });
  return (run - 1)->script;
}

Result<Outputs> reference_script(EvalContext& c, Inputs inputs) {
  const Tensor& codes = *TRY(tensor_input(c, inputs, 0));
  return one(TRY((map_elements<int64_t, int64_t>(c, codes, DType::kInt32, script_of))));
}

}  // namespace

constinit const OpDef kOp_UnicodeDecode = {
    .name = "UnicodeDecode",
    .signature = "input: string -> row_splits: Tsplits, char_values: int32",
    .make_attributes = &make_attributes<UnicodeDecodeAttributes>,
    .infer = infer_decode,
    .reference = reference_decode,
    .doc = "The code points of texts, as a ragged tensor with a row for each text.",
};

constinit const OpDef kOp_UnicodeDecodeWithOffsets = {
    .name = "UnicodeDecodeWithOffsets",
    .signature = "input: string -> row_splits: Tsplits, char_values: int32, char_to_byte_starts: int64",
    .make_attributes = &make_attributes<UnicodeDecodeAttributes>,
    .infer = infer_decode,
    .reference = reference_decode,
    .doc = "UnicodeDecode, and for each code point the byte of its text at which it begins.",
};

constinit const OpDef kOp_UnicodeEncode = {
    .name = "UnicodeEncode",
    .signature = "input_values: int32, input_splits: Tsplits -> output: string",
    .make_attributes = &make_attributes<UnicodeEncodeAttributes>,
    .infer = infer_encode,
    .reference = reference_encode,
    .doc = "A text for each row of a ragged tensor of code points.",
};

constinit const OpDef kOp_UnicodeScript = {
    .name = "UnicodeScript",
    .signature = "input: int32 -> output: int32",
    .infer = infer_same,
    .reference = reference_script,
    .doc = "The script of each code point by ICU's number, -1 where it is none.",
};

constinit const OpDef kOp_UnicodeTranscode = {
    .name = "UnicodeTranscode",
    .signature = "input: string -> output: string",
    .make_attributes = &make_attributes<UnicodeTranscodeAttributes>,
    .infer = infer_transcode,
    .reference = reference_transcode,
    .doc = "Texts in another encoding. Malformed parts are an error (strict), are replaced, or left out (ignore).",
};

}  // namespace isomer::ops
