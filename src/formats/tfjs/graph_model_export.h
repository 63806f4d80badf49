// The IR to a TensorFlow.js graph model.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "formats/tfjs/write.h"
#include "ir/module.h"
#include "passes/legalize.h"

namespace isomer::tfjs {

struct ExportOptions {
  bool structured_outputs = false;  // write userDefinedMetadata.structuredOutputKeys
  bool skip_op_check = false;       // write ops that tf.js lacks as they are
  bool optimize = true;             // fewer nodes and weights that compute the same (passes/pipelines.h)
  // Passes to run in place of these; each is one that the list of passes has.
  std::optional<std::vector<std::string>> passes;
  // Members of userDefinedMetadata, in order.
  std::vector<std::pair<std::string, JsonValue>> metadata;
};

// Brings the module's only signature into the form that tf.js runs and gives it to the writer. The module must be frozen (passes/pipelines.h); it is
// changed on the way. Unsupported when nodes remain that tf.js cannot run: the error names each with its reason.
Result<GraphModelOutput> export_graph_model(ir::Module& module, const ExportOptions& options, passes::PassContext& context);

}  // namespace isomer::tfjs
