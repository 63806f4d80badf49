#include "tensor/spill.h"

#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "base/mapped_file.h"
#include "temporary_directory.h"

namespace isomer {
namespace {

int64_t resident_pages() {
  const std::string text = read_text("/proc/self/statm");
  return std::atoll(text.c_str() + text.find(' '));
}

TEST(SpillArena, KeepsDataWhosePagesWereReleased) {
  constexpr int64_t kElements = 8 << 20;
  std::optional<Tensor> tensor;
  {
    SpillArena arena;
    auto values = MutableTensor::create(DType::kInt32, {kElements}, Limits{}, arena);
    ASSERT_TRUE(values);
    EXPECT_TRUE(std::all_of(values->as<int32_t>(), values->as<int32_t>() + kElements, [](int32_t v) { return v == 0; }));
    for (int32_t i = 0; i < kElements; ++i) values->as<int32_t>()[i] = i * 3;
    tensor = std::move(*values).finish();
  }
  const int64_t before = resident_pages();
  tensor->bytes().release_pages();
  EXPECT_LT(resident_pages(), before - kElements * 4 / 4096 / 2);
  for (int32_t i = 0; i < kElements; i += 1001) ASSERT_EQ(tensor->at<int32_t>(i), i * 3);
}

TEST(SpillArena, SeparatesItsBlocks) {
  SpillArena arena;
  std::vector<TensorAllocator::Block> blocks;
  for (int64_t i = 0; i < 40; ++i) {
    auto block = arena.allocate(SpillArena::kSmallest + i * 999);
    ASSERT_TRUE(block);
    EXPECT_TRUE(block->mapped);
    std::fill_n(block->data, SpillArena::kSmallest + i * 999, static_cast<std::byte>(i));
    blocks.push_back(*block);
    if (i % 3 == 0) blocks[static_cast<size_t>(i / 2)] = {};
  }
  for (size_t i = 0; i < blocks.size(); ++i) {
    const int64_t size = SpillArena::kSmallest + static_cast<int64_t>(i) * 999;
    if (!blocks[i].data) continue;
    EXPECT_EQ(std::count(blocks[i].data, blocks[i].data + size, static_cast<std::byte>(i)), size);
  }
}

TEST(SpillArena, TakesSmallBlocksFromTheHeap) {
  SpillArena arena;
  const auto block = arena.allocate(SpillArena::kSmallest - 1);
  ASSERT_TRUE(block);
  EXPECT_FALSE(block->mapped);
}

TEST(SpillArena, TakesTensorsInBlocks) {
  SpillArena arena;
  for (TensorAllocator* allocator : {static_cast<TensorAllocator*>(&arena), &heap_allocator()}) {
    for (const int64_t elements : {int64_t{0}, int64_t{5}, int64_t{100'000}}) {
      auto writer = TensorWriter::create(DType::kFloat32, {elements}, Limits{}, *allocator);
      ASSERT_TRUE(writer);
      std::vector<double> values(static_cast<size_t>(elements));
      for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i) / 3;
      const size_t half = values.size() / 2;
      ASSERT_TRUE(writer->write(static_cast<int64_t>(half), std::span(values).subspan(half)));  // in any order
      ASSERT_TRUE(writer->write(0, std::span(values).first(half)));
      const auto tensor = std::move(*writer).finish();
      ASSERT_TRUE(tensor);
      EXPECT_EQ(tensor->bytes().mapped(), allocator == &arena && elements == 100'000);
      tensor->bytes().release_pages();
      for (int64_t i = 0; i < elements; ++i) ASSERT_EQ(tensor->at<float>(i), static_cast<float>(values[static_cast<size_t>(i)]));
    }
  }
  EXPECT_FALSE(TensorWriter::create(DType::kFloat32, {int64_t{1} << 60, 1 << 10}, Limits{}, arena));
}

TEST(SpillArena, ReportsAFullDisk) {
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 1 << 20;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  SpillArena arena;
  const auto block = arena.allocate(2 << 20);
  auto writer = TensorWriter::create(DType::kFloat64, {1 << 18}, Limits{}, arena);
  const auto written = writer ? writer->write(0, std::vector<double>(1 << 18)) : Result<void>(std::unexpected(writer.error()));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, handler);
  ASSERT_FALSE(block);
  EXPECT_EQ(block.error().code, ErrorCode::kIo);
  EXPECT_NE(block.error().hint.find("TMPDIR"), std::string::npos);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kIo);
  EXPECT_NE(written.error().hint.find("TMPDIR"), std::string::npos);
}

TEST(TemporaryFile, ReportsAMissingDirectory) {
  const char* before = std::getenv("TMPDIR");
  const std::string saved = before ? before : "";
  setenv("TMPDIR", "/does/not/exist", 1);
  const auto file = TemporaryFile::create();
  before ? setenv("TMPDIR", saved.c_str(), 1) : unsetenv("TMPDIR");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kIo);
  EXPECT_NE(file.error().message.find("/does/not/exist"), std::string::npos);
}

TEST(TemporaryFile, MapsWhatWasAppended) {
  Bytes bytes;
  {
    auto file = TemporaryFile::create();
    ASSERT_TRUE(file);
    EXPECT_TRUE(file->map().value().empty());
    for (int i = 0; i < 1000; ++i) {
      const std::string piece(100, static_cast<char>('a' + i % 26));
      ASSERT_TRUE(file->append(std::as_bytes(std::span(piece))));
    }
    bytes = file->map().value();
  }
  ASSERT_EQ(bytes.size(), 100'000);
  bytes.release_pages();
  EXPECT_EQ(bytes.text().substr(99'900), std::string(100, static_cast<char>('a' + 999 % 26)));
}

}  // namespace
}  // namespace isomer
