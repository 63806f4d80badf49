#include "tensor/blocks.h"

#include <cmath>
#include <cstdint>

namespace isomer {

bool ChannelScale::multiply(std::span<double> elements, double largest) {
  uint64_t outside = 0;  // spelled so that the compiler looks at several elements together
  for (size_t at = 0; at < elements.size();) {
    const size_t left = elements.size() - at;
    double* const values = elements.data() + at;
    const double* const factors = factors_.data() + channel_;
    size_t run;
    if (inner_ == 1) {
      run = std::min(left, factors_.size() - channel_);
      for (size_t i = 0; i < run; ++i) {
        values[i] *= factors[i];
        if (!(std::fabs(values[i]) <= largest)) outside = 1;
      }
      channel_ += run;
    } else {
      run = std::min(left, inner_ - within_);
      for (size_t i = 0; i < run; ++i) {
        values[i] *= *factors;
        if (!(std::fabs(values[i]) <= largest)) outside = 1;
      }
      within_ += run;
      if (within_ == inner_) ++channel_, within_ = 0;
    }
    if (channel_ == factors_.size()) channel_ = 0;
    at += run;
  }
  return outside == 0;
}

}  // namespace isomer
