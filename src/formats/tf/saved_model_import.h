// SavedModel (TensorFlow 1 and 2, TF Hub) to the IR: one signature becomes one module.
#pragma once

#include "formats/import_options.h"
#include "formats/tf/saved_model.h"
#include "ir/module.h"

namespace isomer::tf {

// The module has one signature, the variables and assets it uses, and the initialisers of its tables. Variables keep their values as mapped slices
// of the checkpoint. NotFound lists the signatures (or functions) when the wanted one does not exist.
Result<ir::Module> import_saved_model(const SavedModelDocument& document, const ImportOptions& options, const Limits& limits);

}  // namespace isomer::tf
