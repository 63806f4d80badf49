#include "ops/philox.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

namespace isomer::ops {
namespace {

// Numbers of [0, 1) from the low bits of words, by way of [1, 2).
float unit_float(uint32_t word) { return std::bit_cast<float>((word & 0x7fffff) | 127u << 23) - 1.0f; }
double unit_double(uint32_t upper, uint32_t lower) {
  return std::bit_cast<double>(static_cast<uint64_t>(upper & 0xfffff) << 32 | lower | uint64_t{1023} << 52) - 1.0;
}

// Two normal numbers from two uniform ones (Box and Muller). Float arithmetic where the result is a float, so that roundings fall where TensorFlow's do.
std::array<double, 2> box_muller_float(uint32_t x0, uint32_t x1) {
  const float u = std::max(unit_float(x0), 1.0e-7f);
  const auto angle = static_cast<float>(2 * std::numbers::pi) * unit_float(x1);
  const auto radius = static_cast<float>(std::sqrt(-2.0 * std::log(static_cast<double>(u))));
  return {static_cast<float>(std::sin(static_cast<double>(angle))) * radius, static_cast<float>(std::cos(static_cast<double>(angle))) * radius};
}
std::array<double, 2> box_muller_double(uint32_t x0, uint32_t x1, uint32_t x2, uint32_t x3) {
  const double u = std::max(unit_double(x0, x1), 1.0e-7), angle = 2 * std::numbers::pi * unit_double(x2, x3), radius = std::sqrt(-2.0 * std::log(u));
  return {std::sin(angle) * radius, std::cos(angle) * radius};
}

// Calls f(words) for each group of numbers that one step of the generator gives; f returns them.
template <class F>
void fill_groups(MutableTensor& out, int64_t group, F f) {
  const int64_t elements = out.elements();
  for (int64_t first = 0; first < elements; first += group) {
    const std::array<double, 4> values = f();
    store_doubles(out, first, std::span(values).first(static_cast<size_t>(std::min(group, elements - first))));
  }
}

int64_t group_size(DType dtype) { return dtype == DType::kFloat64 ? 2 : 4; }

}  // namespace

Philox::Words Philox::next() {
  Words c = counter_;
  auto key = key_;
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * c[0], b = uint64_t{0xCD9E8D57} * c[2];
    c = {high(b) ^ c[1] ^ key[0], low(b), high(a) ^ c[3] ^ key[1], low(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  skip(1);
  return c;
}

void Philox::skip(uint64_t count) {
  const auto add = [&](size_t at, uint64_t value) {
    const uint64_t before = static_cast<uint64_t>(counter_[at + 1]) << 32 | counter_[at], after = before + value;
    counter_[at] = low(after);
    counter_[at + 1] = high(after);
    return after < before;
  };
  if (add(0, count)) add(2, 1);
}

double PhiloxWords::next_double() {
  const uint32_t upper = next();
  return unit_double(upper, next());
}

void fill_uniform(Philox generator, MutableTensor& out) {
  fill_groups(out, group_size(out.dtype()), [&]() -> std::array<double, 4> {
    const Philox::Words w = generator.next();
    switch (out.dtype()) {
      case DType::kFloat64: return {unit_double(w[0], w[1]), unit_double(w[2], w[3])};
      // 10 and 7 bits of mantissa.
      case DType::kHalf: return {(w[0] & 0x3ff) / 1024.0, (w[1] & 0x3ff) / 1024.0, (w[2] & 0x3ff) / 1024.0, (w[3] & 0x3ff) / 1024.0};
      case DType::kBfloat16: return {(w[0] & 0x7f) / 128.0, (w[1] & 0x7f) / 128.0, (w[2] & 0x7f) / 128.0, (w[3] & 0x7f) / 128.0};
      default: return {unit_float(w[0]), unit_float(w[1]), unit_float(w[2]), unit_float(w[3])};
    }
  });
}

void fill_normal(Philox generator, MutableTensor& out) {
  fill_groups(out, group_size(out.dtype()), [&]() -> std::array<double, 4> {
    const Philox::Words w = generator.next();
    const auto a = out.dtype() == DType::kFloat64 ? box_muller_double(w[0], w[1], w[2], w[3]) : box_muller_float(w[0], w[1]);
    const auto b = box_muller_float(w[2], w[3]);
    return {a[0], a[1], b[0], b[1]};
  });
}

void fill_truncated_normal(Philox generator, MutableTensor& out) {
  // Every group of numbers has a stretch of the stream of its own, because nobody knows how many words it takes.
  constexpr uint64_t kStretchForEach = 64;
  constexpr double kBound = 2;
  const auto group = static_cast<size_t>(group_size(out.dtype()));
  fill_groups(out, group_size(out.dtype()), [&] {
    PhiloxWords words(generator);
    generator.skip(group * kStretchForEach);
    std::array<double, 4> values{};
    for (size_t count = 0; count < group;) {
      const uint32_t x0 = words.next(), x1 = words.next();
      std::array<double, 2> pair;
      if (out.dtype() == DType::kFloat64) {
        const uint32_t x2 = words.next(), x3 = words.next();
        pair = box_muller_double(x0, x1, x2, x3);
      } else {
        pair = box_muller_float(x0, x1);
      }
      for (const double value : pair)
        if (std::abs(value) < kBound && count < group) values[count++] = value;
    }
    return values;
  });
}

void fill_integers(Philox generator, int64_t low, uint64_t range, MutableTensor& out) {
  const bool wide = element_size(out.dtype()) == 8;
  PhiloxWords words(generator);
  for (int64_t i = 0; i < out.elements(); ++i) {
    uint64_t value = words.next();
    if (wide) value |= static_cast<uint64_t>(words.next()) << 32;
    if (range != 0) value %= range;
    const auto result = static_cast<int64_t>(static_cast<uint64_t>(low) + value);
    store_int64s(out, i, {&result, 1});
  }
}

}  // namespace isomer::ops
