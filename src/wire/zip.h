// Zip archives (PKWARE's APPNOTE 6.3), as NumPy's .npz files are: entries stored or deflated, Zip64 sizes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"

namespace isomer {

struct ZipEntry {
  std::string name;  // as the archive spells it; a name that ends in '/' is a directory
  int64_t size = 0;
  int64_t stored_size = 0;
  int64_t header_offset = 0;
  uint32_t crc32 = 0;
  bool deflated = false;
};

class ZipArchive {
 public:
  // Reads the central directory. Malformed and Truncated where it is damaged, Unsupported for encrypted entries, split archives and compressions other
  // than deflate, InvalidModel for two entries of one name and names that lead out of the archive.
  static Result<ZipArchive> open(const Bytes& file, const Limits& limits);

  const std::vector<ZipEntry>& entries() const { return entries_; }
  const ZipEntry* find(std::string_view name) const;  // nullptr when there is none

  // The content: a slice of the archive where it is stored, unpacked otherwise (large content to a temporary file). The checksum is checked; limits
  // bound what deflated entries may unpack to.
  Result<Bytes> read(const ZipEntry& entry, const Limits& limits) const;

 private:
  Bytes file_;
  std::vector<ZipEntry> entries_;
};

// Writes an archive of stored entries front to back into a sink. Times are those of 1980-01-01, so that the same content gives the same bytes.
class ZipWriter {
 public:
  using Sink = std::function<Result<void>(std::span<const std::byte>)>;
  explicit ZipWriter(Sink sink) : sink_(std::move(sink)) {}

  // The pieces follow each other as the content of one entry.
  Result<void> add(std::string_view name, std::span<const Bytes> pieces);
  // The central directory. No call may follow.
  Result<void> finish();

 private:
  Result<void> put(std::string_view bytes);

  Sink sink_;
  std::vector<ZipEntry> entries_;
  int64_t offset_ = 0;
};

}  // namespace isomer
