// The interpreter and control flow: what runs, in which order, what it costs, and how it fails.
#include "ops/interpreter.h"

#include <gtest/gtest.h>

#include "ir/text.h"
#include "ops/registry.h"
#include "ops/resources.h"

namespace isomer::ops {
namespace {

using ir::Module;
using ir::RuntimeValue;

Module module_of(std::string_view text) {
  auto module = ir::parse(text, {.find_op = find_op});
  EXPECT_TRUE(module) << (module ? "" : module.error().describe());
  return module ? std::move(*module) : Module();
}

Tensor tensor_of(std::string_view text) {
  auto tensor = ir::parse_tensor(text);
  EXPECT_TRUE(tensor) << text;
  return tensor ? *tensor : Tensor();
}

Result<std::vector<RuntimeValue>> run(ir::RunState& state, const Module& module, std::vector<std::string> arguments, std::string_view function = "main") {
  std::vector<RuntimeValue> values;
  for (const std::string& text : arguments) values.emplace_back(tensor_of(text));
  return run_function(state, module, function, values);
}

std::string run_text(const Module& module, std::vector<std::string> arguments) {
  ir::RunState state;
  auto results = run(state, module, std::move(arguments));
  if (!results) return results.error().describe();
  std::string text;
  for (const RuntimeValue& value : *results) text += (text.empty() ? "" : " ") + ir::print_tensor(std::get<Tensor>(value));
  return text;
}

// Multiplies by two while the counter is below the limit: main(limit, x).
constexpr std::string_view kLoop = R"(
function @cond {
  input "i" = %i
  input "n" = %n
  input "x" = %x
  %i = Placeholder() {dtype = int32, shape = shape[]} : int32[]
  %n = Placeholder() {dtype = int32, shape = shape[]} : int32[]
  %x = Placeholder() {dtype = float32, shape = shape[?]} : float32[?]
  %less = Less(%i, %n) : bool[]
  output "less" = %less
}
function @body {
  input "i" = %i
  input "n" = %n
  input "x" = %x
  %i = Placeholder() {dtype = int32, shape = shape[]} : int32[]
  %n = Placeholder() {dtype = int32, shape = shape[]} : int32[]
  %x = Placeholder() {dtype = float32, shape = shape[?]} : float32[?]
  %one = Const() {value = int32[](1)} : int32[]
  %next = AddV2(%i, %one) : int32[]
  %twice = AddV2(%x, %x) : float32[?]
  output "i" = %next
  output "n" = %n
  output "x" = %twice
}
function @main {
  input "n" = %n
  input "x" = %x
  %n = Placeholder() {dtype = int32, shape = shape[]} : int32[]
  %x = Placeholder() {dtype = float32, shape = shape[2]} : float32[2]
  %zero = Const() {value = int32[](0)} : int32[]
  %loop = StatelessWhile(%zero, %n, %x) {cond = @cond, body = @body} : int32[], int32[], float32[2]
  output "i" = %loop
  output "x" = %loop:2
}
)";

TEST(Interpreter, RunsALoop) {
  const Module module = module_of(kLoop);
  EXPECT_EQ(run_text(module, {"int32[](3)", "float32[2](1.0 2.5)"}), "int32[](3) float32[2](8.0 20.0)");
  EXPECT_EQ(run_text(module, {"int32[](0)", "float32[2](1.0 2.5)"}), "int32[](0) float32[2](1.0 2.5)");
}

TEST(Interpreter, LoopVariableTypesAreAFixedPoint) {
  Module module = module_of(kLoop);
  ir::Graph& graph = module.find_function("main")->graph;
  const ir::NodeId loop = graph.find("loop");
  graph.set_type(graph.output(loop, 2), {DType::kFloat32, PartialShape::unknown(), {}, {}});
  ASSERT_TRUE(graph.infer(loop, &module));
  EXPECT_EQ(to_string(graph.type(graph.output(loop, 2))), "float32[2]");
}

TEST(Interpreter, LoopVariableThatGrowsLosesItsDimension) {
  Module module = module_of(R"(
function @cond {
  input "x" = %x
  %x = Placeholder() {dtype = float32} : float32[...]
  %true = Const() {value = bool[](true)} : bool[]
  output "" = %true
}
function @body {
  input "x" = %x
  %x = Placeholder() {dtype = float32} : float32[...]
  %axis = Const() {value = int32[](0)} : int32[]
  %joined = ConcatV2(%x, %x, %axis) : float32[...]
  output "" = %joined
}
function @main {
  input "x" = %x
  %x = Placeholder() {dtype = float32, shape = shape[2,3]} : float32[2,3]
  %loop = StatelessWhile(%x) {cond = @cond, body = @body} : float32[...]
  output "" = %loop
})");
  ir::Graph& graph = module.find_function("main")->graph;
  const ir::NodeId loop = graph.find("loop");
  ASSERT_TRUE(graph.infer(loop, &module));
  EXPECT_EQ(to_string(graph.type(graph.output(loop))), "float32[?,3]");
}

TEST(Interpreter, DropsValuesAfterTheirLastUse) {
  // A chain of ten additions of 4000 bytes each: two values are alive at any time, and the third while it is made.
  std::string text = "function @main {\n  input \"x\" = %n0\n  %n0 = Placeholder() {dtype = float32, shape = shape[1000]} : float32[1000]\n";
  for (int i = 0; i < 10; ++i) {
    const std::string from = std::to_string(i), to = std::to_string(i + 1);
    text += "  %n" + to + " = AddV2(%n" + from + ", %n" + from + ") : float32[1000]\n";
  }
  const Module module = module_of(text + "  output \"\" = %n10\n}\n");
  const std::vector<float> ones(1000, 1);
  const RuntimeValue argument = Tensor::of<float>(DType::kFloat32, {1000}, ones);
  ir::RunState state;
  state.limits.total_bytes = 8000;
  const auto results = run_function(state, module, "main", {{argument}});
  ASSERT_TRUE(results) << results.error().describe();
  EXPECT_EQ(std::get<Tensor>((*results)[0]).at<float>(999), 1024);
  state.limits.total_bytes = 7999;
  const auto refused = run_function(state, module, "main", {{argument}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kLimitExceeded);
}

TEST(Interpreter, RunsOnlyWhatIsNeeded) {
  const Module module = module_of(R"(
function @main {
  input "x" = %x
  %x = Placeholder() {dtype = float32, shape = shape[]} : float32[]
  %unused = Foreign "Mystery"(%x) : invalid[...]
  %sum = AddV2(%x, %x) : float32[]
  output "a" = %sum
  output "b" = %sum
  output "c" = %x
})");
  EXPECT_EQ(run_text(module, {"float32[](1.5)"}), "float32[](3.0) float32[](3.0) float32[](1.5)");
}

TEST(Interpreter, RefusesForeignOpsByName) {
  const Module module = module_of(R"(
function @main {
  input "x" = %x
  %x = Placeholder() {dtype = float32, shape = shape[]} : float32[]
  %strange = Foreign "Mystery"(%x) : float32[] from "layer/strange"
  output "" = %strange
})");
  ir::RunState state;
  const auto results = run(state, module, {"float32[](1.5)"});
  ASSERT_FALSE(results);
  EXPECT_EQ(results.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(results.error().message, "Isomer does not know the op Mystery");
  EXPECT_EQ(results.error().place, "function 'main', node 'strange' (Foreign), from layer/strange");
}

TEST(Interpreter, ChecksArguments) {
  const Module module = module_of(kLoop);
  ir::RunState state;
  for (const auto& wrong :
       std::vector<std::vector<std::string>>{{"int32[](1)"}, {"int64[](1)", "float32[2](1.0 2.0)"}, {"int32[](1)", "float32[3](1.0 2.0 3.0)"}}) {
    const auto results = run(state, module, wrong);
    ASSERT_FALSE(results);
    EXPECT_EQ(results.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(Interpreter, NamesTheNodeThatFails) {
  const Module module = module_of(R"(
function @inner {
  input "i" = %i
  %i = Placeholder() {dtype = int32, shape = shape[1]} : int32[1]
  %x = Const() {value = float32[2](1.0 2.0)} : float32[2]
  %axis = Const() {value = int32[](0)} : int32[]
  %row = GatherV2(%x, %i, %axis) : float32[1]
  output "" = %row
}
function @main {
  input "i" = %i
  %i = Placeholder() {dtype = int32, shape = shape[1]} : int32[1]
  %call = PartitionedCall(%i) {f = @inner, Tout = [float32]} : float32[1]
  output "" = %call
})");
  EXPECT_EQ(run_text(module, {"int32[1](1)"}), "float32[1](2.0)");
  ir::RunState state;
  const auto results = run(state, module, {"int32[1](7)"});
  ASSERT_FALSE(results);
  EXPECT_EQ(results.error().place, "function 'inner', node 'row' (GatherV2)");
  ASSERT_EQ(results.error().context.size(), 1u);
  EXPECT_EQ(results.error().context[0], "running function 'main', node 'call' (PartitionedCall)");
}

constexpr std::string_view kRecursion = R"(
function @main {
  input "x" = %x
  %x = Placeholder() {dtype = float32, shape = shape[]} : float32[]
  %again = PartitionedCall(%x) {f = @main, Tout = [float32]} : float32[]
  output "" = %again
})";

constexpr std::string_view kEndless = R"(
function @same {
  input "x" = %x
  %x = Placeholder() {dtype = bool, shape = shape[]} : bool[]
  output "" = %x
}
function @main {
  input "x" = %x
  %x = Placeholder() {dtype = bool, shape = shape[]} : bool[]
  %loop = StatelessWhile(%x) {cond = @same, body = @same} : bool[]
  output "" = %loop
})";

TEST(Interpreter, EndsRecursion) {
  ir::RunState state;
  const auto results = run(state, module_of(kRecursion), {"float32[](1.0)"});
  ASSERT_FALSE(results);
  EXPECT_EQ(results.error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(state.depth, 0);
}

TEST(Interpreter, EndsEndlessLoopsOfEmptyFunctions) {
  const Module module = module_of(kEndless);
  ir::RunState state;
  state.limits.steps = 1000;
  auto results = run(state, module, {"bool[](true)"});
  ASSERT_FALSE(results);
  EXPECT_EQ(results.error().code, ErrorCode::kLimitExceeded);

  ir::RunState timed;
  timed.limits.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
  results = run(timed, module, {"bool[](true)"});
  ASSERT_FALSE(results);
  EXPECT_EQ(results.error().message, "the time is up");
}

TEST(Interpreter, ControlEdgesOrderEffects) {
  const Module module = module_of(R"(
module {
  variable "v" float32[] = float32[](1.0)
}
function @main {
  %h = VarHandleOp() {dtype = float32, shape = shape[], shared_name = "v"} : resource<float32[]>[]
  %before = ReadVariableOp(%h) {dtype = float32} : float32[]
  %ten = Const() {value = float32[](10.0)} : float32[]
  %add = AssignAddVariableOp(%h, %ten) ^(%before)
  %after = ReadVariableOp(%h) {dtype = float32} ^(%add) : float32[]
  output "before" = %before
  output "after" = %after
})");
  ir::RunState state;
  ASSERT_TRUE(initialize(state, module));
  for (const float start : {1.0f, 11.0f}) {
    const auto results = run_function(state, module, "main", {});
    ASSERT_TRUE(results) << results.error().describe();
    EXPECT_EQ(std::get<Tensor>((*results)[0]).at<float>(0), start);
    EXPECT_EQ(std::get<Tensor>((*results)[1]).at<float>(0), start + 10);
  }
}

TEST(Interpreter, Branches) {
  const Module module = module_of(R"(
function @one {
  input "x" = %x
  %x = Placeholder() {dtype = float32, shape = shape[?]} : float32[?]
  output "" = %x
}
function @two {
  input "x" = %x
  %x = Placeholder() {dtype = float32, shape = shape[?]} : float32[?]
  %sum = AddV2(%x, %x) : float32[?]
  output "" = %sum
}
function @main {
  input "c" = %c
  input "i" = %i
  input "x" = %x
  %c = Placeholder() {dtype = string} : string[...]
  %i = Placeholder() {dtype = int32, shape = shape[]} : int32[]
  %x = Placeholder() {dtype = float32, shape = shape[1]} : float32[1]
  %if = StatelessIf(%c, %x) {then_branch = @two, else_branch = @one, Tout = [float32]} : float32[1]
  %case = StatelessCase(%i, %x) {branches = [@one, @two], Tout = [float32]} : float32[1]
  output "if" = %if
  output "case" = %case
})");
  EXPECT_EQ(run_text(module, {"string[](\"x\")", "int32[](0)", "float32[1](1.0)"}), "float32[1](2.0) float32[1](1.0)");
  EXPECT_EQ(run_text(module, {"string[](\"\")", "int32[](1)", "float32[1](1.0)"}), "float32[1](1.0) float32[1](2.0)");
  EXPECT_EQ(run_text(module, {"string[0]()", "int32[](9)", "float32[1](1.0)"}), "float32[1](1.0) float32[1](2.0)");
  EXPECT_EQ(run_text(module, {"string[1](\"\")", "int32[](-1)", "float32[1](1.0)"}), "float32[1](2.0) float32[1](2.0)");
}

TEST(Interpreter, EvaluatesPureNodesOnly) {
  const Module module = module_of(R"(
function @main {
  input "x" = %x
  %x = Placeholder() {dtype = int32, shape = shape[1]} : int32[1]
  %sum = AddV2(%x, %x) : int32[1]
  %random = RandomUniform(%x) {dtype = float32} : float32[?]
  %call = PartitionedCall(%x) {f = @main, Tout = [int32]} : int32[1]
  output "" = %sum
})");
  const ir::Graph& graph = module.find_function("main")->graph;
  ir::RunState state;
  const std::vector<Tensor> inputs{tensor_of("int32[1](4)")};
  auto sum = evaluate_node(state, module, graph, graph.find("sum"), {{inputs[0], inputs[0]}});
  ASSERT_TRUE(sum);
  EXPECT_EQ(ir::print_tensor((*sum)[0]), "int32[1](8)");
  for (const char* refused : {"random", "call", "x"}) {
    const auto results = evaluate_node(state, module, graph, graph.find(refused), inputs);
    ASSERT_FALSE(results) << refused;
    EXPECT_EQ(results.error().code, ErrorCode::kUnsupported);
  }
}

TEST(Interpreter, WatchesNodesOfCalledFunctions) {
  const Module module = module_of(kLoop);
  ir::RunState state;
  int64_t additions = 0;
  const std::vector<RuntimeValue> arguments{tensor_of("int32[](5)"), tensor_of("float32[2](1.0 1.0)")};
  ASSERT_TRUE(run_function(state, module, "main", arguments, {.before = [&](const ir::Function&, const ir::Node& node) { additions += node.is("AddV2"); }}));
  EXPECT_EQ(additions, 10);
}

}  // namespace
}  // namespace isomer::ops
