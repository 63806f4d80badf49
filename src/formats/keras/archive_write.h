// Writing Keras archives (.keras), as Keras 3 writes them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "formats/keras/h5_write.h"

namespace isomer::keras {

struct ArchiveWeight {
  std::string path;        // "layers/dense/vars/0"
  std::string layer_name;  // of the object that has it: attribute "name" of its group
  Tensor value;
};

struct ArchiveModel {
  JsonValue config;  // config.json: module, class_name, config, registered_name, and what training left
  std::string keras_version;
  std::vector<ArchiveWeight> weights;
};

// Returns the size of the file. Times are fixed, so the same model gives the same bytes.
// `before_commit` is called with the path of the whole file before it takes the place of what was there; an error means that nothing is kept.
Result<int64_t> write_archive(const ArchiveModel& model, const std::string& path, const BeforeCommit& before_commit = {});

}  // namespace isomer::keras
