// Variable-length integers, as protobuf and LevelDB's tables write them: seven bits a byte, low bits first.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace isomer {

// Reads at `at` (0 <= at <= data.size()) and moves past the number; nullopt, with `at` unchanged, when the data ends inside it or it passes 64 bits.
inline std::optional<uint64_t> read_varint(const Bytes& data, int64_t& at) {
  uint64_t value = 0;
  int64_t position = at;
  for (int shift = 0; shift < 70 && position < data.size(); shift += 7) {
    const auto byte = static_cast<uint64_t>(data.data()[position++]);
    if (shift == 63 && byte > 1) return std::nullopt;
    value |= (byte & 127) << shift;
    if (byte < 128) {
      at = position;
      return value;
    }
  }
  return std::nullopt;
}

// The same for a number that counts bytes of `data` after it: nullopt also when fewer are left.
inline std::optional<int64_t> read_length(const Bytes& data, int64_t& at) {
  int64_t position = at;
  const auto value = read_varint(data, position);
  if (!value || *value > static_cast<uint64_t>(data.size() - position)) return std::nullopt;
  at = position;
  return static_cast<int64_t>(*value);
}

inline void append_varint(std::string& out, uint64_t value) {
  for (; value >= 128; value >>= 7) out.push_back(static_cast<char>(value | 128));
  out.push_back(static_cast<char>(value));
}

// A little-endian number of T's size at `at`; the caller guarantees that it is there.
template <class T>
T read_little_endian(const Bytes& data, int64_t at) {
  T value;
  std::memcpy(&value, data.data() + at, sizeof(T));
  return value;
}

}  // namespace isomer
