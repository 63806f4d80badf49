// Moving elements: results whose elements are elements of the inputs, whatever their dtype.
//
// Slices, joins, transpositions, paddings and gathers compute nothing; they put elements in another order. ElementWriter builds such a result from boxes
// of elements of other tensors, by element size for numbers and by reference for strings.
#pragma once

#include <string_view>
#include <vector>

#include "ops/kernel.h"

namespace isomer::ops {

// Where the elements of a box lie in a tensor: the first one, and how many elements apart neighbours are in each dimension (0 repeats one element,
// negative goes backwards).
struct Layout {
  int64_t offset = 0;
  std::vector<int64_t> strides;
};

class ElementWriter {
 public:
  // All elements zero, false or the empty string. LimitExceeded as EvalContext::allocate.
  static Result<ElementWriter> create(ir::EvalContext& c, DType dtype, Shape shape);

  const Shape& shape() const { return shape_; }
  int64_t elements() const { return element_count_of(shape_); }

  // Copies a box. `from` has the same dtype and must live until finish(); both layouts must stay inside of their tensors.
  void copy(const Tensor& from, const Layout& source, const Layout& target, const Shape& box);
  // Copies a run of neighbouring elements.
  void copy(const Tensor& from, int64_t first, int64_t to, int64_t count);
  // Gives every element the value of element `index` of `from`.
  void fill(const Tensor& from, int64_t index = 0);

  // LimitExceeded when the strings are too long together.
  Result<Tensor> finish() &&;

 private:
  DType dtype_ = DType::kInvalid;
  Shape shape_;
  int64_t byte_limit_ = 0;
  MutableTensor numbers_;                  // unless the dtype is string
  std::vector<std::string_view> strings_;  // elements of the tensors copied from
};

// The elements of `x` that a layout picks, as a tensor of this shape.
Result<Tensor> strided_copy(ir::EvalContext& c, const Tensor& x, Shape shape, const Layout& layout);
// `x` seen as a tensor of shape `split` (same elements), its dimensions reordered so that result dimension i is dimension order[i], then reshaped.
Result<Tensor> split_and_permute(ir::EvalContext& c, const Tensor& x, const Shape& split, const std::vector<int64_t>& order, Shape shape);

// Product of shape[first, last).
int64_t product(const Shape& shape, int64_t first, int64_t last);

}  // namespace isomer::ops
