#include "ops/string_tensor.h"

#include "base/checked.h"
#include "ops/kernel.h"

namespace isomer::ops {

Result<Tensor> make_strings(const Memory& memory, Shape shape, std::span<const std::string> values) {
  const auto count = static_cast<int64_t>(values.size());
  if (element_count(shape) != count) return fail(ErrorCode::kInternal, std::to_string(count) + " strings do not fill a tensor of shape " + to_string(shape));
  int64_t bytes = (count + 1) * 8;
  for (const std::string& value : values) bytes += static_cast<int64_t>(value.size());
  if (count > memory.limits.tensor_elements || bytes > memory.limits.tensor_bytes) {
    return fail(ErrorCode::kLimitExceeded, "a string tensor of " + std::to_string(bytes) + " bytes exceeds the limit of " +
                                               std::to_string(memory.limits.tensor_elements) + " elements or " + std::to_string(memory.limits.tensor_bytes) +
                                               " bytes");
  }
  TensorAllocator::Block block = TRY(memory.allocator.allocate(bytes));
  std::byte* text = block.data + (count + 1) * 8;
  int64_t offset = 0;
  for (int64_t i = 0; i <= count; ++i) {
    std::memcpy(block.data + i * 8, &offset, 8);
    if (i == count) break;
    const std::string& value = values[static_cast<size_t>(i)];
    std::memcpy(text + offset, value.data(), value.size());
    offset += static_cast<int64_t>(value.size());
  }
  return Tensor::create(DType::kString, std::move(shape), Bytes(block.owner, block.data, bytes, block.mapped));
}

Result<void> StringCollector::add(std::string value) {
  bytes_ += 8 + static_cast<int64_t>(value.size());
  if (bytes_ > memory_.limits.tensor_bytes || size() >= memory_.limits.tensor_elements) {
    return fail(ErrorCode::kLimitExceeded, "a string tensor exceeds the limit of " + std::to_string(memory_.limits.tensor_elements) + " elements or " +
                                               std::to_string(memory_.limits.tensor_bytes) + " bytes");
  }
  strings_.push_back(std::move(value));
  return {};
}

std::string_view element_bytes(const Tensor& tensor, int64_t index) {
  if (tensor.dtype() == DType::kString) return tensor.string_at(index);
  const auto size = static_cast<size_t>(element_size(tensor.dtype()));
  return tensor.bytes().text().substr(static_cast<size_t>(index) * size, size);
}

Result<Tensor> from_element_bytes(const Memory& memory, DType dtype, Shape shape, std::span<const std::string> elements) {
  if (dtype == DType::kString) return make_strings(memory, std::move(shape), elements);
  MutableTensor tensor = TRY(MutableTensor::create(dtype, std::move(shape), memory.limits, memory.allocator));
  const auto size = static_cast<size_t>(element_size(dtype));
  for (size_t i = 0; i < elements.size(); ++i) std::memcpy(tensor.data() + i * size, elements[i].data(), size);
  return std::move(tensor).finish();
}

Result<TensorBuilder> TensorBuilder::create(const Memory& memory, DType dtype, Shape shape) {
  TensorBuilder builder(memory, dtype, shape);
  const auto count = element_count(shape);
  if (!count) return input_error(to_string(shape) + " is no shape of a tensor");
  builder.expected_ = *count;
  if (dtype != DType::kString) builder.numbers_ = TRY(MutableTensor::create(dtype, std::move(shape), memory.limits, memory.allocator));
  return builder;
}

void TensorBuilder::append(const Tensor& source, int64_t first, int64_t count) {
  if (count > expected_ - done_) {
    done_ = expected_ + 1;
  } else if (dtype_ == DType::kString) {
    for (int64_t i = 0; i < count; ++i) strings_.emplace_back(source.string_at(first + i));
  } else if (count > 0) {
    const int64_t size = element_size(dtype_);
    std::memcpy(numbers_.data() + done_ * size, source.bytes().data() + first * size, static_cast<size_t>(count * size));
  }
  if (done_ <= expected_) done_ += count;
}

void TensorBuilder::append_zeros(int64_t count) {
  if (count > expected_ - done_) {
    done_ = expected_ + 1;
    return;
  }
  if (dtype_ == DType::kString) strings_.resize(strings_.size() + static_cast<size_t>(count));
  done_ += count;
}

Result<Tensor> TensorBuilder::finish() && {
  if (done_ != expected_) return input_error("the parts do not have as many elements as the result of shape " + to_string(shape_));
  if (dtype_ == DType::kString) return make_strings(memory_, std::move(shape_), strings_);
  return std::move(numbers_).finish();
}

Result<Tensor> slice_rows(const Memory& memory, const Tensor& tensor, int64_t first, int64_t count) {
  Shape shape = tensor.shape();
  shape[0] = 1;
  const int64_t row = element_count_of(shape);
  shape[0] = count;
  if (tensor.dtype() != DType::kString) {
    const int64_t size = row * element_size(tensor.dtype());
    return Tensor::create(tensor.dtype(), std::move(shape), tensor.bytes().slice(first * size, count * size));
  }
  TensorBuilder builder = TRY(TensorBuilder::create(memory, tensor.dtype(), std::move(shape)));
  builder.append(tensor, first * row, count * row);
  return std::move(builder).finish();
}

Result<Tensor> row_of(const Memory& memory, const Tensor& tensor, int64_t index) {
  const Tensor rows = TRY(slice_rows(memory, tensor, index, 1));
  return rows.reshaped(Shape(tensor.shape().begin() + 1, tensor.shape().end()));
}

Result<Tensor> zeros(const Memory& memory, DType dtype, Shape shape) {
  TensorBuilder builder = TRY(TensorBuilder::create(memory, dtype, shape));
  builder.append_zeros(element_count_of(shape));
  return std::move(builder).finish();
}

}  // namespace isomer::ops
