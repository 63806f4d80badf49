// Writing SavedModels of TensorFlow 2: objects, whose variables lie in a checkpoint, and signatures that read them.
//
// What older loaders need stands beside that: the main graph with placeholders and calls of the signatures, and ops that save and restore the variables.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/atomic_output.h"
#include "ir/module.h"
#include "tensor/tensor.h"

namespace isomer::tf {

struct OutputObject {
  std::string identifier;     // "_generic_user_object", "trackable_list_wrapper", ...; of variables: none
  int64_t variable = -1;      // place in SavedModelOutput::variables
  bool in_checkpoint = true;  // false: the checkpoint's own object graph does without it (lists of variables)
  std::vector<std::pair<std::string, int64_t>> children;
};

struct OutputVariable {
  std::string variable;  // of the module
  std::string name;      // what TensorFlow shows
  std::string path;      // names of children from the root, joined by '/': its key in the checkpoint
  bool trainable = true;
  Tensor value;
};

struct SavedModelOutput {
  std::vector<OutputObject> objects;      // the root first
  std::vector<OutputVariable> variables;  // all that the module's functions read
  ir::Module module;                      // its signatures and its tables become the model's
};

// The files of the directory: saved_model.pb, variables/.... Values are streamed; the same model gives the same bytes. The size of all files.
Result<int64_t> write_saved_model(SavedModelOutput model, AtomicDirectory& output);

}  // namespace isomer::tf
