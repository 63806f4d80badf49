// Going over the elements of a tensor as doubles without holding all of them.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace isomer {

inline constexpr int64_t kBlockElements = 1 << 14;  // at most, in a block

// visit(first, elements) for one part of the tensor after the other; `elements`, a span of doubles, may be written to and is overwritten by the next part.
template <class Visit>
void for_each_block(const Tensor& tensor, Visit&& visit) {
  std::vector<double> block(static_cast<size_t>(std::min(kBlockElements, tensor.elements())));
  for (int64_t first = 0; first < tensor.elements(); first += kBlockElements) {
    const auto part = std::span(block).first(static_cast<size_t>(std::min(kBlockElements, tensor.elements() - first)));
    load_doubles(tensor, first, part);
    visit(first, part);
  }
}

}  // namespace isomer
