// The main graph of a SavedModel: what loaders without object graphs (TensorFlow 1, TF Serving) run.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "formats/tf/signature_export.h"

namespace isomer::tf {

class MetaGraphDef;

struct GraphVariable {
  std::string variable;  // of the module
  std::string name;
  std::string checkpoint_key;
  DType dtype = DType::kInvalid;
  Shape shape;
};

// Adds placeholders and a call for each signature with its SignatureDef, a handle for each variable, the ops that restore and save all of them with their
// SaverDef, and the initialiser of the tables.
void add_main_graph(std::span<const ExportedSignature> signatures, std::span<const GraphVariable> variables, std::span<const ir::Table> tables,
                    MetaGraphDef& out);

}  // namespace isomer::tf
