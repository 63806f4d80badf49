#include "tensor/spill.h"

namespace isomer {

Result<TemporaryFile> SpillArena::file() {
  const std::lock_guard lock(mutex_);
  if (!file_) file_ = TRY(TemporaryFile::create());
  return *file_;
}

Result<TensorAllocator::Block> SpillArena::allocate(int64_t bytes) {
  if (bytes < kSmallest) return heap_allocator().allocate(bytes);
  TemporaryFile shared = TRY(file());
  TemporaryFile::Block block = TRY(shared.allocate(bytes));
  return Block{std::move(block.owner), block.data, true};
}

}  // namespace isomer
