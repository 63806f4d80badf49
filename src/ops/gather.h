// Attributes of the ops that gather, scatter and select by index.
#pragma once

#include <string>

#include "ir/op_def.h"

namespace isomer::ops {

// Gather, SparseToDense
struct ValidateIndicesAttributes {
  bool validate_indices = true;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("validate_indices", self.validate_indices);
  }
};

struct GatherV2Attributes {
  int64_t batch_dims = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("batch_dims", self.batch_dims);
  }
};

// GatherNd, ScatterNd, TensorScatterUpdate and its kin. "IGNORE" skips indices outside of the tensor; "", "DEFAULT" and "ERROR" refuse them.
struct BadIndicesAttributes {
  std::string bad_indices_policy;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("bad_indices_policy", self.bad_indices_policy);
  }
};

struct OneHotAttributes {
  int64_t axis = -1;  // of the result
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("axis", self.axis);
  }
};

struct DynamicPartitionAttributes {
  int64_t num_partitions = 0;  // results
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("num_partitions", self.num_partitions);
  }
};

}  // namespace isomer::ops
