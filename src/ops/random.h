// Attributes of the random ops. Two seeds of 0 mean: any seed (the run's own).
#pragma once

#include "ir/op_def.h"

namespace isomer::ops {

// RandomUniform, RandomStandardNormal and TruncatedNormal.
struct RandomAttributes {
  DType dtype = DType::kInvalid;
  int64_t seed = 0;
  int64_t seed2 = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("dtype", self.dtype);
    visit("seed", self.seed);
    visit("seed2", self.seed2);
  }
};

// RandomUniformInt, RandomShuffle and RandomGamma.
struct SeedAttributes {
  int64_t seed = 0;
  int64_t seed2 = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("seed", self.seed);
    visit("seed2", self.seed2);
  }
};

struct MultinomialAttributes {
  int64_t seed = 0;
  int64_t seed2 = 0;
  DType output_dtype = DType::kInt64;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("seed", self.seed);
    visit("seed2", self.seed2);
    visit("output_dtype", self.output_dtype);
  }
};

struct StatelessMultinomialAttributes {
  DType output_dtype = DType::kInt64;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("output_dtype", self.output_dtype);
  }
};

// StatelessRandomUniform and its kin.
struct StatelessRandomAttributes {
  DType dtype = DType::kFloat32;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("dtype", self.dtype);
  }
};

}  // namespace isomer::ops
