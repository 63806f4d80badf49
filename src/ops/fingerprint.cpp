// Three published hash functions, written from their descriptions.
//
// FarmHash's Fingerprint64 treats four lengths differently: up to 16, 32 and 64 bytes it mixes words from both ends of the text; beyond that it runs over
// blocks of 64 bytes with a state of seven words, and takes the last 64 bytes (which may overlap the last block) with another multiplier.
// SipHash-2-4 (Aumasson and Bernstein) runs two rounds for each word and four at the end. MurmurHash64A (Appleby) multiplies and shifts word by word.
// All words are little endian.
#include "ops/fingerprint.h"

#include <bit>
#include <cstring>
#include <utility>

namespace isomer::ops {
namespace {

constexpr uint64_t kPrime0 = 0xc3a5c85c97cb3127, kPrime1 = 0xb492b66fbe98f273, kPrime2 = 0x9ae16a3b2f90404f;

uint64_t word(const char* at) {
  uint64_t value;
  std::memcpy(&value, at, 8);
  return value;
}
uint64_t half_word(const char* at) {
  uint32_t value;
  std::memcpy(&value, at, 4);
  return value;
}
uint64_t byte(const char* at) { return static_cast<unsigned char>(*at); }

uint64_t folded(uint64_t value) { return value ^ (value >> 47); }

// Two words into one.
uint64_t combine(uint64_t u, uint64_t v, uint64_t multiplier) {
  const uint64_t a = folded((u ^ v) * multiplier);
  return folded((v ^ a) * multiplier) * multiplier;
}

uint64_t up_to_16(const char* s, uint64_t n) {
  const uint64_t multiplier = kPrime2 + 2 * n;
  if (n >= 8) {
    const uint64_t a = word(s) + kPrime2, b = word(s + n - 8);
    return combine(std::rotr(b, 37) * multiplier + a, (std::rotr(a, 25) + b) * multiplier, multiplier);
  }
  if (n >= 4) return combine(n + (half_word(s) << 3), half_word(s + n - 4), multiplier);
  if (n == 0) return kPrime2;
  const uint64_t y = byte(s) + (byte(s + n / 2) << 8), z = n + (byte(s + n - 1) << 2);
  return folded(y * kPrime2 ^ z * kPrime0) * kPrime2;
}

uint64_t up_to_32(const char* s, uint64_t n) {
  const uint64_t multiplier = kPrime2 + 2 * n;
  const uint64_t a = word(s) * kPrime1, b = word(s + 8), c = word(s + n - 8) * multiplier, d = word(s + n - 16) * kPrime2;
  return combine(std::rotr(a + b, 43) + std::rotr(c, 30) + d, a + std::rotr(b + kPrime2, 18) + c, multiplier);
}

uint64_t up_to_64(const char* s, uint64_t n) {
  const uint64_t multiplier = kPrime2 + 2 * n;
  const uint64_t a = word(s) * kPrime2, b = word(s + 8), c = word(s + n - 8) * multiplier, d = word(s + n - 16) * kPrime2;
  const uint64_t y = std::rotr(a + b, 43) + std::rotr(c, 30) + d;
  const uint64_t z = combine(y, a + std::rotr(b + kPrime2, 18) + c, multiplier);
  const uint64_t e = word(s + 16) * multiplier, f = word(s + 24);
  const uint64_t g = (y + word(s + n - 32)) * multiplier, h = (z + word(s + n - 24)) * multiplier;
  return combine(std::rotr(e + f, 43) + std::rotr(g, 30) + h, e + std::rotr(f + a, 18) + g, multiplier);
}

// The state of the hash of long texts.
struct LongState {
  uint64_t x, y, z;
  std::pair<uint64_t, uint64_t> v{0, 0}, w{0, 0};

  static std::pair<uint64_t, uint64_t> mixed(const char* s, uint64_t a, uint64_t b) {
    a += word(s);
    b = std::rotr(b + a + word(s + 24), 21);
    const uint64_t c = a;
    a += word(s + 8) + word(s + 16);
    b += std::rotr(a, 44);
    return {a + word(s + 24), b + c};
  }

  // 64 bytes; the last block has another multiplier and weighs two terms nine times.
  void take(const char* s, uint64_t multiplier, uint64_t weight) {
    x = std::rotr(x + y + v.first + word(s + 8), 37) * multiplier;
    y = std::rotr(y + v.second + word(s + 48), 42) * multiplier;
    x ^= w.second * weight;
    y += v.first * weight + word(s + 40);
    z = std::rotr(z + w.first, 33) * multiplier;
    v = mixed(s, v.second * multiplier, x + w.first);
    w = mixed(s + 32, z + w.second, y + word(s + 16));
    std::swap(x, z);
  }
};

uint64_t beyond_64(const char* s, uint64_t n) {
  constexpr uint64_t kSeed = 81;
  LongState state;
  state.y = kSeed * kPrime1 + 113;
  state.z = folded(state.y * kPrime2 + 113) * kPrime2;
  state.x = kSeed * kPrime2 + word(s);
  const uint64_t left = (n - 1) & 63;
  const char* end = s + (n - 1) / 64 * 64;
  const char* last = end + left - 63;
  for (; s != end; s += 64) state.take(s, kPrime1, 1);
  const uint64_t multiplier = kPrime1 + ((state.z & 0xff) << 1);
  state.w.first += left;
  state.v.first += state.w.first;
  state.w.first += state.v.first;
  state.take(last, multiplier, 9);
  return combine(combine(state.v.first, state.w.first, multiplier) + folded(state.y) * kPrime0 + state.z,
                 combine(state.v.second, state.w.second, multiplier) + state.x, multiplier);
}

// The last bytes of a text (fewer than eight) as one word.
uint64_t tail(const char* s, size_t n) {
  uint64_t value = 0;
  std::memcpy(&value, s, n);
  return value;
}

}  // namespace

uint64_t fingerprint64(std::string_view text) {
  const auto n = static_cast<uint64_t>(text.size());
  if (n <= 16) return up_to_16(text.data(), n);
  if (n <= 32) return up_to_32(text.data(), n);
  if (n <= 64) return up_to_64(text.data(), n);
  return beyond_64(text.data(), n);
}

uint64_t siphash(std::string_view text, uint64_t key0, uint64_t key1) {
  uint64_t v0 = key0 ^ 0x736f6d6570736575, v1 = key1 ^ 0x646f72616e646f6d, v2 = key0 ^ 0x6c7967656e657261, v3 = key1 ^ 0x7465646279746573;
  const auto rounds = [&](int count) {
    for (int i = 0; i < count; ++i) {
      v0 += v1;
      v2 += v3;
      v1 = std::rotl(v1, 13) ^ v0;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 = std::rotl(v0, 32);
      v2 += v1;
      v0 += v3;
      v1 = std::rotl(v1, 17) ^ v2;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 = std::rotl(v2, 32);
    }
  };
  const auto take = [&](uint64_t m) {
    v3 ^= m;
    rounds(2);
    v0 ^= m;
  };
  const size_t whole = text.size() / 8 * 8;
  for (size_t i = 0; i < whole; i += 8) take(word(text.data() + i));
  take(tail(text.data() + whole, text.size() - whole) | static_cast<uint64_t>(text.size()) << 56);
  v2 ^= 0xff;
  rounds(4);
  return v0 ^ v1 ^ v2 ^ v3;
}

uint64_t murmur_hash64(std::string_view text, uint64_t seed) {
  constexpr uint64_t kMultiplier = 0xc6a4a7935bd1e995;
  uint64_t hash = seed ^ text.size() * kMultiplier;
  const size_t whole = text.size() / 8 * 8;
  for (size_t i = 0; i < whole; i += 8) {
    const uint64_t k = word(text.data() + i) * kMultiplier;
    hash = (hash ^ folded(k) * kMultiplier) * kMultiplier;
  }
  if (whole < text.size()) hash = (hash ^ tail(text.data() + whole, text.size() - whole)) * kMultiplier;
  return folded(folded(hash) * kMultiplier);
}

}  // namespace isomer::ops
