// Inputs of a model from files, images and random numbers.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/limits.h"
#include "ir/module.h"
#include "tensor/named_tensor.h"

namespace isomer {

// How pixels become numbers: (pixel - mean) * scale, with pixels from 0 to 255.
struct ImageOptions {
  std::optional<std::pair<int64_t, int64_t>> size;  // height, width; default: what the model takes, else the image's own
  std::vector<double> mean;                         // one for all channels, or one each; default 0
  std::vector<double> scale;                        // likewise; default 1/255 for float inputs, 1 for integer inputs
};

struct InputRequest {
  // "NAME=FILE", "NAME=random:SEED", or FILE and "random:SEED" alone: FILE is then the model's only input or an .npz with all of them, random numbers serve
  // all inputs that nothing else names. Files are recognised by content: .npy, .npz (the array of that name, or its only one), PNG, JPEG, and by their
  // ending: .json (formats/tensor_json.h) and .bin, .raw (elements of the input's dtype, little endian, in C order).
  std::vector<std::string> inputs;
  std::map<std::string, Shape> shapes;  // of raw files and random numbers, by input name, where the model leaves dimensions open
  ImageOptions image;
};

struct GivenInputs {
  std::vector<NamedTensor> tensors;
  std::map<std::string, uint64_t> random;  // seeds of inputs to be drawn, by name
  std::optional<uint64_t> random_rest;     // the seed of all others
};

// The names before '=' that are no inputs of the model: tensors to cut it at (isomer/ports.h).
Result<std::vector<std::string>> names_to_cut(const ir::Module& module, const InputRequest& request);

// Reads what is given. InvalidArgument where a name is not an input, a file does not suit the input, or an input is given twice.
Result<GivenInputs> read_inputs(const ir::Module& module, const InputRequest& request, const Limits& limits);

// Pixels of a PNG or JPEG file as a value for an input of this type: [N,H,W,C], [H,W,C], [N,C,H,W] or [H,W]. Resized like tf.image.resize (bilinear, pixel
// centres at halves) where the size differs.
Result<Tensor> image_input(const Bytes& file, const TensorType& type, const ImageOptions& options, const Limits& limits);

}  // namespace isomer
