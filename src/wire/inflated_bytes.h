// Where decompressed data goes while its size is not known.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "base/temporary_file.h"

namespace isomer {

// Collects pieces, the first MiB in memory and more in an unlinked temporary file, so that a large result costs no memory.
class InflatedBytes {
 public:
  Result<void> add(std::span<const std::byte> data) {
    if (!file_ && static_cast<int64_t>(text_.size() + data.size()) > kOnHeap) {
      file_ = TRY(TemporaryFile::create());
      TRY(file_->append(std::as_bytes(std::span(text_))));
      text_ = {};
    }
    if (file_) return file_->append(data);
    text_.append(reinterpret_cast<const char*>(data.data()), data.size());
    return {};
  }
  Result<Bytes> finish() && {
    if (file_) return file_->map();
    return Bytes::from_string(std::move(text_));
  }

 private:
  static constexpr int64_t kOnHeap = 1 << 20;
  std::string text_;
  std::optional<TemporaryFile> file_;
};

}  // namespace isomer
