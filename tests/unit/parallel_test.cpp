#include "base/parallel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include "tensor/blocks.h"

namespace isomer {
namespace {

TEST(ForRanges, CoversEachPlaceOnce) {
  for (const int64_t total : {int64_t{0}, int64_t{1}, int64_t{9}, int64_t{10}, int64_t{1001}}) {
    std::vector<std::atomic<int>> visits(static_cast<size_t>(total));
    std::atomic<int> ranges = 0;
    const auto done = for_ranges(total, 5, [&](int64_t first, int64_t count) -> Result<void> {
      ++ranges;
      EXPECT_GE(count, std::min<int64_t>(total, 5));
      for (int64_t i = first; i < first + count; ++i) ++visits[static_cast<size_t>(i)];
      return {};
    });
    EXPECT_TRUE(done);
    EXPECT_GE(ranges, 1);
    for (const auto& visited : visits) EXPECT_EQ(visited, 1) << total;
  }
}

TEST(ForRanges, GivesTheFirstRangesError) {
  const auto done = for_ranges(1000, 1, [](int64_t first, int64_t) -> Result<void> { return fail(ErrorCode::kIo, "at " + std::to_string(first)); });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "at 0");
}

TEST(ChannelScale, MultipliesEachElementByItsChannel) {
  const std::vector<double> factors = {2, -3, 0.5};
  for (const int64_t inner : {1, 2, 7}) {
    for (const int64_t first : {0, 1, 2, 6, 13, 21, 40}) {
      std::vector<double> values(50);
      for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i) + 1;
      ChannelScale scale(factors, inner, first);
      EXPECT_TRUE(scale.multiply(std::span(values).first(17), 1000));
      EXPECT_TRUE(scale.multiply(std::span(values).subspan(17), 1000));
      for (int64_t i = 0; i < 50; ++i)
        ASSERT_EQ(values[static_cast<size_t>(i)], static_cast<double>(i + 1) * factors[static_cast<size_t>((first + i) / inner % 3)]) << inner << ' ' << first;
    }
  }
}

TEST(ChannelScale, TellsOfWhatIsTooLargeOrNoNumber) {
  const std::vector<double> factors = {2};
  std::vector<double> values = {1, -50, 3};
  EXPECT_TRUE(ChannelScale(factors, 1, 0).multiply(values, 100));
  EXPECT_FALSE(ChannelScale(factors, 1, 0).multiply(values, 100));
  values = {1, std::nan(""), 1};
  EXPECT_FALSE(ChannelScale(factors, 1, 0).multiply(values, 100));
}

}  // namespace
}  // namespace isomer
