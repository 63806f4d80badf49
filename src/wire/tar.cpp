#include "wire/tar.h"

#include <map>
#include <optional>

#include "base/checked.h"

namespace isomer {
namespace {

constexpr int64_t kBlock = 512;

std::unexpected<Error> fail_at(ErrorCode code, std::string message, int64_t offset) {
  return fail(Error{code, std::move(message), "byte " + std::to_string(offset), {}, {}});
}

std::string_view field(std::string_view header, size_t offset, size_t size) {
  const std::string_view text = header.substr(offset, size);
  return text.substr(0, text.find('\0'));
}

// Octal digits between spaces and NULs or, with the top bit set, a big-endian number (GNU, for large files).
std::optional<int64_t> number(std::string_view text) {
  uint64_t value = 0;
  if (!text.empty() && (static_cast<uint8_t>(text[0]) & 0x80)) {
    if (static_cast<uint8_t>(text[0]) != 0x80) return std::nullopt;  // negative or absurd
    for (const char c : text.substr(1)) {
      if (value >> 55) return std::nullopt;
      value = value << 8 | static_cast<uint8_t>(c);
    }
    return static_cast<int64_t>(value);
  }
  text = text.substr(0, text.find('\0'));
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  if (text.size() > 20) return std::nullopt;
  for (const char c : text) {
    if (c < '0' || c > '7') return std::nullopt;
    value = value << 3 | static_cast<uint64_t>(c - '0');
  }
  return static_cast<int64_t>(value);
}

bool checksum_is_right(std::string_view header) {
  int64_t as_unsigned = 8 * ' ', as_signed = 8 * ' ';  // some old writers summed signed characters
  for (size_t i = 0; i < header.size(); ++i) {
    if (i >= 148 && i < 156) continue;
    as_unsigned += static_cast<uint8_t>(header[i]);
    as_signed += static_cast<int8_t>(header[i]);
  }
  const auto stored = number(header.substr(148, 8));
  return stored && (*stored == as_unsigned || *stored == as_signed);
}

// The records "LENGTH KEY=VALUE\n" of a pax header that matter here.
struct PaxRecords {
  std::optional<std::string> path;
  std::optional<int64_t> size;
  bool sparse = false;
};

Result<PaxRecords> read_pax(std::string_view text, int64_t offset) {
  PaxRecords records;
  while (!text.empty()) {
    size_t length = 0, digits = 0;
    while (digits < text.size() && digits < 10 && text[digits] >= '0' && text[digits] <= '9') length = length * 10 + static_cast<size_t>(text[digits++] - '0');
    if (digits == 0 || digits >= text.size() || text[digits] != ' ' || length > text.size() || length < digits + 2 || text[length - 1] != '\n') {
      return fail_at(ErrorCode::kMalformed, "an extended header has a damaged record", offset);
    }
    const std::string_view record = text.substr(digits + 1, length - digits - 2);
    const size_t equals = record.find('=');
    if (equals == record.npos) return fail_at(ErrorCode::kMalformed, "an extended header has a record without '='", offset);
    const std::string_view key = record.substr(0, equals), value = record.substr(equals + 1);
    if (key == "path") records.path = std::string(value);
    if (key.starts_with("GNU.sparse.")) records.sparse = true;
    if (key == "size") {
      int64_t size = 0;
      for (const char c : value) {
        const auto shifted = c >= '0' && c <= '9' ? checked_mul(size, 10) : std::nullopt;
        const auto sum = shifted ? checked_add(*shifted, c - '0') : std::nullopt;
        if (!sum) return fail_at(ErrorCode::kMalformed, "an extended header has a damaged size", offset);
        size = *sum;
      }
      records.size = size;
    }
    text.remove_prefix(length);
  }
  return records;
}

// Without empty and "." parts; an error where the name leads out of the directory. Empty for the directory itself.
Result<std::string> normal_name(std::string_view name, int64_t offset) {
  if (name.starts_with('/') || name.find('\0') != name.npos) {
    return fail_at(ErrorCode::kInvalidModel, "the archive holds the absolute or damaged name \"" + std::string(name) + "\"", offset);
  }
  const std::string_view whole = name;
  std::string result;
  while (!name.empty()) {
    const size_t slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    name.remove_prefix(slash == name.npos ? name.size() : slash + 1);
    if (part == "..") {
      return fail_at(ErrorCode::kInvalidModel, "the archive holds the name \"" + std::string(whole) + "\", which leads out of its directory", offset);
    }
    if (part.empty() || part == ".") continue;
    if (!result.empty()) result += '/';
    result += part;
  }
  return result;
}

std::string name_in_header(std::string_view header) {
  std::string name(field(header, 0, 100));
  const std::string_view prefix = field(header, 345, 155);
  // GNU's own variant ("ustar  ") keeps times where the prefix is.
  if (header.substr(257, 6) == std::string_view("ustar\0", 6) && !prefix.empty()) name = std::string(prefix) + "/" + name;
  return name;
}

}  // namespace

bool looks_like_tar(const Bytes& file) {
  if (file.size() < kBlock) return false;
  const std::string_view header = file.text().substr(0, kBlock);
  return header[0] != '\0' && checksum_is_right(header);
}

Result<std::vector<TarEntry>> read_tar(const Bytes& archive, const Limits& limits) {
  std::vector<TarEntry> entries;
  std::map<std::string, size_t> places;
  PaxRecords next;  // what extension headers say about the file that follows
  int64_t at = 0;
  while (archive.size() - at >= kBlock) {
    const int64_t start = at;
    const std::string_view header = archive.text().substr(static_cast<size_t>(at), kBlock);
    at += kBlock;
    if (header.find_first_not_of('\0') == header.npos) continue;  // the end is two such blocks; joined archives go on after them
    if (!checksum_is_right(header)) return fail_at(ErrorCode::kMalformed, "the checksum of a header of the archive is wrong", start);
    const char type = header[156];
    const bool extension = type == 'x' || type == 'g' || type == 'L' || type == 'K';
    const auto size = !extension && next.size ? next.size : number(header.substr(124, 12));
    if (!size || *size < 0) return fail_at(ErrorCode::kMalformed, "a header of the archive has a damaged size", start);
    if (*size > archive.size() - at) {
      return fail_at(ErrorCode::kTruncated,
                     "a file of the archive has " + std::to_string(*size) + " bytes, of which " + std::to_string(archive.size() - at) + " are there", start);
    }
    const Bytes content = archive.slice(at, *size);
    const int64_t padded = (*size + kBlock - 1) / kBlock * kBlock;
    at += std::min(padded, archive.size() - at);
    if (type == 'x') next = TRY(read_pax(content.text(), start));
    if (type == 'L') next.path = std::string(content.text().substr(0, content.text().find('\0')));
    if (extension) continue;
    const PaxRecords extended = std::exchange(next, {});
    if (type == 'S' || extended.sparse) return fail_at(ErrorCode::kUnsupported, "the archive holds a sparse file", start);
    const std::string raw_name = extended.path ? *extended.path : name_in_header(header);
    const std::string name = TRY(normal_name(raw_name, start));
    const bool regular = (type == '0' || type == '\0' || type == '7') && !raw_name.ends_with('/');
    if (!regular || name.empty()) continue;
    const auto [place, is_new] = places.try_emplace(name, entries.size());
    if (is_new) {
      if (static_cast<int64_t>(entries.size()) >= limits.nodes) return fail(ErrorCode::kLimitExceeded, "the archive holds too many files");
      entries.push_back({name, content});
    } else {
      entries[place->second].content = content;
    }
  }
  return entries;
}

}  // namespace isomer
