// The three heaps: local (names of old groups), global (strings of variable length), fractal (links and attributes of later versions).
#pragma once

#include <map>
#include <optional>

#include "wire/hdf5_file.h"

namespace isomer::hdf5 {

// A NUL-terminated text at `at` of the local heap whose header lies at `address`.
class LocalHeap {
 public:
  static Result<LocalHeap> open(const File& file, int64_t address);
  Result<std::string> text(int64_t at) const;

 private:
  Bytes data_;
  int64_t offset_ = 0;
};

// Collections are read once each and kept as long as the heap.
class GlobalHeap {
 public:
  explicit GlobalHeap(const File& file) : file_(file) {}
  // What an element of variable length (length, address of the collection, index) refers to; its unit is a byte.
  Result<Bytes> string(Cursor element);

 private:
  using Collection = std::map<int64_t, Bytes>;
  Result<Collection> read(int64_t address) const;

  const File& file_;
  std::map<int64_t, Collection> collections_;
};

class FractalHeap {
 public:
  static Result<FractalHeap> open(const File& file, int64_t address);
  int64_t id_size() const { return id_size_; }

  struct Object {
    Bytes data;
    int64_t offset = 0;  // in the file
  };
  Result<Object> object(const Bytes& id, int64_t id_offset) const;

 private:
  Result<Object> managed(int64_t at, int64_t size) const;
  Result<Object> huge(Cursor id) const;
  Result<void> check_block(int64_t address, int64_t size) const;
  int64_t row_size(int64_t row) const;

  const File* file_ = nullptr;
  int64_t id_size_ = 0, max_managed_ = 0, huge_tree_ = kNowhere, width_ = 0, starting_size_ = 0, max_direct_ = 0, max_bits_ = 0;
  int64_t root_ = kNowhere, root_rows_ = 0;
  bool has_checksums_ = false;
  mutable std::set<int64_t> checked_;  // blocks whose checksum was found right
};

}  // namespace isomer::hdf5
