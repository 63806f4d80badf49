#include "base/background_checks.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

namespace isomer {
namespace {

TEST(BackgroundChecks, AreAllDoneAfterWaiting) {
  BackgroundChecks checks;
  EXPECT_TRUE(checks.wait());
  std::atomic<int> done = 0;
  for (int round = 1; round <= 2; ++round) {
    for (int i = 0; i < 100; ++i)
      checks.add([&]() -> Result<void> {
        ++done;
        return {};
      });
    EXPECT_TRUE(checks.wait());
    EXPECT_EQ(done, 100 * round);
  }
}

TEST(BackgroundChecks, TheFirstFailureStays) {
  BackgroundChecks checks;
  std::latch all_added(1);
  std::atomic<int> later = 0;
  checks.add([&]() -> Result<void> {
    all_added.wait();
    return fail(ErrorCode::kMalformed, "the first");
  });
  for (int i = 0; i < 5; ++i)
    checks.add([&]() -> Result<void> {
      ++later;
      return fail(ErrorCode::kMalformed, "a later one");
    });
  all_added.count_down();
  for (int i = 0; i < 2; ++i) {
    const auto result = checks.wait();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message, "the first");
    checks.add([&]() -> Result<void> {
      ++later;
      return {};
    });
  }
  EXPECT_EQ(later, 0);
}

TEST(BackgroundChecks, MayBeLeftUnfinished) {
  std::latch begun(1);
  std::atomic<int> done = 0;
  {
    BackgroundChecks checks;
    checks.add([&]() -> Result<void> {
      begun.count_down();
      ++done;
      return {};
    });
    begun.wait();
  }
  EXPECT_EQ(done, 1);
}

}  // namespace
}  // namespace isomer
