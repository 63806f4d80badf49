#include "formats/tfjs/quantize.h"

#include <gtest/gtest.h>

#include <cmath>

namespace isomer::tfjs {
namespace {

OutputWeight weight(const std::string& name, const std::vector<float>& values) {
  return {name, Tensor::of<float>(DType::kFloat32, {static_cast<int64_t>(values.size())}, values), {}};
}

Result<OutputWeight> quantized(const std::vector<float>& values, DType storage) {
  return quantize_weight(weight("w", values), storage, Limits{}, heap_allocator());
}

std::vector<int64_t> codes(const OutputWeight& w) { return w.value.to_int64s(); }

// The example in the source of tensorflowjs.
TEST(Quantize, NudgesZeroToACode) {
  const auto w = quantized({0.0f, -0.1f, 1.2f}, DType::kUint8);
  ASSERT_TRUE(w);
  EXPECT_EQ(codes(*w), (std::vector<int64_t>{20, 0, 255}));
  EXPECT_NEAR(w->quantization->scale, 0.00509803940852, 1e-12);
  EXPECT_NEAR(w->quantization->min, -0.10196078817, 1e-10);
  EXPECT_EQ(w->quantization->original_dtype, "float32");
}

TEST(Quantize, KeepsTheRangeOfOneSign) {
  const auto w = quantized({6.0f, 7.0f, 6.5f}, DType::kUint8);
  ASSERT_TRUE(w);
  EXPECT_EQ(codes(*w), (std::vector<int64_t>{0, 255, 128}));  // 127.5 to even
  EXPECT_EQ(w->quantization->scale, 1.0 / 255);
  EXPECT_EQ(w->quantization->min, 6.0);
}

TEST(Quantize, OneValueIsAllMinimum) {
  const auto w = quantized({3.5f, 3.5f}, DType::kUint16);
  ASSERT_TRUE(w);
  EXPECT_EQ(codes(*w), (std::vector<int64_t>{0, 0}));
  EXPECT_EQ(w->quantization->scale, 1.0);
  EXPECT_EQ(w->quantization->min, 3.5);
}

TEST(Quantize, Uint16UsesAllCodes) {
  const auto w = quantized({-1.0f, 0.0f, 1.0f}, DType::kUint16);
  ASSERT_TRUE(w);
  EXPECT_EQ(codes(*w), (std::vector<int64_t>{0, 32768, 65535}));
}

TEST(Quantize, RefusesWhatHasNoForm) {
  for (const DType storage : {DType::kUint8, DType::kUint16, DType::kHalf}) {
    EXPECT_FALSE(quantized({}, storage));
    EXPECT_FALSE(quantized({1.0f, NAN}, storage));
    EXPECT_FALSE(quantized({1.0f, -INFINITY}, storage));
  }
  EXPECT_TRUE(quantized({65504.0f, -65519.0f}, DType::kHalf));
  EXPECT_FALSE(quantized({65520.0f}, DType::kHalf));
  EXPECT_FALSE(quantized({-1e9f}, DType::kHalf));
}

TEST(Quantize, Half) {
  const auto w = quantized({1.0f, -2.0f, 0.1f}, DType::kHalf);
  ASSERT_TRUE(w);
  EXPECT_EQ(w->value.at<uint16_t>(0), 0x3C00);
  EXPECT_EQ(w->value.at<uint16_t>(1), 0xC000);
  EXPECT_EQ(w->value.at<uint16_t>(2), 0x2E66);
}

TEST(Quantize, Patterns) {
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("a/*/kernel", "a/b/c/kernel"));
  EXPECT_FALSE(matches("a/*/kernel", "a/b/c/kernel_1"));
  EXPECT_TRUE(matches("conv[12]", "conv2"));
  EXPECT_FALSE(matches("conv[!12]", "conv2"));
  EXPECT_TRUE(matches("conv[0-9]?", "conv3x"));
  EXPECT_TRUE(matches("a[", "a["));
  EXPECT_FALSE(matches("Conv", "conv"));
  EXPECT_TRUE(matches("*a*b*", "xxaxxbxx"));
  EXPECT_FALSE(matches("", "x"));
}

TEST(Quantize, RequestsShareTheWeights) {
  std::vector<OutputWeight> weights = {weight("a/kernel", {1, 2}), weight("a/bias", {1, 2}), weight("b/kernel", {1, INFINITY})};
  weights.push_back({"axis", Tensor::int32s(std::vector<int64_t>{1}), {}});
  const auto report = quantize_weights(weights, {{DType::kUint8, {"*/kernel", "nothing*"}}, {DType::kHalf, {}}}, Limits{}, heap_allocator());
  ASSERT_TRUE(report);
  EXPECT_EQ(report->quantized, 2);
  EXPECT_EQ(weights[0].quantization->storage, DType::kUint8);
  EXPECT_EQ(weights[1].quantization->storage, DType::kHalf);
  EXPECT_FALSE(weights[2].quantization);
  EXPECT_FALSE(weights[3].quantization);
  ASSERT_EQ(report->skipped.size(), 1u);
  EXPECT_EQ(report->skipped[0].name, "b/kernel");
  EXPECT_EQ(report->unmatched, std::vector<std::string>{"nothing*"});
}

TEST(Quantize, RefusesConflicts) {
  std::vector<OutputWeight> weights = {weight("a", {1, 2})};
  EXPECT_FALSE(quantize_weights(weights, {{DType::kUint8, {"*"}}, {DType::kHalf, {"a"}}}, Limits{}, heap_allocator()));
  EXPECT_FALSE(quantize_weights(weights, {{DType::kUint8, {}}, {DType::kHalf, {}}}, Limits{}, heap_allocator()));
}

}  // namespace
}  // namespace isomer::tfjs
