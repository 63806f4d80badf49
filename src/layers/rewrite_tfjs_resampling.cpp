// Before: Resizing, CenterCrop, UpSampling2D with interpolation   After: Permute, Dense, Permute, Dense, Permute
//
// TensorFlow.js has these layers but places points otherwise than Keras. Every one of them is linear and works on rows and on columns alone: a matrix from the
// rows of the image to those of the result, and one for columns. The matrices are measured: the layer itself, as Isomer computes it, runs on images of which
// one row (or column) is 1; what comes out in the middle is a column of the matrix. A Dense layer that does not train multiplies with it.
// Only where the image's size is known.
#include <algorithm>
#include <numeric>

#include "layers/rewrite_tfjs.h"
#include "ops/interpreter.h"

namespace isomer::layers {
namespace {

// Images are measured that many points at a time.
constexpr int64_t kMost = 1 << 22;

class Measured {
 public:
  Measured(const Layer& layer, Generation from, int64_t height, int64_t width, const Limits& limits)
      : layer_(layer), from_(from), size_{height, width}, limits_(limits) {}

  // [size of the image, size of the result] along the axis: 0 for rows, 1 for columns. Invalid where the layer does something else as well.
  Result<Tensor> matrix(int axis) {
    const int64_t length = size_[axis];
    const int64_t at_once = std::clamp<int64_t>(kMost / (size_[0] * size_[1]), 1, length);
    std::vector<float> values;
    int64_t result_length = 0;
    for (int64_t first = 0; first < length; first += at_once) {
      const int64_t count = std::min(at_once, length - first);
      const Tensor out = TRY(run(axis, first, count));
      if (out.dtype() != DType::kFloat32 || out.shape().size() != 4 || out.shape()[3] != count) return Tensor();
      result_length = out.shape()[1 + axis];
      const int64_t middle = out.shape()[2 - axis] / 2;
      for (int64_t c = 0; c < count; ++c)
        for (int64_t i = 0; i < result_length; ++i) {
          const int64_t row = axis == 0 ? i : middle, column = axis == 0 ? middle : i;
          values.push_back(out.at<float>((row * out.shape()[2] + column) * count + c));
        }
    }
    return Tensor::of<float>(DType::kFloat32, {length, result_length}, values);
  }

 private:
  // Images of size_, one in each channel; in that of channel c the row (or column) first + c is 1.
  Result<Tensor> run(int axis, int64_t first, int64_t count) {
    const Shape shape = {1, size_[0], size_[1], count};
    MutableTensor image = TRY(MutableTensor::create(DType::kFloat32, shape, limits_));
    std::vector<double> points(static_cast<size_t>(size_[0] * size_[1] * count));
    for (int64_t c = 0; c < count; ++c)
      for (int64_t i = 0; i < size_[1 - axis]; ++i) {
        const int64_t row = axis == 0 ? first + c : i, column = axis == 0 ? i : first + c;
        points[static_cast<size_t>((row * size_[1] + column) * count + c)] = 1;
      }
    store_doubles(image, 0, points);
    JsonValue json = JsonValue::object();
    json["class_name"] = JsonValue(layer_.class_name);
    json["config"] = layer_.config;
    const Model model = TRY(single_layer_model(json, 1, from_, limits_));
    LoweringOptions options;
    options.limits = limits_;
    options.input_types[model.inputs[0].name] = {DType::kFloat32, PartialShape(shape), DType::kInvalid, {}};
    const LoweredModel lowered = TRY(lower(model, options));
    ir::RunState state;
    TRY(ops::initialize(state, lowered.module));
    const std::vector<ir::RuntimeValue> arguments = {std::move(image).finish()};
    const auto results = TRY(ops::run_function(state, lowered.module, lowered.module.signatures[0].function, arguments));
    return std::get<Tensor>(results[0]);
  }

  const Layer& layer_;
  Generation from_;
  int64_t size_[2];
  const Limits& limits_;
};

bool is_resampled(const SpelledLayer& layer) {
  if (layer.class_name == "Resizing" || layer.class_name == "CenterCrop") return true;
  const std::string interpolation = text_of(layer.config, "interpolation", "nearest");
  return layer.class_name == "UpSampling2D" && interpolation != "nearest";
}

JsonValue order(std::initializer_list<int64_t> dims) { return json_object({{"dims", json_list(dims)}}); }

Term multiply(LayerRewriter& r, Term x, const std::string& suffix, const Tensor& matrix) {
  const Term dense = r.add(suffix, "Dense", json_object({{"units", JsonValue(matrix.shape()[1])}, {"use_bias", JsonValue(false)}}), x);
  r.set_weight(dense, "kernel", matrix);
  return dense;
}

}  // namespace

Result<bool> rewrite_resampling(LayerRewriter& r, const SpelledLayer& layer, Generation from, const Limits& limits) {
  const PartialShape shape = r.shape();
  if (!is_resampled(layer) || !shape.has_rank() || shape.rank() != 4 || text_of(layer.config, "data_format") == "channels_first") return false;
  if (!is_neutral(layer.config, "pad_to_aspect_ratio") && !is_neutral(layer.config, "fill_value")) return false;  // no product gives what it fills in
  if (shape[1] < 1 || shape[2] < 1 || shape[1] * shape[2] > kMost) return false;
  Measured measured(r.layer(), from, shape[1], shape[2], limits);
  const Tensor rows = TRY(measured.matrix(0)), columns = TRY(measured.matrix(1));
  if (!rows.valid() || !columns.valid()) return false;
  Term x = r.input();
  if (r.takes_integers()) x = r.add("floats", "Rescaling", rescaling_config(1, 0), x);
  const Term by_rows = multiply(r, r.add("rows_last", "Permute", order({2, 3, 1}), x), "rows", rows);                    // [width, channels, new height]
  const Term by_columns = multiply(r, r.add("columns_last", "Permute", order({2, 3, 1}), by_rows), "columns", columns);  // [channels, new height, new width]
  r.become("Permute", order({2, 3, 1}), {by_columns});
  return true;
}

}  // namespace isomer::layers
