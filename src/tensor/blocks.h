// Going over the elements of a tensor as doubles without holding all of them.
#pragma once

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace isomer {

inline constexpr int64_t kBlockElements = 1 << 14;  // at most, in a block

// visit(first, elements) for one part of the `count` elements from `begin` on after the other; `elements`, a span of doubles, may be written to and is
// overwritten by the next part.
template <class Visit>
void for_each_block(const Tensor& tensor, int64_t begin, int64_t count, Visit&& visit) {
  std::vector<double> block(static_cast<size_t>(std::min(kBlockElements, count)));
  for (int64_t done = 0; done < count; done += kBlockElements) {
    const auto part = std::span(block).first(static_cast<size_t>(std::min(kBlockElements, count - done)));
    load_doubles(tensor, begin + done, part);
    visit(begin + done, part);
  }
}

// Of all elements.
template <class Visit>
void for_each_block(const Tensor& tensor, Visit&& visit) {
  for_each_block(tensor, 0, tensor.elements(), std::forward<Visit>(visit));
}

// Multiplies elements by factors, one for each channel. The channel is the same for `inner` elements one after the other; then the next follows.
class ChannelScale {
 public:
  // `factors`, more than none, must outlive the scale; `inner` > 0. `first`: the element of the tensor that comes first.
  ChannelScale(std::span<const double> factors, int64_t inner, int64_t first)
      : factors_(factors),
        inner_(static_cast<size_t>(inner)),
        channel_(static_cast<size_t>(first / inner) % factors.size()),
        within_(static_cast<size_t>(first % inner)) {}
  // The next elements of the tensor. Returns whether all products are numbers of at most the magnitude `largest`.
  bool multiply(std::span<double> elements, double largest);

 private:
  std::span<const double> factors_;
  size_t inner_, channel_, within_;
};

}  // namespace isomer
