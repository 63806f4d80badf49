// Keras files: where archives keep weights, and what the readers make of the fixtures beside these tests.
#include <gtest/gtest.h>

#include <set>

#include "base/mapped_file.h"
#include "formats/keras/architecture.h"
#include "formats/keras/archive.h"
#include "formats/keras/h5.h"
#include "formats/keras/saved_model.h"
#include "layers/archive_paths.h"
#include "temporary_directory.h"
#include "wire/zip.h"

namespace isomer::keras {
namespace {

std::string fixture(const std::string& name) { return std::string(ISOMER_SOURCE_DIR) + "/tests/formats/" + name; }

TEST(ArchivePaths, SpellClassesAsKerasDoes) {
  for (const auto& [name, expected] : std::vector<std::pair<std::string, std::string>>{{"Dense", "dense"},
                                                                                       {"Conv2D", "conv2d"},
                                                                                       {"Conv2DTranspose", "conv2d_transpose"},
                                                                                       {"ReLU", "re_lu"},
                                                                                       {"PReLU", "p_re_lu"},
                                                                                       {"ELU", "elu"},
                                                                                       {"GRU", "gru"},
                                                                                       {"LSTMCell", "lstm_cell"},
                                                                                       {"MultiHeadAttention", "multi_head_attention"},
                                                                                       {"GlobalAveragePooling1D", "global_average_pooling1d"},
                                                                                       {"Softmax", "softmax"}})
    EXPECT_EQ(layers::snake_case(name), expected);
}

TEST(ArchivePaths, CountClassesInEachModel) {
  const auto json = read_json(R"({"class_name": "Sequential", "config": {"name": "m", "layers": [
    {"class_name": "Dense", "config": {"name": "z", "units": 2, "batch_input_shape": [null, 3]}},
    {"class_name": "Sequential", "config": {"name": "inner", "layers": [{"class_name": "Dense", "config": {"name": "z", "units": 2, "batch_input_shape": [null, 2]}}]}},
    {"class_name": "Dense", "config": {"name": "a", "units": 2}}]}})",
                              {});
  const auto model = layers::read_model(*json, layers::Generation::kKeras3, {});
  ASSERT_TRUE(model);
  const auto lowered = layers::lower(*model);
  ASSERT_TRUE(lowered) << lowered.error().describe();
  std::vector<std::string> places;
  for (const auto& candidates : layers::archive_paths(*model, lowered->weights)) places.push_back(candidates[0]);
  EXPECT_EQ(places, (std::vector<std::string>{"layers/dense/vars/0", "layers/dense/vars/1", "layers/sequential/layers/dense/vars/0",
                                              "layers/sequential/layers/dense/vars/1", "layers/dense_1/vars/0", "layers/dense_1/vars/1"}));
}

TEST(KerasFiles, TellTheirVersionTrainingAndWeights) {
  const auto h5 = read_h5(fixture("keras_h5/source/model.h5"), {});
  ASSERT_TRUE(h5) << h5.error().describe();
  EXPECT_EQ(h5->keras_version, "2.19.0");
  EXPECT_EQ(h5->generation, layers::Generation::kKeras2);
  EXPECT_EQ(h5->training_form, layers::TrainingForm::kHdf5);
  EXPECT_GT(h5->optimizer_weights.size(), 0U);
  EXPECT_EQ(h5->weights[0].group, "conv");
  EXPECT_EQ(h5->weights[0].name, "conv/kernel");
  EXPECT_EQ(h5->read(0)->shape(), (Shape{3, 3, 2, 4}));

  const auto archive = read_archive(fixture("keras_archive/source/model.keras"), {});
  ASSERT_TRUE(archive) << archive.error().describe();
  EXPECT_EQ(archive->generation, layers::Generation::kKeras3);
  EXPECT_EQ(archive->training_form, layers::TrainingForm::kKeras3);
  EXPECT_EQ(archive->layout, layers::WeightLayout::kArchive);
  EXPECT_GT(archive->optimizer_weights.size(), 0U);
  for (const auto& weight : archive->weights) EXPECT_FALSE(weight.name.starts_with("optimizer/")) << weight.name;

  const auto saved_model = read_saved_model_layers(fixture("keras_saved_model/source"), {});
  ASSERT_TRUE(saved_model) << saved_model.error().describe();
  EXPECT_EQ(saved_model->weights.size(), 4U);
  EXPECT_EQ(saved_model->weights[0].group, "hidden");
  EXPECT_TRUE(layers::lower_stored(*saved_model, {}, 0));
}

TEST(KerasFiles, TakeWeightsFromAnotherFile) {
  auto model = read_architecture(fixture("keras_json/source/architecture.json"), {});
  ASSERT_TRUE(model) << model.error().describe();
  EXPECT_FALSE(model->has_weights);
  const auto drawn = layers::lower_stored(*model, {}, 1);
  ASSERT_TRUE(drawn);
  EXPECT_EQ(drawn->notes.size(), 1U);
  ASSERT_TRUE(read_h5_weights(fixture("keras_json/source/weights.h5"), *model, {}));
  const auto lowered = layers::lower_stored(*model, {}, 1);
  ASSERT_TRUE(lowered) << lowered.error().describe();
  EXPECT_EQ(lowered->notes.size(), 0U);
}

// An archive that somebody unpacked: the same model, the vocabularies in its folders included.
TEST(KerasArchive, IsReadUnpacked) {
  const std::string packed = fixture("keras_archive_vocabulary/source/model.keras");
  const Bytes file = map_file(packed).value();
  const ZipArchive archive = ZipArchive::open(file, {}).value();
  const TemporaryDirectory folder;
  for (const ZipEntry& entry : archive.entries()) write_text(folder / entry.name, std::string(archive.read(entry, {})->text()));
  const auto expected = read_archive(packed, {}), unpacked = read_archive(folder.path(), {});
  ASSERT_TRUE(expected);
  ASSERT_TRUE(unpacked) << unpacked.error().describe();
  EXPECT_EQ(unpacked->topology, expected->topology);
  EXPECT_EQ(unpacked->weights.size(), expected->weights.size());
  EXPECT_NE(write_json(unpacked->topology)->find("\"vocabulary\": [\""), std::string::npos);
  std::filesystem::remove_all(folder / "assets");
  EXPECT_EQ(write_json(read_archive(folder.path(), {})->topology)->find("\"vocabulary\": [\""), std::string::npos);
}

}  // namespace
}  // namespace isomer::keras
