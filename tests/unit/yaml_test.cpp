// YAML as PyYAML writes it, read as JSON values.
#include <gtest/gtest.h>

#include <limits>

#include "wire/yaml.h"

namespace isomer {
namespace {

std::string read(std::string_view text, const Limits& limits = {}) {
  const auto value = read_yaml(text, limits);
  if (!value) return std::string(to_string(value.error().code)) + ": " + value.error().message + " (" + value.error().place + ")";
  return write_json(*value).value();
}

TEST(Yaml, ResolvesPlainScalars) {
  EXPECT_EQ(read("[~, null, true, False, yes, 12, -3, 1.5, 1e-05, text, 1.x]"), R"([null, null, true, false, true, 12, -3, 1.5, 1e-05, "text", "1.x"])");
  EXPECT_EQ(read("{a: '12', b: \"x\\ty\", c: !!str 5, d: inf}"), R"({"a": "12", "b": "x\ty", "c": "5", "d": "inf"})");
  EXPECT_EQ(read_yaml(".inf", {})->number(), std::numeric_limits<double>::infinity());
}

TEST(Yaml, IgnoresTagsOfPythonAndRepeatsAliases) {
  EXPECT_EQ(read("shape: !!python/tuple\n- null\n- 3\nsame: &x [1]\nagain: *x\n"), R"({"shape": [null, 3], "same": [1], "again": [1]})");
}

TEST(Yaml, RefusesWhatIsNoDocument) {
  EXPECT_EQ(read("a: [1, 2"), "malformed: did not find expected ',' or ']' (line 2, column 1)");
  EXPECT_EQ(read("a: 1\na: 2\n"), "malformed: the key 'a' occurs twice (line 2, column 1)");
  EXPECT_EQ(read("? [a]\n: b\n"), "unsupported: a key is no scalar (line 1, column 3)");
  EXPECT_EQ(read(""), "truncated: the text holds no document ()");
}

TEST(Yaml, BoundsDepthAndAliases) {
  const std::string deep(200, '[');
  EXPECT_TRUE(read(deep).starts_with("limit exceeded: values nest deeper than 100"));
  std::string grows = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    std::string line = "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) line += (k ? ", *a" : "*a") + std::to_string(i - 1);
    grows += line + "]\n";
  }
  EXPECT_TRUE(read(grows).starts_with("limit exceeded: aliases make the document far larger than its text")) << read(grows).substr(0, 200);
}

}  // namespace
}  // namespace isomer
