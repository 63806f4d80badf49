#include "ir/verify.h"

#include <gtest/gtest.h>

#include "ir/const_op.h"
#include "ir/text.h"
#include "ops/registry.h"

namespace isomer::ir {
namespace {

constexpr const char* kModule = R"(module {
  variable "v" float32[2] = float32[2](1.0 2.0)
  table "t" string -> int64 keys = string[2]("a" "b") values = int64[2](1 2)
  initializer @init
  signature "s" = @f
}
function @init {}
function @f {
  input "x" = %x
  %x = Placeholder() {dtype = float32, shape = shape[?,2]} : float32[?,2]
  %c = Const() {value = float32[2](1.0 2.0)} : float32[2]
  %sum = AddV2(%x, %c) ^(%c) : float32[?,2]
  output "y" = %sum
}
)";

Module module_of(std::string_view text) {
  auto module = parse(text, {.find_op = ops::find_op});
  EXPECT_TRUE(module) << module.error().describe();
  return module ? std::move(*module) : Module();
}

void expect_refused(const Module& module, std::string_view message, std::string_view place) {
  const auto verified = verify(module);
  ASSERT_FALSE(verified) << message;
  EXPECT_NE(verified.error().message.find(message), std::string::npos) << verified.error().message;
  EXPECT_EQ(verified.error().place, place);
}

TEST(Verify, AcceptsAValidModule) {
  const auto verified = verify(module_of(kModule));
  EXPECT_TRUE(verified) << verified.error().describe();
}

TEST(Verify, FindsBrokenUserLists) {
  {
    Module module = module_of(kModule);
    Graph& graph = module.find_function("f")->graph;
    graph.node(graph.find("sum")).inputs[1] = graph.output(graph.find("x"));
    expect_refused(module, "the list of users lacks 'sum' (AddV2)", "function 'f', node 'x' (Placeholder)");
  }
  {
    Module module = module_of(kModule);
    Graph& graph = module.find_function("f")->graph;
    graph.node(graph.find("sum")).control_inputs.clear();
    expect_refused(module, "its control user 'sum' (AddV2) does not wait for it", "function 'f', node 'c' (Const)");
  }
  {
    Module module = module_of(kModule);
    Graph& graph = module.find_function("f")->graph;
    graph.node(graph.find("sum")).name = "other";
    expect_refused(module, "finds another node under this name", "function 'f', node 'other' (AddV2)");
  }
  {
    Module module = module_of(kModule);
    Graph& graph = module.find_function("f")->graph;
    graph.node(graph.find("sum")).inputs[1] = ValueId{99};
    expect_refused(module, "input 1 is no value of a live node", "function 'f', node 'sum' (AddV2)");
  }
}

TEST(Verify, FindsCycles) {
  Module module = module_of(kModule);
  Graph& graph = module.find_function("f")->graph;
  graph.set_input(graph.find("sum"), 1, graph.output(graph.find("sum")));
  expect_refused(module, "cycle", "function 'f', node 'sum' (AddV2)");
}

TEST(Verify, FindsWrongAttributes) {
  Module module = module_of(kModule);
  Graph& graph = module.find_function("f")->graph;
  graph.node(graph.find("sum")).attributes = const_attributes(Tensor::scalar(1.0F));
  expect_refused(module, "its attributes are those of another op", "function 'f', node 'sum' (AddV2)");
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Verify, FindsWhatDoesNotFit) {
  const struct {
    const char* from;
    const char* to;
    const char* message;
    const char* place;
  } cases[] = {
      {"^(%c) : float32[?,2]", ": float64[?,2]", "result 0 should be float32, its type is float64[?,2]", "function 'f', node 'sum' (AddV2)"},
      {"^(%c) : float32[?,2]\n  output \"y\" = %sum", "", "its signature gives 1 results, it has 0", "function 'f', node 'sum' (AddV2)"},
      {"^(%c) : float32[?,2]", ": float32[?,3]", "is inferred to be float32[?,2], its type is float32[?,3]", "function 'f', node 'sum' (AddV2)"},
      {"AddV2(%x, %c)", "AddV2(%x)", "found 1 inputs", "function 'f', node 'sum' (AddV2)"},
      {"2.0)} : float32[2]", "2.0)} : float32[3]", "its value is float32[2], its type float32[3]", "function 'f', node 'c' (Const)"},
      {"Const() {value", "Const() {dtype = int32, value", "result 0 should be int32, its type is float32[2]", "function 'f', node 'c' (Const)"},
      {"input \"x\" = %x", "input \"x\" = %c", "input 0 ('x') is 'c' (Const), not a Placeholder", "function 'f'"},
      {"input \"x\" = %x", "input \"x\" = %x input \"z\" = %x", "input 1 ('z') is the same value as an input before it", "function 'f'"},
      {"= @f", "= @g", "signature 's' names the function 'g'", ""},
      {"initializer @init", "initializer @f", "the initialiser 'f' takes inputs", ""},
      {"initializer @init", "initializer @g", "the initialiser 'g' is no function", ""},
      {"= float32[2](1.0 2.0)", "= float32[1](1.0)", "variable 'v' is float32[2], its value float32[1]", ""},
      {"values = int64[2](1 2)", "values = int64[1](1)", "needs a vector of keys and as many values", ""},
      {"values = int64[2](1 2)", "values = int32[2](1 2)", "table 't' maps string to int64", ""},
      {"variable \"v\" float32[2]", "variable \"v\" int32[2] variable \"v\" float32[2]", "two variables are named 'v'", ""},
      {"%sum = AddV2(%x, %c)", "%call = PartitionedCall(%x) {f = @g, Tout = [float32]} : float32[?,2] %sum = AddV2(%x, %c)",
       "attribute 'f' names the function 'g', which the module does not have", "function 'f', node 'call' (PartitionedCall)"},
      {"%sum = AddV2(%x, %c)", "%call = PartitionedCall(%x) {f = @init, Tout = [float32]} : float32[?,2] %sum = AddV2(%x, %c)",
       "function 'init' has 0 inputs, its caller 1", "function 'f', node 'call' (PartitionedCall)"},
  };
  for (const auto& c : cases) expect_refused(module_of(replaced(kModule, c.from, c.to)), c.message, c.place);
}

}  // namespace
}  // namespace isomer::ir
