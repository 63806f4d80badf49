// The reader of checkpoints: the input is the content of the index's one block (with a right checksum) and also the data file.
#include "formats/tf/tensor_bundle.h"

#include "../tests/unit/table_builder.h"

using namespace isomer;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const TableBuilder builder;
  std::string file;
  const std::string handle = TableBuilder::append_raw(file, input, 0);
  file = builder.finish(file, {{"\xff", handle}});
  const auto shard = [&](const std::string&) -> Result<Bytes> { return Bytes::from_string(input); };
  auto bundle = tf::TensorBundle::open(Bytes::from_string(file), "checkpoint", shard, Limits::tiny());
  if (!bundle) return 0;
  for (const std::string& key : bundle->keys()) {
    (void)bundle->read(key);
    (void)bundle->read_slice(key, "4 2 1,2:-");
  }
  return 0;
}
