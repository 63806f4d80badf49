// Op fixtures: recorded inputs and results of single ops, or of small modules where an op needs functions, lists or resources.
//
//   op MatMul                                   module
//   case transpose_b                            function @main { ... }
//   attr transpose_b = true                     ---
//   in float32[2,3](1.0 ...)                    case two rounds
//   in float32[2,3](1.0 ...)                    in int32[](2)
//   out float32[2,2](1.0 ...)                   out float32[](1.0)
//   tolerance 1e-6 1e-5
//
// `in` and `out` stand in the order of the op's (or @main's) inputs and results; `out any float32[2,2]` checks dtype and shape only. The tolerance is
// absolute and relative; what is not floating point must be equal. Blank lines and lines that start with # mean nothing. A file of random cases
// (random/<Op>.txt.gz) is the same, packed; its tolerance is that of tolerance.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ir/module.h"
#include "ops/tolerance.h"

namespace isomer {

struct ExpectedTensor {
  DType dtype = DType::kInvalid;
  Shape shape;
  Tensor value;  // invalid: any
};

struct OpCase {
  std::string label;
  int64_t line = 0;
  ir::AttributeMap attributes;
  std::vector<Tensor> inputs;
  std::vector<ExpectedTensor> outputs;
  Tolerance tolerance;
};

struct OpFixture {
  std::string op;  // the file's name without .txt or .txt.gz
  std::optional<ir::Module> module;
  std::vector<OpCase> cases;
};

Result<OpFixture> read_op_fixture(const std::string& path);

// What is wrong with `found`, or empty.
std::string difference(const Tensor& found, const ExpectedTensor& expected, const Tolerance& tolerance);

}  // namespace isomer
