#include "wire/json.h"

#include <gtest/gtest.h>

#include <cmath>

#include "wire/base64.h"

namespace isomer {
namespace {

JsonValue read(std::string_view text) {
  auto value = read_json(text, Limits{});
  EXPECT_TRUE(value) << (value ? "" : value.error().describe());
  return value ? *value : JsonValue();
}

Error error_of(std::string_view text, const Limits& limits = {}) {
  auto value = read_json(text, limits);
  EXPECT_FALSE(value) << text;
  return value ? Error{} : value.error();
}

TEST(JsonRead, KeepsTheOrderOfMembers) {
  const JsonValue value = read(R"({"b": 1, "a": {"z": [], "y": {}}})");
  ASSERT_EQ(value.members().size(), 2u);
  EXPECT_EQ(value.members()[0].key, "b");
  EXPECT_EQ(value.members()[1].value.members()[0].key, "z");
  EXPECT_EQ(write_json(value), R"({"b": 1, "a": {"z": [], "y": {}}})");
}

TEST(JsonRead, KeepsHowNumbersAreSpelled) {
  const JsonValue value = read("[1, 1.0, 1e2, -9223372036854775808, 9223372036854775807, 18446744073709551615, 18446744073709551616]");
  const auto& items = value.items();
  EXPECT_EQ(items[0].kind(), JsonValue::Kind::kInteger);
  EXPECT_EQ(items[1].kind(), JsonValue::Kind::kFloat);
  EXPECT_EQ(items[2].number(), 100);
  EXPECT_EQ(items[3].integer(), INT64_MIN);
  EXPECT_EQ(items[4].integer(), INT64_MAX);
  EXPECT_EQ(items[5].unsigned_value(), UINT64_MAX);
  EXPECT_EQ(items[6].kind(), JsonValue::Kind::kFloat);
  EXPECT_EQ(items[1].as_int64(), 1);
  EXPECT_EQ(items[5].as_int64(), std::nullopt);
}

TEST(JsonRead, TakesPythonsBareTokens) {
  const JsonValue value = read("\n {\"a\": NaN, \"NaN\": [Infinity, -Infinity,NaN], \"Infinity, \\\"NaN\": \"NaN\", \"n\": [0, 10, 0 ]}");
  EXPECT_TRUE(std::isnan(value.find("a")->number()));
  EXPECT_EQ(value.find("NaN")->items()[0].number(), INFINITY);
  EXPECT_EQ(value.find("NaN")->items()[1].number(), -INFINITY);
  EXPECT_TRUE(std::isnan(value.find("NaN")->items()[2].number()));
  EXPECT_EQ(value.find("Infinity, \"NaN")->text(), "NaN");
  EXPECT_EQ(write_json(*value.find("n")), "[0, 10, 0]");
  EXPECT_TRUE(std::isnan(read("NaN").number()));
  for (const char* text : {"[1NaN]", "[NaN1]", "{NaN: 1}", "[-NaN]", "[+Infinity]", "[nan]", "[NaN", "[\"a\" NaN]"}) error_of(text);
}

TEST(JsonRead, SkipsAByteOrderMark) { EXPECT_EQ(read("\xEF\xBB\xBF[1]").items().size(), 1u); }

TEST(JsonRead, SaysWhereTheTextIsWrong) {
  const Error malformed = error_of("{\n  \"a\": 1,\n  \"b\": x\n}");
  EXPECT_EQ(malformed.code, ErrorCode::kMalformed);
  EXPECT_EQ(malformed.place.substr(0, 26), "line 3, column 8 (byte 19)") << malformed.describe();
  EXPECT_EQ(error_of("[1, 2").code, ErrorCode::kTruncated);
  EXPECT_EQ(error_of("").code, ErrorCode::kTruncated);
  EXPECT_EQ(error_of("[1] 2").code, ErrorCode::kMalformed);
  EXPECT_EQ(error_of("[\"\xFF\"]").code, ErrorCode::kMalformed);
}

TEST(JsonRead, RefusesDuplicateKeys) {
  const Error twice = error_of(R"({"x": {"a": 1, "b": 2, "a": 3}})");
  EXPECT_EQ(twice.code, ErrorCode::kMalformed);
  EXPECT_NE(twice.message.find("\"a\""), std::string::npos);
  EXPECT_NE(twice.place.find("$.x"), std::string::npos) << twice.place;
  std::string many = "{";
  for (int i = 0; i < 100; ++i) many += "\"k" + std::to_string(i) + "\": 0, ";
  EXPECT_EQ(read(many + "\"last\": 0}").members().size(), 101u);
  EXPECT_EQ(error_of(many + "\"k50\": 0}").code, ErrorCode::kMalformed);
}

TEST(JsonRead, KeepsToTheLimits) {
  Limits limits;
  limits.nesting = 3;
  EXPECT_TRUE(read_json("[[[1]]]", limits));
  EXPECT_EQ(error_of("[[[[1]]]]", limits).code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(error_of(std::string(1'000'000, '['), limits).code, ErrorCode::kLimitExceeded);
  limits.document_bytes = 1000;
  std::string zeros = "[0";
  for (int i = 0; i < 100; ++i) zeros += ",0";
  EXPECT_EQ(error_of(zeros + "]", limits).code, ErrorCode::kLimitExceeded);
}

TEST(JsonRead, HandsOutStreamedElementsInOrder) {
  std::vector<std::string> taken;
  const auto take = [&](std::string_view tag) {
    return [&, tag](JsonValue value) -> Result<void> {
      taken.push_back(std::string(tag) + write_json(value).value());
      return {};
    };
  };
  const std::vector<JsonStream> streams = {{"g.node", take("n")}, {"g.fn", take("f")}, {"g.fn.node", take("i")}};
  Limits limits;
  limits.document_bytes = 2000;  // less than all elements together
  std::string text = R"({"node": [1], "g": {"x": 1, "fn": [{"name": "p", "node": [5, 6]}, {"node": []}], "node": [)";
  for (int i = 0; i < 200; ++i) text += R"({"a": [1]},)";
  auto value = read_json(text + R"([[2]]]}, "h": [3]})", limits, streams);
  ASSERT_TRUE(value) << value.error().describe();
  EXPECT_EQ(write_json(*value), R"({"node": [1], "g": {"x": 1, "fn": [], "node": []}, "h": [3]})");
  ASSERT_EQ(taken.size(), 205u);
  EXPECT_EQ(taken[0], "i5");
  EXPECT_EQ(taken[1], "i6");
  EXPECT_EQ(taken[2], R"(f{"name": "p", "node": []})");
  EXPECT_EQ(taken[3], R"(f{"node": []})");
  EXPECT_EQ(taken[204], "n[[2]]");
}

TEST(JsonRead, StopsWhenAStreamFails) {
  const std::vector<JsonStream> streams = {{"a", [](JsonValue value) -> Result<void> {
                                              if (value.integer() == 2) return fail(ErrorCode::kInvalidModel, "two");
                                              return {};
                                            }}};
  auto value = read_json(R"({"a": [1, 2, 3]})", Limits{}, streams);
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().message, "two");
  EXPECT_EQ(value.error().place, "$.a[1]");
}

// What Python 3 prints for json.dumps of the same values.
TEST(JsonWrite, PrintsAsPythonDoes) {
  const std::pair<double, const char*> doubles[] = {{0.0, "0.0"},
                                                    {-0.0, "-0.0"},
                                                    {1, "1.0"},
                                                    {0.1, "0.1"},
                                                    {1e15, "1000000000000000.0"},
                                                    {1e16, "1e+16"},
                                                    {123456789012345680.0, "1.2345678901234568e+17"},
                                                    {0.0001, "0.0001"},
                                                    {0.00001, "1e-05"},
                                                    {1.5e-7, "1.5e-07"},
                                                    {1e100, "1e+100"},
                                                    {5e-324, "5e-324"},
                                                    {-2.5, "-2.5"},
                                                    {1.7976931348623157e308, "1.7976931348623157e+308"}};
  for (const auto& [value, text] : doubles) EXPECT_EQ(json_number(value), text);
  EXPECT_EQ(json_number(0.001f), "0.001");
  EXPECT_EQ(json_number(3.4028234663852886e38f), "3.4028235e+38");
  EXPECT_EQ(json_number(16777216.0f), "16777216.0");
  EXPECT_EQ(write_json(JsonValue("a\"\\\n\r\t\b\f\x01\x7F/é\xF0\x9F\x98\x80")), R"("a\"\\\n\r\t\b\f\u0001\u007f/\u00e9\ud83d\ude00")");
  EXPECT_EQ(write_json(read(R"( [ null,true , false,{ } ] )")), "[null, true, false, {}]");
}

TEST(JsonWrite, NeverPrintsABareToken) { EXPECT_EQ(write_json(read("[NaN, Infinity, -Infinity]")), R"(["NaN", "Infinity", "-Infinity"])"); }

TEST(JsonWrite, RefusesTextThatIsNotUtf8) {
  for (const char* text : {"\xFF", "\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "ab\x80"}) {
    auto written = write_json(JsonValue(text));
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::kMalformed);
  }
}

TEST(JsonWrite, ReportsTheSinksFirstError) {
  int calls = 0;
  JsonWriter writer([&](std::string_view) -> Result<void> {
    ++calls;
    return fail(ErrorCode::kIo, "full");
  });
  writer.begin_array();
  for (int i = 0; i < 100000; ++i) writer.quoted(int64_t{i});
  writer.end_array();
  auto finished = writer.finish();
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().message, "full");
  EXPECT_EQ(calls, 1);
}

TEST(JsonWrite, WritesWholeTextThroughSmallBuffers) {
  std::string text;
  JsonWriter writer([&](std::string_view piece) -> Result<void> {
    text += piece;
    return {};
  });
  writer.begin_array();
  for (int i = 0; i < 50000; ++i) writer.integer(i);
  writer.end_array();
  ASSERT_TRUE(writer.finish());
  const JsonValue back = read(text);
  ASSERT_EQ(back.items().size(), 50000u);
  EXPECT_EQ(back.items()[49999].integer(), 49999);
}

TEST(Base64, RoundTripsAndTakesVariants) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
    bytes += static_cast<char>(i * 37);
  }
  EXPECT_EQ(base64_encode("SAME"), "U0FNRQ==");
  EXPECT_EQ(base64_decode("U0FNRQ"), "SAME");
  EXPECT_EQ(base64_decode("-_8="), base64_decode("+/8="));
  for (const char* wrong : {"U", "U0FN=", "U0F*", "====", "U=FN", "U0FNR==="}) EXPECT_EQ(base64_decode(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace isomer
