// An image goes through four steps: decoded to height x width x channels, resized to what the model takes, scaled number by number, and laid out as the
// input's shape wants it.
#include <algorithm>
#include <cmath>

#include "isomer/inputs.h"
#include "ops/interpreter.h"
#include "passes/rewrite.h"
#include "wire/image.h"

namespace isomer {
namespace {

// Where height, width and channels stand in the input's shape, and which are known.
struct Layout {
  int64_t rank = 0;
  bool channels_first = false;
  int64_t height = kUnknownDim, width = kUnknownDim, channels = kUnknownDim;
};

bool may_be_channels(int64_t size) { return size == 1 || size == 3; }

Result<Layout> layout_of(const TensorType& type) {
  const PartialShape& shape = type.shape;
  if (!shape.has_rank()) return Layout{4, false, kUnknownDim, kUnknownDim, kUnknownDim};
  const int64_t rank = shape.rank();
  if (rank == 2) return Layout{2, false, shape[0], shape[1], 1};
  if (rank == 3) return Layout{3, false, shape[0], shape[1], shape[2]};
  if (rank == 4 && may_be_channels(shape[1]) && !may_be_channels(shape[3])) return Layout{4, true, shape[2], shape[3], shape[1]};
  if (rank == 4) return Layout{4, false, shape[1], shape[2], shape[3]};
  return fail(ErrorCode::kInvalidArgument, "an image does not suit an input of type " + to_string(type));
}

// [1, height, width, channels] as float32, by the op that TensorFlow resizes images with.
Result<Tensor> resize(const Tensor& image, int64_t height, int64_t width, const Limits& limits) {
  ir::Module module;
  ir::Graph& graph = module.add_function("resize").graph;
  const ir::ValueId inputs[] = {passes::add_constant(graph, image, "image"), passes::add_constant(graph, Tensor::int32s({{height, width}}), "size")};
  const ir::NodeId node = TRY(passes::add_node(graph, "ResizeBilinear", {{"half_pixel_centers", true}}, inputs, "resized", &module));
  graph.outputs.push_back({"resized", graph.output(node), {}});
  ir::RunState state;
  state.limits = limits;
  return std::get<Tensor>(TRY(ops::run_function(state, module, "resize", {}))[0]);
}

double per_channel(const std::vector<double>& values, int64_t channel, double otherwise) {
  return values.empty() ? otherwise : values[values.size() == 1 ? 0 : static_cast<size_t>(channel)];
}

Result<void> check_counts(const ImageOptions& options, int64_t channels) {
  for (const auto& [what, values] : {std::pair("mean", &options.mean), std::pair("scale", &options.scale)}) {
    if (values->size() <= 1 || static_cast<int64_t>(values->size()) == channels) continue;
    return fail(ErrorCode::kInvalidArgument,
                std::string(what) + " has " + std::to_string(values->size()) + " numbers, the image " + std::to_string(channels) + " channels");
  }
  return {};
}

}  // namespace

Result<Tensor> image_input(const Bytes& file, const TensorType& type, const ImageOptions& options, const Limits& limits) {
  if (!is_float(type.dtype) && !is_integer(type.dtype)) return fail(ErrorCode::kInvalidArgument, "an image does not suit an input of type " + to_string(type));
  Layout layout = TRY(layout_of(type));
  if (layout.channels == kUnknownDim) layout.channels = 3;
  if (!may_be_channels(layout.channels))
    return fail(ErrorCode::kInvalidArgument, "the input " + to_string(type) + " has " + std::to_string(layout.channels) + " channels, an image has 1 or 3");
  TRY(check_counts(options, layout.channels));
  const Image image = TRY(decode_image(file, layout.channels, limits));
  const int64_t height = options.size ? options.size->first : layout.height == kUnknownDim ? image.height : layout.height;
  const int64_t width = options.size ? options.size->second : layout.width == kUnknownDim ? image.width : layout.width;
  Tensor pixels = Tensor::of<uint8_t>(DType::kUint8, {1, image.height, image.width, layout.channels}, image.pixels);
  if (height != image.height || width != image.width) pixels = TRY(resize(pixels, height, width, limits));

  Shape shape;
  if (layout.rank == 4) shape = layout.channels_first ? Shape{1, layout.channels, height, width} : Shape{1, height, width, layout.channels};
  if (layout.rank == 3) shape = {height, width, layout.channels};
  if (layout.rank == 2) shape = {height, width};
  MutableTensor result = TRY(MutableTensor::create(type.dtype, std::move(shape), limits));
  const double usual_scale = is_float(type.dtype) ? 1.0 / 255 : 1.0;
  for (int64_t i = 0; i < pixels.elements(); ++i) {
    const int64_t channel = i % layout.channels, place = i / layout.channels;
    const double value = (pixels.as_double(i) - per_channel(options.mean, channel, 0)) * per_channel(options.scale, channel, usual_scale);
    const int64_t at = layout.channels_first ? channel * height * width + place : i;
    if (is_float(type.dtype)) {
      store_doubles(result, at, {&value, 1});
    } else {
      const auto integer = static_cast<int64_t>(std::llround(std::clamp(value, -0x1p62, 0x1p62)));
      store_int64s(result, at, {&integer, 1});
    }
  }
  return std::move(result).finish();
}

}  // namespace isomer
