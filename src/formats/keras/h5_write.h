// Writing Keras HDF5 files: a whole model, in the layout that tf_keras writes.
#pragma once

#include <string>
#include <vector>

#include "formats/keras/hdf5_tree.h"
#include "wire/json.h"

namespace isomer::keras {

struct H5Layer {
  std::string name;
  std::vector<NamedTensor> weights;  // in the order in which Keras sets them; names within the layer's group ("dense/kernel:0")
};

struct H5Model {
  JsonValue model_config;  // {"class_name", "config"}
  std::string keras_version, backend;
  std::vector<H5Layer> layers;  // all of the outermost model, in its order
  JsonValue training_config;    // null: the model was never compiled
  std::vector<NamedTensor> optimizer_weights;
};

// Returns the size of the file. The same model gives the same bytes. A file that is there is replaced, all at once.
// `before_commit` is called with the path of the whole file before it takes the place of what was there; an error means that nothing is kept.
Result<int64_t> write_h5(const H5Model& model, const std::string& path, const BeforeCommit& before_commit = {});

}  // namespace isomer::keras
