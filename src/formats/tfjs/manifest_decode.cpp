// From the stored bytes of a weight to its tensor, and from an entry back to JSON.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/checked.h"
#include "formats/tfjs/manifest.h"

namespace isomer::tfjs {
namespace {

constexpr int64_t kBlock = 1 << 16;  // elements converted at a time

// One range of bytes: the piece itself, or a copy of several in allocated memory.
Result<Bytes> joined(const WeightEntry& entry, TensorAllocator& allocator) {
  if (entry.pieces.empty()) return Bytes();
  if (entry.pieces.size() == 1) return entry.pieces.front();
  const int64_t size = entry.stored_bytes();
  auto block = TRY(allocator.allocate(size));
  int64_t at = 0;
  for (const Bytes& piece : entry.pieces) {
    std::memcpy(block.data + at, piece.data(), static_cast<size_t>(piece.size()));
    at += piece.size();
  }
  const std::byte* data = block.data;
  return Bytes(std::move(block.owner), data, size, block.mapped);
}

// The file's length-prefixed strings as an offset table and the bytes. The layout was checked when the manifest was read.
Result<Tensor> decode_strings(const WeightEntry& entry, const Bytes& stored, TensorAllocator& allocator) {
  const int64_t count = element_count_of(entry.shape);
  const auto table = checked_mul(count + 1, 8);
  const auto total = table ? checked_add(*table, stored.size() - 4 * count) : std::nullopt;
  if (!total) return fail(ErrorCode::kLimitExceeded, "weight \"" + entry.name + "\" is too large");
  auto block = TRY(allocator.allocate(*total));
  int64_t offset = 0;
  std::memcpy(block.data, &offset, 8);
  for (int64_t i = 0, at = 0; i < count; ++i) {
    uint32_t length = 0;
    if (stored.size() - at < 4) return fail(ErrorCode::kTruncated, "weight \"" + entry.name + "\" ends inside element " + std::to_string(i));
    std::memcpy(&length, stored.data() + at, 4);
    at += 4;
    if (stored.size() - at < length) return fail(ErrorCode::kTruncated, "weight \"" + entry.name + "\" ends inside element " + std::to_string(i));
    std::memcpy(block.data + *table + offset, stored.data() + at, length);
    at += length;
    offset += length;
    std::memcpy(block.data + (i + 1) * 8, &offset, 8);
  }
  const std::byte* data = block.data;
  return Tensor::create(DType::kString, entry.shape, Bytes(std::move(block.owner), data, *total, block.mapped));
}

// Files may hold any byte for true; a tensor holds 1.
Result<Tensor> normalised_bools(const Tensor& tensor, const Limits& limits, TensorAllocator& allocator) {
  const auto stored = tensor.bytes().span();
  if (std::all_of(stored.begin(), stored.end(), [](std::byte b) { return static_cast<uint8_t>(b) <= 1; })) return tensor;
  auto result = TRY(MutableTensor::create(DType::kBool, tensor.shape(), limits, allocator));
  std::transform(stored.begin(), stored.end(), result.data(), [](std::byte b) { return static_cast<std::byte>(b != std::byte{0}); });
  return std::move(result).finish();
}

// tf.js rounds half up.
int64_t to_int32(double value) {
  const double rounded = std::floor(value + 0.5);
  if (std::isnan(rounded)) return 0;
  return static_cast<int64_t>(std::clamp(rounded, -2147483648.0, 2147483647.0));
}

Result<Tensor> dequantised(const WeightEntry& entry, const Tensor& codes, const Limits& limits, TensorAllocator& allocator) {
  const WeightQuantization& quantization = *entry.quantization;
  const DType dtype = *dtype_from_string(entry.dtype);
  const bool affine = quantization.storage != DType::kHalf;
  auto result = TRY(MutableTensor::create(dtype, entry.shape, limits, allocator));
  std::vector<double> values(static_cast<size_t>(std::min(kBlock, codes.elements())));
  std::vector<int64_t> integers(dtype == DType::kInt32 ? values.size() : 0);
  for (int64_t first = 0; first < codes.elements(); first += kBlock) {
    const std::span<double> block(values.data(), static_cast<size_t>(std::min(kBlock, codes.elements() - first)));
    load_doubles(codes, first, block);
    if (affine) {
      for (double& value : block) value = value * quantization.scale + quantization.min;
    }
    if (dtype == DType::kInt32) {
      std::transform(block.begin(), block.end(), integers.begin(), to_int32);
      store_int64s(result, first, {integers.data(), block.size()});
    } else {
      store_doubles(result, first, block);
    }
  }
  return std::move(result).finish();
}

}  // namespace

int64_t WeightEntry::stored_bytes() const {
  int64_t total = 0;
  for (const Bytes& piece : pieces) total += piece.size();
  return total;
}

Result<Tensor> stored_tensor(const WeightEntry& entry, const Limits& limits, TensorAllocator& allocator) {
  const auto in_weight = [&](Result<Tensor> tensor) { return in_context(std::move(tensor), "reading the weight \"" + entry.name + "\""); };
  const auto dtype = entry.quantization ? entry.quantization->storage : dtype_from_string(entry.dtype);
  if (!dtype) return fail(ErrorCode::kUnsupported, "weight \"" + entry.name + "\" has the unknown dtype " + entry.dtype);
  Bytes stored = TRY(joined(entry, allocator));
  if (dtype == DType::kString) return in_weight(decode_strings(entry, stored, allocator));
  Tensor tensor = TRY(in_weight(Tensor::create(*dtype, entry.shape, std::move(stored))));
  if (dtype == DType::kBool) return normalised_bools(tensor, limits, allocator);
  return tensor;
}

Result<Tensor> decode_weight(const WeightEntry& entry, const Limits& limits, TensorAllocator& allocator) {
  Tensor stored = TRY(stored_tensor(entry, limits, allocator));
  if (!entry.quantization) return stored;
  return in_context(dequantised(entry, stored, limits, allocator), "dequantising the weight \"" + entry.name + "\"");
}

JsonValue to_json(const WeightEntry& entry) {
  JsonValue json = JsonValue::object();
  json["name"] = JsonValue(entry.name);
  JsonValue shape = JsonValue::array();
  for (const int64_t size : entry.shape) shape.items().emplace_back(size);
  json["shape"] = std::move(shape);
  json["dtype"] = JsonValue(entry.dtype);
  if (entry.quantization) {
    JsonValue quantization = JsonValue::object();
    quantization["dtype"] = JsonValue(to_string(entry.quantization->storage));
    if (entry.quantization->storage != DType::kHalf) {
      quantization["min"] = JsonValue(entry.quantization->min);
      quantization["scale"] = JsonValue(entry.quantization->scale);
    }
    if (!entry.quantization->original_dtype.empty()) quantization["original_dtype"] = JsonValue(entry.quantization->original_dtype);
    for (const JsonMember& member : entry.quantization->other.members()) quantization.members().push_back(member);
    json["quantization"] = std::move(quantization);
  }
  for (const JsonMember& member : entry.other.members()) json.members().push_back(member);
  return json;
}

}  // namespace isomer::tfjs
