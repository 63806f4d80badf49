// Where the time of a run goes, by op.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ops/interpreter.h"

namespace isomer {

struct ProfileRow {
  std::string op;
  int64_t calls = 0;
  double seconds = 0;  // in the op itself, without the functions it calls
};

// Watches runs through observer() and adds up. Must outlive the runs.
class Profile {
 public:
  ops::Observer observer();
  // The slowest op first.
  std::vector<ProfileRow> rows() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Open {
    Clock::time_point began;
    double inside = 0;  // seconds spent in nodes of functions that this node calls
  };
  std::vector<Open> open_;
  std::map<std::string, ProfileRow> rows_;
};

}  // namespace isomer
