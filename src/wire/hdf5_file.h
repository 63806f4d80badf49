// What the parts of the HDF5 reader share: the file, numbers read with their bounds, checksums.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"

namespace isomer::hdf5 {

constexpr int64_t kNowhere = -1;  // the undefined address: nothing was ever stored there

struct Links;

std::unexpected<Error> fail_at(ErrorCode code, std::string message, int64_t offset);

// Reads one structure front to back. Offsets are those of the whole file, for messages.
class Cursor {
 public:
  Cursor(Bytes data, int64_t offset, int offset_size, int length_size)
      : data_(std::move(data)), offset_(offset), offset_size_(offset_size), length_size_(length_size) {}

  Result<uint64_t> bits(int64_t width);   // an unsigned little-endian number of up to 8 bytes
  Result<int64_t> number(int64_t width);  // the same; Malformed where it does not fit
  Result<int64_t> length() { return number(length_size_); }
  Result<int64_t> address();  // relative to the superblock, or kNowhere
  Result<Bytes> take(int64_t count);
  Result<std::string> text();  // up to a NUL, which is passed
  Result<void> skip(int64_t count);
  Result<void> align_to_8();                       // from the structure's start
  Result<void> letters(std::string_view letters);  // that most structures begin with
  // The same, then the version.
  Result<void> signature(std::string_view letters, int64_t version);
  // A checksum that covers everything from the structure's start to here.
  Result<void> checksum(const char* what);

  int64_t left() const { return data_.size() - at_; }
  int64_t at() const { return at_; }                // from the structure's start
  int64_t offset() const { return offset_ + at_; }  // in the file
  int offset_size() const { return offset_size_; }
  int length_size() const { return length_size_; }

 private:
  Bytes data_;
  int64_t offset_ = 0, at_ = 0;
  int offset_size_ = 8, length_size_ = 8;
};

struct File {
  Bytes bytes;       // from the superblock on: addresses count from there
  int64_t base = 0;  // where that is in the file
  int offset_size = 8, length_size = 8;
  int64_t root = 0;  // address of the root group's header
  Limits limits;
  std::map<int64_t, std::shared_ptr<const Links>> links;  // of the groups looked at so far

  // The structure at `address`, up to the end of the file or `size` bytes long.
  Result<Cursor> at(int64_t address, const char* what) const;
  Result<Cursor> at(int64_t address, int64_t size, const char* what) const;
  Result<Bytes> range(int64_t address, int64_t size, const char* what) const;
  int64_t offset_of(int64_t address) const { return base + address; }
  Cursor cursor(Bytes data, int64_t offset) const { return Cursor(std::move(data), offset, offset_size, length_size); }
};

// The nodes of one tree or chain that were read: a node that is met twice closes a cycle.
class Visited {
 public:
  Visited(const File& file, const char* what) : file_(file), what_(what) {}
  Result<void> enter(int64_t address);

 private:
  const File& file_;
  const char* what_;
  std::set<int64_t> seen_;
};

// Bob Jenkins' lookup3, which protects all structures of later versions.
uint32_t lookup3(std::span<const std::byte> data);

inline int log2_floor(uint64_t value) { return value ? 63 - __builtin_clzll(value) : 0; }
// Bytes that hold every number up to `most`.
inline int bytes_for(uint64_t most) { return log2_floor(most) / 8 + 1; }

}  // namespace isomer::hdf5
