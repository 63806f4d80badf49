#include "isomer/inspect.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "isomer/convert.h"
#include "unit/temporary_directory.h"

namespace isomer {
namespace {

const std::string kFixtures = std::string(ISOMER_SOURCE_DIR) + "/tests/formats/";

Inspection inspect(const std::string& path, const LoadOptions& options = {}) {
  auto inspection = inspect_model(path, options);
  EXPECT_TRUE(inspection) << inspection.error().describe();
  return inspection ? std::move(*inspection) : Inspection{};
}

const Route& route(const Inspection& inspection, Format target) {
  const auto found = std::find_if(inspection.routes.begin(), inspection.routes.end(), [&](const Route& r) { return r.target == target; });
  EXPECT_NE(found, inspection.routes.end());
  return *found;
}

TEST(Inspect, TellsSignaturesAndParameters) {
  const Inspection found = inspect(kFixtures + "mlp/source");
  EXPECT_FALSE(found.error);
  EXPECT_EQ(found.source.format, Format::kSavedModel);
  ASSERT_EQ(found.callables.size(), 1u);
  EXPECT_EQ(found.callables[0].name, "serving_default");
  EXPECT_TRUE(found.callables[0].is_default);
  ASSERT_EQ(found.callables[0].inputs.size(), 1u);
  EXPECT_EQ(found.callables[0].inputs[0].key, "features");
  EXPECT_EQ(to_string(found.callables[0].inputs[0].type), "float32[?,5]");
  EXPECT_EQ(found.parameters(), 75);
  EXPECT_EQ(found.variables->bytes, 300);
  EXPECT_TRUE(found.checked_for_tfjs);
  EXPECT_TRUE(found.unsupported.empty());
  EXPECT_TRUE(route(found, Format::kGraphModel).open);
  EXPECT_FALSE(route(found, Format::kLayersModel).open);
}

TEST(Inspect, ListsEverySignatureAndTagSet) {
  const Inspection several = inspect(kFixtures + "multi_signature/source");
  ASSERT_EQ(several.callables.size(), 3u);
  EXPECT_EQ(several.callables[0].name, "mix");
  EXPECT_FALSE(several.callables[0].is_default);
  EXPECT_TRUE(several.callables[1].is_default);
  const Inspection tagged = inspect(kFixtures + "v1_tags/source");
  EXPECT_EQ(tagged.tag_sets, (std::vector<std::string>{"serve", "gpu,serve"}));
  EXPECT_EQ(tagged.callables.size(), 2u);
}

TEST(Inspect, TakesTheFunctionsOfAModelWithoutSignatures) {
  const Inspection found = inspect(kFixtures + "no_signature/source");
  ASSERT_EQ(found.callables.size(), 1u);
  EXPECT_TRUE(found.callables[0].is_function);
  EXPECT_NE(route(found, Format::kGraphModel).command.find("--signature_name=__call__"), std::string::npos);
}

TEST(Inspect, NamesTheCandidatesOfAFrozenGraph) {
  const Inspection found = inspect(kFixtures + "frozen_binary/source/graph.pb");
  EXPECT_EQ(found.output_candidates, (std::vector<std::string>{"mean", "nobody_asks"}));
  EXPECT_NE(route(found, Format::kGraphModel).command.find("--output_node_names=mean,nobody_asks"), std::string::npos);
}

TEST(Inspect, NamesWhatCannotRun) {
  const Inspection found = inspect(kFixtures + "refused_py_function/source");
  EXPECT_FALSE(found.error);
  ASSERT_EQ(found.unsupported.size(), 1u);
  EXPECT_EQ(found.unsupported[0].op, "EagerPyFunc");
  EXPECT_FALSE(found.unsupported[0].reason.empty());
  EXPECT_FALSE(found.unsupported[0].advice.empty());
  EXPECT_FALSE(route(found, Format::kGraphModel).open);
  EXPECT_TRUE(route(found, Format::kGraphModel).command.empty());
}

TEST(Inspect, TellsWhatAConversionLoses) {
  const auto losses = route(inspect(kFixtures + "int64_bool/source"), Format::kGraphModel).losses;
  EXPECT_TRUE(std::any_of(losses.begin(), losses.end(), [](const std::string& l) { return l.find("int64 becomes int32") != std::string::npos; }));
  EXPECT_TRUE(inspect(kFixtures + "while_loop/source").execution);
  EXPECT_FALSE(inspect(kFixtures + "mlp/source").execution);
}

TEST(Inspect, KeepsWhatItFoundBeforeAnError) {
  const TemporaryDirectory directory;
  std::filesystem::copy(kFixtures + "mlp/source", directory / "model", std::filesystem::copy_options::recursive);
  for (const auto& file : std::filesystem::directory_iterator(directory / "model/variables"))
    if (file.path().string().find(".data-") != std::string::npos) std::filesystem::resize_file(file.path(), 10);
  const Inspection found = inspect(directory / "model");
  ASSERT_TRUE(found.error);
  EXPECT_EQ(found.callables.size(), 1u);
  EXPECT_FALSE(route(found, Format::kGraphModel).open);
}

TEST(Inspect, NeedsAFormat) {
  const auto missing = inspect_model(kFixtures + "nowhere", {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  const TemporaryDirectory directory;
  std::ofstream(directory / "notes") << "nothing that a model begins with";
  EXPECT_FALSE(inspect_model(directory / "notes", {}));
}

TEST(Inspect, KnowsAGraphModelAndItsRoutes) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(convert_model(kFixtures + "mlp/source", directory / "web", {}));
  const Inspection found = inspect(directory / "web");
  EXPECT_EQ(found.source.format, Format::kGraphModel);
  EXPECT_EQ(found.parameters(), 75);
  EXPECT_EQ(found.use, Use::kInferenceOnly);
  EXPECT_TRUE(route(found, Format::kGraphModel).open);
  EXPECT_TRUE(route(found, Format::kGraphModel).losses.empty());
}

TEST(ConvertGraphModel, IsWrittenAgainInPlaceWithOtherShards) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(convert_model(kFixtures + "mlp/source", directory / "web", {}));
  ConvertOptions options;
  options.weight_shard_size_bytes = 100;
  options.verify = true;
  const auto small = convert_model(directory / "web", directory / "web", options);
  ASSERT_TRUE(small) << small.error().describe();
  EXPECT_TRUE(small->rewritten);
  EXPECT_EQ(small->files.size(), 4u);
  ASSERT_EQ(small->comparison->outputs.size(), 1u);
  EXPECT_EQ(small->comparison->outputs[0].max_absolute, 0);
  options.weight_shard_size_bytes = 4096;
  const auto whole = convert_model(directory / "web", directory / "web", options);
  ASSERT_TRUE(whole) << whole.error().describe();
  EXPECT_FALSE(std::filesystem::exists(directory / "web/group1-shard2of3.bin"));
}

TEST(ConvertGraphModel, MetadataGoesAlongOnBothWays) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "labels.json") << R"(["cat", "dog"])";
  ConvertOptions options;
  options.metadata = {{"labels", directory / "labels.json"}};
  options.structured_outputs_names = true;
  ASSERT_TRUE(convert_model(kFixtures + "mlp/source", directory / "web", options));
  for (const bool through_ir : {false, true}) {
    ConvertOptions again;
    again.through_ir = through_ir;
    const auto report = convert_model(directory / "web", directory / "again", again);
    ASSERT_TRUE(report) << report.error().describe();
    EXPECT_EQ(report->rewritten, !through_ir);
    std::ifstream file(directory / "again/model.json");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    EXPECT_NE(text.find(R"("labels": ["cat", "dog"])"), std::string::npos) << through_ir;
    EXPECT_NE(text.find(R"("structuredOutputKeys": ["probabilities"])"), std::string::npos) << through_ir;
  }
}

}  // namespace
}  // namespace isomer
