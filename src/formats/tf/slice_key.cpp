// Names of the parts of partitioned variables.
//
// A part's key is a byte string that sorts like (0, name, rank, start and length of each dimension):
//
//   unsigned number   how many bytes follow, then the number, big endian, without leading zeros
//   string            its bytes, with 00 written as 00 ff and ff as ff 00, then 00 01
//   signed number     n bytes for at most 7n-1 bits: n ones, a zero, then the number in two's complement; for negative numbers the leading ones
//                     and the zero are inverted, so that they sort first
//
// A dimension that is taken whole without a length being stated has start 0 and length -1.
#include <algorithm>
#include <bit>
#include <charconv>

#include "formats/tf/tensor_bundle.h"

namespace isomer::tf {
namespace {

void append_unsigned(std::string& out, uint64_t value) {
  const int bytes = (std::bit_width(value) + 7) / 8;
  out.push_back(static_cast<char>(bytes));
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
}

void append_string(std::string& out, std::string_view text) {
  for (const char c : text) {
    out.push_back(c);
    if (c == '\0') out.push_back('\xff');
    if (c == '\xff') out.push_back('\0');
  }
  out += {'\0', '\1'};
}

void append_signed(std::string& out, int64_t value) {
  const uint64_t magnitude = static_cast<uint64_t>(value < 0 ? ~value : value);
  const int bytes = std::bit_width(magnitude) / 7 + 1;
  // Ten bytes of sign and number, of which the last `bytes` are written, with the leading ones (inverted for negative numbers) laid over them.
  char text[10];
  std::fill_n(text, 2, value < 0 ? '\xff' : '\0');
  for (int i = 0; i < 8; ++i) text[2 + i] = static_cast<char>(static_cast<uint64_t>(value) >> (56 - 8 * i));
  char* begin = text + 10 - bytes;
  const auto ones = static_cast<uint16_t>(0xffff0000U >> bytes);
  begin[0] = static_cast<char>(begin[0] ^ (ones >> 8));
  if (bytes > 1) begin[1] = static_cast<char>(begin[1] ^ (ones & 255));
  out.append(begin, static_cast<size_t>(bytes));
}

std::optional<int64_t> parse_number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::string_view take_until(std::string_view& text, char separator) {
  const size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  return part;
}

}  // namespace

std::string encode_slice_key(std::string_view name, const std::vector<int64_t>& start, const std::vector<int64_t>& length) {
  std::string key;
  append_unsigned(key, 0);
  append_string(key, name);
  append_unsigned(key, start.size());
  for (size_t i = 0; i < start.size(); ++i) {
    append_signed(key, start[i]);
    append_signed(key, length[i]);
  }
  return key;
}

Result<TensorRegion> parse_shape_and_slice(std::string_view text, const Shape& shape) {
  const auto wrong = [&](const std::string& why) {
    return fail(Error{ErrorCode::kInvalidModel,
                      "\"" + std::string(text) + "\" is no slice of a tensor of shape " + to_string(shape) + ": " + why,
                      {},
                      {},
                      "RestoreV2 takes sizes, then start,length or - for each dimension: \"8 4 2,3:-\""});
  };
  const size_t last_space = text.rfind(' ');
  if (last_space == text.npos) return wrong("no sizes");
  std::string_view sizes = text.substr(0, last_space), extents = text.substr(last_space + 1);
  Shape stated;
  while (!sizes.empty()) {
    const auto size = parse_number(take_until(sizes, ' '));
    if (!size) return wrong("a size is no number");
    stated.push_back(*size);
  }
  if (stated != shape) return wrong("the sizes differ");
  TensorRegion region;
  for (const int64_t full : shape) {
    std::string_view extent = take_until(extents, ':');
    const bool whole = extent == "-";
    const auto start = whole ? 0 : parse_number(take_until(extent, ','));
    const auto size = whole ? full : parse_number(extent);
    if (!start || !size) return wrong("a dimension has no start,length");
    if (*start > full || *size > full - *start) return wrong("it passes the end of a dimension");
    region.start.push_back(*start);
    region.size.push_back(*size);
  }
  if (!extents.empty()) return wrong("too many dimensions");
  return region;
}

}  // namespace isomer::tf
