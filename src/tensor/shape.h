// Shapes: fully known (`Shape`) and partly known (`PartialShape`).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/limits.h"

namespace isomer {

// Sizes of all dimensions, outermost first; none is negative. A scalar has rank 0.
using Shape = std::vector<int64_t>;

// Number of elements, or nullopt when it does not fit 64 bits or a dimension is negative.
std::optional<int64_t> element_count(const Shape& shape);
// The same for shapes that are known to be valid (every Tensor's shape is).
int64_t element_count_of(const Shape& shape);
std::string to_string(const Shape& shape);  // "[2,3]"

inline constexpr int64_t kUnknownDim = -1;

// A shape whose rank, or some of whose dimensions, may be unknown. Unknown dimensions are kUnknownDim.
class PartialShape {
 public:
  PartialShape() = default;  // unknown rank
  PartialShape(std::initializer_list<int64_t> dims) : known_rank_(true), dims_(dims) {}
  explicit PartialShape(std::vector<int64_t> dims) : known_rank_(true), dims_(std::move(dims)) {}
  static PartialShape unknown() { return {}; }
  static PartialShape scalar() { return PartialShape(std::vector<int64_t>{}); }
  static PartialShape of_rank(int64_t rank) { return PartialShape(std::vector<int64_t>(static_cast<size_t>(rank), kUnknownDim)); }

  bool has_rank() const { return known_rank_; }
  int64_t rank() const { return static_cast<int64_t>(dims_.size()); }  // requires has_rank()
  int64_t operator[](int64_t i) const { return dims_[static_cast<size_t>(i)]; }
  int64_t& operator[](int64_t i) { return dims_[static_cast<size_t>(i)]; }
  const std::vector<int64_t>& dims() const { return dims_; }
  bool fully_known() const;
  std::optional<Shape> known() const;  // all dimensions, when fully known
  std::optional<int64_t> elements() const;

  bool operator==(const PartialShape&) const = default;

 private:
  bool known_rank_ = false;
  std::vector<int64_t> dims_;
};

std::string to_string(const PartialShape& shape);  // "[?,28,28]", "[...]" for unknown rank

// What both shapes say together; an error when they contradict each other.
Result<PartialShape> merge(const PartialShape& a, const PartialShape& b);
// What both have in common (unknown where they differ): the type after a branch or a loop.
PartialShape common(const PartialShape& a, const PartialShape& b);
// Could a tensor have both shapes?
bool compatible(const PartialShape& a, const PartialShape& b);
// NumPy broadcasting; an error when two known dimensions cannot be broadcast.
Result<PartialShape> broadcast(const PartialShape& a, const PartialShape& b);
Result<Shape> broadcast(const Shape& a, const Shape& b);

// A negative axis counts from the end; an error outside [-rank, rank).
Result<int64_t> resolve_axis(int64_t axis, int64_t rank);

}  // namespace isomer
