// What the real Keras computes for small models (tests/peers/record_layers.py): functions called on tensors, texts, dtypes, masks.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>

#include "formats/tensor_json.h"
#include "isomer/run.h"
#include "layers/stored_model.h"
#include "wire/gzip.h"

namespace isomer::layers {
namespace {

JsonValue read_cases(const std::string& name) {
  std::ifstream file(ISOMER_SOURCE_DIR "/tests/layers/" + name, std::ios::binary);
  const std::string packed{std::istreambuf_iterator<char>(file), {}};
  const Bytes text = gunzip(Bytes::copy_of(std::as_bytes(std::span(packed))), {}).value();
  return read_json({reinterpret_cast<const char*>(text.data()), static_cast<size_t>(text.size())}, {}).value();
}

Tensor tensor(const JsonValue& json) { return tensor_from_json(json, std::nullopt, {}).value(); }

// What differs; empty where nothing does.
std::string difference(const Tensor& expected, const Tensor& found, double tolerance) {
  if (expected.dtype() != found.dtype() || expected.shape() != found.shape()) return "expected " + type_text(expected) + ", found " + type_text(found);
  if (!is_float(expected.dtype())) tolerance = 0;
  for (int64_t i = 0; i < expected.elements(); ++i) {
    if (expected.dtype() == DType::kString) {
      if (expected.string_at(i) != found.string_at(i)) return "element " + std::to_string(i) + " is '" + std::string(found.string_at(i)) + "'";
      continue;
    }
    const double a = expected.as_double(i), b = found.as_double(i);
    const bool same = a == b || (std::isnan(a) && std::isnan(b)) || std::fabs(a - b) <= tolerance * (1 + std::fabs(a));
    if (!same) return "element " + std::to_string(i) + " is " + std::to_string(b) + ", expected " + std::to_string(a);
  }
  return {};
}

std::string run(const JsonValue& json, Generation generation) {
  StoredModel stored;
  stored.topology = *json.find("topology");
  stored.generation = generation;
  std::vector<Tensor> values;
  for (const JsonValue& weight : json.find("weights")->items()) {
    values.push_back(tensor(*weight.find("value")));
    stored.weights.push_back({{}, weight.find("name")->text(), values.back().shape(), values.back().dtype()});
  }
  stored.read = [values](size_t i) -> Result<Tensor> { return values[i]; };
  const auto lowered = lower_stored(stored, {}, 0);
  if (!lowered) return lowered.error().describe();
  const ir::Graph& graph = lowered->module.functions()[0]->graph;
  std::vector<NamedTensor> inputs;
  for (size_t i = 0; i < json.find("inputs")->items().size(); ++i) inputs.push_back({graph.inputs[i].key, tensor(json.find("inputs")->items()[i])});
  const auto outputs = run_model(lowered->module, inputs, {});
  if (!outputs) return outputs.error().describe();
  const auto& expected = json.find("outputs")->items();
  if (outputs->size() != expected.size()) return std::to_string(outputs->size()) + " outputs";
  // Where halves lie between, they are rounded at other places.
  const double tolerance = json.find("name")->text() == "mixed_bfloat16" ? 2e-2 : json.find("name")->text() == "mixed_float16" ? 2e-3 : 1e-4;
  for (size_t i = 0; i < expected.size(); ++i)
    if (std::string problem = difference(tensor(expected[i]), (*outputs)[i].value, tolerance); !problem.empty())
      return "output " + std::to_string(i) + ": " + problem;
  return {};
}

void run_all(const std::string& file, Generation generation) {
  const JsonValue cases = read_cases(file);
  ASSERT_TRUE(cases.find("cases"));
  EXPECT_GT(cases.find("cases")->items().size(), 50U);
  for (const JsonValue& json : cases.find("cases")->items()) EXPECT_EQ(run(json, generation), "") << json.find("name")->text();
}

TEST(KerasCases, AgreeWithKeras3) { run_all("keras3.json.gz", Generation::kKeras3); }
TEST(KerasCases, AgreeWithTfKeras) { run_all("tf_keras.json.gz", Generation::kKeras2); }

}  // namespace
}  // namespace isomer::layers
