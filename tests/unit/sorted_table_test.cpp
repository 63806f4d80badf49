#include "wire/sorted_table.h"

#include <gtest/gtest.h>

#include "table_builder.h"
#include "wire/sorted_table_write.h"

namespace isomer {
namespace {

using Entries = TableBuilder::Entries;

Entries numbered(int count) {
  Entries entries;
  for (int i = 0; i < count; ++i) {
    const std::string number = std::to_string(100'000 + i);
    entries.emplace_back("layer/" + number + "/kernel", "value " + number);
  }
  return entries;
}

Result<Entries> read_all(const std::string& file, const Limits& limits = {}) {
  const SortedTable table = TRY(SortedTable::open(Bytes::from_string(file), limits));
  SortedTable::Cursor cursor = table.begin();
  Entries entries;
  while (TRY(cursor.next())) entries.emplace_back(cursor.key(), cursor.value().text());
  return entries;
}

TEST(SortedTable, ReadsItsEntriesInOrder) {
  for (const bool packed : {false, true}) {
    for (const int interval : {1, 16}) {
      TableBuilder builder;
      builder.packed = packed;
      builder.restart_interval = interval;
      const Entries entries = numbered(1234);
      const auto found = read_all(builder.build(entries));
      ASSERT_TRUE(found) << found.error().describe();
      EXPECT_TRUE(*found == entries);
    }
  }
}

TEST(SortedTable, MayBeEmpty) { EXPECT_TRUE(read_all(TableBuilder().build({})).value().empty()); }

TEST(SortedTable, FindsKeys) {
  const Entries entries = numbered(500);
  const auto table = SortedTable::open(Bytes::from_string(TableBuilder().build(entries)), Limits{});
  ASSERT_TRUE(table);
  for (const auto& [key, value] : entries) ASSERT_EQ(table->find(key).value().value().text(), value);
  for (const char* key : {"", "layer", "layer/100000/kerne", "layer/100099/kernel2", "zzz"}) EXPECT_FALSE(table->find(key).value()) << key;
}

TEST(SortedTable, EveryChangedByteOfABlockIsNoticed) {
  const std::string file = TableBuilder().build(numbered(30));
  const Entries entries = numbered(30);
  for (size_t i = 0; i < file.size(); ++i) {
    std::string damaged = file;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x20);
    const auto found = read_all(damaged);
    EXPECT_TRUE(!found || *found == entries) << "byte " << i;  // the meta index and the footer's padding are never looked at
  }
}

TEST(SortedTable, EveryTruncationIsAnError) {
  const std::string file = TableBuilder().build(numbered(30));
  for (size_t size = 0; size < file.size(); ++size) EXPECT_FALSE(read_all(file.substr(0, size))) << size;
}

std::string describe(const std::string& file, const Limits& limits = {}) {
  const auto result = read_all(file, limits);
  return result ? "no error" : result.error().describe();
}

TEST(SortedTable, ExplainsWhatIsWrong) {
  EXPECT_EQ(describe("short"), "truncated: a table ends with a footer of 48 bytes, the file has 5");
  EXPECT_EQ(describe(std::string(100, 'x')), "malformed: not a table: the magic number at its end is missing\n  at byte 92");

  const TableBuilder builder;
  std::string past_end;
  append_varint(past_end, 5);
  append_varint(past_end, uint64_t{1} << 62);
  EXPECT_EQ(describe(builder.finish("", {{"k", past_end}})),
            "truncated: a block of 4611686018427387904 bytes passes the end of the table, whose blocks take 40 bytes\n  at byte 5");

  const auto with_block = [&](const std::string& block, char packing = 0) {
    std::string file;
    const std::string handle = TableBuilder::append_raw(file, block, packing);
    return builder.finish(file, {{"k", handle}});
  };
  EXPECT_EQ(describe(with_block("abc")), "truncated: a block is shorter than its own count of restarts\n  at byte 0");
  EXPECT_EQ(describe(with_block("\xff\xff\xff\x7f")), "malformed: a block claims more restarts than it has bytes for\n  at byte 0");
  EXPECT_EQ(describe(with_block(std::string("\x05\x01\x00k\0\0\0\0", 8))),
            "malformed: entry at byte 0 of a block shares more of the key before than there is\n  at byte 0");
  EXPECT_EQ(describe(with_block(std::string("\x00\x01\x7fk\0\0\0\0", 8))), "truncated: entry at byte 0 of a block passes the block's end\n  at byte 0");
  EXPECT_EQ(describe(with_block("", 7)), "unsupported: a block is packed in an unknown way (7)\n  at byte 0");
  EXPECT_EQ(describe(with_block(builder.content({{"b", ""}, {"a", ""}}))), "malformed: the keys of the table are out of order");
  EXPECT_EQ(describe(with_block(builder.content({{"a", ""}, {"a", ""}}))), "malformed: the keys of the table are out of order");
  EXPECT_EQ(describe(with_block("\xff\xff\xff\xff\x0f...", 1)), "limit exceeded: a packed block of 8 bytes claims 4294967295\n  at byte 0");
  EXPECT_EQ(describe(with_block("\x10zzzz", 1)), "malformed: a packed block cannot be unpacked\n  at byte 0");
}

std::string written(const Entries& entries) {
  std::string file;
  SortedTableWriter writer([&](std::string_view bytes) -> Result<void> {
    file += bytes;
    return {};
  });
  for (const auto& [key, value] : entries) EXPECT_TRUE(writer.add(key, value));
  EXPECT_TRUE(writer.finish());
  return file;
}

TEST(SortedTableWriter, WritesWhatIsReadAgain) {
  Entries entries = numbered(12'000);  // more than one block
  entries.emplace(entries.begin(), "", "header");
  for (const auto& some : {Entries(), Entries{{"", "header"}}, entries}) {
    const auto found = read_all(written(some));
    ASSERT_TRUE(found) << found.error().describe();
    EXPECT_TRUE(*found == some);
  }
  const auto table = SortedTable::open(Bytes::from_string(written(entries)), Limits{});
  ASSERT_TRUE(table);
  EXPECT_EQ(table->find("layer/111999/kernel").value().value().text(), "value 111999");
  EXPECT_FALSE(table->find("layer/112000/kernel").value());
}

}  // namespace
}  // namespace isomer
