#include "formats/npy.h"

#include <gtest/gtest.h>

namespace isomer {
namespace {

// Headers that NumPy 2.1 wrote, without the padding that ends each.
struct Written {
  Shape shape;
  std::string dictionary;
  int64_t size;
};

TEST(Npy, HeaderIsNumPys) {
  const Written cases[] = {
      {{}, "{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 128},
      {{5}, "{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }", 128},
      {{2, 3}, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 128},
      {{12345678901, 0}, "{'descr': '<f4', 'fortran_order': False, 'shape': (12345678901, 0), }", 128},
      {Shape(20, 1), "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1), }", 192},
  };
  for (const Written& expected : cases) {
    const Tensor tensor =
        Tensor::create(DType::kFloat32, expected.shape, Bytes::from_string(std::string(static_cast<size_t>(4 * element_count_of(expected.shape)), 'x')))
            .value();
    const std::string header = npy_header(tensor).value();
    ASSERT_EQ(static_cast<int64_t>(header.size()), expected.size);
    std::string text = std::string("\x93NUMPY\1\0", 8) + static_cast<char>(expected.size - 10) + '\0' + expected.dictionary;
    text.resize(static_cast<size_t>(expected.size - 1), ' ');
    EXPECT_EQ(header, text + "\n");
  }
}

TEST(Npy, RoundTripsEveryNumericType) {
  for (const DType dtype : {DType::kBool, DType::kInt8, DType::kInt16, DType::kInt32, DType::kInt64, DType::kUint8, DType::kUint16, DType::kUint32,
                            DType::kUint64, DType::kHalf, DType::kFloat32, DType::kFloat64, DType::kComplex64, DType::kComplex128}) {
    std::string data(static_cast<size_t>(6 * element_size(dtype)), '\0');
    for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(dtype == DType::kBool ? i % 2 : i * 37);
    const Tensor tensor = Tensor::create(dtype, {2, 3}, Bytes::from_string(data)).value();
    const auto found = tensor_from_npy(Bytes::from_string(npy_header(tensor).value() + data));
    ASSERT_TRUE(found) << found.error().describe();
    EXPECT_TRUE(found->identical(tensor)) << to_string(dtype);
  }
  EXPECT_EQ(npy_header(Tensor::create(DType::kBfloat16, {0}, Bytes()).value()).error().code, ErrorCode::kUnsupported);
}

std::string file_of(const std::string& dictionary, const std::string& data, char version = 1) {
  std::string file = std::string("\x93NUMPY") + version + '\0' + static_cast<char>(dictionary.size()) + '\0';
  if (version > 1) file += std::string(2, '\0');
  return file + dictionary + data;
}

Result<Tensor> decode(const std::string& file) { return tensor_from_npy(Bytes::from_string(file)); }

TEST(Npy, ReadsTheLaterVersions) {
  for (const char version : {1, 2, 3})
    EXPECT_EQ(decode(file_of("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", "ab", version)).value().at<uint8_t>(1), 'b');
  EXPECT_EQ(decode(file_of("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", "ab", 4)).error().code, ErrorCode::kUnsupported);
}

TEST(Npy, PutsFortranOrderIntoCOrder) {
  // NumPy: np.arange(24, dtype='u1').reshape(2, 3, 4) in Fortran order
  std::string data;
  for (int k = 0; k < 4; ++k) {
    for (int j = 0; j < 3; ++j) {
      for (int i = 0; i < 2; ++i) data.push_back(static_cast<char>(i * 12 + j * 4 + k));
    }
  }
  const Tensor tensor = decode(file_of("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 4), }", data)).value();
  for (int64_t i = 0; i < 24; ++i) EXPECT_EQ(tensor.at<uint8_t>(i), i);
  EXPECT_EQ(decode(file_of("{'descr': '|u1', 'fortran_order': True, 'shape': (), }", "a")).value().at<uint8_t>(0), 'a');
}

TEST(Npy, SwapsBigEndianElements) {
  EXPECT_EQ(decode(file_of("{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }", std::string("\1\2\0\3", 4))).value().to_int64s(),
            (std::vector<int64_t>{258, 3}));
  const Tensor number = decode(file_of("{'descr': '>c8', 'fortran_order': False, 'shape': (), }", std::string("\x3f\x80\0\0\xc0\0\0\0", 8))).value();
  EXPECT_EQ(number.at<float>(0), 1.0f);
  EXPECT_EQ(number.at<float>(1), -2.0f);
}

TEST(Npy, EveryBoolIsZeroOrOne) {
  EXPECT_EQ(decode(file_of("{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }", std::string("\0\1\7", 3))).value().to_int64s(),
            (std::vector<int64_t>{0, 1, 1}));
}

TEST(Npy, RefusesWhatItCannotRead) {
  const auto code = [](const std::string& dictionary, const std::string& data = "ab") { return decode(file_of(dictionary, data)).error().code; };
  EXPECT_EQ(code("{'descr': '<U3', 'fortran_order': False, 'shape': (2,), }"), ErrorCode::kUnsupported);
  EXPECT_EQ(code("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }"), ErrorCode::kUnsupported);
  EXPECT_EQ(code("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }"), ErrorCode::kUnsupported);
  EXPECT_EQ(code("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }"), ErrorCode::kTruncated);
  EXPECT_EQ(code("{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }"), ErrorCode::kMalformed);
  EXPECT_EQ(code("{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 8), }"), ErrorCode::kTruncated);
  EXPECT_EQ(code("{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,), }"), ErrorCode::kMalformed);
  EXPECT_EQ(code("{'descr': '|u1', 'fortran_order': False, 'shape': (-2,), }"), ErrorCode::kMalformed);
  EXPECT_EQ(code("{'descr': '|u1', 'fortran_order': False, }"), ErrorCode::kMalformed);
  EXPECT_EQ(code("{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (2,), }"), ErrorCode::kMalformed);
  EXPECT_EQ(code("{'descr': '|u1', 'fortran_order': 0, 'shape': (2,), }"), ErrorCode::kMalformed);
  EXPECT_EQ(code("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), } x"), ErrorCode::kMalformed);
  EXPECT_EQ(code("{'descr': '|u1', 'fortran_order': False, 'shape': (2,"), ErrorCode::kMalformed);
  EXPECT_EQ(decode("\x93NUMPY").error().code, ErrorCode::kTruncated);
  EXPECT_EQ(decode("PK\3\4 not an array").error().code, ErrorCode::kMalformed);
}

}  // namespace
}  // namespace isomer
