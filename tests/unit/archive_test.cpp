// gzip and tar.
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdio>

#include "wire/gzip.h"
#include "wire/tar.h"

namespace isomer {
namespace {

std::string gzip(const std::string& text) {
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string noise(size_t size) {
  std::string text(size, '\0');
  uint32_t state = 1;
  for (char& c : text) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return text;
}

Result<std::string> unpack(const std::string& packed, const Limits& limits = {}) { return std::string(TRY(gunzip(Bytes::from_string(packed), limits)).text()); }

TEST(Gzip, RestoresWhatWasPacked) {
  for (const size_t size : {0, 1, 1000, 1 << 18, (1 << 20) + 1, 6'000'000}) {
    const std::string text = noise(size);
    const auto found = unpack(gzip(text));
    ASSERT_TRUE(found) << found.error().describe();
    EXPECT_TRUE(*found == text) << size;
  }
}

TEST(Gzip, JoinsMembersAndIgnoresPadding) {
  EXPECT_EQ(unpack(gzip("one ") + gzip("") + gzip("two") + std::string(600, '\0')).value(), "one two");
  EXPECT_EQ(unpack(gzip("one") + "garbage").error().code, ErrorCode::kMalformed);
}

TEST(Gzip, NoticesDamage) {
  const std::string packed = gzip(noise(3000));
  for (size_t size = 3; size < packed.size(); size += 7) EXPECT_EQ(unpack(packed.substr(0, size)).error().code, ErrorCode::kTruncated) << size;
  std::string wrong_sum = packed;
  wrong_sum[packed.size() - 6] ^= 1;
  EXPECT_EQ(unpack(wrong_sum).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(unpack("PK\3\4").error().code, ErrorCode::kMalformed);
}

TEST(Gzip, ObeysItsLimits) {
  const std::string bomb = gzip(std::string(50'000'000, '\0'));
  Limits limits;
  limits.inflate_ratio = 100;
  EXPECT_EQ(unpack(bomb, limits).error().code, ErrorCode::kLimitExceeded);
  limits = {};
  limits.inflated_bytes = 49'999'999;
  EXPECT_EQ(unpack(bomb, limits).error().code, ErrorCode::kLimitExceeded);
  limits.inflated_bytes = 50'000'000;
  EXPECT_TRUE(unpack(bomb, limits));
}

void set_checksum(std::string& header) {
  header.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<uint8_t>(c);
  char text[9];
  std::snprintf(text, sizeof text, "%06o", sum);
  header.replace(148, 7, text, 7);
}

std::string tar_entry(const std::string& name, const std::string& content, char type = '0', const std::string& prefix = "") {
  std::string header(512, '\0');
  header.replace(0, std::min<size_t>(name.size(), 100), name, 0, 100);
  header.replace(100, 8, std::string("0000644\0", 8));
  char size[13];
  std::snprintf(size, sizeof size, "%011zo", content.size());
  header.replace(124, 12, size, 12);
  header[156] = type;
  header.replace(257, 8, std::string("ustar\00000", 8));
  header.replace(345, prefix.size(), prefix);
  set_checksum(header);
  return header + content + std::string((512 - content.size() % 512) % 512, '\0');
}

using Files = std::vector<std::pair<std::string, std::string>>;

Result<Files> list(const std::string& archive) {
  Files files;
  for (const TarEntry& entry : TRY(read_tar(Bytes::from_string(archive), Limits{}))) files.emplace_back(entry.name, entry.content.text());
  return files;
}

const std::string kEnd(1024, '\0');

TEST(Tar, ListsRegularFiles) {
  const std::string archive = tar_entry("./", "", '5') + tar_entry("./saved_model.pb", "model") + tar_entry("variables/", "", '5') +
                              tar_entry("variables//./variables.index", std::string(513, 'i')) + tar_entry("empty", "") + kEnd;
  EXPECT_TRUE(looks_like_tar(Bytes::from_string(archive)));
  EXPECT_EQ(list(archive).value(), (Files{{"saved_model.pb", "model"}, {"variables/variables.index", std::string(513, 'i')}, {"empty", ""}}));
}

TEST(Tar, KnowsLongNames) {
  const std::string name = std::string(120, 'd') + "/" + std::string(90, 'f');
  EXPECT_EQ(list(tar_entry(std::string(90, 'f'), "x", '0', std::string(120, 'd')) + kEnd).value(), (Files{{name, "x"}}));
  EXPECT_EQ(list(tar_entry("././@LongLink", name + '\0', 'L') + tar_entry(name.substr(0, 100), "x") + tar_entry("next", "y") + kEnd).value(),
            (Files{{name, "x"}, {"next", "y"}}));
  std::string record = " path=" + name + "\n";
  record = std::to_string(record.size() + 3) + record;
  EXPECT_EQ(list(tar_entry("pax", record, 'x') + tar_entry("short", "x") + tar_entry("next", "y") + kEnd).value(), (Files{{name, "x"}, {"next", "y"}}));
  EXPECT_EQ(list(tar_entry("pax", "9 path=a\n", 'g') + tar_entry("short", "x")).value(), (Files{{"short", "x"}}));
}

TEST(Tar, TheLastOfEqualNamesCounts) {
  EXPECT_EQ(list(tar_entry("a", "1") + tar_entry("b", "2") + tar_entry("./a", "3") + kEnd).value(), (Files{{"a", "3"}, {"b", "2"}}));
}

TEST(Tar, LeavesLinksAndDevicesOut) {
  EXPECT_EQ(list(tar_entry("l", "", '2') + tar_entry("h", "", '1') + tar_entry("c", "", '3') + tar_entry("p", "", '6') + tar_entry("a", "1")).value(),
            (Files{{"a", "1"}}));
}

TEST(Tar, RefusesNamesThatLeadOut) {
  for (const char* name : {"../a", "a/../../b", "/etc/passwd", "a/.."}) EXPECT_EQ(list(tar_entry(name, "x")).error().code, ErrorCode::kInvalidModel) << name;
}

TEST(Tar, NoticesDamage) {
  const std::string archive = tar_entry("a", "one") + tar_entry("b", "two");
  for (const size_t at : {size_t{0}, size_t{124}, size_t{150}, size_t{1024 + 60}}) {
    std::string damaged = archive;
    damaged[at] ^= 4;
    const auto found = list(damaged);
    ASSERT_FALSE(found) << at;
    EXPECT_EQ(found.error().code, ErrorCode::kMalformed) << at;
  }
  EXPECT_EQ(list(archive.substr(0, 512 + 2)).error().code, ErrorCode::kTruncated);
  EXPECT_EQ(list(tar_entry("pax", "99 path=a\n", 'x') + tar_entry("short", "x")).error().code, ErrorCode::kMalformed);

  std::string huge = tar_entry("a", "one");
  huge.replace(124, 12, std::string("\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12));
  std::string header = huge.substr(0, 512);
  set_checksum(header);
  EXPECT_EQ(list(header + huge.substr(512)).error().code, ErrorCode::kTruncated);
}

}  // namespace
}  // namespace isomer
