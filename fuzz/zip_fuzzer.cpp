// Zip archives: what can be read is written and read again as the same entries.
#include <cstdlib>
#include <string>

#include "wire/zip.h"

using namespace isomer;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Limits limits = Limits::tiny();
  const auto archive = ZipArchive::open(Bytes::copy_of(std::as_bytes(std::span(data, size))), limits);
  if (!archive) return 0;
  std::string written;
  ZipWriter writer([&](std::span<const std::byte> bytes) -> Result<void> {
    written.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  });
  std::vector<std::pair<std::string, Bytes>> contents;
  for (const ZipEntry& entry : archive->entries()) {
    const auto content = archive->read(entry, limits);
    if (!content) return 0;
    contents.emplace_back(entry.name, *content);
    if (!writer.add(entry.name, {&*content, 1})) std::abort();
  }
  if (!writer.finish()) std::abort();
  const auto again = ZipArchive::open(Bytes::from_string(written), Limits());
  if (!again || again->entries().size() != contents.size()) std::abort();
  for (const auto& [name, content] : contents) {
    const ZipEntry* entry = again->find(name);
    if (!entry || again->read(*entry, Limits()).value().text() != content.text()) std::abort();
  }
  return 0;
}
