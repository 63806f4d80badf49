// SpillArena: memory for computed tensors that need not stay resident.
//
// Blocks above 64 KiB lie in an unlinked temporary file and are mapped; Bytes::release_pages on such a tensor frees its memory and keeps its data,
// so what a conversion folds does not add up in memory. Smaller blocks come from the heap.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "base/temporary_file.h"
#include "tensor/tensor.h"

namespace isomer {

// May be used from several threads. The tensors outlive the arena; a tensor that goes gives its disk space back.
class SpillArena final : public TensorAllocator {
 public:
  static constexpr int64_t kSmallest = (64 << 10) + 1;  // bytes of the smallest block that goes to the file

  // Io when the disk of $TMPDIR (or /tmp) is full.
  Result<Block> allocate(int64_t bytes) override;
  Result<std::unique_ptr<Sink>> sink(int64_t bytes) override;

 private:
  Result<TemporaryFile> file();

  std::mutex mutex_;
  std::optional<TemporaryFile> file_;  // made with the first large block
};

}  // namespace isomer
