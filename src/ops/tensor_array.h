// Attributes of the ops on tensor arrays.
#pragma once

#include "ir/op_def.h"

namespace isomer::ops {

struct TensorArrayAttributes {
  DType dtype = DType::kInvalid;
  PartialShape element_shape;
  bool dynamic_size = false;
  bool clear_after_read = true;
  bool identical_element_shapes = false;
  std::string tensor_array_name;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("dtype", self.dtype);
    visit("element_shape", self.element_shape);
    visit("dynamic_size", self.dynamic_size);
    visit("clear_after_read", self.clear_after_read);
    visit("identical_element_shapes", self.identical_element_shapes);
    visit("tensor_array_name", self.tensor_array_name);
  }
};

struct TensorArrayReadAttributes {
  DType dtype = DType::kInvalid;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("dtype", self.dtype);
  }
};

struct TensorArrayGatherAttributes {
  DType dtype = DType::kInvalid;
  PartialShape element_shape;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("dtype", self.dtype);
    visit("element_shape", self.element_shape);
  }
};

struct TensorArrayConcatAttributes {
  DType dtype = DType::kInvalid;
  PartialShape element_shape_except0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("dtype", self.dtype);
    visit("element_shape_except0", self.element_shape_except0);
  }
};

}  // namespace isomer::ops
