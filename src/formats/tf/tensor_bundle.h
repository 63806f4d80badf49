// Checkpoints of TensorFlow 2 and of TensorFlow 1's "V2" saver: PREFIX.index and PREFIX.data-00000-of-00001 and so on.
//
// docs/formats/tensor_bundle.md describes the bytes.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/background_checks.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"
#include "tensor/tensor.h"

namespace isomer::tf {

// A box of elements inside a tensor: the first index and the number of indices along each dimension.
struct TensorRegion {
  Shape start, size;
  bool operator==(const TensorRegion&) const = default;
};

// A part of a partitioned variable and the key of the index under which it is stored.
struct BundleSlice {
  TensorRegion region;
  std::string key;
};

// What the index says about a tensor.
struct BundleEntry {
  DType dtype = DType::kInvalid;  // kInvalid: a type Isomer has no name for, which read() refuses
  int64_t dtype_number = 0;       // TensorFlow's number
  Shape shape;
  int64_t shard = 0, offset = 0, size = 0;  // where its bytes lie, unless it is stored in slices
  uint32_t masked_crc = 0;
  std::vector<BundleSlice> slices;  // of a partitioned variable: the parts it is stored in
};

class TensorBundle {
 public:
  // Gives the content of the data file with this suffix (".data-00000-of-00002").
  using ShardSource = std::function<Result<Bytes>(const std::string& suffix)>;

  // `prefix` is the path without ".index", for a SavedModel DIR/variables/variables. Data files are mapped when a tensor of theirs is read.
  static Result<TensorBundle> open(const std::string& prefix, const Limits& limits);
  // The same from bytes; `name` is what errors call the checkpoint.
  static Result<TensorBundle> open(const Bytes& index, std::string name, ShardSource shards, const Limits& limits);

  // Names of the tensors, sorted bytewise (parts of partitioned ones are not listed).
  std::vector<std::string> keys() const;
  // dtype and shape without reading the values; null if there is no such tensor. Valid as long as the bundle.
  const BundleEntry* find(std::string_view key) const;

  // The tensor: a slice of the mapped data file, or for partitioned variables assembled in memory from `allocator`. The checksum is verified by
  // each read (and the pages given back), so a tensor that is never asked for costs nothing. NotFound, Truncated, Malformed (damaged data),
  // Unsupported (resources, variants, unknown dtypes).
  Result<Tensor> read(std::string_view key, TensorAllocator& allocator = heap_allocator());
  // From now on large tensors are given before their checksums are known: `checks`, which has to outlive the reading, tells of damage.
  void check_later(BackgroundChecks& checks) { checks_ = &checks; }

  // What RestoreV2 reads for one of its shape_and_slices: "" the whole tensor, "8 4 2,3:-" of an 8x4 tensor rows 2 to 4 and all columns.
  Result<Tensor> read_slice(std::string_view key, std::string_view shape_and_slice, TensorAllocator& allocator = heap_allocator());

 private:
  Result<void> read_index(const Bytes& index);
  Result<const BundleEntry*> require(std::string_view key) const;
  Result<Bytes> shard(int64_t number);
  Result<Tensor> read_stored(const BundleEntry& entry);
  Result<Tensor> read_part(const BundleEntry& entry, const BundleSlice& slice);
  Result<Tensor> read_region(const BundleEntry& entry, const TensorRegion& region, TensorAllocator& allocator);
  Result<Tensor> assemble(const BundleEntry& entry, const TensorRegion& region, TensorAllocator& allocator);

  std::string name_;
  Limits limits_;
  ShardSource source_;
  BackgroundChecks* checks_ = nullptr;
  int64_t shard_count_ = 0;
  std::map<std::string, BundleEntry, std::less<>> entries_;
  std::map<int64_t, Bytes> shards_;  // those read so far
};

// The key under which a part of a partitioned variable is stored. A length of -1 stands for a dimension that the writer took as a whole without
// saying how long it is.
std::string encode_slice_key(std::string_view name, const std::vector<int64_t>& start, const std::vector<int64_t>& length);

// Reads "8 4 2,3:-"; InvalidModel where it does not fit `shape`.
Result<TensorRegion> parse_shape_and_slice(std::string_view text, const Shape& shape);

}  // namespace isomer::tf
