// A recorded case of TensorFlow.js: a line of ops.jsonl.gz or graphs.jsonl.gz, turned into a graph model that the importer of the program reads.
#pragma once

#include <string>
#include <vector>

#include "isomer/run.h"
#include "wire/json.h"

namespace isomer {

// What a result must be. `value` is invalid where only dtype and shape count.
struct ExpectedOutput {
  DType dtype = DType::kInvalid;
  Shape shape;
  Tensor value;
  bool may_be_int64 = false;  // recorded as int32 because TensorFlow.js has nothing wider; TensorFlow's result is int64
};

struct RecordedCase {
  std::string id;
  std::string op;
  std::string skip;  // why the case says nothing about TensorFlow's semantics; else empty
  std::vector<NamedTensor> inputs;
  std::vector<ExpectedOutput> outputs;
  // What TensorFlow.js gives where that differs and Isomer claims to reproduce it (--tfjs-compat); else empty.
  std::vector<ExpectedOutput> tfjs_outputs;
};

// {"dtype", "shape", "values"} as the recording writes tensors.
Result<Tensor> read_recorded_tensor(const JsonValue& json);

// The recording's rule for floats: within 1e-5 + 1e-4 of the expected value; NaN and infinities only for themselves.
bool close(double expected, double actual);

// Everything about the case but its graph. Malformed when members are missing or do not fit.
Result<RecordedCase> read_case(const JsonValue& json);

enum class Shapes { kKnown, kUnknown };

// The case's graph as `isomer run` would import it. With kUnknown the placeholders of an op case have no shape; a graph case is always as recorded.
Result<ir::Module> import_case(const JsonValue& json, Shapes shapes);

}  // namespace isomer
