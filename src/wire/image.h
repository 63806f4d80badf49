// PNG and JPEG images, decoded by libpng and libjpeg-turbo.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"

namespace isomer {

struct Image {
  int64_t height = 0, width = 0;
  int64_t channels = 0;         // 1: grey, 3: red, green, blue
  std::vector<uint8_t> pixels;  // rows from the top, channels together
};

bool is_png(const Bytes& file);
bool is_jpeg(const Bytes& file);

// `channels` is 1 or 3. Transparency is left out, of 16-bit samples the upper 8 bits are taken, neither gamma nor the orientation that a camera notes is
// applied: all as TensorFlow decodes. Malformed for damaged files, Unsupported for other kinds, LimitExceeded where the image would be wider or higher than
// 65500 or have more samples than limits.tensor_elements or than a file of its size may unpack to (limits.inflate_ratio).
Result<Image> decode_image(const Bytes& file, int64_t channels, const Limits& limits);

}  // namespace isomer
