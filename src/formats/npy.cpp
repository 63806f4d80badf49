#include "formats/npy.h"

#include <algorithm>
#include <optional>

#include "wire/npy.h"

namespace isomer {
namespace {

struct Spelling {
  DType dtype;
  std::string_view type;  // without the byte order
};

constexpr Spelling kSpellings[] = {{DType::kBool, "b1"},      {DType::kInt8, "i1"},       {DType::kInt16, "i2"},   {DType::kInt32, "i4"},
                                   {DType::kInt64, "i8"},     {DType::kUint8, "u1"},      {DType::kUint16, "u2"},  {DType::kUint32, "u4"},
                                   {DType::kUint64, "u8"},    {DType::kHalf, "f2"},       {DType::kFloat32, "f4"}, {DType::kFloat64, "f8"},
                                   {DType::kComplex64, "c8"}, {DType::kComplex128, "c16"}};

std::optional<DType> dtype_of(std::string_view descr) {
  for (const Spelling& spelling : kSpellings) {
    if (spelling.type == descr.substr(1)) return spelling.dtype;
  }
  return std::nullopt;
}

bool bools_are_clean(const Bytes& data) {
  return std::all_of(data.span().begin(), data.span().end(), [](std::byte value) { return value <= std::byte{1}; });
}

// Copies elements stored first index fastest into C order: walks the target in order and keeps the place in the source up to date.
void copy_fortran_order(const NpyArray& array, std::byte* out) {
  const size_t rank = array.shape.size();
  std::vector<int64_t> strides(rank), index(rank, 0);
  int64_t stride = array.item_size;
  for (size_t i = 0; i < rank; ++i) {
    strides[i] = stride;
    stride *= array.shape[i];
  }
  int64_t source = 0;
  for (int64_t written = 0; written < array.data.size(); written += array.item_size) {
    std::copy_n(array.data.data() + source, array.item_size, out + written);
    for (size_t axis = rank; axis-- > 0;) {
      source += strides[axis];
      if (++index[axis] < array.shape[axis]) break;
      source -= strides[axis] * array.shape[axis];
      index[axis] = 0;
    }
  }
}

void swap_bytes(std::byte* data, int64_t size, int64_t unit) {
  for (int64_t at = 0; at < size; at += unit) std::reverse(data + at, data + at + unit);
}

}  // namespace

Result<Tensor> tensor_from_npy(const Bytes& file, const Limits& limits, TensorAllocator& allocator) {
  const NpyArray array = TRY(decode_npy(file, limits));
  const auto dtype = dtype_of(array.descr);
  if (!dtype) return fail(ErrorCode::kUnsupported, "the array has elements of type '" + array.descr + "'");
  const int64_t part = is_complex(*dtype) ? array.item_size / 2 : array.item_size;  // what has a byte order
  const bool swapped = array.descr[0] == '>' && part > 1;
  const bool unclean = *dtype == DType::kBool && !bools_are_clean(array.data);
  if (!swapped && !unclean && !array.fortran_order) return Tensor::create(*dtype, array.shape, array.data);

  MutableTensor tensor = TRY(MutableTensor::create(*dtype, array.shape, limits, allocator));
  if (array.fortran_order) {
    copy_fortran_order(array, tensor.data());
  } else {
    std::copy_n(array.data.data(), array.data.size(), tensor.data());
  }
  if (swapped) swap_bytes(tensor.data(), array.data.size(), part);
  if (unclean) std::for_each_n(tensor.data(), array.data.size(), [](std::byte& value) { value = std::byte{value != std::byte{0}}; });
  return std::move(tensor).finish();
}

Result<std::string> npy_header(const Tensor& tensor) {
  for (const Spelling& spelling : kSpellings) {
    if (spelling.dtype != tensor.dtype()) continue;
    const char order = element_size(tensor.dtype()) == 1 ? '|' : '<';
    return encode_npy_header(order + std::string(spelling.type), tensor.shape());
  }
  return fail(Error{
      ErrorCode::kUnsupported, "NumPy has no dtype for " + std::string(to_string(tensor.dtype())), {}, {}, "convert the tensor to float32 or an integer type"});
}

}  // namespace isomer
