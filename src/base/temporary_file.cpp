#include "base/temporary_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <optional>
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
  Result<void> write(std::span<const std::byte> data, int64_t offset) const;
};

namespace {

// The length of whole pages that `bytes` take; none where it passes what a file may have.
std::optional<int64_t> whole_pages(int64_t bytes) {
  static const int64_t page = sysconf(_SC_PAGESIZE);
  if (bytes > INT64_MAX - page) return std::nullopt;
  return (bytes + page - 1) / page * page;
}

}  // namespace

Result<void> TemporaryFile::File::write(std::span<const std::byte> data, int64_t offset) const {
  while (!data.empty()) {
    const ssize_t count = pwrite(descriptor.get(), data.data(), data.size(), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return fail(error("write", count < 0 ? errno : EIO));
    offset += count;
    data = data.subspan(static_cast<size_t>(count));
  }
  return {};
}

// A place in the file. It is given back with the space; a file system that cannot punch holes keeps it until the file goes.
struct TemporaryFile::Region::Space {
  Space(std::shared_ptr<File> f, int64_t o, int64_t l) : file(std::move(f)), offset(o), length(l) {}
  Space(const Space&) = delete;
  Space& operator=(const Space&) = delete;
  ~Space() {
    if (memory) munmap(memory, static_cast<size_t>(length));
    (void)fallocate(file->descriptor.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
  }
  std::shared_ptr<File> file;
  int64_t offset, length;  // whole pages
  void* memory = nullptr;
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

Result<TemporaryFile::Region> TemporaryFile::place(int64_t bytes) {
  const auto length = whole_pages(bytes);
  if (!length) return fail(file_->error("extend", EFBIG));
  return Region(std::make_shared<Region::Space>(file_, file_->end.fetch_add(*length), *length));
}

Result<TemporaryFile::Region> TemporaryFile::reserve(int64_t bytes) {
  Region region = TRY(place(bytes));
  // Writing is faster where the blocks are there already. What cannot do that says when it is written to whether there is room.
  const Region::Space& space = *region.space_;
  if (fallocate(file_->descriptor.get(), 0, space.offset, space.length) != 0 && errno == ENOSPC) return fail(file_->error("extend", errno));
  return region;
}

Result<void> TemporaryFile::Region::write(int64_t offset, std::span<const std::byte> data) const { return space_->file->write(data, space_->offset + offset); }

Result<Bytes> TemporaryFile::Region::map(int64_t size) && {
  void* memory = mmap(nullptr, static_cast<size_t>(space_->length), PROT_READ, MAP_SHARED, space_->file->descriptor.get(), space_->offset);
  if (memory == MAP_FAILED) return fail(space_->file->error("map", errno));
  space_->memory = memory;
  return Bytes(std::move(space_), static_cast<const std::byte*>(memory), size, true);
}

Result<TemporaryFile::Block> TemporaryFile::allocate(int64_t bytes) {
  const Region region = TRY(place(bytes));
  Region::Space& space = *region.space_;
  if (const int number = posix_fallocate(file_->descriptor.get(), space.offset, space.length); number != 0) return fail(file_->error("extend", number));
  void* memory = mmap(nullptr, static_cast<size_t>(space.length), PROT_READ | PROT_WRITE, MAP_SHARED, file_->descriptor.get(), space.offset);
  if (memory == MAP_FAILED) return fail(file_->error("map", errno));
  space.memory = memory;
  return Block{region.space_, static_cast<std::byte*>(memory)};
}

Result<void> TemporaryFile::append(std::span<const std::byte> data) {
  TRY(file_->write(data, file_->end));
  file_->end += static_cast<int64_t>(data.size());
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
