// YAML texts: what can be read is JSON that can be written.
#include <cstdlib>
#include <string>

#include "wire/yaml.h"

using namespace isomer;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Limits limits = Limits::tiny();
  const auto value = read_yaml(std::string_view(reinterpret_cast<const char*>(data), size), limits);
  if (!value) return 0;
  const auto text = write_json(*value);
  if (text && !read_json(*text, Limits())) std::abort();
  return 0;
}
