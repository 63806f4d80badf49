#include "formats/npz.h"

#include "formats/npy.h"
#include "wire/zip.h"

namespace isomer {

Result<std::vector<NamedTensor>> tensors_from_npz(const Bytes& file, const Limits& limits) {
  const ZipArchive archive = TRY(ZipArchive::open(file, limits));
  std::vector<NamedTensor> tensors;
  for (const ZipEntry& entry : archive.entries()) {
    if (entry.name.ends_with('/')) continue;
    if (!entry.name.ends_with(".npy"))
      return fail(Error{ErrorCode::kMalformed, "the archive holds '" + entry.name + "', expected .npy files", {}, {}, "write it with numpy.savez"});
    const Bytes content = TRY(archive.read(entry, limits));
    Tensor value = TRY(in_context(tensor_from_npy(content, limits), "reading the entry '" + entry.name + "'"));
    tensors.push_back({entry.name.substr(0, entry.name.size() - 4), std::move(value)});
  }
  return tensors;
}

Result<Tensor> widened_for_numpy(const Tensor& tensor) {
  if (tensor.dtype() != DType::kBfloat16) return tensor;
  MutableTensor wide = TRY(MutableTensor::create(DType::kFloat32, tensor.shape(), Limits{}));
  std::vector<double> values(static_cast<size_t>(tensor.elements()));
  load_doubles(tensor, 0, values);
  store_doubles(wide, 0, values);
  return std::move(wide).finish();
}

Result<void> write_npz(const std::vector<NamedTensor>& tensors, const std::function<Result<void>(std::span<const std::byte>)>& sink) {
  ZipWriter writer(sink);
  for (const NamedTensor& named : tensors) {
    if (named.value.dtype() == DType::kString) {
      return fail(Error{ErrorCode::kInvalidArgument,
                        "'" + named.name + "' holds strings, which an .npz file cannot",
                        {},
                        {},
                        "write to a directory or a .json file instead"});
    }
    const Tensor stored = TRY(widened_for_numpy(named.value));
    const Bytes pieces[] = {Bytes::from_string(TRY(in_context(npy_header(stored), "writing '" + named.name + "'"))), stored.bytes()};
    TRY(writer.add(named.name + ".npy", pieces));
  }
  return writer.finish();
}

}  // namespace isomer
