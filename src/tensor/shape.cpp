#include "tensor/shape.h"

#include <algorithm>

#include "base/checked.h"

namespace isomer {
namespace {

std::string join(const std::vector<int64_t>& dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i) text += ',';
    text += dims[i] == kUnknownDim ? "?" : std::to_string(dims[i]);
  }
  return text + "]";
}

}  // namespace

std::optional<int64_t> element_count(const Shape& shape) {
  int64_t count = 1;
  bool zero = false;
  for (const int64_t dim : shape) {
    if (dim < 0) return std::nullopt;
    if (dim == 0) zero = true;
  }
  if (zero) return 0;
  for (const int64_t dim : shape) {
    const auto product = checked_mul(count, dim);
    if (!product) return std::nullopt;
    count = *product;
  }
  return count;
}

int64_t element_count_of(const Shape& shape) { return element_count(shape).value_or(0); }

std::string to_string(const Shape& shape) { return join(shape); }
std::string to_string(const PartialShape& shape) { return shape.has_rank() ? join(shape.dims()) : "[...]"; }

bool PartialShape::fully_known() const {
  return known_rank_ && std::none_of(dims_.begin(), dims_.end(), [](int64_t d) { return d == kUnknownDim; });
}

std::optional<Shape> PartialShape::known() const {
  if (!fully_known()) return std::nullopt;
  return dims_;
}

std::optional<int64_t> PartialShape::elements() const {
  if (!fully_known()) return std::nullopt;
  return element_count(dims_);
}

Result<PartialShape> merge(const PartialShape& a, const PartialShape& b) {
  if (!a.has_rank()) return b;
  if (!b.has_rank()) return a;
  if (!compatible(a, b)) {
    return fail(ErrorCode::kInvalidModel, "shapes " + to_string(a) + " and " + to_string(b) + " contradict each other");
  }
  PartialShape result = a;
  for (int64_t i = 0; i < a.rank(); ++i)
    if (result[i] == kUnknownDim) result[i] = b[i];
  return result;
}

PartialShape common(const PartialShape& a, const PartialShape& b) {
  if (!a.has_rank() || !b.has_rank() || a.rank() != b.rank()) return PartialShape::unknown();
  PartialShape result = a;
  for (int64_t i = 0; i < a.rank(); ++i)
    if (a[i] != b[i]) result[i] = kUnknownDim;
  return result;
}

bool compatible(const PartialShape& a, const PartialShape& b) {
  if (!a.has_rank() || !b.has_rank()) return true;
  if (a.rank() != b.rank()) return false;
  for (int64_t i = 0; i < a.rank(); ++i)
    if (a[i] != kUnknownDim && b[i] != kUnknownDim && a[i] != b[i]) return false;
  return true;
}

Result<PartialShape> broadcast(const PartialShape& a, const PartialShape& b) {
  if (!a.has_rank() || !b.has_rank()) return PartialShape::unknown();
  const int64_t rank = std::max(a.rank(), b.rank());
  PartialShape result = PartialShape::of_rank(rank);
  for (int64_t i = 0; i < rank; ++i) {
    const int64_t ai = i - (rank - a.rank()), bi = i - (rank - b.rank());
    const int64_t x = ai < 0 ? 1 : a[ai], y = bi < 0 ? 1 : b[bi];
    if (x == 1) {
      result[i] = y;
    } else if (y == 1 || x == y) {
      result[i] = x;
    } else if (x == kUnknownDim) {
      result[i] = y;
    } else if (y == kUnknownDim) {
      result[i] = x;
    } else {
      return fail(ErrorCode::kInvalidModel, "shapes " + to_string(a) + " and " + to_string(b) + " cannot be broadcast together");
    }
  }
  return result;
}

Result<Shape> broadcast(const Shape& a, const Shape& b) { return TRY(broadcast(PartialShape(a), PartialShape(b))).dims(); }

Result<int64_t> resolve_axis(int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank) {
    return fail(ErrorCode::kInvalidModel, "axis " + std::to_string(axis) + " lies outside a tensor of rank " + std::to_string(rank));
  }
  return axis < 0 ? axis + rank : axis;
}

}  // namespace isomer
