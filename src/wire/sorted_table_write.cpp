#include "wire/sorted_table_write.h"

#include <algorithm>

#include "wire/crc32c.h"
#include "wire/varint.h"

namespace isomer {
namespace {

constexpr int64_t kBlockSize = 256 << 10;  // a block ends at the first entry that passes this
constexpr size_t kHandlesSize = 40;        // of the footer, without its magic number
constexpr uint64_t kTableMagic = 0xdb4775248b80fb57ULL;

template <class T>
void append_little_endian(std::string& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) out.push_back(static_cast<char>(static_cast<uint8_t>(value >> (8 * i))));
}

}  // namespace

void SortedTableWriter::Block::add(std::string_view key, std::string_view value) {
  size_t shared = 0;
  if (restarts_.empty() || since_restart_ == interval_) {
    restarts_.push_back(static_cast<uint32_t>(content_.size()));
    since_restart_ = 0;
  } else {
    shared = static_cast<size_t>(std::mismatch(key.begin(), key.end(), last_key_.begin(), last_key_.end()).first - key.begin());
  }
  ++since_restart_;
  append_varint(content_, shared);
  append_varint(content_, key.size() - shared);
  append_varint(content_, value.size());
  content_ += key.substr(shared);
  content_ += value;
  last_key_ = key;
}

std::string SortedTableWriter::Block::take() {
  if (restarts_.empty()) restarts_.push_back(0);
  std::string content = std::move(content_);
  for (const uint32_t restart : restarts_) append_little_endian(content, restart);
  append_little_endian(content, static_cast<uint32_t>(restarts_.size()));
  content_.clear();
  restarts_.clear();
  return content;
}

Result<std::string> SortedTableWriter::write_block(const std::string& content) {
  std::string handle;
  append_varint(handle, written_);
  append_varint(handle, content.size());
  std::string trailer(1, '\0');  // not packed
  const uint32_t crc = crc32c_extend(crc32c(std::as_bytes(std::span(content))), std::as_bytes(std::span(trailer)));
  append_little_endian(trailer, crc32c_mask(crc));
  TRY(sink_(content));
  TRY(sink_(trailer));
  written_ += content.size() + trailer.size();
  return handle;
}

Result<void> SortedTableWriter::flush() {
  if (block_.empty()) return {};
  const std::string last = block_.last_key();
  index_.add(last, TRY(write_block(block_.take())));
  return {};
}

Result<void> SortedTableWriter::add(std::string_view key, std::string_view value) {
  block_.add(key, value);
  return block_.size() >= kBlockSize ? flush() : Result<void>();
}

Result<void> SortedTableWriter::finish() {
  TRY(flush());
  Block meta(1);
  std::string footer = TRY(write_block(meta.take()));
  footer += TRY(write_block(index_.take()));
  footer.resize(kHandlesSize, '\0');
  append_little_endian(footer, kTableMagic);
  return sink_(footer);
}

}  // namespace isomer
