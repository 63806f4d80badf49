// The files of a model that is more than one file: a directory, or a .tar.gz archive of one.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"

namespace isomer {

class ModelFiles {
 public:
  virtual ~ModelFiles() = default;
  virtual bool contains(const std::string& name) const = 0;
  // The file's content, mapped or a slice of the archive. NotFound, or InvalidModel for names that lead out of the model.
  virtual Result<Bytes> read(const std::string& name) const = 0;
  // How messages call the file.
  virtual std::string describe(const std::string& name) const = 0;
  // Names of the regular files at the top level, sorted.
  virtual std::vector<std::string> list() const = 0;

  // `path` is a directory, or an archive (.tar, .tar.gz). In an archive a single directory at the top is looked through.
  static Result<std::shared_ptr<const ModelFiles>> open(const std::string& path, const Limits& limits);
};

}  // namespace isomer
