// Attributes of the ragged ops. A ragged tensor is its values and, for each ragged dimension, row splits: row i is values [splits[i], splits[i + 1]).
#pragma once

#include <string>
#include <vector>

#include "ir/op_def.h"

namespace isomer::ops {

// The elements of a vector of row splits: from 0, ascending, up to the number of values. InvalidModel where it is something else.
Result<std::vector<int64_t>> row_splits(const Tensor& tensor, int64_t values);

struct RaggedRangeAttributes {
  DType Tsplits = DType::kInt64;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("Tsplits", self.Tsplits);
  }
};

struct RaggedGatherAttributes {
  int64_t OUTPUT_RAGGED_RANK = 0;  // results that are splits
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("OUTPUT_RAGGED_RANK", self.OUTPUT_RAGGED_RANK);
  }
};

struct RaggedTensorToTensorAttributes {
  std::vector<std::string> row_partition_types;  // of each partition: FIRST_DIM_SIZE, VALUE_ROWIDS or ROW_SPLITS
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("row_partition_types", self.row_partition_types);
  }
};

struct RaggedTensorToVariantAttributes {
  bool batched_input = false;  // a variant for each row, not one
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("batched_input", self.batched_input);
  }
};

struct RaggedTensorFromVariantAttributes {
  int64_t input_ragged_rank = -1;  // of what each variant holds; -1: what the output's rank leaves
  int64_t output_ragged_rank = 0;
  DType Tvalues = DType::kFloat32;
  DType Tsplits = DType::kInt64;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("input_ragged_rank", self.input_ragged_rank);
    visit("output_ragged_rank", self.output_ragged_rank);
    visit("Tvalues", self.Tvalues);
    visit("Tsplits", self.Tsplits);
  }
};

}  // namespace isomer::ops
