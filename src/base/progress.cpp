#include "base/progress.h"

#include <unistd.h>

#include <algorithm>

namespace isomer {
namespace {

constexpr std::string_view kWipe = "\r\x1b[K";

void put(int terminal, const std::string& text) {
  // A line that cannot be shown is no failure of the work.
  [[maybe_unused]] const ssize_t count = ::write(terminal, text.data(), text.size());
}

}  // namespace

Progress::Progress(int terminal) : terminal_(terminal), visible_(isatty(terminal) == 1), next_draw_(Clock::now() + std::chrono::seconds(1)) {}

Progress::~Progress() {
  if (drawn_) put(terminal_, std::string(kWipe));
}

void Progress::stage(std::string_view what, int64_t total) {
  what_ = what;
  total_ = total;
  done_ = 0;
  draw();
}

void Progress::advance(int64_t units) {
  done_ += units;
  draw();
}

void Progress::draw() {
  if (!visible_) return;
  const auto now = Clock::now();
  if (now < next_draw_) return;
  next_draw_ = now + std::chrono::milliseconds(100);
  std::string line = std::string(kWipe) + what_;
  if (total_ > 0) line += " " + std::to_string(std::clamp<int64_t>(static_cast<int64_t>(100.0 * done_ / total_), 0, 100)) + "%";
  put(terminal_, line);
  drawn_ = true;
}

}  // namespace isomer
