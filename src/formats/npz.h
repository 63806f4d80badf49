// NumPy's .npz files: a zip archive with one .npy file for each array.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"
#include "tensor/named_tensor.h"

namespace isomer {

// The arrays in the archive's order, named without ".npy". Arrays stored without compression are slices of the file.
Result<std::vector<NamedTensor>> tensors_from_npz(const Bytes& file, const Limits& limits = {});

// Writes the archive front to back into the sink. Unsupported for dtypes NumPy lacks, InvalidArgument for strings (NumPy would need pickles).
Result<void> write_npz(const std::vector<NamedTensor>& tensors, const std::function<Result<void>(std::span<const std::byte>)>& sink);

// As float32 where NumPy has no such dtype (bfloat16, which loses nothing by it), as it is otherwise.
Result<Tensor> widened_for_numpy(const Tensor& tensor);

}  // namespace isomer
