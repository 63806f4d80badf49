// Lookup tables beyond what the recorded fixtures show: freezing, filling twice, vocabulary files, errors.
#include <gtest/gtest.h>

#include "ir/text.h"
#include "ops/freeze_tables.h"
#include "ops/interpreter.h"
#include "ops/registry.h"
#include "ops/resources.h"

namespace isomer::ops {
namespace {

using ir::Module;

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

// A table filled from a vocabulary of these lines, and the lookup of @main's input in it.
std::string vocabulary_module(std::string_view lines, std::string_view attributes, std::string_view key = "string", std::string_view value = "int64") {
  const std::string handle =
      "%h = HashTableV2() {shared_name = \"words\", key_dtype = " + std::string(key) + ", value_dtype = " + std::string(value) + "} : resource[]\n";
  return "module {\n asset \"vocab.txt\" \"" + std::string(lines) + "\"\n initializer @init\n}\nfunction @init {\n" + handle +
         "%file = Const() {value = string[](\"vocab.txt\")} : string[]\n%fill = InitializeTableFromTextFileV2(%h, %file) {" + std::string(attributes) +
         "}\n control_output %fill\n}\nfunction @main {\n input \"x\" = %x\n %x = Placeholder() {dtype = " + std::string(key) + "} : " + std::string(key) +
         "[...]\n" + handle + "%missing = Const() {value = " + std::string(value) + "[](" + (value == "string" ? "\"?\"" : "-1") +
         ")} : " + std::string(value) + "[]\n%y = LookupTableFindV2(%h, %x, %missing) : " + std::string(value) + "[...]\n output \"y\" = %y\n}\n";
}

std::string look_up(const Module& module, std::string_view query) {
  ir::RunState state;
  if (const auto ready = initialize(state, module); !ready) return ready.error().message;
  const std::vector<ir::RuntimeValue> arguments{tensor_of(query)};
  const auto results = run_function(state, module, "main", arguments);
  return results ? ir::print_tensor(std::get<Tensor>((*results)[0])) : results.error().message;
}

constexpr std::string_view kWholeLines = "key_index = -2, value_index = -1";

TEST(Tables, VocabularyFile) {
  const auto found = [](std::string_view lines, std::string_view attributes) {
    return look_up(module_of(vocabulary_module(lines, attributes)), "string[2](\"b b\" \"z\")");
  };
  EXPECT_EQ(found("a\\nb b\\nc\\n", kWholeLines), "int64[2](1 -1)");
  EXPECT_EQ(found("a\\x0d\\nb b\\x0d\\nc", kWholeLines), "int64[2](1 -1)");
  EXPECT_EQ(found("a\\nb b\\nc\\n", "key_index = -2, value_index = -1, offset = 5"), "int64[2](6 -1)");
  EXPECT_EQ(found("a\\nb b\\nz\\n", "key_index = -2, value_index = -1, vocab_size = 2"), "int64[2](1 -1)");
  EXPECT_EQ(found("a\\nb b\\n", "key_index = -2, value_index = -1, vocab_size = 3"), "the vocabulary file should have 3 lines, found 2");
  EXPECT_EQ(found("a\\n\\nb b\\n", kWholeLines), "line 2 of the vocabulary file is empty");
  EXPECT_EQ(found("a\\na\\n", kWholeLines), "key 1 occurs twice with different values");
  EXPECT_EQ(found("b b,7\\n", "key_index = 0, value_index = 1, delimiter = \",\""), "int64[2](7 -1)");
  EXPECT_EQ(found("b b\\n", "key_index = 0, value_index = 1, delimiter = \",\""), "line 1 of the vocabulary file has no column 1");
  EXPECT_EQ(found("b b,seven\\n", "key_index = 0, value_index = 1, delimiter = \",\""), "'seven' is no number of type int64");
}

TEST(Tables, LineNumbersAsKeys) {
  const Module module = module_of(vocabulary_module("zero\\none\\n", "key_index = -1, value_index = -2", "int64", "string"));
  EXPECT_EQ(look_up(module, "int64[1,2](1 9)"), "string[1,2](\"one\" \"?\")");
}

TEST(Tables, MissingFile) {
  Module module = module_of(vocabulary_module("a\\n", kWholeLines));
  module.assets.clear();
  EXPECT_EQ(look_up(module, "string[0]()"), "the module has no file 'vocab.txt'");
}

TEST(Tables, UnfilledTable) {
  Module module = module_of(vocabulary_module("a\\n", kWholeLines));
  module.initializers.clear();
  EXPECT_EQ(look_up(module, "string[0]()"), "'table:words' was never filled");
}

TEST(Tables, FreezingWritesTheContents) {
  Module module = module_of(vocabulary_module("c\\na\\nb b\\n", kWholeLines));
  ASSERT_TRUE(freeze_tables(module));
  EXPECT_TRUE(module.initializers.empty());
  ASSERT_EQ(module.tables.size(), 1u);
  EXPECT_EQ(module.tables[0].name, "words");
  EXPECT_EQ(ir::print_tensor(module.tables[0].keys), "string[3](\"c\" \"a\" \"b b\")");
  EXPECT_EQ(ir::print_tensor(module.tables[0].values), "int64[3](0 1 2)");
  module.assets.clear();
  EXPECT_EQ(look_up(module, "string[1](\"a\")"), "int64[1](1)");
}

TEST(Tables, FreezingKeepsWhatInitialisersAssign) {
  Module module = module_of(R"(
module {
  variable "v" float32[2]
  initializer @init
}
function @init {
  %h = VarHandleOp() {dtype = float32, shape = shape[2], shared_name = "v"} : resource[]
  %x = Const() {value = float32[2](1.0 2.0)} : float32[2]
  %assign = AssignVariableOp(%h, %x)
  control_output %assign
})");
  ASSERT_TRUE(freeze_tables(module));
  EXPECT_EQ(ir::print_tensor(module.variables[0].value), "float32[2](1.0 2.0)");
}

TEST(LookupTable, FillsOnce) {
  const Limits limits;
  LookupTable table(DType::kInt64, DType::kFloat32);
  EXPECT_FALSE(table.readable());
  ASSERT_TRUE(table.fill(tensor_of("int64[2](1 2)"), tensor_of("float32[2](0.5 1.5)"), limits));
  EXPECT_TRUE(table.fill(tensor_of("int64[2](2 1)"), tensor_of("float32[2](1.5 0.5)"), limits));
  EXPECT_FALSE(table.fill(tensor_of("int64[1](3)"), tensor_of("float32[1](0.5)"), limits));
  EXPECT_FALSE(table.fill(tensor_of("int64[1](1)"), tensor_of("float32[1](7.5)"), limits));
}

TEST(LookupTable, RowsAndRemoval) {
  const Limits limits;
  const Memory memory{limits, heap_allocator()};
  LookupTable table(DType::kString, DType::kInt32);
  ASSERT_TRUE(table.insert(tensor_of("string[3](\"a\" \"b\" \"c\")"), tensor_of("int32[3,2](1 2 3 4 5 6)"), limits));
  ASSERT_TRUE(table.remove(tensor_of("string[2](\"a\" \"x\")")));
  EXPECT_EQ(table.size(), 2);
  const auto found = table.find(tensor_of("string[3](\"c\" \"a\" \"b\")"), tensor_of("int32[2](-1 -2)"), memory);
  ASSERT_TRUE(found);
  EXPECT_EQ(ir::print_tensor(*found), "int32[3,2](5 6 -1 -2 3 4)");
  EXPECT_EQ(ir::print_tensor(*table.values(memory)), "int32[2,2](3 4 5 6)");
  EXPECT_FALSE(table.insert(tensor_of("string[1](\"d\")"), tensor_of("int32[1](1)"), limits)) << "rows of another shape";
  EXPECT_FALSE(table.insert(tensor_of("int64[1](1)"), tensor_of("int32[1,2](1 2)"), limits)) << "keys of another dtype";
  EXPECT_FALSE(table.find(tensor_of("string[1](\"d\")"), tensor_of("int32[3](1 2 3)"), memory)) << "a default of another shape";
}

TEST(LookupTable, ZerosOfBothSignsAreOneKey) {
  const Limits limits;
  LookupTable table(DType::kFloat32, DType::kInt32);
  ASSERT_TRUE(table.insert(tensor_of("float32[2](0.0 -0.0)"), tensor_of("int32[2](1 2)"), limits));
  EXPECT_EQ(table.size(), 1);
}

TEST(LookupTable, GrowsNoFurtherThanTheLimits) {
  Limits limits;
  limits.tensor_bytes = 20;
  LookupTable table(DType::kString, DType::kInt32);
  ASSERT_TRUE(table.insert(tensor_of("string[2](\"aaa\" \"bbb\")"), tensor_of("int32[2](1 2)"), limits));
  const auto refused = table.insert(tensor_of("string[1](\"ccc\")"), tensor_of("int32[1](1)"), limits);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kLimitExceeded);
}

}  // namespace
}  // namespace isomer::ops
