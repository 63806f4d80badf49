// Resizing by filters as products with matrices, and patches as gathers.
//
// A filter weighs rows and columns by themselves: result = R x C^T for each channel, where row y of R holds the weights of the source rows that row y of
// the result sees. R is what the op makes of an image of one column whose channels are the unit vectors, so the matrices follow the reference kernel to
// the bit: they are computed by it.
#include <algorithm>
#include <optional>

#include "ops/interpreter.h"
#include "ops/registry.h"
#include "passes/legalize/resize_weights.h"
#include "passes/rewrite.h"

namespace isomer::passes {
namespace {

constexpr int64_t kLargestMatrix = 1 << 22;  // elements

// Scale and translation of ScaleAndTranslate along one axis.
struct Placement {
  float scale, translation;
};

Result<Tensor> unit_vectors(int64_t size) {
  MutableTensor eye = TRY(MutableTensor::create(DType::kFloat32, {1, size, 1, size}, Limits{}));
  const double one = 1;
  const std::vector<double> zeros(static_cast<size_t>(size), 0);
  for (int64_t i = 0; i < size; ++i) {
    store_doubles(eye, i * size, zeros);
    store_doubles(eye, i * size + i, {&one, 1});
  }
  return std::move(eye).finish();
}

Result<Tensor> pair(float first, float second) {
  MutableTensor numbers = TRY(MutableTensor::create(DType::kFloat32, {2}, Limits{}));
  const double values[] = {first, second};
  store_doubles(numbers, 0, values);
  return std::move(numbers).finish();
}

// The weights [target, source] of the resizing op `node` along one axis. The other axis has one pixel, which keeps its value.
Result<Tensor> axis_weights(const ir::Node& node, int64_t source, int64_t target, const std::optional<Placement>& placement) {
  std::vector<Tensor> operands{TRY(unit_vectors(source)), Tensor::int32s(std::vector<int64_t>{target, 1})};
  if (placement) {
    operands.push_back(TRY(pair(placement->scale, 1)));
    operands.push_back(TRY(pair(placement->translation, 0)));
  }
  ir::Module scratch;
  ir::Graph& graph = scratch.add_function("weights").graph;
  std::vector<ir::ValueId> inputs;
  for (const Tensor& operand : operands) inputs.push_back(add_constant(graph, operand, "operand"));
  const ir::NodeId resize = TRY(add_node(graph, node.op->name, node.attributes->to_map(), inputs, "weights"));
  ir::RunState state;
  auto results = TRY(ops::evaluate_node(state, scratch, graph, resize, operands));
  return results[0].reshaped({target, source});
}

// The image's axis number `axis` (1: rows, 2: columns) multiplied by the matrix.
Term multiply_axis(Term images, int64_t axis, Term weights) {
  Builder& b = images.builder();
  const std::vector<int64_t> to_front = axis == 1 ? std::vector<int64_t>{1, 0, 2, 3} : std::vector<int64_t>{2, 0, 1, 3};
  const std::vector<int64_t> back = axis == 1 ? std::vector<int64_t>{1, 0, 2, 3} : std::vector<int64_t>{1, 2, 0, 3};
  const Term front = transpose(images, to_front);
  std::vector<Size> sizes;
  for (int64_t i = 0; i < 4; ++i) sizes.push_back(i == 0 ? b.size_of(weights, 0) : b.size_of(front, i));
  const Term flat = reshape(front, {b.size_of(front, 0), int64_t{-1}});
  return transpose(reshape(b.make("MatMul", {weights, flat}), sizes), back);
}

}  // namespace

// Before: ResizeBicubic(images, size), ResizeArea, ScaleAndTranslate(images, size, scale, translation)
// After:  Transpose, MatMul(R, rows as a matrix), Transpose; the same with C for the columns. R and C are constants where the sizes, the scale and the
//         translation are; otherwise each of their elements is computed from the distance of its row from its column.
Result<bool> lower_filtered_resize(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const PartialShape shape = b.input(0).shape();
  if (!shape.has_rank() || shape.rank() != 4) return refuse(reason, "the rank must be known");
  const std::string op(context.graph.node(node).op->name);
  const bool moved = b.input_count() > 2;
  const Tensor *scale = moved ? b.input(2).constant() : nullptr, *translation = moved ? b.input(3).constant() : nullptr;
  Term result = cast(b.input(0), DType::kFloat32);
  for (int64_t i = 0; i < 2; ++i) {
    AxisToResize axis{b.size_of(b.input(0), i + 1), b.size_at(cast(b.input(1), DType::kInt32), i), Term(b, {}), Term(b, {})};
    const auto *source = std::get_if<int64_t>(&axis.source), *target = std::get_if<int64_t>(&axis.target);
    if ((source && *source < 1) || (target && *target < 1)) return refuse(reason, "an image without pixels is not resized");
    if (source && target && (!moved || (scale && translation && scale->elements() == 2 && translation->elements() == 2))) {
      if (*source > kLargestMatrix / *source || *source > kLargestMatrix / *target)
        return refuse(reason, "the matrix of weights would have more than " + std::to_string(kLargestMatrix) + " elements");
      std::optional<Placement> placement;
      if (moved) placement = Placement{scale->at<float>(i), translation->at<float>(i)};
      result = multiply_axis(result, i + 1, b.constant(TRY(axis_weights(context.graph.node(node), *source, *target, placement))));
      continue;
    }
    if (moved) {
      axis.scale = squeeze(slice_axis(b.input(2), 0, i, int64_t{1}), 0);
      axis.translation = squeeze(slice_axis(b.input(3), 0, i, int64_t{1}), 0);
    }
    result = multiply_axis(result, i + 1, resize_weights(b, op, axis));
  }
  return b.replace(result);
}

namespace {

struct Patches {
  Term places;  // [patches, pixels of a patch], int32, into the axis with one pixel of zeros behind its end
  Term count;
};

Patches patches_along(Builder& b, const Size& length, int64_t size, int64_t stride, int64_t rate, bool same) {
  const Term n = b.scalar(length), step = b.integer(stride);
  const double window = static_cast<double>((size - 1) * rate + 1);
  const Term zero = b.integer(0);
  const Term count = same ? floor_div(n + static_cast<double>(stride - 1), step) : maximum(floor_div(n - window, step) + 1, zero);
  const Term before = same ? floor_div(maximum((count - 1) * step + window - n, zero), b.integer(2)) : zero;
  const Term starts = range(b, count) * step - before;
  const Term place = expand(starts, 1) + range(b, size) * static_cast<double>(rate);
  return {select(both(greater_equal(place, 0), less(place, n)), place, n), count};
}

}  // namespace

// Before: ExtractImagePatches(images)
// After:  GatherV2(GatherV2(Pad(images), row places, axis = 1), column places, axis = 3) : [b, rows, size, columns, size, c]; Transpose, Reshape.
//         Places outside of the image name the zeros that Pad puts behind it.
Result<bool> lower_image_patches(RuleContext& context, ir::NodeId node, std::string& reason) {
  using Integers = std::vector<int64_t>;
  Builder b(context, node);
  const Term images = b.input(0);
  const auto sizes = b.attribute("ksizes", Integers{}), strides = b.attribute("strides", Integers{}), rates = b.attribute("rates", Integers{});
  const std::string padding = b.attribute<std::string>("padding", "");
  if (!images.shape().has_rank() || sizes.size() != 4 || strides.size() != 4 || rates.size() != 4) return refuse(reason, "the rank must be known");
  constexpr int64_t kLargest = 1 << 20;
  for (size_t i = 1; i < 3; ++i)
    if (std::max({sizes[i], strides[i], rates[i]}) > kLargest || sizes[i] * rates[i] > kLargest) return refuse(reason, "the window is too large");
  const bool same = padding == "SAME";
  const auto along = [&](size_t i) { return patches_along(b, b.size_of(images, static_cast<int64_t>(i)), sizes[i], strides[i], rates[i], same); };
  const Patches rows = along(1), columns = along(2);
  const double after[] = {0, 0, 0, 1, 0, 1, 0, 0};
  const Term padded = b.make("Pad", {images, b.numbers(DType::kInt32, {4, 2}, after)});
  const int64_t order[] = {0, 1, 3, 2, 4, 5};
  const Term apart = transpose(gather(gather(padded, rows.places, 1), columns.places, 3), order);
  const PartialShape result = b.result_shape();
  const auto size_or = [&](int64_t axis, Term otherwise) { return result.has_rank() && result[axis] != kUnknownDim ? Size(result[axis]) : Size(otherwise); };
  return b.replace(
      reshape(apart, {b.size_of(images, 0), size_or(1, rows.count), size_or(2, columns.count), b.multiply(sizes[1] * sizes[2], b.size_of(images, 3))}));
}

}  // namespace isomer::passes
