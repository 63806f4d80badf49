// Bytes: an immutable range of memory that shares ownership of what it lies in.
//
// A slice shares the owner, so a tensor read from a mapped file of gigabytes costs nothing until its bytes are looked at, and the pages of a
// mapped range can be given back to the system once they are no longer needed (`release_pages`).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace isomer {

class Bytes {
 public:
  Bytes() = default;
  // `data` must stay valid as long as `owner` lives. `mapped` says that the range lies in a file mapping (its pages can be dropped).
  Bytes(std::shared_ptr<const void> owner, const std::byte* data, int64_t size, bool mapped = false)
      : owner_(std::move(owner)), data_(data), size_(size), mapped_(mapped) {}

  // Takes the string's storage.
  static Bytes from_string(std::string text);
  static Bytes copy_of(std::span<const std::byte> source);

  const std::byte* data() const { return data_; }
  int64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::span<const std::byte> span() const { return {data_, static_cast<size_t>(size_)}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), static_cast<size_t>(size_)}; }

  // The range [offset, offset + count). The caller guarantees 0 <= offset, 0 <= count, offset + count <= size().
  Bytes slice(int64_t offset, int64_t count) const { return Bytes(owner_, data_ + offset, count, mapped_); }

  // In a file mapping: without pages of its own to pay for.
  bool mapped() const { return mapped_; }
  // Drops the resident pages that lie wholly inside a mapped range (they are read again on the next access); nothing for other memory.
  void release_pages() const;

 private:
  std::shared_ptr<const void> owner_;
  const std::byte* data_ = nullptr;
  int64_t size_ = 0;
  bool mapped_ = false;
};

}  // namespace isomer
