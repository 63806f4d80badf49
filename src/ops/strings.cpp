// Ops that work on each string of a tensor by itself.
#include "ops/strings.h"

#include <climits>
#include <cstdio>

#include "ops/fingerprint.h"
#include "ops/kernel.h"
#include "ops/number_text.h"
#include "ops/string_tensor.h"
#include "ops/unicode_case.h"
#include "wire/regex.h"

namespace isomer::ops {
namespace {

using namespace ir;

// Element by element: out[i] = f(in[i]), where f returns Result<std::string>.
template <class F>
Result<Outputs> map_strings(EvalContext& c, const Tensor& in, F f) {
  StringCollector out(memory_of(c));
  for (int64_t i = 0; i < in.elements(); ++i) TRY(out.add(TRY(f(in.string_at(i)))));
  return one(TRY(out.finish(in.shape())));
}

// --- StringJoin

Result<void> infer_join(InferContext& c) {
  // Scalars take part in any shape; all others must agree.
  PartialShape shape = PartialShape::scalar();
  for (int64_t i = 0; i < c.input_count(); ++i) {
    const PartialShape& next = c.shape(i);
    if (!next.has_rank()) {
      c.set_shape(0, PartialShape::unknown());
      return {};
    }
    if (next.rank() == 0) continue;
    shape = shape.rank() == 0 ? next : TRY(merge(shape, next));
  }
  c.set_shape(0, std::move(shape));
  return {};
}

Result<Outputs> reference_join(EvalContext& c, Inputs inputs) {
  const std::string& separator = c.as<StringJoinAttributes>().separator;
  const std::vector<const Tensor*> parts = TRY(tensor_inputs(c, inputs));
  Shape shape;
  for (const Tensor* part : parts) {
    if (part->rank() == 0) continue;
    if (!shape.empty() && shape != part->shape()) return input_error("shapes " + to_string(shape) + " and " + to_string(part->shape()) + " cannot be joined");
    shape = part->shape();
  }
  StringCollector out(memory_of(c));
  for (int64_t i = 0; i < element_count_of(shape); ++i) {
    std::string text;
    for (size_t p = 0; p < parts.size(); ++p) {
      if (p) text += separator;
      text += parts[p]->string_at(parts[p]->rank() == 0 ? 0 : i);
    }
    TRY(out.add(std::move(text)));
  }
  return one(TRY(out.finish(std::move(shape))));
}

// --- AsString

Result<std::string> printf_format(EvalContext& c, DType dtype, int64_t elements) {
  const auto& a = c.as<AsStringAttributes>();
  const bool real = is_float(dtype) || is_complex(dtype);
  if (!real && (a.precision >= 0 || a.scientific || a.shortest)) return input_error("precision, scientific and shortest are for floats only");
  if (a.scientific && a.shortest) return input_error("a number cannot be printed both scientific and shortest");
  if (a.fill.size() > 1 || (!a.fill.empty() && std::string_view(" +-0#").find(a.fill) == std::string_view::npos)) {
    return input_error("'" + a.fill + "' is no fill character");
  }
  if (std::max(a.width, a.precision) > std::min<int64_t>(INT_MAX / 2, c.limits().tensor_bytes / std::max<int64_t>(elements, 1))) {
    return fail(ErrorCode::kLimitExceeded, "numbers of " + std::to_string(std::max(a.width, a.precision)) + " characters are too long");
  }
  std::string format = "%" + a.fill;
  if (a.width > -1) format += std::to_string(a.width);
  if (a.precision > -1) format += "." + std::to_string(a.precision);
  if (!real) return format + (is_signed_integer(dtype) ? "lld" : "llu");
  return format + (a.shortest ? "g" : a.scientific ? "e" : "f");
}

template <class T>
std::string printed(const std::string& format, T value) {
  const int size = std::snprintf(nullptr, 0, format.c_str(), value);
  std::string text(static_cast<size_t>(std::max(size, 0)) + 1, '\0');
  std::snprintf(text.data(), text.size(), format.c_str(), value);
  text.pop_back();
  return text;
}

Result<Outputs> reference_as_string(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const TypeClass kind = type_class(x.dtype());
  if (kind == TypeClass::kString || kind == TypeClass::kOther) return dtype_error(c, x.dtype());
  const std::string format = TRY(printf_format(c, x.dtype(), x.elements()));
  StringCollector out(memory_of(c));
  for (int64_t i = 0; i < x.elements(); ++i) {
    if (kind == TypeClass::kBool) {
      TRY(out.add(x.as_int64(i) ? "true" : "false"));
    } else if (kind == TypeClass::kInteger) {
      TRY(out.add(printed(format, static_cast<long long>(x.as_int64(i)))));
    } else if (kind == TypeClass::kFloat) {
      TRY(out.add(printed(format, x.as_double(i))));
    } else {
      Complex value;
      load_complex(x, i, {&value, 1});
      TRY(out.add("(" + printed(format, value.real()) + "," + printed(format, value.imag()) + ")"));
    }
  }
  return one(TRY(out.finish(x.shape())));
}

// --- letters, blanks, lengths

Result<void> infer_case(InferContext& c) {
  const std::string& encoding = c.as<StringCaseAttributes>().encoding;
  if (!encoding.empty() && encoding != "utf-8") return input_error("the encoding must be '' or 'utf-8', found '" + encoding + "'");
  return infer_same(c);
}

template <bool upper>
Result<Outputs> reference_case(EvalContext& c, Inputs inputs) {
  const bool utf8 = !c.as<StringCaseAttributes>().encoding.empty();
  return map_strings(c, *TRY(tensor_input(c, inputs, 0)), [&](std::string_view text) -> Result<std::string> {
    if (utf8) return upper ? to_upper_utf8(text) : to_lower_utf8(text);
    std::string result(text);
    for (char& letter : result)
      if (upper ? letter >= 'a' && letter <= 'z' : letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter ^ 0x20);
    return result;
  });
}

Result<Outputs> reference_strip(EvalContext& c, Inputs inputs) {
  return map_strings(c, *TRY(tensor_input(c, inputs, 0)), [](std::string_view text) -> Result<std::string> {
    constexpr std::string_view kBlanks = " \t\n\v\f\r";
    const size_t first = text.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) return std::string();
    return std::string(text.substr(first, text.find_last_not_of(kBlanks) + 1 - first));
  });
}

Result<void> check_unit(const std::string& unit) {
  if (unit == "BYTE" || unit == "UTF8_CHAR") return {};
  return input_error("the unit must be BYTE or UTF8_CHAR, found '" + unit + "'");
}

bool continues_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

Result<void> infer_length(InferContext& c) {
  TRY(check_unit(c.as<StringUnitAttributes>().unit));
  return infer_same(c);
}

Result<Outputs> reference_length(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const bool bytes = c.as<StringUnitAttributes>().unit == "BYTE";
  MutableTensor lengths = TRY(c.allocate(DType::kInt32, x.shape()));
  for (int64_t i = 0; i < x.elements(); ++i) {
    const std::string_view text = x.string_at(i);
    const auto length = bytes ? static_cast<int64_t>(text.size()) : std::count_if(text.begin(), text.end(), [](char b) { return !continues_character(b); });
    lengths.as<int32_t>()[i] = static_cast<int32_t>(length);
  }
  return one(std::move(lengths));
}

// --- Substr

Result<void> infer_substr(InferContext& c) {
  TRY(check_unit(c.as<StringUnitAttributes>().unit));
  TRY(merge(c.shape(1), c.shape(2)));
  return infer_broadcast(c);
}

// Where the characters of a text begin, and its end.
std::vector<size_t> character_starts(std::string_view text, bool bytes) {
  std::vector<size_t> starts;
  for (size_t i = 0; i < text.size(); ++i)
    if (i == 0 || bytes || !continues_character(text[i])) starts.push_back(i);
  starts.push_back(text.size());
  return starts;
}

Result<std::string> substring(std::string_view text, int64_t position, int64_t length, bool bytes) {
  const std::vector<size_t> starts = character_starts(text, bytes);
  const auto size = static_cast<int64_t>(starts.size()) - 1;
  if (position < -size || position > size) {
    return input_error("position " + std::to_string(position) + " lies outside a string of length " + std::to_string(size));
  }
  const int64_t first = position < 0 ? position + size : position;
  const int64_t count = length < 0 ? size - first : std::min(length, size - first);  // a negative length counts as endless, as in TensorFlow
  const size_t begin = starts[static_cast<size_t>(first)];
  return std::string(text.substr(begin, starts[static_cast<size_t>(first + count)] - begin));
}

Result<Outputs> reference_substr(EvalContext& c, Inputs inputs) {
  const Tensor &text = *TRY(tensor_input(c, inputs, 0)), &position = *TRY(tensor_input(c, inputs, 1)), &length = *TRY(tensor_input(c, inputs, 2));
  if (!is_integer(position.dtype())) return dtype_error(c, position.dtype());
  if (position.shape() != length.shape())
    return input_error("position and length must have one shape, found " + type_text(position) + " and " + type_text(length));
  const bool bytes = c.as<StringUnitAttributes>().unit == "BYTE";
  const Shape shape = TRY(broadcast(text.shape(), position.shape()));
  const BroadcastReader texts(text, shape), positions(position, shape);
  StringCollector out(memory_of(c));
  for (int64_t i = 0; i < element_count_of(shape); ++i) {
    const int64_t at = positions.offset(i);
    TRY(out.add(TRY(substring(text.string_at(texts.offset(i)), position.as_int64(at), length.as_int64(at), bytes))));
  }
  return one(TRY(out.finish(shape)));
}

// --- numbers and hashes

Result<void> infer_to_number(InferContext& c) {
  switch (c.result(0).dtype) {
    case DType::kFloat32:
    case DType::kFloat64:
    case DType::kInt32:
    case DType::kInt64:
    case DType::kUint32:
    case DType::kUint64: return infer_same(c);
    default: return dtype_error(c.op(), c.result(0).dtype);
  }
}

Result<Outputs> reference_to_number(EvalContext& c, Inputs inputs) {
  const Tensor& text = *TRY(tensor_input(c, inputs, 0));
  MutableTensor numbers = TRY(c.allocate(c.output_dtype(0), text.shape()));
  for (int64_t i = 0; i < text.elements(); ++i) TRY(parse_number(text.string_at(i), numbers, i));
  return one(std::move(numbers));
}

template <class F>
Result<Outputs> to_buckets(EvalContext& c, Inputs inputs, int64_t buckets, F hash) {
  if (buckets < 1) return input_error("the number of buckets must be positive, found " + std::to_string(buckets));
  const Tensor& text = *TRY(tensor_input(c, inputs, 0));
  MutableTensor out = TRY(c.allocate(DType::kInt64, text.shape()));
  for (int64_t i = 0; i < text.elements(); ++i) out.as<int64_t>()[i] = static_cast<int64_t>(hash(text.string_at(i)) % static_cast<uint64_t>(buckets));
  return one(std::move(out));
}

Result<Outputs> reference_bucket_fast(EvalContext& c, Inputs inputs) { return to_buckets(c, inputs, c.as<HashBucketAttributes>().num_buckets, fingerprint64); }

Result<Outputs> reference_bucket(EvalContext& c, Inputs inputs) {
  constexpr uint64_t kSeed = 0xDECAFCAFFE;
  return to_buckets(c, inputs, c.as<HashBucketAttributes>().num_buckets, [](std::string_view text) { return murmur_hash64(text, kSeed); });
}

Result<Outputs> reference_bucket_strong(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<StringToHashBucketStrongAttributes>();
  if (a.key.size() != 2) return input_error("the key must have two numbers, found " + std::to_string(a.key.size()));
  const auto first = static_cast<uint64_t>(a.key[0]), second = static_cast<uint64_t>(a.key[1]);
  return to_buckets(c, inputs, a.num_buckets, [&](std::string_view text) { return siphash(text, first, second); });
}

// --- regular expressions

Result<Outputs> replace(EvalContext& c, Inputs inputs, std::string_view pattern, std::string_view rewrite, bool all) {
  const wire::Regex regex = TRY(wire::Regex::compile(pattern));
  const Tensor& text = *TRY(tensor_input(c, inputs, 0));
  return map_strings(c, text, [&](std::string_view t) { return regex.replace(t, rewrite, all, c.limits().tensor_bytes); });
}

Result<Outputs> reference_static_regex_replace(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<StaticRegexReplaceAttributes>();
  return replace(c, inputs, a.pattern, a.rewrite, a.replace_global);
}

Result<Outputs> reference_regex_replace(EvalContext& c, Inputs inputs) {
  const Tensor &pattern = *TRY(tensor_input(c, inputs, 1)), &rewrite = *TRY(tensor_input(c, inputs, 2));
  if (pattern.elements() != 1 || rewrite.elements() != 1) return input_error("pattern and rewrite must be one string each");
  return replace(c, inputs, pattern.string_at(0), rewrite.string_at(0), c.as<RegexReplaceAttributes>().replace_global);
}

Result<Outputs> reference_static_regex_full_match(EvalContext& c, Inputs inputs) {
  const wire::Regex regex = TRY(wire::Regex::compile(c.as<StaticRegexFullMatchAttributes>().pattern));
  const Tensor& text = *TRY(tensor_input(c, inputs, 0));
  MutableTensor out = TRY(c.allocate(DType::kBool, text.shape()));
  for (int64_t i = 0; i < text.elements(); ++i) out.as<uint8_t>()[i] = regex.matches_all(text.string_at(i)) ? 1 : 0;
  return one(std::move(out));
}

}  // namespace

constinit const OpDef kOp_StringJoin = {
    .name = "StringJoin",
    .signature = "inputs: N * string -> output: string",
    .make_attributes = &make_attributes<StringJoinAttributes>,
    .infer = infer_join,
    .reference = reference_join,
    .doc = "Joins the strings at each position with the separator between them. Inputs have one shape or are scalars.",
};

constinit const OpDef kOp_AsString = {
    .name = "AsString",
    .signature = "input: T -> output: string",
    .make_attributes = &make_attributes<AsStringAttributes>,
    .infer = infer_same,
    .reference = reference_as_string,
    .doc = "Numbers as printf prints them: %d, %f, %e (scientific) or %g (shortest) with width, fill and precision; bools as true and false.",
};

constinit const OpDef kOp_StringLower = {
    .name = "StringLower",
    .signature = "input: string -> output: string",
    .make_attributes = &make_attributes<StringCaseAttributes>,
    .infer = infer_case,
    .reference = reference_case<false>,
    .doc = "Lower case: of ASCII letters, or of all letters of Unicode where the encoding is utf-8.",
};

constinit const OpDef kOp_StringUpper = {
    .name = "StringUpper",
    .signature = "input: string -> output: string",
    .make_attributes = &make_attributes<StringCaseAttributes>,
    .infer = infer_case,
    .reference = reference_case<true>,
    .doc = "Upper case: of ASCII letters, or of all letters of Unicode where the encoding is utf-8.",
};

constinit const OpDef kOp_StringStrip = {
    .name = "StringStrip",
    .signature = "input: string -> output: string",
    .infer = infer_same,
    .reference = reference_strip,
    .doc = "Without the ASCII blanks at both ends.",
};

constinit const OpDef kOp_StringLength = {
    .name = "StringLength",
    .signature = "input: string -> output: int32",
    .make_attributes = &make_attributes<StringUnitAttributes>,
    .infer = infer_length,
    .reference = reference_length,
    .doc = "The number of bytes or of UTF-8 characters.",
};

constinit const OpDef kOp_Substr = {
    .name = "Substr",
    .signature = "input: string, pos: T, len: T -> output: string",
    .make_attributes = &make_attributes<StringUnitAttributes>,
    .infer = infer_substr,
    .reference = reference_substr,
    .doc = "The part of a string from a position (a negative one counts from the end) with at most a length, in bytes or UTF-8 characters.",
};

constinit const OpDef kOp_StringToNumber = {
    .name = "StringToNumber",
    .signature = "string_tensor: string -> output: out_type",
    .make_attributes = &make_attributes<StringToNumberAttributes>,
    .infer = infer_to_number,
    .reference = reference_to_number,
    .doc = "The numbers that strings spell; an error where one does not.",
};

constinit const OpDef kOp_StringToHashBucketFast = {
    .name = "StringToHashBucketFast",
    .signature = "input: string -> output: int64",
    .make_attributes = &make_attributes<HashBucketAttributes>,
    .infer = infer_same,
    .reference = reference_bucket_fast,
    .doc = "FarmHash's Fingerprint64 modulo num_buckets.",
};

constinit const OpDef kOp_StringToHashBucket = {
    .name = "StringToHashBucket",
    .signature = "string_tensor: string -> output: int64",
    .make_attributes = &make_attributes<HashBucketAttributes>,
    .infer = infer_same,
    .reference = reference_bucket,
    .doc = "MurmurHash64A with TensorFlow's seed modulo num_buckets.",
};

constinit const OpDef kOp_StringToHashBucketStrong = {
    .name = "StringToHashBucketStrong",
    .signature = "input: string -> output: int64",
    .make_attributes = &make_attributes<StringToHashBucketStrongAttributes>,
    .infer = infer_same,
    .reference = reference_bucket_strong,
    .doc = "SipHash with a key of two numbers modulo num_buckets.",
};

constinit const OpDef kOp_StaticRegexReplace = {
    .name = "StaticRegexReplace",
    .signature = "input: string -> output: string",
    .make_attributes = &make_attributes<StaticRegexReplaceAttributes>,
    .infer = infer_same,
    .reference = reference_static_regex_replace,
    .doc = "Replaces the first match, or all matches, of a pattern in RE2's syntax.",
};

constinit const OpDef kOp_RegexReplace = {
    .name = "RegexReplace",
    .signature = "input: string, pattern: string, rewrite: string -> output: string",
    .make_attributes = &make_attributes<RegexReplaceAttributes>,
    .infer = infer_same,
    .reference = reference_regex_replace,
    .doc = "StaticRegexReplace with pattern and rewrite as inputs.",
};

constinit const OpDef kOp_StaticRegexFullMatch = {
    .name = "StaticRegexFullMatch",
    .signature = "input: string -> output: bool",
    .make_attributes = &make_attributes<StaticRegexFullMatchAttributes>,
    .infer = infer_same,
    .reference = reference_static_regex_full_match,
    .doc = "Whether a pattern in RE2's syntax matches all of a string.",
};

}  // namespace isomer::ops
