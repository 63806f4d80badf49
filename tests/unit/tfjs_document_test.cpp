#include "formats/tfjs/document.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "formats/tfjs/document_check.h"

namespace isomer::tfjs {
namespace {

template <class T>
std::string bytes_of(std::initializer_list<T> values) {
  return std::string(reinterpret_cast<const char*>(std::data(values)), values.size() * sizeof(T));
}

std::string gzipped(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

class TfjsDocument : public testing::Test {
 protected:
  TfjsDocument() {
    std::string pattern = testing::TempDir() + "/tfjs_document_XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~TfjsDocument() override { std::filesystem::remove_all(folder_); }

  void put(const std::string& name, const std::string& content) {
    std::filesystem::create_directories(std::filesystem::path(folder_ + "/" + name).parent_path());
    std::ofstream(folder_ + "/" + name, std::ios::binary) << content;
  }
  // A model of one Const node `w` and one Placeholder with the given manifest.
  void put_model(const std::string& manifest, const std::string& more = "") {
    put("model.json", R"({"modelTopology": {"node": [{"name": "w", "op": "Const", "attr": {"dtype": {"type": "DT_FLOAT"}}}, )"
                      R"({"name": "x", "op": "Placeholder"}], "versions": {}}, )" +
                          more + R"("weightsManifest": )" + manifest + "}");
  }
  GraphModelDocument read() {
    auto document = read_graph_model(folder_);
    EXPECT_TRUE(document) << (document ? "" : document.error().describe());
    return document ? std::move(*document) : GraphModelDocument();
  }
  Error error() {
    auto document = read_graph_model(folder_);
    EXPECT_FALSE(document);
    return document ? Error{} : document.error();
  }
  Tensor weight(const GraphModelDocument& document, std::string_view name) {
    auto tensor = document.weight(name, Limits{});
    EXPECT_TRUE(tensor) << (tensor ? "" : tensor.error().describe());
    return tensor ? *tensor : Tensor();
  }

  std::string folder_;
};

constexpr const char* kTwoFloats = R"([{"paths": ["w.bin"], "weights": [{"name": "w", "shape": [2], "dtype": "float32"}]}])";

TEST_F(TfjsDocument, ReadsNodesWeightsAndWhatItDoesNotKnow) {
  put_model(R"([{"paths": ["w.bin"], "note": 1, "weights": [{"name": "w", "shape": [2], "dtype": "float32", "group": "model"}]}])",
            R"("extra": {"b": 1, "a": 2}, )");
  put("w.bin", bytes_of({1.5f, -2.0f}));
  const GraphModelDocument document = read();
  ASSERT_EQ(document.topology.node_size(), 2);
  EXPECT_EQ(document.topology.node(0).op(), "Const");
  EXPECT_EQ(document.topology.node(0).attr(0).value().type(), tf::DT_FLOAT);
  EXPECT_EQ(weight(document, "w").at<float>(1), -2.0f);
  EXPECT_EQ(document.weight("v", Limits{}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(write_json(document.json), R"({"modelTopology": null, "extra": {"b": 1, "a": 2}, "weightsManifest": null})");
  EXPECT_EQ(write_json(document.weights.groups[0].other), R"({"note": 1})");
  EXPECT_EQ(write_json(document.weights.entries[0].other), R"({"group": "model"})");
}

TEST_F(TfjsDocument, ReadsOldSpellings) {
  put("other-name.json", R"({"modelTopology": {"node": [
    {"name": "c", "op": "Conv2D", "input": [], "device": "", "attr": {
      "T": {"type": 1}, "data_format": {"s": [78, 72, 87, 67]}, "padding": {"s": "U0FNRQ=="}, "k": {"i": 3}, "e": {"f": "0.5"},
      "strides": {"list": {"s": [], "i": ["1", 2, "2", 1], "f": [], "b": [], "type": [], "shape": [], "tensor": [], "func": []}},
      "shape": {"shape": {"dim": [{"size": -1, "name": ""}, {}], "unknown_rank": false}}, "none": {"list": {}}, "null": null, "nan": {"f": "NaN"}}}],
    "library": {"function": [{"signature": {"name": "f", "input_arg": [{"name": "a", "type": "DT_INT32"}]},
      "node_def": [{"name": "n", "op": "Identity", "input": ["a"]}], "ret": {"r": "n:output:0"}, "arg_attr": {"0": {"attr": {"k": {"b": false}}}}}], "gradient": [{"x": 1}]},
    "versions": {"producer": 9, "bad_consumers": []}}, "weightsManifest": [{"paths": [], "weights": []}]})");
  const GraphModelDocument document = read();
  const tf::NodeDef& node = document.topology.node(0);
  const auto attribute = [&](std::string_view key) -> tf::AttrValue {
    for (const auto& entry : node.attr()) {
      if (entry.key() == key) return entry.value();
    }
    ADD_FAILURE() << key;
    return {};
  };
  EXPECT_EQ(attribute("T").type(), tf::DT_FLOAT);
  EXPECT_EQ(attribute("data_format").s(), "NHWC");
  EXPECT_EQ(attribute("padding").s(), "SAME");
  EXPECT_EQ(attribute("k").i(), 3);
  EXPECT_EQ(attribute("e").f(), 0.5f);
  EXPECT_EQ(attribute("strides").list().i_size(), 4);
  EXPECT_EQ(attribute("strides").list().i(1), 2);
  EXPECT_EQ(attribute("shape").shape().dim(0).size(), -1);
  EXPECT_EQ(attribute("shape").shape().dim(1).size(), 0);
  EXPECT_TRUE(attribute("none").has_list());
  EXPECT_EQ(attribute("null").value_case(), tf::AttrValue::VALUE_NOT_SET);
  EXPECT_TRUE(std::isnan(attribute("nan").f()));
  const tf::FunctionDef& function = document.topology.library().function(0);
  EXPECT_EQ(function.signature().input_arg(0).type(), tf::DT_INT32);
  EXPECT_EQ(function.node_def(0).input(0), "a");
  EXPECT_EQ(function.ret(0).value(), "n:output:0");
  EXPECT_EQ(function.arg_attr(0).value().attr(0).key(), "k");
  EXPECT_EQ(document.topology.versions().producer(), 9);
  EXPECT_EQ(document.topology_unknown.at("library").front().key, "gradient");
}

TEST_F(TfjsDocument, KeepsUnknownMembersOfNodesByTheirPlace) {
  put("model.json", R"({"modelTopology": {"node": [{"name": "a"}, {"name": "b", "experimentalType": {"typeId": "T"}}, {"name": "c"}]},
    "weightsManifest": []})");
  const GraphModelDocument document = read();
  ASSERT_EQ(document.topology_unknown.size(), 1u);
  EXPECT_EQ(document.topology_unknown.at("node[1]").front().key, "experimentalType");
}

TEST_F(TfjsDocument, SignatureComesFromMetadataFirst) {
  const std::string top = R"("signature": {"outputs": {"y": {"name": "y:0"}}}, )";
  put("w.bin", bytes_of({1.0f, 2.0f}));
  put_model(kTwoFloats);
  EXPECT_FALSE(read().signature()->has_value());
  put_model(kTwoFloats, top);
  auto signature = **read().signature();
  EXPECT_TRUE(signature.inputs.empty());
  EXPECT_EQ(signature.outputs[0].name, "y:0");
  EXPECT_EQ(signature.outputs[0].dtype, tf::DT_INVALID);
  EXPECT_FALSE(signature.outputs[0].shape);
  put_model(kTwoFloats, top + R"("userDefinedMetadata": {"structuredOutputKeys": ["p", "q"], "signature": {"inputs": {
    "z": {"name": "z:0", "dtype": "DT_RESOURCE", "tensorShape": {}, "resourceId": 7},
    "a": {"name": "a:0", "dtype": 1, "tensorShape": {"dim": [{"size": "-1"}, {"size": "3"}]}}, "u": {"tensorShape": {"unknownRank": true}}}}}, )");
  const GraphModelDocument document = read();
  signature = **document.signature();
  ASSERT_EQ(signature.inputs.size(), 3u);
  EXPECT_EQ(signature.inputs[0].resource_id, 7);
  EXPECT_EQ(signature.inputs[1].shape, PartialShape({-1, 3}));
  EXPECT_EQ(signature.inputs[2].name, "u");
  EXPECT_FALSE(signature.inputs[2].shape->has_rank());
  EXPECT_EQ(document.structured_output_keys(), (std::vector<std::string>{"p", "q"}));
  EXPECT_EQ(write_json(to_json(signature)), R"({"inputs": {"z": {"name": "z:0", "dtype": "DT_RESOURCE", "tensorShape": {}, "resourceId": 7}, )"
                                            R"("a": {"name": "a:0", "dtype": "DT_FLOAT", "tensorShape": {"dim": [{"size": "-1"}, {"size": "3"}]}}, )"
                                            R"("u": {"name": "u", "tensorShape": {"unknownRank": true}}}})");
}

TEST_F(TfjsDocument, DecodesEveryDtypeAcrossShards) {
  put_model(R"([{"paths": ["./a", "sub/b.bin", "c%20d"], "weights": [
    {"name": "w", "shape": [2], "dtype": "float32"}, {"name": "s", "shape": [3], "dtype": "string"}, {"name": "b", "shape": [3], "dtype": "bool"},
    {"name": "z", "shape": [1], "dtype": "complex64"}, {"name": "i", "shape": [], "dtype": "int32"}, {"name": "e", "shape": [0, 4], "dtype": "float32"},
    {"name": "u", "shape": [2], "dtype": "uint8"},
    {"name": "q8", "shape": [3], "dtype": "float32", "quantization": {"dtype": "uint8", "scale": 0.1, "min": -1}},
    {"name": "q16", "shape": [3], "dtype": "int32", "quantization": {"dtype": "uint16", "scale": 0.5, "min": -1.0, "original_dtype": "int32"}},
    {"name": "h", "shape": [2], "dtype": "float32", "quantization": {"dtype": "float16", "original_dtype": "float32"}}]}])");
  const std::string all = bytes_of({1.5f, -2.0f}) + bytes_of<uint32_t>({2}) + "ab" + bytes_of<uint32_t>({0}) + bytes_of<uint32_t>({3}) + "xyz" +
                          std::string("\x01\x00\xFF", 3) + bytes_of({3.0f, 4.0f}) + bytes_of<int32_t>({-7}) + "\x05\xFA" + std::string("\x00\x0A\xFF", 3) +
                          bytes_of<uint16_t>({1, 2, 65535}) + bytes_of<uint16_t>({0x3C00, 0xFC00});
  for (size_t cut = 1; cut < all.size(); ++cut) {  // every weight straddles the files once
    put("a", all.substr(0, cut));
    put("sub/b.bin", all.substr(cut, 1));
    put("c d", all.substr(std::min(cut + 1, all.size())));
    const GraphModelDocument document = read();
    EXPECT_EQ(weight(document, "w").at<float>(0), 1.5f);
    EXPECT_EQ(weight(document, "s").string_at(0), "ab");
    EXPECT_EQ(weight(document, "s").string_at(1), "");
    EXPECT_EQ(weight(document, "s").string_at(2), "xyz");
    EXPECT_EQ(weight(document, "b").to_int64s(), (std::vector<int64_t>{1, 0, 1}));
    EXPECT_EQ(weight(document, "z").at<float>(1), 4.0f);
    EXPECT_EQ(weight(document, "i").at<int32_t>(0), -7);
    EXPECT_EQ(weight(document, "e").shape(), (Shape{0, 4}));
    EXPECT_EQ(weight(document, "u").to_int64s(), (std::vector<int64_t>{5, 250}));
    const Tensor q8 = weight(document, "q8");
    EXPECT_EQ(q8.dtype(), DType::kFloat32);
    EXPECT_EQ(q8.at<float>(1), static_cast<float>(10 * 0.1 - 1));
    EXPECT_EQ(q8.at<float>(2), static_cast<float>(255 * 0.1 - 1));
    EXPECT_EQ(weight(document, "q16").to_int64s(), (std::vector<int64_t>{0, 0, 32767}));  // -0.5 and 32766.5 round up
    EXPECT_EQ(weight(document, "h").at<float>(0), 1.0f);
    EXPECT_EQ(weight(document, "h").at<float>(1), -INFINITY);
    const Tensor codes = stored_tensor(*document.weights.find("q16"), Limits{}).value();
    EXPECT_EQ(codes.dtype(), DType::kUint16);
    EXPECT_EQ(codes.at<uint16_t>(2), 65535);
  }
}

TEST_F(TfjsDocument, UnpacksGzip) {
  put_model(kTwoFloats);
  std::ifstream file(folder_ + "/model.json", std::ios::binary);
  const std::string json((std::istreambuf_iterator<char>(file)), {});
  put("model.json", gzipped(json));
  put("w.bin", gzipped(bytes_of({1.0f, 2.0f})));
  EXPECT_EQ(weight(read(), "w").at<float>(1), 2.0f);
  // Eight bytes that fit are weights, whatever they begin with.
  put("w.bin", std::string("\x1F\x8B\x08\x00\x00\x00\x00\x00", 8));
  EXPECT_EQ(weight(read(), "w").at<float>(1), 0.0f);
}

TEST_F(TfjsDocument, SaysWhichBytesAreMissing) {
  put_model(kTwoFloats);
  EXPECT_EQ(error().code, ErrorCode::kNotFound);
  put("w.bin", "1234567");
  Error short_file = error();
  EXPECT_EQ(short_file.code, ErrorCode::kTruncated);
  EXPECT_EQ(short_file.message, "the weights need 8 bytes, found 7 bytes in w.bin (7 bytes)");
  put("w.bin", "123456789");
  EXPECT_EQ(error().code, ErrorCode::kInvalidModel);
  put_model(R"([{"paths": ["w.bin"], "weights": [{"name": "w", "shape": [2], "dtype": "string"}]}])");
  put("w.bin", bytes_of<uint32_t>({1}) + "a" + bytes_of<uint32_t>({0xFFFFFFFF}));
  EXPECT_NE(error().message.find("element 1 of the string weight \"w\""), std::string::npos);
  put("w.bin", bytes_of<uint32_t>({1}) + "a" + bytes_of<uint32_t>({0}) + "x");
  EXPECT_EQ(error().message, "the weights need 9 bytes, found 10 bytes in w.bin (10 bytes)");
}

TEST_F(TfjsDocument, RefusesPathsThatLeaveTheFolder) {
  for (const char* path : {"../secret", "/etc/hostname", "%2e%2e/secret", "%2Fetc/hostname", "a/../../secret", "..%2fsecret"}) {
    put_model(R"([{"paths": [")" + std::string(path) + R"("], "weights": []}])");
    EXPECT_EQ(error().code, ErrorCode::kInvalidModel) << path;
  }
}

TEST_F(TfjsDocument, RefusesWhatIsNoGraphModel) {
  put("model.json", R"({"format": "layers-model", "modelTopology": {"model_config": {}}, "weightsManifest": []})");
  EXPECT_EQ(error().code, ErrorCode::kUnsupported);
  EXPECT_NE(error().message.find("layers model"), std::string::npos);
  put("model.json", R"({"modelTopology": {"class_name": "Sequential", "config": []}, "weightsManifest": []})");
  EXPECT_EQ(error().code, ErrorCode::kUnsupported);
  for (const char* text :
       {"[]", "{}", R"({"modelTopology": {}})", R"({"modelTopology": {"node": []}, "weightsManifest": []})", R"({"modelTopology": {"node": [{}]}})"}) {
    put("model.json", text);
    EXPECT_NE(error().message, "") << text;
  }
  put("model.json", "{");
  EXPECT_EQ(error().code, ErrorCode::kTruncated);
}

TEST_F(TfjsDocument, SaysWhereAMessageIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"name": 3})", "modelTopology.node[1].name"},
      {R"({"attr": {"k": {"i": "1.5"}}})", "modelTopology.node[1].attr.k.i"},
      {R"({"attr": {"k": {"type": "DT_NOTHING"}}})", "modelTopology.node[1].attr.k.type"},
      {R"({"attr": {"k": {"s": "?"}}})", "modelTopology.node[1].attr.k.s"},
      {R"({"attr": {"k": {"i": "1", "f": 2}}})", "modelTopology.node[1].attr.k.f"},
      {R"({"attr": {"k": {"list": {"i": ["1", true]}}}})", "modelTopology.node[1].attr.k.list.i[1]"},
      {R"({"input": "x"})", "modelTopology.node[1].input"},
  };
  for (const auto& [node, place] : cases) {
    put("model.json", R"({"modelTopology": {"node": [{}, )" + std::string(node) + R"(]}, "weightsManifest": []})");
    EXPECT_EQ(error().place, place) << error().describe();
  }
}

TEST_F(TfjsDocument, RefusesImpossibleWeights) {
  for (const char* weight : {R"({"name": "w", "shape": [-1], "dtype": "float32"})", R"({"name": "w", "shape": [2.5], "dtype": "float32"})",
                             R"({"name": "w", "shape": [4611686018427387904, 4], "dtype": "float32"})", R"({"name": "w", "shape": [2], "dtype": "resource"})",
                             R"({"name": "w", "shape": [2], "dtype": "float33"})", R"({"shape": [2], "dtype": "float32"})",
                             R"({"name": "w", "shape": [2], "dtype": "float32", "quantization": {"dtype": "uint8"}})",
                             R"({"name": "w", "shape": [2], "dtype": "float32", "quantization": {"dtype": "int4", "scale": 1, "min": 0}})",
                             R"({"name": "w", "shape": [2], "dtype": "string", "quantization": {"dtype": "uint8", "scale": 1, "min": 0}})"}) {
    put("w.bin", "12345678");
    put_model(R"([{"paths": ["w.bin"], "weights": [)" + std::string(weight) + "]}]");
    EXPECT_NE(error().place.find("weightsManifest[0].weights[0]"), std::string::npos) << error().describe();
  }
  put_model(R"([{"paths": ["w.bin"], "weights": [{"name": "w", "shape": [1], "dtype": "float32"}, {"name": "w", "shape": [1], "dtype": "float32"}]}])");
  EXPECT_EQ(error().message, "two weights have the name \"w\"");
}

TEST_F(TfjsDocument, ChecksThatPartsFit) {
  const auto checked = [&](const std::string& nodes, const std::string& more = "") {
    put("model.json", R"({"modelTopology": {"node": [{"name": "x", "op": "Placeholder"}, )" + nodes + "]}, " + more + R"("weightsManifest": []})");
    const auto result = check_graph_model(read());
    return result ? std::string() : result.error().message;
  };
  EXPECT_EQ(checked(R"({"name": "y", "op": "Neg", "input": ["x"]})"), "");
  EXPECT_EQ(checked(R"({"name": "y", "op": "Neg", "input": ["y"]})"), "the node waits for its own result, or for a node that does");
  EXPECT_EQ(checked(R"({"name": "y", "op": "Neg", "input": ["ghost:1"]})"), "the input 'ghost:1' is no node of the graph");
  EXPECT_EQ(checked(R"({"name": "y", "input": ["x"]})"), "the node has no op");
  EXPECT_EQ(checked(R"({"name": "x", "op": "Neg", "input": ["x"]})"), "two nodes are named 'x'");
  EXPECT_EQ(checked(R"({"name": "m", "op": "Merge", "input": ["x", "n"]}, {"name": "n", "op": "NextIteration", "input": ["m"]})"), "");
  EXPECT_EQ(checked(R"({"name": "y", "op": "Neg", "input": ["x"]})", R"("signature": {"outputs": {"o": {"name": "y:0"}}}, )"), "");
  EXPECT_EQ(checked(R"({"name": "y", "op": "Neg", "input": ["x"]})", R"("signature": {"outputs": {"o": {"name": "z:0"}}}, )"),
            "the signature's output 'o' is the node 'z:0', which the graph does not have");
  EXPECT_EQ(checked(R"({"name": "y", "op": "Neg", "input": ["x"]})", R"("signature": "x -> y", )"), "expected an object, found the string \"x -> y\"");
}

TEST_F(TfjsDocument, CountsNodesAgainstTheLimit) {
  put("model.json", R"({"modelTopology": {"node": [{}, {}], "library": {"function": [{"nodeDef": [{}]}]}}, "weightsManifest": []})");
  Limits limits;
  limits.nodes = 3;
  EXPECT_TRUE(read_graph_model(folder_, limits));
  limits.nodes = 2;
  EXPECT_EQ(read_graph_model(folder_, limits).error().code, ErrorCode::kLimitExceeded);
}

}  // namespace
}  // namespace isomer::tfjs
