#include "cli/input_flags.h"

#include <CLI/CLI.hpp>
#include <charconv>

#include "cli/command.h"

namespace isomer::cli {
namespace {

std::optional<int64_t> whole(std::string_view text) {
  int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

// "0.5" or "1/255".
std::optional<double> fraction(std::string_view text) {
  const auto number = [](std::string_view part) -> std::optional<double> {
    double value = 0;
    const auto parsed = std::from_chars(part.data(), part.data() + part.size(), value);
    if (parsed.ec != std::errc() || parsed.ptr != part.data() + part.size()) return std::nullopt;
    return value;
  };
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return number(text);
  const auto above = number(text.substr(0, slash)), below = number(text.substr(slash + 1));
  if (!above || !below || *below == 0) return std::nullopt;
  return *above / *below;
}

Result<std::vector<double>> fractions(const std::string& flag, const std::string& text) {
  std::vector<double> values;
  for (const std::string& part : split_list(text)) {
    const auto value = fraction(part);
    if (!value) {
      return fail(
          Error{ErrorCode::kInvalidArgument, flag + ": '" + part + "' is no number", {}, {}, "write a number or a fraction, or three for the channels"});
    }
    values.push_back(*value);
  }
  return values;
}

Result<std::pair<std::string, Shape>> named_shape(const std::string& text) {
  const size_t equals = text.find('=');
  Shape shape;
  bool good = equals != std::string::npos && equals > 0;
  for (const std::string& part : split_list(good ? std::string_view(text).substr(equals + 1) : "")) {
    const auto size = whole(part);
    good = good && size;
    shape.push_back(size.value_or(0));
  }
  if (!good) return fail(Error{ErrorCode::kInvalidArgument, "--input_shape: '" + text + "' is not NAME=SIZES", {}, {}, "write --input_shape x=1,224,224,3"});
  return std::pair(text.substr(0, equals), shape);
}

Result<std::pair<int64_t, int64_t>> image_size_of(const std::string& text) {
  const size_t cross = text.find('x');
  const auto height = whole(std::string_view(text).substr(0, cross));
  const auto width = cross == std::string::npos ? height : whole(std::string_view(text).substr(cross + 1));
  if (height && width && *height > 0 && *width > 0) return std::pair(*height, *width);
  return fail(
      Error{ErrorCode::kInvalidArgument, "--image_size: '" + text + "' is no size", {}, {}, "write HEIGHTxWIDTH, or one number for both: 224x224, 224"});
}

}  // namespace

void InputFlags::add_to(CLI::App& app, const std::string& name, const std::string& otherwise) {
  app.add_option(name, inputs,
                 "NAME=FILE, once for each input: .npy, .npz, .json, PNG, JPEG, .bin (plain elements); NAME=random:SEED; FILE alone is the only input or an "
                 ".npz with all, random:SEED alone draws the rest" +
                     otherwise)
      ->allow_extra_args(false);
  app.add_option("--input_shape", shapes, "NAME=SIZES, where the model leaves sizes open: x=1,224,224,3 (for .bin files and random numbers)")
      ->allow_extra_args(false);
  app.add_option("--image_size", image_size, "HEIGHTxWIDTH that images are resized to (default: what the model takes, else their own)");
  app.add_option("--image_mean", image_mean, "subtracted from pixels 0 to 255: one number, or one for each channel (default: 0)");
  app.add_option("--image_scale", image_scale, "then multiplied: 1/255, or 1/127.5, or one for each channel (default: 1/255; 1 for integer inputs)");
}

Result<InputRequest> InputFlags::finish() const {
  InputRequest request;
  request.inputs = inputs;
  for (const std::string& text : shapes) request.shapes.insert(TRY(named_shape(text)));
  if (!image_size.empty()) request.image.size = TRY(image_size_of(image_size));
  request.image.mean = TRY(fractions("--image_mean", image_mean));
  request.image.scale = TRY(fractions("--image_scale", image_scale));
  return request;
}

}  // namespace isomer::cli
