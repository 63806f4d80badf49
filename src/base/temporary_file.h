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

  // A range of the file that is written and then mapped read-only: cheaper than storing through a mapping, whose every page has to be faulted in
  // and told to the file system. It keeps the file alive and gives its place on the disk back.
  class Region {
   public:
    // Bytes at an offset within the range, which the caller keeps to. May be called from several threads.
    Result<void> write(int64_t offset, std::span<const std::byte> data) const;
    // The first `size` bytes (more than 0), all written. Fails as map() does.
    Result<Bytes> map(int64_t size) &&;

   private:
    friend class TemporaryFile;
    struct Space;
    explicit Region(std::shared_ptr<Space> space) : space_(std::move(space)) {}
    std::shared_ptr<Space> space_;
  };
  // Reserves room for up to `bytes` (more than 0) at the end of the file; Io where the disk has none.
  Result<Region> reserve(int64_t bytes);

  // Writes at the end of the file: the cheap way for data that is produced front to back.
  Result<void> append(std::span<const std::byte> data);
  // Everything in the file, mapped read-only; it outlives the TemporaryFile.
  Result<Bytes> map() const;

 private:
  struct File;
  Result<Region> place(int64_t bytes);
  explicit TemporaryFile(std::shared_ptr<File> file) : file_(std::move(file)) {}
  std::shared_ptr<File> file_;
};

}  // namespace isomer
