// Reading the values of attributes. Memory grows with the text, never with what a shape claims.
#include <bit>
#include <charconv>
#include <cmath>

#include "ir/text_cursor.h"
#include "tensor/half.h"

namespace isomer::ir {
namespace {

// --- numbers

std::string_view number_token(const TextCursor& cursor) {
  const std::string_view rest = cursor.rest();
  size_t end = 0;
  while (end < rest.size() && (is_word_character(rest[end]) || rest[end] == '.' || rest[end] == ':' ||
                               ((rest[end] == '-' || rest[end] == '+') && (end == 0 || rest[end - 1] == 'e' || rest[end - 1] == 'E')))) {
    ++end;
  }
  return rest.substr(0, end);
}

// Where the number that `rest` starts with ends. A complex number's real part ends before the sign of its imaginary part, that before the 'i'.
template <class T>
struct Parsed {
  T value{};
  size_t length = 0;  // 0: no number
  bool out_of_range = false;
};

template <class T>
Parsed<T> read_number(std::string_view text) {
  Parsed<T> parsed;
  const char* const begin = text.data();
  const auto [end, status] = std::from_chars(begin, begin + text.size(), parsed.value);
  if (status == std::errc::invalid_argument) return parsed;
  parsed.length = static_cast<size_t>(end - begin);
  parsed.out_of_range = status == std::errc::result_out_of_range;
  return parsed;
}

// Appends the bytes of `value` to `bytes`.
template <class T>
void append(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

template <class Bits>
struct FloatFormat {
  std::string_view name;
  Bits infinity;  // positive
  Bits plain_nan;
  Parsed<Bits> (*finite)(std::string_view);
};

Parsed<uint32_t> read_float(std::string_view text) {
  const auto parsed = read_number<float>(text);
  return {std::bit_cast<uint32_t>(parsed.value), parsed.length, parsed.out_of_range};
}
Parsed<uint64_t> read_double(std::string_view text) {
  const auto parsed = read_number<double>(text);
  return {std::bit_cast<uint64_t>(parsed.value), parsed.length, parsed.out_of_range};
}
template <uint16_t (*encode)(double), uint16_t infinity>
Parsed<uint16_t> read_narrow(std::string_view text) {
  const auto parsed = read_number<double>(text);
  const uint16_t bits = encode(parsed.value);
  return {bits, parsed.length, parsed.out_of_range || (bits & 0x7fff) == infinity};
}

constexpr FloatFormat<uint32_t> kFloat32 = {"float32", 0x7f800000, 0x7fc00000, read_float};
constexpr FloatFormat<uint64_t> kFloat64 = {"float64", 0x7ff0000000000000, 0x7ff8000000000000, read_double};
constexpr FloatFormat<uint16_t> kHalf = {"float16", 0x7c00, 0x7e00, read_narrow<double_to_half, 0x7c00>};
constexpr FloatFormat<uint16_t> kBfloat16 = {"bfloat16", 0x7f80, 0x7fc0, read_narrow<double_to_bfloat16, 0x7f80>};

// A float at the cursor, as bits.
template <class Bits>
Result<Bits> parse_float(TextCursor& cursor, const FloatFormat<Bits>& format) {
  constexpr Bits kSign = Bits{1} << (8 * sizeof(Bits) - 1);
  const std::string_view rest = cursor.rest();
  if (rest.starts_with("nan:0x")) {
    Bits bits{};
    const std::string_view digits = rest.substr(6);
    const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), bits, 16);
    const bool is_nan = status == std::errc() && static_cast<Bits>(bits & ~kSign) > format.infinity;
    if (!is_nan) return cursor.expected("the bits of a NaN of " + std::string(format.name));
    cursor.advance(6 + static_cast<size_t>(end - digits.data()));
    return bits;
  }
  if (rest.starts_with("nan")) return cursor.advance(3), format.plain_nan;
  if (rest.starts_with("inf")) return cursor.advance(3), format.infinity;
  if (rest.starts_with("-inf")) return cursor.advance(4), static_cast<Bits>(format.infinity | kSign);
  const size_t digit = rest.starts_with('-') ? 1 : 0;
  const bool number = digit < rest.size() && ((rest[digit] >= '0' && rest[digit] <= '9') || rest[digit] == '.');
  const Parsed<Bits> parsed = number ? format.finite(rest) : Parsed<Bits>{};
  if (parsed.length == 0) return cursor.expected("a number of " + std::string(format.name));
  if (parsed.out_of_range) return cursor.error(ErrorCode::kMalformed, "this number does not fit " + std::string(format.name), cursor.offset());
  cursor.advance(parsed.length);
  return parsed.value;
}

template <class Bits>
Result<void> append_complex(TextCursor& cursor, const FloatFormat<Bits>& format, std::string& bytes) {
  append(bytes, TRY(parse_float(cursor, format)));
  if (cursor.peek() == '+') {
    cursor.advance(1);
  } else if (cursor.peek() != '-') {
    return cursor.expected("the imaginary part, as in 1.0+2.0i");
  }
  append(bytes, TRY(parse_float(cursor, format)));
  if (cursor.peek() != 'i') return cursor.expected("'i' after the imaginary part");
  cursor.advance(1);
  return {};
}

template <class T>
Result<void> append_integer(TextCursor& cursor, DType dtype, std::string& bytes) {
  const Parsed<T> parsed = read_number<T>(cursor.rest());
  if (parsed.length == 0) return cursor.expected("a number of " + std::string(to_string(dtype)));
  if (parsed.out_of_range) return cursor.error(ErrorCode::kMalformed, "this number does not fit " + std::string(to_string(dtype)), cursor.offset());
  append(bytes, parsed.value);
  cursor.advance(parsed.length);
  return {};
}

// --- tensors

Result<void> append_element(TextCursor& cursor, DType dtype, std::string& bytes) {
  switch (dtype) {
    case DType::kFloat32: return append(bytes, TRY(parse_float(cursor, kFloat32))), Result<void>();
    case DType::kFloat64: return append(bytes, TRY(parse_float(cursor, kFloat64))), Result<void>();
    case DType::kHalf: return append(bytes, TRY(parse_float(cursor, kHalf))), Result<void>();
    case DType::kBfloat16: return append(bytes, TRY(parse_float(cursor, kBfloat16))), Result<void>();
    case DType::kComplex64: return append_complex(cursor, kFloat32, bytes);
    case DType::kComplex128: return append_complex(cursor, kFloat64, bytes);
    case DType::kInt8:
    case DType::kQint8: return append_integer<int8_t>(cursor, dtype, bytes);
    case DType::kUint8:
    case DType::kQuint8: return append_integer<uint8_t>(cursor, dtype, bytes);
    case DType::kInt16:
    case DType::kQint16: return append_integer<int16_t>(cursor, dtype, bytes);
    case DType::kUint16:
    case DType::kQuint16: return append_integer<uint16_t>(cursor, dtype, bytes);
    case DType::kInt32:
    case DType::kQint32: return append_integer<int32_t>(cursor, dtype, bytes);
    case DType::kUint32: return append_integer<uint32_t>(cursor, dtype, bytes);
    case DType::kInt64: return append_integer<int64_t>(cursor, dtype, bytes);
    case DType::kUint64: return append_integer<uint64_t>(cursor, dtype, bytes);
    case DType::kBool: {
      const bool value = cursor.take_word("true");
      if (!value && !cursor.take_word("false")) return cursor.expected("true or false");
      bytes += static_cast<char>(value);
      return {};
    }
    default: return cursor.expected("no element of " + std::string(to_string(dtype)));
  }
}

// A tensor after its dtype.
Result<Tensor> parse_tensor_rest(TextCursor& cursor, const ParseOptions& options, DType dtype, size_t begin) {
  const PartialShape partial = TRY(parse_shape(cursor, options.limits));
  const auto shape = partial.known();
  const auto count = shape ? element_count(*shape) : std::nullopt;
  if (!count) return cursor.error(ErrorCode::kMalformed, "a tensor needs a fully known shape, found " + to_string(partial), begin);
  if (*count > options.limits.tensor_elements) {
    return cursor.error(ErrorCode::kLimitExceeded, "this tensor has more than " + std::to_string(options.limits.tensor_elements) + " elements", begin);
  }
  const auto placed = [&](Result<Tensor> tensor) {
    if (!tensor) tensor.error().place = cursor.place(begin);
    return tensor;
  };
  if (cursor.take("@data")) return placed(Tensor::create(dtype, *shape, TRY(parse_side_bytes(cursor, options))));
  TRY(cursor.expect("("));
  if (cursor.take("...")) {
    return fail(std::move(cursor.error(ErrorCode::kMalformed, "the elements of this tensor were left out when the text was printed", begin).error())
                    .with_hint("print the module with its side file to be able to read it back"));
  }
  std::string bytes;
  std::vector<std::string> strings;
  int64_t found = 0;
  bool separated = true;
  while (!cursor.take(")")) {
    if (!separated) return cursor.expected("a space or ')' after this element");
    if (found == *count) return cursor.expected("')' after " + std::to_string(*count) + " elements");
    if (dtype == DType::kString) {
      strings.push_back(TRY(cursor.quoted("a string in quotes")));
    } else {
      TRY(append_element(cursor, dtype, bytes));
    }
    ++found;
    separated = cursor.peek() == ' ' || cursor.peek() == '\n' || cursor.peek() == '\t' || cursor.peek() == '\r';
  }
  if (found != *count) {
    return cursor.error(ErrorCode::kMalformed,
                        std::string(to_string(dtype)) + to_string(partial) + " needs " + std::to_string(*count) + " elements, found " + std::to_string(found),
                        begin);
  }
  if (dtype == DType::kString) return Tensor::from_strings(*shape, strings);
  return placed(Tensor::create(dtype, *shape, Bytes::from_string(std::move(bytes))));
}

// --- attribute values

// A number in an attribute: int or float by its spelling.
Result<AttributeValue> parse_number(TextCursor& cursor) {
  const std::string_view token = number_token(cursor);
  if (token.find_first_of(".eEn") == std::string_view::npos) return AttributeValue(TRY(cursor.integer("a value")));
  return AttributeValue(std::bit_cast<float>(TRY(parse_float(cursor, kFloat32))));
}

Result<AttributeValue> parse_scalar(TextCursor& cursor, const ParseOptions& options) {
  cursor.skip_space();
  const char first = cursor.peek();
  if (first == '"') return AttributeValue(TRY(cursor.quoted("a string")));
  if (first == '@') {
    cursor.advance(1);
    return AttributeValue(FunctionRef{TRY(cursor.name("the name of a function"))});
  }
  const std::string_view word = cursor.next_word();
  if (first == '-' || (first >= '0' && first <= '9') || word == "nan" || word == "inf") return parse_number(cursor);
  if (cursor.take_word("true")) return AttributeValue(true);
  if (cursor.take_word("false")) return AttributeValue(false);
  if (cursor.take_word("shape")) return AttributeValue(TRY(parse_shape(cursor, options.limits)));
  const size_t begin = cursor.offset();
  if (word != "invalid" && !dtype_from_string(word)) {
    return cursor.expected("a value (a number, true, false, \"string\", dtype, shape[...], dtype[...](...), @function or [list])");
  }
  const DType dtype = TRY(parse_dtype(cursor));
  if (cursor.peek() == '[' && dtype != DType::kInvalid) return AttributeValue(TRY(parse_tensor_rest(cursor, options, dtype, begin)));
  return AttributeValue(dtype);
}

template <class T>
concept ListElement = std::is_constructible_v<AttributeValue, std::vector<T>>;

}  // namespace

Result<DType> parse_dtype(TextCursor& cursor) {
  const std::string_view word = cursor.next_word();
  const auto dtype = word == "invalid" ? std::optional(DType::kInvalid) : dtype_from_string(word);
  if (!dtype) return cursor.expected("a dtype such as float32");
  cursor.advance(word.size());
  return *dtype;
}

Result<PartialShape> parse_shape(TextCursor& cursor, const Limits& limits) {
  TRY(cursor.expect("["));
  if (cursor.take("...")) {
    TRY(cursor.expect("]"));
    return PartialShape::unknown();
  }
  std::vector<int64_t> dims;
  if (!cursor.take("]")) {
    do {
      if (static_cast<int64_t>(dims.size()) >= limits.rank) {
        return cursor.error(ErrorCode::kLimitExceeded, "this shape has more than " + std::to_string(limits.rank) + " dimensions", cursor.offset());
      }
      if (cursor.take("?")) {
        dims.push_back(kUnknownDim);
        continue;
      }
      cursor.skip_space();
      if (cursor.peek() == '-') return cursor.expected("a size that is not negative, or ?");
      dims.push_back(TRY(cursor.integer("a size or ?")));
    } while (cursor.take(","));
    TRY(cursor.expect("]"));
  }
  return PartialShape(std::move(dims));
}

Result<TensorType> parse_type(TextCursor& cursor, const Limits& limits) {
  TensorType type;
  type.dtype = TRY(parse_dtype(cursor));
  if (cursor.take("<")) {
    type.element_dtype = TRY(parse_dtype(cursor));
    type.element_shape = TRY(parse_shape(cursor, limits));
    TRY(cursor.expect(">"));
  }
  type.shape = TRY(parse_shape(cursor, limits));
  return type;
}

Result<Bytes> parse_side_bytes(TextCursor& cursor, const ParseOptions& options) {
  const size_t begin = cursor.offset();
  TRY(cursor.expect("("));
  const int64_t offset = TRY(cursor.integer("an offset"));
  TRY(cursor.expect(","));
  const int64_t count = TRY(cursor.integer("a number of bytes"));
  TRY(cursor.expect(")"));
  if (!options.side) {
    return fail(std::move(cursor.error(ErrorCode::kNotFound, "this refers to side bytes, and there are none", begin).error())
                    .with_hint("keep the side file beside the text"));
  }
  const int64_t size = options.side->size();
  if (offset < 0 || count < 0 || offset > size || count > size - offset) {
    return cursor.error(ErrorCode::kTruncated,
                        "this refers to " + std::to_string(count) + " side bytes from " + std::to_string(offset) + " on; there are " + std::to_string(size),
                        begin);
  }
  return options.side->slice(offset, count);
}

Result<Tensor> parse_tensor_value(TextCursor& cursor, const ParseOptions& options) {
  cursor.skip_space();
  const size_t begin = cursor.offset();
  const DType dtype = TRY(parse_dtype(cursor));
  return parse_tensor_rest(cursor, options, dtype, begin);
}

Result<AttributeValue> parse_attribute_value(TextCursor& cursor, const ParseOptions& options) {
  if (!cursor.take("[")) return parse_scalar(cursor, options);
  if (cursor.take("]")) return AttributeValue(std::vector<int64_t>());
  cursor.skip_space();
  const size_t begin = cursor.offset();
  AttributeValue first = TRY(parse_scalar(cursor, options));
  const size_t kind = first.index();
  return std::visit(
      [&]<class T>(T& element) -> Result<AttributeValue> {
        if constexpr (ListElement<T>) {
          std::vector<T> elements{std::move(element)};
          while (cursor.take(",")) {
            cursor.skip_space();
            const size_t at = cursor.offset();
            AttributeValue next = TRY(parse_scalar(cursor, options));
            if (next.index() != kind) return cursor.error(ErrorCode::kMalformed, "the elements of a list must be of one kind", at);
            elements.push_back(std::get<T>(std::move(next)));
          }
          TRY(cursor.expect("]"));
          return AttributeValue(std::move(elements));
        } else {
          return cursor.error(ErrorCode::kMalformed, "a list cannot hold tensors", begin);
        }
      },
      first);
}

Result<AttributeValue> parse_attribute(std::string_view text) {
  TextCursor cursor(text, "value");
  AttributeValue value = TRY(parse_attribute_value(cursor, {}));
  if (!cursor.at_end()) return cursor.expected("the end of the value");
  return value;
}

Result<Tensor> parse_tensor(std::string_view text) {
  TextCursor cursor(text, "value");
  Tensor tensor = TRY(parse_tensor_value(cursor, {}));
  if (!cursor.at_end()) return cursor.expected("the end of the tensor");
  return tensor;
}

}  // namespace isomer::ir
