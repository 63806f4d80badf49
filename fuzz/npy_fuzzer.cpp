// .npy files: what is read is written and read again as the same tensor.
#include <cstdlib>

#include "formats/npy.h"

using namespace isomer;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto tensor = tensor_from_npy(Bytes::copy_of(std::as_bytes(std::span(data, size))), Limits::tiny());
  if (!tensor) return 0;
  const std::string written = npy_header(*tensor).value() + std::string(tensor->bytes().text());
  const auto again = tensor_from_npy(Bytes::from_string(written));
  if (!again || !again->identical(*tensor)) std::abort();
  return 0;
}
