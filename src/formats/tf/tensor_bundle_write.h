// Writing checkpoints: PREFIX.index and one data file. docs/formats/tensor_bundle.md describes the bytes.
#pragma once

#include <map>
#include <string>

#include "base/atomic_output.h"
#include "formats/tf/tensor_bundle.h"

namespace isomer::tf {

class TensorBundleWriter {
 public:
  // The files are made in `output`, which must outlive the writer; `prefix` is "variables/variables" in a SavedModel.
  static Result<TensorBundleWriter> create(AtomicDirectory& output, std::string prefix);

  // Tensors lie in the data file in the order of these calls; their bytes are streamed. InvalidModel where a key comes twice, Unsupported for resources and
  // variants.
  Result<void> add(const std::string& key, const Tensor& value);
  // Writes the index. No call may follow. The size of both files.
  Result<int64_t> finish();

 private:
  TensorBundleWriter(AtomicDirectory& output, std::string prefix, OutputFile data) : output_(&output), prefix_(std::move(prefix)), data_(std::move(data)) {}

  AtomicDirectory* output_;
  std::string prefix_;
  OutputFile data_;
  std::map<std::string, std::string> entries_;  // by key: the entry as the index holds it
};

}  // namespace isomer::tf
