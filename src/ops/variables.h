// Attributes of the ops on variables.
#pragma once

#include "ir/op_def.h"

namespace isomer::ops {

// shared_name is the name of an ir::Variable of the module; where it is empty, the node's own name is.
struct VarHandleOpAttributes {
  std::string container;
  std::string shared_name;
  std::string debug_name;
  DType dtype = DType::kInvalid;
  PartialShape shape;
  std::vector<std::string> allowed_devices;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("container", self.container);
    visit("shared_name", self.shared_name);
    visit("debug_name", self.debug_name);
    visit("dtype", self.dtype);
    visit("shape", self.shape);
    visit("allowed_devices", self.allowed_devices);
  }
};

// ReadVariableOp and ResourceGatherNd.
struct ReadVariableOpAttributes {
  DType dtype = DType::kInvalid;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("dtype", self.dtype);
  }
};

struct ResourceGatherAttributes {
  DType dtype = DType::kInvalid;
  int64_t batch_dims = 0;
  bool validate_indices = true;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("dtype", self.dtype);
    visit("batch_dims", self.batch_dims);
    visit("validate_indices", self.validate_indices);
  }
};

struct AssignVariableOpAttributes {
  bool validate_shape = false;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("validate_shape", self.validate_shape);
  }
};

}  // namespace isomer::ops
