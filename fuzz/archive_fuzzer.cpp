// gzip streams and the tar archives in them, or plain tar archives.
#include <cstdlib>

#include "base/mapped_file.h"
#include "wire/gzip.h"
#include "wire/tar.h"

using namespace isomer;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes archive = Bytes::copy_of(std::as_bytes(std::span(data, size)));
  if (is_gzip(archive)) {
    const auto unpacked = gunzip(archive, Limits::tiny());
    if (!unpacked) return 0;
    archive = *unpacked;
  }
  const auto entries = read_tar(archive, Limits::tiny());
  if (!entries) return 0;
  for (const TarEntry& entry : *entries) {
    if (!is_plain_relative_path(entry.name)) std::abort();
    if (entry.content.size() > archive.size()) std::abort();
  }
  return 0;
}
