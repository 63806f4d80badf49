// Building the trees of HDF5 files as Keras lays them out.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "tensor/tensor.h"
#include "wire/hdf5_writer.h"

namespace isomer::keras {

using BeforeCommit = std::function<Result<void>(const std::string& partial)>;

struct NamedTensor {
  std::string name;
  Tensor value;
};

// The group at `path` ("a/b"), made where it is missing. InvalidModel where a dataset stands in the way.
Result<Hdf5Node*> group_at(Hdf5Node& root, std::string_view path);

// A dataset at `path` with the tensor's elements, bit for bit. bfloat16 is written as two bytes with the attribute "dtype", as Keras 3 does. Unsupported for
// dtypes that h5py has no type for.
Result<void> add_dataset(Hdf5Node& root, std::string_view path, const Tensor& value);

void add_text(Hdf5Node& node, std::string name, std::string text);
// A list of texts; above 64512 bytes cut into NAME0, NAME1, ... as Keras reads it. InvalidModel where one text alone is longer.
Result<void> add_list(Hdf5Node& node, const std::string& name, const std::vector<std::string>& texts);

}  // namespace isomer::keras
