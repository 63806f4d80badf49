// Files as Bytes: read-only mappings, small files read whole, directories, and the check that a name found in a file stays in its directory.
//
// Pages of a mapping are read when they are looked at. A file that another program shortens while it is mapped raises SIGBUS on the next access
// of the missing pages; no system call prevents that, so it is an accepted risk, as for every program that maps its input.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace isomer {

// The whole of a regular file, mapped read-only. Directories, pipes, sockets and devices are refused (InvalidArgument), a missing file is NotFound.
Result<Bytes> map_file(const std::string& path);

// A regular file of at most `max_bytes` (LimitExceeded otherwise), copied into memory.
Result<std::string> read_small_file(const std::string& path, int64_t max_bytes);

bool is_directory(const std::string& path);     // symbolic links are followed
bool is_regular_file(const std::string& path);  // symbolic links are followed

// Names in a directory (without "." and ".."), sorted bytewise.
Result<std::vector<std::string>> list_directory(const std::string& path);

// A path of one or more names joined by '/', none of them empty, "." or "..", without NUL: it cannot lead out of the directory it is joined to.
bool is_plain_relative_path(std::string_view path);

// For names that come from inside a file (weight shards, assets): does `root`/`path` stay inside the directory `root`? Absolute paths, ".." that
// climbs out and symbolic links that lead out do not. The file need not exist.
bool path_is_inside(const std::string& root, const std::string& path);
// `root`/`path`, or InvalidModel where path_is_inside says no.
Result<std::string> resolve_inside(const std::string& root, const std::string& path);

// "No such file or directory" etc. for an errno, as an error that names the path: NotFound for a missing file, Io otherwise.
Error system_error(const std::string& action, const std::string& path, int error_number);

}  // namespace isomer
