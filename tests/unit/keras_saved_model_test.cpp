// Keras SavedModels as Isomer writes them: read back as layers and as ops. What tf_keras and TensorFlow make of them is judged by tests/peers/suite.py.
#include <gtest/gtest.h>

#include <algorithm>

#include "formats/keras/h5.h"
#include "formats/keras/saved_model.h"
#include "isomer/convert.h"
#include "layers/object_paths.h"
#include "layers/translate.h"
#include "temporary_directory.h"

namespace isomer {
namespace {

std::string fixture(const std::string& name) { return std::string(ISOMER_SOURCE_DIR) + "/tests/formats/" + name; }

ConvertOptions to_saved_model() {
  ConvertOptions options;
  options.output_format = Format::kKerasSavedModel;
  return options;
}

TEST(KerasSavedModel, HasTheLayersWeightsAndTrainingOfItsSource) {
  const TemporaryDirectory directory;
  const std::string source = fixture("keras_h5/source/model.h5"), output = directory / "model";
  ConvertOptions options = to_saved_model();
  options.verify = true;  // the ops of what was written, beside the source
  const auto report = convert_model(source, output, options);
  ASSERT_TRUE(report) << report.error().describe();
  ASSERT_TRUE(report->comparison);
  EXPECT_TRUE(report->comparison->equal());
  EXPECT_TRUE(
      std::any_of(report->notes.begin(), report->notes.end(), [](const std::string& note) { return note.starts_with("the optimiser's state was left out"); }));

  const auto before = keras::read_h5(source, {});
  const auto after = keras::read_saved_model_layers(output, {});
  ASSERT_TRUE(before);
  ASSERT_TRUE(after) << after.error().describe();
  const auto model = layers::read_model(before->topology, before->generation, {});
  ASSERT_TRUE(model);
  const auto spelled = layers::translate(*model, before->topology, layers::Spelling::kKeras2);
  ASSERT_TRUE(spelled);
  EXPECT_EQ(layers::model_config(after->topology), spelled->config);
  EXPECT_EQ(after->training, before->training);
  ASSERT_EQ(after->weights.size(), before->weights.size());
  for (size_t i = 0; i < after->weights.size(); ++i) {
    const auto same = std::find_if(before->weights.begin(), before->weights.end(), [&](const auto& weight) { return weight.name == after->weights[i].name; });
    ASSERT_NE(same, before->weights.end()) << after->weights[i].name;
    EXPECT_TRUE(after->read(i)->identical(*before->read(static_cast<size_t>(same - before->weights.begin())))) << after->weights[i].name;
  }
}

TEST(KerasSavedModel, IsTheSameEachTimeAndReplacesAModel) {
  const TemporaryDirectory directory;
  for (const char* name : {"first", "second"}) ASSERT_TRUE(convert_model(fixture("keras_h5_texts/source/model.h5"), directory / name, to_saved_model()));
  for (const char* file : {"saved_model.pb", "keras_metadata.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"})
    EXPECT_EQ(read_text(directory / ("first/" + std::string(file))), read_text(directory / ("second/" + std::string(file)))) << file;
  write_text(directory / "first/NOTES.txt", "mine");
  write_text(directory / "first/variables/variables.data-00000-of-00002", "of the old model");
  ASSERT_TRUE(convert_model(fixture("keras_h5/source/model.h5"), directory / "first", to_saved_model()));
  EXPECT_EQ(read_text(directory / "first/NOTES.txt"), "mine");
  EXPECT_FALSE(std::filesystem::exists(directory / "first/variables/variables.data-00000-of-00002"));
}

TEST(ObjectPaths, NameWhatTfKerasTracks) {
  const auto config = read_json(R"({"class_name": "Functional", "config": {"layers": [
      {"class_name": "InputLayer", "config": {"name": "x"}},
      {"class_name": "Bidirectional", "config": {"name": "both", "layer": {"class_name": "LSTM", "config": {"name": "lstm"}}}},
      {"class_name": "RNN", "config": {"name": "rnn", "cell": {"class_name": "StackedRNNCells", "config": {"name": "stack", "cells": [
          {"class_name": "GRUCell", "config": {"name": "a"}}, {"class_name": "GRUCell", "config": {"name": "b"}}]}}}},
      {"class_name": "TimeDistributed", "config": {"name": "each", "layer": {"class_name": "Sequential", "config": {"name": "inner", "layers": [
          {"class_name": "InputLayer", "config": {"name": "y"}}, {"class_name": "DepthwiseConv2D", "config": {"name": "conv"}}]}}}}]}})",
                                Limits());
  ASSERT_TRUE(config);
  const auto path = [&](std::vector<std::string> names, std::vector<std::string> classes, std::string weight) {
    layers::WeightSlot slot;
    slot.path = std::move(names);
    slot.classes = std::move(classes);
    slot.name = std::move(weight);
    std::string text;
    for (const std::string& part : layers::object_path(*config, slot)) text += (text.empty() ? "" : "/") + part;
    return text;
  };
  EXPECT_EQ(path({"both", "backward_lstm"}, {"Bidirectional", "LSTM"}, "bias"), "layer-1/backward_layer/cell/bias");
  EXPECT_EQ(path({"rnn", "stack", "b"}, {"RNN", "StackedRNNCells", "GRUCell"}, "kernel"), "layer-2/cell/cells/1/kernel");
  EXPECT_EQ(path({"rnn", "b"}, {"RNN", "GRUCell"}, "kernel"), "layer-2/cell/cells/1/kernel");
  EXPECT_EQ(path({"each", "inner", "conv"}, {"TimeDistributed", "Sequential", "DepthwiseConv2D"}, "kernel"), "layer-3/layer/layer-0/depthwise_kernel");
}

}  // namespace
}  // namespace isomer
