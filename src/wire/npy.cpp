// The file: "\x93NUMPY", version (two bytes), length of the header (two bytes in version 1, four from 2 on), the header, the elements. The header
// is a Python dictionary {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }, filled up with spaces to a multiple of 64.
#include "wire/npy.h"

#include <optional>

#include "base/checked.h"
#include "wire/varint.h"

namespace isomer {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr int64_t kLongestHeader = 1 << 20;

// Reads the dictionary literal, nothing more of Python.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  Result<void> parse(NpyArray& array) {
    bool descr = false, order = false, shape = false;
    TRY(expect('{'));
    while (!accept('}')) {
      const std::string key = TRY(string());
      TRY(expect(':'));
      if (key == "descr" && !descr) {
        if (peek() == '[') return fail(ErrorCode::kUnsupported, "the array has structured elements, expected numbers");
        array.descr = TRY(string());
        descr = true;
      } else if (key == "fortran_order" && !order) {
        array.fortran_order = TRY(boolean());
        order = true;
      } else if (key == "shape" && !shape) {
        TRY(tuple(array.shape));
        shape = true;
      } else {
        return wrong("one each of descr, fortran_order and shape");
      }
      if (!accept(',') && peek() != '}') return wrong("',' or '}'");
    }
    if (!descr || !order || !shape) return wrong("descr, fortran_order and shape");
    return peek() == '\0' ? Result<void>() : wrong("the end of the header");
  }

 private:
  char peek() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  Result<void> expect(char c) { return accept(c) ? Result<void>() : wrong(std::string("'") + c + "'"); }
  std::unexpected<Error> wrong(const std::string& expected) const {
    return fail(
        Error{ErrorCode::kMalformed, "expected " + expected + " in the header of the array", "character " + std::to_string(at_) + " of the header", {}, {}});
  }
  Result<std::string> string() {
    const char quote = peek();
    const size_t end = quote == '\'' || quote == '"' ? text_.find(quote, at_ + 1) : text_.npos;
    if (end == text_.npos) return wrong("a quoted name");
    std::string value(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return value;
  }
  Result<bool> boolean() {
    peek();
    for (const auto& [word, value] : {std::pair<std::string_view, bool>{"False", false}, {"True", true}}) {
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return value;
    }
    return wrong("True or False");
  }
  Result<void> tuple(std::vector<int64_t>& values) {
    TRY(expect('('));
    while (!accept(')')) {
      if (peek() < '0' || peek() > '9') return wrong("a size");
      int64_t value = 0;
      for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
        const auto shifted = checked_mul(value, 10);
        const auto sum = shifted ? checked_add(*shifted, text_[at_] - '0') : std::nullopt;
        if (!sum) return wrong("a size below 2^63");
        value = *sum;
      }
      accept('L');  // Python 2 wrote long integers so
      values.push_back(value);
      if (!accept(',') && peek() != ')') return wrong("',' or ')'");
    }
    return {};
  }

  std::string_view text_;
  size_t at_ = 0;
};

// Bytes of one element; nullopt for what is no number.
std::optional<int64_t> item_size_of(std::string_view descr) {
  if (descr.size() < 3 || std::string_view("<>|=").find(descr[0]) == std::string_view::npos) return std::nullopt;
  const std::string_view type = descr.substr(1);
  for (const std::string_view known : {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"}) {
    if (type == known) return known == "c16" ? 16 : known[1] - '0';
  }
  return std::nullopt;
}

}  // namespace

Result<NpyArray> decode_npy(const Bytes& file, const Limits& limits) {
  if (!file.text().starts_with(kMagic)) return fail(ErrorCode::kMalformed, "not a .npy file: it does not begin with \\x93NUMPY");
  if (file.size() < 10) return fail(ErrorCode::kTruncated, "the .npy file ends before its header");
  const auto version = static_cast<int>(file.data()[6]);
  if (version < 1 || version > 3) return fail(ErrorCode::kUnsupported, ".npy version " + std::to_string(version) + ", expected 1 to 3");
  const int64_t start = version == 1 ? 10 : 12;
  if (file.size() < start) return fail(ErrorCode::kTruncated, "the .npy file ends before its header");
  const int64_t length = version == 1 ? read_little_endian<uint16_t>(file, 8) : read_little_endian<uint32_t>(file, 8);
  if (length > file.size() - start) return fail(ErrorCode::kTruncated, "the .npy file ends inside its header");
  if (length > kLongestHeader) return fail(ErrorCode::kLimitExceeded, "the header of the .npy file has " + std::to_string(length) + " bytes");

  NpyArray array;
  TRY(HeaderParser(file.text().substr(static_cast<size_t>(start), static_cast<size_t>(length))).parse(array));
  const auto item_size = item_size_of(array.descr);
  if (!item_size) {
    return fail(Error{ErrorCode::kUnsupported,
                      "the array has elements of type '" + array.descr + "', expected numbers or bools",
                      {},
                      {},
                      "save it with a numeric dtype (numpy: array.astype)"});
  }
  array.item_size = *item_size;
  if (static_cast<int64_t>(array.shape.size()) > limits.rank) return fail(ErrorCode::kLimitExceeded, "the array has too many dimensions");
  std::optional<int64_t> bytes = array.item_size;
  for (const int64_t size : array.shape) bytes = bytes ? checked_mul(*bytes, size) : std::nullopt;
  const int64_t found = file.size() - start - length;
  if (!bytes || *bytes != found) {
    return fail(bytes && *bytes < found ? ErrorCode::kMalformed : ErrorCode::kTruncated,
                "the elements take " + (bytes ? std::to_string(*bytes) : "more than 2^63") + " bytes, " + std::to_string(found) + " are there");
  }
  array.data = file.slice(start + length, found);
  return array;
}

std::string encode_npy_header(const std::string& descr, const std::vector<int64_t>& shape) {
  std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (";
  for (size_t i = 0; i < shape.size(); ++i) header += (i ? ", " : "") + std::to_string(shape[i]);
  header += shape.size() == 1 ? ",), }" : "), }";
  // NumPy leaves room for the first size to grow to 21 digits, and always at least one byte of padding.
  if (!shape.empty()) header.append(21 - std::to_string(shape[0]).size(), ' ');
  header.append(64 - (kMagic.size() + 4 + header.size() + 1) % 64, ' ');
  header += '\n';
  std::string file(kMagic);
  file += {'\1', '\0', static_cast<char>(header.size() & 255), static_cast<char>(header.size() >> 8)};
  return file + header;
}

}  // namespace isomer
