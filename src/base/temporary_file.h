// Storage in an unlinked temporary file: memory that the system can write out, for computed data that would otherwise have to stay resident.
//
// The file lies in $TMPDIR (or /tmp) and has no name, so nothing is left of it however the process ends.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "base/error.h"

namespace isomer {

class TemporaryFile {
 public:
  // A zero-filled range of the file, mapped for writing. The mapping and its place on the disk last as long as `owner`.
  struct Block {
    std::shared_ptr<void> owner;
    std::byte* data = nullptr;
  };

  // Creates the file; Io where the directory is missing or not writable.
  static Result<TemporaryFile> create();

  // Reserves `bytes` (more than 0) at the end of the file. A full disk is an error here (Io), never a fault on a later access.
  Result<Block> allocate(int64_t bytes);

  // Writes at the end of the file: the cheap way for data that is produced front to back.
  Result<void> append(std::span<const std::byte> data);
  // Everything in the file, mapped read-only; it outlives the TemporaryFile.
  Result<Bytes> map() const;

 private:
  struct File;
  explicit TemporaryFile(std::shared_ptr<File> file) : file_(std::move(file)) {}
  std::shared_ptr<File> file_;
};

}  // namespace isomer
