#include "ir/text.h"

#include <gtest/gtest.h>

#include "ir/verify.h"
#include "ops/registry.h"

namespace isomer::ir {
namespace {

constexpr const char* kEverything = R"(module {
  producer "2.19.0"
  metadata "about" "{\"a\": 1}"
  variable "v" float32[2,?] = float32[2,1](1.0 nan)
  variable "empty" int64[...]
  table "words" string -> int64 keys = string[2]("a" "b\n") values = int64[2](1 2)
  table "later" int64 -> string
  asset "vocab.txt" "one\ntwo\n"
  initializer @"the init"
  signature "serving_default" = @serving structured ["a", "b"]
  signature "other" = @serving
}

function @"the init" {
}

function @serving from "__inference_serving_12" {
  input "x" = %x "serving_default_x:0"
  input "flag" = %flag
  %x = Placeholder() {dtype = float32, shape = shape[?,4]} : float32[?,4] from "Placeholder serving_default_x"
  %flag = Placeholder() {dtype = bool, shape = shape[]} : bool[]
  %a/b.c-d = Const() {value = float32[4](0.5 -0.0 1e-05 inf)} : float32[4]
  %"odd name" = Foreign "SomeOp"(%x, %a/b.c-d) {T = float32, f = @serving, list = [1.0], s = "x"} : float32[?,4], invalid[...], resource<float32[2]>[], variant<int64[...]>[?]
  %use = Foreign "Other"(%"odd name":3, %"odd name") ^(%flag, %a/b.c-d)
  output "y" = %"odd name" "Identity:0"
  output "z" = %x
  control_output %use
}
)";

Result<Module> read(std::string_view text, const Bytes* side = nullptr, const Limits& limits = {}) {
  return parse(text, {.find_op = ops::find_op, .limits = limits, .side = side});
}

TEST(Text, PrintsWhatItRead) {
  const auto module = read(kEverything);
  ASSERT_TRUE(module) << module.error().describe();
  EXPECT_EQ(print(*module), kEverything);
  const auto verified = verify(*module);
  EXPECT_TRUE(verified) << verified.error().describe();
}

TEST(Text, KeepsUsersAndControlUsers) {
  const auto module = read(kEverything);
  ASSERT_TRUE(module) << module.error().describe();
  const Graph& graph = module->find_function("serving")->graph;
  EXPECT_EQ(graph.value(graph.output(graph.find("x"))).users.size(), 1U);
  EXPECT_EQ(graph.node(graph.find("flag")).control_users.size(), 1U);
  EXPECT_EQ(graph.node(graph.find("odd name")).outputs.size(), 4U);
}

TEST(Text, ReadsPortsAnywhereAndComments) {
  const auto module = read("function @f { // no module block\n output \"y\" = %c\n %c = Const() {value = int32[](1)} : int32[] // a constant\n}");
  ASSERT_TRUE(module) << module.error().describe();
  EXPECT_EQ(print(*module->find_function("f")), "function @f {\n  %c = Const() {value = int32[](1)} : int32[]\n  output \"y\" = %c\n}\n");
}

Module with_large_values() {
  Module module;
  std::vector<float> floats(65, 0.5F);
  const std::vector<std::string> strings(70, "text");
  module.variables.push_back({"v", DType::kFloat32, PartialShape({65}), Tensor::of<float>(DType::kFloat32, {65}, floats)});
  module.variables.push_back({"s", DType::kString, PartialShape({70}), Tensor::from_strings({70}, strings)});
  module.assets.push_back({"big", Bytes::from_string(std::string(5000, 'a'))});
  return module;
}

TEST(Text, KeepsLargeValuesInSideBytes) {
  const Module module = with_large_values();
  std::string side;
  const auto collect = [&](std::span<const std::byte> bytes) { side.append(reinterpret_cast<const char*>(bytes.data()), bytes.size()); };
  const std::string text = print(module, {.side = collect});
  EXPECT_NE(text.find("variable \"v\" float32[65] = float32[65]@data(0, 260)\n"), std::string::npos) << text;
  const Bytes bytes = Bytes::from_string(side);
  const auto again = read(text, &bytes);
  ASSERT_TRUE(again) << again.error().describe();
  EXPECT_TRUE(again->variables[0].value.identical(module.variables[0].value));
  EXPECT_TRUE(again->variables[1].value.identical(module.variables[1].value));
  EXPECT_EQ(again->assets[0].content.text(), module.assets[0].content.text());

  const Bytes cut = bytes.slice(0, bytes.size() - 1);
  EXPECT_FALSE(read(text, &cut));
  EXPECT_FALSE(read(text));
}

TEST(Text, RefusesElidedValuesWithAHint) {
  const std::string text = print(with_large_values());
  EXPECT_NE(text.find("float32[65](...)"), std::string::npos) << text;
  EXPECT_NE(text.find("asset \"big\" ...\n"), std::string::npos) << text;
  const auto module = read(text);
  ASSERT_FALSE(module);
  EXPECT_EQ(module.error().place, "text:2:30");
  EXPECT_NE(module.error().hint.find("side file"), std::string::npos);
}

struct Refusal {
  const char* text;
  const char* message;
  const char* place;
};

TEST(Text, SaysWhatIsWrongAndWhere) {
  for (const Refusal& refusal : {
           Refusal{"modul {", "expected module or function, found \"modul\"", "text:1:1"},
           Refusal{"module {", "expected producer", "text:1:9"},
           Refusal{"module { signature \"s\" @f }", "expected '=', found \"@\"", "text:1:24"},
           Refusal{"module {} module {}", "expected function", "text:1:11"},
           Refusal{"function @f {}\nfunction @f {}", "function @f is defined twice", "text:2:10"},
           Refusal{"function @f {\n  %a = MatMull()\n}", "there is no op MatMull", "text:2:8"},
           Refusal{"function @f { %a = Placeholder(%b) }", "no node %b is defined before this use", "text:1:32"},
           Refusal{"function @f { %a = Placeholder() {dtyp = bool} }", "Placeholder has no attribute 'dtyp'; it has dtype, shape", "text:1:34"},
           Refusal{"function @f { %a = Placeholder() {dtype = 1} }", "wrong kind", "text:1:34"},
           Refusal{"function @f { %a = Placeholder() {dtype = bool, dtype = bool} }", "'dtype' stands twice", "text:1:49"},
           Refusal{"function @f { %a = Foreign \"X\"() : bool[] %a = Foreign \"X\"() }", "%a is defined twice", "text:1:43"},
           Refusal{"function @f { %a = Foreign \"X\"() : bool[] output \"y\" = %a:1 }", "%a has 1 results; there is no result 1", "text:1:56"},
           Refusal{"function @f { %a = Foreign \"X\"() : bool[] output \"y\" = %a:99999999999999999999 }", "does not fit 64 bits", "text:1:59"},
           Refusal{"function @f { %a = Foreign \"X\"() : bool[] output \"y\" = %a:-1 }", "the number of a result", "text:1:59"},
           Refusal{"function @f { control_output %a }", "no node %a is defined", "text:1:30"},
           Refusal{"function @f { %a = Foreign() }", "the name of the foreign op in quotes", "text:1:27"},
           Refusal{"function @f { %a:1 = Foreign \"X\"() }", "a definition has no result number", "text:1:15"},
           Refusal{"function @f { %\"\" = Foreign \"X\"() }", "a name must not be empty", "text:1:16"},
           Refusal{"function @f { %a = Foreign \"X\"() : float33[] }", "expected a dtype such as float32, found \"float33\"", "text:1:36"},
           Refusal{"function @f { wrong }", "expected a node", "text:1:15"},
           Refusal{"function @f {", "found the end of the text", "text:1:14"},
       }) {
    const auto module = read(refusal.text);
    ASSERT_FALSE(module) << refusal.text;
    EXPECT_NE(module.error().message.find(refusal.message), std::string::npos) << refusal.text << ": " << module.error().message;
    EXPECT_EQ(module.error().place, refusal.place) << refusal.text;
  }
}

TEST(Text, ObeysLimits) {
  std::string text = "function @f {\n";
  for (int i = 0; i < 3; ++i) text += "%n" + std::to_string(i) + " = Foreign \"X\"()\n";
  text += "}\n";
  Limits limits;
  limits.nodes = 3;  // the function counts too
  const auto module = read(text, nullptr, limits);
  ASSERT_FALSE(module);
  EXPECT_EQ(module.error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(module.error().place, "text:4:1");
  limits.nodes = 4;
  EXPECT_TRUE(read(text, nullptr, limits));
  limits.rank = 2;
  EXPECT_FALSE(read("function @f { %a = Foreign \"X\"() : bool[1,2,3] }", nullptr, limits));
}

// Every prefix of a text is refused without harm.
TEST(Text, RefusesEveryPrefix) {
  const std::string_view text = kEverything;
  for (size_t length = 1; length + 1 < text.size(); ++length) {
    const auto module = read(text.substr(0, length));
    // Whole blocks are valid texts by themselves.
    const bool whole = module && (text[length - 1] == '}' || text[length] == '\n' || text[length - 1] == '\n');
    EXPECT_TRUE(!module || whole) << text.substr(0, length);
  }
}

}  // namespace
}  // namespace isomer::ir
