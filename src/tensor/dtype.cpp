#include "tensor/dtype.h"

#include <array>

namespace isomer {
namespace {

struct Row {
  DType dtype;
  std::string_view name;
  std::string_view tensorflow;
  int64_t size;
  TypeClass type_class;
};

constexpr std::array<Row, 24> kRows = {{
    {DType::kInvalid, "invalid", "DT_INVALID", 0, TypeClass::kOther},
    {DType::kFloat32, "float32", "DT_FLOAT", 4, TypeClass::kFloat},
    {DType::kFloat64, "float64", "DT_DOUBLE", 8, TypeClass::kFloat},
    {DType::kInt32, "int32", "DT_INT32", 4, TypeClass::kInteger},
    {DType::kUint8, "uint8", "DT_UINT8", 1, TypeClass::kInteger},
    {DType::kInt16, "int16", "DT_INT16", 2, TypeClass::kInteger},
    {DType::kInt8, "int8", "DT_INT8", 1, TypeClass::kInteger},
    {DType::kString, "string", "DT_STRING", 0, TypeClass::kString},
    {DType::kComplex64, "complex64", "DT_COMPLEX64", 8, TypeClass::kComplex},
    {DType::kInt64, "int64", "DT_INT64", 8, TypeClass::kInteger},
    {DType::kBool, "bool", "DT_BOOL", 1, TypeClass::kBool},
    {DType::kQint8, "qint8", "DT_QINT8", 1, TypeClass::kOther},
    {DType::kQuint8, "quint8", "DT_QUINT8", 1, TypeClass::kOther},
    {DType::kQint32, "qint32", "DT_QINT32", 4, TypeClass::kOther},
    {DType::kBfloat16, "bfloat16", "DT_BFLOAT16", 2, TypeClass::kFloat},
    {DType::kQint16, "qint16", "DT_QINT16", 2, TypeClass::kOther},
    {DType::kQuint16, "quint16", "DT_QUINT16", 2, TypeClass::kOther},
    {DType::kUint16, "uint16", "DT_UINT16", 2, TypeClass::kInteger},
    {DType::kComplex128, "complex128", "DT_COMPLEX128", 16, TypeClass::kComplex},
    {DType::kHalf, "float16", "DT_HALF", 2, TypeClass::kFloat},
    {DType::kResource, "resource", "DT_RESOURCE", 0, TypeClass::kOther},
    {DType::kVariant, "variant", "DT_VARIANT", 0, TypeClass::kOther},
    {DType::kUint32, "uint32", "DT_UINT32", 4, TypeClass::kInteger},
    {DType::kUint64, "uint64", "DT_UINT64", 8, TypeClass::kInteger},
}};

const Row& row(DType dtype) { return kRows[static_cast<size_t>(dtype)]; }

}  // namespace

TypeClass type_class(DType dtype) { return row(dtype).type_class; }
int64_t element_size(DType dtype) { return row(dtype).size; }
std::string_view to_string(DType dtype) { return row(dtype).name; }
std::string_view tensorflow_name(DType dtype) { return row(dtype).tensorflow; }

bool is_signed_integer(DType dtype) { return dtype == DType::kInt8 || dtype == DType::kInt16 || dtype == DType::kInt32 || dtype == DType::kInt64; }

std::optional<DType> dtype_from_string(std::string_view name) {
  for (const Row& r : kRows)
    if (r.name == name && r.dtype != DType::kInvalid) return r.dtype;
  return std::nullopt;
}

std::optional<DType> dtype_from_tensorflow_name(std::string_view name) {
  if (name.ends_with("_REF")) name.remove_suffix(4);
  for (const Row& r : kRows)
    if (r.tensorflow == name) return r.dtype;
  return std::nullopt;
}

std::optional<DType> dtype_from_number(int64_t number) {
  if (number > 100) number -= 100;
  if (number < 0 || number >= static_cast<int64_t>(kRows.size())) return std::nullopt;
  return static_cast<DType>(number);
}

}  // namespace isomer
