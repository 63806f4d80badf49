#include "wire/crc32c.h"

#include <gtest/gtest.h>

#include <string>

namespace isomer {
namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

// Values of RFC 3720, appendix B.4.
TEST(Crc32c, MatchesThePublishedValues) {
  EXPECT_EQ(crc32c(bytes("")), 0U);
  EXPECT_EQ(crc32c(bytes("123456789")), 0xe3069283U);
  EXPECT_EQ(crc32c(bytes(std::string(32, '\0'))), 0x8a9136aaU);
  EXPECT_EQ(crc32c(bytes(std::string(32, '\xff'))), 0x62a8ab43U);
}

TEST(Crc32c, PortableFormAgreesWithTheInstruction) {
  std::string text(5000, '\0');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * i + 3 * i);
  for (size_t size = 0; size < 70; ++size) {
    for (size_t start = 0; start < 9; ++start) {
      const auto part = bytes(text).subspan(start, size);
      ASSERT_EQ(crc32c(part), detail::crc32c_portable(0, part));
    }
  }
  EXPECT_EQ(crc32c(bytes(text)), detail::crc32c_portable(0, bytes(text)));
}

TEST(Crc32c, ExtendsAndStreams) {
  std::string text(9'000'001, 'q');
  for (size_t i = 0; i < text.size(); i += 1000) text[i] = static_cast<char>(i / 1000);
  EXPECT_EQ(crc32c_extend(crc32c(bytes("12345")), bytes("6789")), crc32c(bytes("123456789")));
  EXPECT_EQ(crc32c_streaming(0, Bytes::from_string(text)), crc32c(bytes(text)));
  EXPECT_EQ(crc32c_streaming(crc32c(bytes("12345")), Bytes::from_string(text)), crc32c(bytes("12345" + text)));
  EXPECT_EQ(crc32c_streaming(0x12345678U, Bytes()), 0x12345678U);
}

TEST(Crc32c, MaskIsTheStoredForm) { EXPECT_EQ(crc32c_mask(0), 0xa282ead8U); }

}  // namespace
}  // namespace isomer
