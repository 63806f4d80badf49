#include "layers/shared_spelling.h"

#include <gtest/gtest.h>

namespace isomer::layers {
namespace {

std::string spelled(std::string text) {
  JsonValue model = read_json(text, {}).value();
  spell_for_both_generations(model);
  JsonValue again = model;
  spell_for_both_generations(again);
  EXPECT_EQ(again, model) << "it is not the same a second time";
  return write_json(model).value();
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string in_sequence(const std::string& layer) { return R"({"class_name": "Sequential", "config": {"name": "s", "layers": [)" + layer + "]}}"; }

TEST(SharedSpelling, LeavesOutWhatSaysNothing) {
  const std::string text = spelled(in_sequence(R"({"class_name": "LSTM", "config": {"name": "l", "units": 2, "time_major": false, "dynamic": false,
    "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": null, "dtype": "float32"}}}},
    {"class_name": "DepthwiseConv2D", "config": {"name": "d", "kernel_initializer": {"class_name": "Zeros", "config": {}}, "groups": 1}},
    {"class_name": "Conv2D", "config": {"name": "c", "groups": 1}}, {"class_name": "SpatialDropout1D", "config": {"name": "p", "noise_shape": null, "trainable": true}},
    {"class_name": "BatchNormalization", "config": {"name": "b", "fused": true, "renorm": false, "renorm_momentum": 0.99}})"));
  EXPECT_TRUE(holds(text, R"({"name": "l", "units": 2, "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": null}}})")) << text;
  EXPECT_TRUE(holds(text, R"({"name": "d"})")) << text;
  EXPECT_TRUE(holds(text, R"({"name": "c", "groups": 1})")) << text;
  EXPECT_TRUE(holds(text, R"({"name": "p"})")) << text;
  EXPECT_TRUE(holds(text, R"({"name": "b"})")) << text;
}

TEST(SharedSpelling, KeepsWhatSaysSomething) {
  const std::string text = spelled(in_sequence(R"({"class_name": "LSTM", "config": {"name": "l", "time_major": true}},
    {"class_name": "Embedding", "config": {"name": "e", "input_dim": 7, "input_length": 4}}, {"class_name": "SpatialDropout1D", "config": {"name": "p", "trainable": false}},
    {"class_name": "BatchNormalization", "config": {"name": "b", "renorm": true, "renorm_momentum": 0.9}})"));
  for (const char* part : {R"("time_major": true)", R"("input_length": 4)", R"("trainable": false)", R"("renorm": true, "renorm_momentum": 0.9)"})
    EXPECT_TRUE(holds(text, part)) << text;
}

TEST(SharedSpelling, SaysWhereLayersInsideOfOthersAre) {
  const std::string text = spelled(in_sequence(R"({"class_name": "Bidirectional", "config": {"name": "b",
    "layer": {"class_name": "GRU", "config": {"name": "g", "return_sequences": true, "time_major": false}}}},
    {"class_name": "TimeDistributed", "config": {"name": "t", "layer": {"class_name": "house>Own", "config": {}}}})"));
  // Masked steps of a Bidirectional of tf.keras give zeros, which time_major alone told.
  EXPECT_TRUE(holds(text, R"("layer": {"module": "keras.layers", "class_name": "GRU", "config": {"name": "g", "return_sequences": true, )"
                          R"("zero_output_for_mask": true}, "registered_name": null})"))
      << text;
  EXPECT_TRUE(holds(text, R"("layer": {"class_name": "house>Own", "config": {}})")) << text;
}

// [name, 1, ...] is the first call for tf_keras and the second for Keras 3, so there are two of each. The only input of a nested model stands without a list.
TEST(SharedSpelling, WritesCallsOfNestedModelsTwice) {
  const std::string nested =
      R"({"class_name": "Functional", "config": {"name": "n", "layers": [{"class_name": "InputLayer", "config": {"name": "i"}, "name": "i",
    "inbound_nodes": []}], "input_layers": [["i", 0, 0]], "output_layers": [["i", 0, 0]]}, "name": "n", "inbound_nodes": [[["x", 0, 0, {}]], [["n", 1, 0, {}]]]})";
  const std::string text =
      spelled(R"({"class_name": "Functional", "config": {"name": "f", "layers": [
    {"class_name": "InputLayer", "config": {"name": "x"}, "name": "x", "inbound_nodes": []}, )" +
              nested + R"(, {"class_name": "Add", "config": {"name": "a"}, "name": "a", "inbound_nodes": [[["x", 0, 0, {"y": ["n", 1, 0]}], ["n", 2, 0, {}]]]}],
    "input_layers": [["x", 0, 0]], "output_layers": [["n", 2, 0], ["a", 0, 0]]}})");
  EXPECT_TRUE(holds(text, R"("inbound_nodes": [[["x", 0, 0, {}]], [["x", 0, 0, {}]], [["n", 1, 0, {}]], [["n", 1, 0, {}]]])")) << text;
  EXPECT_TRUE(holds(text, R"("inbound_nodes": [[["x", 0, 0, {"y": ["n", 1, 0]}], ["n", 3, 0, {}]]])")) << text;
  EXPECT_TRUE(holds(text, R"("output_layers": [["n", 3, 0], ["a", 0, 0]])")) << text;
  EXPECT_TRUE(holds(text, R"("input_layers": ["i", 0, 0])")) << text;
}

}  // namespace
}  // namespace isomer::layers
