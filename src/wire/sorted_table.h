// Reader of sorted string tables, the container of checkpoint indexes (LevelDB's table format).
//
// Keys are byte strings in ascending order. Every length is checked against the bytes that are there, every block against its checksum, and every
// key against its predecessor, so a damaged table is an error and never a wrong value. docs/decisions/0002-sorted-table-reader.md says why this
// is not LevelDB's own reader.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"

namespace isomer {

// Where a block lies in the file, without its trailer.
struct BlockHandle {
  int64_t offset = 0, size = 0;
};

// The entries of one block, in order.
class BlockCursor {
 public:
  BlockCursor() = default;  // at the end
  // `content` is a block's content, unpacked; `file_offset` of the block is for messages. Stands before the first entry.
  static Result<BlockCursor> open(Bytes content, int64_t file_offset);
  Result<bool> next();  // false: no more entries
  const std::string& key() const { return key_; }
  const Bytes& value() const { return value_; }

 private:
  Bytes content_, value_;
  std::string key_;
  int64_t file_offset_ = 0, at_ = 0, end_ = 0;
};

class SortedTable {
 public:
  // Reads the footer and the index block. `file` is the whole table.
  static Result<SortedTable> open(Bytes file, const Limits& limits);

  class Cursor {
   public:
    // The next entry; false at the end of the table. A new cursor stands before the first entry.
    Result<bool> next();
    const std::string& key() const { return entries_.key(); }
    const Bytes& value() const { return entries_.value(); }  // a slice of the file or of an unpacked block

   private:
    friend class SortedTable;
    Bytes file_;
    Limits limits_;
    BlockCursor index_, entries_;
    std::string previous_;
    bool any_ = false;
  };
  Cursor begin() const;

  // The value under `key`; reads the index and one block.
  Result<std::optional<Bytes>> find(std::string_view key) const;

 private:
  Bytes file_, index_;
  int64_t index_offset_ = 0;
  Limits limits_;
};

}  // namespace isomer
