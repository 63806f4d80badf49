#include "wire/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/checked.h"
#include "wire/inflated_bytes.h"

namespace isomer {
namespace {

constexpr int64_t kPiece = 4 << 20;      // input is handed to zlib, and its pages given back, in such pieces
constexpr size_t kBufferSize = 1 << 18;  // output comes from zlib in such pieces

struct Inflater {
  z_stream stream = {};
  bool ready = inflateInit2(&stream, 15 + 16) == Z_OK;  // 16: a gzip header and trailer
  ~Inflater() {
    if (ready) inflateEnd(&stream);
  }
};

}  // namespace

bool is_gzip(const Bytes& file) { return file.text().starts_with("\x1f\x8b\x08"); }

Result<Bytes> gunzip(const Bytes& file, const Limits& limits) {
  if (!is_gzip(file)) return fail(ErrorCode::kMalformed, "not a gzip stream");
  const int64_t most = std::min(limits.inflated_bytes, checked_mul(file.size(), limits.inflate_ratio).value_or(INT64_MAX));
  Inflater inflater;
  if (!inflater.ready) return fail(ErrorCode::kInternal, "zlib cannot be started");
  z_stream& stream = inflater.stream;
  InflatedBytes result;
  std::vector<Bytef> buffer(kBufferSize);
  int64_t at = 0, produced = 0;  // bytes of the file consumed, bytes of the result
  bool inside_member = true;
  while (at < file.size()) {
    if (!inside_member) {
      const Bytes rest = file.slice(at, file.size() - at);
      if (rest.text().find_first_not_of('\0') == std::string_view::npos) break;  // padding, which gzip ignores too
      if (!is_gzip(rest)) return fail(Error{ErrorCode::kMalformed, "the gzip stream is followed by something else", "byte " + std::to_string(at), {}, {}});
      inflateReset(&stream);
      inside_member = true;
    }
    const Bytes piece = file.slice(at, std::min(kPiece, file.size() - at));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(piece.data()));
    stream.avail_in = static_cast<uInt>(piece.size());
    while (inside_member) {
      stream.next_out = buffer.data();
      stream.avail_out = static_cast<uInt>(buffer.size());
      const int status = inflate(&stream, Z_NO_FLUSH);
      const auto count = static_cast<int64_t>(buffer.size() - stream.avail_out);
      if (count > most - produced) {
        return fail(ErrorCode::kLimitExceeded, "the gzip stream of " + std::to_string(file.size()) + " bytes unpacks to more than " + std::to_string(most));
      }
      produced += count;
      TRY(result.add(std::as_bytes(std::span(buffer.data(), static_cast<size_t>(count)))));
      if (status == Z_STREAM_END) {
        inside_member = false;
      } else if (status == Z_BUF_ERROR || (status == Z_OK && stream.avail_in == 0 && stream.avail_out > 0)) {
        break;  // all of this piece is used
      } else if (status != Z_OK) {
        const int64_t where = at + piece.size() - static_cast<int64_t>(stream.avail_in);
        return fail(Error{ErrorCode::kMalformed,
                          std::string("the gzip stream is damaged") + (stream.msg ? std::string(": ") + stream.msg : ""),
                          "byte " + std::to_string(where),
                          {},
                          {}});
      }
    }
    at += piece.size() - static_cast<int64_t>(stream.avail_in);
    piece.release_pages();
  }
  if (inside_member) return fail(ErrorCode::kTruncated, "the gzip stream ends before its last block");
  return std::move(result).finish();
}

}  // namespace isomer
