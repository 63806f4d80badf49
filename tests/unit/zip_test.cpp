#include "wire/zip.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>

#include "formats/npy.h"
#include "formats/npz.h"

namespace isomer {
namespace {

std::string written(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string file;
  ZipWriter writer([&](std::span<const std::byte> bytes) -> Result<void> {
    file.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  });
  for (const auto& [name, content] : entries) {
    // In two pieces, as a header and the elements after it.
    const Bytes pieces[] = {Bytes::from_string(content.substr(0, 1)), Bytes::from_string(content.substr(std::min<size_t>(1, content.size())))};
    EXPECT_TRUE(writer.add(name, pieces));
  }
  EXPECT_TRUE(writer.finish());
  return file;
}

Result<ZipArchive> opened(const std::string& file, const Limits& limits = {}) { return ZipArchive::open(Bytes::from_string(file), limits); }

// An archive of one deflated entry, as a program that packs tightly would write it.
std::string deflated(const std::string& content, int64_t claimed_size) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  std::string file = written({{"a", packed}});
  const auto put = [&](size_t at, auto value) { std::memcpy(file.data() + at, &value, sizeof value); };
  const size_t central = 30 + 1 + packed.size();
  put(central + 10, uint16_t{8});
  put(central + 16, static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size()))));
  put(central + 24, static_cast<uint32_t>(claimed_size));
  return file;
}

TEST(Zip, ReadsWhatItWrites) {
  const std::string file = written({{"x.npy", "content"}, {"empty", ""}, {"folder/y", std::string(100000, 'y')}});
  const auto archive = opened(file);
  ASSERT_TRUE(archive) << archive.error().describe();
  ASSERT_EQ(archive->entries().size(), 3u);
  EXPECT_EQ(archive->read(*archive->find("x.npy"), {}).value().text(), "content");
  EXPECT_EQ(archive->read(*archive->find("empty"), {}).value().size(), 0);
  EXPECT_EQ(archive->read(*archive->find("folder/y"), {}).value().text(), std::string(100000, 'y'));
  EXPECT_EQ(archive->find("z"), nullptr);
  EXPECT_EQ(file, written({{"x.npy", "content"}, {"empty", ""}, {"folder/y", std::string(100000, 'y')}}));  // no clock in it
  EXPECT_EQ(opened(written({}))->entries().size(), 0u);
}

TEST(Zip, UnpacksDeflatedEntries) {
  const std::string content(3 << 20, 'z');
  const auto archive = opened(deflated(content, static_cast<int64_t>(content.size())));
  ASSERT_TRUE(archive) << archive.error().describe();
  EXPECT_EQ(archive->read(archive->entries()[0], {}).value().text(), content);
  Limits limits;
  limits.inflated_bytes = 1 << 20;
  EXPECT_EQ(archive->read(archive->entries()[0], limits).error().code, ErrorCode::kLimitExceeded);
  for (const int64_t wrong : {int64_t{5}, int64_t{4} << 20}) {
    const auto lying = opened(deflated(content, wrong));
    ASSERT_TRUE(lying);
    EXPECT_EQ(lying->read(lying->entries()[0], {}).error().code, ErrorCode::kMalformed);
  }
}

TEST(Zip, RefusesDamage) {
  const std::string file = written({{"a", "content"}});
  for (size_t size = 0; size < file.size(); ++size) EXPECT_FALSE(opened(file.substr(0, size))) << size;
  std::string flipped = file;
  flipped[31] ^= 1;
  const auto archive = opened(flipped);
  ASSERT_TRUE(archive);
  EXPECT_EQ(archive->read(archive->entries()[0], {}).error().message, "the checksum is wrong");
  for (const char* name : {"../a", "/a", "a/../../b", "a\\b"}) EXPECT_EQ(opened(written({{name, "x"}})).error().code, ErrorCode::kInvalidModel) << name;
  EXPECT_EQ(opened(written({{"a", "x"}, {"a", "y"}})).error().code, ErrorCode::kInvalidModel);
  std::string encrypted = file;
  encrypted[30 + 1 + 7 + 8] |= 1;
  EXPECT_EQ(opened(encrypted).error().code, ErrorCode::kUnsupported);
}

TEST(Npz, RoundTrips) {
  const std::vector<NamedTensor> tensors = {{"x", Tensor::scalar(1.5f)}, {"y", Tensor::int64s({{1, 2, 3}})}};
  std::string file;
  ASSERT_TRUE(write_npz(tensors, [&](std::span<const std::byte> bytes) -> Result<void> {
    file.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }));
  const auto read = tensors_from_npz(Bytes::from_string(file));
  ASSERT_TRUE(read) << read.error().describe();
  ASSERT_EQ(read->size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ((*read)[i].name, tensors[i].name);
    EXPECT_TRUE((*read)[i].value.identical(tensors[i].value));
  }
  EXPECT_EQ(tensors_from_npz(Bytes::from_string(written({{"readme", "x"}}))).error().code, ErrorCode::kMalformed);
  const std::vector<NamedTensor> strings = {{"s", Tensor::from_strings({1}, std::vector<std::string>{"a"})}};
  EXPECT_EQ(write_npz(strings, [](auto) -> Result<void> { return {}; }).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace isomer
