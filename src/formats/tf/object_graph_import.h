// The TensorFlow 2 road of saved_model_import.h: signatures and functions of the object graph.
#pragma once

#include <optional>

#include "formats/import_options.h"
#include "formats/tf/saved_model.h"
#include "ir/module.h"

namespace isomer::tf {

// Nothing when the MetaGraph has no usable object graph (TensorFlow 1).
Result<std::optional<ir::Module>> import_object_graph(const SavedModelDocument& document, const MetaGraphDef& graph, const ImportOptions& options,
                                                      const Limits& limits);

// Puts the file assets/NAME into the module, once. Names that leave the model are refused.
Result<void> add_asset(ir::Module& module, const ModelFiles& files, const std::string& name);

}  // namespace isomer::tf
