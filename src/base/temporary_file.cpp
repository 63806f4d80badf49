#include "base/temporary_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <string>

#include "base/file_descriptor.h"
#include "base/mapped_file.h"

namespace isomer {

struct TemporaryFile::File {
  FileDescriptor descriptor;
  std::string directory;
  std::atomic<int64_t> end = 0;

  Error error(const std::string& action, int number) const {
    Error result = system_error(action, "a temporary file in " + directory, number);
    result.code = ErrorCode::kIo;
    result.hint = "set TMPDIR to a directory with enough free space";
    return result;
  }
};

Result<TemporaryFile> TemporaryFile::create() {
  auto file = std::make_shared<File>();
  const char* configured = std::getenv("TMPDIR");
  file->directory = configured && *configured ? configured : "/tmp";
  file->descriptor = FileDescriptor(open(file->directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file->descriptor) {  // not every file system has O_TMPFILE
    std::string name = file->directory + "/isomer-XXXXXX";
    file->descriptor = FileDescriptor(mkostemp(name.data(), O_CLOEXEC));
    if (!file->descriptor) return fail(file->error("create", errno));
    unlink(name.c_str());
  }
  return TemporaryFile(std::move(file));
}

Result<TemporaryFile::Block> TemporaryFile::allocate(int64_t bytes) {
  static const int64_t page = sysconf(_SC_PAGESIZE);
  if (bytes > INT64_MAX - page) return fail(file_->error("extend", EFBIG));
  const int64_t length = (bytes + page - 1) / page * page;
  const int64_t offset = file_->end.fetch_add(length);
  if (const int number = posix_fallocate(file_->descriptor.get(), offset, length); number != 0) return fail(file_->error("extend", number));
  void* memory = mmap(nullptr, static_cast<size_t>(length), PROT_READ | PROT_WRITE, MAP_SHARED, file_->descriptor.get(), offset);
  if (memory == MAP_FAILED) return fail(file_->error("map", errno));
  // The space is given back with the block; a file system that cannot punch holes keeps it until the file goes.
  std::shared_ptr<void> owner(memory, [file = file_, offset, length](void* begin) {
    munmap(begin, static_cast<size_t>(length));
    (void)fallocate(file->descriptor.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
  });
  return Block{std::move(owner), static_cast<std::byte*>(memory)};
}

Result<void> TemporaryFile::append(std::span<const std::byte> data) {
  while (!data.empty()) {
    const ssize_t count = pwrite(file_->descriptor.get(), data.data(), data.size(), file_->end);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return fail(file_->error("write", count < 0 ? errno : EIO));
    file_->end += count;
    data = data.subspan(static_cast<size_t>(count));
  }
  return {};
}

Result<Bytes> TemporaryFile::map() const {
  const int64_t size = file_->end;
  if (size == 0) return Bytes();
  void* memory = mmap(nullptr, static_cast<size_t>(size), PROT_READ, MAP_SHARED, file_->descriptor.get(), 0);
  if (memory == MAP_FAILED) return fail(file_->error("map", errno));
  std::shared_ptr<const void> owner(memory, [size](const void* begin) { munmap(const_cast<void*>(begin), static_cast<size_t>(size)); });
  return Bytes(std::move(owner), static_cast<const std::byte*>(memory), size, true);
}

}  // namespace isomer
