// Layers that prepare data: images, numbers, categories.
#include <algorithm>
#include <cmath>
#include <functional>

#include "layers/layer_classes.h"

namespace isomer::layers {
namespace {

void rescaling(LayerCall& c) {
  Emitter& e = c.e;
  Value x = c.input();
  if (!is_float(e.dtype(x))) x = e.cast(x, c.compute());
  // One number, or one for each channel.
  const auto factor = [&](std::string_view key, double otherwise) {
    const std::vector<double> values = c.config.numbers(key, {otherwise});
    if (values.size() == 1) return e.like(x, values[0]);
    std::vector<float> floats(values.begin(), values.end());
    return e.cast(e.constant(Tensor::of<float>(DType::kFloat32, {static_cast<int64_t>(floats.size())}, floats), key), e.dtype(x));
  };
  c.give(e.add(e.multiply(x, factor("scale", 1)), factor("offset", 0)));
}

// An image of rank 3 becomes a batch of one.
Value with_batch(Emitter& e, Value x, bool& alone) {
  alone = e.rank(x) == 3;
  return alone ? e.expand(x, 0) : x;
}

// Kernels of TensorFlow's ScaleAndTranslate, which antialiases.
std::string_view scaling_kernel(const std::string& interpolation, bool antialias) {
  for (const std::string_view own : {"lanczos3", "lanczos5", "gaussian", "mitchellcubic"})
    if (own == interpolation) return own;
  if (antialias && interpolation == "bilinear") return "triangle";
  return antialias && interpolation == "bicubic" ? "keyscubic" : "";
}

Value resize(LayerCall& c, Value x, int64_t height, int64_t width, const std::string& interpolation) {
  Emitter& e = c.e;
  const Value size = e.integers({height, width});
  const bool antialias = c.config.boolean("antialias", false);
  if (const std::string_view kernel = scaling_kernel(interpolation, antialias); !kernel.empty()) {
    const int64_t h = e.known_size(x, 1, "the height of the image"), w = e.known_size(x, 2, "the width of the image");
    const std::vector<float> scale = {static_cast<float>(height) / static_cast<float>(h), static_cast<float>(width) / static_cast<float>(w)}, none = {0, 0};
    const auto pair = [&](const std::vector<float>& values) { return e.constant(Tensor::of<float>(DType::kFloat32, {2}, values)); };
    return e.make("ScaleAndTranslate", {e.cast(x, DType::kFloat32), size, pair(scale), pair(none)},
                  {{"kernel_type", std::string(kernel)}, {"antialias", antialias}});
  }
  if (interpolation == "nearest") return e.make("ResizeNearestNeighbor", {x, size}, {{"half_pixel_centers", true}});
  if (interpolation == "bilinear") return e.make("ResizeBilinear", {x, size}, {{"half_pixel_centers", true}});
  if (interpolation == "bicubic") return e.make("ResizeBicubic", {x, size}, {{"half_pixel_centers", true}});
  if (interpolation == "area") return e.make("ResizeArea", {x, size});
  c.unsupported("the interpolation '" + interpolation + "'", "use bilinear, nearest, bicubic or area");
  return x;
}

// The largest part from the middle that has the wanted proportions.
Value crop_to_proportions(LayerCall& c, Value x, int64_t height, int64_t width) {
  Emitter& e = c.e;
  const int64_t h = e.known_size(x, 1, "the height of the image"), w = e.known_size(x, 2, "the width of the image");
  if (e.failed() || height < 1 || width < 1) return x;
  const int64_t crop_h = std::min(h, static_cast<int64_t>(static_cast<double>(w * height) / static_cast<double>(width)));
  const int64_t crop_w = std::min(w, static_cast<int64_t>(static_cast<double>(h * width) / static_cast<double>(height)));
  const int64_t top = (h - crop_h) / 2, left = (w - crop_w) / 2;
  return e.slice(e.slice(x, 1, top, top + crop_h), 2, left, left + crop_w);
}

// Borders above and below, or left and right, that give the image the wanted proportions.
Value pad_to_proportions(LayerCall& c, Value x, int64_t height, int64_t width) {
  Emitter& e = c.e;
  const int64_t h = e.known_size(x, 1, "the height of the image"), w = e.known_size(x, 2, "the width of the image");
  if (e.failed() || height < 1 || width < 1) return x;
  if (const std::string mode = c.config.text("fill_mode", "constant"); mode != "constant") c.unsupported("the fill_mode '" + mode + "'");
  const int64_t tall = std::max(h, static_cast<int64_t>(static_cast<double>(w * height) / static_cast<double>(width)));
  const int64_t wide = std::max(w, static_cast<int64_t>(static_cast<double>(h * width) / static_cast<double>(height)));
  const int64_t top = (tall - h) / 2, left = (wide - w) / 2;
  if (top == 0 && left == 0) return x;
  const Value sides = e.reshape(e.integers({0, 0, top, top, left, left, 0, 0}), {4, 2});
  return e.make("PadV2", {x, sides, e.like(x, c.config.number("fill_value", 0))});
}

void resizing(LayerCall& c) {
  Emitter& e = c.e;
  const int64_t height = c.config.integer("height", 1), width = c.config.integer("width", 1);
  const std::string interpolation = c.config.text("interpolation", "bilinear");
  const bool first = c.config.channels_first();
  bool alone = false;
  const Value in = with_batch(e, c.input(), alone);
  Value x = first ? to_channels_last(e, in) : in;
  const DType dtype = e.dtype(x);
  if (c.config.boolean("crop_to_aspect_ratio", false)) x = crop_to_proportions(c, x, height, width);
  if (c.config.boolean("pad_to_aspect_ratio", false)) x = pad_to_proportions(c, x, height, width);
  x = resize(c, x, height, width, interpolation);
  // Integers stay integers only where pixels are copied.
  if (is_float(dtype)) x = e.cast(x, dtype);
  x = first ? to_channels_first(e, x) : x;
  c.give(alone ? e.squeeze(x, 0) : x);
}

void center_crop(LayerCall& c) {
  Emitter& e = c.e;
  const int64_t height = c.config.integer("height", 1), width = c.config.integer("width", 1);
  const bool first = c.config.channels_first();
  bool alone = false;
  const Value in = with_batch(e, c.input(), alone);
  Value x = first ? to_channels_last(e, in) : in;
  const int64_t h = e.known_size(x, 1, "the height of the image"), w = e.known_size(x, 2, "the width of the image");
  if (h >= height && w >= width) {
    const int64_t top = (h - height) / 2, left = (w - width) / 2;
    x = e.slice(e.slice(x, 1, top, top + height), 2, left, left + width);
  } else {
    x = e.cast(resize(c, crop_to_proportions(c, x, height, width), height, width, "bilinear"), DType::kFloat32);
  }
  x = first ? to_channels_first(e, x) : x;
  c.give(alone ? e.squeeze(x, 0) : x);
}

// One layer after the other.
void pipeline(LayerCall& c) {
  const JsonValue* list = c.config.find("layers");
  if (!list || !list->is_array()) return c.e.refuse("a Pipeline has no layers");
  c.outputs = {c.inputs.empty() ? LayerValue{c.input(), {}} : c.inputs[0]};
  for (const JsonValue& json : list->items()) {
    const auto layer = c.lowering.inner_layer(c.e, json);
    if (!layer || c.e.failed() || c.outputs.empty()) return;
    c.outputs = c.lowering.call_layer(c.e, *layer, Call{}, c.outputs);
  }
}

// Random image layers do nothing outside of training.
void only_in_training(LayerCall& c) {
  c.note("the layer '" + c.layer.name + "' (" + c.layer.class_name + ") passes its input through: it works in training only");
  Value x = c.input();
  if (!is_float(c.e.dtype(x))) x = c.e.cast(x, c.compute());
  c.give(x);
}

// --- categories

}  // namespace

void encode(LayerCall& c, Value indices, int64_t depth, const std::string& mode, Value weights) {
  Emitter& e = c.e;
  if (mode == "int") return c.give(indices);
  const int64_t rank = e.rank(indices);
  if (mode == "one_hot" || mode == "oneHot") {
    // A last dimension of 1 makes way for the classes.
    if (rank > 0 && e.shape(indices).has_rank() && e.shape(indices)[rank - 1] == 1) indices = e.squeeze(indices, rank - 1);
  } else if (rank == 0) {
    indices = e.expand(indices, 0);
  } else if (rank == 1 && c.config.generation() != Generation::kTfjs) {
    indices = e.expand(indices, 1);
  }
  Value rows = e.make("OneHot", {indices, e.integer(depth), e.scalar(c.compute(), 1), e.scalar(c.compute(), 0)}, {{"axis", int64_t{-1}}});
  if (mode == "one_hot" || mode == "oneHot") return c.give(rows);
  if (weights.valid()) rows = e.multiply(rows, e.expand(e.cast(weights, c.compute()), -1));
  if (mode == "multi_hot" || mode == "multiHot") return c.give(e.reduce("Max", rows, {-2}));
  if (mode == "count") return c.give(e.reduce("Sum", rows, {-2}));
  c.unsupported("the output mode '" + mode + "'", "use int, one_hot, multi_hot or count");
}

namespace {

void category_encoding(LayerCall& c) {
  Emitter& e = c.e;
  const Value x = c.input();
  const Value indices = e.dtype(x) == DType::kInt64 ? x : e.cast(x, DType::kInt32);
  encode(c, indices, c.config.integer("num_tokens", c.config.integer("max_tokens", 0)), c.config.text("output_mode", "multi_hot"),
         c.inputs.size() > 1 ? c.input(1) : Value());
}

void discretization(LayerCall& c) {
  Emitter& e = c.e;
  const std::vector<double> boundaries = c.config.numbers("bin_boundaries", {});
  if (boundaries.empty()) return c.unsupported("a Discretization layer that was not given its boundaries", "adapt it before it is saved");
  const std::vector<float> floats(boundaries.begin(), boundaries.end());
  Value x = c.input();
  if (!is_float(e.dtype(x))) x = e.cast(x, DType::kFloat32);
  const Value bins = e.make("Bucketize", {x}, {{"boundaries", floats}});
  const bool wide = c.config.generation() != Generation::kKeras3 && c.config.text("output_mode", "int") == "int";
  encode(c, wide ? e.cast(bins, DType::kInt64) : bins, static_cast<int64_t>(floats.size()) + 1, c.config.text("output_mode", "int"), {});
}

void hashing(LayerCall& c) {
  Emitter& e = c.e;
  const int64_t bins = c.config.integer("num_bins", 1);
  Value x = c.input();
  if (e.dtype(x) != DType::kString) x = e.make("AsString", {x});
  const bool masked = c.config.has("mask_value");
  const int64_t used = masked ? bins - 1 : bins;
  Value hashed;
  if (c.config.has("salt")) {
    std::vector<int64_t> key = c.config.integers("salt", {});
    if (key.size() == 1) key.push_back(key[0]);
    hashed = e.make("StringToHashBucketStrong", {x}, {{"num_buckets", used}, {"key", key}});
  } else {
    hashed = e.make("StringToHashBucketFast", {x}, {{"num_buckets", used}});
  }
  if (masked) {
    const JsonValue* value = c.config.find("mask_value");
    const std::string text = value->is_string() ? value->text() : std::to_string(c.config.integer("mask_value", 0));
    const Value is_mask = e.make("Equal", {x, e.constant(Tensor::from_strings({}, {{text}}))});
    hashed = e.select(is_mask, e.zeros_like(hashed), e.add(hashed, 1));
  }
  encode(c, hashed, bins, c.config.text("output_mode", "int"), {});
}

// --- HashedCrossing: what TensorFlow's SparseCross computes for one feature of each column

Value wide(Emitter& e, uint64_t value) { return e.constant(Tensor::of<uint64_t>(DType::kUint64, {}, {{value}})); }

Value shift_mix(Emitter& e, Value x) { return e.make("BitwiseXor", {x, e.make("RightShift", {x, wide(e, 47)})}); }

// TensorFlow's FingerprintCat64.
Value joined_hash(Emitter& e, Value a, Value b) {
  const Value factor = wide(e, 0xc6a4a7935bd1e995);
  const auto times = [&](Value x) { return e.multiply(x, factor); };
  Value y = e.make("BitwiseXor", {e.make("BitwiseXor", {a, factor}), times(shift_mix(e, times(b)))});
  return shift_mix(e, times(shift_mix(e, times(y))));
}

// The fingerprint of texts, of which the op tells the rest of a division alone: by 2^63 - 1, and by 2^62, which says whether one was taken away.
Value fingerprint(Emitter& e, Value x) {
  constexpr int64_t kMost = INT64_MAX, kLow = int64_t{1} << 62;
  const Value rest = e.cast(e.make("StringToHashBucketFast", {x}, {{"num_buckets", kMost}}), DType::kUint64);
  const Value low = e.cast(e.make("StringToHashBucketFast", {x}, {{"num_buckets", kLow}}), DType::kUint64);
  const Value mask = wide(e, static_cast<uint64_t>(kLow) - 1);
  const Value taken = e.make("NotEqual", {e.make("BitwiseAnd", {rest, mask}), low});
  return e.add(rest, e.multiply(e.cast(taken, DType::kUint64), wide(e, static_cast<uint64_t>(kMost))));
}

void hashed_crossing(LayerCall& c) {
  Emitter& e = c.e;
  const int64_t bins = c.config.integer("num_bins", 1);
  Value hash = wide(e, 0xDECAFCAFFE);
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    const Value x = c.input(i);
    hash = joined_hash(e, hash, e.dtype(x) == DType::kString ? fingerprint(e, x) : e.cast(e.cast(x, DType::kInt64), DType::kUint64));
  }
  const Value bin = e.cast(e.make("FloorMod", {hash, wide(e, static_cast<uint64_t>(std::max<int64_t>(bins, 1)))}), DType::kInt64);
  encode(c, bin, bins, c.config.text("output_mode", "int"), {});
}

}  // namespace

LAYER_CLASS(HashedCrossing, hashed_crossing, "Several categories together to a number of bins.")
LAYER_CLASS(Rescaling, rescaling, "x * scale + offset.")
LAYER_CLASS(Resizing, resizing, "Images at another size.")
LAYER_CLASS(CenterCrop, center_crop, "The middle of images.")
LAYER_CLASS(RandomCrop, center_crop, "The middle of images; another part in training.")
LAYER_CLASS(RandomFlip, only_in_training, "Nothing but in training.")
LAYER_CLASS(RandomRotation, only_in_training, "Nothing but in training.")
LAYER_CLASS(RandomTranslation, only_in_training, "Nothing but in training.")
LAYER_CLASS(RandomZoom, only_in_training, "Nothing but in training.")
LAYER_CLASS(RandomContrast, only_in_training, "Nothing but in training.")
LAYER_CLASS(RandomBrightness, only_in_training, "Nothing but in training.")
LAYER_CLASS(RandomHeight, only_in_training, "Nothing but in training.")
LAYER_CLASS(RandomWidth, only_in_training, "Nothing but in training.")
LAYER_CLASS(RandomHue, only_in_training, "Nothing but in training.")
LAYER_CLASS(RandomSaturation, only_in_training, "Nothing but in training.")
LAYER_CLASS(RandomColorJitter, only_in_training, "Nothing but in training.")
LAYER_CLASS(RandomColorDegeneration, only_in_training, "Nothing but in training.")
LAYER_CLASS(RandomGrayscale, only_in_training, "Nothing but in training.")
LAYER_CLASS(RandomInvert, only_in_training, "Nothing but in training.")
LAYER_CLASS(RandomPosterization, only_in_training, "Nothing but in training.")
LAYER_CLASS(RandomSharpness, only_in_training, "Nothing but in training.")
LAYER_CLASS(RandomShear, only_in_training, "Nothing but in training.")
LAYER_CLASS(RandomPerspective, only_in_training, "Nothing but in training.")
LAYER_CLASS(RandomElasticTransform, only_in_training, "Nothing but in training.")
LAYER_CLASS(RandomErasing, only_in_training, "Nothing but in training.")
LAYER_CLASS(RandomGaussianBlur, only_in_training, "Nothing but in training.")
LAYER_CLASS(RandAugment, only_in_training, "Nothing but in training.")
LAYER_CLASS(AugMix, only_in_training, "Nothing but in training.")
LAYER_CLASS(CutMix, only_in_training, "Nothing but in training.")
LAYER_CLASS(MixUp, only_in_training, "Nothing but in training.")
LAYER_CLASS(Solarization, only_in_training, "Nothing but in training.")
LAYER_CLASS(Pipeline, pipeline, "Preprocessing layers one after the other.")
LAYER_CLASS(CategoryEncoding, category_encoding, "Indices as vectors of ones and zeros, or counts.")
LAYER_CLASS(Discretization, discretization, "Numbers to the indices of bins.")
LAYER_CLASS(Hashing, hashing, "Texts and numbers to a number of bins.")

}  // namespace isomer::layers
