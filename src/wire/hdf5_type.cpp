// Datatypes and dataspaces, and elements in their little-endian form.
#include <algorithm>
#include <array>

#include "base/checked.h"
#include "wire/hdf5_header.h"
#include "wire/hdf5_heap.h"

namespace isomer::hdf5 {
namespace {

using Kind = Hdf5Type::Kind;

// What stands before the properties of each type.
struct Prefix {
  int64_t type_class = 0, version = 0, flags = 0, size = 0, offset = 0;
};

Hdf5Type other(const Prefix& prefix, std::string name) {
  Hdf5Type type;
  type.size = prefix.size;
  type.name = std::move(name);
  return type;
}

Result<Hdf5Type> decode_integer(const Prefix& prefix, Cursor& cursor) {
  const int64_t bit_offset = TRY(cursor.number(2)), precision = TRY(cursor.number(2));
  Hdf5Type type = other(prefix, "integer of " + std::to_string(precision) + " bits in " + std::to_string(prefix.size) + " bytes");
  type.is_signed = prefix.flags & 8;
  type.is_big_endian = prefix.flags & 1;
  if (bit_offset != 0 || precision != 8 * prefix.size || prefix.size > 8) return type;
  type.kind = Kind::kInteger;
  type.name = (type.is_signed ? "int" : "uint") + std::to_string(precision);
  return type;
}

Result<Hdf5Type> decode_float(const Prefix& prefix, Cursor& cursor) {
  const int64_t bit_offset = TRY(cursor.number(2)), precision = TRY(cursor.number(2));
  std::array<int64_t, 4> fields = {};  // exponent: place and bits; mantissa: place and bits
  for (int64_t& field : fields) field = TRY(cursor.number(1));
  const int64_t bias = TRY(cursor.number(4));
  const int64_t sign = prefix.flags >> 8 & 0xff, normalization = prefix.flags >> 4 & 3;
  Hdf5Type type = other(prefix, "floating point of " + std::to_string(precision) + " bits in " + std::to_string(prefix.size) + " bytes");
  type.is_signed = true;
  type.is_big_endian = prefix.flags & 1;
  struct Layout {
    Kind kind;
    const char* name;
    int64_t size;
    std::array<int64_t, 4> fields;
    int64_t bias;
  };
  static constexpr Layout kLayouts[] = {{Kind::kFloat, "float16", 2, {10, 5, 0, 10}, 15},
                                        {Kind::kBfloat16, "bfloat16", 2, {7, 8, 0, 7}, 127},
                                        {Kind::kFloat, "float32", 4, {23, 8, 0, 23}, 127},
                                        {Kind::kFloat, "float64", 8, {52, 11, 0, 52}, 1023}};
  for (const Layout& layout : kLayouts) {
    const bool is_whole = prefix.size == layout.size && bit_offset == 0 && precision == 8 * layout.size && sign == precision - 1;
    if (!is_whole || normalization != 2 || prefix.flags & 0x40 || fields != layout.fields || bias != layout.bias) continue;
    type.kind = layout.kind;
    type.name = layout.name;
  }
  return type;
}

Result<Hdf5Type> decode_string(const Prefix& prefix, bool is_variable) {
  const int64_t padding = prefix.flags >> (is_variable ? 4 : 0) & 15, encoding = prefix.flags >> (is_variable ? 8 : 4) & 15;
  if (padding > 2) return fail_at(ErrorCode::kMalformed, "a string is padded in an unknown way (" + std::to_string(padding) + ")", prefix.offset);
  Hdf5Type type = other(prefix, is_variable ? "string" : "string of " + std::to_string(prefix.size) + " bytes");
  type.kind = is_variable ? Kind::kVariableString : Kind::kFixedString;
  type.padding = static_cast<Hdf5Type::Padding>(padding);
  type.is_utf8 = encoding == 1;
  return type;
}

Hdf5Type complex_of(const Prefix& prefix, const Hdf5Type& part) {
  Hdf5Type type = other(prefix, "complex of " + part.name);
  if (part.kind != Kind::kFloat || prefix.size != 2 * part.size) return type;
  type.kind = Kind::kComplex;
  type.name = "complex" + std::to_string(16 * part.size);
  type.is_signed = true;
  type.is_big_endian = part.is_big_endian;
  return type;
}

Result<std::string> member_name(Cursor& cursor, int64_t version) {
  const int64_t start = cursor.at();
  std::string name = TRY(cursor.text());
  if (version < 3) TRY(cursor.skip((8 - (cursor.at() - start) % 8) % 8));
  return name;
}

Result<Hdf5Type> decode_nested(Cursor& cursor, int64_t depth);

// Only h5py's complex numbers are read: the members "r" and "i".
Result<Hdf5Type> decode_compound(const Prefix& prefix, Cursor& cursor, int64_t depth) {
  const int64_t members = prefix.flags & 0xffff;
  std::vector<Hdf5Type> types;
  bool is_complex = members == 2;
  for (int64_t i = 0; i < members && is_complex; ++i) {
    const std::string name = TRY(member_name(cursor, prefix.version));
    const int64_t place = TRY(cursor.number(prefix.version < 3 ? 4 : bytes_for(static_cast<uint64_t>(prefix.size))));
    if (prefix.version == 1) TRY(cursor.skip(1 + 3 + 4 + 4 + 16));
    types.push_back(TRY(decode_nested(cursor, depth)));
    is_complex = name == (i == 0 ? "r" : "i") && place == i * types[0].size;
  }
  if (!is_complex || types[0].name != types[1].name || types[0].is_big_endian != types[1].is_big_endian) return other(prefix, "compound");
  return complex_of(prefix, types[0]);
}

Result<Hdf5Type> decode_enum(const Prefix& prefix, Cursor& cursor, int64_t depth) {
  const int64_t members = prefix.flags & 0xffff;
  Hdf5Type type = TRY(decode_nested(cursor, depth));
  if (type.kind != Kind::kInteger || type.size != prefix.size) return other(prefix, "enumeration of " + type.name);
  std::vector<std::string> names;
  for (int64_t i = 0; i < members; ++i) names.push_back(TRY(member_name(cursor, prefix.version)));
  const Bytes values = TRY(cursor.take(members * prefix.size));
  const bool is_bool = type.size == 1 && names == std::vector<std::string>{"FALSE", "TRUE"} && values.text() == std::string_view("\0\1", 2);
  type.kind = is_bool ? Kind::kBool : Kind::kEnum;
  type.name = is_bool ? "bool" : "enumeration of " + type.name;
  return type;
}

Result<Hdf5Type> decode_nested(Cursor& cursor, int64_t depth) {
  Prefix prefix;
  prefix.offset = cursor.offset();
  if (depth <= 0) return fail_at(ErrorCode::kLimitExceeded, "a datatype is nested too deeply", prefix.offset);
  const int64_t first = TRY(cursor.number(1));
  prefix.type_class = first & 15;
  prefix.version = first >> 4;
  prefix.flags = TRY(cursor.number(3));
  prefix.size = TRY(cursor.number(4));
  if (prefix.version < 1 || prefix.version > 5) {
    return fail_at(ErrorCode::kUnsupported, "a datatype has version " + std::to_string(prefix.version) + ", known are 1 to 5", prefix.offset);
  }
  if (prefix.size == 0 && prefix.type_class != 3) return fail_at(ErrorCode::kMalformed, "a datatype has no size", prefix.offset);
  switch (prefix.type_class) {
    case 0: return decode_integer(prefix, cursor);
    case 1: return decode_float(prefix, cursor);
    case 2: return other(prefix, "time");
    case 3: return decode_string(prefix, false);
    case 4: return other(prefix, "bit field");
    case 5: {
      Hdf5Type type = other(prefix, "opaque of " + std::to_string(prefix.size) + " bytes");
      type.kind = Kind::kOpaque;
      return type;
    }
    case 6: return decode_compound(prefix, cursor, depth - 1);
    case 7: return other(prefix, "reference");
    case 8: return decode_enum(prefix, cursor, depth - 1);
    case 9:
      if ((prefix.flags & 15) == 1) return decode_string(prefix, true);
      return other(prefix, "sequence of variable length");
    case 10: return other(prefix, "array");
    case 11: return complex_of(prefix, TRY(decode_nested(cursor, depth - 1)));
    default: return fail_at(ErrorCode::kUnsupported, "a datatype has the unknown class " + std::to_string(prefix.type_class), prefix.offset);
  }
}

std::string without_padding(std::string_view text, Hdf5Type::Padding padding) {
  const char pad = padding == Hdf5Type::Padding::kSpacePadded ? ' ' : '\0';
  if (padding == Hdf5Type::Padding::kNullTerminated) text = text.substr(0, text.find('\0'));
  while (text.ends_with(pad)) text.remove_suffix(1);
  return std::string(text);
}

}  // namespace

Result<Hdf5Type> decode_type(Cursor cursor, int64_t depth) { return decode_nested(cursor, depth); }

Result<Hdf5Space> decode_space(const File& file, Cursor cursor) {
  const int64_t start = cursor.offset();
  const int64_t version = TRY(cursor.number(1)), rank = TRY(cursor.number(1)), flags = TRY(cursor.number(1));
  if (version != 1 && version != 2)
    return fail_at(ErrorCode::kUnsupported, "a dataspace has version " + std::to_string(version) + ", known are 1 and 2", start);
  if (rank > file.limits.rank) return fail_at(ErrorCode::kLimitExceeded, "a dataspace has " + std::to_string(rank) + " dimensions", start);
  Hdf5Space space;
  space.is_null = TRY(cursor.number(1)) == 2 && version == 2;
  if (version == 1) TRY(cursor.skip(4));
  if (space.is_null) {
    space.elements = 0;
    return space;
  }
  std::optional<int64_t> elements = 1;
  bool is_empty = false;
  for (int64_t i = 0; i < rank; ++i) {
    space.shape.push_back(TRY(cursor.length()));
    is_empty |= space.shape.back() == 0;
    elements = elements ? checked_mul(*elements, space.shape.back()) : elements;
  }
  if (is_empty) elements = 0;
  if (!elements || *elements > file.limits.tensor_elements) return fail_at(ErrorCode::kLimitExceeded, "a dataspace has too many elements", start);
  space.elements = *elements;
  space.max_shape = space.shape;
  for (int64_t i = 0; i < rank && flags & 1; ++i) {
    const uint64_t most = TRY(cursor.bits(cursor.length_size()));
    space.max_shape[static_cast<size_t>(i)] = most > INT64_MAX || most == UINT64_MAX >> (64 - 8 * cursor.length_size()) ? -1 : static_cast<int64_t>(most);
  }
  return space;
}

Result<int64_t> stored_bytes(const File& file, const Hdf5Type& type, const Hdf5Space& space) {
  const auto bytes = checked_mul(space.elements, type.size);
  if (!bytes || *bytes > file.limits.tensor_bytes) {
    return fail(ErrorCode::kLimitExceeded, std::to_string(space.elements) + " elements of " + std::to_string(type.size) + " bytes are more than the limit of " +
                                               std::to_string(file.limits.tensor_bytes) + " bytes");
  }
  return *bytes;
}

Result<Bytes> little_endian(const Hdf5Type& type, Bytes data, int64_t offset) {
  if (type.kind == Kind::kVariableString) return fail(ErrorCode::kInvalidArgument, "strings of variable length have no fixed form");
  if (type.kind == Kind::kOther) return fail_at(ErrorCode::kUnsupported, "the type is not read: " + type.name, offset);
  const int64_t unit = type.kind == Kind::kComplex ? type.size / 2 : type.size;
  if (!type.is_big_endian || unit == 1) return data;
  std::string turned(data.text());
  for (auto at = turned.begin(); at != turned.end(); at += unit) std::reverse(at, at + unit);
  return Bytes::from_string(std::move(turned));
}

Result<std::vector<std::string>> decode_strings(const File& file, const Hdf5Type& type, int64_t elements, const Bytes& data, int64_t offset) {
  if (!type.is_string()) return fail(ErrorCode::kInvalidArgument, "the type is not a string: " + type.name);
  if (elements > file.limits.nodes) return fail_at(ErrorCode::kLimitExceeded, std::to_string(elements) + " strings are too many", offset);
  std::vector<std::string> strings;
  GlobalHeap heap(file);
  int64_t total = 0;
  for (int64_t i = 0; i < elements; ++i) {
    const Bytes element = data.slice(i * type.size, type.size);
    const Bytes text = type.kind == Kind::kFixedString ? element : TRY(heap.string(file.cursor(element, offset + i * type.size)));
    total += text.size();
    if (total > file.limits.tensor_bytes) return fail_at(ErrorCode::kLimitExceeded, "strings take too many bytes", offset);
    const bool is_plain = type.kind == Kind::kVariableString && type.padding == Hdf5Type::Padding::kNullTerminated;
    strings.push_back(is_plain ? std::string(text.text()) : without_padding(text.text(), type.padding));
  }
  return strings;
}

}  // namespace isomer::hdf5
