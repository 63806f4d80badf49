// Ragged tensors: ranges, gathers, and their dense form.
#include "ops/ragged.h"

#include <cmath>

#include "ops/elements.h"
#include "ops/partial_value.h"

namespace isomer::ops {

using namespace ir;

Result<std::vector<int64_t>> row_splits(const Tensor& tensor, int64_t values) {
  auto splits = TRY(int_vector(tensor, "the row splits"));
  const bool ends = !splits.empty() && splits.front() == 0 && splits.back() == values;
  if (tensor.rank() != 1 || !ends || !std::is_sorted(splits.begin(), splits.end())) {
    return input_error("row splits must ascend from 0 to " + std::to_string(values) + ", the number of values");
  }
  return splits;
}

namespace {

Result<Tensor> splits_tensor(EvalContext& c, DType dtype, const std::vector<int64_t>& splits) {
  MutableTensor result = TRY(c.allocate(dtype, {static_cast<int64_t>(splits.size())}));
  store_int64s(result, 0, splits);
  return std::move(result).finish();
}

// --- RaggedRange

Result<void> infer_ragged_range(InferContext& c) {
  int64_t rows = kUnknownDim;
  bool scalars = true;
  for (int64_t i = 0; i < 3; ++i) {
    const PartialShape& shape = c.shape(i);
    if (shape.has_rank() && shape.rank() > 1) return input_error("starts, limits and deltas must be scalars or vectors, found shape " + to_string(shape));
    scalars = scalars && shape.has_rank() && shape.rank() == 0;
    if (shape.has_rank() && shape.rank() == 1) rows = TRY(same_dim(rows, shape[0], "the lengths of starts, limits and deltas"));
  }
  c.set_shape(0, PartialShape{scalars ? 2 : add_dims(rows, 1)});
  c.set_shape(1, PartialShape{kUnknownDim});
  return {};
}

Result<int64_t> range_length(double start, double limit, double delta) {
  if (delta == 0) return input_error("a range has a step of 0");
  if (delta > 0 ? start >= limit : start <= limit) return 0;
  const double count = std::ceil(std::fabs((limit - start) / delta));
  if (!(count < 9e18)) return input_error("a range has too many elements");
  return static_cast<int64_t>(count);
}
Result<int64_t> range_length(int64_t start, int64_t limit, int64_t delta) {
  if (delta == 0) return input_error("a range has a step of 0");
  if (delta > 0 ? start >= limit : start <= limit) return 0;
  const auto distance = delta > 0 ? static_cast<uint64_t>(limit) - static_cast<uint64_t>(start) : static_cast<uint64_t>(start) - static_cast<uint64_t>(limit);
  const auto step = delta > 0 ? static_cast<uint64_t>(delta) : 0 - static_cast<uint64_t>(delta);
  const uint64_t count = distance / step + (distance % step != 0);
  if (count > static_cast<uint64_t>(INT64_MAX)) return input_error("a range has too many elements");
  return static_cast<int64_t>(count);
}
double range_element(double start, double delta, int64_t i) { return start + static_cast<double>(i) * delta; }
int64_t range_element(int64_t start, int64_t delta, int64_t i) {
  return static_cast<int64_t>(static_cast<uint64_t>(start) + static_cast<uint64_t>(i) * static_cast<uint64_t>(delta));
}

template <class T>
Result<Outputs> ragged_range(EvalContext& c, const std::vector<const Tensor*>& operands, int64_t rows) {
  std::vector<T> values[3];
  for (size_t i = 0; i < 3; ++i) values[i] = load_all<T>(*operands[i]);
  const auto of = [&](size_t operand, int64_t row) { return values[operand][operands[operand]->rank() == 0 ? 0 : static_cast<size_t>(row)]; };
  std::vector<int64_t> splits{0};
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t total = add_dims(splits.back(), TRY(range_length(of(0, r), of(1, r), of(2, r))));
    if (total == kUnknownDim) return input_error("the ranges have too many elements");
    splits.push_back(total);
  }
  MutableTensor y = TRY(c.allocate(operands[0]->dtype(), {splits.back()}));
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t begin = splits[static_cast<size_t>(r)], count = splits[static_cast<size_t>(r + 1)] - begin;
    for_blocks(count, [&](int64_t first, int64_t n) {
      std::vector<T> block;
      for (int64_t i = first; i < first + n; ++i) block.push_back(range_element(of(0, r), of(2, r), i));
      store(y, begin + first, std::span<const T>(block));
    });
  }
  return Outputs{TRY(splits_tensor(c, c.output_dtype(0), splits)), std::move(y).finish()};
}

Result<Outputs> reference_ragged_range(EvalContext& c, Inputs inputs) {
  const auto operands = TRY(tensor_inputs(c, inputs, 0, 3));
  int64_t rows = -1;
  for (const Tensor* operand : operands) {
    if (operand->rank() > 1) return input_error("starts, limits and deltas must be scalars or vectors, found " + type_text(*operand));
    if (operand->rank() == 0) continue;
    if (rows >= 0 && operand->elements() != rows) return input_error("starts, limits and deltas differ in length");
    rows = operand->elements();
  }
  if (rows < 0) rows = 1;
  if (is_float(operands[0]->dtype())) return ragged_range<double>(c, operands, rows);
  if (is_integer(operands[0]->dtype())) return ragged_range<int64_t>(c, operands, rows);
  return dtype_error(c, operands[0]->dtype());
}

// --- RaggedGather

Result<void> infer_ragged_gather(InferContext& c) {
  const int64_t ragged = c.input_count() - 2;
  if (ragged < 1) return input_error("RaggedGather needs row splits");
  const PartialShape values = TRY(shape_of_rank_at_least(c, ragged, 1)), &indices = c.shape(ragged + 1);
  if (indices.has_rank() && indices.rank() + ragged - 1 != c.output_count() - 1) {
    return input_error("indices of rank " + std::to_string(indices.rank()) + " give " + std::to_string(indices.rank() + ragged - 1) +
                       " row splits, not OUTPUT_RAGGED_RANK = " + std::to_string(c.output_count() - 1));
  }
  for (int64_t i = 0; i + 1 < c.output_count(); ++i) c.set_shape(i, PartialShape{kUnknownDim});
  if (!values.has_rank()) return {};
  PartialShape gathered = values;
  gathered[0] = kUnknownDim;
  c.set_shape(c.output_count() - 1, std::move(gathered));
  return {};
}

// The uniform dimensions of the indices as row splits: all but the last one.
Result<void> add_uniform_splits(EvalContext& c, const Shape& indices, DType dtype, Outputs& results) {
  int64_t rows = 1;
  for (size_t d = 0; d + 1 < indices.size(); ++d) {
    rows = mul_dims(rows, indices[d]);
    TRY(check_elements(c, {add_dims(rows, 1)}));
    std::vector<int64_t> splits{0};
    for (int64_t r = 0; r < rows; ++r) splits.push_back(splits.back() + indices[d + 1]);
    results.push_back(TRY(splits_tensor(c, dtype, splits)));
  }
  return {};
}

Result<Outputs> reference_ragged_gather(EvalContext& c, Inputs inputs) {
  const auto ragged = static_cast<int64_t>(inputs.size()) - 2;
  if (ragged < 1) return input_error("RaggedGather needs row splits");
  const auto given = TRY(tensor_inputs(c, inputs, 0, ragged));
  const Tensor &values = *TRY(tensor_input(c, inputs, ragged)), &indices = *TRY(tensor_input(c, inputs, ragged + 1));
  if (values.rank() < 1 || indices.rank() + ragged - 1 != c.output_count() - 1) return input_error("OUTPUT_RAGGED_RANK does not fit the operands");
  std::vector<std::vector<int64_t>> splits;
  for (int64_t i = 0; i < ragged; ++i) {
    const int64_t count = i + 1 < ragged ? given[static_cast<size_t>(i + 1)]->elements() - 1 : values.shape()[0];
    splits.push_back(TRY(row_splits(*given[static_cast<size_t>(i)], count)));
  }
  Outputs results;
  TRY(add_uniform_splits(c, indices.shape(), given[0]->dtype(), results));
  // Level by level: the rows wanted of this level are the values wanted of the level above.
  std::vector<int64_t> rows = indices.to_int64s();
  for (int64_t level = 0; level < ragged; ++level) {
    const auto& level_splits = splits[static_cast<size_t>(level)];
    std::vector<int64_t> out{0}, below;
    for (const int64_t row : rows) {
      if (row < 0 || row + 1 >= static_cast<int64_t>(level_splits.size())) {
        return input_error("row " + std::to_string(row) + " of " + std::to_string(level_splits.size() - 1) + " does not exist");
      }
      const int64_t begin = level_splits[static_cast<size_t>(row)], end = level_splits[static_cast<size_t>(row + 1)];
      out.push_back(out.back() + (end - begin));
      TRY(check_elements(c, {out.back()}));
      for (int64_t v = begin; v < end; ++v) below.push_back(v);
    }
    if (indices.rank() > 0 || level > 0) results.push_back(TRY(splits_tensor(c, given[0]->dtype(), out)));
    rows = std::move(below);
  }
  Shape shape = values.shape();
  shape[0] = static_cast<int64_t>(rows.size());
  const int64_t inner = product(shape, 1, values.rank());
  ElementWriter y = TRY(ElementWriter::create(c, values.dtype(), std::move(shape)));
  for (size_t i = 0; i < rows.size(); ++i) y.copy(values, rows[i] * inner, static_cast<int64_t>(i) * inner, inner);
  results.push_back(TRY(std::move(y).finish()));
  return results;
}

// --- RaggedTensorToTensor

bool has_first_size(const RaggedTensorToTensorAttributes& a) { return !a.row_partition_types.empty() && a.row_partition_types[0] == "FIRST_DIM_SIZE"; }

Result<void> check_partition_types(const RaggedTensorToTensorAttributes& a, int64_t partitions) {
  const auto& types = a.row_partition_types;
  if (static_cast<int64_t>(types.size()) != partitions || types.empty()) return input_error("row_partition_types must name each partition");
  const bool first_size = has_first_size(a);
  if (first_size && types.size() < 2) return input_error("FIRST_DIM_SIZE must be followed by VALUE_ROWIDS");
  for (size_t i = first_size ? 1 : 0; i < types.size(); ++i) {
    if (types[i] != (first_size ? "VALUE_ROWIDS" : "ROW_SPLITS")) {
      return input_error("row_partition_types must be all ROW_SPLITS, or FIRST_DIM_SIZE and then all VALUE_ROWIDS; found '" + types[i] + "'");
    }
  }
  return {};
}

Result<void> infer_ragged_to_tensor(InferContext& c) {
  const auto& a = c.as<RaggedTensorToTensorAttributes>();
  const int64_t partitions = c.input_count() - 3;
  TRY(check_partition_types(a, partitions));
  const PartialShape values = TRY(shape_of_rank_at_least(c, 1, 1));
  const int64_t ragged = partitions - (has_first_size(a) ? 1 : 0);
  const PartialShape& shape = c.shape(0);
  PartialShape result = shape.has_rank() && shape.rank() == 1 ? TRY(shape_from_input(c, 0)) : PartialShape::unknown();
  if (!values.has_rank()) {
    c.set_shape(0, std::move(result));
    return {};
  }
  PartialShape own = PartialShape::of_rank(ragged + values.rank());
  for (int64_t d = 1; d < values.rank(); ++d) own[ragged + d] = values[d];
  c.set_shape(0, TRY(merge(result, own)));
  return {};
}

// The rows of each ragged level as row splits. Level 0 has as many rows as the first partition says.
Result<std::vector<std::vector<int64_t>>> splits_of_partitions(EvalContext& c, const RaggedTensorToTensorAttributes& a,
                                                               const std::vector<const Tensor*>& partitions, int64_t values) {
  std::vector<std::vector<int64_t>> levels;
  if (!has_first_size(a)) {
    for (size_t i = 0; i < partitions.size(); ++i) {
      levels.push_back(TRY(row_splits(*partitions[i], i + 1 < partitions.size() ? partitions[i + 1]->elements() - 1 : values)));
    }
    return levels;
  }
  int64_t rows = TRY(scalar_int(*partitions[0], "the number of rows"));
  for (size_t i = 1; i < partitions.size(); ++i) {
    const auto owners = TRY(int_vector(*partitions[i], "the row numbers of the values"));
    // Rows without values cost no bytes of input.
    if (rows < 0 || rows >= c.limits().tensor_bytes / 8) return fail(ErrorCode::kLimitExceeded, "a ragged tensor of " + std::to_string(rows) + " rows");
    std::vector<int64_t> splits(static_cast<size_t>(rows) + 1, 0);
    for (size_t v = 0; v < owners.size(); ++v) {
      if (owners[v] < 0 || owners[v] >= rows || (v > 0 && owners[v] < owners[v - 1])) {
        return input_error("row numbers must ascend from 0 and stay below " + std::to_string(rows) + ", found " + std::to_string(owners[v]));
      }
      ++splits[static_cast<size_t>(owners[v]) + 1];
    }
    for (size_t r = 1; r < splits.size(); ++r) splits[r] += splits[r - 1];
    levels.push_back(std::move(splits));
    rows = static_cast<int64_t>(owners.size());
  }
  if (rows != values) return input_error("there must be one row number for each value, found " + std::to_string(rows) + " for " + std::to_string(values));
  return levels;
}

Result<Outputs> reference_ragged_to_tensor(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<RaggedTensorToTensorAttributes>();
  const Tensor &wanted = *TRY(tensor_input(c, inputs, 0)), &values = *TRY(tensor_input(c, inputs, 1)), &rest = *TRY(tensor_input(c, inputs, 2));
  const auto partitions = TRY(tensor_inputs(c, inputs, 3));
  TRY(check_partition_types(a, static_cast<int64_t>(partitions.size())));
  if (values.rank() < 1) return input_error("the values of a ragged tensor cannot be a scalar");
  const auto levels = TRY(splits_of_partitions(c, a, partitions, values.shape()[0]));
  // The shape: the longest row of each level and the dimensions of the values, where the caller does not say otherwise.
  Shape shape{static_cast<int64_t>(levels[0].size()) - 1};
  for (const auto& splits : levels) {
    int64_t width = 0;
    for (size_t r = 0; r + 1 < splits.size(); ++r) width = std::max(width, splits[r + 1] - splits[r]);
    shape.push_back(width);
  }
  const auto ragged = levels.size();
  shape.insert(shape.end(), values.shape().begin() + 1, values.shape().end());
  if (wanted.rank() > 0) {
    const auto sizes = TRY(int_vector(wanted, "the shape"));
    if (sizes.size() != shape.size())
      return input_error("the shape must have " + std::to_string(shape.size()) + " sizes, found " + std::to_string(sizes.size()));
    for (size_t d = 0; d < sizes.size(); ++d) {
      if (sizes[d] < -1 || (d > ragged && sizes[d] >= 0 && sizes[d] != shape[d])) return input_error("the shape does not fit values " + type_text(values));
      if (sizes[d] >= 0) shape[d] = sizes[d];
    }
  }
  ElementWriter y = TRY(ElementWriter::create(c, values.dtype(), shape));
  const Shape inner(values.shape().begin() + 1, values.shape().end());
  if (TRY(broadcast(rest.shape(), inner)) != inner) return input_error("default_value " + type_text(rest) + " does not fit values " + type_text(values));
  if (y.elements() == 0) return one(TRY(std::move(y).finish()));
  y.copy(rest, {0, broadcast_strides(rest.shape(), shape)}, {0, strides_of(shape)}, shape);
  // For the rows of each level, then for the values: the place in the result, or -1 where it has none.
  std::vector<int64_t> places(levels[0].size() - 1);
  for (size_t r = 0; r < places.size(); ++r) places[r] = static_cast<int64_t>(r) < shape[0] ? static_cast<int64_t>(r) : -1;
  for (size_t level = 0; level < ragged; ++level) {
    std::vector<int64_t> below;
    const int64_t width = shape[level + 1];
    for (size_t r = 0; r < places.size(); ++r) {
      for (int64_t i = 0; i < levels[level][r + 1] - levels[level][r]; ++i) below.push_back(places[r] < 0 || i >= width ? -1 : places[r] * width + i);
    }
    places = std::move(below);
  }
  const int64_t slice = element_count_of(inner);
  for (size_t v = 0; v < places.size(); ++v)
    if (places[v] >= 0) y.copy(values, static_cast<int64_t>(v) * slice, places[v] * slice, slice);
  return one(TRY(std::move(y).finish()));
}

}  // namespace

constinit const OpDef kOp_RaggedRange = {
    .name = "RaggedRange",
    .signature = "starts: T, limits: T, deltas: T -> rt_nested_splits: Tsplits, rt_dense_values: T",
    .make_attributes = &make_attributes<RaggedRangeAttributes>,
    .infer = infer_ragged_range,
    .reference = reference_ragged_range,
    .doc = "A ragged tensor whose row i is the range from starts[i] to limits[i] in steps of deltas[i]; scalars hold for every row.",
};

constinit const OpDef kOp_RaggedGather = {
    .name = "RaggedGather",
    .signature =
        "params_nested_splits: PARAMS_RAGGED_RANK * Tsplits, params_dense_values: Tvalues, indices: Tindices -> output_nested_splits: "
        "OUTPUT_RAGGED_RANK * Tsplits, output_dense_values: Tvalues",
    .make_attributes = &make_attributes<RaggedGatherAttributes>,
    .infer = infer_ragged_gather,
    .reference = reference_ragged_gather,
    .doc = "The rows of a ragged tensor that the indices name, as a ragged tensor with the dimensions of the indices in front.",
};

constinit const OpDef kOp_RaggedTensorToTensor = {
    .name = "RaggedTensorToTensor",
    .signature = "shape: Tshape, values: T, default_value: T, row_partition_tensors: num_row_partition_tensors * Tindex -> result: T",
    .make_attributes = &make_attributes<RaggedTensorToTensorAttributes>,
    .infer = infer_ragged_to_tensor,
    .reference = reference_ragged_to_tensor,
    .doc = "A ragged tensor as a dense one: rows are cut or filled up with default_value to the sizes of `shape`, or to the longest row where a size is -1.",
};

// --- RaggedTensorToSparse

namespace {

Result<void> infer_ragged_to_sparse(InferContext& c) {
  const int64_t ragged = c.input_count() - 1;
  if (ragged < 1) return input_error("RaggedTensorToSparse needs row splits");
  const PartialShape values = TRY(shape_of_rank_at_least(c, ragged, 1));
  const int64_t rank = values.has_rank() ? ragged + values.rank() : kUnknownDim;
  c.set_shape(0, PartialShape{kUnknownDim, rank});
  c.set_shape(1, PartialShape{kUnknownDim});
  c.set_shape(2, PartialShape{rank});
  return {};
}

Result<Outputs> reference_ragged_to_sparse(EvalContext& c, Inputs inputs) {
  const auto ragged = static_cast<int64_t>(inputs.size()) - 1;
  if (ragged < 1) return input_error("RaggedTensorToSparse needs row splits");
  const auto given = TRY(tensor_inputs(c, inputs, 0, ragged));
  const Tensor& values = *TRY(tensor_input(c, inputs, ragged));
  if (values.rank() < 1) return input_error("the values of a ragged tensor cannot be a scalar");
  // The place of every element of the level above, then of the values: as many numbers each as there are levels so far.
  Shape shape{given[0]->elements() - 1};
  std::vector<std::vector<int64_t>> places;
  for (int64_t row = 0; row < shape[0]; ++row) places.push_back({row});
  for (int64_t level = 0; level < ragged; ++level) {
    const bool last = level + 1 == ragged;
    const auto splits = TRY(row_splits(*given[static_cast<size_t>(level)], last ? values.shape()[0] : given[static_cast<size_t>(level) + 1]->elements() - 1));
    std::vector<std::vector<int64_t>> below;
    int64_t width = 0;
    for (size_t row = 0; row < places.size(); ++row) {
      width = std::max(width, splits[row + 1] - splits[row]);
      for (int64_t i = 0; i < splits[row + 1] - splits[row]; ++i) {
        below.push_back(places[row]);
        below.back().push_back(i);
      }
    }
    shape.push_back(width);
    places = std::move(below);
  }
  shape.insert(shape.end(), values.shape().begin() + 1, values.shape().end());
  const Shape inner(values.shape().begin() + 1, values.shape().end());
  const auto rank = static_cast<int64_t>(shape.size());
  MutableTensor indices = TRY(c.allocate(DType::kInt64, {values.elements(), rank}));
  int64_t* to = indices.as<int64_t>();
  for (const auto& place : places) {
    for (Odometer at(inner, {}); !at.done(); at.next()) {
      to = std::copy(place.begin(), place.end(), to);
      to = std::copy(at.index().begin(), at.index().end(), to);
    }
  }
  return Outputs{std::move(indices).finish(), values.reshaped({values.elements()}), Tensor::int64s(shape)};
}

}  // namespace

constinit const OpDef kOp_RaggedTensorToSparse = {
    .name = "RaggedTensorToSparse",
    .signature = "rt_nested_splits: RAGGED_RANK * Tsplits, rt_dense_values: T -> sparse_indices: int64, sparse_values: T, sparse_dense_shape: int64",
    .infer = infer_ragged_to_sparse,
    .reference = reference_ragged_to_sparse,
    .doc = "A ragged tensor as a sparse one, as wide as its longest rows.",
};

}  // namespace isomer::ops
