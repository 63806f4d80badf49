// Attributes of the ops that cross features. How many operands there are of each kind stands in the attributes.
#pragma once

#include <string>
#include <vector>

#include "ir/op_def.h"

namespace isomer::ops {

struct SparseCrossAttributes {
  int64_t N = 0;               // sparse columns
  bool hashed_output = false;  // said by out_type too, which counts
  int64_t num_buckets = 0;     // 0: as many as there are numbers
  int64_t hash_key = 0;
  std::vector<DType> sparse_types, dense_types;
  DType out_type = DType::kInt64;       // int64: hashes; string: joined by "_X_"
  DType internal_type = DType::kInt64;  // how TensorFlow holds the features on the way
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("N", self.N);
    visit("hashed_output", self.hashed_output);
    visit("num_buckets", self.num_buckets);
    visit("hash_key", self.hash_key);
    visit("sparse_types", self.sparse_types);
    visit("dense_types", self.dense_types);
    visit("out_type", self.out_type);
    visit("internal_type", self.internal_type);
  }
};

// SparseCrossV2 and SparseCrossHashed.
struct SparseCrossV2Attributes {
  int64_t N = 0;
  std::vector<DType> sparse_types, dense_types;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("N", self.N);
    visit("sparse_types", self.sparse_types);
    visit("dense_types", self.dense_types);
  }
};

struct RaggedCrossAttributes {
  std::vector<DType> ragged_values_types, ragged_splits_types;
  int64_t Nsparse = 0;
  std::vector<DType> sparse_values_types, dense_types;
  std::string input_order;  // a letter for each column: R, S or D
  bool hashed_output = false;
  int64_t num_buckets = 0;
  int64_t hash_key = 0;
  DType out_values_type = DType::kInt64;
  DType out_row_splits_type = DType::kInt64;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("ragged_values_types", self.ragged_values_types);
    visit("ragged_splits_types", self.ragged_splits_types);
    visit("Nsparse", self.Nsparse);
    visit("sparse_values_types", self.sparse_values_types);
    visit("dense_types", self.dense_types);
    visit("input_order", self.input_order);
    visit("hashed_output", self.hashed_output);
    visit("num_buckets", self.num_buckets);
    visit("hash_key", self.hash_key);
    visit("out_values_type", self.out_values_type);
    visit("out_row_splits_type", self.out_row_splits_type);
  }
};

}  // namespace isomer::ops
