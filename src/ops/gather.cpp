// Ops that pick elements by index, and those that put numbered pieces together.
#include "ops/gather.h"

#include "ops/elements.h"
#include "ops/indices.h"
#include "ops/partial_value.h"

namespace isomer::ops {

using namespace ir;

namespace {

Result<void> check_indices(InferContext& c, int64_t i) {
  if (!is_integer(c.input_type(i).dtype)) return dtype_error(c.op(), c.input_type(i).dtype);
  return {};
}

// --- Gather, GatherV2

// Replaces dimension `axis` of params by the dimensions of indices behind the batch.
PartialShape gathered_shape(const PartialShape& params, const PartialShape& indices, int64_t axis, int64_t batch_dims) {
  std::vector<int64_t> dims(params.dims().begin(), params.dims().begin() + axis);
  dims.insert(dims.end(), indices.dims().begin() + batch_dims, indices.dims().end());
  dims.insert(dims.end(), params.dims().begin() + axis + 1, params.dims().end());
  return PartialShape(std::move(dims));
}

Result<int64_t> resolve_batch_dims(int64_t batch_dims, int64_t axis, const PartialShape& params, const PartialShape& indices) {
  if (batch_dims < -indices.rank() || batch_dims > indices.rank())
    return input_error("batch_dims " + std::to_string(batch_dims) + " exceeds the rank of the indices");
  const int64_t resolved = batch_dims < 0 ? batch_dims + indices.rank() : batch_dims;
  if (resolved > axis) return input_error("batch_dims " + std::to_string(resolved) + " lies behind the axis " + std::to_string(axis));
  for (int64_t d = 0; d < resolved; ++d) TRY(same_dim(params[d], indices[d], "the batch dimensions of params and indices"));
  return resolved;
}

Result<void> infer_gather(InferContext& c) {
  TRY(check_indices(c, 1));
  const bool v2 = c.input_count() == 3;
  const PartialShape params = TRY(shape_of_rank_at_least(c, 0, 1)), &indices = c.shape(1);
  if (!params.has_rank() || !indices.has_rank()) return {};
  const auto axis = v2 ? scalar_from_input(c, 2) : 0;
  const int64_t given_batch = v2 ? c.as<GatherV2Attributes>().batch_dims : 0;
  if (!axis) {
    const int64_t batch = given_batch < 0 ? given_batch + indices.rank() : given_batch;
    if (batch >= 0 && batch <= indices.rank()) c.set_shape(0, PartialShape::of_rank(params.rank() - 1 + indices.rank() - batch));
    return {};
  }
  const int64_t at = TRY(resolve_axis(*axis, params.rank()));
  c.set_shape(0, gathered_shape(params, indices, at, TRY(resolve_batch_dims(given_batch, at, params, indices))));
  return {};
}

Result<Outputs> reference_gather(EvalContext& c, Inputs inputs) {
  const Tensor &params = *TRY(tensor_input(c, inputs, 0)), &indices = *TRY(tensor_input(c, inputs, 1));
  const bool v2 = inputs.size() == 3;
  const int64_t axis = TRY(resolve_axis(v2 ? TRY(scalar_int(*TRY(tensor_input(c, inputs, 2)), "the axis")) : 0, params.rank()));
  const PartialShape params_shape(params.shape()), indices_shape(indices.shape());
  const int64_t batch_dims = TRY(resolve_batch_dims(v2 ? c.as<GatherV2Attributes>().batch_dims : 0, axis, params_shape, indices_shape));
  const Shape &from = params.shape(), &at = indices.shape();
  // params as [batch, outer, size, inner], indices as [batch, picks]
  const int64_t batch = product(from, 0, batch_dims), outer = product(from, batch_dims, axis), size = from[static_cast<size_t>(axis)];
  const int64_t inner = product(from, axis + 1, params.rank()), picks = product(at, batch_dims, indices.rank());
  ElementWriter y = TRY(ElementWriter::create(c, params.dtype(), gathered_shape(params_shape, indices_shape, axis, batch_dims).dims()));
  const auto numbers = indices.to_int64s();
  for (const int64_t number : numbers) {
    if (number < 0 || number >= size) return input_error("index " + std::to_string(number) + " lies outside of a dimension of size " + std::to_string(size));
  }
  if (y.elements() == 0) return one(TRY(std::move(y).finish()));
  int64_t to = 0;
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t p = 0; p < picks; ++p, to += inner) {
        y.copy(params, ((b * outer + o) * size + numbers[static_cast<size_t>(b * picks + p)]) * inner, to, inner);
      }
    }
  }
  return one(TRY(std::move(y).finish()));
}

// --- GatherNd

Result<void> infer_gather_nd(InferContext& c) {
  TRY(check_indices(c, 1));
  TRY(ignores_bad_indices(c.as<BadIndicesAttributes>()));
  const PartialShape& params = c.shape(0);
  const PartialShape indices = TRY(shape_of_rank_at_least(c, 1, 1));
  if (!params.has_rank() || !indices.has_rank() || indices[indices.rank() - 1] == kUnknownDim) return {};
  const int64_t depth = indices[indices.rank() - 1];
  if (depth > params.rank()) return input_error("indices of length " + std::to_string(depth) + " are too long for params of shape " + to_string(params));
  std::vector<int64_t> dims(indices.dims().begin(), indices.dims().end() - 1);
  dims.insert(dims.end(), params.dims().begin() + depth, params.dims().end());
  c.set_shape(0, PartialShape(std::move(dims)));
  return {};
}
Result<Outputs> reference_gather_nd(EvalContext& c, Inputs inputs) {
  const Tensor &params = *TRY(tensor_input(c, inputs, 0)), &indices = *TRY(tensor_input(c, inputs, 1));
  const auto rows = TRY(resolve_indices(indices, params.shape(), TRY(ignores_bad_indices(c.as<BadIndicesAttributes>()))));
  Shape shape(indices.shape().begin(), indices.shape().end() - 1);
  shape.insert(shape.end(), rows.slice.begin(), rows.slice.end());
  ElementWriter y = TRY(ElementWriter::create(c, params.dtype(), std::move(shape)));
  int64_t to = 0;
  for (const int64_t row : rows.numbers) {
    if (row >= 0) y.copy(params, row * rows.slice_elements, to, rows.slice_elements);
    to += rows.slice_elements;
  }
  return one(TRY(std::move(y).finish()));
}

// --- OneHot

Result<void> infer_one_hot(InferContext& c) {
  TRY(check_indices(c, 0));
  for (int64_t i = 1; i < 4; ++i) TRY(shape_of_rank(c, i, 0));
  const auto depth = scalar_from_input(c, 1);
  if (depth && *depth < 0) return input_error("the depth of OneHot may not be negative, found " + std::to_string(*depth));
  if (!c.shape(0).has_rank()) return {};
  std::vector<int64_t> dims = c.shape(0).dims();
  dims.insert(dims.begin() + TRY(resolve_axis(c.as<OneHotAttributes>().axis, c.shape(0).rank() + 1)), depth.value_or(kUnknownDim));
  c.set_shape(0, PartialShape(std::move(dims)));
  return {};
}
Result<Outputs> reference_one_hot(EvalContext& c, Inputs inputs) {
  const Tensor& indices = *TRY(tensor_input(c, inputs, 0));
  const int64_t depth = TRY(scalar_int(*TRY(tensor_input(c, inputs, 1)), "the depth"));
  const Tensor &on = *TRY(tensor_input(c, inputs, 2)), &off = *TRY(tensor_input(c, inputs, 3));
  if (depth < 0 || on.elements() != 1 || off.elements() != 1) return input_error("OneHot needs a depth, an on and an off value, all scalars");
  const int64_t axis = TRY(resolve_axis(c.as<OneHotAttributes>().axis, indices.rank() + 1));
  Shape shape = indices.shape();
  shape.insert(shape.begin() + axis, depth);
  ElementWriter y = TRY(ElementWriter::create(c, on.dtype(), std::move(shape)));
  y.fill(off);
  const int64_t inner = product(indices.shape(), axis, indices.rank());
  const auto numbers = indices.to_int64s();
  for (int64_t i = 0; i < indices.elements(); ++i) {
    const int64_t number = numbers[static_cast<size_t>(i)];
    if (number >= 0 && number < depth) y.copy(on, 0, (i / inner * depth + number) * inner + i % inner, 1);
  }
  return one(TRY(std::move(y).finish()));
}

// --- Where

Result<void> infer_where(InferContext& c) {
  const TypeClass type = type_class(c.input_type(0).dtype);
  if (type == TypeClass::kString || type == TypeClass::kOther) return dtype_error(c.op(), c.input_type(0).dtype);
  c.set_shape(0, PartialShape{kUnknownDim, c.shape(0).has_rank() ? c.shape(0).rank() : kUnknownDim});
  return {};
}
Result<Outputs> reference_where(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  std::vector<int64_t> found;  // offsets of elements that are not zero
  for_blocks(x.elements(), [&](int64_t first, int64_t count) {
    std::vector<Complex> values(static_cast<size_t>(count));
    load_complex(x, first, values);
    for (int64_t i = 0; i < count; ++i)
      if (values[static_cast<size_t>(i)] != Complex(0)) found.push_back(first + i);
  });
  MutableTensor y = TRY(c.allocate(DType::kInt64, {static_cast<int64_t>(found.size()), x.rank()}));
  const std::vector<int64_t> strides = strides_of(x.shape());
  int64_t* to = y.as<int64_t>();
  for (int64_t offset : found) {
    for (const int64_t stride : strides) {
      *to++ = offset / stride;
      offset %= stride;
    }
  }
  return one(std::move(y));
}

// --- DynamicPartition, DynamicStitch

Result<void> infer_dynamic_partition(InferContext& c) {
  if (c.output_count() < 1) return input_error("DynamicPartition needs one partition or more");
  const PartialShape &data = c.shape(0), &partitions = c.shape(1);
  if (!data.has_rank() || !partitions.has_rank()) return {};
  if (data.rank() < partitions.rank()) return input_error("the shape of partitions must begin that of data");
  for (int64_t d = 0; d < partitions.rank(); ++d) TRY(same_dim(data[d], partitions[d], "the dimensions of data and partitions"));
  std::vector<int64_t> dims{kUnknownDim};
  dims.insert(dims.end(), data.dims().begin() + partitions.rank(), data.dims().end());
  for (int64_t i = 0; i < c.output_count(); ++i) c.set_shape(i, PartialShape(dims));
  return {};
}
Result<Outputs> reference_dynamic_partition(EvalContext& c, Inputs inputs) {
  const Tensor &data = *TRY(tensor_input(c, inputs, 0)), &partitions = *TRY(tensor_input(c, inputs, 1));
  if (data.rank() < partitions.rank() || !std::equal(partitions.shape().begin(), partitions.shape().end(), data.shape().begin())) {
    return input_error("the shape of partitions must begin that of data, found " + type_text(partitions) + " and " + type_text(data));
  }
  std::vector<std::vector<int64_t>> members(static_cast<size_t>(c.output_count()));
  const auto numbers = partitions.to_int64s();
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] < 0 || numbers[i] >= c.output_count()) {
      return input_error("partition " + std::to_string(numbers[i]) + " of " + std::to_string(c.output_count()) + " does not exist");
    }
    members[static_cast<size_t>(numbers[i])].push_back(static_cast<int64_t>(i));
  }
  const int64_t inner = product(data.shape(), partitions.rank(), data.rank());
  Outputs parts;
  for (const auto& rows : members) {
    Shape shape{static_cast<int64_t>(rows.size())};
    shape.insert(shape.end(), data.shape().begin() + partitions.rank(), data.shape().end());
    ElementWriter y = TRY(ElementWriter::create(c, data.dtype(), std::move(shape)));
    for (size_t i = 0; i < rows.size(); ++i) y.copy(data, rows[i] * inner, static_cast<int64_t>(i) * inner, inner);
    parts.push_back(TRY(std::move(y).finish()));
  }
  return parts;
}

// The dimensions of data behind those of its indices.
Result<PartialShape> stitched_slice(const PartialShape& indices, const PartialShape& data) {
  if (!indices.has_rank() || !data.has_rank()) return PartialShape::unknown();
  if (data.rank() < indices.rank()) return input_error("the shape of indices must begin that of data");
  for (int64_t d = 0; d < indices.rank(); ++d) TRY(same_dim(data[d], indices[d], "the dimensions of data and indices"));
  return PartialShape(std::vector<int64_t>(data.dims().begin() + indices.rank(), data.dims().end()));
}

Result<void> infer_dynamic_stitch(InferContext& c) {
  const int64_t count = c.input_count() / 2;
  if (count == 0) return input_error("there is nothing to stitch");
  PartialShape slice;
  int64_t size = 0;  // one more than the largest index, when all are known
  for (int64_t i = 0; i < count; ++i) {
    slice = TRY(merge(slice, TRY(stitched_slice(c.shape(i), c.shape(i + count)))));
    const auto indices = elements_from_input(c, i);
    if (!indices) size = kUnknownDim;
    if (indices && size != kUnknownDim)
      for (const int64_t index : *indices) size = std::max(size, add_dims(index, 1));
  }
  if (!slice.has_rank()) return {};
  std::vector<int64_t> dims = slice.dims();
  dims.insert(dims.begin(), size);
  c.set_shape(0, PartialShape(std::move(dims)));
  return {};
}
Result<Outputs> reference_dynamic_stitch(EvalContext& c, Inputs inputs) {
  const auto count = static_cast<int64_t>(inputs.size()) / 2;
  if (count == 0) return input_error("there is nothing to stitch");
  const auto indices = TRY(tensor_inputs(c, inputs, 0, count)), data = TRY(tensor_inputs(c, inputs, count, count));
  PartialShape slice;
  int64_t size = 0;
  for (size_t i = 0; i < indices.size(); ++i) {
    slice = TRY(merge(slice, TRY(stitched_slice(PartialShape(indices[i]->shape()), PartialShape(data[i]->shape())))));
    for (const int64_t index : indices[i]->to_int64s()) {
      if (index < 0) return input_error("index " + std::to_string(index) + " may not be negative");
      size = std::max(size, index + 1);
    }
  }
  Shape shape{size};
  shape.insert(shape.end(), slice.dims().begin(), slice.dims().end());
  const int64_t inner = element_count_of(slice.dims());
  ElementWriter y = TRY(ElementWriter::create(c, data[0]->dtype(), std::move(shape)));
  for (size_t i = 0; i < indices.size(); ++i) {
    const auto numbers = indices[i]->to_int64s();
    for (size_t k = 0; k < numbers.size(); ++k) y.copy(*data[i], static_cast<int64_t>(k) * inner, numbers[k] * inner, inner);
  }
  return one(TRY(std::move(y).finish()));
}

}  // namespace

constinit const OpDef kOp_Gather = {
    .name = "Gather",
    .signature = "params: Tparams, indices: Tindices -> output: Tparams",
    .make_attributes = &make_attributes<ValidateIndicesAttributes>,
    .infer = infer_gather,
    .reference = reference_gather,
    .doc = "The slices of `params` along its first dimension that the indices name, in the shape of the indices.",
};

constinit const OpDef kOp_GatherV2 = {
    .name = "GatherV2",
    .signature = "params: Tparams, indices: Tindices, axis: Taxis -> output: Tparams",
    .make_attributes = &make_attributes<GatherV2Attributes>,
    .infer = infer_gather,
    .reference = reference_gather,
    .doc = "The slices of `params` along `axis` that the indices name; the first `batch_dims` dimensions are gone through together.",
};

constinit const OpDef kOp_GatherNd = {
    .name = "GatherNd",
    .signature = "params: Tparams, indices: Tindices -> output: Tparams",
    .make_attributes = &make_attributes<BadIndicesAttributes>,
    .infer = infer_gather_nd,
    .reference = reference_gather_nd,
    .doc = "The elements or slices of `params` that the rows of `indices` name: a row holds an index for each of the first dimensions.",
};

constinit const OpDef kOp_OneHot = {
    .name = "OneHot",
    .signature = "indices: TI, depth: int32, on_value: T, off_value: T -> output: T",
    .make_attributes = &make_attributes<OneHotAttributes>,
    .infer = infer_one_hot,
    .reference = reference_one_hot,
    .doc = "A new dimension of size `depth` at `axis` that is on_value at the index and off_value elsewhere; an index outside of it is off everywhere.",
};

constinit const OpDef kOp_Where = {
    .name = "Where",
    .signature = "input: T -> index: int64",
    .infer = infer_where,
    .reference = reference_where,
    .doc = "The coordinates of all elements that are true or not zero, one row for each, in C order.",
};

constinit const OpDef kOp_DynamicPartition = {
    .name = "DynamicPartition",
    .signature = "data: T, partitions: int32 -> outputs: num_partitions * T",
    .make_attributes = &make_attributes<DynamicPartitionAttributes>,
    .infer = infer_dynamic_partition,
    .reference = reference_dynamic_partition,
    .doc = "The slices of `data` sorted into `num_partitions` tensors by their number in `partitions`, order kept.",
};

#define STITCH_OP(Name)                                                                                                                                       \
  constinit const OpDef kOp_##Name = {                                                                                                                        \
      .name = #Name,                                                                                                                                          \
      .signature = "indices: N * int32, data: N * T -> merged: T",                                                                                            \
      .infer = infer_dynamic_stitch,                                                                                                                          \
      .reference = reference_dynamic_stitch,                                                                                                                  \
      .doc =                                                                                                                                                  \
          "Slices put at their indices: merged[indices[m][i]] = data[m][i]; where an index repeats, the last one wins. Slices that no index names are zero.", \
  };

STITCH_OP(DynamicStitch)
STITCH_OP(ParallelDynamicStitch)

}  // namespace isomer::ops
