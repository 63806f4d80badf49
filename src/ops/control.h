// Attributes of the ops that call functions.
#pragma once

#include "ir/op_def.h"

namespace isomer::ops {

// If and StatelessIf.
struct IfAttributes {
  ir::FunctionRef then_branch;
  ir::FunctionRef else_branch;
  std::vector<DType> Tout;
  std::vector<PartialShape> output_shapes;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("then_branch", self.then_branch);
    visit("else_branch", self.else_branch);
    visit("Tout", self.Tout);
    visit("output_shapes", self.output_shapes);
  }
};

// Case and StatelessCase.
struct CaseAttributes {
  std::vector<ir::FunctionRef> branches;
  std::vector<DType> Tout;
  std::vector<PartialShape> output_shapes;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("branches", self.branches);
    visit("Tout", self.Tout);
    visit("output_shapes", self.output_shapes);
  }
};

// While and StatelessWhile.
struct WhileAttributes {
  ir::FunctionRef cond;
  ir::FunctionRef body;
  std::vector<PartialShape> output_shapes;
  int64_t parallel_iterations = 10;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("cond", self.cond);
    visit("body", self.body);
    visit("output_shapes", self.output_shapes);
    visit("parallel_iterations", self.parallel_iterations);
  }
};

// PartitionedCall and StatefulPartitionedCall. The configurations say how TensorFlow should run the function; they are carried along.
struct CallAttributes {
  ir::FunctionRef f;
  std::vector<DType> Tout;
  std::string config;
  std::string config_proto;
  std::string executor_type;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("f", self.f);
    visit("Tout", self.Tout);
    visit("config", self.config);
    visit("config_proto", self.config_proto);
    visit("executor_type", self.executor_type);
  }
};

}  // namespace isomer::ops
