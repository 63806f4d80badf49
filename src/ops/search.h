// Attributes of the ops that sort, search and count.
#pragma once

#include <vector>

#include "ir/op_def.h"

namespace isomer::ops {

struct TopKAttributes {
  int64_t k = 0;
  bool sorted = true;  // false leaves the order open; Isomer sorts all the same
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("k", self.k);
    visit("sorted", self.sorted);
  }
};

struct TopKV2Attributes {
  bool sorted = true;
  DType index_type = DType::kInt32;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("sorted", self.sorted);
    visit("index_type", self.index_type);
  }
};

struct InTopKAttributes {
  int64_t k = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("k", self.k);
  }
};

// LowerBound, UpperBound
struct BoundAttributes {
  DType out_type = DType::kInt32;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("out_type", self.out_type);
  }
};

struct BucketizeAttributes {
  std::vector<float> boundaries;  // ascending
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("boundaries", self.boundaries);
  }
};

// Unique, UniqueV2, UniqueWithCounts, UniqueWithCountsV2, ListDiff
struct UniqueAttributes {
  DType out_idx = DType::kInt32;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("out_idx", self.out_idx);
  }
};

struct DenseBincountAttributes {
  bool binary_output = false;  // 1 for every number that occurs, however often
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("binary_output", self.binary_output);
  }
};

struct HistogramFixedWidthAttributes {
  DType dtype = DType::kInt32;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("dtype", self.dtype);
  }
};

}  // namespace isomer::ops
