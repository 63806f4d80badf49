#include <gtest/gtest.h>

#include <bit>
#include <limits>

#include "ir/text.h"

namespace isomer::ir {
namespace {

std::string again(std::string_view text) {
  const auto value = parse_attribute(text);
  return value ? print_attribute(*value) : value.error().describe();
}

TEST(TextValue, PrintsWhatItRead) {
  for (const char* text : {
           "3",
           "-9223372036854775808",
           "1.0",
           "-0.0",
           "1e-05",
           "1e-45",
           "3.4028235e+38",
           "inf",
           "-inf",
           "nan",
           "nan:0x7fc00001",
           "nan:0xffc00000",
           "true",
           "false",
           R"("a \"quoted\" \\ \n \t \x00\xff")",
           R"("")",
           "float32",
           "resource",
           "invalid",
           "shape[2,?,3]",
           "shape[]",
           "shape[...]",
           "@name",
           R"(@"a name")",
           "@__inference_f_12",
           "[]",
           "[1, -2]",
           "[1.0, nan]",
           "[true, false]",
           R"(["a", "b"])",
           "[float32, int32]",
           "[shape[1,2], shape[...]]",
           "[@f, @g]",
           "float32[2,2](1.0 2.0 3.0 4.0)",
           "int32[](3)",
           "int64[0,3]()",
           "uint64[1](18446744073709551615)",
           "int8[2](-128 127)",
           "qint8[1](-3)",
           "bool[2](true false)",
           R"(string[2]("a" "b\n"))",
           "complex64[3](1.0+2.0i -0.0-1e-05i nan+infi)",
           "complex128[1](1e+300-2.5i)",
           "float64[2](0.1 nan:0x7ff8000000000001)",
           "float16[4](0.1 65500.0 6e-08 nan)",
           "bfloat16[3](0.1 3e+38 -inf)",
       }) {
    EXPECT_EQ(again(text), text);
  }
}

TEST(TextValue, ReadsOtherSpellings) {
  EXPECT_EQ(again(" [ 1 ,2 ] "), "[1, 2]");
  EXPECT_EQ(again("float32[3](1 .5 2e3)"), "float32[3](1.0 0.5 2000.0)");
  EXPECT_EQ(again("float16[1](0.09998)"), "float16[1](0.1)");
  EXPECT_EQ(again("float32[ 2 , 1 ](1.0\n  2.0 )"), "float32[2,1](1.0 2.0)");
}

TEST(TextValue, EveryHalfReadsBack) {
  std::string bytes;
  for (int bits = 0; bits < 65536; ++bits) bytes.append({static_cast<char>(bits), static_cast<char>(bits >> 8)});
  for (const DType dtype : {DType::kHalf, DType::kBfloat16}) {
    const auto tensor = Tensor::create(dtype, {65536}, Bytes::from_string(bytes));
    ASSERT_TRUE(tensor);
    const auto read = parse_tensor(print_tensor(*tensor));
    ASSERT_TRUE(read) << read.error().describe();
    EXPECT_TRUE(read->identical(*tensor));
  }
}

TEST(TextValue, FloatsReadBackToTheSameBits) {
  uint32_t bits = 1;
  std::vector<float> values;
  for (int i = 0; i < 20000; ++i) {
    bits = bits * 1664525 + 1013904223;
    values.push_back(std::bit_cast<float>(bits));
  }
  const Tensor tensor = Tensor::of<float>(DType::kFloat32, {20000}, values);
  const auto read = parse_tensor(print_tensor(tensor));
  ASSERT_TRUE(read) << read.error().describe();
  EXPECT_TRUE(read->identical(tensor));
}

struct Refusal {
  const char* text;
  const char* message;
  const char* place;
};

TEST(TextValue, SaysWhatIsWrongAndWhere) {
  for (const Refusal& refusal : {
           Refusal{"", "expected a value", "value:1:1"},
           Refusal{"float33", "found \"float33\"", "value:1:1"},
           Refusal{"1 2", "expected the end of the value, found \"2\"", "value:1:3"},
           Refusal{"[1, 2.0]", "the elements of a list must be of one kind", "value:1:5"},
           Refusal{"[float32[1](1.0)]", "a list cannot hold tensors", "value:1:2"},
           Refusal{"[[1]]", "expected a value", "value:1:2"},
           Refusal{"9223372036854775808", "does not fit 64 bits", "value:1:1"},
           Refusal{"1e99", "does not fit float32", "value:1:1"},
           Refusal{"float16[1](65520.0)", "does not fit float16", "value:1:12"},
           Refusal{"int8[1](128)", "does not fit int8", "value:1:9"},
           Refusal{"int32[1](1.5)", "expected a space or ')'", "value:1:11"},
           Refusal{"uint8[1](-1)", "expected a number of uint8", "value:1:10"},
           Refusal{"float32[2](1.0)", "needs 2 elements, found 1", "value:1:1"},
           Refusal{"float32[1](1.0 2.0)", "expected ')' after 1 elements", "value:1:16"},
           Refusal{"float32[?](1.0)", "fully known shape", "value:1:1"},
           Refusal{"float32[9999999999,9999999999](1.0)", "fully known shape", "value:1:1"},
           Refusal{"float32[4000000000](1.0)", "needs 4000000000 elements, found 1", "value:1:1"},
           Refusal{"float32[9000000000000](1.0)", "more than 4294967296 elements", "value:1:1"},
           Refusal{"shape[-1]", "a size that is not negative", "value:1:7"},
           Refusal{"float32[2](...)", "left out when the text was printed", "value:1:1"},
           Refusal{"float32[2]@data(0, 8)", "side bytes", "value:1:16"},
           Refusal{"resource[](1)", "expected no element of resource", "value:1:12"},
           Refusal{"\"a", "no closing quote", "value:1:1"},
           Refusal{"\"\\q\"", "after a backslash", "value:1:3"},
           Refusal{"\"\\", "after a backslash", "value:1:3"},
           Refusal{"nan:0x7f800000", "the bits of a NaN", "value:1:1"},
           Refusal{"nan:0x", "the bits of a NaN", "value:1:1"},
           Refusal{"-", "found \"-\"", "value:1:1"},
           Refusal{"@", "the name of a function", "value:1:2"},
           Refusal{"complex64[1](1.0)", "imaginary part", "value:1:17"},
           Refusal{"\n [1,\n  x]", "expected a value", "value:3:3"},
       }) {
    const auto value = parse_attribute(refusal.text);
    ASSERT_FALSE(value) << refusal.text;
    EXPECT_NE(value.error().message.find(refusal.message), std::string::npos) << refusal.text << ": " << value.error().message;
    EXPECT_EQ(value.error().place, refusal.place) << refusal.text;
  }
}

}  // namespace
}  // namespace isomer::ir
