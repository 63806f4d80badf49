// Tensors from elements of any dtype, strings included, within the limits of a run.
#pragma once

#include <span>
#include <string>

#include "ir/eval_context.h"

namespace isomer::ops {

// Where a computed tensor gets its memory, and how much it may take.
struct Memory {
  const Limits& limits;
  TensorAllocator& allocator;
};
inline Memory memory_of(ir::RunState& state) { return {state.limits, *state.allocator}; }
inline Memory memory_of(ir::EvalContext& c) { return memory_of(c.state()); }

// A string tensor. `values` has one string for each element of `shape`. LimitExceeded when it is too large.
Result<Tensor> make_strings(const Memory& memory, Shape shape, std::span<const std::string> values);
// Strings that are made one after the other and become a tensor, within the limits at any time.
class StringCollector {
 public:
  explicit StringCollector(const Memory& memory) : memory_(memory) {}
  // LimitExceeded when all strings together become too large.
  Result<void> add(std::string value);
  // Bytes that the strings still to come may have.
  int64_t room() const { return memory_.limits.tensor_bytes - bytes_; }
  int64_t size() const { return static_cast<int64_t>(strings_.size()); }
  // `shape` must have size() elements.
  Result<Tensor> finish(Shape shape) { return make_strings(memory_, std::move(shape), strings_); }

 private:
  Memory memory_;
  int64_t bytes_ = 0;
  std::vector<std::string> strings_;
};

// One element as bytes: the string itself, or the element's bytes.
std::string_view element_bytes(const Tensor& tensor, int64_t index);
// The reverse for all elements.
Result<Tensor> from_element_bytes(const Memory& memory, DType dtype, Shape shape, std::span<const std::string> elements);

// A tensor of any dtype put together from ranges of elements of tensors of that dtype.
class TensorBuilder {
 public:
  static Result<TensorBuilder> create(const Memory& memory, DType dtype, Shape shape);
  // Appends `count` elements of `source` from `first` on.
  void append(const Tensor& source, int64_t first, int64_t count);
  void append(const Tensor& source) { append(source, 0, source.elements()); }
  // Appends zeros, or empty strings.
  void append_zeros(int64_t count);
  // InvalidModel when fewer or more elements than the shape has were appended.
  Result<Tensor> finish() &&;

 private:
  TensorBuilder(const Memory& memory, DType dtype, Shape shape) : memory_(memory), dtype_(dtype), shape_(std::move(shape)) {}
  Memory memory_;
  DType dtype_;
  Shape shape_;
  int64_t expected_ = 0;
  int64_t done_ = 0;
  MutableTensor numbers_;
  std::vector<std::string> strings_;
};

// Elements [first, first + count) of the outermost dimension. Shares the bytes of numbers. The caller guarantees the range.
Result<Tensor> slice_rows(const Memory& memory, const Tensor& tensor, int64_t first, int64_t count);
// Row `index`, without the outermost dimension.
Result<Tensor> row_of(const Memory& memory, const Tensor& tensor, int64_t index);
// A tensor of zeros, or of empty strings.
Result<Tensor> zeros(const Memory& memory, DType dtype, Shape shape);

}  // namespace isomer::ops
