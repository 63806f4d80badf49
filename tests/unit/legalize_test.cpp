// Legalisation for tf.js: every rule, run before and after; the table of what tf.js takes.
#include "passes/legalize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>

#include "formats/tfjs/target.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "ops/interpreter.h"
#include "ops/registry.h"
#include "passes/rewrite.h"
#include "passes/suit_tensorflow.h"
#include "unit/legalize_cases.h"

namespace isomer {
namespace {

using legalize_cases::Case;
using legalize_cases::Input;

Tensor random_tensor(const Input& input, std::mt19937& engine) {
  const Shape shape(input.shape.begin(), input.shape.end());
  const DType dtype = *dtype_from_string(std::string(input.dtype));
  auto tensor = MutableTensor::create(dtype, shape, Limits{});
  std::uniform_real_distribution<double> real(input.low, input.high);
  std::vector<double> values(static_cast<size_t>(element_count_of(shape)));
  for (double& value : values) value = real(engine);
  if (is_float(dtype)) {
    store_doubles(*tensor, 0, values);
  } else {
    std::vector<int64_t> integers;
    for (const double value : values) integers.push_back(static_cast<int64_t>(std::floor(value)));
    store_int64s(*tensor, 0, integers);
  }
  return std::move(*tensor).finish();
}

struct Built {
  ir::Module module;
  std::vector<ir::RuntimeValue> arguments;
};

Result<Built> build(const Case& test) {
  std::mt19937 engine(7);
  Built built;
  ir::Function& main = built.module.add_function("main");
  built.module.signatures.push_back({"serving_default", "main", {}});
  ir::Graph& graph = main.graph;
  std::vector<ir::ValueId> inputs;
  for (const Input& input : test.inputs) {
    const Tensor value = input.tensor.empty() ? random_tensor(input, engine) : TRY(ir::parse_tensor(input.tensor));
    if (!input.tensor.empty() && input.declared.empty()) {
      inputs.push_back(passes::add_constant(graph, value, "constant"));
      continue;
    }
    PartialShape shape(value.shape());
    if (!input.declared.empty() && input.declared != "given") shape = std::get<PartialShape>(TRY(ir::parse_attribute(input.declared)));
    const ir::NodeId placeholder = TRY(passes::add_node(graph, "Placeholder", {{"dtype", value.dtype()}, {"shape", shape}}, {}, "x"));
    inputs.push_back(graph.output(placeholder));
    graph.inputs.push_back({"x" + std::to_string(graph.inputs.size()), inputs.back(), {}});
    built.arguments.emplace_back(value);
  }
  ir::AttributeMap attributes;
  for (std::string rest(test.attributes); !rest.empty();) {
    // "name = value, name = value": values may hold commas within brackets or quotes.
    const size_t is = rest.find(" = ");
    size_t end = is;
    int depth = 0;
    for (bool quoted = false; end < rest.size() && (quoted || depth > 0 || rest[end] != ','); ++end) {
      quoted = quoted != (rest[end] == '"');
      depth += rest[end] == '[' ? 1 : rest[end] == ']' ? -1 : 0;
    }
    auto value = TRY(ir::parse_attribute(rest.substr(is + 3, end - is - 3)));
    attributes.push_back({rest.substr(0, is), std::move(value)});
    rest.erase(0, std::min(rest.size(), end + 2));
  }
  const ir::NodeId node = TRY(passes::add_node(graph, test.op, attributes, inputs, "tested"));
  for (const int i : test.results) graph.outputs.push_back({"y" + std::to_string(i), graph.output(node, i), {}});
  return built;
}

void expect_close(const Tensor& expected, const Tensor& found, double tolerance, const std::string& what) {
  ASSERT_EQ(expected.dtype(), found.dtype()) << what;
  ASSERT_EQ(to_string(expected.shape()), to_string(found.shape())) << what;
  for (int64_t i = 0; i < expected.elements(); ++i) {
    if (expected.dtype() == DType::kString) {
      EXPECT_EQ(expected.string_at(i), found.string_at(i)) << what << " at " << i;
      continue;
    }
    for (int part = 0; part < (is_complex(expected.dtype()) ? 2 : 1); ++part) {
      double a, b;
      if (is_complex(expected.dtype())) {
        a = expected.at<float>(2 * i + part);
        b = found.at<float>(2 * i + part);
      } else {
        a = expected.as_double(i);
        b = found.as_double(i);
      }
      const bool same = a == b || (std::isnan(a) && std::isnan(b)) || std::fabs(a - b) <= tolerance * (1 + std::fabs(a));
      EXPECT_TRUE(same) << what << " at " << i << ": expected " << a << ", found " << b;
    }
  }
}

std::vector<Tensor> run(const ir::Module& module, const std::vector<ir::RuntimeValue>& arguments, const std::string& what) {
  ir::RunState state;
  const auto ready = ops::initialize(state, module);
  EXPECT_TRUE(ready) << what << ": " << (ready ? "" : ready.error().describe());
  const auto values = ops::run_function(state, module, "main", arguments);
  EXPECT_TRUE(values) << what << ": " << (values ? "" : values.error().describe());
  std::vector<Tensor> tensors;
  if (values)
    for (const auto& value : *values) tensors.push_back(std::get<Tensor>(value));
  return tensors;
}

std::string describe(const std::vector<passes::Refused>& refused) {
  std::string text;
  for (const auto& r : refused) text += r.op + " '" + r.node + "': " + r.reason + "\n";
  return text;
}

// Runs @main, legalises, runs again.
void expect_same_after(ir::Module& module, const std::vector<ir::RuntimeValue>& arguments, double tolerance, const std::string& what) {
  const auto before = run(module, arguments, what + " before");
  passes::PassContext context;
  const auto refused = passes::legalize(module, tfjs::why_not, context);
  ASSERT_TRUE(refused) << what << ": " << refused.error().describe();
  ASSERT_TRUE(refused->empty()) << what << ": " << describe(*refused) << ir::print(module);
  const auto verified = ir::verify(module);
  ASSERT_TRUE(verified) << what << ": " << verified.error().describe() << ir::print(module);
  const auto after = run(module, arguments, what + " after");
  ASSERT_EQ(before.size(), after.size()) << what << ir::print(module);
  for (size_t i = 0; i < before.size(); ++i) expect_close(before[i], after[i], tolerance, what + " result " + std::to_string(i));
}

class Legalize : public testing::TestWithParam<size_t> {};

TEST_P(Legalize, ComputesTheSame) {
  const Case& test = legalize_cases::all()[GetParam()];
  const std::string what = std::string(test.op) + " {" + std::string(test.attributes) + "}";
  if (!ops::find_op(test.op)) GTEST_SKIP() << test.op << " is not registered";
  auto built = build(test);
  ASSERT_TRUE(built) << what << ": " << built.error().describe();
  const ir::Graph& graph = built->module.find_function("main")->graph;
  EXPECT_TRUE(tfjs::why_not(built->module, graph, graph.node(graph.find("tested")))) << what << " needs no rule";
  expect_same_after(built->module, built->arguments, test.tolerance, what);
}

std::string name_of(const testing::TestParamInfo<size_t>& info) { return std::string(legalize_cases::all()[info.param].op) + "_" + std::to_string(info.param); }
INSTANTIATE_TEST_SUITE_P(Rules, Legalize, testing::Range<size_t>(0, legalize_cases::all().size()), name_of);

constexpr const char* kBranches = R"(
function @yes {
  input "a" = %a
  %a = Placeholder() {dtype = float32, shape = shape[2]} : float32[2]
  %b = Neg(%a) : float32[2]
  output "b" = %b
}
function @no {
  input "a" = %a
  %a = Placeholder() {dtype = float32, shape = shape[2]} : float32[2]
  %b = Square(%a) : float32[2]
  output "b" = %b
}
)";

ir::Module module_of(const std::string& text) {
  auto module = ir::parse(text, {.find_op = ops::find_op});
  EXPECT_TRUE(module) << module.error().describe();
  return module ? std::move(*module) : ir::Module();
}

void expect_branch(const std::string& op, const std::string& condition_type, const Tensor& condition) {
  const std::string dtype = condition_type.substr(0, condition_type.find('['));
  const std::string shape = condition_type.substr(condition_type.find('['));
  ir::Module module =
      module_of("module {\n  signature \"s\" = @main\n}\nfunction @main {\n  input \"c\" = %c\n  input \"a\" = %a\n  %c = Placeholder() {dtype = " + dtype +
                ", shape = shape" + shape + "} : " + condition_type + "\n  %a = Placeholder() {dtype = float32, shape = shape[2]} : float32[2]\n  %r = " + op +
                "(%c, %a) {then_branch = @yes, else_branch = @no, Tout = [float32]} : float32[2]\n  output \"r\" = %r\n}" + kBranches);
  const std::vector<ir::RuntimeValue> arguments = {condition, *ir::parse_tensor("float32[2](3.0 4.0)")};
  expect_same_after(module, arguments, 0, op + " on " + type_text(condition));
  const ir::Graph& graph = module.find_function("main")->graph;
  EXPECT_TRUE(graph.node(graph.find("r")).is("StatelessIf"));
}

TEST(LegalizeControl, BranchesOnScalarBools) {
  for (const char* op : {"If", "StatelessIf"}) {
    expect_branch(op, "float32[]", Tensor::scalar(0.0F));
    expect_branch(op, "float32[]", Tensor::scalar(std::nanf("")));
    expect_branch(op, "float32[?]", *ir::parse_tensor("float32[0]()"));
    expect_branch(op, "bool[1]", *ir::parse_tensor("bool[1](false)"));
    expect_branch(op, "string[]", *ir::parse_tensor("string[](\"\")"));
  }
  expect_branch("If", "bool[]", Tensor::scalar(true));
}

TEST(LegalizeControl, LoopsOnScalarBools) {
  for (const char* op : {"While", "StatelessWhile"}) {
    ir::Module module =
        module_of(std::string("module {\n  signature \"s\" = @main\n}\nfunction @main {\n  input \"a\" = %a\n") +
                  "  %a = Placeholder() {dtype = float32, shape = shape[]} : float32[]\n  %r = " + op + R"((%a) {cond = @more, body = @less} : float32[]
  output "r" = %r
}
function @more {
  input "a" = %a
  %a = Placeholder() {dtype = float32, shape = shape[]} : float32[]
  %b = Relu(%a) : float32[]
  output "b" = %b
}
function @less {
  input "a" = %a
  %a = Placeholder() {dtype = float32, shape = shape[]} : float32[]
  %one = Const() {value = float32[](1.0)} : float32[]
  %b = Sub(%a, %one) : float32[]
  output "b" = %b
})");
    expect_same_after(module, {Tensor::scalar(3.5F)}, 0, op);
    const ir::Graph& graph = module.find_function("main")->graph;
    EXPECT_TRUE(graph.node(graph.find("r")).is("StatelessWhile"));
  }
}

// Random results can only be compared in dtype, shape and range.
TEST(LegalizeRandom, KeepsToItsBounds) {
  const Case test{"RandomUniformInt", "", {legalize_cases::c("int32[2](50 4)"), legalize_cases::c("int32[](-3)"), legalize_cases::c("int32[](4)")}};
  auto built = build(test);
  ASSERT_TRUE(built) << built.error().describe();
  passes::PassContext context;
  const auto refused = passes::legalize(built->module, tfjs::why_not, context);
  ASSERT_TRUE(refused && refused->empty());
  const auto values = run(built->module, {}, "RandomUniformInt");
  ASSERT_EQ(values.size(), 1U);
  std::set<int64_t> seen;
  for (const int64_t value : values[0].to_int64s()) seen.insert(value);
  EXPECT_EQ(seen, (std::set<int64_t>{-3, -2, -1, 0, 1, 2, 3}));
}

// Ops on lists and tables mean nothing alone: each case is the body of @main, with the inputs x and (for tables) keys.
struct ListCase {
  std::string_view op;
  const char* body;
};
constexpr ListCase kListCases[] = {
    {"TensorListConcat", R"(
  %all = TensorListConcat(%list) {element_dtype = float32, element_shape = shape[2]} : float32[?], int64[?]
  output "all" = %all
  output "lengths" = %all:1)"},
    {"TensorListConcatV2", R"(
  %shape_known = Const() {value = int32[1](2)} : int32[1]
  %leading = Const() {value = int64[0]()} : int64[0]
  %all = TensorListConcatV2(%list, %shape_known, %leading) {element_dtype = float32} : float32[?], int64[?]
  output "all" = %all
  output "lengths" = %all:1)"},
    {"TensorListElementShape", R"(
  %size = TensorListElementShape(%list) {shape_type = int32} : int32[1]
  output "size" = %size)"},
    {"TensorListPopBack", R"(
  %less = TensorListPopBack(%list, %shape) {element_dtype = float32} : variant[], float32[2]
  %all = TensorListStack(%less, %shape) {element_dtype = float32} : float32[?,2]
  output "all" = %all
  output "last" = %less:1)"},
    {"LookupTableFind", R"(
  %table = HashTable() {shared_name = "words", key_dtype = string, value_dtype = int32} : resource[]
  %missing = Const() {value = int32[](-1)} : int32[]
  %found = LookupTableFind(%table, %keys, %missing) : int32[2,2]
  output "found" = %found)"},
    {"LookupTableFindV2", R"(
  %table = HashTableV2() {shared_name = "words", key_dtype = string, value_dtype = int32} : resource[]
  %missing = Const() {value = int32[](-1)} : int32[]
  %found = LookupTableFindV2(%table, %keys, %missing) : int32[2,2]
  output "found" = %found)"},
    {"MutableHashTableV2", R"(
  %table = MutableHashTableV2() {shared_name = "words", key_dtype = string, value_dtype = int32} : resource[]
  %missing = Const() {value = int32[](-1)} : int32[]
  %found = LookupTableFindV2(%table, %keys, %missing) : int32[2,2]
  output "found" = %found)"},
};

TEST(LegalizeLists, ComputeTheSame) {
  for (const ListCase& test : kListCases) {
    ir::Module module = module_of(std::string(R"(module {
  table "words" string -> int32 keys = string[3]("a" "b" "c") values = int32[3](10 20 30)
  signature "s" = @main
}
function @main {
  input "x" = %x
  input "keys" = %keys
  %x = Placeholder() {dtype = float32, shape = shape[3,2]} : float32[3,2]
  %keys = Placeholder() {dtype = string, shape = shape[2,2]} : string[2,2]
  %shape = Const() {value = int32[1](2)} : int32[1]
  %list = TensorListFromTensor(%x, %shape) : variant<float32[2]>[])") +
                                  test.body + "\n}");
    const ir::Graph& graph = module.find_function("main")->graph;
    for (const ir::NodeId id : graph.live_nodes()) {
      if (!graph.node(id).is(test.op)) continue;
      EXPECT_NE(tfjs::why_not(module, graph, graph.node(id)), std::nullopt) << test.op << " is taken as it is: the case shows nothing";
    }
    expect_same_after(module, {*ir::parse_tensor("float32[3,2](1.0 2.0 3.0 4.0 5.0 6.0)"), *ir::parse_tensor(R"(string[2,2]("c" "x" "" "a"))")}, 0,
                      std::string(test.op));
  }
}

TEST(LegalizeTable, EveryRuleHasACase) {
  std::set<std::string_view> tested = {"If", "StatelessIf", "While", "StatelessWhile", "RandomUniformInt"};
  for (const ListCase& test : kListCases) tested.insert(test.op);
  for (const Case& test : legalize_cases::all()) tested.insert(test.op);
  for (const std::string_view op : passes::ops_with_rules())
    EXPECT_TRUE(tested.contains(op)) << op << " has a rule, but no case in tests/unit/legalize_cases.h";
}

// Two convolutions in a row with channels first: the transposes between them cancel.
TEST(LegalizeLayout, TransposesCancel) {
  ir::Module module = module_of(R"(module {
  signature "s" = @main
}
function @main {
  input "x" = %x
  %x = Placeholder() {dtype = float32, shape = shape[2,3,6,6]} : float32[2,3,6,6]
  %k = Const() {value = float32[1,1,3,3](1.0 2.0 3.0 -1.0 -2.0 -3.0 0.5 0.25 0.0)} : float32[1,1,3,3]
  %bias = Const() {value = float32[3](0.5 -1.0 2.0)} : float32[3]
  %a = Conv2D(%x, %k) {strides = [1, 1, 1, 1], padding = "SAME", data_format = "NCHW"} : float32[2,3,6,6]
  %b = BiasAdd(%a, %bias) {data_format = "NCHW"} : float32[2,3,6,6]
  %c = Relu(%b) : float32[2,3,6,6]
  %d = MaxPool(%c) {ksize = [1, 1, 2, 2], strides = [1, 1, 2, 2], padding = "VALID", data_format = "NCHW"} : float32[2,3,3,3]
  output "d" = %d
})");
  std::mt19937 engine(3);
  expect_same_after(module, {random_tensor(legalize_cases::f({2, 3, 6, 6}), engine)}, 1e-6, "NCHW");
  int64_t transposes = 0;
  const ir::Graph& graph = module.find_function("main")->graph;
  for (const ir::NodeId id : graph.live_nodes()) transposes += graph.node(id).is("Transpose");
  EXPECT_EQ(transposes, 2) << ir::print(module);
}

TEST(TfjsTarget, KnowsItsOps) {
  const auto known = tfjs::known_ops();
  EXPECT_TRUE(std::is_sorted(known.begin(), known.end()));
  EXPECT_TRUE(std::binary_search(known.begin(), known.end(), "Conv2D"));
  EXPECT_FALSE(std::binary_search(known.begin(), known.end(), "Erfc"));
}

TEST(TfjsTarget, NarrowsDtypes) {
  EXPECT_EQ(tfjs::working_dtype(DType::kInt64), DType::kInt32);
  EXPECT_EQ(tfjs::working_dtype(DType::kHalf), DType::kFloat32);
  EXPECT_EQ(tfjs::working_dtype(DType::kComplex128), DType::kComplex64);
  EXPECT_EQ(tfjs::working_dtype(DType::kString), DType::kString);
  EXPECT_EQ(tfjs::working_dtype(DType::kQint8), DType::kInvalid);
}

// What needs no rule must not get one.
TEST(TfjsTarget, TakesCommonForms) {
  using legalize_cases::c;
  using legalize_cases::f;
  using legalize_cases::x;
  const Case kTaken[] = {
      {"Conv2D", "strides = [1, 2, 2, 1], padding = \"SAME\"", {f({2, 5, 5, 3}), f({3, 3, 3, 6})}},
      {"BatchMatMulV2", "", {open(f({2, 3, 4, 5}), "shape[?,3,?,5]"), open(f({2, 3, 5, 4}), "shape[?,3,5,?]")}},
      {"BatchMatMulV2", "", {f({2, 3, 4}), f({4, 5})}},
      {"Cumsum", "", {f({4}), c("int32[](-1)")}},
      {"Einsum", "equation = \"abc,cde->abde\"", {f({2, 3, 4}), f({4, 2, 2})}},
      {"MatrixBandPart", "", {f({3, 3}), c("int32[](0)"), c("int32[](0)")}},
      {"Cast", "DstT = int64", {f({3})}},
      {"Cast", "DstT = uint8", {x("bool", {3}, 0, 2)}},
      {"FloorDiv", "", {legalize_cases::i({3}), c("int32[](2)")}},
      {"ClipByValue", "", {f({3}), c("float32[](0.0)"), c("float32[](1.0)")}},
  };
  for (const Case& test : kTaken) {
    const auto built = build(test);
    ASSERT_TRUE(built) << built.error().describe();
    const ir::Graph& graph = built->module.find_function("main")->graph;
    EXPECT_EQ(tfjs::why_not(built->module, graph, graph.node(graph.find("tested"))), std::nullopt) << test.op;
  }
}

TEST(SuitTensorflow, ComputesWhatDilationDoes) {
  using legalize_cases::f;
  const Case kDilated[] = {
      {"Conv3D",
       "strides = [1, 1, 1, 1, 1], padding = \"SAME\", dilations = [1, 2, 1, 3, 1]",
       {open(f({1, 5, 4, 6, 2}), "shape[?,?,4,6,2]"), f({2, 3, 2, 2, 3})}},
      {"DepthwiseConv2dNative", "strides = [1, 1, 1, 1], padding = \"VALID\", dilations = [1, 1, 2, 1]", {f({2, 3, 7, 2}), f({1, 3, 2, 2})}},
  };
  for (const Case& test : kDilated) {
    const std::string op(test.op);
    auto built = build(test);
    ASSERT_TRUE(built) << built.error().describe();
    const std::vector<Tensor> before = run(built->module, built->arguments, op);
    passes::PassContext context;
    ASSERT_TRUE(passes::suit_tensorflow(built->module, context));
    ASSERT_TRUE(ir::verify(built->module));
    const ir::Graph& graph = built->module.find_function("main")->graph;
    for (const ir::NodeId id : graph.live_nodes()) {
      const ir::AttributeMap attributes = graph.node(id).attributes->to_map();
      const auto* dilations = ir::find(attributes, "dilations");
      if (!dilations) continue;
      for (const int64_t dilation : std::get<std::vector<int64_t>>(*dilations)) EXPECT_EQ(dilation, 1) << op;
    }
    const std::vector<Tensor> after = run(built->module, built->arguments, op);
    ASSERT_EQ(before.size(), after.size());
    for (size_t i = 0; i < before.size(); ++i) expect_close(before[i], after[i], 1e-5, op);
  }
}

TEST(SuitTensorflow, AddsTheBiasesOfGroups) {
  for (const bool grouped : {true, false}) {
    const std::string in = grouped ? "4" : "2";
    ir::Module module = module_of(R"(module {
  signature "s" = @main
}
function @main {
  input "x" = %x
  %x = Placeholder() {dtype = float32, shape = shape[1,3,3,)" +
                                  in + R"(]} : float32[1,3,3,)" + in + R"(]
  %k = Const() {value = float32[1,1,2,2](1.0 2.0 3.0 -1.0)} : float32[1,1,2,2]
  %bias = Const() {value = float32[2](0.5 -1.0)} : float32[2]
  %a = Conv2D(%x, %k) {strides = [1, 1, 1, 1], padding = "SAME"} : float32[1,3,3,2]
  %b = BiasAdd(%a, %bias) : float32[1,3,3,2]
  output "b" = %b
})");
    passes::PassContext context;
    ASSERT_TRUE(passes::suit_tensorflow(module, context));
    const std::string text = ir::print(module);
    EXPECT_EQ(text.find("BiasAdd(") == std::string::npos, grouped) << text;
    EXPECT_EQ(text.find("AddV2(") != std::string::npos, grouped) << text;
  }
}

}  // namespace
}  // namespace isomer
