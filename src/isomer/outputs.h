// Results of a run as files.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "tensor/named_tensor.h"

namespace isomer {

// Writes the outputs, all or nothing. By the ending of `path`:
//   FILE.npz    one array each (no strings)
//   FILE.json   {"outputs": [{"name", "dtype", "shape", "values"}]}
//   else        a directory with outputs.json ({"outputs": [{"name", "dtype", "shape", "file"}]}) and one .npy (strings: .json) each
// NumPy has no bfloat16: such tensors are widened to float32 in .npy and .npz files, which loses nothing; outputs.json keeps the true dtype.
Result<void> write_outputs(const std::string& path, const std::vector<NamedTensor>& outputs);

}  // namespace isomer
