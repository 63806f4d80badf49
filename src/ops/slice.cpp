// Ops that pick elements by position: slices, reversals and rotations.
//
// A StridedSlice is planned once for inference and kernel alike (plan_strided_slice): its entries are first laid out over the dimensions of the input,
// the ellipsis standing for as many whole dimensions as are left over, then each dimension is clamped to what there is.
#include "ops/slice.h"

#include "ops/elements.h"

namespace isomer::ops {

using namespace ir;

namespace {

// What an op says about a run of one dimension.
std::string span_text(int64_t begin, int64_t size, int64_t dim) {
  return "[" + std::to_string(begin) + ", +" + std::to_string(size) + ") of a dimension of size " + std::to_string(dim);
}

Result<int64_t> slice_size(int64_t dim, int64_t begin, int64_t size) {
  if (begin < 0 || begin > dim || size < -1 || size > dim - begin) return input_error("Slice takes " + span_text(begin, size, dim));
  return size == -1 ? dim - begin : size;
}

Result<void> infer_slice(InferContext& c) {
  const auto begin = partial_elements(c.graph(), c.input(1)), size = partial_elements(c.graph(), c.input(2));
  for (int64_t i = 1; i < 3; ++i) TRY(shape_of_rank(c, i, 1));
  if (!begin || !size) {
    if (c.shape(0).has_rank()) c.set_shape(0, PartialShape::of_rank(c.shape(0).rank()));
    return {};
  }
  if (begin->size() != size->size()) return input_error("begin and size of Slice differ in length");
  const auto rank = static_cast<int64_t>(begin->size());
  const PartialShape input = TRY(shape_of_rank(c, 0, rank));
  PartialShape result = PartialShape::of_rank(rank);
  for (int64_t d = 0; d < rank; ++d) {
    const auto first = (*begin)[static_cast<size_t>(d)], count = (*size)[static_cast<size_t>(d)];
    if (first && count && input[d] != kUnknownDim) {
      result[d] = TRY(slice_size(input[d], *first, *count));
    } else if (count && *count >= 0) {
      result[d] = *count;
    }
  }
  c.set_shape(0, std::move(result));
  return {};
}
Result<Outputs> reference_slice(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const std::vector<int64_t> begin = TRY(int_vector(*TRY(tensor_input(c, inputs, 1)), "begin"));
  const std::vector<int64_t> size = TRY(int_vector(*TRY(tensor_input(c, inputs, 2)), "size"));
  if (begin.size() != x.shape().size() || size.size() != begin.size()) return input_error("begin and size of Slice need one element for each dimension");
  Layout layout{0, strides_of(x.shape())};
  Shape shape(begin.size());
  for (size_t d = 0; d < begin.size(); ++d) {
    shape[d] = TRY(slice_size(x.shape()[d], begin[d], size[d]));
    layout.offset += begin[d] * layout.strides[d];
  }
  return one(TRY(strided_copy(c, x, std::move(shape), layout)));
}

// --- StridedSlice

bool bit(int64_t mask, size_t i) { return i < 63 && (mask >> i & 1) != 0; }

// What the entries say about one dimension of the input.
struct DimensionSlice {
  std::optional<int64_t> begin, end, stride = 1;
  bool whole_begin = true, whole_end = true, shrink = false;
};

// Entries laid out over the input's dimensions, and the dimensions of the result: indices of input dimensions, or kNewAxis.
struct DenseSlice {
  std::vector<DimensionSlice> dimensions;
  std::vector<int64_t> result;
};
constexpr int64_t kNewAxis = -1;

Result<DenseSlice> lay_out(int64_t rank, const PartialElements& begin, const PartialElements& end, const PartialElements& strides,
                           const StridedSliceAttributes& masks) {
  const size_t entries = strides.size();
  size_t ellipsis = entries, after = 0;  // entries behind the ellipsis that take a dimension
  int64_t taken = 0;                     // entries that take a dimension
  for (size_t i = 0; i < entries; ++i) {
    if (bit(masks.ellipsis_mask, i)) {
      if (ellipsis != entries) return input_error("StridedSlice has two ellipses");
      ellipsis = i;
    } else if (!bit(masks.new_axis_mask, i)) {
      ++taken;
      if (ellipsis != entries) ++after;
    }
  }
  if (taken > rank) return input_error("StridedSlice takes " + std::to_string(taken) + " dimensions of a tensor of rank " + std::to_string(rank));
  DenseSlice dense;
  dense.dimensions.resize(static_cast<size_t>(rank));
  int64_t at = 0;
  const auto skip_to = [&](int64_t last) {
    while (at < last) dense.result.push_back(at++);
  };
  for (size_t i = 0; i < entries; ++i) {
    if (i == ellipsis) {
      skip_to(rank - static_cast<int64_t>(after));
    } else if (bit(masks.new_axis_mask, i)) {
      dense.result.push_back(kNewAxis);
    } else {
      const bool shrink = bit(masks.shrink_axis_mask, i);
      dense.dimensions[static_cast<size_t>(at)] = {begin[i], end[i], strides[i], bit(masks.begin_mask, i), bit(masks.end_mask, i), shrink};
      if (!shrink) dense.result.push_back(at);
      ++at;
    }
  }
  skip_to(rank);
  return dense;
}

struct Picked {
  int64_t begin = 0, stride = 1, count = 0;
};

// What a slice picks of a dimension of known size; nullopt when an entry is not known.
Result<std::optional<Picked>> pick(int64_t dim, const DimensionSlice& slice) {
  if (!slice.stride) return std::nullopt;
  const int64_t stride = *slice.stride;
  if (stride == 0) return input_error("StridedSlice has a stride of 0");
  if (slice.shrink) {
    if (stride < 0) return input_error("StridedSlice takes a single element with a negative stride");
    if (!slice.begin) return std::nullopt;
    const int64_t index = *slice.begin < 0 ? *slice.begin + dim : *slice.begin;
    if (index < 0 || index >= dim)
      return input_error("StridedSlice takes element " + std::to_string(*slice.begin) + " of a dimension of size " + std::to_string(dim));
    return Picked{index, 1, 1};
  }
  if ((!slice.whole_begin && !slice.begin) || (!slice.whole_end && !slice.end)) return std::nullopt;
  const int64_t low = stride > 0 ? 0 : -1, high = stride > 0 ? dim : dim - 1;
  const auto clamp = [&](int64_t index) { return std::clamp(index < 0 ? index + dim : index, low, high); };
  const int64_t begin = slice.whole_begin ? (stride > 0 ? low : high) : clamp(*slice.begin);
  const int64_t end = slice.whole_end ? (stride > 0 ? high : low) : clamp(*slice.end);
  const int64_t length = end - begin;
  if (length == 0 || (length < 0) != (stride < 0)) return Picked{0, 1, 0};
  return Picked{begin, stride, length / stride + (length % stride != 0)};
}

}  // namespace

Result<StridedSlicePlan> plan_strided_slice(const PartialShape& input, const PartialElements& begin, const PartialElements& end, const PartialElements& strides,
                                            const StridedSliceAttributes& masks) {
  if (begin.size() != strides.size() || end.size() != strides.size()) return input_error("begin, end and strides of StridedSlice differ in length");
  const DenseSlice dense = TRY(lay_out(input.rank(), begin, end, strides, masks));
  StridedSlicePlan plan;
  plan.known = true;
  std::vector<int64_t> sizes;
  for (int64_t d = 0; d < input.rank(); ++d) {
    const DimensionSlice& slice = dense.dimensions[static_cast<size_t>(d)];
    const auto picked = input[d] == kUnknownDim ? std::nullopt : TRY(pick(input[d], slice));
    sizes.push_back(picked ? picked->count : kUnknownDim);
    plan.known = plan.known && picked;
    plan.begin.push_back(picked ? picked->begin : 0);
    plan.strides.push_back(picked ? picked->stride : 1);
    plan.shape.push_back(picked ? picked->count : 0);
  }
  std::vector<int64_t> result;
  for (const int64_t d : dense.result) result.push_back(d == kNewAxis ? 1 : sizes[static_cast<size_t>(d)]);
  plan.result = PartialShape(std::move(result));
  return plan;
}

namespace {

Result<void> infer_strided_slice(InferContext& c) {
  PartialElements entries[3];
  int64_t count = kUnknownDim;
  for (int64_t i = 0; i < 3; ++i) count = TRY(same_dim(count, TRY(shape_of_rank(c, i + 1, 1))[0], "begin, end and strides of StridedSlice"));
  constexpr int64_t kMaxEntries = 254;
  if (count > kMaxEntries) return input_error("StridedSlice with " + std::to_string(count) + " entries");
  for (int64_t i = 0; i < 3; ++i) {
    auto known = partial_elements(c.graph(), c.input(i + 1));
    if (!known && count == kUnknownDim) return {};
    entries[i] = known ? std::move(*known) : PartialElements(static_cast<size_t>(count));
  }
  if (!c.shape(0).has_rank()) return {};
  c.set_shape(0, TRY(plan_strided_slice(c.shape(0), entries[0], entries[1], entries[2], c.as<StridedSliceAttributes>())).result);
  return {};
}
Result<Outputs> reference_strided_slice(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  PartialElements entries[3];
  for (int64_t i = 0; i < 3; ++i) {
    const auto values = TRY(int_vector(*TRY(tensor_input(c, inputs, i + 1)), "an index of StridedSlice"));
    entries[i].assign(values.begin(), values.end());
  }
  const auto plan = TRY(plan_strided_slice(PartialShape(x.shape()), entries[0], entries[1], entries[2], c.as<StridedSliceAttributes>()));
  Layout layout{0, strides_of(x.shape())};
  for (size_t d = 0; d < plan.shape.size(); ++d) {
    layout.offset += plan.begin[d] * layout.strides[d];
    layout.strides[d] = plan.shape[d] > 1 ? layout.strides[d] * plan.strides[d] : 0;
  }
  return one(TRY(strided_copy(c, x, plan.shape, layout)).reshaped(plan.result.dims()));
}

// --- Reverse

// The tensor with the order of elements reversed along the flagged dimensions.
Result<Tensor> reversed(EvalContext& c, const Tensor& x, const std::vector<bool>& flags) {
  Layout layout{0, strides_of(x.shape())};
  for (size_t d = 0; d < flags.size(); ++d) {
    if (!flags[d]) continue;
    layout.offset += layout.strides[d] * (x.shape()[d] - 1);
    layout.strides[d] = -layout.strides[d];
  }
  return strided_copy(c, x, x.shape(), layout);
}

Result<void> infer_reverse(InferContext& c) {
  const PartialShape dims = TRY(shape_of_rank(c, 1, 1));
  if (c.shape(0).has_rank()) TRY(same_dim(dims[0], c.shape(0).rank(), "the flags of Reverse and the rank of its input"));
  return infer_same(c);
}
Result<Outputs> reference_reverse(EvalContext& c, Inputs inputs) {
  const Tensor &x = *TRY(tensor_input(c, inputs, 0)), &dims = *TRY(tensor_input(c, inputs, 1));
  if (dims.rank() != 1 || dims.elements() != x.rank()) return input_error("Reverse needs one flag for each dimension, found " + type_text(dims));
  std::vector<bool> flags;
  for (int64_t d = 0; d < x.rank(); ++d) flags.push_back(dims.at<uint8_t>(d) != 0);
  return one(TRY(reversed(c, x, flags)));
}

Result<Outputs> reference_reverse_v2(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  return one(TRY(reversed(c, x, TRY(reduction_axes(*TRY(tensor_input(c, inputs, 1)), x.rank())))));
}

Result<void> infer_reverse_sequence(InferContext& c) {
  const auto& a = c.as<ReverseSequenceAttributes>();
  const PartialShape lengths = TRY(shape_of_rank(c, 1, 1));
  if (c.shape(0).has_rank()) {
    const int64_t sequence = TRY(resolve_axis(a.seq_dim, c.shape(0).rank())), batch = TRY(resolve_axis(a.batch_dim, c.shape(0).rank()));
    if (sequence == batch) return input_error("seq_dim and batch_dim of ReverseSequence are the same dimension");
    TRY(same_dim(lengths[0], c.shape(0)[batch], "the lengths of ReverseSequence and its batch"));
  }
  return infer_same(c);
}
Result<Outputs> reference_reverse_sequence(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<ReverseSequenceAttributes>();
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const auto lengths = TRY(int_vector(*TRY(tensor_input(c, inputs, 1)), "the lengths"));
  const auto sequence = static_cast<size_t>(TRY(resolve_axis(a.seq_dim, x.rank()))), batch = static_cast<size_t>(TRY(resolve_axis(a.batch_dim, x.rank())));
  if (sequence == batch || static_cast<int64_t>(lengths.size()) != x.shape()[batch]) return input_error("ReverseSequence needs one length for each batch");
  ElementWriter y = TRY(ElementWriter::create(c, x.dtype(), x.shape()));
  const std::vector<int64_t> strides = strides_of(x.shape());
  for (size_t b = 0; b < lengths.size(); ++b) {
    const int64_t length = lengths[b], whole = x.shape()[sequence];
    if (length < 0 || length > whole) return input_error("ReverseSequence reverses " + std::to_string(length) + " of " + std::to_string(whole) + " steps");
    Shape box = x.shape();
    box[batch] = 1;
    const int64_t start = static_cast<int64_t>(b) * strides[batch], step = strides[sequence];
    Layout backwards{start + (length - 1) * step, strides};
    backwards.strides[sequence] = -step;
    box[sequence] = length;
    y.copy(x, backwards, {start, strides}, box);
    box[sequence] = whole - length;
    y.copy(x, {start + length * step, strides}, {start + length * step, strides}, box);
  }
  return one(TRY(std::move(y).finish()));
}

// --- Roll

Result<Outputs> reference_roll(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const auto shifts = TRY(int_vector(*TRY(tensor_input(c, inputs, 1)), "the shift"));
  const auto axes = TRY(int_vector(*TRY(tensor_input(c, inputs, 2)), "the axis"));
  if (shifts.size() != axes.size()) return input_error("Roll needs one axis for each shift");
  Shape shift(x.shape().size(), 0);  // in [0, size), for each dimension
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto d = static_cast<size_t>(TRY(resolve_axis(axes[i], x.rank())));
    const int64_t size = std::max<int64_t>(x.shape()[d], 1);
    shift[d] = (shift[d] + (shifts[i] % size + size) % size) % size;
  }
  Tensor result = x;
  const std::vector<int64_t> strides = strides_of(x.shape());
  for (size_t d = 0; d < shift.size(); ++d) {
    if (shift[d] == 0) continue;
    ElementWriter y = TRY(ElementWriter::create(c, x.dtype(), x.shape()));
    Shape box = x.shape();
    const int64_t rest = box[d] - shift[d];
    box[d] = rest;
    y.copy(result, {0, strides}, {shift[d] * strides[d], strides}, box);
    box[d] = shift[d];
    y.copy(result, {rest * strides[d], strides}, {0, strides}, box);
    result = TRY(std::move(y).finish());
  }
  return one(std::move(result));
}

}  // namespace

constinit const OpDef kOp_Slice = {
    .name = "Slice",
    .signature = "input: T, begin: Index, size: Index -> output: T",
    .infer = infer_slice,
    .reference = reference_slice,
    .doc = "The block of the input that begins at `begin` and has `size` elements in each dimension; a size of -1 means all that are left.",
};

constinit const OpDef kOp_StridedSlice = {
    .name = "StridedSlice",
    .signature = "input: T, begin: Index, end: Index, strides: Index -> output: T",
    .make_attributes = &make_attributes<StridedSliceAttributes>,
    .infer = infer_strided_slice,
    .reference = reference_strided_slice,
    .doc =
        "The elements begin, begin + stride, ... up to but without end of each dimension, as Python slices; negative indices count from the end. The masks "
        "give the meaning of omitted ends, of the ellipsis, of new axes and of single indices.",
};

constinit const OpDef kOp_Reverse = {
    .name = "Reverse",
    .signature = "tensor: T, dims: bool -> output: T",
    .infer = infer_reverse,
    .reference = reference_reverse,
    .doc = "The input with the order of elements reversed along the dimensions whose flag is set.",
};

constinit const OpDef kOp_ReverseV2 = {
    .name = "ReverseV2",
    .signature = "tensor: T, axis: Tidx -> output: T",
    .infer = infer_same,
    .reference = reference_reverse_v2,
    .doc = "The input with the order of elements reversed along the given axes.",
};

constinit const OpDef kOp_ReverseSequence = {
    .name = "ReverseSequence",
    .signature = "input: T, seq_lengths: Tlen -> output: T",
    .make_attributes = &make_attributes<ReverseSequenceAttributes>,
    .infer = infer_reverse_sequence,
    .reference = reference_reverse_sequence,
    .doc = "For each index of `batch_dim`, the first seq_lengths[index] elements along `seq_dim` reversed; the rest stays.",
};

constinit const OpDef kOp_Roll = {
    .name = "Roll",
    .signature = "input: T, shift: Tshift, axis: Taxis -> output: T",
    .infer = infer_same,
    .reference = reference_roll,
    .doc = "The input rotated by `shift` along each given axis; what leaves at one end comes in at the other.",
};

}  // namespace isomer::ops
