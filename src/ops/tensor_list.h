// Attributes of the ops on tensor lists, and how kernels take a list as an input.
#pragma once

#include "ir/eval_context.h"
#include "ir/op_def.h"

namespace isomer::ops {

struct TensorListAttributes {
  DType element_dtype = DType::kInvalid;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("element_dtype", self.element_dtype);
  }
};

// Ops whose inputs tell everything but the dtype of a shape that they return.
struct TensorListElementShapeAttributes {
  DType shape_type = DType::kInt32;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("shape_type", self.shape_type);
  }
};

struct TensorListStackAttributes {
  DType element_dtype = DType::kInvalid;
  int64_t num_elements = -1;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("element_dtype", self.element_dtype);
    visit("num_elements", self.num_elements);
  }
};

struct TensorListSetItemAttributes {
  bool resize_if_index_out_of_bounds = false;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("resize_if_index_out_of_bounds", self.resize_if_index_out_of_bounds);
  }
};

struct TensorListConcatAttributes {
  DType element_dtype = DType::kInvalid;
  PartialShape element_shape;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("element_dtype", self.element_dtype);
    visit("element_shape", self.element_shape);
  }
};

}  // namespace isomer::ops
