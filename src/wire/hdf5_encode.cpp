#include "wire/hdf5_encode.h"

#include "base/checked.h"

namespace isomer {
namespace hdf5 {
namespace {

using Kind = Hdf5Type::Kind;

// Version 1 of a datatype: class, flags, size; the properties follow.
std::string type_prefix(uint64_t type_class, uint64_t flags, int64_t size) {
  std::string out;
  put(out, 0x10 | type_class, 1);
  put(out, flags, 3);
  put(out, static_cast<uint64_t>(size), 4);
  return out;
}

std::string encode_integer(int64_t size, bool is_signed) {
  std::string out = type_prefix(0, is_signed ? 8 : 0, size);
  put(out, 0, 2);
  put(out, static_cast<uint64_t>(8 * size), 2);
  return out;
}

std::string encode_float(int64_t size, bool is_bfloat16) {
  const uint64_t bits = static_cast<uint64_t>(8 * size);
  const uint64_t exponent = is_bfloat16 || size == 4 ? 8 : size == 2 ? 5 : 11, mantissa = bits - 1 - exponent;
  std::string out = type_prefix(1, 0x20 | (bits - 1) << 8, size);  // the mantissa's first bit is implied; where the sign is
  put(out, 0, 2);
  put(out, bits, 2);
  put(out, mantissa, 1);
  put(out, exponent, 1);
  put(out, 0, 1);
  put(out, mantissa, 1);
  put(out, (uint64_t{1} << (exponent - 1)) - 1, 4);
  return out;
}

void put_name(std::string& out, const char* name) {
  out += name;
  out += '\0';
}

std::string encode_bool() {
  std::string out = type_prefix(8, 2, 1) + encode_integer(1, true);
  for (const char* name : {"FALSE", "TRUE"}) {
    std::string padded;
    put_name(padded, name);
    pad_to_8(padded);
    out += padded;
  }
  put(out, 0, 1);
  put(out, 1, 1);
  return out;
}

std::string encode_complex(int64_t size) {
  std::string out = type_prefix(6, 2, size);
  for (const int64_t part : {0, 1}) {
    std::string member;
    put_name(member, part == 0 ? "r" : "i");
    pad_to_8(member);
    put(member, static_cast<uint64_t>(part * size / 2), 4);
    member.append(1 + 3 + 4 + 4 + 16, '\0');  // no array
    out += member + encode_float(size / 2, false);
  }
  return out;
}

bool is_float_size(int64_t size) { return size == 2 || size == 4 || size == 8; }

}  // namespace

Result<std::string> encode_type(const Hdf5Type& type) {
  const auto padding = static_cast<uint64_t>(type.padding), encoding = static_cast<uint64_t>(type.is_utf8);
  switch (type.kind) {
    case Kind::kInteger:
    case Kind::kEnum:  // the names are lost, the numbers are not
      if (type.size < 1 || type.size > 8) break;
      return encode_integer(type.size, type.is_signed);
    case Kind::kFloat:
      if (!is_float_size(type.size)) break;
      return encode_float(type.size, false);
    case Kind::kBfloat16: return encode_float(2, true);
    case Kind::kBool: return encode_bool();
    case Kind::kComplex:
      if (!is_float_size(type.size / 2) || type.size % 2 != 0) break;
      return encode_complex(type.size);
    case Kind::kFixedString:
      if (type.size < 1) break;
      return type_prefix(3, padding | encoding << 4, type.size);
    case Kind::kVariableString: return type_prefix(9, 1 | padding << 4 | encoding << 8, 16) + type_prefix(3, padding | encoding << 4, 1);
    case Kind::kOpaque:
      if (type.size < 1) break;
      return type_prefix(5, 0, type.size);
    case Kind::kOther: break;
  }
  return fail(ErrorCode::kInvalidArgument, "the type is not written: " + type.name + " (" + std::to_string(type.size) + " bytes)");
}

std::string encode_space(const Hdf5Data& data) {
  std::string out;
  if (data.is_null) {  // only version 2 has it
    put(out, 2, 1);
    put(out, 0, 2);
    put(out, 2, 1);
    return out;
  }
  put(out, 1, 1);
  put(out, data.shape.size(), 1);
  put(out, 0, 6);
  for (const int64_t extent : data.shape) put(out, static_cast<uint64_t>(extent), 8);
  return out;
}

std::string encode_layout(uint64_t address, uint64_t size) {
  std::string out;
  put(out, 3, 1);
  put(out, 1, 1);  // contiguous
  put(out, address, 8);
  put(out, size, 8);
  return out;
}

// Version 2: room is taken late, values are written where one is set; the default value, zero.
std::string encode_no_fill_value() { return std::string("\2\2\2\1\0\0\0\0", 8); }

Result<int64_t> checked_bytes(const Hdf5Data& data) {
  std::optional<int64_t> elements = data.is_null ? 0 : 1;
  if (data.shape.size() > 32) return fail(ErrorCode::kInvalidArgument, "HDF5 knows at most 32 dimensions, found " + std::to_string(data.shape.size()));
  for (const int64_t extent : data.shape) {
    if (extent < 0) return fail(ErrorCode::kInvalidArgument, "a dimension is negative");
    elements = elements ? checked_mul(*elements, extent) : elements;
  }
  const auto bytes = elements ? checked_mul(*elements, data.type.size) : std::nullopt;
  if (!bytes) return fail(ErrorCode::kInvalidArgument, "the shape has more bytes than any file");
  int64_t there = 0;
  for (const Bytes& piece : data.pieces) there += piece.size();
  const bool fits = data.type.is_string() ? static_cast<int64_t>(data.strings.size()) == *elements : there == *bytes;
  if (!fits) {
    return fail(ErrorCode::kInvalidArgument, "expected " + std::to_string(*elements) + " elements of " + std::to_string(data.type.size) + " bytes, found " +
                                                 (data.type.is_string() ? std::to_string(data.strings.size()) + " strings" : std::to_string(there) + " bytes"));
  }
  return *bytes;
}

Result<std::string> padded_string(const Hdf5Type& type, const std::string& text) {
  const int64_t most = type.padding == Hdf5Type::Padding::kNullTerminated ? type.size - 1 : type.size;
  if (static_cast<int64_t>(text.size()) > most) {
    return fail(ErrorCode::kInvalidArgument, "a string of " + std::to_string(text.size()) + " bytes has room for " + std::to_string(most));
  }
  std::string out = text;
  out.resize(static_cast<size_t>(type.size), type.padding == Hdf5Type::Padding::kSpacePadded ? ' ' : '\0');
  return out;
}

}  // namespace hdf5

namespace {

Hdf5Type make_type(Hdf5Type::Kind kind, int64_t size, std::string name) {
  Hdf5Type type;
  type.kind = kind;
  type.size = size;
  type.name = std::move(name);
  return type;
}

}  // namespace

Hdf5Type hdf5_integer(int64_t bytes, bool is_signed) {
  Hdf5Type type = make_type(Hdf5Type::Kind::kInteger, bytes, (is_signed ? "int" : "uint") + std::to_string(8 * bytes));
  type.is_signed = is_signed;
  return type;
}

Hdf5Type hdf5_float(int64_t bytes) { return make_type(Hdf5Type::Kind::kFloat, bytes, "float" + std::to_string(8 * bytes)); }
Hdf5Type hdf5_bool() { return make_type(Hdf5Type::Kind::kBool, 1, "bool"); }

Hdf5Type hdf5_variable_string(bool is_utf8) {
  Hdf5Type type = make_type(Hdf5Type::Kind::kVariableString, 16, "string");
  type.is_utf8 = is_utf8;
  return type;
}

Hdf5Type hdf5_fixed_string(int64_t bytes, bool is_utf8) {
  Hdf5Type type = make_type(Hdf5Type::Kind::kFixedString, bytes, "string of " + std::to_string(bytes) + " bytes");
  type.padding = Hdf5Type::Padding::kNullPadded;
  type.is_utf8 = is_utf8;
  return type;
}

}  // namespace isomer
