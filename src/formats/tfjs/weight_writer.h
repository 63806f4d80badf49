// Writing weight files: bytes appended in order, cut into shards of equal size.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/atomic_output.h"
#include "base/bytes.h"
#include "base/error.h"
#include "formats/tfjs/manifest.h"
#include "tensor/tensor.h"

namespace isomer::tfjs {

inline constexpr int64_t kDefaultShardBytes = 4 * 1024 * 1024;

// The files group{G}-shard{S}of{N}.bin of one group. Bytes that stay where they lie are gathered for some files, which are then written at the same time.
class ShardWriter {
 public:
  // `group` counts from 1; `total_bytes` is what will be appended; `shard_bytes` > 0. A group of no bytes has no files.
  ShardWriter(AtomicDirectory& directory, int64_t group, int64_t total_bytes, int64_t shard_bytes);
  Result<void> append(const Bytes& bytes);
  Result<void> append(std::span<const std::byte> bytes);
  // Writes what is pending and closes the files; Internal when not exactly `total_bytes` were appended. Returns the names of the files.
  Result<std::vector<std::string>> finish();

 private:
  // A file and what is still to be appended to it.
  struct Shard {
    OutputFile file;
    std::vector<Bytes> pending;
    int64_t room;  // bytes that it still takes, those pending taken off
    Result<void> write();
  };

  // Calls take(shard, offset, count) for the parts of `size` bytes that go to one file after the other.
  template <class Take>
  Result<void> distribute(int64_t size, Take&& take);
  Result<void> write_pending();

  AtomicDirectory& directory_;
  int64_t group_, total_, shard_bytes_, shards_;
  int64_t written_ = 0;
  std::vector<std::string> paths_;
  std::vector<Shard> open_;     // the last may have room
  int64_t pending_memory_ = 0;  // bytes pending that are no file's
};

// tf.js has float32, int32, bool, complex64 and string: the dtype that a tensor of `dtype` is written as; kInvalid when there is none.
DType weight_dtype(DType dtype);

struct NarrowOptions {
  // Integers outside the range of int32 become its nearest end instead of being an error.
  bool saturate_integers = false;
};

// What writing changed about a weight.
struct NarrowedWeight {
  std::string name;
  DType from = DType::kInvalid;
  DType to = DType::kInvalid;
  int64_t out_of_range = 0;  // integers that were saturated, finite floats that became infinite
};

// Bytes that append_weight will write. Unsupported for dtypes that tf.js has no weight for.
Result<int64_t> weight_bytes(const Tensor& value);
// Writes the elements as weight_dtype(value.dtype()), in blocks of bounded memory. InvalidArgument, naming the weight, for an integer that int32
// cannot hold.
Result<NarrowedWeight> append_weight(ShardWriter& out, const std::string& name, const Tensor& value, const NarrowOptions& options);

}  // namespace isomer::tfjs
