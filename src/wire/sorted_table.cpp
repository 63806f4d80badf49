// A table is a row of blocks and a footer:
//
//   block    content, one byte that says how it is packed (0 not at all, 1 snappy), masked CRC-32C of both
//   footer   the last 48 bytes: handles (offset and size as varints) of the meta index and of the index, zeros, magic number
//
// A content is a row of entries, the places where a key is written in full (restarts, four bytes each) and their count. An entry is three varints
// (bytes shared with the key before, further bytes of the key, bytes of the value), the rest of the key, the value. The index has one entry for
// each block: a key that is not below any of the block's and the block's handle. Restarts only serve binary search inside a block; reading from
// the front needs none.
#include "wire/sorted_table.h"

#include <snappy.h>

#include "wire/crc32c.h"
#include "wire/varint.h"

namespace isomer {
namespace {

constexpr int64_t kFooterSize = 48, kTrailerSize = 5;
constexpr uint64_t kMagic = 0xdb4775248b80fb57ULL;

std::unexpected<Error> fail_at(ErrorCode code, std::string message, int64_t offset) {
  return fail(Error{code, std::move(message), "byte " + std::to_string(offset), {}, {}});
}

Result<BlockHandle> read_handle(const Bytes& data, int64_t& at, int64_t file_offset) {
  const auto offset = read_varint(data, at);
  const auto size = offset ? read_varint(data, at) : std::nullopt;
  if (!size) return fail_at(ErrorCode::kMalformed, "expected the place of a block", file_offset);
  if (*offset > INT64_MAX || *size > INT64_MAX) return fail_at(ErrorCode::kMalformed, "a block lies outside of the table", file_offset);
  return BlockHandle{static_cast<int64_t>(*offset), static_cast<int64_t>(*size)};
}

Result<Bytes> unpack_snappy(const Bytes& packed, int64_t file_offset, const Limits& limits) {
  size_t size = 0;
  if (!snappy::GetUncompressedLength(reinterpret_cast<const char*>(packed.data()), packed.span().size(), &size)) {
    return fail_at(ErrorCode::kMalformed, "a packed block has no length", file_offset);
  }
  // Two bytes of a snappy stream make at most 64, so a larger claim is a lie and need not be paid for.
  if (size / 32 > packed.span().size() || static_cast<int64_t>(size) > limits.inflated_bytes) {
    return fail_at(ErrorCode::kLimitExceeded, "a packed block of " + std::to_string(packed.size()) + " bytes claims " + std::to_string(size), file_offset);
  }
  std::string content(size, '\0');
  if (!snappy::RawUncompress(reinterpret_cast<const char*>(packed.data()), packed.span().size(), content.data())) {
    return fail_at(ErrorCode::kMalformed, "a packed block cannot be unpacked", file_offset);
  }
  return Bytes::from_string(std::move(content));
}

Result<Bytes> read_block(const Bytes& file, const BlockHandle& handle, const Limits& limits) {
  const int64_t body = file.size() - kFooterSize;
  if (handle.offset > body || handle.size > body - handle.offset || kTrailerSize > body - handle.offset - handle.size) {
    return fail_at(ErrorCode::kTruncated,
                   "a block of " + std::to_string(handle.size) + " bytes passes the end of the table, whose blocks take " + std::to_string(body) + " bytes",
                   handle.offset);
  }
  const auto stored = read_little_endian<uint32_t>(file, handle.offset + handle.size + 1);
  const uint32_t computed = crc32c_mask(crc32c(file.slice(handle.offset, handle.size + 1).span()));
  if (stored != computed) return fail_at(ErrorCode::kMalformed, "the checksum of a block is wrong: the file is damaged", handle.offset);
  const Bytes content = file.slice(handle.offset, handle.size);
  const auto packing = static_cast<int>(file.data()[handle.offset + handle.size]);
  if (packing == 0) return content;
  if (packing == 1) return unpack_snappy(content, handle.offset, limits);
  return fail_at(ErrorCode::kUnsupported, "a block is packed in an unknown way (" + std::to_string(packing) + ")", handle.offset);
}

}  // namespace

Result<BlockCursor> BlockCursor::open(Bytes content, int64_t file_offset) {
  if (content.size() < 4) return fail_at(ErrorCode::kTruncated, "a block is shorter than its own count of restarts", file_offset);
  const int64_t restarts = read_little_endian<uint32_t>(content, content.size() - 4);
  if (restarts > (content.size() - 4) / 4) return fail_at(ErrorCode::kMalformed, "a block claims more restarts than it has bytes for", file_offset);
  BlockCursor cursor;
  cursor.end_ = content.size() - 4 - 4 * restarts;
  cursor.content_ = content.slice(0, cursor.end_);
  cursor.file_offset_ = file_offset;
  return cursor;
}

Result<bool> BlockCursor::next() {
  if (at_ == end_) return false;
  const int64_t start = at_;
  const auto shared = read_varint(content_, at_);
  const auto unshared = shared ? read_varint(content_, at_) : std::nullopt;
  const auto length = unshared ? read_varint(content_, at_) : std::nullopt;
  const auto left = static_cast<uint64_t>(end_ - at_);
  if (!length || *unshared > left || *length > left - *unshared) {
    return fail_at(ErrorCode::kTruncated, "entry at byte " + std::to_string(start) + " of a block passes the block's end", file_offset_);
  }
  if (*shared > key_.size()) {
    return fail_at(ErrorCode::kMalformed, "entry at byte " + std::to_string(start) + " of a block shares more of the key before than there is", file_offset_);
  }
  key_.resize(*shared);
  key_.append(content_.text().substr(static_cast<size_t>(at_), *unshared));
  value_ = content_.slice(at_ + static_cast<int64_t>(*unshared), static_cast<int64_t>(*length));
  at_ += static_cast<int64_t>(*unshared + *length);
  return true;
}

Result<SortedTable> SortedTable::open(Bytes file, const Limits& limits) {
  if (file.size() < kFooterSize) {
    return fail(ErrorCode::kTruncated, "a table ends with a footer of 48 bytes, the file has " + std::to_string(file.size()));
  }
  const int64_t footer = file.size() - kFooterSize;
  if (read_little_endian<uint64_t>(file, footer + kFooterSize - 8) != kMagic) {
    return fail_at(ErrorCode::kMalformed, "not a table: the magic number at its end is missing", footer + kFooterSize - 8);
  }
  const Bytes handles = file.slice(footer, kFooterSize - 8);
  int64_t at = 0;
  TRY(read_handle(handles, at, footer));  // the meta index, empty in every checkpoint
  const BlockHandle index = TRY(read_handle(handles, at, footer));
  SortedTable table;
  table.index_ = TRY(read_block(file, index, limits));
  TRY(BlockCursor::open(table.index_, index.offset));
  table.index_offset_ = index.offset;
  table.file_ = std::move(file);
  table.limits_ = limits;
  return table;
}

SortedTable::Cursor SortedTable::begin() const {
  Cursor cursor;
  cursor.file_ = file_;
  cursor.limits_ = limits_;
  cursor.index_ = *BlockCursor::open(index_, index_offset_);  // checked by open()
  return cursor;
}

Result<bool> SortedTable::Cursor::next() {
  if (any_) previous_ = entries_.key();
  while (!TRY(entries_.next())) {
    if (!TRY(index_.next())) return false;
    int64_t at = 0;
    const BlockHandle handle = TRY(read_handle(index_.value(), at, 0));
    Bytes content = TRY(read_block(file_, handle, limits_));
    entries_ = TRY(BlockCursor::open(std::move(content), handle.offset));
  }
  if (any_ && entries_.key() <= previous_) return fail(ErrorCode::kMalformed, "the keys of the table are out of order");
  any_ = true;
  return true;
}

Result<std::optional<Bytes>> SortedTable::find(std::string_view key) const {
  BlockCursor index = TRY(BlockCursor::open(index_, index_offset_));
  while (TRY(index.next())) {
    if (index.key() < key) continue;
    int64_t at = 0;
    const BlockHandle handle = TRY(read_handle(index.value(), at, index_offset_));
    Bytes content = TRY(read_block(file_, handle, limits_));
    BlockCursor entries = TRY(BlockCursor::open(std::move(content), handle.offset));
    while (TRY(entries.next())) {
      if (entries.key() == key) return entries.value();
      if (entries.key() > key) break;
    }
    return std::optional<Bytes>();
  }
  return std::optional<Bytes>();
}

}  // namespace isomer
