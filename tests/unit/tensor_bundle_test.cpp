#include "formats/tf/tensor_bundle.h"

#include <numeric>

#include "formats/tf/schema/tensorflow.pb.h"
#include "formats/tf/tensor_bundle_write.h"
#include "table_builder.h"
#include "temporary_directory.h"

namespace isomer::tf {
namespace {

uint32_t masked_crc(const std::string& data) { return crc32c_mask(crc32c(std::as_bytes(std::span(data)))); }

// A checkpoint in memory, as its writer lays it out.
struct Checkpoint {
  BundleHeaderProto header;
  std::map<std::string, BundleEntryProto> entries;  // a map: the table wants its keys sorted
  std::vector<std::string> shards = {""};

  Checkpoint() { header.set_num_shards(1); }

  BundleEntryProto& add(const std::string& key, DataType dtype, const Shape& shape, const std::string& data, size_t shard = 0) {
    BundleEntryProto& entry = entries[key];
    entry.set_dtype(dtype);
    for (const int64_t size : shape) entry.mutable_shape()->add_dim()->set_size(size);
    entry.set_shard_id(static_cast<int32_t>(shard));
    entry.set_offset(static_cast<int64_t>(shards[shard].size()));
    entry.set_size(static_cast<int64_t>(data.size()));
    entry.set_crc32c(masked_crc(data));
    shards[shard] += data;
    return entry;
  }

  std::string index() const {
    TableBuilder::Entries table = {{"", header.SerializeAsString()}};
    for (const auto& [key, entry] : entries) table.emplace_back(key, entry.SerializeAsString());
    return TableBuilder().build(table);
  }

  Result<TensorBundle> open(const Limits& limits = {}) const {
    const auto source = [shards = shards](const std::string& suffix) -> Result<Bytes> {
      for (size_t i = 0; i < shards.size(); ++i) {
        if (suffix == ".data-0000" + std::to_string(i) + "-of-0000" + std::to_string(shards.size())) return Bytes::from_string(shards[i]);
      }
      return fail(ErrorCode::kNotFound, "no " + suffix);
    };
    return TensorBundle::open(Bytes::from_string(index()), "checkpoint", source, limits);
  }
};

std::string int32_bytes(const std::vector<int32_t>& values) { return std::string(reinterpret_cast<const char*>(values.data()), values.size() * 4); }

TEST(TensorBundle, ReadsTensors) {
  Checkpoint checkpoint;
  checkpoint.shards = {"", ""};
  checkpoint.header.set_num_shards(2);
  checkpoint.add("b", DT_INT32, {2, 2}, int32_bytes({1, 2, 3, 4}));
  checkpoint.add("a", DT_BOOL, {3}, std::string("\1\0\1", 3), 1);
  checkpoint.add("empty", DT_FLOAT, {0, 5}, "");
  checkpoint.add("scalar", DT_HALF, {}, "xy", 1);
  auto bundle = checkpoint.open();
  ASSERT_TRUE(bundle) << bundle.error().describe();
  EXPECT_EQ(bundle->keys(), (std::vector<std::string>{"a", "b", "empty", "scalar"}));
  EXPECT_EQ(bundle->read("b").value().to_int64s(), (std::vector<int64_t>{1, 2, 3, 4}));
  EXPECT_EQ(bundle->read("a").value().to_int64s(), (std::vector<int64_t>{1, 0, 1}));
  EXPECT_EQ(type_text(bundle->read("empty").value()), "float32[0,5]");
  EXPECT_EQ(type_text(bundle->read("scalar").value()), "float16[]");
  EXPECT_EQ(bundle->find("b")->shape, (Shape{2, 2}));
  EXPECT_EQ(bundle->find("c"), nullptr);
  EXPECT_EQ(bundle->read("c").error().code, ErrorCode::kNotFound);
}

// The layout of TensorFlow's writer: lengths, masked checksum of the lengths as four bytes each, strings.
void add_strings(Checkpoint& checkpoint, const std::string& key, const Shape& shape, const std::vector<std::string>& values) {
  std::string stored, counted, text;
  for (const std::string& value : values) {
    append_varint(stored, value.size());
    append_fixed(counted, value.size(), 4);
    text += value;
  }
  std::string sum;
  append_fixed(sum, masked_crc(counted), 4);
  checkpoint.add(key, DT_STRING, shape, stored + sum + text).set_crc32c(masked_crc(counted + sum + text));
}

TEST(TensorBundle, ReadsStrings) {
  Checkpoint checkpoint;
  add_strings(checkpoint, "s", {2, 2}, {"one", "", std::string(300, 'x'), std::string("\0\xff", 2)});
  add_strings(checkpoint, "none", {0}, {});
  auto bundle = checkpoint.open();
  ASSERT_TRUE(bundle);
  const auto tensor = bundle->read("s");
  ASSERT_TRUE(tensor) << tensor.error().describe();
  EXPECT_EQ(tensor->string_at(0), "one");
  EXPECT_EQ(tensor->string_at(1), "");
  EXPECT_EQ(tensor->string_at(2), std::string(300, 'x'));
  EXPECT_EQ(tensor->string_at(3), std::string_view("\0\xff", 2));
  EXPECT_EQ(bundle->read("none").value().elements(), 0);
}

TEST(TensorBundle, EveryDamagedByteOfStringsIsNoticed) {
  Checkpoint checkpoint;
  add_strings(checkpoint, "s", {3}, {"one", "two", "three"});
  for (size_t i = 0; i < checkpoint.shards[0].size(); ++i) {
    Checkpoint damaged = checkpoint;
    damaged.shards[0][i] ^= 1;
    EXPECT_FALSE(damaged.open().value().read("s")) << i;
  }
}

// A 6x5 matrix 0, 1, 2, ... in three parts; the names of the parts are those that TensorFlow 2.19 wrote for such slices.
Checkpoint partitioned() {
  Checkpoint checkpoint;
  BundleEntryProto& entry = checkpoint.entries["w"];
  entry.set_dtype(DT_INT32);
  entry.mutable_shape()->add_dim()->set_size(6);
  entry.mutable_shape()->add_dim()->set_size(5);
  const std::vector<std::pair<TensorRegion, std::string>> parts = {
      {{{0, 0}, {2, 5}}, std::string("\0w\0\1\1\2\x80\x82\x80\x85", 10)},
      {{{2, 0}, {4, 3}}, std::string("\0w\0\1\1\2\x82\x84\x80\x83", 10)},
      {{{2, 3}, {4, 2}}, std::string("\0w\0\1\1\2\x82\x84\x83\x82", 10)},
  };
  for (const auto& [region, key] : parts) {
    auto* slice = entry.add_slices();
    std::vector<int32_t> values;
    for (int64_t row = 0; row < region.size[0]; ++row) {
      for (int64_t column = 0; column < region.size[1]; ++column)
        values.push_back(static_cast<int32_t>((region.start[0] + row) * 5 + region.start[1] + column));
    }
    for (size_t i = 0; i < 2; ++i) {
      auto* extent = slice->add_extent();
      extent->set_start(region.start[i]);
      extent->set_length(region.size[i]);
    }
    checkpoint.add(key, DT_INT32, region.size, int32_bytes(values));
  }
  return checkpoint;
}

std::vector<int64_t> counting(int64_t count) {
  std::vector<int64_t> values(static_cast<size_t>(count));
  std::iota(values.begin(), values.end(), 0);
  return values;
}

TEST(TensorBundle, AssemblesPartitionedVariables) {
  auto bundle = partitioned().open();
  ASSERT_TRUE(bundle) << bundle.error().describe();
  EXPECT_EQ(bundle->keys(), (std::vector<std::string>{"w"}));
  const auto tensor = bundle->read("w");
  ASSERT_TRUE(tensor) << tensor.error().describe();
  EXPECT_EQ(type_text(*tensor), "int32[6,5]");
  EXPECT_EQ(tensor->to_int64s(), counting(30));
}

TEST(TensorBundle, ReadsSlices) {
  Checkpoint checkpoint = partitioned();
  std::vector<int32_t> values(30);
  std::iota(values.begin(), values.end(), 0);
  checkpoint.add("whole", DT_INT32, {6, 5}, int32_bytes(values));
  auto bundle = checkpoint.open();
  for (const char* key : {"w", "whole"}) {
    EXPECT_EQ(bundle->read_slice(key, "").value().to_int64s(), counting(30));
    EXPECT_EQ(bundle->read_slice(key, "6 5 -:-").value().to_int64s(), counting(30));
    EXPECT_EQ(bundle->read_slice(key, "6 5 2,4:3,2").value().to_int64s(), (std::vector<int64_t>{13, 14, 18, 19, 23, 24, 28, 29}));
    EXPECT_EQ(bundle->read_slice(key, "6 5 1,2:2,2").value().to_int64s(), (std::vector<int64_t>{7, 8, 12, 13}));
    EXPECT_EQ(type_text(bundle->read_slice(key, "6 5 1,0:-").value()), "int32[0,5]");
    for (const char* wrong : {"6 5", "6 4 -:-", "6 5 -", "6 5 -:-:-", "6 5 5,2:-", "6 5 -1,2:-", "6 5 1:-", "x 5 -:-", "6 5 9223372036854775807,2:-", "-:-"}) {
      EXPECT_EQ(bundle->read_slice(key, wrong).error().code, ErrorCode::kInvalidModel) << wrong;
    }
  }
}

TEST(TensorBundle, RefusesPartsThatDoNotCoverTheTensor) {
  const auto read = [](const Checkpoint& checkpoint) {
    auto bundle = checkpoint.open();
    return bundle ? bundle->read("w").error().message : bundle.error().message;
  };
  Checkpoint gap = partitioned();
  gap.entries["w"].mutable_slices()->RemoveLast();
  EXPECT_EQ(read(gap), "the parts of the partitioned tensor leave a gap");
  Checkpoint overlap = partitioned();
  *overlap.entries["w"].mutable_slices(1) = overlap.entries["w"].slices(0);
  EXPECT_EQ(read(overlap), "parts of the partitioned tensor overlap");
  Checkpoint missing = partitioned();
  missing.entries.erase(std::string("\0w\0\1\1\2\x82\x84\x80\x83", 10));
  EXPECT_EQ(read(missing), "the index lacks the part of a partitioned tensor that starts at [2,0]");
  Checkpoint outside = partitioned();
  outside.entries["w"].mutable_slices(2)->mutable_extent(1)->set_length(3);
  EXPECT_EQ(read(outside), "a slice passes the end of its tensor of shape [6,5]");
  Checkpoint other_type = partitioned();
  other_type.entries["w"].set_dtype(DT_FLOAT);
  EXPECT_EQ(read(other_type), "a part of a partitioned tensor has another type than its tensor");
}

// Keys that TensorFlow 2.19 wrote.
TEST(SliceKey, IsTensorFlows) {
  EXPECT_EQ(encode_slice_key(std::string_view("b\0n\xff", 4), {4, 0}, {2, -1}), std::string("\0b\0\xffn\xff\0\0\1\1\2\x84\x82\x80\x7f", 15));
  EXPECT_EQ(encode_slice_key("m", {0}, {63}), std::string("\0m\0\1\1\1\x80\xbf", 8));
  EXPECT_EQ(encode_slice_key("m", {64}, {65}), std::string("\0m\0\1\1\1\xc0\x40\xc0\x41", 10));
  EXPECT_EQ(encode_slice_key("m", {8191}, {8192}), std::string("\0m\0\1\1\1\xdf\xff\xe0\x20\0", 11));
  EXPECT_EQ(encode_slice_key("m", {1048577}, {1951423}), std::string("\0m\0\1\1\1\xf0\x10\0\1\xf0\x1d\xc6\xbf", 14));
}

TEST(TensorBundle, NoticesDamage) {
  Checkpoint checkpoint;
  checkpoint.add("a", DT_INT32, {2}, int32_bytes({1, 2}));
  checkpoint.shards[0][3] ^= 1;
  const auto damaged = checkpoint.open().value().read("a");
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code, ErrorCode::kMalformed);
  EXPECT_EQ(damaged.error().context.at(0), "reading the tensor \"a\" of the checkpoint checkpoint");

  const auto code = [](const std::function<void(Checkpoint&, BundleEntryProto&)>& change) {
    Checkpoint changed;
    change(changed, changed.add("a", DT_INT32, {2}, int32_bytes({1, 2})));
    auto bundle = changed.open();
    return bundle ? bundle->read("a").error().code : bundle.error().code;
  };
  EXPECT_EQ(code([](auto& checkpoint_, auto&) { checkpoint_.shards[0].pop_back(); }), ErrorCode::kTruncated);
  EXPECT_EQ(code([](auto&, auto& entry) { entry.set_offset(INT64_MAX); }), ErrorCode::kTruncated);
  EXPECT_EQ(code([](auto&, auto& entry) { entry.set_offset(-1); }), ErrorCode::kMalformed);
  EXPECT_EQ(code([](auto&, auto& entry) { entry.set_size(4); }), ErrorCode::kInvalidModel);
  EXPECT_EQ(code([](auto&, auto& entry) { entry.mutable_shape()->mutable_dim(0)->set_size(-2); }), ErrorCode::kMalformed);
  EXPECT_EQ(code([](auto&, auto& entry) { entry.mutable_shape()->set_unknown_rank(true); }), ErrorCode::kMalformed);
  EXPECT_EQ(code([](auto&, auto& entry) { entry.set_shard_id(1); }), ErrorCode::kMalformed);
  EXPECT_EQ(code([](auto&, auto& entry) { entry.set_dtype(DT_VARIANT); }), ErrorCode::kUnsupported);
  EXPECT_EQ(code([](auto&, auto& entry) { entry.set_dtype(DT_FLOAT8_E5M2); }), ErrorCode::kUnsupported);
  EXPECT_EQ(code([](auto& checkpoint_, auto&) { checkpoint_.header.set_endianness(BundleHeaderProto::BIG); }), ErrorCode::kUnsupported);
  EXPECT_EQ(code([](auto& checkpoint_, auto&) { checkpoint_.header.mutable_version()->set_min_consumer(2); }), ErrorCode::kUnsupported);
  EXPECT_EQ(code([](auto& checkpoint_, auto&) { checkpoint_.header.set_num_shards(0); }), ErrorCode::kMalformed);

  Checkpoint bools;
  bools.add("b", DT_BOOL, {1}, "\2");
  EXPECT_EQ(bools.open().value().read("b").error().message, "a bool is neither 0 nor 1");
}

TEST(TensorBundle, NamesTheFileThatIsMissing) {
  const TemporaryDirectory directory;
  const auto no_index = TensorBundle::open(directory / "variables", Limits{});
  EXPECT_EQ(no_index.error().code, ErrorCode::kNotFound);

  Checkpoint checkpoint;
  checkpoint.add("a", DT_INT32, {1}, int32_bytes({7}));
  write_text(directory / "variables.index", checkpoint.index());
  auto bundle = TensorBundle::open(directory / "variables", Limits{});
  ASSERT_TRUE(bundle) << bundle.error().describe();
  const auto missing = bundle->read("a");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().message.find("variables.data-00000-of-00001 is missing"), std::string::npos);
  EXPECT_NE(missing.error().hint.find("copy all .data files"), std::string::npos);

  write_text(directory / "variables.data-00000-of-00001", checkpoint.shards[0]);
  EXPECT_EQ(bundle->read("a").value().to_int64s(), (std::vector<int64_t>{7}));
}

// Checkpoints that TensorFlow wrote, among them partitioned variables and several data files.
TEST(TensorBundle, ReadsEveryTensorThatTensorFlowWrote) {
  int checkpoints = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(ISOMER_SOURCE_DIR "/tests/formats")) {
    if (file.path().filename() != "variables.index") continue;
    ++checkpoints;
    const std::string prefix = (file.path().parent_path() / "variables").string();
    auto bundle = TensorBundle::open(prefix, Limits{});
    ASSERT_TRUE(bundle) << bundle.error().describe();
    EXPECT_FALSE(bundle->keys().empty()) << prefix;
    for (const std::string& key : bundle->keys()) {
      const auto tensor = bundle->read(key);
      ASSERT_TRUE(tensor) << tensor.error().describe();
      EXPECT_EQ(tensor->shape(), bundle->find(key)->shape);
    }
  }
  EXPECT_GT(checkpoints, 5);
}

TEST(TensorBundleWriter, WritesWhatIsReadAgain) {
  const TemporaryDirectory directory;
  const std::string target = directory / "checkpoint";
  auto output = AtomicDirectory::create(target, [](std::string_view) { return false; });
  ASSERT_TRUE(output);
  auto writer = TensorBundleWriter::create(*output, "variables/variables");
  ASSERT_TRUE(writer);
  const Tensor numbers = Tensor::int64s(std::vector<int64_t>{1, -2, 3}), text = Tensor::from_strings({2}, std::vector<std::string>{"", std::string(300, 'x')});
  EXPECT_TRUE(writer->add("b/kernel", numbers));
  EXPECT_TRUE(writer->add("a", text));
  EXPECT_TRUE(writer->add("scalar", Tensor::scalar(2.5F)));
  EXPECT_EQ(writer->add("a", text).error().code, ErrorCode::kInvalidModel);
  ASSERT_TRUE(writer->finish());
  ASSERT_TRUE(output->commit());
  auto bundle = TensorBundle::open(target + "/variables/variables", {});
  ASSERT_TRUE(bundle) << bundle.error().describe();
  EXPECT_EQ(bundle->keys(), (std::vector<std::string>{"a", "b/kernel", "scalar"}));
  EXPECT_TRUE(bundle->read("b/kernel").value().identical(numbers));
  EXPECT_TRUE(bundle->read("a").value().identical(text));
  EXPECT_EQ(bundle->read("scalar").value().at<float>(0), 2.5F);
}

}  // namespace
}  // namespace isomer::tf
