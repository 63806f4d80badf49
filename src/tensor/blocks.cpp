#include "tensor/blocks.h"

#include <cmath>
#include <cstdint>

namespace isomer {

bool ChannelScale::multiply(std::span<double> elements, double largest) {
  for (size_t at = 0; at < elements.size();) {
    const size_t left = elements.size() - at;
    double* const values = elements.data() + at;
    const double* const factors = factors_.data() + channel_;
    size_t run;
    if (inner_ == 1) {
      run = std::min(left, factors_.size() - channel_);
      for (size_t i = 0; i < run; ++i) values[i] *= factors[i];
      channel_ += run;
    } else {
      run = std::min(left, inner_ - within_);
      for (size_t i = 0; i < run; ++i) values[i] *= *factors;
      within_ += run;
      if (within_ == inner_) ++channel_, within_ = 0;
    }
    if (channel_ == factors_.size()) channel_ = 0;
    at += run;
  }
  // Spelled so that the compiler looks at several together.
  const double* const products = elements.data();
  uint64_t outside = 0;
  for (size_t i = 0; i < elements.size(); ++i) {
    if (!(std::fabs(products[i]) <= largest)) outside = 1;
  }
  return outside == 0;
}

}  // namespace isomer
