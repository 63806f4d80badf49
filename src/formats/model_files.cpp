#include "formats/model_files.h"

#include <algorithm>

#include "base/mapped_file.h"
#include "wire/gzip.h"
#include "wire/tar.h"

namespace isomer {
namespace {

class DirectoryFiles final : public ModelFiles {
 public:
  explicit DirectoryFiles(std::string root) : root_(std::move(root)) {
    while (root_.size() > 1 && root_.ends_with('/')) root_.pop_back();
  }
  bool contains(const std::string& name) const override { return path_is_inside(root_, name) && is_regular_file(root_ + "/" + name); }
  Result<Bytes> read(const std::string& name) const override { return map_file(TRY(resolve_inside(root_, name))); }
  std::string describe(const std::string& name) const override { return name.empty() ? root_ : root_ + "/" + name; }
  std::vector<std::string> list() const override {
    std::vector<std::string> files;
    auto names = list_directory(root_);
    if (!names) return files;
    for (std::string& name : *names)
      if (is_regular_file(root_ + "/" + name)) files.push_back(std::move(name));
    return files;
  }

 private:
  std::string root_;
};

class ArchiveFiles final : public ModelFiles {
 public:
  ArchiveFiles(std::string path, std::vector<TarEntry> entries) : path_(std::move(path)) {
    for (TarEntry& entry : entries) files_[entry.name] = std::move(entry.content);
    // A single directory that holds everything.
    while (!files_.empty() && !contains("saved_model.pb") && !contains("saved_model.pbtxt") && !contains("model.json")) {
      const std::string first = files_.begin()->first;
      const size_t slash = first.find('/');
      if (slash == std::string::npos) break;
      const std::string prefix = first.substr(0, slash + 1);
      if (!std::all_of(files_.begin(), files_.end(), [&](const auto& file) { return file.first.starts_with(prefix); })) break;
      std::map<std::string, Bytes> inner;
      for (auto& [name, content] : files_) inner[name.substr(prefix.size())] = std::move(content);
      files_ = std::move(inner);
    }
  }
  bool contains(const std::string& name) const override { return files_.contains(name); }
  Result<Bytes> read(const std::string& name) const override {
    const auto it = files_.find(name);
    if (it == files_.end()) return fail(Error{ErrorCode::kNotFound, "the archive holds no file '" + name + "'", path_, {}, {}});
    return it->second;
  }
  std::string describe(const std::string& name) const override { return name.empty() ? path_ : path_ + ":" + name; }
  std::vector<std::string> list() const override {
    std::vector<std::string> names;
    for (const auto& [name, content] : files_)
      if (name.find('/') == std::string::npos) names.push_back(name);
    return names;
  }

 private:
  std::string path_;
  std::map<std::string, Bytes> files_;
};

}  // namespace

Result<std::shared_ptr<const ModelFiles>> ModelFiles::open(const std::string& path, const Limits& limits) {
  if (is_directory(path)) return std::make_shared<const DirectoryFiles>(path);
  Bytes archive = TRY(map_file(path));
  if (is_gzip(archive)) archive = TRY(in_context(gunzip(archive, limits), "unpacking " + path));
  auto entries = TRY(in_context(read_tar(archive, limits), "reading the archive " + path));
  return std::make_shared<const ArchiveFiles>(path, std::move(entries));
}

}  // namespace isomer
