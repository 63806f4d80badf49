// lookup3 (Bob Jenkins, 2006, public domain): a hash of 32 bits that is quick and spreads well; HDF5 uses it as a checksum.
//
// Three words are mixed with each twelve bytes; the last one to twelve bytes are mixed in by another, stronger permutation.
#include "wire/hdf5_file.h"

namespace isomer::hdf5 {
namespace {

uint32_t rotate(uint32_t value, int by) { return value << by | value >> (32 - by); }

struct State {
  uint32_t a, b, c;

  void mix() {
    a = (a - c) ^ rotate(c, 4), c += b;
    b = (b - a) ^ rotate(a, 6), a += c;
    c = (c - b) ^ rotate(b, 8), b += a;
    a = (a - c) ^ rotate(c, 16), c += b;
    b = (b - a) ^ rotate(a, 19), a += c;
    c = (c - b) ^ rotate(b, 4), b += a;
  }
  void finish() {
    c = (c ^ b) - rotate(b, 14);
    a = (a ^ c) - rotate(c, 11);
    b = (b ^ a) - rotate(a, 25);
    c = (c ^ b) - rotate(b, 16);
    a = (a ^ c) - rotate(c, 4);
    b = (b ^ a) - rotate(a, 14);
    c = (c ^ b) - rotate(b, 24);
  }
};

// A little-endian word; bytes past the end count as 0.
uint32_t word(std::span<const std::byte> data, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4 && at + i < data.size(); ++i) value |= static_cast<uint32_t>(data[at + i]) << (8 * i);
  return value;
}

}  // namespace

uint32_t lookup3(std::span<const std::byte> data) {
  const uint32_t start = 0xdeadbeef + static_cast<uint32_t>(data.size());
  State state{start, start, start};
  if (data.empty()) return state.c;
  while (true) {
    state.a += word(data, 0), state.b += word(data, 4), state.c += word(data, 8);
    if (data.size() <= 12) break;
    state.mix();
    data = data.subspan(12);
  }
  state.finish();
  return state.c;
}

}  // namespace isomer::hdf5
