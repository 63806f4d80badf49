#include "base/parallel.h"

#include <algorithm>
#include <system_error>
#include <thread>
#include <vector>

namespace isomer {

Result<void> for_ranges(int64_t total, int64_t least, const std::function<Result<void>(int64_t first, int64_t count)>& work) {
  constexpr int64_t kMostThreads = 16;  // memory is the limit long before
  static const auto processors = static_cast<int64_t>(std::thread::hardware_concurrency());
  const int64_t ranges = std::clamp<int64_t>(total / std::max<int64_t>(least, 1), 1, std::clamp<int64_t>(processors, 1, kMostThreads));
  if (ranges == 1) return work(0, total);
  std::vector<Result<void>> results(static_cast<size_t>(ranges));
  const auto run = [&](int64_t range) {
    const int64_t first = total / ranges * range, last = range + 1 == ranges ? total : total / ranges * (range + 1);
    results[static_cast<size_t>(range)] = work(first, last - first);
  };
  {
    std::vector<std::jthread> threads;
    int64_t started = 1;
    try {
      for (; started < ranges; ++started) threads.emplace_back(run, started);
    } catch (const std::system_error&) {  // no more threads: the rest is done here
    }
    run(0);
    for (; started < ranges; ++started) run(started);
  }
  for (Result<void>& result : results) TRY(std::move(result));
  return {};
}

}  // namespace isomer
