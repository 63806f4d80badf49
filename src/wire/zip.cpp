// An archive ends with a record that says where its central directory lies; that lists the entries, each of which has a header of its own before its
// content. Sizes and checksums are taken from the central directory: the entry's own header may leave them open. Numbers that do not fit 32 bits
// stand as all ones, and their true value in an extra field (Zip64).
#include "wire/zip.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>

#include "base/checked.h"
#include "wire/inflated_bytes.h"

namespace isomer {
namespace {

constexpr uint32_t kEntryHeader = 0x04034b50, kCentralHeader = 0x02014b50, kEnd = 0x06054b50, kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr int64_t kEntryHeaderSize = 30, kCentralHeaderSize = 46, kEndSize = 22, kEnd64Size = 56, kLocator64Size = 20, kLongestComment = 65535;
constexpr uint32_t kIn64 = 0xffffffff;
constexpr uint16_t kStored = 0, kDeflated = 8;
constexpr int64_t kPiece = 4 << 20;

template <class T>
T number_at(const Bytes& file, int64_t offset) {
  T value;
  std::memcpy(&value, file.data() + offset, sizeof value);
  return value;
}
uint16_t u16(const Bytes& file, int64_t offset) { return number_at<uint16_t>(file, offset); }
uint32_t u32(const Bytes& file, int64_t offset) { return number_at<uint32_t>(file, offset); }

std::unexpected<Error> damaged(std::string message, int64_t offset, ErrorCode code = ErrorCode::kMalformed) {
  return fail(Error{code, "the zip archive is damaged: " + std::move(message), "byte " + std::to_string(offset), {}, {}});
}

struct Directory {
  int64_t offset = 0, size = 0, entries = 0;
};

Result<Directory> find_directory(const Bytes& file) {
  const int64_t first = std::max<int64_t>(0, file.size() - kEndSize - kLongestComment);
  int64_t end = file.size() - kEndSize;
  while (end >= first && !(u32(file, end) == kEnd && u16(file, end + 20) == file.size() - end - kEndSize)) --end;
  if (end < first) return fail(ErrorCode::kTruncated, "no zip archive, or not all of one: its last record is missing");
  if (u16(file, end + 4) != 0 && u16(file, end + 4) != 0xffff) return fail(ErrorCode::kUnsupported, "the zip archive is one part of several");
  Directory directory{u32(file, end + 16), u32(file, end + 12), u16(file, end + 10)};
  const int64_t locator = end - kLocator64Size;
  if (locator >= 0 && u32(file, locator) == kLocator64) {
    const auto at = number_at<int64_t>(file, locator + 8);
    if (at < 0 || at > file.size() - kEnd64Size || u32(file, at) != kEnd64) return damaged("there is no Zip64 record where one should be", locator);
    directory = {number_at<int64_t>(file, at + 48), number_at<int64_t>(file, at + 40), number_at<int64_t>(file, at + 32)};
  }
  if (directory.offset < 0 || directory.size < 0 || directory.offset > end || directory.size > end - directory.offset)
    return damaged("its directory lies outside", end);
  if (directory.entries < 0 || directory.entries > directory.size / kCentralHeaderSize) return damaged("it has less room than entries", end);
  return directory;
}

// Takes the 64-bit values of the fields that are all ones, in their order.
Result<void> read_extra64(const Bytes& file, int64_t offset, int64_t size, std::span<int64_t* const> fields) {
  const int64_t end = offset + size;
  while (end - offset >= 4) {
    const int64_t tag = u16(file, offset), length = u16(file, offset + 2);
    offset += 4;
    if (length > end - offset) break;
    if (tag == 1) {
      int64_t at = offset;
      for (int64_t* field : fields) {
        if (*field != kIn64) continue;
        if (offset + length - at < 8) return damaged("a Zip64 field is missing", offset);
        *field = number_at<int64_t>(file, at);
        at += 8;
      }
      return {};
    }
    offset += length;
  }
  return damaged("a Zip64 field is missing", offset);
}

bool leads_out(std::string_view name) {
  if (name.empty() || name.starts_with('/') || name.find('\\') != std::string_view::npos || name.find('\0') != std::string_view::npos) return true;
  return name == ".." || name.starts_with("../") || name.ends_with("/..") || name.find("/../") != std::string_view::npos;
}

// The entry at `at`, which moves behind it.
Result<ZipEntry> read_entry(const Bytes& file, int64_t& at, int64_t end) {
  if (end - at < kCentralHeaderSize || u32(file, at) != kCentralHeader) return damaged("an entry of its directory is missing", at);
  const int64_t name_size = u16(file, at + 28), extra_size = u16(file, at + 30), comment_size = u16(file, at + 32);
  if (name_size + extra_size + comment_size > end - at - kCentralHeaderSize) return damaged("an entry of its directory is cut off", at);
  ZipEntry entry;
  entry.name = file.slice(at + kCentralHeaderSize, name_size).text();
  entry.crc32 = u32(file, at + 16);
  entry.stored_size = u32(file, at + 20);
  entry.size = u32(file, at + 24);
  entry.header_offset = u32(file, at + 42);
  int64_t* const fields[] = {&entry.size, &entry.stored_size, &entry.header_offset};
  if (std::any_of(std::begin(fields), std::end(fields), [](const int64_t* field) { return *field == kIn64; }))
    TRY(read_extra64(file, at + kCentralHeaderSize + name_size, extra_size, fields));
  const uint16_t flags = u16(file, at + 8), method = u16(file, at + 10);
  const std::string place = "entry '" + entry.name + "'";
  if (flags & 1) return fail(Error{ErrorCode::kUnsupported, "the entry is encrypted", place, {}, "unpack it with its password first"});
  if (method != kStored && method != kDeflated)
    return fail(Error{ErrorCode::kUnsupported, "compression " + std::to_string(method), place, {}, "pack the archive again with plain zip"});
  entry.deflated = method == kDeflated;
  if (entry.size < 0 || entry.stored_size < 0 || entry.header_offset < 0 || entry.stored_size > file.size() ||
      (!entry.deflated && entry.size != entry.stored_size))
    return damaged("the sizes of '" + entry.name + "' cannot be", at);
  if (leads_out(entry.name)) return fail(Error{ErrorCode::kInvalidModel, "the name leads out of the archive", place, {}, {}});
  at += kCentralHeaderSize + name_size + extra_size + comment_size;
  return entry;
}

uint32_t checksum(const Bytes& data, uint32_t crc = 0) {
  for (int64_t at = 0; at < data.size(); at += kPiece) {
    const Bytes piece = data.slice(at, std::min(kPiece, data.size() - at));
    crc = static_cast<uint32_t>(::crc32(crc, reinterpret_cast<const Bytef*>(piece.data()), static_cast<uInt>(piece.size())));
    piece.release_pages();
  }
  return crc;
}

Result<Bytes> inflate_entry(const ZipEntry& entry, const Bytes& stored, const Limits& limits) {
  const int64_t most = std::min(limits.inflated_bytes, checked_mul(stored.size() + 1, limits.inflate_ratio).value_or(INT64_MAX));
  if (entry.size > most)
    return fail(ErrorCode::kLimitExceeded, "the entry of " + std::to_string(stored.size()) + " bytes unpacks to more than " + std::to_string(most));
  z_stream stream = {};
  if (inflateInit2(&stream, -15) != Z_OK) return fail(ErrorCode::kInternal, "zlib cannot be started");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);
  InflatedBytes result;
  std::vector<Bytef> buffer(1 << 18);
  int64_t at = 0, produced = 0;
  for (int status = Z_OK; status != Z_STREAM_END;) {
    if (stream.avail_in == 0) {
      const int64_t count = std::min(kPiece, stored.size() - at);
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(stored.data() + at));
      stream.avail_in = static_cast<uInt>(count);
      at += count;
    }
    stream.next_out = buffer.data();
    stream.avail_out = static_cast<uInt>(buffer.size());
    status = inflate(&stream, Z_NO_FLUSH);
    const auto count = static_cast<int64_t>(buffer.size() - stream.avail_out);
    if (count > entry.size - produced) return fail(ErrorCode::kMalformed, "the entry unpacks to more than its " + std::to_string(entry.size) + " bytes");
    produced += count;
    TRY(result.add(std::as_bytes(std::span(buffer.data(), static_cast<size_t>(count)))));
    if (status == Z_BUF_ERROR || (status == Z_OK && count == 0 && stream.avail_in == 0 && at == stored.size()))
      return fail(ErrorCode::kTruncated, "the compressed data ends too early");
    if (status != Z_OK && status != Z_STREAM_END) return fail(ErrorCode::kMalformed, "the compressed data is damaged");
  }
  if (produced != entry.size)
    return fail(ErrorCode::kMalformed, "the entry unpacks to " + std::to_string(produced) + " bytes, not " + std::to_string(entry.size));
  return std::move(result).finish();
}

template <class T>
void append(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

uint32_t low(int64_t value) { return value >= kIn64 ? kIn64 : static_cast<uint32_t>(value); }

// Version needed, flags (names are UTF-8), method, time and date: what both headers of an entry share.
void append_common(std::string& out, const ZipEntry& entry) {
  append<uint16_t>(out, 45);
  append<uint16_t>(out, 0x0800);
  append<uint16_t>(out, kStored);
  append<uint32_t>(out, 0x00210000);  // 1980-01-01 00:00
  append<uint32_t>(out, entry.crc32);
  append<uint32_t>(out, low(entry.stored_size));
  append<uint32_t>(out, low(entry.size));
  append<uint16_t>(out, static_cast<uint16_t>(entry.name.size()));
}

std::string extra64(std::initializer_list<int64_t> values) {
  std::string body;
  for (const int64_t value : values)
    if (value >= kIn64) append(body, value);
  if (body.empty()) return body;
  std::string extra;
  append<uint16_t>(extra, 1);
  append<uint16_t>(extra, static_cast<uint16_t>(body.size()));
  return extra + body;
}

}  // namespace

Result<ZipArchive> ZipArchive::open(const Bytes& file, const Limits& limits) {
  if (file.size() < kEndSize) return fail(ErrorCode::kTruncated, "no zip archive: it has " + std::to_string(file.size()) + " bytes");
  const Directory directory = TRY(find_directory(file));
  if (directory.entries > limits.nodes) return fail(ErrorCode::kLimitExceeded, "the zip archive has " + std::to_string(directory.entries) + " entries");
  ZipArchive archive;
  archive.file_ = file;
  std::set<std::string> names;
  int64_t at = directory.offset;
  for (int64_t i = 0; i < directory.entries; ++i) {
    archive.entries_.push_back(TRY(read_entry(file, at, directory.offset + directory.size)));
    const std::string& name = archive.entries_.back().name;
    if (!names.insert(name).second) return fail(ErrorCode::kInvalidModel, "the zip archive has two entries named '" + name + "'");
  }
  return archive;
}

const ZipEntry* ZipArchive::find(std::string_view name) const {
  const auto it = std::find_if(entries_.begin(), entries_.end(), [&](const ZipEntry& entry) { return entry.name == name; });
  return it == entries_.end() ? nullptr : &*it;
}

Result<Bytes> ZipArchive::read(const ZipEntry& entry, const Limits& limits) const {
  const int64_t header = entry.header_offset;
  const auto in_entry = [&](auto result) { return in_context(std::move(result), "reading the entry '" + entry.name + "'"); };
  if (header > file_.size() - kEntryHeaderSize || u32(file_, header) != kEntryHeader) return in_entry(Result<Bytes>(damaged("no entry begins here", header)));
  const int64_t begin = header + kEntryHeaderSize + u16(file_, header + 26) + u16(file_, header + 28);
  if (begin > file_.size() || entry.stored_size > file_.size() - begin)
    return in_entry(Result<Bytes>(damaged("the entry is cut off", header, ErrorCode::kTruncated)));
  const Bytes stored = file_.slice(begin, entry.stored_size);
  Bytes content = entry.deflated ? TRY(in_entry(inflate_entry(entry, stored, limits))) : stored;
  if (checksum(content) != entry.crc32) return in_entry(Result<Bytes>(fail(ErrorCode::kMalformed, "the checksum is wrong")));
  return content;
}

Result<void> ZipWriter::put(std::string_view bytes) {
  offset_ += static_cast<int64_t>(bytes.size());
  return sink_(std::as_bytes(std::span(bytes)));
}

Result<void> ZipWriter::add(std::string_view name, std::span<const Bytes> pieces) {
  if (name.size() > 65535) return fail(ErrorCode::kInvalidArgument, "a name of " + std::to_string(name.size()) + " bytes does not fit a zip archive");
  ZipEntry entry;
  entry.name = name;
  entry.header_offset = offset_;
  for (const Bytes& piece : pieces) {
    entry.size += piece.size();
    entry.crc32 = checksum(piece, entry.crc32);
  }
  entry.stored_size = entry.size;
  const std::string extra = extra64({entry.size, entry.stored_size});
  std::string header;
  append(header, kEntryHeader);
  append_common(header, entry);
  append<uint16_t>(header, static_cast<uint16_t>(extra.size()));
  TRY(put(header + entry.name + extra));
  for (const Bytes& piece : pieces) {
    TRY(sink_(piece.span()));
    offset_ += piece.size();
  }
  entries_.push_back(std::move(entry));
  return {};
}

Result<void> ZipWriter::finish() {
  const int64_t begin = offset_;
  for (const ZipEntry& entry : entries_) {
    const std::string extra = extra64({entry.size, entry.stored_size, entry.header_offset});
    std::string header;
    append(header, kCentralHeader);
    append<uint16_t>(header, 45);
    append_common(header, entry);
    append<uint16_t>(header, static_cast<uint16_t>(extra.size()));
    append<uint16_t>(header, 0);  // comment
    append<uint16_t>(header, 0);  // part
    append<uint16_t>(header, 0);  // internal attributes
    append<uint32_t>(header, 0);  // external attributes
    append<uint32_t>(header, low(entry.header_offset));
    TRY(put(header + entry.name + extra));
  }
  const auto count = static_cast<int64_t>(entries_.size());
  const int64_t size = offset_ - begin, end64 = offset_;
  std::string end;
  if (count >= 0xffff || size >= kIn64 || begin >= kIn64) {
    append(end, kEnd64);
    append<uint64_t>(end, kEnd64Size - 12);
    append<uint16_t>(end, 45);
    append<uint16_t>(end, 45);
    append<uint32_t>(end, 0);
    append<uint32_t>(end, 0);
    for (const int64_t value : {count, count, size, begin}) append(end, value);
    append(end, kLocator64);
    append<uint32_t>(end, 0);
    append(end, end64);
    append<uint32_t>(end, 1);
  }
  append(end, kEnd);
  append<uint32_t>(end, 0);
  for (int i = 0; i < 2; ++i) append<uint16_t>(end, static_cast<uint16_t>(std::min<int64_t>(count, 0xffff)));
  append<uint32_t>(end, low(size));
  append<uint32_t>(end, low(begin));
  append<uint16_t>(end, 0);
  return put(end);
}

}  // namespace isomer
