// The HDF5 reader on files of h5py (tests/formats/hdf5) and of the writer, whole and damaged; the writer.
#include <gtest/gtest.h>

#include <cstring>

#include "base/mapped_file.h"
#include "wire/hdf5.h"
#include "wire/hdf5_file.h"
#include "wire/hdf5_writer.h"

namespace isomer {
namespace {

constexpr const char* kFiles[] = {"plain_earliest", "plain_latest", "user_block", "chunked_earliest", "chunked_latest", "dense"};

std::string content_of(const std::string& name) {
  const auto file = map_file(std::string(ISOMER_SOURCE_DIR) + "/tests/formats/hdf5/" + name + ".h5");
  EXPECT_TRUE(file) << file.error().describe();
  return file ? std::string(file->text()) : std::string();
}

Result<Hdf5Object> open(const std::string& content, const Limits& limits = {}) { return TRY(Hdf5File::open(Bytes::from_string(content), limits)).root(); }

// Everything in a file, or the first error.
Result<int64_t> read_all(const Hdf5Object& object, int depth = 0) {
  int64_t values = 0;
  if (depth > 20) return values;
  if (object.is_dataset()) {
    const auto read = object.read();
    if (!read && !TRY(object.type()).is_string()) return fail(read.error());
    if (!read) TRY(object.read_strings());
    ++values;
  }
  for (const Hdf5Attribute& attribute : TRY(object.attributes())) {
    if (attribute.type().is_string()) {
      TRY(attribute.read_strings());
    } else {
      TRY(attribute.read());
    }
    ++values;
  }
  for (const Hdf5Link& link : TRY(object.children())) {
    if (link.kind != Hdf5Link::Kind::kExternal) values += TRY(read_all(TRY(object.open(link)), depth + 1));
  }
  return values;
}

template <class Number>
std::vector<Number> numbers(const Bytes& bytes) {
  std::vector<Number> values(static_cast<size_t>(bytes.size()) / sizeof(Number));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(Number));
  return values;
}

template <class Number>
Bytes bytes_of(const std::vector<Number>& values) {
  return Bytes::copy_of(std::as_bytes(std::span(values)));
}

TEST(Hdf5, ReadsPlainFiles) {
  for (const char* name : {"plain_earliest", "plain_latest", "user_block"}) {
    SCOPED_TRACE(name);
    const auto root = open(content_of(name));
    ASSERT_TRUE(root) << root.error().describe();
    EXPECT_EQ(numbers<int32_t>(root->find("big_i4")->read().value()), (std::vector<int32_t>{0, 1, 2, 3, 4, 5}));
    EXPECT_EQ(numbers<float>(root->find("big_f4")->read().value()), (std::vector<float>{0, 1, 2, 3, 4, 5}));
    EXPECT_EQ(numbers<double>(root->find("little_f8")->read().value()), (std::vector<double>{0, 1, 2, 3, 4, 5}));
    EXPECT_EQ(root->find("little_f2")->type()->name, "float16");
    EXPECT_EQ(root->find("little_u8")->space()->shape, (std::vector<int64_t>{2, 3}));
    EXPECT_EQ(root->find("soft")->address(), root->find("/big_i4")->address());
    EXPECT_EQ(root->find("outside").error().code, ErrorCode::kUnsupported);
    EXPECT_EQ(root->find("missing/x").error().code, ErrorCode::kNotFound);
    EXPECT_TRUE(root->find("scalar")->space()->shape.empty());
    EXPECT_EQ(root->find("empty")->read()->size(), 0);
    EXPECT_EQ(numbers<int32_t>(root->find("never")->read().value()), (std::vector<int32_t>{7, 7}));
    EXPECT_EQ(root->find("texts")->read_strings().value(), (std::vector<std::string>{"a", "größer", ""}));
    EXPECT_EQ(root->find("fixed")->read_strings().value(), (std::vector<std::string>{"ab", "abc"}));
    EXPECT_EQ(root->find("texts")->read().error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ((*root->attribute("model_config"))->read_strings()->at(0), "{\"class_name\": \"Sequential\"}");
    EXPECT_EQ((*root->attribute("layer_names"))->read_strings().value(), (std::vector<std::string>{"dense", "dense_1"}));
    EXPECT_EQ((*root->attribute("flag"))->type().name, "bool");
    EXPECT_EQ((*root->attribute("complex"))->type().name, "complex64");
    EXPECT_EQ(numbers<float>((*root->attribute("complex"))->read().value()), (std::vector<float>{1, 2}));
    EXPECT_TRUE((*root->attribute("null"))->space().is_null);
  }
}

TEST(Hdf5, LeavesContiguousDataWhereItLies) {
  const Bytes file = Bytes::from_string(content_of("plain_latest"));
  const Bytes data = Hdf5File::open(file, {})->root()->find("little_f8")->read().value();
  EXPECT_TRUE(data.data() > file.data() && data.data() < file.data() + file.size());
}

TEST(Hdf5, FindsChunksByEveryIndex) {
  std::vector<int16_t> expected(35);
  for (size_t i = 0; i < expected.size(); ++i) expected[i] = static_cast<int16_t>(i);
  for (const char* name : {"chunked_earliest", "chunked_latest"}) {
    const auto root = open(content_of(name));
    ASSERT_TRUE(root) << root.error().describe();
    const auto children = root->children();
    ASSERT_EQ(children->size(), 11u);
    for (const Hdf5Link& link : *children) EXPECT_EQ(numbers<int16_t>(root->open(link)->read().value()), expected) << name << " " << link.name;
  }
}

TEST(Hdf5, ReadsDenseStorageInOrderOfCreation) {
  const auto root = open(content_of("dense"));
  ASSERT_TRUE(root) << root.error().describe();
  const auto children = root->children().value();
  const auto attributes = root->attributes().value();
  ASSERT_EQ(children.size(), 40u);
  ASSERT_EQ(attributes.size(), 41u);
  EXPECT_EQ(children[0].name, "member_39");
  EXPECT_EQ(children[39].name, "member_00");
  EXPECT_EQ(attributes[0].name(), "attribute_39");
  EXPECT_EQ(numbers<int32_t>(attributes[7].read().value()), std::vector<int32_t>{7});
  EXPECT_EQ(numbers<float>(attributes[40].read().value()).at(2999), 2999);
}

TEST(Hdf5, KnowsTheChecksum) {
  EXPECT_EQ(hdf5::lookup3({}), 0xdeadbeefu);
  const std::string text = "Four score and seven years ago";
  EXPECT_EQ(hdf5::lookup3(std::as_bytes(std::span(text))), 0x17770551u);
}

TEST(Hdf5, RefusesWhatIsNoHdf5) {
  EXPECT_EQ(open("").error().code, ErrorCode::kMalformed);
  EXPECT_EQ(open(std::string(4096, 'x')).error().code, ErrorCode::kMalformed);
  EXPECT_FALSE(looks_like_hdf5(Bytes::from_string("PK\3\4")));
  EXPECT_TRUE(looks_like_hdf5(Bytes::from_string(content_of("user_block"))));
}

Hdf5Node dataset(Hdf5Type type, std::vector<int64_t> shape, std::vector<Bytes> pieces) {
  Hdf5Node node;
  node.data = Hdf5Data{std::move(type), std::move(shape), false, std::move(pieces), {}};
  return node;
}

Hdf5NamedData text_attribute(const std::string& name, Hdf5Type type, std::vector<std::string> strings) {
  return {name, Hdf5Data{std::move(type), {static_cast<int64_t>(strings.size())}, false, {}, strings}};
}

Result<std::string> written(const Hdf5Node& node) {
  std::string content;
  TRY(write_hdf5(node, [&](std::span<const std::byte> bytes) -> Result<void> {
    content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }));
  return content;
}

Hdf5Node keras_model() {
  Hdf5Node layer;
  layer.attributes.push_back(text_attribute("weight_names", hdf5_fixed_string(14), {"dense/kernel:0", "dense/bias:0"}));
  layer.children.push_back({"kernel:0", dataset(hdf5_float(4), {2, 2}, {bytes_of<float>({1, 2}), bytes_of<float>({3, 4})})});
  layer.children.push_back({"bias:0", dataset(hdf5_float(4), {0}, {})});
  Hdf5Node root;
  root.attributes.push_back({"model_config", Hdf5Data{hdf5_variable_string(), {}, false, {}, {"{}"}}});
  root.attributes.push_back(text_attribute("layer_names", hdf5_variable_string(), {"dense", "", "größer"}));
  root.attributes.push_back({"größe", Hdf5Data{hdf5_integer(8, true), {}, false, {bytes_of<int64_t>({-5})}, {}}});
  root.attributes.push_back({"flag", Hdf5Data{hdf5_bool(), {}, false, {bytes_of<int8_t>({1})}, {}}});
  root.attributes.push_back({"null", Hdf5Data{hdf5_float(2), {}, true, {}, {}}});
  root.children.push_back({"dense", std::move(layer)});
  return root;
}

TEST(Hdf5Writer, ComesBack) {
  const std::string content = written(keras_model()).value();
  const auto root = open(content);
  ASSERT_TRUE(root) << root.error().describe();
  EXPECT_EQ(numbers<float>(root->find("dense/kernel:0")->read().value()), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(root->find("dense/bias:0")->space()->shape, std::vector<int64_t>{0});
  EXPECT_EQ((*root->find("dense")->attribute("weight_names"))->read_strings().value(), (std::vector<std::string>{"dense/kernel:0", "dense/bias:0"}));
  EXPECT_EQ((*root->attribute("layer_names"))->read_strings().value(), (std::vector<std::string>{"dense", "", "größer"}));
  EXPECT_EQ(numbers<int64_t>((*root->attribute("größe"))->read().value()), std::vector<int64_t>{-5});
  EXPECT_EQ((*root->attribute("flag"))->type().name, "bool");
  EXPECT_TRUE((*root->attribute("null"))->space().is_null);
}

TEST(Hdf5Writer, WritesTheSameBytesInAnyOrderOfMembers) {
  Hdf5Node node = keras_model();
  const std::string content = written(node).value();
  std::swap(node.children[0].node.children[0], node.children[0].node.children[1]);
  EXPECT_EQ(written(node).value(), content);
}

TEST(Hdf5Writer, HoldsLargeGroupsAndManyAttributes) {
  Hdf5Node root;
  for (int i = 0; i < 3000; ++i) {
    root.children.push_back({"member_" + std::to_string(i), dataset(hdf5_integer(4, true), {}, {bytes_of<int32_t>({i})})});
    root.attributes.push_back(
        {"attribute_" + std::to_string(i), Hdf5Data{hdf5_integer(2, false), {}, false, {bytes_of<uint16_t>({static_cast<uint16_t>(i)})}, {}}});
  }
  root.attributes.push_back(text_attribute("large", hdf5_fixed_string(65000), {std::string(65000, 'x')}));
  const auto back = open(written(root).value());
  ASSERT_TRUE(back) << back.error().describe();
  EXPECT_EQ(back->children()->size(), 3000u);
  EXPECT_EQ(back->attributes()->size(), 3001u);
  for (const int i : {0, 7, 8, 2999}) EXPECT_EQ(numbers<int32_t>(back->find("member_" + std::to_string(i))->read().value()), std::vector<int32_t>{i});
}

TEST(Hdf5Writer, RefusesWhatTheFormatCannotHold) {
  const auto code_of = [](const Hdf5Node& node) { return written(node).error().code; };
  Hdf5Node root;
  root.attributes = {text_attribute("a", hdf5_fixed_string(66000), {std::string(66000, 'x')})};
  EXPECT_EQ(code_of(root), ErrorCode::kInvalidArgument);
  root.attributes = {text_attribute("a", hdf5_fixed_string(2), {"abc"})};
  EXPECT_EQ(code_of(root), ErrorCode::kInvalidArgument);
  root.attributes = {text_attribute("a", hdf5_variable_string(), {"x"}), text_attribute("a", hdf5_variable_string(), {"y"})};
  EXPECT_EQ(code_of(root), ErrorCode::kInvalidArgument);
  root.attributes.clear();
  root.children.push_back({"a", dataset(hdf5_float(4), {3}, {bytes_of<float>({1, 2})})});
  EXPECT_EQ(code_of(root), ErrorCode::kInvalidArgument);
  root.children = {{"a/b", {}}};
  EXPECT_EQ(code_of(root), ErrorCode::kInvalidArgument);
  root.children = {{"a", {}}, {"a", {}}};
  EXPECT_EQ(code_of(root), ErrorCode::kInvalidArgument);
}

TEST(Hdf5Damage, EveryTruncationIsAnErrorOrHarmless) {
  const std::string model = written(keras_model()).value();
  for (size_t size = 0; size < model.size(); ++size) {
    const auto root = open(model.substr(0, size), Limits::tiny());
    if (!root || !read_all(*root)) continue;
    ADD_FAILURE() << "the root lies at the end, yet " << size << " of " << model.size() << " bytes are enough";
  }
  for (const char* name : kFiles) {
    const std::string content = content_of(name);
    for (size_t size = 0; size < content.size(); size += 5) {
      const auto root = open(content.substr(0, size), Limits::tiny());
      if (root) static_cast<void>(read_all(*root));
    }
  }
}

TEST(Hdf5Damage, NoFlippedBitDoesHarm) {
  const auto flip = [](const std::string& content, size_t step) {
    for (size_t bit = 0; bit < 8 * content.size(); bit += step) {
      std::string damaged = content;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
      const auto root = open(damaged, Limits::tiny());
      if (root) static_cast<void>(read_all(*root));
    }
  };
  Hdf5Node small;  // without strings of variable length, whose heaps are mostly empty
  small.attributes.push_back({"a", Hdf5Data{hdf5_integer(2, true), {2}, false, {bytes_of<int16_t>({1, 2})}, {}}});
  small.children.push_back({"x", dataset(hdf5_float(4), {2}, {bytes_of<float>({1, 2})})});
  flip(written(small).value(), 1);
  flip(written(keras_model()).value(), 31);
  for (const char* name : kFiles) flip(content_of(name), 149);
}

// The first child of a group's B-tree is made the tree itself.
TEST(Hdf5Damage, CyclesEnd) {
  std::string content = written(keras_model()).value();
  const size_t tree = content.find("TREE");
  ASSERT_NE(tree, content.npos);
  content[tree + 5] = 1;  // level
  for (size_t i = 0; i < 8; ++i) content[tree + 24 + 8 + i] = static_cast<char>(tree >> (8 * i));
  const auto root = open(content);
  ASSERT_TRUE(root);
  EXPECT_EQ(read_all(*root).error().code, ErrorCode::kMalformed);
}

// A dataset that was never stored may not claim more than the file can be believed to pack.
TEST(Hdf5Damage, AFewBytesClaimNoMemory) {
  Hdf5Node root;
  root.children.push_back({"x", dataset(hdf5_integer(1, true), {0x7654}, {Bytes::from_string(std::string(0x7654, 'x'))})});
  std::string content = written(root).value();
  const size_t extent = content.find(std::string("\x54\x76\0\0\0\0\0\0", 8));
  ASSERT_NE(extent, content.npos);
  content[extent + 3] = 0x7f;
  EXPECT_EQ(open(content)->find("x")->read().error().code, ErrorCode::kMalformed);  // more than its layout has room for
  const size_t layout = content.find(std::string("\3\1\x60\0\0\0\0\0\0\0", 10));
  ASSERT_NE(layout, content.npos);
  content.replace(layout + 2, 8, 8, '\xff');
  EXPECT_EQ(open(content)->find("x")->read().error().code, ErrorCode::kLimitExceeded);
  content[extent + 3] = 0;
  EXPECT_EQ(open(content)->find("x")->read()->text(), std::string(0x7654, '\0'));
}

}  // namespace
}  // namespace isomer
