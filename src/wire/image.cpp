#include "wire/image.h"

#include <png.h>
#include <turbojpeg.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "base/checked.h"

namespace isomer {
namespace {

constexpr int64_t kLongestSide = 65500;  // of a JPEG
constexpr std::string_view kPngMagic = "\x89PNG\r\n\x1a\n";

// An image of this size, or why not. A few bytes may not claim a large one: both formats compress, but not without bound.
Result<Image> make_image(int64_t width, int64_t height, int64_t channels, int64_t file_size, const Limits& limits) {
  if (width <= 0 || height <= 0) return fail(ErrorCode::kMalformed, "the image has no pixels");
  const int64_t most = std::min(limits.tensor_elements, checked_mul(file_size, limits.inflate_ratio).value_or(INT64_MAX)) / channels;
  if (width > kLongestSide || height > kLongestSide || height > most / width) {
    return fail(ErrorCode::kLimitExceeded,
                "the image of " + std::to_string(file_size) + " bytes claims " + std::to_string(width) + " x " + std::to_string(height) + " pixels");
  }
  Image image{height, width, channels, {}};
  image.pixels.resize(static_cast<size_t>(width * height * channels));
  return image;
}

// libpng reports errors by a jump, which must not pass the destructor of anything: the functions that may jump hold nothing but this.
struct PngReader {
  png_structp png = nullptr;
  png_infop info = nullptr;
  const Bytes* file = nullptr;
  int64_t at = 0;
  char message[160] = "";

  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }
};

void copy_png_bytes(png_structp png, png_bytep out, size_t count) {
  auto* reader = static_cast<PngReader*>(png_get_io_ptr(png));
  if (static_cast<int64_t>(count) > reader->file->size() - reader->at) png_error(png, "the file ends too early");
  std::memcpy(out, reader->file->data() + reader->at, count);
  reader->at += static_cast<int64_t>(count);
}

[[noreturn]] void on_png_error(png_structp png, png_const_charp message) {
  auto* reader = static_cast<PngReader*>(png_get_error_ptr(png));
  std::snprintf(reader->message, sizeof reader->message, "%s", message);
  png_longjmp(png, 1);
}

// Reads what stands before the pixels, and asks for 8 bits and `channels` of each pixel. No gamma is applied: TensorFlow applies none.
bool read_png_header(PngReader& reader, int64_t channels) {
  if (setjmp(png_jmpbuf(reader.png))) return false;
  png_set_read_fn(reader.png, &reader, copy_png_bytes);
  png_set_user_limits(reader.png, kLongestSide, kLongestSide);
  png_set_chunk_malloc_max(reader.png, 8 << 20);
  png_read_info(reader.png, reader.info);
  const int colour = png_get_color_type(reader.png, reader.info);
  png_set_strip_16(reader.png);
  if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(reader.png);
  if (!(colour & PNG_COLOR_MASK_COLOR)) png_set_expand_gray_1_2_4_to_8(reader.png);
  png_set_strip_alpha(reader.png);
  if (channels == 3 && !(colour & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(reader.png);
  if (channels == 1 && (colour & PNG_COLOR_MASK_COLOR)) png_set_rgb_to_gray_fixed(reader.png, PNG_ERROR_ACTION_NONE, 29900, 58700);
  png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  return true;
}

bool read_png_pixels(PngReader& reader, png_bytepp rows) {
  if (setjmp(png_jmpbuf(reader.png))) return false;
  png_read_image(reader.png, rows);
  png_read_end(reader.png, nullptr);
  return true;
}

Result<Image> decode_png(const Bytes& file, int64_t channels, const Limits& limits) {
  PngReader reader;
  reader.file = &file;
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, on_png_error, [](png_structp, png_const_charp) {});
  reader.info = reader.png ? png_create_info_struct(reader.png) : nullptr;
  if (!reader.info) return fail(ErrorCode::kInternal, "libpng cannot be started");
  const auto damaged = [&] { return fail(ErrorCode::kMalformed, std::string("the PNG image is damaged: ") + reader.message); };
  if (!read_png_header(reader, channels)) return damaged();
  Image image = TRY(make_image(png_get_image_width(reader.png, reader.info), png_get_image_height(reader.png, reader.info), channels, file.size(), limits));
  if (static_cast<int64_t>(png_get_rowbytes(reader.png, reader.info)) != image.width * channels) return fail(ErrorCode::kInternal, "libpng gives other pixels");
  std::vector<png_bytep> rows;
  for (int64_t y = 0; y < image.height; ++y) rows.push_back(image.pixels.data() + y * image.width * channels);
  if (!read_png_pixels(reader, rows.data())) return damaged();
  return image;
}

Result<Image> decode_jpeg(const Bytes& file, int64_t channels, const Limits& limits) {
  const std::unique_ptr<void, int (*)(tjhandle)> decoder(tjInitDecompress(), tjDestroy);
  if (!decoder) return fail(ErrorCode::kInternal, "libjpeg-turbo cannot be started");
  const auto damaged = [&] { return fail(ErrorCode::kMalformed, std::string("the JPEG image is damaged: ") + tjGetErrorStr2(decoder.get())); };
  const auto* data = reinterpret_cast<const unsigned char*>(file.data());
  const auto size = static_cast<unsigned long>(file.size());
  int width = 0, height = 0, subsampling = 0, colour_space = 0;
  if (tjDecompressHeader3(decoder.get(), data, size, &width, &height, &subsampling, &colour_space) != 0) return damaged();
  if (colour_space == TJCS_CMYK || colour_space == TJCS_YCCK)
    return fail(Error{ErrorCode::kUnsupported, "the JPEG image is made for print (CMYK)", {}, {}, "save it with the colours red, green and blue"});
  Image image = TRY(make_image(width, height, channels, file.size(), limits));
  const int format = channels == 1 ? TJPF_GRAY : TJPF_RGB;
  // The limit on scans stops files that describe one image thousands of times over.
  const int status = tjDecompress2(decoder.get(), data, size, image.pixels.data(), width, 0, height, format, TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS);
  // Warnings about stray bytes are common in files that cameras write; one about missing data is an error, as in TensorFlow.
  const bool warning = status != 0 && tjGetErrorCode(decoder.get()) == TJERR_WARNING;
  const bool cut_off = warning && std::string_view(tjGetErrorStr2(decoder.get())).find("Premature end") != std::string_view::npos;
  if (status != 0 && (!warning || cut_off)) return damaged();
  return image;
}

}  // namespace

bool is_png(const Bytes& file) { return file.text().starts_with(kPngMagic); }
bool is_jpeg(const Bytes& file) { return file.text().starts_with("\xff\xd8\xff"); }

Result<Image> decode_image(const Bytes& file, int64_t channels, const Limits& limits) {
  if (channels != 1 && channels != 3) return fail(ErrorCode::kInvalidArgument, "an image has 1 or 3 channels, not " + std::to_string(channels));
  if (is_png(file)) return decode_png(file, channels, limits);
  if (is_jpeg(file)) return decode_jpeg(file, channels, limits);
  return fail(Error{ErrorCode::kUnsupported, "neither a PNG nor a JPEG image", {}, {}, "save the image as one of them"});
}

}  // namespace isomer
