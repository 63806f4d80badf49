#include "tensor/spill.h"

namespace isomer {
namespace {

class RegionSink final : public TensorAllocator::Sink {
 public:
  RegionSink(TemporaryFile::Region region, int64_t size) : region_(std::move(region)), size_(size) {}
  Result<void> write(int64_t offset, std::span<const std::byte> data) override { return region_.write(offset, data); }
  Result<Bytes> finish() override { return std::move(region_).map(size_); }

 private:
  TemporaryFile::Region region_;
  int64_t size_;
};

}  // namespace

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

Result<std::unique_ptr<TensorAllocator::Sink>> SpillArena::sink(int64_t bytes) {
  if (bytes < kSmallest) return TensorAllocator::sink(bytes);
  TemporaryFile shared = TRY(file());
  return std::make_unique<RegionSink>(TRY(shared.reserve(bytes)), bytes);
}

}  // namespace isomer
