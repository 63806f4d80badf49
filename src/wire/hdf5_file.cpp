#include "wire/hdf5_file.h"

#include <algorithm>

#include "wire/hdf5.h"
#include "wire/hdf5_header.h"

namespace isomer {
namespace hdf5 {

std::unexpected<Error> fail_at(ErrorCode code, std::string message, int64_t offset) {
  return fail(Error{code, std::move(message), "byte " + std::to_string(offset), {}, {}});
}

Result<uint64_t> Cursor::bits(int64_t width) {
  if (width > left()) {
    return fail_at(ErrorCode::kTruncated, "expected a number of " + std::to_string(width) + " bytes, " + std::to_string(left()) + " are left", offset());
  }
  uint64_t value = 0;
  for (int64_t i = width - 1; i >= 0; --i) value = value << 8 | static_cast<uint8_t>(data_.data()[at_ + i]);
  at_ += width;
  return value;
}

Result<int64_t> Cursor::number(int64_t width) {
  const int64_t start = offset();
  const uint64_t value = TRY(bits(width));
  if (value > INT64_MAX) return fail_at(ErrorCode::kMalformed, "the number " + std::to_string(value) + " is larger than any size", start);
  return static_cast<int64_t>(value);
}

Result<int64_t> Cursor::address() {
  const int64_t start = offset();
  const uint64_t value = TRY(bits(offset_size_));
  if (value == UINT64_MAX >> (64 - 8 * offset_size_)) return kNowhere;
  if (value > INT64_MAX) return fail_at(ErrorCode::kMalformed, "the address " + std::to_string(value) + " lies outside of every file", start);
  return static_cast<int64_t>(value);
}

Result<Bytes> Cursor::take(int64_t count) {
  if (count > left()) {
    return fail_at(ErrorCode::kTruncated, "expected " + std::to_string(count) + " bytes, " + std::to_string(left()) + " are left", offset());
  }
  at_ += count;
  return data_.slice(at_ - count, count);
}

Result<std::string> Cursor::text() {
  const std::string_view rest = data_.text().substr(static_cast<size_t>(at_));
  const size_t end = rest.find('\0');
  if (end == rest.npos) return fail_at(ErrorCode::kMalformed, "a name has no end", offset());
  at_ += static_cast<int64_t>(end) + 1;
  return std::string(rest.substr(0, end));
}

Result<void> Cursor::skip(int64_t count) {
  TRY(take(count));
  return {};
}

Result<void> Cursor::align_to_8() { return skip((8 - at_ % 8) % 8); }

Result<void> Cursor::letters(std::string_view expected) {
  const int64_t start = offset();
  const Bytes found = TRY(take(static_cast<int64_t>(expected.size())));
  if (found.text() != expected) return fail_at(ErrorCode::kMalformed, "expected a structure that begins with " + std::string(expected), start);
  return {};
}

Result<void> Cursor::signature(std::string_view expected, int64_t version) {
  const int64_t start = offset();
  TRY(letters(expected));
  const int64_t its_version = TRY(number(1));
  if (its_version != version) {
    return fail_at(ErrorCode::kUnsupported,
                   std::string(expected) + " has version " + std::to_string(its_version) + ", only " + std::to_string(version) + " is known", start);
  }
  return {};
}

Result<void> Cursor::checksum(const char* what) {
  const uint32_t computed = lookup3(data_.span().subspan(0, static_cast<size_t>(at_)));
  const int64_t start = offset();
  const uint64_t stored = TRY(bits(4));
  if (stored != computed) return fail_at(ErrorCode::kMalformed, std::string("the checksum of ") + what + " is wrong: the file is damaged", start);
  return {};
}

Result<Cursor> File::at(int64_t address, const char* what) const {
  if (address < 0) return fail_at(ErrorCode::kMalformed, std::string("expected the address of ") + what + ", found none", base);
  if (address >= bytes.size()) {
    return fail_at(ErrorCode::kTruncated, std::string(what) + " lies past the end of the file, which has " + std::to_string(base + bytes.size()) + " bytes",
                   offset_of(std::min(address, INT64_MAX - base)));
  }
  return cursor(bytes.slice(address, bytes.size() - address), offset_of(address));
}

Result<Cursor> File::at(int64_t address, int64_t size, const char* what) const { return cursor(TRY(range(address, size, what)), offset_of(address)); }

Result<Bytes> File::range(int64_t address, int64_t size, const char* what) const {
  Cursor rest = TRY(at(address, what));
  if (size < 0 || size > rest.left()) {
    return fail_at(ErrorCode::kTruncated, std::string(what) + " has " + std::to_string(size) + " bytes, of which " + std::to_string(rest.left()) + " are there",
                   offset_of(address));
  }
  return rest.take(size);
}

Result<void> Visited::enter(int64_t address) {
  if (!seen_.insert(address).second) {
    return fail_at(ErrorCode::kMalformed, std::string(what_) + " leads back to itself", file_.offset_of(address < 0 ? 0 : address));
  }
  if (static_cast<int64_t>(seen_.size()) > file_.limits.nodes) {
    return fail(ErrorCode::kLimitExceeded, std::string(what_) + " has more than " + std::to_string(file_.limits.nodes) + " parts");
  }
  return {};
}

namespace {

constexpr std::string_view kSignature("\x89HDF\r\n\x1a\n", 8);

// The superblock lies at the file's start or after a user block of 512, 1024, 2048... bytes.
int64_t find_superblock(const Bytes& file) {
  for (int64_t at = 0; file.size() - at >= 8; at = at == 0 ? 512 : at * 2) {
    if (file.text().substr(static_cast<size_t>(at), 8) == kSignature) return at;
    if (at > INT64_MAX / 2) break;
  }
  return -1;
}

Result<void> read_widths(Cursor& cursor, File& file) {
  const int64_t start = cursor.offset();
  file.offset_size = static_cast<int>(TRY(cursor.number(1)));
  file.length_size = static_cast<int>(TRY(cursor.number(1)));
  for (const int width : {file.offset_size, file.length_size}) {
    if (width == 2 || width == 4 || width == 8) continue;
    return fail_at(ErrorCode::kUnsupported, "addresses and sizes have 2, 4 or 8 bytes, here " + std::to_string(width), start);
  }
  return {};
}

// A file may be longer than its superblock says, not shorter. The end counts from the start of the file, a user block included.
Result<void> check_end(const File& file, int64_t end) {
  if (end <= file.base + file.bytes.size()) return {};
  return fail_at(ErrorCode::kTruncated, "the file has " + std::to_string(file.base + file.bytes.size()) + " bytes of " + std::to_string(end),
                 file.base + file.bytes.size());
}

Result<void> read_old_superblock(Cursor start, int64_t version, File& file) {
  TRY(start.skip(8 + 1 + 4));
  TRY(read_widths(start, file));
  Cursor cursor = TRY(file.at(start.at(), "the superblock"));
  TRY(cursor.skip(1 + 2 + 2 + 4 + (version == 1 ? 4 : 0)));
  TRY(cursor.address());  // the base address; what counts is where the superblock was found
  TRY(cursor.address());  // free space
  TRY(check_end(file, TRY(cursor.address())));
  TRY(cursor.address());  // driver information
  TRY(cursor.skip(file.offset_size));
  file.root = TRY(cursor.address());
  return {};
}

Result<void> read_new_superblock(Cursor start, File& file) {
  TRY(start.skip(8 + 1));
  TRY(read_widths(start, file));
  Cursor cursor = TRY(file.at(0, "the superblock"));
  TRY(cursor.skip(8 + 1 + 2 + 1));
  TRY(cursor.address());
  TRY(cursor.address());  // superblock extension
  const int64_t end = TRY(cursor.address());
  file.root = TRY(cursor.address());
  TRY(cursor.checksum("the superblock"));
  return check_end(file, end);
}

}  // namespace
}  // namespace hdf5

bool looks_like_hdf5(const Bytes& file) { return hdf5::find_superblock(file) >= 0; }

Result<Hdf5File> Hdf5File::open(Bytes bytes, const Limits& limits) {
  const int64_t base = hdf5::find_superblock(bytes);
  if (base < 0) return fail(ErrorCode::kMalformed, "not an HDF5 file: its signature is missing");
  Hdf5File result;
  result.file_ = std::make_shared<hdf5::File>();
  hdf5::File& file = *result.file_;
  file.base = base;
  file.bytes = bytes.slice(base, bytes.size() - base);
  file.limits = limits;
  const hdf5::Cursor start = file.cursor(file.bytes, base);
  hdf5::Cursor version_at = start;
  TRY(version_at.skip(8));
  const int64_t version = TRY(version_at.number(1));
  if (version > 3) return hdf5::fail_at(ErrorCode::kUnsupported, "the superblock has version " + std::to_string(version) + ", known are 0 to 3", base);
  if (version < 2) {
    TRY(hdf5::read_old_superblock(start, version, file));
  } else {
    TRY(hdf5::read_new_superblock(start, file));
  }
  return result;
}

Result<Hdf5Object> Hdf5File::root() const { return in_context(Hdf5Object::at(file_, file_->root), "reading the root group"); }

}  // namespace isomer
