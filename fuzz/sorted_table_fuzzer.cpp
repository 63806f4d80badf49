// The reader of sorted tables. The first byte chooses what the rest is: a whole file, or the content of a data or index block that gets a right
// checksum and the rest of a table around it (mutations of a whole file hardly ever pass the checksums).
#include "wire/sorted_table.h"

#include <cstdlib>

#include "../tests/unit/table_builder.h"

using namespace isomer;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const TableBuilder builder;
  std::string file = input;
  if (data[0] % 4 != 0) {
    file.clear();
    const std::string first = builder.append_block(file, builder.content({{"a", "1"}, {"ab", "2"}}));
    const std::string block = TableBuilder::append_raw(file, input, data[0] % 4 == 2 ? 1 : 0);
    if (data[0] % 4 == 3) {  // the block is the index
      std::string footer = first + block;
      footer.resize(40, '\0');
      append_fixed(footer, 0xdb4775248b80fb57ULL, 8);
      file += footer;
    } else {
      file = builder.finish(file, {{"b", first}, {"z", block}});
    }
  }
  const auto table = SortedTable::open(Bytes::from_string(file), Limits::tiny());
  if (!table) return 0;
  SortedTable::Cursor cursor = table->begin();
  for (int64_t entries = 0; entries < 1000; ++entries) {
    const auto more = cursor.next();
    if (!more || !*more) break;
    // Where the index lies about its blocks a key may not be found; a key that is found has a value inside the data.
    const auto value = table->find(cursor.key());
    if (value && *value && (*value)->size() > static_cast<int64_t>(file.size()) * 64) std::abort();
  }
  return 0;
}
