// Philox-4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3"), the generator behind TensorFlow's random ops, and the ways in
// which TensorFlow turns its words into numbers. The same key and counter give the same numbers as in TensorFlow.
#pragma once

#include <array>
#include <cstdint>

#include "tensor/tensor.h"

namespace isomer::ops {

class Philox {
 public:
  using Words = std::array<uint32_t, 4>;

  // The stream that TensorFlow makes of two seeds.
  Philox(uint64_t seed, uint64_t seed2) : counter_{0, 0, low(seed2), high(seed2)}, key_{low(seed), high(seed)} {}
  Philox(Words counter, std::array<uint32_t, 2> key) : counter_(counter), key_(key) {}

  // The next four words.
  Words next();
  // Leaves out this many times four words.
  void skip(uint64_t count);

  static uint32_t low(uint64_t value) { return static_cast<uint32_t>(value); }
  static uint32_t high(uint64_t value) { return static_cast<uint32_t>(value >> 32); }

 private:
  Words counter_;
  std::array<uint32_t, 2> key_;
};

// Hands out the words one at a time.
class PhiloxWords {
 public:
  explicit PhiloxWords(Philox generator) : generator_(generator) {}
  uint32_t next() {
    if (used_ == words_.size()) {
      words_ = generator_.next();
      used_ = 0;
    }
    return words_[used_++];
  }
  double next_double();  // [0, 1)

 private:
  Philox generator_;
  Philox::Words words_{};
  size_t used_ = 4;
};

// Fill a tensor of float32, float64, half or bfloat16.
void fill_uniform(Philox generator, MutableTensor& out);           // [0, 1)
void fill_normal(Philox generator, MutableTensor& out);            // mean 0, deviation 1
void fill_truncated_normal(Philox generator, MutableTensor& out);  // the same, nothing beyond two deviations
// Fills a tensor of integers with low + word modulo range. A range of 0 means all integers of the dtype.
void fill_integers(Philox generator, int64_t low, uint64_t range, MutableTensor& out);

}  // namespace isomer::ops
