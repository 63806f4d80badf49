#include "base/progress.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <thread>

namespace isomer {
namespace {

// What a program reads that holds the other side of the terminal.
std::string drain(int descriptor) {
  fcntl(descriptor, F_SETFL, O_NONBLOCK);
  std::string text;
  char buffer[4096];
  for (ssize_t count; (count = read(descriptor, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<size_t>(count));
  return text;
}

TEST(Progress, IsSilentWithoutATerminal) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  {
    Progress progress(ends[1]);
    progress.stage("writing weights", 10);
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    progress.advance(5);
  }
  EXPECT_EQ(drain(ends[0]), "");
  close(ends[0]);
  close(ends[1]);
}

TEST(Progress, ShowsOneLineAfterASecondAndWipesIt) {
  const int controller = posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(controller, 0);
  ASSERT_EQ(grantpt(controller), 0);
  ASSERT_EQ(unlockpt(controller), 0);
  const int terminal = open(ptsname(controller), O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  {
    Progress progress(terminal);
    progress.stage("writing weights", 200);
    progress.advance(20);
    EXPECT_EQ(drain(controller), "") << "the work is young";
    std::this_thread::sleep_for(std::chrono::milliseconds(1050));
    progress.advance(30);
    progress.advance(30);  // too soon after the line before
  }
  EXPECT_EQ(drain(controller), "\r\x1b[Kwriting weights 25%\r\x1b[K");
  close(terminal);
  close(controller);
}

}  // namespace
}  // namespace isomer
