// Tar archives: ustar, with pax and GNU extensions for long names.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"

namespace isomer {

struct TarEntry {
  std::string name;  // relative, without "./" and empty parts: "variables/variables.index"
  Bytes content;     // a slice of the archive
};

// The regular files in archive order (of files of the same name the last one counts, as it does when unpacked). Directories are implied by the
// names; links, devices and pipes are left out: nothing that a model needs is stored so. Names that lead out of the directory make the archive
// InvalidModel, a wrong header checksum makes it Malformed. An archive may end without its closing blocks, but not inside a file.
Result<std::vector<TarEntry>> read_tar(const Bytes& archive, const Limits& limits);

bool looks_like_tar(const Bytes& file);  // a first header with a right checksum

}  // namespace isomer
