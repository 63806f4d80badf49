// Dense, activations, shapes, masks: layers that need no neighbourhood.
#include <algorithm>
#include <limits>
#include <numeric>

#include "layers/layer_classes.h"

namespace isomer::layers {

int64_t positive_axis(Emitter& e, Value x, int64_t axis) {
  const int64_t rank = e.rank(x);
  const int64_t result = axis < 0 ? axis + rank : axis;
  if (result >= 0 && result < rank) return result;
  e.refuse("there is no axis " + std::to_string(axis) + " in " + to_string(e.type(x)));
  return 0;
}

Value to_channels_last(Emitter& e, Value x) {
  std::vector<int64_t> order = {0};
  for (int64_t i = 2; i < e.rank(x); ++i) order.push_back(i);
  order.push_back(1);
  return e.transpose(x, order);
}

Value to_channels_first(Emitter& e, Value x) {
  const int64_t rank = e.rank(x);
  std::vector<int64_t> order = {0, rank - 1};
  for (int64_t i = 1; i < rank - 1; ++i) order.push_back(i);
  return e.transpose(x, order);
}

Value l2_normalize(Emitter& e, Value x, std::span<const int64_t> axes) {
  const Value squares = e.reduce("Sum", e.multiply(x, x), axes, true);
  return e.multiply(x, e.make("Rsqrt", {e.maximum(squares, 1e-12)}));
}

Value along_axes(Emitter& e, Value weights, Value x, std::span<const int64_t> axes) {
  const int64_t rank = e.rank(x);
  const bool trailing = !axes.empty() && axes.back() == rank - 1 && axes.back() - axes.front() + 1 == static_cast<int64_t>(axes.size());
  if (trailing) return weights;
  std::vector<int64_t> shape(static_cast<size_t>(rank), 1);
  for (size_t i = 0; i < axes.size(); ++i) shape[static_cast<size_t>(axes[i])] = e.known_size(weights, static_cast<int64_t>(i), "a weight's size");
  return e.reshape(weights, shape);
}

std::vector<int64_t> with_ends(std::vector<int64_t> sizes) {
  sizes.insert(sizes.begin(), 1);
  sizes.push_back(1);
  return sizes;
}

Value both(Emitter& e, Value a, Value b) { return !a.valid() ? b : !b.valid() ? a : e.make("LogicalAnd", {a, b}); }

namespace {

void pass_through(LayerCall& c) {
  for (size_t i = 0; i < c.inputs.size(); ++i) c.outputs.push_back(c.inputs[i]);
  if (c.inputs.empty()) c.e.refuse("the layer has no input");
}

// Dropout works where the call says training=True (to sample predictions); else values pass.
void dropout(LayerCall& c) {
  const JsonValue* told = c.call.kwargs.find("training");
  const double rate = c.config.number("rate", c.config.number("p", 0));
  if (!told || *told != JsonValue(true) || rate <= 0) return pass_through(c);
  if (c.layer.class_name == "AlphaDropout" || c.layer.class_name == "GaussianDropout") return c.unsupported("a call with training=True");
  Emitter& e = c.e;
  const Value x = c.input();
  const bool first = c.config.channels_first(), spatial = c.layer.class_name.starts_with("Spatial");
  const std::optional<std::vector<int64_t>> wanted = c.config.has("noise_shape") ? dimensions(*c.config.find("noise_shape")) : std::nullopt;
  std::vector<Value> sizes;
  for (int64_t i = 0; i < e.rank(x); ++i) {
    const bool channel = i == 0 || i == (first ? 1 : e.rank(x) - 1);
    const int64_t size = spatial && !channel ? 1 : wanted && i < static_cast<int64_t>(wanted->size()) ? (*wanted)[static_cast<size_t>(i)] : kUnknownDim;
    sizes.push_back(size == kUnknownDim ? e.dimension(x, i) : e.integer(size));
  }
  const Value drawn = e.make("RandomUniform", {e.dimensions(sizes)}, {{"dtype", e.dtype(x)}});
  const Value kept = e.cast(e.make("GreaterEqual", {drawn, e.like(drawn, rate)}), e.dtype(x));
  c.give_masked(e.multiply(e.multiply(x, kept), 1 / (1 - std::min(rate, 0.999999))));
}

void dense(LayerCall& c) {
  Emitter& e = c.e;
  Value x = c.input();
  if (!is_float(e.dtype(x))) x = e.cast(x, c.compute());
  // Keras 1 says output_dim, and has kernels named W.
  const int64_t units = c.config.integer("units", c.config.integer("output_dim", 0));
  const int64_t in = e.known_size(x, -1, "the number of features");
  const Value kernel = c.weight("kernel", {in, units}, "kernel_initializer");
  const bool bias = c.config.boolean("use_bias", c.config.boolean("bias", true));
  const int64_t rank = e.rank(x);
  Value y;
  if (rank == 2) {
    y = e.make("MatMul", {x, kernel});
  } else {
    std::vector<Value> sizes;
    for (int64_t i = 0; i + 1 < rank; ++i) sizes.push_back(e.dimension(x, i));
    sizes.push_back(e.integer(units));
    y = e.reshape_to(e.make("MatMul", {e.reshape(x, {-1, in}), kernel}), sizes);
  }
  if (bias) y = add_bias(e, y, c.weight("bias", {units}, "bias_initializer"));
  c.give_masked(activate(c, "activation", y));
}

// Keras 1 (R. Srivastava et al., 2015): a gate lets the input pass by the layer.
void highway(LayerCall& c) {
  Emitter& e = c.e;
  const Value x = c.input();
  const int64_t size = e.known_size(x, -1, "the number of features");
  const bool bias = c.config.boolean("bias", true);
  const Value kernel = c.weight("kernel", {size, size}, "init"), carry_kernel = c.weight("carry_kernel", {size, size}, "init");
  Value y = e.make("MatMul", {x, kernel}), gate = e.make("MatMul", {x, carry_kernel});
  if (bias) {
    y = add_bias(e, y, c.weight("bias", {size}, ""));
    gate = add_bias(e, gate, c.weight("carry_bias", {size}, ""));
  }
  gate = e.make("Sigmoid", {gate});
  y = activate(c, "activation", y);
  c.give(e.add(e.multiply(gate, y), e.multiply(e.subtract(e.like(gate, 1), gate), x)));
}

// Keras 1 (I. Goodfellow et al., 2013): the largest of several dense layers.
void maxout_dense(LayerCall& c) {
  Emitter& e = c.e;
  const Value x = c.input();
  const int64_t in = e.known_size(x, -1, "the number of features"), units = c.config.integer("output_dim", 0), count = c.config.integer("nb_feature", 4);
  const Value inputs[] = {x, c.weight("kernel", {count, in, units}, "init")};
  Value y = e.make("Einsum", inputs, {{"equation", std::string("bi,fio->bfo")}});
  if (c.config.boolean("bias", true)) y = e.add(y, c.weight("bias", {count, units}, ""));
  c.give(e.reduce("Max", y, {1}));
}

void activation(LayerCall& c) { c.give_masked(activate(c, "activation", c.input())); }

void flatten(LayerCall& c) {
  Emitter& e = c.e;
  Value x = c.input();
  if (c.config.channels_first() && e.rank(x) > 2) x = to_channels_last(e, x);
  int64_t size = 1;
  for (int64_t i = 1; i < e.rank(x); ++i) {
    const int64_t dim = e.shape(x).has_rank() ? e.shape(x)[i] : kUnknownDim;
    size = dim == kUnknownDim || size == kUnknownDim ? kUnknownDim : size * dim;
  }
  const Value sizes[] = {e.dimension(x, 0), e.integer(-1)};
  c.give(size > 0 ? e.reshape(x, {-1, size}) : e.reshape_to(x, sizes));
}

void reshape(LayerCall& c) {
  Emitter& e = c.e;
  const Value x = c.input();
  const std::vector<int64_t> target = c.config.integers("target_shape", {});
  const bool open = std::find(target.begin(), target.end(), -1) != target.end();
  std::vector<int64_t> sizes = target;
  if (!open) {
    sizes.insert(sizes.begin(), -1);
    return c.give(e.reshape(x, sizes));
  }
  // The batch is open as well: of the two, one has to be computed. Usually the other sizes are known.
  int64_t rest = 1;
  bool known = e.shape(x).has_rank();
  for (int64_t i = 1; i < e.rank(x); ++i) {
    known = known && e.shape(x)[i] != kUnknownDim;
    rest *= known ? e.shape(x)[i] : 1;
  }
  const int64_t given = std::accumulate(target.begin(), target.end(), int64_t{1}, [](int64_t a, int64_t b) { return b == -1 ? a : a * b; });
  if (known && given > 0) {
    for (int64_t& size : sizes) size = size == -1 ? rest / given : size;
    sizes.insert(sizes.begin(), -1);
    return c.give(e.reshape(x, sizes));
  }
  std::vector<Value> values = {e.dimension(x, 0)};
  for (const int64_t size : target) values.push_back(e.integer(size));
  c.give(e.reshape_to(x, values));
}

void permute(LayerCall& c) {
  std::vector<int64_t> order = c.config.integers("dims", {});
  order.insert(order.begin(), 0);
  c.give(c.e.transpose(c.input(), order));
}

void repeat_vector(LayerCall& c) { c.give(c.e.make("Tile", {c.e.expand(c.input(), 1), c.e.integers({1, c.config.integer("n", 1), 1})})); }

void masking(LayerCall& c) {
  Emitter& e = c.e;
  const Value x = c.input();
  const Value different = e.make("NotEqual", {x, e.like(x, c.config.number("mask_value", 0))});
  const Value mask = e.reduce("Any", different, {-1});
  c.outputs.push_back({e.multiply(x, e.cast(e.expand(mask, -1), e.dtype(x))), mask});
}

void embedding(LayerCall& c) {
  Emitter& e = c.e;
  Value x = c.input();
  const int64_t rows = c.config.integer("input_dim", 0), columns = c.config.integer("output_dim", 0);
  const Value table = c.weight("embeddings", {rows, columns}, "embeddings_initializer");
  if (e.dtype(x) != DType::kInt64) x = e.cast(x, DType::kInt32);
  const Value mask = c.config.boolean("mask_zero", false) ? e.make("NotEqual", {x, e.like(x, 0)}) : Value();
  c.outputs.push_back({e.make("GatherV2", {table, x, e.integer(0)}), mask});
}

// An embedding, and back: the products of vectors with all rows of the table.
void reversible_embedding(LayerCall& c) {
  Emitter& e = c.e;
  const JsonValue* reverse = c.call.kwargs.find("reverse");
  if (!reverse || !reverse->is_bool() || !reverse->boolean()) return embedding(c);
  const int64_t rows = c.config.integer("input_dim", 0), columns = c.config.integer("output_dim", 0);
  const bool tied = c.config.boolean("tie_weights", true);
  const Value table = tied ? c.weight("embeddings", {rows, columns}, "embeddings_initializer") : c.weight("reverse_embeddings", {columns, rows}, "");
  Value y = e.make("BatchMatMulV2", {c.input(), table}, {{"adj_y", tied}});
  if (const double cap = c.config.number("logit_soft_cap", 0); cap > 0) y = e.multiply(e.make("Tanh", {e.multiply(y, 1 / cap)}), cap);
  c.give(y);
}

void relu(LayerCall& c) { c.give_masked(relu(c.e, c.config, c.input())); }

void leaky_relu(LayerCall& c) {
  const double slope = c.config.number("negative_slope", c.config.number("alpha", 0.3));
  c.give_masked(c.e.make("LeakyRelu", {c.input()}, {{"alpha", static_cast<float>(slope)}}));
}

void elu(LayerCall& c) {
  const double alpha = c.config.number("alpha", 1);
  const Value x = c.input();
  if (alpha == 1) return c.give_masked(c.e.make("Elu", {x}));
  const Value below = c.e.multiply(c.e.make("Expm1", {x}), alpha);
  c.give_masked(c.e.select(c.e.make("Greater", {x, c.e.like(x, 0)}), x, below));
}

void prelu(LayerCall& c) {
  Emitter& e = c.e;
  const Value x = c.input();
  std::vector<int64_t> shape;
  const std::vector<int64_t> shared = c.config.integers("shared_axes", {});
  for (int64_t i = 1; i < e.rank(x); ++i) {
    const bool is_shared = std::find(shared.begin(), shared.end(), i) != shared.end();
    shape.push_back(is_shared ? 1 : e.known_size(x, i, "a size of the input"));
  }
  const Value alpha = c.weight("alpha", shape, "alpha_initializer");
  c.give_masked(e.subtract(e.make("Relu", {x}), e.multiply(alpha, e.make("Relu", {e.make("Neg", {x})}))));
}

void thresholded_relu(LayerCall& c) {
  Emitter& e = c.e;
  const Value x = c.input();
  c.give_masked(e.multiply(x, e.cast(e.make("Greater", {x, e.like(x, c.config.number("theta", 1))}), e.dtype(x))));
}

void softmax_layer(LayerCall& c) {
  Emitter& e = c.e;
  Value x = c.input();
  const Value mask = c.inputs[0].mask;
  if (mask.valid() && e.rank(mask) == e.rank(x)) x = e.add(x, e.multiply(e.subtract(e.like(x, 1), e.cast(mask, e.dtype(x))), -1e9));
  c.give_masked(softmax(e, x, c.config.integers("axis", {-1})));
}

void refuse_lambda(LayerCall& c) {
  c.unsupported("a Lambda layer holds Python code, which cannot be translated",
                "replace it by layers, or export the model as a SavedModel, which holds its ops");
}

}  // namespace

LAYER_CLASS(Dense, dense, "activation(x . kernel + bias) along the last axis.")
LAYER_CLASS(Highway, highway, "Keras 1: a dense layer and a gate that lets the input pass by it.")
LAYER_CLASS(MaxoutDense, maxout_dense, "Keras 1: the largest of several dense layers.")
LAYER_CLASS(Activation, activation, "An activation function, elementwise.")
LAYER_CLASS(Dropout, dropout, "Nothing but in training, or where a call says so.")
LAYER_CLASS(SpatialDropout1D, dropout, "Nothing but in training, or where a call says so.")
LAYER_CLASS(SpatialDropout2D, dropout, "Nothing but in training, or where a call says so.")
LAYER_CLASS(SpatialDropout3D, dropout, "Nothing but in training, or where a call says so.")
LAYER_CLASS(GaussianNoise, pass_through, "Nothing but in training.")
LAYER_CLASS(GaussianDropout, dropout, "Nothing but in training.")
LAYER_CLASS(AlphaDropout, dropout, "Nothing but in training.")
LAYER_CLASS(ActivityRegularization, pass_through, "Nothing but in training.")
LAYER_CLASS(Identity, pass_through, "Its input.")
LAYER_CLASS(InputLayer, pass_through, "A place where a tensor comes in.")
LAYER_CLASS(Flatten, flatten, "All dimensions but the batch in one.")
LAYER_CLASS(Reshape, reshape, "The same elements under another shape.")
LAYER_CLASS(Permute, permute, "Dimensions in another order; the batch stays.")
LAYER_CLASS(RepeatVector, repeat_vector, "The input n times along a new axis 1.")
LAYER_CLASS(Masking, masking, "Masks steps all of whose features have one value.")
LAYER_CLASS(Embedding, embedding, "Rows of a table, by index.")
LAYER_CLASS(ReversibleEmbedding, reversible_embedding, "Rows of a table, by index; or products with all rows.")
LAYER_CLASS(ReLU, relu, "max(x, 0), with a cap, a threshold and a slope below it.")
LAYER_CLASS(LeakyReLU, leaky_relu, "x where it is positive, else slope * x.")
LAYER_CLASS(ELU, elu, "x where it is positive, else alpha * (exp(x) - 1).")
LAYER_CLASS(PReLU, prelu, "x where it is positive, else alpha * x with learned alphas.")
LAYER_CLASS(ThresholdedReLU, thresholded_relu, "x where it exceeds theta, else 0.")
LAYER_CLASS(Softmax, softmax_layer, "exp(x), divided by its sum along one or several axes.")
LAYER_CLASS(Lambda, refuse_lambda, "Python code: refused.")

}  // namespace isomer::layers
