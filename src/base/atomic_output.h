// Output that appears whole or not at all.
//
// A directory is built as `.NAME.isomer-partial` beside its target and takes the target's place in one system call at commit(); a file likewise.
// A run that is killed leaves the old output or the new one whole and at most one partial beside it, which the next run for the same target
// removes. Two runs for one target at the same time: the second is refused (a lock on the partial tells a live run from a dead one).
//
// What "whole" covers: the death of the process at any moment. Files are not forced to the disk (no fsync, like cp), so after a power failure
// the file system decides what is there.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file_descriptor.h"

namespace isomer {

// A file being written front to back. Small pieces are gathered, large ones are written straight from where they lie. The first error is the last
// word: after it every call fails. Data is complete only after close(); an OutputFile that is dropped instead makes its commit() fail.
class OutputFile {
 public:
  OutputFile(OutputFile&&) noexcept;
  OutputFile& operator=(OutputFile&&) noexcept;
  ~OutputFile();

  // Sets room aside for what is known to come, which makes writing faster; Io where the disk has none.
  Result<void> expect(int64_t bytes);
  Result<void> append(std::span<const std::byte> data);
  Result<void> append(std::string_view text);
  // Gives the pages of a mapped source back as it goes, so that copying gigabytes costs no memory.
  Result<void> append(const Bytes& data);
  int64_t size() const { return size_; }  // bytes appended so far
  const std::string& path() const { return path_; }
  Result<void> close();

 private:
  friend class AtomicDirectory;
  friend class AtomicFile;
  OutputFile(FileDescriptor file, std::string path, std::shared_ptr<std::atomic<int>> open_files);
  Result<void> write_through(const std::byte* data, size_t size);
  Result<void> flush();

  FileDescriptor file_;
  std::string path_;
  std::string buffer_;
  int64_t size_ = 0;
  bool failed_ = false;
  // How many files of one output are open; shared with the output. Files may be written from different threads.
  std::shared_ptr<std::atomic<int>> open_files_;
};

// Directories above an output that did not exist; removed again (where empty) unless the output was committed.
class CreatedParents {
 public:
  CreatedParents() = default;
  CreatedParents(CreatedParents&&) noexcept = default;
  CreatedParents& operator=(CreatedParents&&) noexcept = default;
  ~CreatedParents();
  Result<void> create(const std::string& directory);  // mkdir -p
  void keep() { created_.clear(); }

 private:
  std::vector<std::string> created_;  // outermost first
};

class AtomicDirectory {
 public:
  // Is the file or directory `name` of an existing target part of the model that is being replaced? Everything else there (a README, a .git) is
  // kept. Names are relative to the target ("variables/variables.index"); a directory that is part of the model goes with all that is in it.
  using IsModelFile = std::function<bool(std::string_view name)>;

  // InvalidArgument where the target is a file or the current directory, Io where another run is writing it. Missing parent directories are made.
  static Result<AtomicDirectory> create(const std::string& target, IsModelFile is_model_file);
  AtomicDirectory(AtomicDirectory&&) noexcept = default;
  AtomicDirectory& operator=(AtomicDirectory&&) = delete;
  ~AtomicDirectory();  // without commit(): nothing is left

  // A new file; `name` may contain '/': directories are made. Names that lead out of the directory are refused (InvalidModel: they come from models).
  Result<OutputFile> create_file(const std::string& name);
  Result<void> write_file(const std::string& name, std::string_view content);
  // An empty directory (and those above it).
  Result<void> create_directory(const std::string& name);
  // Where the files are until commit(), for libraries that insist on a path.
  const std::string& partial_path() const { return partial_; }
  const std::string& target() const { return target_; }

  // All files must be closed. After an error the target is as it was.
  Result<void> commit();

 private:
  AtomicDirectory() = default;
  Result<void> acquire_partial();
  Result<void> exchange_with_target();

  CreatedParents parents_;
  std::string target_, partial_, previous_;
  IsModelFile is_model_file_;
  FileDescriptor lock_;  // the partial directory, locked; none once committed
  std::shared_ptr<std::atomic<int>> open_files_ = std::make_shared<std::atomic<int>>(0);
};

class AtomicFile {
 public:
  // InvalidArgument where the target exists and is no regular file.
  static Result<AtomicFile> create(const std::string& target);
  AtomicFile(AtomicFile&&) noexcept = default;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  OutputFile& file() { return *file_; }
  const std::string& target() const { return target_; }
  // Closes the file, and gives the path at which it can be read until it is committed.
  Result<std::string> finish();
  // Closes the file, where that is not done, and puts it in the target's place.
  Result<void> commit();

 private:
  AtomicFile() = default;

  CreatedParents parents_;
  std::string target_, partial_;
  std::unique_ptr<OutputFile> file_;
  bool finished_ = false;
  FileDescriptor lock_;
  std::shared_ptr<std::atomic<int>> open_files_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace isomer
