// Work on parts of a count, on as many threads as the machine has.
#pragma once

#include <cstdint>
#include <functional>

#include "base/error.h"

namespace isomer {

// Calls work(first, count) for consecutive ranges that together are [0, total), at the same time; each has `least` or more, so that a thread is worth its
// start. A small total is one range, on the calling thread. Returns when all are done, with the error of the first range that failed. What comes out must not
// depend on how many ranges there are: that differs between machines.
Result<void> for_ranges(int64_t total, int64_t least, const std::function<Result<void>(int64_t first, int64_t count)>& work);

}  // namespace isomer
