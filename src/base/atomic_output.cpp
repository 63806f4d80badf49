// How a directory is replaced.
//
//   .NAME.isomer-partial   being written, locked (flock on the directory itself) by the run that writes it
//   NAME                   the model as it was
//
// commit() links the target's other files into the partial and exchanges the two names with one renameat2(RENAME_EXCHANGE); the old model, now
// under the partial's name and locked as well, is removed. Whoever finds a partial tries the lock: taken means another run is alive, free means
// that its run is dead, so the partial is emptied and used again. Between opening and locking the name may have moved to another directory;
// therefore the locked directory is compared with what the name stands for.
//
// File systems without RENAME_EXCHANGE (NFS, some FUSE ones) get two renames with `.NAME.isomer-previous` in between; a run killed exactly there
// leaves the old model under that name, and the next run puts it back.
#include "base/atomic_output.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/mapped_file.h"

namespace isomer {
namespace {

namespace fs = std::filesystem;

// False when another process holds the lock. A file system without locks counts as locked: there is nothing to ask.
bool try_lock(int descriptor) { return flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK; }

bool stands_for(const std::string& path, int descriptor) {
  struct stat named, opened;
  return lstat(path.c_str(), &named) == 0 && fstat(descriptor, &opened) == 0 && named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
}

bool exists(const std::string& path) {
  struct stat status;
  return lstat(path.c_str(), &status) == 0;
}

Error busy(const std::string& target) {
  return Error{ErrorCode::kIo, "another run is writing " + target + " at this moment", {}, {}, "wait until it has ended, or choose another output"};
}

void remove_tree(const std::string& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

Result<void> empty_directory(const std::string& path) {
  for (const std::string& name : TRY(list_directory(path))) {
    std::error_code error;
    fs::remove_all(path + "/" + name, error);
    if (error) return fail(system_error("remove", path + "/" + name, error.value()));
  }
  return {};
}

// The absolute path without symbolic links, "..", or a trailing '/'.
Result<std::string> resolve_target(std::string target) {
  while (target.size() > 1 && target.back() == '/') target.pop_back();
  if (target.empty()) return fail(ErrorCode::kInvalidArgument, "the name of the output is empty");
  std::error_code error;
  fs::path path = fs::weakly_canonical(fs::absolute(target, error), error);
  if (error) return fail(system_error("resolve", target, error.value()));
  if (!path.has_filename()) return fail(ErrorCode::kInvalidArgument, "the output cannot be the root directory");
  return path.string();
}

std::string beside(const std::string& target, std::string_view suffix) {
  const fs::path path(target);
  return (path.parent_path() / ("." + path.filename().string() + std::string(suffix))).string();
}

// A second name for one file of the old directory; a copy where the file system or its protection allows no second name.
Result<void> link_or_copy(const std::string& from, const std::string& to) {
  if (linkat(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), 0) == 0 || errno == EEXIST || errno == ENOENT) return {};
  std::error_code error;
  fs::copy(from, to, fs::copy_options::copy_symlinks | fs::copy_options::skip_existing, error);
  if (error) return fail(system_error("keep", from, error.value()));
  return {};
}

// Gives every file of `old_root` that is no part of a model a name in `new_root` too. Names that `new_root` has already stay as they are.
Result<void> keep_other_files(const std::string& old_root, const std::string& new_root, const std::string& directory,
                              const AtomicDirectory::IsModelFile& is_model_file) {
  for (const std::string& entry : TRY(list_directory(old_root + "/" + directory))) {
    const std::string name = directory + entry, from = old_root + "/" + name, to = new_root + "/" + name;
    if (is_model_file(name)) continue;
    struct stat status;
    if (lstat(from.c_str(), &status) != 0) continue;
    if (!S_ISDIR(status.st_mode)) {
      TRY(link_or_copy(from, to));
      continue;
    }
    const bool created = mkdir(to.c_str(), 0700) == 0;
    if (!created && errno != EEXIST) return fail(system_error("create", to, errno));
    if (is_directory(to)) TRY(keep_other_files(old_root, new_root, name + "/", is_model_file));
    if (created) chmod(to.c_str(), status.st_mode & 07777);
  }
  return {};
}

Error cannot_replace(const std::string& target, int error_number) {
  Error error = system_error("replace", target, error_number);
  if (error.hint.empty()) error.hint = "it may be a mount point or lie on a layered file system; choose an output that does not exist yet";
  return error;
}

}  // namespace

CreatedParents::~CreatedParents() {
  for (auto path = created_.rbegin(); path != created_.rend(); ++path) rmdir(path->c_str());
}

Result<void> CreatedParents::create(const std::string& directory) {
  std::vector<std::string> missing;
  for (fs::path path(directory); !path.empty() && !exists(path.string()); path = path.parent_path()) missing.push_back(path.string());
  for (auto path = missing.rbegin(); path != missing.rend(); ++path) {
    if (mkdir(path->c_str(), 0777) == 0) {
      created_.push_back(*path);
    } else if (errno != EEXIST) {
      return fail(system_error("create", *path, errno));
    }
  }
  return {};
}

Result<AtomicDirectory> AtomicDirectory::create(const std::string& target, IsModelFile is_model_file) {
  AtomicDirectory output;
  output.target_ = TRY(resolve_target(target));
  if (exists(output.target_) && !is_directory(output.target_)) {
    return fail(Error{ErrorCode::kInvalidArgument,
                      "the output " + target + " is a file, expected a directory or a new name",
                      {},
                      {},
                      "name a directory; the model's files are written into it"});
  }
  std::error_code error;
  const fs::path here = fs::current_path(error), there(output.target_);
  if (!error && std::mismatch(there.begin(), there.end(), here.begin(), here.end()).first == there.end()) {
    return fail(Error{ErrorCode::kInvalidArgument,
                      "the output " + target + " is the current directory or holds it, so it cannot be replaced as a whole",
                      {},
                      {},
                      "name a directory below it, or run from elsewhere"});
  }
  output.is_model_file_ = std::move(is_model_file);
  output.partial_ = beside(output.target_, ".isomer-partial");
  output.previous_ = beside(output.target_, ".isomer-previous");
  TRY(output.parents_.create(there.parent_path().string()));
  TRY(output.acquire_partial());
  if (exists(output.previous_)) {  // a run without RENAME_EXCHANGE was killed between its two renames, or right after them
    if (exists(output.target_)) {
      remove_tree(output.previous_);
    } else if (rename(output.previous_.c_str(), output.target_.c_str()) != 0) {
      return fail(system_error("restore", output.previous_, errno));
    }
  }
  return output;
}

Result<void> AtomicDirectory::acquire_partial() {
  while (true) {
    const bool created = mkdir(partial_.c_str(), 0777) == 0;
    if (!created && errno != EEXIST) return fail(system_error("create", partial_, errno));
    FileDescriptor directory(open(partial_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!directory && errno == ENOENT) continue;
    if (!directory) return fail(system_error("use", partial_, errno).with_hint("remove it: it is the left-over of an earlier run"));
    if (!try_lock(directory.get())) return fail(busy(target_));
    if (!stands_for(partial_, directory.get())) continue;
    if (!created) TRY(empty_directory(partial_));
    lock_ = std::move(directory);
    return {};
  }
}

AtomicDirectory::~AtomicDirectory() {
  if (lock_) remove_tree(partial_);
}

Result<void> AtomicDirectory::create_directory(const std::string& name) {
  if (!is_plain_relative_path(name)) return fail(ErrorCode::kInvalidModel, "\"" + name + "\" is no name for a directory of the output");
  for (size_t slash = 0; slash != name.npos;) {
    slash = name.find('/', slash + 1);
    const std::string path = partial_ + "/" + name.substr(0, slash);
    if (mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) return fail(system_error("create", path, errno));
  }
  return {};
}

Result<OutputFile> AtomicDirectory::create_file(const std::string& name) {
  if (!is_plain_relative_path(name)) return fail(ErrorCode::kInvalidModel, "\"" + name + "\" is no name for a file of the output");
  if (const size_t slash = name.rfind('/'); slash != name.npos) TRY(create_directory(name.substr(0, slash)));
  const std::string path = partial_ + "/" + name;
  FileDescriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!file && errno == EEXIST) return fail(ErrorCode::kInvalidModel, "two files of the output have the name \"" + name + "\"");
  if (!file) return fail(system_error("create", path, errno));
  return OutputFile(std::move(file), path, open_files_);
}

Result<void> AtomicDirectory::write_file(const std::string& name, std::string_view content) {
  OutputFile file = TRY(create_file(name));
  TRY(file.append(content));
  return file.close();
}

Result<void> AtomicDirectory::commit() {
  if (!lock_) return fail(ErrorCode::kInternal, "the output " + target_ + " is committed already");
  if (*open_files_ != 0) return fail(ErrorCode::kInternal, std::to_string(*open_files_) + " files of " + target_ + " were not closed");
  if (!exists(target_)) {
    if (rename(partial_.c_str(), target_.c_str()) != 0) return fail(cannot_replace(target_, errno));
  } else {
    TRY(exchange_with_target());
  }
  parents_.keep();
  lock_ = FileDescriptor();
  return {};
}

Result<void> AtomicDirectory::exchange_with_target() {
  // The old directory is about to get the partial's name: locked, no other run takes it for a dead one's. Waiting is short, the only other
  // holder is a run that has committed.
  FileDescriptor old(open(target_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat status;
  if (!old || fstat(old.get(), &status) != 0) return fail(cannot_replace(target_, errno));
  flock(old.get(), LOCK_EX);
  TRY(keep_other_files(target_, partial_, "", is_model_file_));
  chmod(partial_.c_str(), status.st_mode & 07777);
  const char *from = partial_.c_str(), *to = target_.c_str();
  std::string replaced = partial_;
  if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) != 0) {
    if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) return fail(cannot_replace(target_, errno));
    replaced = previous_;
    if (rename(to, previous_.c_str()) != 0) return fail(cannot_replace(target_, errno));
    if (rename(from, to) != 0) {
      const int reason = errno;
      rename(previous_.c_str(), to);
      return fail(cannot_replace(target_, reason));
    }
  }
  // Files that appeared in the old directory after it was listed; the new one is in place, so nothing can fail the commit any more.
  (void)keep_other_files(replaced, target_, "", is_model_file_);
  remove_tree(replaced);
  return {};
}

Result<AtomicFile> AtomicFile::create(const std::string& target) {
  AtomicFile output;
  output.target_ = TRY(resolve_target(target));
  struct stat status;
  const bool replaces = stat(output.target_.c_str(), &status) == 0;
  if (replaces && !S_ISREG(status.st_mode)) {
    return fail(Error{ErrorCode::kInvalidArgument, "the output " + target + " exists and is not a file", {}, {}, "name a file or a new name"});
  }
  output.partial_ = beside(output.target_, ".isomer-partial");
  const std::string& partial = output.partial_;
  TRY(output.parents_.create(fs::path(output.target_).parent_path().string()));
  while (true) {
    FileDescriptor file(open(partial.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666));
    if (!file) return fail(system_error("create", partial, errno).with_hint("check that its directory is writable and no left-over of an earlier run"));
    if (!try_lock(file.get())) return fail(busy(output.target_));
    if (!stands_for(partial, file.get())) continue;
    output.lock_ = FileDescriptor(fcntl(file.get(), F_DUPFD_CLOEXEC, 0));  // shares the lock and outlives OutputFile::close
    if (!output.lock_ || ftruncate(file.get(), 0) != 0) return fail(system_error("create", partial, errno));
    if (replaces) fchmod(file.get(), status.st_mode & 07777);
    output.file_ = std::unique_ptr<OutputFile>(new OutputFile(std::move(file), partial, output.open_files_));
    return output;
  }
}

AtomicFile::~AtomicFile() {
  if (lock_) unlink(partial_.c_str());
}

Result<void> AtomicFile::commit() {
  if (!lock_) return fail(ErrorCode::kInternal, "the output " + target_ + " is committed already");
  TRY(finish());
  if (rename(partial_.c_str(), target_.c_str()) != 0) return fail(cannot_replace(target_, errno));
  parents_.keep();
  lock_ = FileDescriptor();
  return {};
}

Result<std::string> AtomicFile::finish() {
  if (!finished_) TRY(file_->close());
  finished_ = true;
  return partial_;
}

}  // namespace isomer
