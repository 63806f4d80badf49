#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "base/atomic_output.h"
#include "base/mapped_file.h"

namespace isomer {
namespace {

constexpr size_t kBufferSize = 256 << 10;  // what is gathered before a write
constexpr size_t kDirectSize = 64 << 10;   // from here on data is written from where it lies
constexpr int64_t kPiece = 4 << 20;        // one write; the source's pages are given back after each

}  // namespace

OutputFile::OutputFile(FileDescriptor file, std::string path, std::shared_ptr<std::atomic<int>> open_files)
    : file_(std::move(file)), path_(std::move(path)), open_files_(std::move(open_files)) {
  ++*open_files_;
}
OutputFile::OutputFile(OutputFile&&) noexcept = default;
OutputFile& OutputFile::operator=(OutputFile&&) noexcept = default;
OutputFile::~OutputFile() = default;

Result<void> OutputFile::write_through(const std::byte* data, size_t size) {
  while (size > 0) {
    const ssize_t count = ::write(file_.get(), data, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      failed_ = true;
      // The kernel copies from mapped input: pages that a shortened file no longer has show as a bad address.
      if (count < 0 && errno == EFAULT) return fail(ErrorCode::kIo, "an input file became shorter while it was copied to " + path_);
      return fail(system_error("write", path_, count < 0 ? errno : EIO));
    }
    data += count;
    size -= static_cast<size_t>(count);
  }
  return {};
}

Result<void> OutputFile::expect(int64_t bytes) {
  if (bytes <= 0 || fallocate(file_.get(), FALLOC_FL_KEEP_SIZE, 0, bytes) == 0) return {};
  if (errno != ENOSPC) return {};  // a file system that cannot, or a limit that the first write tells of
  failed_ = true;
  return fail(system_error("write", path_, ENOSPC));
}

Result<void> OutputFile::flush() {
  TRY(write_through(reinterpret_cast<const std::byte*>(buffer_.data()), buffer_.size()));
  buffer_.clear();
  return {};
}

Result<void> OutputFile::append(std::span<const std::byte> data) {
  if (failed_ || !file_) return fail(ErrorCode::kIo, path_ + " is closed or failed before");
  size_ += static_cast<int64_t>(data.size());
  if (data.size() >= kDirectSize) {
    TRY(flush());
    return write_through(data.data(), data.size());
  }
  if (data.size() > kBufferSize - buffer_.size()) TRY(flush());
  buffer_.append(reinterpret_cast<const char*>(data.data()), data.size());
  return {};
}

Result<void> OutputFile::append(std::string_view text) { return append(std::as_bytes(std::span(text))); }

Result<void> OutputFile::append(const Bytes& data) {
  for (int64_t at = 0; at < data.size();) {
    const Bytes piece = data.slice(at, std::min(kPiece, data.size() - at));
    TRY(append(piece.span()));
    piece.release_pages();
    at += piece.size();
  }
  return {};
}

Result<void> OutputFile::close() {
  if (failed_ || !file_) return fail(ErrorCode::kIo, path_ + " is closed or failed before");
  TRY(flush());
  // Some file systems report a full disk only here.
  if (::close(file_.release()) != 0) {
    failed_ = true;
    return fail(system_error("write", path_, errno));
  }
  --*open_files_;
  return {};
}

}  // namespace isomer
