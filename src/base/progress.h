// A line that tells a waiting person how far the work is.
//
// Work is passed a `Progress*` (which may be null) and reports what it does; the line appears on the error stream when that is a terminal and the
// work has taken longer than a second, is redrawn at most ten times a second, and is wiped at the end. Otherwise nothing is written.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace isomer {

class Progress {
 public:
  // Writes to the file descriptor `terminal` (2 is the error stream) if it is a terminal.
  explicit Progress(int terminal = 2);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  // A new stage of the work: what it does ("writing weights") and how many units it has (0: unknown).
  void stage(std::string_view what, int64_t total = 0);
  void advance(int64_t units);

 private:
  using Clock = std::chrono::steady_clock;
  void draw();

  int terminal_;
  bool visible_;        // is there a terminal?
  bool drawn_ = false;  // is a line on it?
  std::string what_;
  int64_t total_ = 0, done_ = 0;
  Clock::time_point next_draw_;
};

}  // namespace isomer
