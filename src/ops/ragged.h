// Attributes of the ragged ops. A ragged tensor is its values and, for each ragged dimension, row splits: row i is values [splits[i], splits[i + 1]).
#pragma once

#include <string>
#include <vector>

#include "ir/op_def.h"

namespace isomer::ops {

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

}  // namespace isomer::ops
