// Layers models: reading configurations, lowering, whose weight is whose.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "formats/tfjs/layers_model.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "isomer/run.h"
#include "layers/initializers.h"
#include "layers/stored_model.h"
#include "unit/temporary_directory.h"

namespace isomer::layers {
namespace {

Result<Model> parse(const std::string& json, Generation generation = Generation::kKeras2) { return read_model(read_json(json, {}).value(), generation, {}); }

std::string error_of(const std::string& json) {
  const auto model = parse(json);
  if (!model) return model.error().message;
  const auto lowered = lower(*model);
  return lowered ? "" : lowered.error().message;
}

// Runs the model with weights given by name and prints its outputs.
std::string run(const std::string& json, const std::vector<std::pair<std::string, std::string>>& weights, const std::vector<std::string>& inputs,
                Generation generation = Generation::kKeras2) {
  StoredModel stored;
  stored.topology = read_json(json, {}).value();
  stored.generation = generation;
  std::vector<Tensor> values;
  for (const auto& [name, text] : weights) {
    values.push_back(ir::parse_tensor(text).value());
    stored.weights.push_back({{}, name, values.back().shape()});
  }
  stored.read = [values](size_t i) -> Result<Tensor> { return values[i]; };
  auto lowered = lower_stored(stored, {}, 0);
  if (!lowered) return lowered.error().describe();
  if (const auto verified = ir::verify(lowered->module); !verified) return verified.error().describe();
  std::vector<NamedTensor> given;
  const ir::Graph& graph = lowered->module.functions()[0]->graph;
  for (size_t i = 0; i < inputs.size(); ++i) given.push_back({graph.inputs[i].key, ir::parse_tensor(inputs[i]).value()});
  const auto outputs = run_model(lowered->module, given, {});
  if (!outputs) return outputs.error().describe();
  std::string text;
  for (const NamedTensor& output : *outputs) text += output.name + " " + ir::print_tensor(output.value) + ";";
  return text;
}

constexpr const char* kTwoDense = R"({"class_name": "Sequential", "config": {"name": "s", "layers": [
  {"class_name": "Dense", "config": {"name": "a", "units": 2, "activation": "relu", "batch_input_shape": [null, 2]}},
  {"class_name": "Dense", "config": {"name": "b", "units": 1, "use_bias": false}}]}})";

TEST(Layers, RunsASequentialModel) {
  const std::vector<std::pair<std::string, std::string>> weights = {
      {"b/kernel", "float32[2,1](1.0 10.0)"}, {"a/bias:0", "float32[2](0.5 0.0)"}, {"a/kernel:0", "float32[2,2](1.0 2.0 3.0 -4.0)"}};
  EXPECT_EQ(run(kTwoDense, weights, {"float32[1,2](1.0 1.0)"}), "b float32[1,1](4.5);");
  // Names that say nothing: the order counts.
  EXPECT_EQ(
      run(kTwoDense, {{"x_0", "float32[2,2](1.0 2.0 3.0 -4.0)"}, {"x_1", "float32[2](0.5 0.0)"}, {"y_0", "float32[2,1](1.0 10.0)"}}, {"float32[1,2](1.0 1.0)"}),
      "b float32[1,1](4.5);");
  EXPECT_NE(run(kTwoDense, {{"a/kernel", "float32[2,2](1.0 2.0 3.0 -4.0)"}}, {}).find("the file lacks 2 of the model's 3 weights: a/bias [2], b/kernel [2,1]"),
            std::string::npos);
}

// y = f(x) + f(f(x)) with one Dense layer f, in the spellings of Keras 2 and 3.
TEST(Layers, SharesTheWeightsOfALayer) {
  const std::string layers2 = R"({"name": "x", "class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": [null, 1]}, "inbound_nodes": []},
    {"name": "f", "class_name": "Dense", "config": {"name": "f", "units": 1}, "inbound_nodes": [[["x", 0, 0, {}]], [["f", 0, 0, {}]]]},
    {"name": "y", "class_name": "Add", "config": {"name": "y"}, "inbound_nodes": [[["f", 0, 0, {}], ["f", 1, 0, {}]]]})";
  const auto tensor = [](const std::string& layer, int node) {
    return R"({"class_name": "__keras_tensor__", "config": {"shape": [null, 1], "dtype": "float32", "keras_history": [")" + layer + "\", " +
           std::to_string(node) + ", 0]}}";
  };
  const std::string layers3 = R"({"name": "x", "class_name": "InputLayer", "config": {"name": "x", "batch_shape": [null, 1]}, "inbound_nodes": []},
    {"name": "f", "class_name": "Dense", "config": {"name": "f", "units": 1}, "inbound_nodes": [{"args": [)" +
                              tensor("x", 0) + R"(], "kwargs": {}}, {"args": [)" + tensor("f", 0) + R"(], "kwargs": {}}]},
    {"name": "y", "class_name": "Add", "config": {"name": "y"}, "inbound_nodes": [{"args": [[)" +
                              tensor("f", 0) + ", " + tensor("f", 1) + R"(]], "kwargs": {}}]})";
  for (const auto& [layers, generation] : {std::pair(layers2, Generation::kKeras2), std::pair(layers3, Generation::kKeras3)}) {
    const std::string json = R"({"class_name": "Functional", "config": {"name": "m", "layers": [)" + layers +
                             R"(], "input_layers": [["x", 0, 0]], "output_layers": [["y", 0, 0]]}})";
    EXPECT_EQ(run(json, {{"f/kernel", "float32[1,1](3.0)"}, {"f/bias", "float32[1](1.0)"}}, {"float32[1,1](2.0)"}, generation), "y float32[1,1](29.0);");
  }
}

// Keras counts a nested model's making as its node 0.
TEST(Layers, CallsNestedModels) {
  const std::string inner = R"({"name": "inner", "class_name": "Sequential", "config": {"name": "inner", "layers": [
    {"class_name": "Dense", "config": {"name": "d", "units": 1, "use_bias": false, "batch_input_shape": [null, 1]}}]}, "inbound_nodes": [[["x", 0, 0, {}]]]})";
  for (const char* node : {"0", "1"}) {
    const std::string json = R"({"class_name": "Model", "config": {"name": "m", "layers": [
      {"name": "x", "class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": [null, 1]}, "inbound_nodes": []}, )" +
                             inner + R"(], "input_layers": [["x", 0, 0]], "output_layers": [["inner", )" + node + ", 0]]}}";
    EXPECT_EQ(run(json, {{"inner/d/kernel", "float32[1,1](3.0)"}}, {"float32[1,1](2.0)"}), "inner float32[1,1](6.0);");
  }
}

// One unit, all weights 1, hard_sigmoid gates: h = i * tanh(x + h), c and so on; the masked step keeps what was.
TEST(Layers, KeepsTheStateAtMaskedSteps) {
  const std::string json = R"({"class_name": "Sequential", "config": {"name": "s", "layers": [
    {"class_name": "Masking", "config": {"name": "m", "mask_value": 0, "batch_input_shape": [null, null, 1]}},
    {"class_name": "SimpleRNN", "config": {"name": "r", "units": 1, "activation": "linear", "use_bias": false, "return_sequences": true}}]}})";
  EXPECT_EQ(run(json, {{"r/kernel", "float32[1,1](1.0)"}, {"r/recurrent_kernel", "float32[1,1](2.0)"}}, {"float32[1,4,1](1.0 0.0 0.0 3.0)"}),
            "r float32[1,4,1](1.0 1.0 1.0 5.0);");
}

TEST(Layers, RefusesWhatItCannotMean) {
  const auto sequential = [](const std::string& layer) {
    return R"({"class_name": "Sequential", "config": {"name": "s", "layers": [{"class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": [null, 2]}}, )" +
           layer + "]}}";
  };
  EXPECT_EQ(error_of(sequential(R"({"class_name": "Mystery", "config": {"name": "q"}})")), "Isomer does not know the layer class Mystery");
  EXPECT_EQ(error_of(sequential(R"({"class_name": "Lambda", "config": {"name": "q"}})")), "a Lambda layer holds Python code, which cannot be translated");
  EXPECT_EQ(error_of(sequential(R"({"class_name": "Dense", "config": {"name": "q", "units": "many"}})")),
            "expected units to be a whole number, found the string \"many\"");
  EXPECT_EQ(error_of(sequential(R"({"class_name": "Dense", "config": {"name": "x", "units": 1}})")), "two layers are named 'x'");
  EXPECT_EQ(error_of(R"({"class_name": "MyModel", "config": {}})"), "the model is of the class MyModel, whose code the file does not hold");
  EXPECT_EQ(error_of(R"({"class_name": "Sequential", "config": {"layers": []}})"), "a Sequential model has no layers");
  const std::string circle = R"({"class_name": "Model", "config": {"layers": [
    {"name": "a", "class_name": "Dense", "config": {"name": "a", "units": 1}, "inbound_nodes": [[["a", 0, 0, {}]]]}], "input_layers": [], "output_layers": [["a", 0, 0]]}})";
  EXPECT_EQ(error_of(circle), "the layer 'a' (Dense) waits for its own result, or for a layer that does");
  const std::string ghost = R"({"class_name": "Model", "config": {"layers": [], "input_layers": [["x", 0, 0]], "output_layers": []}})";
  EXPECT_EQ(error_of(ghost), "expected [layer, node, tensor], found the string \"x\"");
}

TEST(Layers, ListsEveryClassOnce) {
  std::set<std::string_view> names;
  for (const LayerDef* def : all_layers()) {
    EXPECT_TRUE(names.insert(def->name).second) << def->name;
    EXPECT_NE(def->lower, nullptr) << def->name;
    EXPECT_FALSE(def->doc.empty()) << def->name;
    EXPECT_EQ(find_layer(def->name), def);
  }
  EXPECT_EQ(find_layer("Convolution2D"), find_layer("Conv2D"));
  EXPECT_EQ(find_layer("Mystery"), nullptr);
}

TEST(Initializers, DrawWithinTheirBounds) {
  std::mt19937_64 random(1);
  const auto values = [&](const std::string& json, Shape shape) {
    const Tensor tensor = initial_value(read_json(json, {}).value(), shape, DType::kFloat32, random).value();
    std::vector<double> all;
    for (int64_t i = 0; i < tensor.elements(); ++i) all.push_back(tensor.as_double(i));
    return all;
  };
  EXPECT_EQ(values("null", {2}), (std::vector<double>{0, 0}));
  EXPECT_EQ(values("\"ones\"", {1}), (std::vector<double>{1}));
  EXPECT_EQ(values(R"({"class_name": "Identity", "config": {"gain": 2}})", {2, 2}), (std::vector<double>{2, 0, 0, 2}));
  const auto uniform = values("\"glorot_uniform\"", {30, 20});
  const double limit = std::sqrt(6.0 / 50);
  EXPECT_LE(*std::max_element(uniform.begin(), uniform.end()), limit);
  EXPECT_GE(*std::max_element(uniform.begin(), uniform.end()), limit * 0.9);
  const auto rows = values("\"orthogonal\"", {2, 3});
  EXPECT_NEAR(rows[0] * rows[3] + rows[1] * rows[4] + rows[2] * rows[5], 0, 1e-6);
  EXPECT_NEAR(rows[0] * rows[0] + rows[1] * rows[1] + rows[2] * rows[2], 1, 1e-6);
  EXPECT_EQ(initial_value(JsonValue("mine"), {1}, DType::kFloat32, random).error().code, ErrorCode::kUnsupported);
}

// What TensorFlow.js saves twice, or leaves out.
TEST(LayersModelFile, ReadsTheQuirksOfTensorFlowJs) {
  const TemporaryDirectory folder;
  const auto put = [&](const std::string& name, const std::string& content) { std::ofstream(folder / name, std::ios::binary) << content; };
  const std::string topology =
      R"({"class_name": "Sequential", "config": {"name": "s", "layers": [{"class_name": "SeparableConv2D", "config": {"name": "c", "filters": 1,
    "kernel_size": [1, 1], "use_bias": false, "batch_input_shape": [null, 1, 1, 1]}}]}})";
  const auto model = [&](const std::string& second) {
    put("model.json", R"({"modelTopology": )" + topology + R"(, "weightsManifest": [{"paths": ["w"], "weights": [
      {"name": "c/depthwise_kernel", "shape": [1, 1, 1, 2], "dtype": "float32"}, {"name": "c/pointwise_kernel", "shape": [1, 1, 2, 1], "dtype": "float32"},
      {"name": "c/pointwise_kernel", "shape": [1, 1, 2, 1], "dtype": "float32"}]}]})");
    const std::string weight("\0\0\x80\x3f\0\0\0\x40", 8);  // 1 and 2
    put("w", weight + weight + second);
  };
  model(std::string("\0\0\x80\x3f\0\0\0\x40", 8));
  const auto document = tfjs::read_layers_model(folder.path());
  ASSERT_TRUE(document) << document.error().describe();
  const auto lowered = lower_stored(tfjs::stored_model(*document, {}).value(), {}, 0);
  ASSERT_TRUE(lowered) << lowered.error().describe();
  const auto outputs = run_model(lowered->module, {{"c_input", ir::parse_tensor("float32[1,1,1,1](3.0)").value()}}, {});
  ASSERT_TRUE(outputs) << outputs.error().describe();
  EXPECT_EQ(ir::print_tensor((*outputs)[0].value), "float32[1,1,1,1](15.0)");
  model("other!!!");
  EXPECT_EQ(tfjs::read_layers_model(folder.path()).error().message, "two weights have the name \"c/pointwise_kernel\"");
}

}  // namespace
}  // namespace isomer::layers
