#include "base/background_checks.h"

#include <system_error>

namespace isomer {

BackgroundChecks::~BackgroundChecks() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    waiting_.clear();
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void BackgroundChecks::add(Check check) {
  std::unique_lock lock(mutex_);
  if (!result_) return;
  if (!thread_.joinable()) {
    try {
      thread_ = std::thread(&BackgroundChecks::work, this);
    } catch (const std::system_error&) {
      result_ = check();
      return;
    }
  }
  waiting_.push_back(std::move(check));
  lock.unlock();
  changed_.notify_all();
}

Result<void> BackgroundChecks::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return waiting_.empty() && !busy_; });
  return result_;
}

void BackgroundChecks::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return closing_ || !waiting_.empty(); });
    if (closing_) return;
    const Check check = std::move(waiting_.front());
    waiting_.pop_front();
    busy_ = true;
    lock.unlock();
    Result<void> result = check();
    lock.lock();
    busy_ = false;
    if (!result) {
      result_ = std::move(result);
      waiting_.clear();
    }
    changed_.notify_all();
  }
}

}  // namespace isomer
