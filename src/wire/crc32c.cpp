#include "wire/crc32c.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <mutex>

#include "base/parallel.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace isomer {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are stored little endian and used in place");

// table[k][b]: what byte b does to the checksum when k zero bytes follow it.
constexpr auto kTables = [] {
  std::array<std::array<uint32_t, 256>, 8> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78U : 0);
    table[0][byte] = crc;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (size_t byte = 0; byte < 256; ++byte) table[k][byte] = (table[k - 1][byte] >> 8) ^ table[0][table[k - 1][byte] & 255];
  }
  return table;
}();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t crc32c_sse42(uint32_t crc, std::span<const std::byte> data) {
  uint64_t state = ~crc;
  const std::byte* at = data.data();
  size_t left = data.size();
  for (; left >= 8; at += 8, left -= 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    state = _mm_crc32_u64(state, word);
  }
  for (; left > 0; ++at, --left) state = _mm_crc32_u8(static_cast<uint32_t>(state), static_cast<uint8_t>(*at));
  return ~static_cast<uint32_t>(state);
}
#endif

// The product of two polynomials modulo that of the checksum.
uint32_t multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (uint32_t bit = 1U << 31; bit != 0; bit >>= 1) {
    if (a & bit) product ^= b;
    b = (b >> 1) ^ (b & 1 ? 0x82f63b78U : 0);
  }
  return product;
}

}  // namespace

uint32_t detail::crc32c_portable(uint32_t crc, std::span<const std::byte> data) {
  uint32_t state = ~crc;
  const std::byte* at = data.data();
  size_t left = data.size();
  for (; left >= 8; at += 8, left -= 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    word ^= state;
    state = 0;
    for (size_t i = 0; i < 8; ++i) state ^= kTables[7 - i][(word >> (8 * i)) & 255];
  }
  for (; left > 0; ++at, --left) state = (state >> 8) ^ kTables[0][(state ^ static_cast<uint32_t>(*at)) & 255];
  return ~state;
}

uint32_t crc32c_extend(uint32_t crc, std::span<const std::byte> data) {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2");
  if (has_instruction) return crc32c_sse42(crc, data);
#endif
  return detail::crc32c_portable(crc, data);
}

uint32_t crc32c_combine(uint32_t first, uint32_t second, int64_t second_size) {
  // What follows multiplies the polynomial of what came before by x^8 for each byte: powers by squaring.
  uint32_t power = 1U << 31, square = 1U << 23;  // 1 and x^8; the highest bit is the constant
  for (auto left = static_cast<uint64_t>(second_size); left != 0; left >>= 1) {
    if (left & 1) power = multiply(power, square);
    square = multiply(square, square);
  }
  return multiply(power, first) ^ second;
}

uint32_t crc32c_streaming(uint32_t crc, const Bytes& data) {
  constexpr int64_t kPiece = 1 << 20;
  struct Part {
    uint32_t crc = 0;
    int64_t size = 0;
  };
  std::mutex mutex;
  std::map<int64_t, Part> parts;                                                             // by where they begin
  (void)for_ranges(data.size(), kPiece, [&](int64_t first, int64_t count) -> Result<void> {  // nothing here fails
    Part part{0, count};
    for (int64_t at = 0; at < count; at += kPiece) {
      const Bytes piece = data.slice(first + at, std::min(kPiece, count - at));
      part.crc = crc32c_extend(part.crc, piece.span());
      piece.release_pages();
    }
    const std::lock_guard lock(mutex);
    parts[first] = part;
    return {};
  });
  for (const auto& [first, part] : parts) crc = crc32c_combine(crc, part.crc, part.size);
  return crc;
}

}  // namespace isomer
