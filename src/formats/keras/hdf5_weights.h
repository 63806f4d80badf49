// Weights in HDF5 files: what every Keras format shares.
#pragma once

#include <string>
#include <vector>

#include "layers/stored_model.h"
#include "wire/hdf5.h"

namespace isomer::keras {

// Weights that lie in files, and how each is read. `names` and `objects` go together.
struct WeightTable {
  std::vector<layers::StoredWeight> weights;
  std::vector<Hdf5Object> datasets;

  // Shape and dtype are read now, values not before they are asked for. Unsupported for types that no tensor has.
  Result<void> add(std::string group, std::string name, const Hdf5Object& dataset, const Limits& limits);
  // What StoredModel::read wants. It holds the datasets, which hold the file.
  std::function<Result<Tensor>(size_t)> reader() const;
};

// A dataset as a tensor: a slice of the mapped file where it lies there in one piece. bfloat16 is known by ml_dtypes' two opaque bytes and by Keras's attribute
// "dtype".
Result<Tensor> read_tensor(const Hdf5Object& dataset);

// A list of strings in an attribute; Keras cuts lists above 64 KB into NAME0, NAME1, ... nullopt when there is neither.
Result<std::optional<std::vector<std::string>>> list_attribute(const Hdf5Object& object, const std::string& name);
// A text attribute; nullopt when there is none.
Result<std::optional<std::string>> text_attribute(const Hdf5Object& object, const std::string& name);

// "dense/kernel" for "dense/kernel:0".
std::string without_output_number(std::string name);

}  // namespace isomer::keras
