#include "formats/tf/tensor_bundle.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "base/mapped_file.h"
#include "formats/tf/schema/tensorflow.pb.h"
#include "wire/crc32c.h"
#include "wire/sorted_table.h"
#include "wire/varint.h"

namespace isomer::tf {
namespace {

constexpr int64_t kMostSlices = 10'000;  // of one variable; they are compared pair by pair

template <class Message>
bool parse(const Bytes& bytes, Message& message) {
  return bytes.size() <= INT32_MAX && message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

Result<Shape> read_shape(const TensorShapeProto& proto, const Limits& limits) {
  if (proto.unknown_rank()) return fail(ErrorCode::kMalformed, "a stored tensor has an unknown shape");
  if (proto.dim_size() > limits.rank) return fail(ErrorCode::kLimitExceeded, "a stored tensor has " + std::to_string(proto.dim_size()) + " dimensions");
  Shape shape;
  for (const auto& dim : proto.dim()) shape.push_back(dim.size());
  const auto count = element_count(shape);
  if (!count) return fail(ErrorCode::kMalformed, "a stored tensor has the impossible shape " + to_string(shape));
  if (*count > limits.tensor_elements) return fail(ErrorCode::kLimitExceeded, "a stored tensor has the shape " + to_string(shape));
  return shape;
}

Result<BundleSlice> read_slice(const TensorSliceProto& proto, const std::string& name, const Shape& shape) {
  if (proto.extent_size() != static_cast<int>(shape.size())) return fail(ErrorCode::kMalformed, "a slice has another rank than its tensor");
  TensorRegion region;
  std::vector<int64_t> stated;
  for (int i = 0; i < proto.extent_size(); ++i) {
    const auto& extent = proto.extent(i);
    const int64_t full = shape[static_cast<size_t>(i)];
    const bool has_length = extent.has_length_case() == TensorSliceProto::Extent::kLength;
    const int64_t size = has_length ? extent.length() : full;
    if (extent.start() < 0 || extent.start() > full || size < 0 || size > full - extent.start()) {
      return fail(ErrorCode::kMalformed, "a slice passes the end of its tensor of shape " + to_string(shape));
    }
    region.start.push_back(extent.start());
    region.size.push_back(size);
    stated.push_back(has_length ? size : -1);
  }
  std::string key = encode_slice_key(name, region.start, stated);
  return BundleSlice{std::move(region), std::move(key)};
}

Result<BundleEntry> read_entry(const Bytes& bytes, const std::string& name, const Limits& limits) {
  BundleEntryProto proto;
  if (!parse(bytes, proto)) return fail(ErrorCode::kMalformed, "the entry is no BundleEntryProto");
  BundleEntry entry;
  entry.dtype_number = proto.dtype();
  entry.dtype = dtype_from_number(proto.dtype()).value_or(DType::kInvalid);
  entry.shape = TRY(read_shape(proto.shape(), limits));
  entry.shard = proto.shard_id();
  entry.offset = proto.offset();
  entry.size = proto.size();
  entry.masked_crc = proto.crc32c();
  if (entry.shard < 0 || entry.offset < 0 || entry.size < 0) return fail(ErrorCode::kMalformed, "the entry lies at a negative place");
  if (proto.slices_size() > kMostSlices) return fail(ErrorCode::kLimitExceeded, "the tensor has " + std::to_string(proto.slices_size()) + " slices");
  for (const auto& slice : proto.slices()) entry.slices.push_back(TRY(read_slice(slice, name, entry.shape)));
  return entry;
}

std::unexpected<Error> damaged(const std::string& what) {
  return fail(Error{ErrorCode::kMalformed, "the checksum of " + what + " is wrong: the data file is damaged", {}, {}, "copy or download the checkpoint again"});
}

// n lengths (varints), their masked checksum, then the bytes of all strings. The checksums count each length as four (from 2^32 on eight) bytes.
Result<Tensor> decode_strings(const Bytes& data, const BundleEntry& entry) {
  const int64_t count = element_count_of(entry.shape);
  if (count > data.size()) return fail(ErrorCode::kTruncated, std::to_string(count) + " strings in " + std::to_string(data.size()) + " bytes");
  std::string storage((static_cast<size_t>(count) + 1) * 8, '\0');
  int64_t at = 0, total = 0;
  uint32_t crc = 0;
  for (int64_t i = 0; i < count; ++i) {
    const auto length = read_length(data, at);
    if (!length || *length > data.size() - total) return fail(ErrorCode::kTruncated, "the length of string " + std::to_string(i) + " passes the tensor's end");
    total += *length;
    std::memcpy(storage.data() + (i + 1) * 8, &total, 8);
    crc = crc32c_extend(crc, std::as_bytes(std::span(&*length, 1)).first(*length <= UINT32_MAX ? 4 : 8));
  }
  if (data.size() - at < 4 || data.size() - at - 4 != total) {
    return fail(ErrorCode::kTruncated, "the strings have " + std::to_string(total) + " bytes, " + std::to_string(data.size() - at - 4) + " are there");
  }
  if (read_little_endian<uint32_t>(data, at) != crc32c_mask(crc)) return damaged("the strings' lengths");
  crc = crc32c_extend(crc, data.slice(at, data.size() - at).span());
  if (crc32c_mask(crc) != entry.masked_crc) return damaged("the strings");
  storage += data.slice(at + 4, total).text();
  return Tensor::create(DType::kString, entry.shape, Bytes::from_string(std::move(storage)));
}

TensorRegion whole(const Shape& shape) { return {Shape(shape.size(), 0), shape}; }

// Do the regions have an element in common?
bool overlap(const TensorRegion& a, const TensorRegion& b) {
  for (size_t i = 0; i < a.start.size(); ++i) {
    if (std::max(a.start[i], b.start[i]) >= std::min(a.start[i] + a.size[i], b.start[i] + b.size[i])) return false;
  }
  return true;
}

// The common part of regions that overlap.
TensorRegion intersect(const TensorRegion& a, const TensorRegion& b) {
  TensorRegion common;
  for (size_t i = 0; i < a.start.size(); ++i) {
    common.start.push_back(std::max(a.start[i], b.start[i]));
    common.size.push_back(std::min(a.start[i] + a.size[i], b.start[i] + b.size[i]) - common.start.back());
  }
  return common;
}

// Copies `part`, which lies in both regions, row by row from `source` (the elements of `source_region`) to `target`.
void copy_part(const TensorRegion& part, const std::byte* source, const TensorRegion& source_region, std::byte* target, const TensorRegion& target_region,
               int64_t element) {
  const size_t rank = part.start.size();
  const auto place = [&](const std::vector<int64_t>& index, const TensorRegion& region) {
    int64_t offset = 0;
    for (size_t i = 0; i < rank; ++i) offset = offset * region.size[i] + (part.start[i] + index[i] - region.start[i]);
    return offset * element;
  };
  const int64_t row = rank == 0 ? 1 : part.size[rank - 1];
  std::vector<int64_t> index(rank, 0);
  while (true) {
    std::memcpy(target + place(index, target_region), source + place(index, source_region), static_cast<size_t>(row * element));
    size_t axis = rank == 0 ? 0 : rank - 1;
    while (axis > 0 && ++index[axis - 1] == part.size[axis - 1]) index[--axis] = 0;
    if (axis == 0) return;
  }
}

std::string shard_suffix(int64_t number, int64_t count) {
  char text[64];
  std::snprintf(text, sizeof text, ".data-%05lld-of-%05lld", static_cast<long long>(number), static_cast<long long>(count));
  return text;
}

}  // namespace

Result<TensorBundle> TensorBundle::open(const std::string& prefix, const Limits& limits) {
  const auto index = map_file(prefix + ".index");
  if (!index) {
    Error error = index.error();
    if (error.code == ErrorCode::kNotFound) error.hint = "a checkpoint is a file .index with one or more .data files beside it; copy all of them";
    return fail(std::move(error));
  }
  return open(*index, prefix, [prefix](const std::string& suffix) { return map_file(prefix + suffix); }, limits);
}

Result<TensorBundle> TensorBundle::open(const Bytes& index, std::string name, ShardSource shards, const Limits& limits) {
  TensorBundle bundle;
  bundle.name_ = std::move(name);
  bundle.limits_ = limits;
  bundle.source_ = std::move(shards);
  TRY(in_context(bundle.read_index(index), "reading the checkpoint index " + bundle.name_ + ".index"));
  return bundle;
}

Result<void> TensorBundle::read_index(const Bytes& index) {
  const SortedTable table = TRY(SortedTable::open(index, limits_));
  SortedTable::Cursor cursor = table.begin();
  BundleHeaderProto header;
  if (!TRY(cursor.next()) || !cursor.key().empty() || !parse(cursor.value(), header)) {
    return fail(Error{ErrorCode::kMalformed,
                      "expected a bundle header under the empty key, found none",
                      {},
                      {},
                      "a checkpoint of TensorFlow 1's first format has no such header; save it again with a newer TensorFlow"});
  }
  if (header.endianness() != BundleHeaderProto::LITTLE) return fail(ErrorCode::kUnsupported, "the checkpoint was written on a big-endian machine");
  if (header.version().min_consumer() > 1) {
    return fail(ErrorCode::kUnsupported, "the checkpoint asks for a reader of version " + std::to_string(header.version().min_consumer()) + ", this is 1");
  }
  if (header.num_shards() < 1) return fail(ErrorCode::kMalformed, "the checkpoint claims " + std::to_string(header.num_shards()) + " data files");
  shard_count_ = header.num_shards();
  int64_t key_bytes = 0;  // keys share their beginnings in the file, so they can be far larger than it
  while (TRY(cursor.next())) {
    key_bytes += static_cast<int64_t>(cursor.key().size());
    if (key_bytes > limits_.document_bytes || static_cast<int64_t>(entries_.size()) >= limits_.nodes) {
      return fail(ErrorCode::kLimitExceeded, "the checkpoint has too many tensors");
    }
    BundleEntry entry = TRY(in_context(read_entry(cursor.value(), cursor.key(), limits_), "reading the entry of \"" + cursor.key() + "\""));
    if (entry.shard >= shard_count_) {
      return fail(ErrorCode::kMalformed, "\"" + cursor.key() + "\" lies in data file " + std::to_string(entry.shard) + " of " + std::to_string(shard_count_));
    }
    entries_.emplace_hint(entries_.end(), cursor.key(), std::move(entry));
  }
  return {};
}

std::vector<std::string> TensorBundle::keys() const {
  std::vector<std::string> result;
  for (const auto& [key, entry] : entries_) {
    if (key[0] != '\0') result.push_back(key);  // the parts of partitioned variables begin with a zero byte
  }
  return result;
}

const BundleEntry* TensorBundle::find(std::string_view key) const {
  const auto entry = entries_.find(key);
  return entry == entries_.end() ? nullptr : &entry->second;
}

Result<const BundleEntry*> TensorBundle::require(std::string_view key) const {
  if (const BundleEntry* entry = find(key)) return entry;
  return fail(Error{ErrorCode::kNotFound,
                    "the checkpoint " + name_ + " holds no tensor \"" + std::string(key) + "\"",
                    {},
                    {},
                    "the checkpoint may belong to another version of the model"});
}

Result<Bytes> TensorBundle::shard(int64_t number) {
  const auto known = shards_.find(number);
  if (known != shards_.end()) return known->second;
  const std::string suffix = shard_suffix(number, shard_count_);
  auto data = source_(suffix);
  if (!data) {
    Error error = std::move(data.error());
    if (error.code == ErrorCode::kNotFound) {
      error.message = "the checkpoint's data file " + name_ + suffix + " is missing (it has " + std::to_string(shard_count_) + " of them)";
      error.hint = "copy all .data files of the checkpoint beside its .index file, under the names they had";
    }
    return fail(std::move(error));
  }
  shards_.emplace(number, *data);
  return *data;
}

Result<Tensor> TensorBundle::read_stored(const BundleEntry& entry) {
  const Bytes file = TRY(shard(entry.shard));
  if (entry.offset > file.size() || entry.size > file.size() - entry.offset) {
    return fail(Error{ErrorCode::kTruncated,
                      "the tensor's " + std::to_string(entry.size) + " bytes at " + std::to_string(entry.offset) + " pass the end of data file " +
                          std::to_string(entry.shard) + ", which has " + std::to_string(file.size()) + " bytes",
                      name_ + shard_suffix(entry.shard, shard_count_),
                      {},
                      "the file is incomplete; copy or download it again"});
  }
  const Bytes data = file.slice(entry.offset, entry.size);
  if (entry.dtype == DType::kString) return decode_strings(data, entry);
  if (element_size(entry.dtype) == 0) {
    return fail(ErrorCode::kUnsupported, "the checkpoint stores elements of type " + DataType_Name(static_cast<DataType>(entry.dtype_number)) + " (" +
                                             std::to_string(entry.dtype_number) + "), which cannot be read");
  }
  Tensor tensor = TRY(Tensor::create(entry.dtype, entry.shape, data));
  constexpr int64_t kLarge = 64 << 10;
  const auto check = [data, expected = entry.masked_crc]() -> Result<void> {
    if (crc32c_mask(crc32c_streaming(0, data)) != expected) return damaged("the tensor");
    return {};
  };
  if (checks_ && data.size() >= kLarge) {
    checks_->add(check);
  } else {
    TRY(check());
  }
  if (entry.dtype == DType::kBool && std::any_of(data.span().begin(), data.span().end(), [](std::byte value) { return value > std::byte{1}; })) {
    return fail(ErrorCode::kMalformed, "a bool is neither 0 nor 1");
  }
  return tensor;
}

Result<Tensor> TensorBundle::read_part(const BundleEntry& entry, const BundleSlice& slice) {
  const BundleEntry* part = find(slice.key);
  if (!part) return fail(ErrorCode::kMalformed, "the index lacks the part of a partitioned tensor that starts at " + to_string(slice.region.start));
  if (part->dtype != entry.dtype || part->shape != slice.region.size) {
    return fail(ErrorCode::kMalformed, "a part of a partitioned tensor has another type than its tensor");
  }
  return read_stored(*part);
}

Result<Tensor> TensorBundle::assemble(const BundleEntry& entry, const TensorRegion& region, TensorAllocator& allocator) {
  MutableTensor result = TRY(MutableTensor::create(entry.dtype, region.size, limits_, allocator));
  int64_t missing = result.elements();
  const auto copy_from = [&](const Tensor& source, const TensorRegion& stored) {
    const TensorRegion part = intersect(stored, region);
    copy_part(part, source.bytes().data(), stored, result.data(), region, element_size(entry.dtype));
    missing -= element_count_of(part.size);
  };
  if (missing > 0 && entry.slices.empty()) copy_from(TRY(read_stored(entry)), whole(entry.shape));
  for (size_t i = 0; i < entry.slices.size() && missing > 0; ++i) {
    const BundleSlice& slice = entry.slices[i];
    for (size_t j = 0; j < i; ++j) {
      if (overlap(slice.region, entry.slices[j].region)) return fail(ErrorCode::kMalformed, "parts of the partitioned tensor overlap");
    }
    if (overlap(slice.region, region)) copy_from(TRY(read_part(entry, slice)), slice.region);
  }
  if (missing != 0) return fail(ErrorCode::kMalformed, "the parts of the partitioned tensor leave a gap");
  return std::move(result).finish();
}

Result<Tensor> TensorBundle::read_region(const BundleEntry& entry, const TensorRegion& region, TensorAllocator& allocator) {
  if (entry.slices.empty() && region == whole(entry.shape)) return read_stored(entry);
  for (const BundleSlice& slice : entry.slices) {
    if (slice.region == region) return read_part(entry, slice);
  }
  return assemble(entry, region, allocator);
}

Result<Tensor> TensorBundle::read(std::string_view key, TensorAllocator& allocator) { return read_slice(key, "", allocator); }

Result<Tensor> TensorBundle::read_slice(std::string_view key, std::string_view shape_and_slice, TensorAllocator& allocator) {
  const BundleEntry& entry = *TRY(require(key));
  const TensorRegion region = shape_and_slice.empty() ? whole(entry.shape) : TRY(parse_shape_and_slice(shape_and_slice, entry.shape));
  return in_context(read_region(entry, region, allocator), "reading the tensor \"" + std::string(key) + "\" of the checkpoint " + name_);
}

}  // namespace isomer::tf
