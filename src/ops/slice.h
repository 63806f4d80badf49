// Attributes of the slicing ops, and what a StridedSlice picks.
#pragma once

#include "ir/op_def.h"
#include "ops/partial_value.h"

namespace isomer::ops {

// Bit i of a mask speaks of entry i of begin, end and strides.
struct StridedSliceAttributes {
  int64_t begin_mask = 0;        // begin is ignored: the first element in the direction of the stride
  int64_t end_mask = 0;          // end is ignored: up to the last element
  int64_t ellipsis_mask = 0;     // all dimensions that no other entry speaks of
  int64_t new_axis_mask = 0;     // a new dimension of size 1
  int64_t shrink_axis_mask = 0;  // one element at begin; the dimension disappears
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("begin_mask", self.begin_mask);
    visit("end_mask", self.end_mask);
    visit("ellipsis_mask", self.ellipsis_mask);
    visit("new_axis_mask", self.new_axis_mask);
    visit("shrink_axis_mask", self.shrink_axis_mask);
  }
};

struct ReverseSequenceAttributes {
  int64_t seq_dim = 0;
  int64_t batch_dim = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("seq_dim", self.seq_dim);
    visit("batch_dim", self.batch_dim);
  }
};

// What a StridedSlice picks from a tensor: for each of its dimensions the first index, the step and the number of indices.
struct StridedSlicePlan {
  bool known = false;  // begin, strides and shape are complete
  std::vector<int64_t> begin;
  std::vector<int64_t> strides;
  Shape shape;
  PartialShape result;  // after shrunk dimensions disappeared and new ones came
};

// `input` has a known rank; begin, end and strides have one element for each entry. InvalidModel when the entries do not fit the input.
Result<StridedSlicePlan> plan_strided_slice(const PartialShape& input, const PartialElements& begin, const PartialElements& end, const PartialElements& strides,
                                            const StridedSliceAttributes& masks);

}  // namespace isomer::ops
