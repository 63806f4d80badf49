// CropAndResize: pieces of images, scaled to one size.
#include <cmath>

#include "ops/kernel.h"
#include "ops/nms.h"
#include "ops/partial_value.h"

namespace isomer::ops {

using namespace ir;

namespace {

Result<void> check_method(const std::string& method) {
  if (method != "bilinear" && method != "nearest") return input_error("the method of CropAndResize must be bilinear or nearest, found '" + method + "'");
  return {};
}

Result<void> infer_crop_and_resize(InferContext& c) {
  TRY(check_method(c.as<CropAndResizeAttributes>().method));
  const PartialShape image = TRY(shape_of_rank(c, 0, 4)), boxes = TRY(shape_of_rank(c, 1, 2)), numbers = TRY(shape_of_rank(c, 2, 1));
  TRY(same_dim(boxes[1], 4, "the coordinates of a box"));
  PartialShape size = TRY(shape_from_input(c, 3));
  if (!size.has_rank()) size = PartialShape::of_rank(2);
  if (size.rank() != 2) return input_error("crop_size must have two elements");
  c.set_shape(0, PartialShape{TRY(same_dim(boxes[0], numbers[0], "the boxes and their image numbers")), size[0], size[1], image[3]});
  return {};
}

// Where row (or column) i of `count` lies in an image of `size` rows, for a box from `low` to `high` of it. In float32, as in TensorFlow: which pixel is
// nearest hangs on it.
float place(int64_t i, int64_t count, float low, float high, int64_t size) {
  const auto last = static_cast<float>(size - 1);
  if (count == 1) return 0.5f * (low + high) * last;
  const float scale = (high - low) * last / static_cast<float>(count - 1);
  return low * last + static_cast<float>(i) * scale;
}

class Sampler {
 public:
  Sampler(const Tensor& image, const CropAndResizeAttributes& attributes)
      : image_(image), nearest_(attributes.method == "nearest"), outside_(attributes.extrapolation_value) {}

  bool inside(float at, size_t dimension) const { return at >= 0 && at <= static_cast<float>(image_.shape()[dimension] - 1); }

  float sample(int64_t batch, float y, float x, int64_t depth) const {
    if (!inside(y, 1) || !inside(x, 2)) return outside_;
    if (nearest_) return pixel(batch, std::lround(y), std::lround(x), depth);
    const auto top = static_cast<int64_t>(std::floor(y)), left = static_cast<int64_t>(std::floor(x));
    const auto bottom = static_cast<int64_t>(std::ceil(y)), right = static_cast<int64_t>(std::ceil(x));
    const float down = y - static_cast<float>(top), across = x - static_cast<float>(left);
    const auto mixed = [across](float a, float b) { return a + (b - a) * across; };
    const float upper = mixed(pixel(batch, top, left, depth), pixel(batch, top, right, depth));
    const float lower = mixed(pixel(batch, bottom, left, depth), pixel(batch, bottom, right, depth));
    return upper + (lower - upper) * down;
  }

 private:
  float pixel(int64_t batch, int64_t y, int64_t x, int64_t depth) const {
    const Shape& shape = image_.shape();
    return static_cast<float>(image_.as_double(((batch * shape[1] + y) * shape[2] + x) * shape[3] + depth));
  }

  const Tensor& image_;
  bool nearest_;
  float outside_;
};

Result<Outputs> reference_crop_and_resize(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<CropAndResizeAttributes>();
  TRY(check_method(a.method));
  const Tensor &image = *TRY(tensor_input(c, inputs, 0)), &boxes = *TRY(tensor_input(c, inputs, 1)), &numbers = *TRY(tensor_input(c, inputs, 2));
  const Shape size = TRY(shape_value(*TRY(tensor_input(c, inputs, 3)), "crop_size"));
  if (image.rank() != 4 || boxes.rank() != 2 || boxes.shape()[1] != 4 || numbers.shape() != Shape{boxes.shape()[0]} || size.size() != 2) {
    return input_error("CropAndResize takes images, rows of four coordinates and an image number for each, found " + type_text(image) + ", " +
                       type_text(boxes) + " and " + type_text(numbers));
  }
  if (size[0] <= 0 || size[1] <= 0 || image.shape()[1] <= 0 || image.shape()[2] <= 0) return input_error("crops and images must have pixels");
  MutableTensor y = TRY(c.allocate(DType::kFloat32, {boxes.shape()[0], size[0], size[1], image.shape()[3]}));
  const Sampler sampler(image, a);
  const int64_t depth = image.shape()[3], count = y.elements() == 0 ? 0 : boxes.shape()[0];
  float* to = y.as<float>();
  for (int64_t b = 0; b < count; ++b) {
    const int64_t batch = numbers.as_int64(b);
    if (batch < 0 || batch >= image.shape()[0])
      return input_error("image " + std::to_string(batch) + " of " + std::to_string(image.shape()[0]) + " does not exist");
    const float y1 = boxes.at<float>(b * 4), x1 = boxes.at<float>(b * 4 + 1), y2 = boxes.at<float>(b * 4 + 2), x2 = boxes.at<float>(b * 4 + 3);
    for (int64_t row = 0; row < size[0]; ++row) {
      const float at_y = place(row, size[0], y1, y2, image.shape()[1]);
      for (int64_t column = 0; column < size[1]; ++column) {
        const float at_x = place(column, size[1], x1, x2, image.shape()[2]);
        for (int64_t k = 0; k < depth; ++k) *to++ = sampler.sample(batch, at_y, at_x, k);
      }
    }
  }
  return one(std::move(y));
}

}  // namespace

constinit const OpDef kOp_CropAndResize = {
    .name = "CropAndResize",
    .signature = "image: T, boxes: float32, box_ind: int32, crop_size: int32 -> crops: float32",
    .make_attributes = &make_attributes<CropAndResizeAttributes>,
    .infer = infer_crop_and_resize,
    .reference = reference_crop_and_resize,
    .doc =
        "Boxes cut out of images and scaled to one size. A box is (y1, x1, y2, x2) where 0 is the first row or column and 1 the last; what lies outside of "
        "the image is `extrapolation_value`.",
};

}  // namespace isomer::ops
