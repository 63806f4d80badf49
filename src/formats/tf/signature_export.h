// The signatures of a module as functions of a GraphDef's library, in the form that TensorFlow 2 calls: variables and lookup tables are arguments behind
// the inputs, bound when the model is loaded.
#pragma once

#include <string>
#include <vector>

#include "ir/module.h"

namespace isomer::tf {

class GraphDef;

struct SignatureValue {
  std::string key;
  TensorType type;
};

struct CapturedResource {
  std::string name;  // of the module's variable or table
  bool is_table = false;
  bool operator==(const CapturedResource&) const = default;
};

struct ExportedSignature {
  std::string key;
  std::string function;                         // in the library
  std::vector<SignatureValue> inputs, outputs;  // sorted by key, as TensorFlow flattens dictionaries; the order of the function's arguments and results
  std::vector<CapturedResource> captures;       // further arguments
};

// Any name as TensorFlow takes it for a node.
std::string node_name(std::string_view name);

// All signatures of `module`, which is changed: names of nodes become TensorFlow's. Unsupported where the body of a loop or a branch has a variable or a table
// of its own.
Result<std::vector<ExportedSignature>> export_signatures(ir::Module& module, GraphDef& out);

}  // namespace isomer::tf
