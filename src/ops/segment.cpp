// Sums, means and extremes over segments: rows of the data that share a number.
#include "ops/segment.h"

#include <cmath>

#include "ops/combine_rows.h"
#include "ops/elements.h"
#include "ops/partial_value.h"

namespace isomer::ops {

using namespace ir;

namespace {

enum class Finish { kNothing, kMean, kRootMean };  // divide by the number of rows, or by its square root

// What a segment without rows gets.
enum class Empty { kZero, kNeutral };

struct SegmentRule {
  Combine how = Combine::kAdd;
  Finish finish = Finish::kNothing;
  Empty empty = Empty::kZero;
};

// Divides each row of `width` elements by what its count demands.
Result<Tensor> divided(EvalContext& c, const Tensor& sums, const std::vector<int64_t>& counts, int64_t width, Finish finish) {
  MutableTensor result = TRY(c.allocate(sums.dtype(), sums.shape()));
  const auto divide = [&]<class T>(T) {
    std::vector<T> row(static_cast<size_t>(width));
    for (size_t s = 0; s < counts.size(); ++s) {
      const int64_t first = static_cast<int64_t>(s) * width, count = std::max<int64_t>(counts[s], 1);
      load(sums, first, std::span<T>(row));
      for (T& value : row) {
        if constexpr (std::is_same_v<T, int64_t>) {
          value /= count;
        } else {
          value /= finish == Finish::kMean ? static_cast<double>(count) : std::sqrt(static_cast<double>(count));
        }
      }
      store(result, first, std::span<const T>(row));
    }
  };
  switch (type_class(sums.dtype())) {
    case TypeClass::kFloat: divide(double{}); break;
    case TypeClass::kInteger: divide(int64_t{}); break;
    case TypeClass::kComplex: divide(Complex{}); break;
    default: return dtype_error(c, sums.dtype());
  }
  return std::move(result).finish();
}

// Combines row r of `data` into segment numbers[r] of `shape[0]` segments; a negative number skips the row.
Result<Tensor> combine_segments(EvalContext& c, const Tensor& data, const std::vector<int64_t>& numbers, const Shape& shape, const SegmentRule& rule) {
  const int64_t width = product(shape, 1, static_cast<int64_t>(shape.size()));
  if (width == 0) return TRY(c.allocate(data.dtype(), shape)).finish();
  const Tensor zero = TRY(neutral_element(c, data.dtype(), Combine::kAdd));
  const Tensor neutral = TRY(neutral_element(c, data.dtype(), rule.how, rule.empty == Empty::kZero));
  ElementWriter start = TRY(ElementWriter::create(c, data.dtype(), shape));
  start.fill(neutral);
  std::vector<int64_t> counts(static_cast<size_t>(shape[0]), 0);
  for (const int64_t number : numbers)
    if (number >= 0) ++counts[static_cast<size_t>(number)];
  for (size_t s = 0; s < counts.size() && rule.empty == Empty::kZero && rule.how != Combine::kMultiply; ++s)
    if (counts[s] == 0) start.copy(zero, {0, {0}}, {static_cast<int64_t>(s) * width, {1}}, {width});
  const Tensor begin = TRY(std::move(start).finish());
  const Tensor combined = TRY(combine_rows(c, begin, numbers, width, data, rule.how));
  return rule.finish == Finish::kNothing ? combined : TRY(divided(c, combined, counts, width, rule.finish));
}

// Numbers in ascending order, none negative, none at or above `limit`.
Result<void> check_sorted(const std::vector<int64_t>& numbers, int64_t limit) {
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] < (i ? numbers[i - 1] : 0) || numbers[i] >= limit)
      return input_error("segment numbers must ascend from 0, found " + std::to_string(numbers[i]));
  }
  return {};
}

// The shape with its first `leading` dimensions replaced by `count`.
Shape segments_shape(const Shape& data, int64_t leading, int64_t count) {
  Shape shape{count};
  shape.insert(shape.end(), data.begin() + leading, data.end());
  return shape;
}

// --- SegmentSum and its kin

Result<void> infer_segment(InferContext& c) {
  const PartialShape numbers = TRY(shape_of_rank(c, 1, 1));
  PartialShape shape = TRY(shape_of_rank_at_least(c, 0, 1));
  if (!shape.has_rank()) return {};
  TRY(same_dim(shape[0], numbers[0], "the rows of the data and the segment numbers"));
  const auto known = elements_from_input(c, 1);
  shape[0] = !known ? kUnknownDim : known->empty() ? 0 : known->back() < 0 ? kUnknownDim : add_dims(known->back(), 1);
  c.set_shape(0, std::move(shape));
  return {};
}
template <const SegmentRule& rule>
Result<Outputs> reference_segment(EvalContext& c, Inputs inputs) {
  const Tensor &data = *TRY(tensor_input(c, inputs, 0)), &given = *TRY(tensor_input(c, inputs, 1));
  const auto numbers = TRY(int_vector(given, "the segment numbers"));
  if (data.rank() < 1 || given.rank() != 1 || data.shape()[0] != given.elements()) {
    return input_error("there must be one segment number for each row, found " + type_text(data) + " and " + type_text(given));
  }
  TRY(check_sorted(numbers, INT64_MAX));
  const Shape shape = segments_shape(data.shape(), 1, numbers.empty() ? 0 : numbers.back() + 1);
  return one(TRY(combine_segments(c, data, numbers, shape, rule)));
}

// --- UnsortedSegmentSum and its kin

Result<void> infer_unsorted_segment(InferContext& c) {
  const auto count = scalar_from_input(c, 2);
  if (count && *count < 0) return input_error("the number of segments may not be negative, found " + std::to_string(*count));
  const PartialShape &data = c.shape(0), &numbers = c.shape(1);
  if (!data.has_rank() || !numbers.has_rank()) return {};
  if (numbers.rank() > data.rank()) return input_error("the shape of the segment numbers must begin that of the data");
  for (int64_t d = 0; d < numbers.rank(); ++d) TRY(same_dim(data[d], numbers[d], "the dimensions of the data and the segment numbers"));
  c.set_shape(0, PartialShape(segments_shape(data.dims(), numbers.rank(), count.value_or(kUnknownDim))));
  return {};
}
template <const SegmentRule& rule>
Result<Outputs> reference_unsorted_segment(EvalContext& c, Inputs inputs) {
  const Tensor &data = *TRY(tensor_input(c, inputs, 0)), &given = *TRY(tensor_input(c, inputs, 1));
  const int64_t count = TRY(scalar_int(*TRY(tensor_input(c, inputs, 2)), "the number of segments"));
  if (count < 0 || given.rank() > data.rank() || !std::equal(given.shape().begin(), given.shape().end(), data.shape().begin())) {
    return input_error("the shape of the segment numbers must begin that of the data, found " + type_text(given) + " and " + type_text(data));
  }
  const auto numbers = given.to_int64s();
  for (const int64_t number : numbers)
    if (number >= count) return input_error("segment " + std::to_string(number) + " of " + std::to_string(count) + " does not exist");
  return one(TRY(combine_segments(c, data, numbers, segments_shape(data.shape(), given.rank(), count), rule)));
}

// --- SparseSegmentSum and its kin

Result<void> infer_sparse_segment(InferContext& c) {
  PartialShape shape = TRY(shape_of_rank_at_least(c, 0, 1));
  TRY(same_dim(TRY(shape_of_rank(c, 1, 1))[0], TRY(shape_of_rank(c, 2, 1))[0], "the indices and the segment numbers"));
  const auto count = c.input_count() == 4 ? scalar_from_input(c, 3) : std::nullopt;
  if (count && *count < 0) return input_error("the number of segments may not be negative, found " + std::to_string(*count));
  if (!shape.has_rank()) return {};
  shape[0] = count.value_or(kUnknownDim);
  c.set_shape(0, std::move(shape));
  return {};
}
template <const SegmentRule& rule>
Result<Outputs> reference_sparse_segment(EvalContext& c, Inputs inputs) {
  const Tensor& data = *TRY(tensor_input(c, inputs, 0));
  const auto indices = TRY(int_vector(*TRY(tensor_input(c, inputs, 1)), "the indices"));
  const auto numbers = TRY(int_vector(*TRY(tensor_input(c, inputs, 2)), "the segment numbers"));
  if (data.rank() < 1 || indices.size() != numbers.size()) return input_error("there must be one segment number for each index");
  const int64_t count = inputs.size() == 4 ? TRY(scalar_int(*TRY(tensor_input(c, inputs, 3)), "the number of segments")) : INT64_MAX;
  if (count < 0) return input_error("the number of segments may not be negative, found " + std::to_string(count));
  TRY(check_sorted(numbers, count));
  const int64_t width = product(data.shape(), 1, data.rank());
  ElementWriter picked = TRY(ElementWriter::create(c, data.dtype(), segments_shape(data.shape(), 1, static_cast<int64_t>(indices.size()))));
  for (size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] < 0 || indices[i] >= data.shape()[0]) return input_error("row " + std::to_string(indices[i]) + " of " + type_text(data) + " does not exist");
    picked.copy(data, indices[i] * width, static_cast<int64_t>(i) * width, width);
  }
  const Tensor rows = TRY(std::move(picked).finish());
  const int64_t segments = inputs.size() == 4 ? count : numbers.empty() ? 0 : numbers.back() + 1;
  return one(TRY(combine_segments(c, rows, numbers, segments_shape(data.shape(), 1, segments), rule)));
}

}  // namespace

#define SEGMENT_OP(Name, text, ...)                               \
  static constexpr SegmentRule k##Name = {__VA_ARGS__};           \
  constinit const OpDef kOp_##Name = {                            \
      .name = #Name,                                              \
      .signature = "data: T, segment_ids: Tindices -> output: T", \
      .infer = infer_segment,                                     \
      .reference = reference_segment<k##Name>,                    \
      .doc = text,                                                \
  };

SEGMENT_OP(SegmentSum, "The sum of the rows of each segment; numbers ascend, a segment without rows is 0.")
SEGMENT_OP(SegmentMean, "The mean of the rows of each segment; numbers ascend, a segment without rows is 0.", .finish = Finish::kMean)
SEGMENT_OP(SegmentMax, "The largest elements of the rows of each segment; numbers ascend, a segment without rows is 0.", .how = Combine::kMaximum)
SEGMENT_OP(SegmentMin, "The smallest elements of the rows of each segment; numbers ascend, a segment without rows is 0.", .how = Combine::kMinimum)
SEGMENT_OP(SegmentProd, "The product of the rows of each segment; numbers ascend, a segment without rows is 1.", .how = Combine::kMultiply)

#define UNSORTED_SEGMENT_OP(Name, text, combine)                                              \
  static constexpr SegmentRule k##Name = {.how = combine, .empty = Empty::kNeutral};          \
  constinit const OpDef kOp_##Name = {                                                        \
      .name = #Name,                                                                          \
      .signature = "data: T, segment_ids: Tindices, num_segments: Tnumsegments -> output: T", \
      .infer = infer_unsorted_segment,                                                        \
      .reference = reference_unsorted_segment<k##Name>,                                       \
      .doc = text,                                                                            \
  };

UNSORTED_SEGMENT_OP(UnsortedSegmentSum, "The sum of the slices of each segment, 0 where there is none; negative numbers are left out.", Combine::kAdd)
UNSORTED_SEGMENT_OP(UnsortedSegmentProd, "The product of the slices of each segment, 1 where there is none; negative numbers are left out.", Combine::kMultiply)
UNSORTED_SEGMENT_OP(UnsortedSegmentMax, "The largest elements of each segment, the lowest number where there is none; negative numbers are left out.",
                    Combine::kMaximum)
UNSORTED_SEGMENT_OP(UnsortedSegmentMin, "The smallest elements of each segment, the highest number where there is none; negative numbers are left out.",
                    Combine::kMinimum)

#define SPARSE_SEGMENT_OP(Name, extra, text, ending)                                         \
  static constexpr SegmentRule k##Name = {.finish = ending};                                 \
  constinit const OpDef kOp_##Name = {                                                       \
      .name = #Name,                                                                         \
      .signature = "data: T, indices: Tidx, segment_ids: Tsegmentids" extra " -> output: T", \
      .make_attributes = &make_attributes<SparseSegmentAttributes>,                          \
      .infer = infer_sparse_segment,                                                         \
      .reference = reference_sparse_segment<k##Name>,                                        \
      .doc = text,                                                                           \
  };
#define NUM_SEGMENTS ", num_segments: Tnumsegments"

SPARSE_SEGMENT_OP(SparseSegmentSum, "", "The sum of the rows that the indices of each segment name.", Finish::kNothing)
SPARSE_SEGMENT_OP(SparseSegmentMean, "", "The mean of the rows that the indices of each segment name.", Finish::kMean)
SPARSE_SEGMENT_OP(SparseSegmentSqrtN, "", "The sum of the rows that the indices of each segment name, divided by the square root of their number.",
                  Finish::kRootMean)
SPARSE_SEGMENT_OP(SparseSegmentSumWithNumSegments, NUM_SEGMENTS, "As SparseSegmentSum, with the number of segments given.", Finish::kNothing)
SPARSE_SEGMENT_OP(SparseSegmentMeanWithNumSegments, NUM_SEGMENTS, "As SparseSegmentMean, with the number of segments given.", Finish::kMean)
SPARSE_SEGMENT_OP(SparseSegmentSqrtNWithNumSegments, NUM_SEGMENTS, "As SparseSegmentSqrtN, with the number of segments given.", Finish::kRootMean)

}  // namespace isomer::ops
