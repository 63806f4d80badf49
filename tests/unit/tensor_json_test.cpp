#include "formats/tensor_json.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ir/text.h"

namespace isomer {
namespace {

std::string read(const std::string& text, std::optional<DType> dtype = std::nullopt) {
  const auto tensor = tensor_from_json(read_json(text, {}).value(), dtype, {});
  return tensor ? ir::print_tensor(*tensor) : tensor.error().message;
}

TEST(TensorJson, ReadsNestedLists) {
  EXPECT_EQ(read("[[1, 2.5], [-3, \"NaN\"]]", DType::kFloat32), "float32[2,2](1.0 2.5 -3.0 nan)");
  EXPECT_EQ(read("7", DType::kInt64), "int64[](7)");
  EXPECT_EQ(read("[]", DType::kInt32), "int32[0]()");
  EXPECT_EQ(read("[[], []]", DType::kInt32), "int32[2,0]()");
  EXPECT_EQ(read("[\"a\", \"b\"]", DType::kString), "string[2](\"a\" \"b\")");
  EXPECT_EQ(read("[true, false]", DType::kBool), "bool[2](true false)");
  EXPECT_EQ(read("[[1, 2], [3, 4]]", DType::kComplex64), "complex64[2](1.0+2.0i 3.0+4.0i)");
  EXPECT_EQ(read("[[1, 2], [3]]", DType::kInt32), "a list has 1 elements where another of its level has 2");
  EXPECT_EQ(read("[[1], 2]", DType::kInt32), "lists and single values stand side by side");
  EXPECT_EQ(read("[1, [2]]", DType::kInt32), "lists and single values stand side by side");
  EXPECT_EQ(read("[1.5]", DType::kInt32), "element 0 of a int32 tensor is the number 1.5");
  EXPECT_EQ(read("[1]", DType::kBool), "element 0 of a bool tensor is the number 1");
}

TEST(TensorJson, ReadsTheFlatForm) {
  EXPECT_EQ(read(R"({"dtype": "int32", "shape": [2, 1], "values": [1, 2]})"), "int32[2,1](1 2)");
  EXPECT_EQ(read(R"({"dtype": "uint64", "shape": [1], "values": [18446744073709551615]})"), "uint64[1](18446744073709551615)");
  EXPECT_EQ(read(R"({"dtype": "int32", "shape": [3], "values": [1, 2]})"), "the shape [3] does not go with 2 values");
  EXPECT_EQ(read(R"({"dtype": "int32", "shape": [4611686018427387904, 4], "values": []})"), "the shape [4611686018427387904,4] does not go with 0 values");
  EXPECT_EQ(read(R"({"dtype": "int33", "shape": [1], "values": [1]})"), "there is no dtype 'int33'");
}

TEST(TensorJson, RoundTrips) {
  for (const char* text : {"float32[2,2](0.1 -inf nan 3.0)", "float64[1](0.1)", "int64[2](-9223372036854775808 5)", "uint64[1](18446744073709551615)",
                           "bool[2](true false)", "string[2](\"a\" \"\")", "complex64[1](0.1-2.0i)", "float16[1](0.5)"}) {
    const Tensor tensor = ir::parse_tensor(text).value();
    const std::string json = write_json(tensor_to_json(tensor)).value();
    EXPECT_EQ(read(json), text) << json;
  }
}

}  // namespace
}  // namespace isomer
