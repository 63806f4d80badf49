// Tensor lists beyond what the recorded fixtures show: cost, values that must not change under their other holders, limits, errors.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "ir/text.h"
#include "ops/interpreter.h"
#include "ops/registry.h"

namespace isomer::ops {
namespace {

using ir::Module;
using ir::RuntimeValue;

Module module_of(std::string_view text) {
  auto module = ir::parse(text, {.find_op = find_op});
  EXPECT_TRUE(module) << (module ? "" : module.error().describe());
  return module ? std::move(*module) : Module();
}

Tensor scalar(int32_t value) { return Tensor::scalar(value); }

Result<std::vector<RuntimeValue>> run(const Module& module, std::vector<RuntimeValue> arguments, Limits limits = {}) {
  ir::RunState state;
  state.limits = limits;
  return run_function(state, module, "main", arguments);
}

// Fills a list of n elements in a loop, then stacks it: by pushing, or by setting elements of a reserved list.
std::string filling_loop(bool push) {
  const std::string step = push ? "%changed = TensorListPushBack(%list, %x) : variant[]\n" : "%changed = TensorListSetItem(%list, %i, %x) : variant[]\n";
  const std::string start = push ? "%list = EmptyTensorList(%shape, %n) {element_dtype = float32} : variant[]\n"
                                 : "%list = TensorListReserve(%shape, %n) {element_dtype = float32} : variant[]\n";
  const std::string inputs = R"(
  input "i" = %i
  input "n" = %n
  input "list" = %list
  %i = Placeholder() {dtype = int32, shape = shape[]} : int32[]
  %n = Placeholder() {dtype = int32, shape = shape[]} : int32[]
  %list = Placeholder() {dtype = variant, shape = shape[]} : variant[]
)";
  return "function @cond {" + inputs + "%less = Less(%i, %n) : bool[]\n output \"\" = %less\n}\nfunction @body {" + inputs +
         "%one = Const() {value = int32[](1)} : int32[]\n%next = AddV2(%i, %one) : int32[]\n"
         "%x = Const() {value = float32[1](2.0)} : float32[1]\n" +
         step +
         "output \"i\" = %next\n output \"n\" = %n\n output \"list\" = %changed\n}\n"
         "function @main {\n input \"n\" = %n\n %n = Placeholder() {dtype = int32, shape = shape[]} : int32[]\n"
         "%zero = Const() {value = int32[](0)} : int32[]\n%shape = Const() {value = int32[1](1)} : int32[1]\n" +
         start +
         "%loop = StatelessWhile(%zero, %n, %list) {cond = @cond, body = @body} : int32[], int32[], variant[]\n"
         "%all = TensorListStack(%loop:2, %shape) {element_dtype = float32} : float32[?,1]\n output \"\" = %all\n}\n";
}

double seconds_to_fill(bool push, int32_t size) {
  const Module module = module_of(filling_loop(push));
  const auto start = std::chrono::steady_clock::now();
  const auto results = run(module, {scalar(size)});
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_TRUE(results && std::get<Tensor>((*results)[0]).shape() == Shape({size, 1}));
  return seconds;
}

TEST(TensorList, FillingInALoopIsLinear) {
  for (const bool push : {true, false}) {
    // The best of three, so that a busy machine does not look like a slow loop.
    double small = 1e9, large = 1e9;
    for (int i = 0; i < 3; ++i) {
      small = std::min(small, seconds_to_fill(push, 500));
      large = std::min(large, seconds_to_fill(push, 8000));
    }
    EXPECT_LT(large, 5 * 16 * small) << "16 times the elements; a quadratic loop takes 256 times as long";
  }
}

TEST(TensorList, ChangingAListLeavesItsOtherHoldersAlone) {
  const Module module = module_of(R"(
function @change {
  input "list" = %list
  %list = Placeholder() {dtype = variant, shape = shape[]} : variant[]
  %x = Const() {value = float32[1](9.0)} : float32[1]
  %zero = Const() {value = int32[](0)} : int32[]
  %set = TensorListSetItem(%list, %zero, %x) : variant[]
  output "" = %set
}
function @main {
  input "x" = %x
  %x = Placeholder() {dtype = float32, shape = shape[2,1]} : float32[2,1]
  %shape = Const() {value = int32[1](1)} : int32[1]
  %list = TensorListFromTensor(%x, %shape) : variant[]
  %one = PartitionedCall(%list) {f = @change, Tout = [variant]} : variant[]
  %y = Const() {value = float32[1](7.0)} : float32[1]
  %two = TensorListPushBack(%list, %y) : variant[]
  %old = TensorListStack(%list, %shape) {element_dtype = float32} : float32[?,1]
  %new = TensorListStack(%one, %shape) {element_dtype = float32} : float32[?,1]
  %longer = TensorListLength(%two) : int32[]
  output "old" = %old
  output "new" = %new
  output "longer" = %longer
})");
  const std::vector<float> values{1, 2};
  const auto results = run(module, {Tensor::of<float>(DType::kFloat32, {2, 1}, values)});
  ASSERT_TRUE(results) << results.error().describe();
  EXPECT_EQ(ir::print_tensor(std::get<Tensor>((*results)[0])), "float32[2,1](1.0 2.0)");
  EXPECT_EQ(ir::print_tensor(std::get<Tensor>((*results)[1])), "float32[2,1](9.0 2.0)");
  EXPECT_EQ(ir::print_tensor(std::get<Tensor>((*results)[2])), "int32[](3)");
}

// main(n): what `lines` make of a reserved list of n elements of an unknown shape.
std::string failure(const std::string& lines, int32_t size) {
  const Module module = module_of(
      "function @main {\n input \"n\" = %n\n %n = Placeholder() {dtype = int32, shape = shape[]} : int32[]\n"
      "%unknown = Const() {value = int32[](-1)} : int32[]\n%list = TensorListReserve(%unknown, %n) {element_dtype = float32} : variant[]\n" +
      lines + " output \"\" = %out\n}\n");
  const auto results = run(module, {scalar(size)});
  return results ? "" : results.error().message;
}

TEST(TensorList, RefusesWhatHasNoAnswer) {
  EXPECT_EQ(failure("%out = TensorListGetItem(%list, %n, %unknown) {element_dtype = float32} : float32[...]\n", 2),
            "index 2 lies outside a list of 2 elements");
  EXPECT_EQ(failure("%out = TensorListStack(%list, %unknown) {element_dtype = float32} : float32[...]\n", 2),
            "the elements to be stacked are not set, and their shape is not known: [...]");
  EXPECT_EQ(failure("%out = TensorListStack(%list, %unknown) {element_dtype = float32, num_elements = 3} : float32[...]\n", 2),
            "the list should have 3 elements, found 2");
  EXPECT_EQ(failure("%pop = TensorListPopBack(%list, %unknown) {element_dtype = float32} : variant[], float32[...]\n"
                    "%out = Identity(%pop:1) : float32[...]\n",
                    0),
            "an empty list has no last element");
  EXPECT_EQ(failure("%out = TensorListStack(%list, %unknown) {element_dtype = int32} : int32[...]\n", 1),
            "the list has elements of float32, the op reads int32");
  EXPECT_EQ(failure("%out = TensorListLength(%list) : int32[]\n", -3), "a list cannot have -3 elements");
  EXPECT_EQ(failure("%out = TensorListLength(%list) : int32[]\n", INT32_MAX), "a list of 2147483647 elements is too long");
  EXPECT_EQ(
      failure("%x = Const() {value = int32[](1)} : int32[]\n%set = TensorListPushBack(%list, %x) : variant[]\n%out = TensorListLength(%set) : int32[]\n", 1),
      "the list has elements of float32, found int32");
}

TEST(TensorList, StackingObeysTheLimits) {
  const Module module = module_of(R"(
function @main {
  input "n" = %n
  %n = Placeholder() {dtype = int32, shape = shape[]} : int32[]
  %shape = Const() {value = int32[1](1000000)} : int32[1]
  %list = TensorListReserve(%shape, %n) {element_dtype = float32} : variant[]
  %all = TensorListStack(%list, %shape) {element_dtype = float32} : float32[?,1000000]
  output "" = %all
})");
  const auto results = run(module, {scalar(1000)}, Limits::tiny());
  ASSERT_FALSE(results);
  EXPECT_EQ(results.error().code, ErrorCode::kLimitExceeded);
}

}  // namespace
}  // namespace isomer::ops
