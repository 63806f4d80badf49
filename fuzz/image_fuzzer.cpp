// PNG and JPEG images: decoding ends, within the limits.
#include "wire/image.h"

using namespace isomer;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Bytes file = Bytes::copy_of(std::as_bytes(std::span(data, size)));
  for (const int64_t channels : {1, 3}) {
    const auto image = decode_image(file, channels, Limits::tiny());
    if (image && image->height * image->width * channels != static_cast<int64_t>(image->pixels.size())) __builtin_trap();
  }
  return 0;
}
