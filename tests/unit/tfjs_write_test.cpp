#include "formats/tfjs/write.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tensor/half.h"

namespace isomer::tfjs {
namespace {

class TfjsWrite : public testing::Test {
 protected:
  TfjsWrite() {
    std::string pattern = testing::TempDir() + "/tfjs_write_XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~TfjsWrite() override { std::filesystem::remove_all(folder_); }

  std::string content(const std::string& name) {
    std::ifstream file(folder_ + "/" + name, std::ios::binary);
    EXPECT_TRUE(file) << name;
    return std::string((std::istreambuf_iterator<char>(file)), {});
  }
  static GraphModelOutput model_with(std::vector<std::pair<std::string, Tensor>> weights) {
    GraphModelOutput model;
    for (auto& [name, value] : weights) {
      tf::NodeDef& node = *model.topology.add_node();
      node.set_name(name);
      node.set_op("Const");
      model.weights.push_back({name, std::move(value), {}});
    }
    return model;
  }
  template <class T>
  static Tensor tensor(DType dtype, std::vector<T> values) {
    return Tensor::of<T>(dtype, {static_cast<int64_t>(values.size())}, values);
  }
  Tensor written(const GraphModelOutput& model, std::string_view name, const WriteOptions& options = {}) {
    auto report = write_graph_model(model, folder_ + "/m", options);
    EXPECT_TRUE(report) << (report ? "" : report.error().describe());
    auto document = read_graph_model(folder_ + "/m");
    EXPECT_TRUE(document) << (document ? "" : document.error().describe());
    return document->weight(name, Limits{}).value();
  }

  std::string folder_;
};

tf::AttrValue& attribute(tf::NodeDef& node, const std::string& key) {
  tf::AttrEntry& entry = *node.add_attr();
  entry.set_key(key);
  return *entry.mutable_value();
}

TEST_F(TfjsWrite, SpellsAModelAsTheConverterDoes) {
  GraphModelOutput model = model_with({{"c", tensor<float>(DType::kFloat32, {1, 2})}});
  tf::NodeDef& constant = *model.topology.mutable_node(0);
  tf::TensorProto& value = *attribute(constant, "value").mutable_tensor();
  value.set_dtype(tf::DT_FLOAT);
  value.mutable_tensor_shape()->add_dim()->set_size(2);
  value.set_tensor_content("12345678");
  attribute(constant, "dtype").set_type(tf::DT_FLOAT);
  tf::NodeDef& node = *model.topology.add_node();
  node.set_name("n");
  node.set_op("Op");
  node.add_input("c");
  attribute(node, "b").set_b(false);
  attribute(node, "f").set_f(0.1f);
  attribute(node, "i").set_i(0);
  attribute(node, "s").set_s("");
  attribute(node, "l").mutable_list();
  attribute(node, "li").mutable_list()->add_i(-1);
  attribute(node, "inf").set_f(-INFINITY);
  attribute(node, "sh").mutable_shape()->add_dim();
  attribute(node, "sc").mutable_shape();
  attribute(node, "fn").mutable_func()->set_name("g");
  attribute(node, "t").set_type(static_cast<tf::DataType>(77));
  tf::FunctionDef& function = *model.topology.mutable_library()->add_function();
  function.mutable_signature()->set_name("g");
  tf::StringEntry& ret = *function.add_ret();
  ret.set_key("out");
  ret.set_value("a:b:0");
  tf::FunctionDef::ArgAttrEntry& argument = *function.add_arg_attr();
  argument.set_key(0);
  argument.mutable_value();
  model.topology.mutable_versions()->set_producer(716);
  model.signature.outputs.push_back({"y", "n:0", tf::DT_FLOAT, PartialShape({-1, 2}), {}});
  model.generated_by = "2.7.0";
  model.converted_by = "me";
  model.user_metadata = JsonValue::object();
  ASSERT_TRUE(write_graph_model(model, folder_ + "/m"));
  EXPECT_EQ(
      content("m/model.json"),
      R"({"format": "graph-model", "generatedBy": "2.7.0", "convertedBy": "me", )"
      R"("signature": {"outputs": {"y": {"name": "n:0", "dtype": "DT_FLOAT", "tensorShape": {"dim": [{"size": "-1"}, {"size": "2"}]}}}}, )"
      R"("userDefinedMetadata": {}, "modelTopology": {"node": [)"
      R"({"name": "c", "op": "Const", "attr": {"value": {"tensor": {"dtype": "DT_FLOAT", "tensorShape": {"dim": [{"size": "2"}]}}}, "dtype": {"type": "DT_FLOAT"}}}, )"
      R"({"name": "n", "op": "Op", "input": ["c"], "attr": {"b": {"b": false}, "f": {"f": 0.1}, "i": {"i": "0"}, "s": {"s": ""}, "l": {"list": {}}, )"
      R"("li": {"list": {"i": ["-1"]}}, "inf": {"f": "-Infinity"}, "sh": {"shape": {"dim": [{"size": "0"}]}}, "sc": {"shape": {}}, )"
      R"("fn": {"func": {"name": "g"}}, "t": {"type": 77}}}], )"
      R"("library": {"function": [{"signature": {"name": "g", "inputArg": [], "outputArg": []}, "ret": {"out": "a:b:0"}, "argAttr": {"0": {}}}]}, )"
      R"("versions": {"producer": 716}}, )"
      R"("weightsManifest": [{"paths": ["group1-shard1of1.bin"], "weights": [{"name": "c", "shape": [2], "dtype": "float32"}]}]})");
}

TEST_F(TfjsWrite, GraphWithoutVersionsGetsAnObject) {
  GraphModelOutput model;
  ASSERT_TRUE(write_graph_model(model, folder_ + "/m"));
  EXPECT_NE(content("m/model.json").find(R"("modelTopology": {"versions": {}}, "weightsManifest": [{"paths": [], "weights": []}]})"), std::string::npos);
}

TEST_F(TfjsWrite, CutsWeightsIntoEqualFiles) {
  const GraphModelOutput model =
      model_with({{"a", tensor<float>(DType::kFloat32, {1, 2, 3})}, {"b", tensor<uint8_t>(DType::kBool, {1})}, {"c", tensor<int32_t>(DType::kInt32, {7, 8})}});
  WriteOptions options;
  options.weight_shard_size_bytes = 8;
  const WriteReport report = write_graph_model(model, folder_ + "/m", options).value();
  EXPECT_EQ(report.weight_bytes, 21);
  EXPECT_EQ(report.files, (std::vector<std::string>{"group1-shard1of3.bin", "group1-shard2of3.bin", "group1-shard3of3.bin", "model.json"}));
  EXPECT_EQ(content("m/group1-shard1of3.bin").size(), 8u);
  EXPECT_EQ(content("m/group1-shard3of3.bin").size(), 5u);
  const GraphModelDocument document = read_graph_model(folder_ + "/m").value();
  EXPECT_EQ(document.weight("c", Limits{})->to_int64s(), (std::vector<int64_t>{7, 8}));
  options.weight_shard_size_bytes = 7;  // divides the total: no empty file at the end
  EXPECT_EQ(write_graph_model(model, folder_ + "/m", options)->files.size(), 4u);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/m/group1-shard1of3.bin") && std::filesystem::exists(folder_ + "/m/group1-shard4of4.bin"));
  options.weight_shard_size_bytes = 0;
  EXPECT_EQ(write_graph_model(model, folder_ + "/m", options).error().code, ErrorCode::kInvalidArgument);
}

// More files than are gathered, of weights that are written from where they lie and of weights that are narrowed on the way, across the borders of files.
TEST_F(TfjsWrite, WritesManyFilesInOrder) {
  std::vector<std::pair<std::string, Tensor>> weights;
  for (int w = 0; w < 40; ++w) {
    std::vector<float> floats(37);
    std::vector<double> doubles(23);
    for (size_t i = 0; i < floats.size(); ++i) floats[i] = static_cast<float>(w) + static_cast<float>(i) / 64;
    for (size_t i = 0; i < doubles.size(); ++i) doubles[i] = w * 100 + static_cast<double>(i) / 64;
    weights.emplace_back("f" + std::to_string(w), tensor<float>(DType::kFloat32, floats));
    weights.emplace_back("d" + std::to_string(w), tensor<double>(DType::kFloat64, doubles));
  }
  std::vector<float> expected;
  for (const auto& [name, value] : weights)
    for (int64_t i = 0; i < value.elements(); ++i) expected.push_back(static_cast<float>(value.as_double(i)));
  WriteOptions options;
  options.weight_shard_size_bytes = 100;
  ASSERT_TRUE(write_graph_model(model_with(weights), folder_ + "/m", options));
  const size_t bytes = expected.size() * sizeof(float), files = (bytes + 99) / 100;
  std::string joined;
  for (size_t i = 1; i <= files; ++i) {
    joined += content("m/group1-shard" + std::to_string(i) + "of" + std::to_string(files) + ".bin");
    EXPECT_EQ(joined.size(), std::min(i * 100, bytes));
  }
  EXPECT_EQ(std::memcmp(joined.data(), expected.data(), bytes), 0);
}

TEST_F(TfjsWrite, NarrowsToWhatTheFormatHas) {
  std::vector<int64_t> many(150'000);
  for (size_t i = 0; i < many.size(); ++i) many[i] = static_cast<int64_t>(i) - 75'000;
  const double parts[] = {1, 2};
  const Tensor complex = Tensor::of<double>(DType::kComplex128, {1}, parts);
  const std::vector<std::string> strings = {"", "a", std::string(5000, 'x'), "z"};
  const GraphModelOutput model = model_with({
      {"i64", tensor<int64_t>(DType::kInt64, many)},
      {"f64", tensor<double>(DType::kFloat64, {0.1, 1e300, -INFINITY})},
      {"half", tensor<uint16_t>(DType::kHalf, {double_to_half(1.5)})},
      {"bf16", tensor<uint16_t>(DType::kBfloat16, {double_to_bfloat16(-2)})},
      {"u8", tensor<uint8_t>(DType::kUint8, {255})},
      {"i16", tensor<int16_t>(DType::kInt16, {-300})},
      {"c128", complex},
      {"s", Tensor::from_strings({4}, strings)},
      {"bool", tensor<uint8_t>(DType::kBool, {1, 0})},
  });
  const WriteReport report = write_graph_model(model, folder_ + "/m").value();
  const GraphModelDocument document = read_graph_model(folder_ + "/m").value();
  const auto get = [&](std::string_view name) { return document.weight(name, Limits{}).value(); };
  EXPECT_EQ(get("i64").dtype(), DType::kInt32);
  EXPECT_EQ(get("i64").to_int64s(), many);
  EXPECT_EQ(get("f64").at<float>(0), 0.1f);
  EXPECT_EQ(get("f64").at<float>(1), INFINITY);
  EXPECT_EQ(get("half").at<float>(0), 1.5f);
  EXPECT_EQ(get("bf16").at<float>(0), -2.0f);
  EXPECT_EQ(get("u8").at<int32_t>(0), 255);
  EXPECT_EQ(get("i16").at<int32_t>(0), -300);
  EXPECT_EQ(get("c128").dtype(), DType::kComplex64);
  EXPECT_EQ(get("c128").at<float>(1), 2.0f);
  for (size_t i = 0; i < strings.size(); ++i) EXPECT_EQ(get("s").string_at(static_cast<int64_t>(i)), strings[i]);
  EXPECT_EQ(get("bool").dtype(), DType::kBool);
  ASSERT_EQ(report.narrowed.size(), 7u);
  EXPECT_EQ(report.narrowed[1].name, "f64");
  EXPECT_EQ(report.narrowed[1].out_of_range, 1);  // an infinity stays one
}

TEST_F(TfjsWrite, RefusesIntegersBeyond32Bits) {
  const GraphModelOutput model = model_with({{"big", tensor<int64_t>(DType::kInt64, {1, int64_t{1} << 31, INT64_MIN})}});
  const Error error = write_graph_model(model, folder_ + "/m").error();
  EXPECT_EQ(error.code, ErrorCode::kUnsupported);
  EXPECT_NE(error.message.find("\"big\" holds 2147483648 at element 1"), std::string::npos) << error.message;
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/m"));
  WriteOptions options;
  options.narrow.saturate_integers = true;
  EXPECT_EQ(written(model, "big", options).to_int64s(), (std::vector<int64_t>{1, INT32_MAX, INT32_MIN}));
  const GraphModelOutput huge = model_with({{"u", tensor<uint64_t>(DType::kUint64, {UINT64_MAX})}});
  EXPECT_NE(write_graph_model(huge, folder_ + "/u").error().message.find("18446744073709551615"), std::string::npos);
  EXPECT_EQ(written(huge, "u", options).to_int64s(), (std::vector<int64_t>{INT32_MAX}));
}

TEST_F(TfjsWrite, WritesCodesOfQuantisedWeightsAsTheyAre) {
  GraphModelOutput model = model_with({{"q", tensor<uint8_t>(DType::kUint8, {0, 20, 255})}});
  WeightQuantization quantization;
  quantization.storage = DType::kUint8;
  quantization.scale = 0.5;
  quantization.min = -10;
  quantization.original_dtype = "float32";
  model.weights[0].quantization = quantization;
  EXPECT_EQ(written(model, "q").at<float>(1), 0.0f);
  EXPECT_EQ(content("m/group1-shard1of1.bin"), std::string("\x00\x14\xFF", 3));
  EXPECT_NE(content("m/model.json").find(R"("dtype": "float32", "quantization": {"dtype": "uint8", "min": -10.0, "scale": 0.5, "original_dtype": "float32"})"),
            std::string::npos);
  model.weights[0].value = tensor<float>(DType::kFloat32, {1});
  EXPECT_EQ(write_graph_model(model, folder_ + "/n").error().code, ErrorCode::kInvalidArgument);
}

TEST_F(TfjsWrite, ChecksThatWeightsAndConstNodesMatch) {
  GraphModelOutput model = model_with({{"a", Tensor::scalar(1.0f)}});
  model.weights.push_back({"b", Tensor::scalar(1.0f), {}});
  EXPECT_EQ(write_graph_model(model, folder_ + "/m").error().message, "the weight \"b\" has no Const node");
  model.weights.clear();
  EXPECT_EQ(write_graph_model(model, folder_ + "/m").error().message, "the Const node \"a\" has no weight");
  model.weights = {{"a", Tensor::scalar(1.0f), {}}, {"a", Tensor::scalar(1.0f), {}}};
  EXPECT_EQ(write_graph_model(model, folder_ + "/m").error().code, ErrorCode::kInvalidModel);
}

TEST_F(TfjsWrite, WritesInitializersAndReadsThemBack) {
  GraphModelOutput model = model_with({{"c", Tensor::scalar(3)}});
  tf::NodeDef& table = *model.initializer.emplace().add_node();
  table.set_name("t");
  table.set_op("HashTableV2");
  model.signature.inputs.push_back({"unknown:0", "unknown:0", tf::DT_RESOURCE, PartialShape::scalar(), 5});
  model.initializer_signature.emplace().outputs.push_back({"t:0", "t:0", tf::DT_RESOURCE, PartialShape::scalar(), 5});
  ASSERT_TRUE(write_graph_model(model, folder_ + "/m"));
  const GraphModelDocument document = read_graph_model(folder_ + "/m").value();
  ASSERT_TRUE(document.initializer);
  EXPECT_EQ(document.initializer->node(0).op(), "HashTableV2");
  EXPECT_EQ((*document.initializer_signature())->outputs[0].resource_id, 5);
}

constexpr const char* kOddModel =
    R"({"convertedBy": null, "modelTopology": {"node": [{"name": "k", "op": "Const", "attr": {"value": {"tensor": {"dtype": "DT_INT32", "tensorShape": {}, "intVal": [5]}}}}, )"
    R"({"name": "w", "op": "Const", "experimentalType": {"typeId": "T"}}], "library": {}, "versions": {"producer": 3}}, "stray": [1, "\u00e9", {"z": 0.5, "a": 1}], )"
    R"("weightsManifest": [{"paths": ["x"], "weights": [{"name": "q", "shape": [3], "dtype": "float32", )"
    R"("quantization": {"dtype": "uint8", "min": -1.5, "scale": 0.25}}]}, {"paths": ["y"], "weights": [{"name": "w", "shape": [1], "dtype": "int32", "group": "g"}], "k": 0}]})";

TEST_F(TfjsWrite, RewritingKeepsEverything) {
  std::filesystem::create_directories(folder_ + "/in");
  std::ofstream(folder_ + "/in/model.json") << kOddModel;
  std::ofstream(folder_ + "/in/x") << "abc";
  std::ofstream(folder_ + "/in/y") << "defg";
  const GraphModelDocument document = read_graph_model(folder_ + "/in").value();
  WriteOptions options;
  options.weight_shard_size_bytes = 2;
  const WriteReport report = rewrite_graph_model(document, folder_ + "/m", options).value();
  EXPECT_EQ(report.weight_bytes, 7);
  EXPECT_EQ(content("m/group1-shard1of2.bin") + content("m/group1-shard2of2.bin"), "abc");
  EXPECT_EQ(content("m/group2-shard1of2.bin") + content("m/group2-shard2of2.bin"), "defg");
  std::string expected = kOddModel;
  expected.replace(expected.find(R"("x")"), 3, R"("group1-shard1of2.bin", "group1-shard2of2.bin")");
  expected.replace(expected.find(R"("y")"), 3, R"("group2-shard1of2.bin", "group2-shard2of2.bin")");
  EXPECT_EQ(content("m/model.json"), expected);
}

TEST_F(TfjsWrite, RewritingInPlaceReplacesTheOldFilesAndKeepsOthers) {
  std::filesystem::create_directories(folder_ + "/in");
  std::ofstream(folder_ + "/in/model.json") << kOddModel;
  std::ofstream(folder_ + "/in/x") << "abc";
  std::ofstream(folder_ + "/in/y") << "defg";
  std::ofstream(folder_ + "/in/README") << "mine";
  const GraphModelDocument document = read_graph_model(folder_ + "/in").value();
  ASSERT_TRUE(rewrite_graph_model(document, folder_ + "/in"));
  EXPECT_EQ(content("in/README"), "mine");
  EXPECT_EQ(content("in/group2-shard1of1.bin"), "defg");
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/in/x"));
}

}  // namespace
}  // namespace isomer::tfjs
