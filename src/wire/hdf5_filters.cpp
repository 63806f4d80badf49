// What chunks go through on their way into the file, undone: deflate, shuffle, fletcher32.
#include <zlib.h>

#include <algorithm>

#include "base/checked.h"
#include "wire/hdf5_dataset.h"

namespace isomer::hdf5 {
namespace {

// Two sums of 16-bit big-endian words in ones' complement, where 65535 stands for the multiples of it; an odd last byte is the upper half of a word.
uint32_t fletcher32(std::span<const std::byte> data) {
  uint64_t low = 0, high = 0;
  for (size_t i = 0; i < data.size(); i += 2) {
    const uint64_t word = static_cast<uint64_t>(data[i]) << 8 | (i + 1 < data.size() ? static_cast<uint64_t>(data[i + 1]) : 0);
    low += word;
    low = (low & 0xffff) + (low >> 16);
    high += low;
    high = (high & 0xffff) + (high >> 16);
  }
  return static_cast<uint32_t>(high << 16 | low);
}

Result<Bytes> undo_fletcher32(const Bytes& data, int64_t offset) {
  if (data.size() < 4) return fail_at(ErrorCode::kTruncated, "a chunk has no room for its checksum", offset);
  const Bytes content = data.slice(0, data.size() - 4);
  uint32_t stored = 0;
  for (int64_t i = 0; i < 4; ++i) stored |= static_cast<uint32_t>(data.data()[content.size() + i]) << (8 * i);
  const uint32_t computed = fletcher32(content.span());
  // Writers before 1.6.3 exchanged the bytes of both halves on little-endian machines.
  const uint32_t exchanged = (computed & 0x00ff00ff) << 8 | (computed >> 8 & 0x00ff00ff);
  if (stored != computed && stored != exchanged) return fail_at(ErrorCode::kMalformed, "the checksum of a chunk is wrong: the file is damaged", offset);
  return content;
}

// Shuffling puts all first bytes of the elements first, then all second ones...; bytes that make no whole element stay at the end.
Bytes undo_shuffle(const Bytes& data, int64_t unit) {
  const int64_t elements = data.size() / unit;
  if (unit < 2 || elements < 2) return data;
  std::string out(data.text());
  for (int64_t byte = 0; byte < unit; ++byte) {
    for (int64_t i = 0; i < elements; ++i) out[static_cast<size_t>(i * unit + byte)] = static_cast<char>(data.data()[byte * elements + i]);
  }
  return Bytes::from_string(std::move(out));
}

struct Inflater {
  z_stream stream = {};
  bool ready = inflateInit(&stream) == Z_OK;
  ~Inflater() {
    if (ready) inflateEnd(&stream);
  }
};

Result<Bytes> undo_deflate(const Bytes& data, int64_t most, int64_t offset, const Limits& limits) {
  if (checked_mul(data.size(), limits.inflate_ratio).value_or(INT64_MAX) < most) {
    return fail_at(ErrorCode::kLimitExceeded,
                   "a chunk of " + std::to_string(data.size()) + " bytes claims " + std::to_string(most) + " (more than 1 to " +
                       std::to_string(limits.inflate_ratio) + ")",
                   offset);
  }
  constexpr int64_t kMostOfZlib = UINT32_MAX;
  if (data.size() > kMostOfZlib || most > kMostOfZlib) return fail_at(ErrorCode::kLimitExceeded, "a compressed chunk passes 4 GiB", offset);
  Inflater inflater;
  if (!inflater.ready) return fail(ErrorCode::kInternal, "zlib cannot be started");
  std::string out(static_cast<size_t>(most), '\0');
  z_stream& stream = inflater.stream;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(most);
  if (inflate(&stream, Z_FINISH) != Z_STREAM_END) {
    return fail_at(ErrorCode::kMalformed, std::string("a compressed chunk is damaged") + (stream.msg ? std::string(": ") + stream.msg : ""), offset);
  }
  out.resize(stream.total_out);
  return Bytes::from_string(std::move(out));
}

const char* name_of(int64_t id) {
  switch (id) {
    case 4: return "szip";
    case 5: return "nbit";
    case 6: return "scaleoffset";
    case 32000: return "lzf";
    case 32001: return "blosc";
    case 32004: return "lz4";
    case 32008: return "bitshuffle";
    case 32015: return "zstd";
    default: return "unknown";
  }
}

}  // namespace

Result<void> check_filters(const std::vector<Filter>& filters, int64_t offset) {
  for (const Filter& filter : filters) {
    if (filter.id == Filter::kDeflate || filter.id == Filter::kFletcher32) continue;
    if (filter.id == Filter::kShuffle) {
      if (!filter.values.empty() && filter.values[0] > 0) continue;
      return fail_at(ErrorCode::kMalformed, "the filter shuffle does not say how large an element is", offset);
    }
    const std::string name = filter.name.empty() ? name_of(filter.id) : filter.name;
    return fail(Error{ErrorCode::kUnsupported,
                      "a dataset is stored through the filter " + name + " (" + std::to_string(filter.id) + ")",
                      "byte " + std::to_string(offset),
                      {},
                      "h5repack -f GZIP=4 writes the file with one that every reader knows"});
  }
  return {};
}

Result<Bytes> unfilter(const std::vector<Filter>& filters, const Bytes& stored, int64_t filter_mask, int64_t size, int64_t offset, const Limits& limits) {
  Bytes data = stored;
  for (size_t i = filters.size(); i-- > 0;) {
    if (i < 32 && filter_mask >> i & 1) continue;
    switch (filters[i].id) {
      // Checksums that were added before are still there.
      case Filter::kDeflate: data = TRY(undo_deflate(data, size + 4 * static_cast<int64_t>(i), offset, limits)); break;
      case Filter::kShuffle: data = undo_shuffle(data, filters[i].values[0]); break;
      case Filter::kFletcher32: data = TRY(undo_fletcher32(data, offset)); break;
      default: return fail(ErrorCode::kInternal, "a filter was not checked");
    }
  }
  if (data.size() != size) {
    return fail_at(ErrorCode::kMalformed, "a chunk has " + std::to_string(data.size()) + " bytes in place of " + std::to_string(size), offset);
  }
  return data;
}

}  // namespace isomer::hdf5
