#include "wire/crc32c.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

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

uint32_t crc32c_streaming(uint32_t crc, const Bytes& data) {
  constexpr int64_t kPiece = 4 << 20;
  for (int64_t at = 0; at < data.size(); at += kPiece) {
    const Bytes piece = data.slice(at, std::min(kPiece, data.size() - at));
    crc = crc32c_extend(crc, piece.span());
    piece.release_pages();
  }
  return crc;
}

}  // namespace isomer
