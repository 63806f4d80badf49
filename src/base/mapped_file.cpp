#include "base/mapped_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/file_descriptor.h"

namespace isomer {
namespace {

std::string kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

struct OpenFile {
  FileDescriptor descriptor;
  int64_t size = 0;
};

Result<OpenFile> open_regular(const std::string& path) {
  // O_NONBLOCK: opening a pipe that nobody writes to must not wait.
  FileDescriptor descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!descriptor) return fail(system_error("open", path, errno));
  struct stat status;
  if (fstat(descriptor.get(), &status) != 0) return fail(system_error("examine", path, errno));
  if (!S_ISREG(status.st_mode)) {
    Error error{ErrorCode::kInvalidArgument, "expected a file, found " + kind_of(status.st_mode), path, {}, {}};
    if (!S_ISDIR(status.st_mode)) error.hint = "save the data to a file first: it is read in place, not as a stream";
    return fail(std::move(error));
  }
  return OpenFile{std::move(descriptor), static_cast<int64_t>(status.st_size)};
}

}  // namespace

Error system_error(const std::string& action, const std::string& path, int error_number) {
  Error error{ErrorCode::kIo, "cannot " + action + " " + path + ": " + std::strerror(error_number), {}, {}, {}};
  if (error_number == ENOENT || error_number == ENOTDIR) error.code = ErrorCode::kNotFound;
  if (error_number == ENOSPC || error_number == EDQUOT) error.hint = "free some space on that file system or choose another place";
  return error;
}

Result<Bytes> map_file(const std::string& path) {
  const OpenFile file = TRY(open_regular(path));
  if (file.size == 0) return Bytes();
  const auto length = static_cast<size_t>(file.size);
  void* memory = mmap(nullptr, length, PROT_READ, MAP_PRIVATE, file.descriptor.get(), 0);
  if (memory == MAP_FAILED) return fail(system_error("map", path, errno));
  madvise(memory, length, MADV_SEQUENTIAL);
  std::shared_ptr<const void> owner(memory, [length](const void* begin) { munmap(const_cast<void*>(begin), length); });
  return Bytes(std::move(owner), static_cast<const std::byte*>(memory), file.size, true);
}

Result<std::string> read_small_file(const std::string& path, int64_t max_bytes) {
  const OpenFile file = TRY(open_regular(path));
  std::string text;
  char buffer[16384];
  while (true) {
    const ssize_t count = read(file.descriptor.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(system_error("read", path, errno));
    if (count == 0) return text;
    if (count > max_bytes - static_cast<int64_t>(text.size())) {
      return fail(Error{ErrorCode::kLimitExceeded, "the file is larger than " + std::to_string(max_bytes) + " bytes", path, {}, {}});
    }
    text.append(buffer, static_cast<size_t>(count));
  }
}

bool is_directory(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

bool is_regular_file(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

Result<std::vector<std::string>> list_directory(const std::string& path) {
  DIR* directory = opendir(path.c_str());
  if (!directory) return fail(system_error("list", path, errno));
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  const int failure = errno;
  closedir(directory);
  if (failure != 0) return fail(system_error("list", path, failure));
  std::sort(names.begin(), names.end());
  return names;
}

bool is_plain_relative_path(std::string_view path) {
  if (path.find('\0') != path.npos) return false;
  while (true) {
    const size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (name.empty() || name == "." || name == "..") return false;
    if (slash == path.npos) return true;
    path.remove_prefix(slash + 1);
  }
}

bool path_is_inside(const std::string& root, const std::string& path) {
  namespace fs = std::filesystem;
  if (path.empty() || path.front() == '/' || path.find('\0') != path.npos) return false;
  const fs::path lexical = fs::path(path).lexically_normal();
  if (lexical.empty() || *lexical.begin() == "..") return false;
  std::error_code error;
  const fs::path base = fs::canonical(root.empty() ? "." : root, error);
  if (error) return false;
  const fs::path full = fs::weakly_canonical(base / lexical, error);
  if (error) return false;
  return std::mismatch(base.begin(), base.end(), full.begin(), full.end()).first == base.end();
}

Result<std::string> resolve_inside(const std::string& root, const std::string& path) {
  if (path_is_inside(root, path)) return root.empty() ? path : root.back() == '/' ? root + path : root + "/" + path;
  return fail(Error{ErrorCode::kInvalidModel,
                    "the file name \"" + path + "\" leads out of the model's directory",
                    root,
                    {},
                    "files of a model must lie in its directory; put the file there if you trust its origin"});
}

}  // namespace isomer
