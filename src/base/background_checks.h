// Checks of data that run beside the work on it.
//
// Whether a hundred megabytes have the checksum that they should have takes as long as much of what is done with them. Nothing waits for the answer but the end
// of the work: what was made of damaged data is thrown away.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "base/error.h"

namespace isomer {

// One thread, which starts with the first check. Where the system has none to give, checks are done as they are added.
class BackgroundChecks {
 public:
  using Check = std::function<Result<void>()>;

  BackgroundChecks() = default;
  BackgroundChecks(const BackgroundChecks&) = delete;
  BackgroundChecks& operator=(const BackgroundChecks&) = delete;
  ~BackgroundChecks();  // waits for the check at hand; those not begun are not done

  // What `check` holds has to stay until wait() or the end. Not done any more once one has failed.
  void add(Check check);
  // Until all are done: the error of the first that failed, by each call.
  Result<void> wait();

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Check> waiting_;
  bool busy_ = false, closing_ = false;
  Result<void> result_;
  std::thread thread_;
};

}  // namespace isomer
