// Ops that reorder dimensions, and those that move blocks of space into depth or batch.
//
// The block ops are all one thing: see each spatial dimension as a pair (block, place in the block), reorder the dimensions, and join pairs again.
#include "ops/elements.h"
#include "ops/pad.h"
#include "ops/partial_value.h"

namespace isomer::ops {

using namespace ir;

namespace {

// The permutation with negative entries resolved.
Result<std::vector<int64_t>> permutation(std::vector<int64_t> order, int64_t rank) {
  std::vector<bool> seen(order.size(), false);
  for (int64_t& axis : order) {
    axis = TRY(resolve_axis(axis, rank));
    if (static_cast<int64_t>(order.size()) != rank || seen[static_cast<size_t>(axis)]) {
      return input_error("perm is no order of " + std::to_string(rank) + " dimensions: " + to_string(order));
    }
    seen[static_cast<size_t>(axis)] = true;
  }
  if (static_cast<int64_t>(order.size()) != rank) return input_error("perm must order " + std::to_string(rank) + " dimensions");
  return order;
}

Result<void> infer_transpose(InferContext& c) {
  const PartialShape perm = TRY(shape_of_rank(c, 1, 1));
  const PartialShape& x = c.shape(0);
  const int64_t rank = TRY(same_dim(x.has_rank() ? x.rank() : kUnknownDim, perm[0], "the rank of the input and the length of perm"));
  if (rank == kUnknownDim || rank > 254) return {};
  PartialShape shape = PartialShape::of_rank(rank);
  if (const auto given = elements_from_input(c, 1)) {
    const auto order = TRY(permutation(*given, rank));
    for (int64_t d = 0; d < rank && x.has_rank(); ++d) shape[d] = x[order[static_cast<size_t>(d)]];
  }
  c.set_shape(0, std::move(shape));
  return {};
}

Result<Tensor> transpose(EvalContext& c, const Tensor& x, const std::vector<int64_t>& order) {
  Shape shape;
  for (const int64_t axis : order) shape.push_back(x.shape()[static_cast<size_t>(axis)]);
  return split_and_permute(c, x, x.shape(), order, std::move(shape));
}
Result<Outputs> reference_transpose(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const auto order = TRY(permutation(TRY(int_vector(*TRY(tensor_input(c, inputs, 1)), "perm")), x.rank()));
  return one(TRY(transpose(c, x, order)));
}
Result<Outputs> reference_conjugate_transpose(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const auto order = TRY(permutation(TRY(int_vector(*TRY(tensor_input(c, inputs, 1)), "perm")), x.rank()));
  const Tensor y = TRY(transpose(c, x, order));
  if (!is_complex(y.dtype())) return one(y);
  return one(TRY(map_elements<Complex, Complex>(c, y, y.dtype(), [](Complex v) { return std::conj(v); })));
}

// --- space and depth

struct SpaceDepth {
  int64_t block = 0;
  bool channels_first = false;
  int64_t height() const { return channels_first ? 2 : 1; }
  int64_t width() const { return channels_first ? 3 : 2; }
  int64_t depth() const { return channels_first ? 1 : 3; }
};

Result<SpaceDepth> space_depth(const SpaceDepthAttributes& a) {
  if (a.data_format != "NHWC" && a.data_format != "NCHW") return fail(ErrorCode::kUnsupported, "data_format must be NHWC or NCHW, found " + a.data_format);
  if (a.block_size < 1 || a.block_size > INT32_MAX) return input_error("block_size must be positive, found " + std::to_string(a.block_size));
  return SpaceDepth{a.block_size, a.data_format == "NCHW"};
}

Result<int64_t> divided(int64_t size, int64_t by, std::string_view what) {
  if (size == kUnknownDim) return kUnknownDim;
  if (size % by != 0) return input_error(std::string(what) + " of " + std::to_string(size) + " is no multiple of " + std::to_string(by));
  return size / by;
}

Result<PartialShape> to_depth_shape(PartialShape shape, const SpaceDepth& s) {
  shape[s.height()] = TRY(divided(shape[s.height()], s.block, "a height"));
  shape[s.width()] = TRY(divided(shape[s.width()], s.block, "a width"));
  shape[s.depth()] = mul_dims(shape[s.depth()], s.block * s.block);
  return shape;
}
Result<PartialShape> to_space_shape(PartialShape shape, const SpaceDepth& s) {
  shape[s.height()] = mul_dims(shape[s.height()], s.block);
  shape[s.width()] = mul_dims(shape[s.width()], s.block);
  shape[s.depth()] = TRY(divided(shape[s.depth()], s.block * s.block, "a depth"));
  return shape;
}

Result<void> infer_space_to_depth(InferContext& c) {
  const SpaceDepth s = TRY(space_depth(c.as<SpaceDepthAttributes>()));
  c.set_shape(0, TRY(to_depth_shape(TRY(shape_of_rank(c, 0, 4)), s)));
  return {};
}
Result<void> infer_depth_to_space(InferContext& c) {
  const SpaceDepth s = TRY(space_depth(c.as<SpaceDepthAttributes>()));
  c.set_shape(0, TRY(to_space_shape(TRY(shape_of_rank(c, 0, 4)), s)));
  return {};
}

Result<Shape> rank_4(const Tensor& x) {
  if (x.rank() != 4) return input_error("the input must have rank 4, found " + type_text(x));
  return x.shape();
}
Result<Outputs> reference_space_to_depth(EvalContext& c, Inputs inputs) {
  const SpaceDepth s = TRY(space_depth(c.as<SpaceDepthAttributes>()));
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Shape in = TRY(rank_4(x));
  const auto shape = TRY(to_depth_shape(PartialShape(in), s)).known();
  if (!shape) return input_error("the depth does not fit 64 bits");
  const Shape& out = *shape;
  const int64_t b = s.block;
  if (s.channels_first) return one(TRY(split_and_permute(c, x, {in[0], in[1], out[2], b, out[3], b}, {0, 3, 5, 1, 2, 4}, out)));
  return one(TRY(split_and_permute(c, x, {in[0], out[1], b, out[2], b, in[3]}, {0, 1, 3, 2, 4, 5}, out)));
}
Result<Outputs> reference_depth_to_space(EvalContext& c, Inputs inputs) {
  const SpaceDepth s = TRY(space_depth(c.as<SpaceDepthAttributes>()));
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Shape in = TRY(rank_4(x));
  const auto shape = TRY(to_space_shape(PartialShape(in), s)).known();
  if (!shape) return input_error("the space does not fit 64 bits");
  const Shape& out = *shape;
  const int64_t b = s.block;
  if (s.channels_first) return one(TRY(split_and_permute(c, x, {in[0], b, b, out[1], in[2], in[3]}, {0, 3, 4, 1, 5, 2}, out)));
  return one(TRY(split_and_permute(c, x, {in[0], in[1], in[2], b, b, out[3]}, {0, 1, 3, 2, 4, 5}, out)));
}

// --- space and batch

// Block sizes of the dimensions behind the batch, and how many elements are put around each (or cut off).
struct Blocks {
  std::vector<int64_t> sizes;
  std::vector<int64_t> margins;  // before and after, for each
  int64_t count() const { return static_cast<int64_t>(sizes.size()); }
};

Result<Blocks> checked_blocks(std::vector<int64_t> sizes, std::vector<int64_t> margins) {
  if (margins.size() != 2 * sizes.size()) return input_error("there must be two paddings or crops for each block size");
  int64_t all = 1;
  for (const int64_t size : sizes) {
    if (size < 1) return input_error("a block size must be positive, found " + std::to_string(size));
    all = mul_dims(all, size);
  }
  if (all == kUnknownDim) return input_error("the block sizes do not fit 64 bits");
  for (const int64_t margin : margins)
    if (margin < 0) return input_error("a padding or crop may not be negative");
  return Blocks{std::move(sizes), std::move(margins)};
}

Result<PartialShape> space_to_batch_shape(PartialShape shape, const Blocks& blocks) {
  if (shape.rank() < 1 + blocks.count()) return input_error("shape " + to_string(shape) + " has too few dimensions for the blocks");
  for (int64_t i = 0; i < blocks.count(); ++i) {
    const auto at = static_cast<size_t>(i);
    const int64_t padded = add_dims(shape[i + 1], add_dims(blocks.margins[2 * at], blocks.margins[2 * at + 1]));
    shape[i + 1] = TRY(divided(padded, blocks.sizes[at], "a padded size"));
    shape[0] = mul_dims(shape[0], blocks.sizes[at]);
  }
  return shape;
}
Result<PartialShape> batch_to_space_shape(PartialShape shape, const Blocks& blocks) {
  if (shape.rank() < 1 + blocks.count()) return input_error("shape " + to_string(shape) + " has too few dimensions for the blocks");
  for (int64_t i = 0; i < blocks.count(); ++i) {
    const auto at = static_cast<size_t>(i);
    shape[0] = TRY(divided(shape[0], blocks.sizes[at], "a batch"));
    const int64_t whole = mul_dims(shape[i + 1], blocks.sizes[at]), cut = add_dims(blocks.margins[2 * at], blocks.margins[2 * at + 1]);
    if (whole != kUnknownDim && (cut == kUnknownDim || cut > whole)) return input_error("the crops leave nothing of a size of " + std::to_string(whole));
    shape[i + 1] = whole == kUnknownDim ? kUnknownDim : whole - cut;
  }
  return shape;
}

// The blocks under inference: from the inputs, or from the attribute of the ops for two dimensions. nullopt when they are not known.
Result<std::optional<Blocks>> inferred_blocks(InferContext& c, bool two_dimensions) {
  auto margins = elements_from_input(c, two_dimensions ? 1 : 2);
  auto sizes = two_dimensions ? std::vector<int64_t>(2, c.as<BlockSizeAttributes>().block_size) : elements_from_input(c, 1);
  if (!margins || !sizes) return std::nullopt;
  return TRY(checked_blocks(std::move(*sizes), std::move(*margins)));
}
Result<Blocks> given_blocks(EvalContext& c, Inputs inputs, bool two_dimensions) {
  const Tensor& margins = *TRY(tensor_input(c, inputs, two_dimensions ? 1 : 2));
  auto sizes =
      two_dimensions ? std::vector<int64_t>(2, c.as<BlockSizeAttributes>().block_size) : TRY(int_vector(*TRY(tensor_input(c, inputs, 1)), "the block shape"));
  return checked_blocks(std::move(sizes), margins.to_int64s());
}

template <bool two_dimensions, Result<PartialShape> (*shape_rule)(PartialShape, const Blocks&)>
Result<void> infer_blocks(InferContext& c) {
  if (two_dimensions) TRY(shape_of_rank(c, 0, 4));
  if (!c.shape(0).has_rank()) return {};
  const auto blocks = TRY(inferred_blocks(c, two_dimensions));
  c.set_shape(0, blocks ? TRY(shape_rule(c.shape(0), *blocks)) : PartialShape::of_rank(c.shape(0).rank()));
  return {};
}

Result<Shape> known_shape(const PartialShape& shape) {
  if (const auto known = shape.known()) return *known;
  return input_error("a size does not fit 64 bits");
}

template <bool two_dimensions>
Result<Outputs> reference_space_to_batch(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Blocks blocks = TRY(given_blocks(c, inputs, two_dimensions));
  const Shape shape = TRY(known_shape(TRY(space_to_batch_shape(PartialShape(x.shape()), blocks))));
  Shape padded = x.shape();
  for (int64_t i = 0; i < blocks.count(); ++i) padded[static_cast<size_t>(i + 1)] = shape[static_cast<size_t>(i + 1)] * blocks.sizes[static_cast<size_t>(i)];
  ElementWriter space = TRY(ElementWriter::create(c, x.dtype(), padded));
  Layout inside{0, strides_of(padded)};
  for (size_t i = 0; i < blocks.sizes.size(); ++i) inside.offset += blocks.margins[2 * i] * inside.strides[i + 1];
  space.copy(x, {0, strides_of(x.shape())}, inside, x.shape());
  // [batch, (outer, place) ..., rest] to [place ..., batch, outer ..., rest]
  Shape split{padded[0]};
  std::vector<int64_t> places, outers{0};
  for (size_t i = 0; i < blocks.sizes.size(); ++i) {
    outers.push_back(static_cast<int64_t>(split.size()));
    split.push_back(shape[i + 1]);
    places.push_back(static_cast<int64_t>(split.size()));
    split.push_back(blocks.sizes[i]);
  }
  std::vector<int64_t> order = places;
  order.insert(order.end(), outers.begin(), outers.end());
  for (size_t d = blocks.sizes.size() + 1; d < padded.size(); ++d) {
    order.push_back(static_cast<int64_t>(split.size()));
    split.push_back(padded[d]);
  }
  return one(TRY(split_and_permute(c, TRY(std::move(space).finish()), split, order, shape)));
}

template <bool two_dimensions>
Result<Outputs> reference_batch_to_space(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const Blocks blocks = TRY(given_blocks(c, inputs, two_dimensions));
  const Shape shape = TRY(known_shape(TRY(batch_to_space_shape(PartialShape(x.shape()), blocks))));
  // [place ..., batch, outer ..., rest] to [batch, (outer, place) ..., rest]
  Shape split = blocks.sizes, whole = x.shape();
  whole[0] = shape[0];
  split.push_back(shape[0]);
  std::vector<int64_t> order{blocks.count()};
  for (size_t i = 0; i < blocks.sizes.size(); ++i) {
    order.insert(order.end(), {static_cast<int64_t>(split.size()), static_cast<int64_t>(i)});
    split.push_back(x.shape()[i + 1]);
    whole[i + 1] *= blocks.sizes[i];
  }
  for (size_t d = blocks.sizes.size() + 1; d < x.shape().size(); ++d) {
    order.push_back(static_cast<int64_t>(split.size()));
    split.push_back(x.shape()[d]);
  }
  const Tensor space = TRY(split_and_permute(c, x, split, order, whole));
  Layout inside{0, strides_of(whole)};
  for (size_t i = 0; i < blocks.sizes.size(); ++i) inside.offset += blocks.margins[2 * i] * inside.strides[i + 1];
  return one(TRY(strided_copy(c, space, shape, inside)));
}

}  // namespace

constinit const OpDef kOp_Transpose = {
    .name = "Transpose",
    .signature = "x: T, perm: Tperm -> y: T",
    .infer = infer_transpose,
    .reference = reference_transpose,
    .doc = "The input with its dimensions reordered: dimension i of the result is dimension perm[i] of the input.",
};

constinit const OpDef kOp_ConjugateTranspose = {
    .name = "ConjugateTranspose",
    .signature = "x: T, perm: Tperm -> y: T",
    .infer = infer_transpose,
    .reference = reference_conjugate_transpose,
    .doc = "As Transpose, with every complex element conjugated.",
};

constinit const OpDef kOp_SpaceToDepth = {
    .name = "SpaceToDepth",
    .signature = "input: T -> output: T",
    .make_attributes = &make_attributes<SpaceDepthAttributes>,
    .infer = infer_space_to_depth,
    .reference = reference_space_to_depth,
    .doc = "Blocks of block_size x block_size places moved into the depth; the places of a block come in C order, each with its depth.",
};

constinit const OpDef kOp_DepthToSpace = {
    .name = "DepthToSpace",
    .signature = "input: T -> output: T",
    .make_attributes = &make_attributes<SpaceDepthAttributes>,
    .infer = infer_depth_to_space,
    .reference = reference_depth_to_space,
    .doc = "The depth spread over blocks of block_size x block_size places: the inverse of SpaceToDepth.",
};

constinit const OpDef kOp_SpaceToBatchND = {
    .name = "SpaceToBatchND",
    .signature = "input: T, block_shape: Tblock_shape, paddings: Tpaddings -> output: T",
    .infer = infer_blocks<false, space_to_batch_shape>,
    .reference = reference_space_to_batch<false>,
    .doc = "Pads the spatial dimensions with zeros, then moves the places of each block of `block_shape` into the batch, outermost.",
};

constinit const OpDef kOp_BatchToSpaceND = {
    .name = "BatchToSpaceND",
    .signature = "input: T, block_shape: Tblock_shape, crops: Tcrops -> output: T",
    .infer = infer_blocks<false, batch_to_space_shape>,
    .reference = reference_batch_to_space<false>,
    .doc = "Spreads the batch over blocks of `block_shape`, then cuts `crops` off the spatial dimensions: the inverse of SpaceToBatchND.",
};

constinit const OpDef kOp_SpaceToBatch = {
    .name = "SpaceToBatch",
    .signature = "input: T, paddings: Tpaddings -> output: T",
    .make_attributes = &make_attributes<BlockSizeAttributes>,
    .infer = infer_blocks<true, space_to_batch_shape>,
    .reference = reference_space_to_batch<true>,
    .doc = "SpaceToBatchND for two spatial dimensions and square blocks.",
};

constinit const OpDef kOp_BatchToSpace = {
    .name = "BatchToSpace",
    .signature = "input: T, crops: Tidx -> output: T",
    .make_attributes = &make_attributes<BlockSizeAttributes>,
    .infer = infer_blocks<true, batch_to_space_shape>,
    .reference = reference_batch_to_space<true>,
    .doc = "BatchToSpaceND for two spatial dimensions and square blocks.",
};

}  // namespace isomer::ops
