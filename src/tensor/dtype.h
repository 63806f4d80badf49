// Element types, numbered as TensorFlow numbers them (tensorflow/core/framework/types.proto).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace isomer {

enum class DType : uint8_t {
  kInvalid = 0,
  kFloat32 = 1,
  kFloat64 = 2,
  kInt32 = 3,
  kUint8 = 4,
  kInt16 = 5,
  kInt8 = 6,
  kString = 7,
  kComplex64 = 8,
  kInt64 = 9,
  kBool = 10,
  kQint8 = 11,
  kQuint8 = 12,
  kQint32 = 13,
  kBfloat16 = 14,
  kQint16 = 15,
  kQuint16 = 16,
  kUint16 = 17,
  kComplex128 = 18,
  kHalf = 19,
  kResource = 20,
  kVariant = 21,
  kUint32 = 22,
  kUint64 = 23,
};

// The classes that kernels dispatch on: one instantiation of a kernel serves every dtype of a class.
enum class TypeClass { kFloat, kInteger, kBool, kComplex, kString, kOther };

TypeClass type_class(DType dtype);
inline bool is_float(DType d) { return type_class(d) == TypeClass::kFloat; }
inline bool is_integer(DType d) { return type_class(d) == TypeClass::kInteger; }
inline bool is_complex(DType d) { return type_class(d) == TypeClass::kComplex; }

// Bytes of one element; 0 for string, resource, variant and invalid.
int64_t element_size(DType dtype);
bool is_signed_integer(DType dtype);

// "float32", "int64", "string", ... as NumPy and the text IR spell them.
std::string_view to_string(DType dtype);
std::optional<DType> dtype_from_string(std::string_view name);
// "DT_FLOAT", "DT_INT64", ... as protobuf spells them.
std::string_view tensorflow_name(DType dtype);
std::optional<DType> dtype_from_tensorflow_name(std::string_view name);
// A number of TensorFlow's enum; reference types (number + 100) give their value type. nullopt for numbers that Isomer has no type for.
std::optional<DType> dtype_from_number(int64_t number);

}  // namespace isomer
