#include "base/bytes.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

namespace isomer {

Bytes Bytes::from_string(std::string text) {
  auto owner = std::make_shared<const std::string>(std::move(text));
  const auto* data = reinterpret_cast<const std::byte*>(owner->data());
  const auto size = static_cast<int64_t>(owner->size());
  return Bytes(std::move(owner), data, size);
}

Bytes Bytes::copy_of(std::span<const std::byte> source) { return from_string(std::string(reinterpret_cast<const char*>(source.data()), source.size())); }

void Bytes::release_pages() const {
  if (!mapped_ || size_ == 0) return;
  static const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<uintptr_t>(data_) + page - 1) / page * page;
  const auto end = (reinterpret_cast<uintptr_t>(data_) + static_cast<uintptr_t>(size_)) / page * page;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace isomer
