#include "ops/elements.h"

#include <cstring>

#include "base/checked.h"

namespace isomer::ops {
namespace {

using namespace ir;

// A box without dimensions of size 1, neighbouring dimensions joined where both layouts step through them evenly.
struct Box {
  Shape shape;
  Layout source, target;
};

Box simplify(const Layout& source, const Layout& target, const Shape& shape) {
  Box box{{}, {source.offset, {}}, {target.offset, {}}};
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == 1) continue;
    auto &s = box.source.strides, &t = box.target.strides;
    if (!box.shape.empty() && s.back() == source.strides[d] * shape[d] && t.back() == target.strides[d] * shape[d]) {
      box.shape.back() *= shape[d];
      s.back() = source.strides[d];
      t.back() = target.strides[d];
    } else {
      box.shape.push_back(shape[d]);
      s.push_back(source.strides[d]);
      t.push_back(target.strides[d]);
    }
  }
  return box;
}

// Calls run(source, target) with the offsets of each innermost run.
template <class Run>
void for_runs(const Box& box, Run run) {
  const size_t outer = box.shape.size() - 1;
  const auto head = [&](const std::vector<int64_t>& strides) { return std::vector<int64_t>(strides.begin(), strides.begin() + static_cast<int64_t>(outer)); };
  const Shape shape(box.shape.begin(), box.shape.begin() + static_cast<int64_t>(outer));
  for (Odometer at(shape, {head(box.source.strides), head(box.target.strides)}); !at.done(); at.next())
    run(box.source.offset + at.offset(0), box.target.offset + at.offset(1));
}

template <size_t size>
void copy_run(const std::byte* from, int64_t from_stride, std::byte* to, int64_t to_stride, int64_t count) {
  for (int64_t i = 0; i < count; ++i) std::memcpy(to + i * to_stride * static_cast<int64_t>(size), from + i * from_stride * static_cast<int64_t>(size), size);
}

void copy_run(int64_t size, const std::byte* from, int64_t from_stride, std::byte* to, int64_t to_stride, int64_t count) {
  if (from_stride == 1 && to_stride == 1) {
    std::memcpy(to, from, static_cast<size_t>(count * size));
    return;
  }
  switch (size) {
    case 1: return copy_run<1>(from, from_stride, to, to_stride, count);
    case 2: return copy_run<2>(from, from_stride, to, to_stride, count);
    case 4: return copy_run<4>(from, from_stride, to, to_stride, count);
    case 8: return copy_run<8>(from, from_stride, to, to_stride, count);
    default: return copy_run<16>(from, from_stride, to, to_stride, count);
  }
}

}  // namespace

Result<ElementWriter> ElementWriter::create(EvalContext& c, DType dtype, Shape shape) {
  ElementWriter writer;
  writer.dtype_ = dtype;
  writer.byte_limit_ = c.limits().tensor_bytes;
  if (dtype == DType::kString) {
    TRY(check_elements(c, shape));
    const int64_t count = element_count_of(shape);
    if (count > c.limits().tensor_bytes / static_cast<int64_t>(sizeof(std::string_view))) {
      return fail(ErrorCode::kLimitExceeded, std::to_string(count) + " strings exceed the limit of " + std::to_string(c.limits().tensor_bytes) + " bytes");
    }
    writer.strings_.resize(static_cast<size_t>(count));
  } else {
    writer.numbers_ = TRY(c.allocate(dtype, shape));
  }
  writer.shape_ = std::move(shape);
  return writer;
}

void ElementWriter::copy(const Tensor& from, const Layout& source, const Layout& target, const Shape& shape) {
  if (element_count_of(shape) == 0) return;
  Box box = simplify(source, target, shape);
  if (box.shape.empty()) {
    box.shape.push_back(1);
    box.source.strides.push_back(1);
    box.target.strides.push_back(1);
  }
  const int64_t count = box.shape.back(), from_stride = box.source.strides.back(), to_stride = box.target.strides.back();
  if (dtype_ == DType::kString) {
    for_runs(box, [&](int64_t s, int64_t t) {
      for (int64_t i = 0; i < count; ++i) strings_[static_cast<size_t>(t + i * to_stride)] = from.string_at(s + i * from_stride);
    });
    return;
  }
  const int64_t size = element_size(dtype_);
  for_runs(box, [&](int64_t s, int64_t t) { copy_run(size, from.bytes().data() + s * size, from_stride, numbers_.data() + t * size, to_stride, count); });
}

void ElementWriter::copy(const Tensor& from, int64_t first, int64_t to, int64_t count) {
  if (count == 0) return;
  if (dtype_ == DType::kString) {
    for (int64_t i = 0; i < count; ++i) strings_[static_cast<size_t>(to + i)] = from.string_at(first + i);
    return;
  }
  const int64_t size = element_size(dtype_);
  std::memcpy(numbers_.data() + to * size, from.bytes().data() + first * size, static_cast<size_t>(count * size));
}

void ElementWriter::fill(const Tensor& from, int64_t index) { copy(from, {index, {0}}, {0, {1}}, {elements()}); }

Result<Tensor> ElementWriter::finish() && {
  if (dtype_ != DType::kString) return std::move(numbers_).finish();
  int64_t total = static_cast<int64_t>(strings_.size() + 1) * 8;
  for (const std::string_view text : strings_) {
    total = checked_add(total, static_cast<int64_t>(text.size())).value_or(INT64_MAX);
    if (total > byte_limit_) return fail(ErrorCode::kLimitExceeded, "a string tensor exceeds the limit of " + std::to_string(byte_limit_) + " bytes");
  }
  std::string buffer((strings_.size() + 1) * 8, '\0');
  buffer.reserve(static_cast<size_t>(total));
  int64_t end = 0;
  for (size_t i = 0; i < strings_.size(); ++i) {
    end += static_cast<int64_t>(strings_[i].size());
    std::memcpy(buffer.data() + (i + 1) * 8, &end, 8);
  }
  for (const std::string_view text : strings_) buffer += text;
  return Tensor::create(dtype_, std::move(shape_), Bytes::from_string(std::move(buffer)));
}

Result<Tensor> strided_copy(EvalContext& c, const Tensor& x, Shape shape, const Layout& layout) {
  ElementWriter y = TRY(ElementWriter::create(c, x.dtype(), std::move(shape)));
  y.copy(x, layout, {0, strides_of(y.shape())}, y.shape());
  return std::move(y).finish();
}

Result<Tensor> split_and_permute(EvalContext& c, const Tensor& x, const Shape& split, const std::vector<int64_t>& order, Shape shape) {
  const std::vector<int64_t> strides = strides_of(split);
  Shape permuted;
  Layout layout;
  for (const int64_t d : order) {
    permuted.push_back(split[static_cast<size_t>(d)]);
    layout.strides.push_back(strides[static_cast<size_t>(d)]);
  }
  return TRY(strided_copy(c, x, std::move(permuted), layout)).reshaped(std::move(shape));
}

int64_t product(const Shape& shape, int64_t first, int64_t last) { return element_count_of(Shape(shape.begin() + first, shape.begin() + last)); }

}  // namespace isomer::ops
