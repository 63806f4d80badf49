// Convolutions with a kernel of its own for each place (Keras 1 and 2).
//
// Keras has three ways to keep the weights. 1: a matrix for each place, which patches of the input are multiplied by. 2: one matrix of all inputs and all
// outputs, most of which is masked. 3: of that matrix only what is not masked, row by row. 2 and 3 become one product here.
#include <algorithm>

#include "layers/layer_classes.h"

namespace isomer::layers {
namespace {

struct Places {
  std::vector<int64_t> in, out, kernel, strides;
  bool same = false;
};

// Whether input and output places (counted through, the last dimension first) are connected.
bool connected(const Places& p, int64_t in, int64_t out) {
  for (size_t d = p.in.size(); d-- > 0;) {
    const int64_t at = in % p.in[d], to = out % p.out[d], left = p.kernel[d] / 2;
    in /= p.in[d];
    out /= p.out[d];
    const int64_t center = to * p.strides[d] + (p.same ? 0 : left);
    if (at < center - left || at >= center + p.kernel[d] - left) return false;
  }
  return true;
}

int64_t product(const std::vector<int64_t>& sizes) {
  int64_t result = 1;
  for (const int64_t size : sizes) result *= size;
  return result;
}

// 2: [in..., channels, out..., filters] (channels first: the channels and filters before).
Value masked_matrix(LayerCall& c, const Places& p, int64_t channels, int64_t filters, bool first) {
  Emitter& e = c.e;
  std::vector<int64_t> shape;
  const auto add = [&](const std::vector<int64_t>& sizes, int64_t depth) {
    if (first) shape.push_back(depth);
    shape.insert(shape.end(), sizes.begin(), sizes.end());
    if (!first) shape.push_back(depth);
  };
  add(p.in, channels);
  add(p.out, filters);
  const int64_t ins = product(p.in), outs = product(p.out);
  std::vector<float> mask;
  for (int64_t i = 0; i < ins * channels; ++i)
    for (int64_t o = 0; o < outs * filters; ++o) mask.push_back(connected(p, first ? i % ins : i / channels, first ? o % outs : o / filters) ? 1.0F : 0.0F);
  const Value kernel = e.reshape(c.weight("kernel", shape, "kernel_initializer"), {ins * channels, outs * filters});
  return e.multiply(kernel, e.cast(e.constant(Tensor::of<float>(DType::kFloat32, {ins * channels, outs * filters}, mask), "mask"), e.dtype(kernel)));
}

// 3: the connected elements of [outputs, inputs], row by row.
Value sparse_matrix(LayerCall& c, const Places& p, int64_t channels, int64_t filters, bool first) {
  Emitter& e = c.e;
  const int64_t ins = product(p.in), outs = product(p.out);
  std::vector<int64_t> places;
  for (int64_t o = 0; o < outs * filters; ++o)
    for (int64_t i = 0; i < ins * channels; ++i)
      if (connected(p, first ? i % ins : i / channels, first ? o % outs : o / filters)) places.insert(places.end(), {o, i});
  const auto count = static_cast<int64_t>(places.size() / 2);
  const Value kernel = c.weight("kernel", {count}, "kernel_initializer");
  const Value indices = e.constant(Tensor::int32s(places).reshaped({count, 2}), "places");
  return e.transpose(e.make("ScatterNd", {indices, kernel, e.integers({outs * filters, ins * channels})}), {1, 0});
}

// What all ways need: windows of Keras 1 and later.
struct Settings {
  std::vector<int64_t> kernel, strides;
  std::string padding;
  int64_t filters = 0;
  bool first = false, bias = true;
};

template <size_t rank>
Settings read_settings(LayerCall& c) {
  Config& config = c.config;
  Settings s;
  if (config.has("nb_row") && rank == 2) {
    s.kernel = {config.integer("nb_row", 1), config.integer("nb_col", 1)};
  } else {
    s.kernel = config.has("filter_length") ? std::vector<int64_t>{config.integer("filter_length", 1)} : config.window("kernel_size", rank, 1);
  }
  s.strides = config.window(config.has("subsample") ? "subsample" : config.has("subsample_length") ? "subsample_length" : "strides", rank, 1);
  s.padding = config.text(config.has("border_mode") ? "border_mode" : "padding", "valid");
  s.filters = config.integer("filters", config.integer("nb_filter", 0));
  s.first = config.text("dim_ordering", "") == "th" || config.channels_first();
  s.bias = config.boolean("use_bias", config.boolean("bias", true));
  return s;
}

template <size_t rank>
Value by_patches(LayerCall& c, const Settings& s) {
  Emitter& e = c.e;
  Value x = s.first ? to_channels_last(e, c.input()) : c.input();
  std::vector<int64_t> kernel = s.kernel, strides = s.strides;
  const int64_t channels = e.known_size(x, -1, "the number of channels");
  if (rank == 1) {
    x = e.expand(x, 1);
    kernel.insert(kernel.begin(), 1);
    strides.insert(strides.begin(), 1);
  }
  const Value patches =
      e.make("ExtractImagePatches", {x},
             {{"ksizes", with_ends(kernel)}, {"strides", with_ends(strides)}, {"rates", with_ends({1, 1})}, {"padding", std::string("VALID")}});
  const int64_t height = e.known_size(patches, 1, "the height"), width = e.known_size(patches, 2, "the width");
  const int64_t depth = kernel[0] * kernel[1] * channels;
  const Value inputs[] = {e.reshape(patches, {-1, height * width, depth}), c.weight("kernel", {height * width, depth, s.filters}, "kernel_initializer")};
  const Value y = e.make("Einsum", inputs, {{"equation", std::string("bpk,pkf->bpf")}});
  return rank == 1 ? y : e.reshape(y, {-1, height, width, s.filters});
}

template <size_t rank>
Value by_matrix(LayerCall& c, const Settings& s, bool sparse) {
  Emitter& e = c.e;
  const Value x = c.input();
  Places p;
  p.kernel = s.kernel;
  p.strides = s.strides;
  p.same = s.padding == "same";
  const int64_t channels = e.known_size(x, s.first ? 1 : -1, "the number of channels");
  for (size_t d = 0; d < rank; ++d) {
    p.in.push_back(e.known_size(x, static_cast<int64_t>(d) + (s.first ? 2 : 1), "the size of the input"));
    const int64_t span = p.same ? p.in[d] : p.in[d] - p.kernel[d] + 1;
    p.out.push_back(std::max<int64_t>(0, (span + std::max<int64_t>(1, p.strides[d]) - 1) / std::max<int64_t>(1, p.strides[d])));
  }
  if (e.failed()) return {};
  constexpr int64_t kMost = int64_t{1} << 26;
  if (product(p.in) * channels > kMost / std::max<int64_t>(1, product(p.out) * s.filters)) {
    c.unsupported("a LocallyConnected layer of so many connections", "use implementation 1");
    return {};
  }
  const Value matrix = sparse ? sparse_matrix(c, p, channels, s.filters, s.first) : masked_matrix(c, p, channels, s.filters, s.first);
  const Value flat = e.make("MatMul", {e.reshape(x, {-1, product(p.in) * channels}), matrix});
  std::vector<int64_t> shape = p.out;
  shape.insert(shape.begin(), -1);
  shape.insert(s.first ? shape.begin() + 1 : shape.end(), s.filters);
  const Value y = e.reshape(flat, shape);
  return s.first ? to_channels_last(e, y) : y;
}

template <size_t rank>
void locally_connected(LayerCall& c) {
  Emitter& e = c.e;
  const Settings s = read_settings<rank>(c);
  const int64_t implementation = c.config.integer("implementation", 1);
  if (s.padding != "valid" && (s.padding != "same" || implementation == 1)) return e.refuse("LocallyConnected cannot pad with '" + s.padding + "'");
  Value y = implementation == 1 ? by_patches<rank>(c, s) : by_matrix<rank>(c, s, implementation == 3);
  if (e.failed()) return;
  if (s.bias) {
    std::vector<int64_t> shape;
    for (size_t d = 0; d < rank; ++d) shape.push_back(e.known_size(y, static_cast<int64_t>(d) + 1, "the size of the output"));
    shape.insert(s.first && rank == 2 ? shape.begin() : shape.end(), s.filters);
    Value bias = c.weight("bias", shape, "bias_initializer");
    if (s.first && rank == 2) bias = e.transpose(bias, {1, 2, 0});
    y = e.add(y, bias);
  }
  y = activate(c, "activation", y);
  c.give(s.first ? to_channels_first(e, y) : y);
}

}  // namespace

LAYER_CLASS(LocallyConnected1D, locally_connected<1>, "A convolution over steps with a kernel for each place.")
LAYER_CLASS(LocallyConnected2D, locally_connected<2>, "A convolution over the plane with a kernel for each place.")

}  // namespace isomer::layers
