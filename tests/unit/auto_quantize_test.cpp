#include "isomer/auto_quantize.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ir/const_op.h"
#include "ir/text.h"
#include "isomer/run.h"
#include "ops/registry.h"

namespace isomer {
namespace {

// y = x * a + x * b, and the place of the largest.
constexpr const char* kModel = R"(module {
  signature "serving_default" = @main
}
function @main {
  input "x" = %x
  %x = Placeholder() {dtype = float32, shape = shape[2,16]} : float32[2,16]
  %a = Const() {value = float32[](0.0)} : float32[]
  %b = Const() {value = float32[](0.0)} : float32[]
  %axis = Const() {value = int32[](1)} : int32[]
  %left = MatMul(%x, %a) : float32[2,16]
  %right = MatMul(%x, %b) : float32[2,16]
  %y = AddV2(%left, %right) : float32[2,16]
  %class = ArgMax(%y, %axis) : int64[2]
  output "y" = %y
  output "class" = %class
}
)";

struct Model {
  ir::Module module;
  std::vector<tfjs::OutputWeight> weights;
};

// With these elements of the matrices `a` and `b`, for which scalars stand in the text.
Model model_of(const std::vector<float>& a, const std::vector<float>& b) {
  std::string text = kModel;
  std::vector<Tensor> values;
  for (const auto& [name, elements] : {std::pair("%a", &a), std::pair("%b", &b)}) {
    values.push_back(Tensor::of<float>(DType::kFloat32, {16, 16}, *elements));
    const std::string before = std::string(name) + " = Const() {value = float32[](0.0)} : float32[]";
    text.replace(text.find(before), before.size(), std::string(name) + " = Const() {value = " + ir::print_tensor(values.back()) + "} : float32[16,16]");
  }
  auto module = ir::parse(text, {.find_op = ops::find_op});
  EXPECT_TRUE(module) << module.error().describe();
  Model model{module ? std::move(*module) : ir::Module(), {}};
  for (size_t i = 0; i < 2; ++i) model.weights.push_back({i == 0 ? "a" : "b", values[i], {}});
  return model;
}

std::vector<float> waves(float size, float step) {
  std::vector<float> values(256);
  for (size_t i = 0; i < values.size(); ++i) values[i] = size * std::sin(step * static_cast<float>(i));
  return values;
}

Result<AutoQuantizeReport> quantize(Model& model, double max_error) {
  AutoQuantizeOptions options;
  options.max_error = max_error;
  options.seed = 5;
  return quantize_automatically(model.weights, model.module, options, heap_allocator());
}

TEST(AutoQuantize, TheWeightThatMattersStaysExact) {
  Model model = model_of(waves(1, 0.37f), waves(1e-4f, 0.71f));
  const auto report = quantize(model, 4e-6);
  ASSERT_TRUE(report) << report.error().describe();
  EXPECT_EQ(report->weights[0].storage, DType::kFloat32);
  EXPECT_EQ(report->weights[1].storage, DType::kUint8);
  EXPECT_EQ(model.weights[1].quantization->storage, DType::kUint8);
  EXPECT_EQ(report->weights[1].bytes_after, 256);
  EXPECT_GT(report->error, 0);
  EXPECT_LE(report->error, 4e-6);
  EXPECT_LE(report->runs, report->allowed_runs);
}

TEST(AutoQuantize, MeasuresWithWhatIsWritten) {
  Model model = model_of(waves(1, 0.37f), waves(0.5f, 0.71f));
  const ir::Module& running = model.module;
  std::vector<float> x(32);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 5);
  const std::vector<NamedTensor> inputs = {{"x", Tensor::of<float>(DType::kFloat32, {2, 16}, x)}};
  const auto before = run_model(running, inputs, {});
  const auto report = quantize(model, 0.01);
  ASSERT_TRUE(report && before);
  // The module has been left with the weights of the last run: that with both as uint8, which held the bound.
  const auto after = run_model(running, inputs, {});
  ASSERT_TRUE(after);
  EXPECT_EQ(report->runs, 2);
  EXPECT_FALSE((*before)[0].value.identical((*after)[0].value));
  for (int64_t i = 0; i < 32; ++i) EXPECT_NEAR((*before)[0].value.as_double(i), (*after)[0].value.as_double(i), 0.2);
}

TEST(AutoQuantize, WeightsWithoutAFormStay) {
  std::vector<float> broken = waves(1, 0.37f);
  broken[77] = NAN;
  std::vector<float> large = waves(1e6f, 0.71f);
  Model model = model_of(broken, large);
  model.weights.push_back({"unknown", Tensor::of<float>(DType::kFloat32, {256}, waves(1, 0.1f)), {}});
  model.weights.push_back({"axis", Tensor::int32s(std::vector<int64_t>{1}), {}});
  const auto report = quantize(model, 0.001);
  ASSERT_TRUE(report) << report.error().describe();
  ASSERT_EQ(report->weights.size(), 3u);
  EXPECT_EQ(report->weights[0].kept, "it holds numbers that are not finite");
  EXPECT_EQ(report->weights[1].kept, "");
  EXPECT_NE(report->weights[1].storage, DType::kHalf);
  EXPECT_EQ(report->weights[2].kept, "the model does not compute with it");
  EXPECT_FALSE(model.weights[0].quantization || model.weights[2].quantization || model.weights[3].quantization);
}

// The class is decided by less than what 8 or 16 bits keep.
TEST(AutoQuantize, OtherOutputsStayWhatTheyAre) {
  std::vector<float> a(256), b(256);
  for (size_t i = 0; i < a.size(); ++i) {
    const size_t row = i / 16, column = i % 16;
    a[i] = (row == 0 && column == 0 ? 100.0f : 0.0f) + (column == 3 ? 1.0001f : column == 2 ? 1.0f : -200.0f);
    b[i] = -1e-6f * static_cast<float>(column);
  }
  Model model = model_of(a, b);
  const auto report = quantize(model, 1000);
  ASSERT_TRUE(report) << report.error().describe();
  EXPECT_NE(report->weights[0].storage, DType::kUint8);
  EXPECT_TRUE(std::isinf(report->weights[0].error));
}

TEST(AutoQuantize, RefusesAModelWithoutWeights) {
  Model model = model_of(waves(1, 0.37f), waves(1, 0.71f));
  model.weights.clear();
  const auto report = quantize(model, 0.01);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().message, "--quantize auto: the model has no weights of float32");
}

}  // namespace
}  // namespace isomer
