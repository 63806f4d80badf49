// Any bytes through the JSON reader; what it accepts must survive writing and reading again.
#include <cstdlib>

#include "wire/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace isomer;
  const Limits limits = Limits::tiny();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  int64_t streamed = 0;
  const std::vector<JsonStream> streams = {{"a.b", [&](JsonValue) -> Result<void> {
                                              ++streamed;
                                              return {};
                                            }}};
  const auto partly = read_json(text, limits, streams);
  const auto value = read_json(text, limits);
  if (!value) return 0;
  if (!partly) std::abort();
  const auto once = write_json(*value);
  if (!once) std::abort();
  const auto again = read_json(*once, Limits{});
  if (!again || write_json(*again) != *once) std::abort();
  return 0;
}
