// The IR to GraphDef: what graph models and SavedModels are written from.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ir/module.h"

namespace isomer::tf {

class GraphDef;

struct ExportedConstant {
  std::string name;  // of its Const node
  Tensor value;
};

struct GraphExportOptions {
  // Constants go into the message (SavedModel) or only their dtype and shape (tf.js, which keeps weights apart).
  bool constant_values = true;
  // Inside functions inputs are spelled "node:index", counted over all results (tf.js), in place of "node:output_name:index" (TensorFlow).
  bool flat_function_inputs = false;
  // Dtypes of attributes as the target has them; empty: as they are.
  std::function<DType(DType)> target_dtype;
};

// Writes `function` as the main graph and every function that it refers to into the library. All constants, in the order of their Const nodes: main
// graph first, then each function. Constants inside functions are named "function/constant". Placeholders come first, then constants, then the
// other nodes in topological order.
Result<std::vector<ExportedConstant>> export_graph(const ir::Module& module, const ir::Function& function, const GraphExportOptions& options, GraphDef& out);

// Writes the functions of these names, and every function that they refer to, into the library; constants with their values.
Result<void> export_functions(const ir::Module& module, std::span<const std::string> names, GraphDef& out);

}  // namespace isomer::tf
