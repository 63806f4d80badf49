// Writing Keras SavedModels, as tf_keras reads them: the layers in keras_metadata.pb, their weights as objects of the SavedModel, and the model as a signature.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "formats/keras/hdf5_tree.h"
#include "ir/module.h"
#include "wire/json.h"

namespace isomer::keras {

struct SavedModelWeight {
  std::vector<std::string> path;  // names of attributes from the model on (layers/object_paths.h)
  std::string variable;           // of the module
  std::string name;               // as tf_keras names it: "lstm/lstm_cell/kernel"
  bool trainable = true;
  Tensor value;
};

struct KerasSavedModel {
  JsonValue model_config;  // {"class_name", "config"} in Keras 2's spelling
  std::string keras_version, backend;
  JsonValue training_config;                                   // null: the model was never compiled
  std::map<std::vector<std::string>, JsonValue> build_shapes;  // what each layer is built on, by names of layers: dimensions, or a list of them
  std::map<std::vector<std::string>, JsonValue> more_config;   // what the metadata of these layers has beside their configuration
  std::vector<SavedModelWeight> weights;                       // in the order of the layers, trainable ones of a layer first
  ir::Module module;                                           // one signature, which reads the variables
};

// Returns the size of all files. The same model gives the same bytes. A model that is there is replaced, all at once.
// `before_commit` is called with the path of the whole directory before it takes the place of what was there; an error means that nothing is kept.
Result<int64_t> write_keras_saved_model(KerasSavedModel model, const std::string& directory, const BeforeCommit& before_commit = {});

// The files of the directory, relative to it.
std::vector<std::string> keras_saved_model_files();

}  // namespace isomer::keras
