// Activations that TensorFlow.js lacks, or gets wrong, from those that it has: sums, products and multiples of relu, sigmoid, tanh, softplus and elu.
//
//   ReLU with slope, threshold and ceiling   the part above, cut off, less the slope times the part below
//   ELU with another alpha                   relu(x) + alpha elu(-relu(-x))
//   Softmax along another axis               Permute, softmax, Permute
//   hard_sigmoid of Keras 3, hard_silu       relu6(x + 3) / 6
//   glu                                      each half picked out by a Dense of zeros and ones
//   exponential, squareplus                  by a reciprocal, see below
//
// No layer divides or takes a root, but LayerNormalization does: of a, -a, c and -c, whose mean is 0 and whose variance (a² + c²) / 2, the third comes out as
// c / sqrt((a² + c²) / 2 + epsilon). With a tiny c that is a multiple of 1 / a, with c = 1 and epsilon = (b - 1) / 2 one of 1 / sqrt(a² + b). The sum of the
// four is zero exactly, in whatever order it is taken.
//
// An activation that belongs to another layer (Dense, Conv2D) stays behind it: the layer goes on without one, under another name.
#include <algorithm>
#include <cmath>

#include "layers/rewrite_tfjs.h"

namespace isomer::layers {
namespace {

constexpr double kRoot2 = 1.4142135623730951;

double number_of(const JsonValue& config, std::string_view key, double otherwise) {
  const JsonValue* found = config.find(key);
  return found && found->is_number() ? found->number() : otherwise;
}

// Formulas over tensors of one shape.
class Formula {
 public:
  // `shape`: of the tensors; formulas that need one refuse where it is not known.
  Formula(LayerRewriter& r, PartialShape shape) : r_(r), shape_(std::move(shape)) {}

  Term affine(Term x, double scale, double offset) { return r_.add("rescaled", "Rescaling", rescaling_config(scale, offset), x); }
  Term negative(Term x) { return affine(x, -1, 0); }
  Term activation(Term x, const char* name) { return r_.add(name, "Activation", json_object({{"activation", JsonValue(name)}}), x); }
  Term relu(Term x) { return activation(x, "relu"); }
  Term relu(Term x, double most) { return r_.add("relu", "ReLU", json_object({{"max_value", JsonValue(most)}}), x); }
  // x where it is above, else 0
  Term above(Term x, double threshold) { return r_.add("above", "ThresholdedReLU", json_object({{"theta", JsonValue(threshold)}}), x); }
  Term add(Term a, Term b) { return r_.add("sum", "Add", JsonValue::object(), {a, b}); }
  Term subtract(Term a, Term b) { return add(a, negative(b)); }
  Term multiply(Term a, Term b) { return r_.add("product", "Multiply", JsonValue::object(), {a, b}); }

  bool has_shape() const {
    if (!shape_.has_rank() || shape_.rank() < 2) return false;
    int64_t unknown = 0;
    for (int64_t i = 1; i < shape_.rank(); ++i) unknown += shape_[i] == kUnknownDim;
    return unknown < 2;
  }
  int64_t last() const { return shape_.has_rank() && shape_.rank() > 1 ? shape_[shape_.rank() - 1] : kUnknownDim; }

  // factor / sqrt((a² + c²) / 2 + epsilon)
  std::optional<Term> reciprocal_root(Term a, double c, double epsilon, double factor, const Limits& limits) {
    const Term column = r_.add("column", "Reshape", reshape_config({-1, 1}), a);
    const Term constant = affine(column, 0, c);
    const Term four = r_.add("four", "Concatenate", json_object({{"axis", JsonValue(-1)}}), {column, negative(column), constant, negative(constant)});
    const Term normal =
        r_.add("normalized", "LayerNormalization",
               json_object({{"axis", JsonValue(-1)}, {"epsilon", JsonValue(epsilon)}, {"center", JsonValue(false)}, {"scale", JsonValue(false)}}), four);
    const auto third = pick(normal, 4, 2, 1, factor / c, limits);
    if (!third) return std::nullopt;
    JsonValue::Array sizes;
    for (int64_t i = 1; i < shape_.rank(); ++i) sizes.emplace_back(shape_[i] == kUnknownDim ? int64_t{-1} : shape_[i]);
    return r_.add("back", "Reshape", json_object({{"target_shape", JsonValue(std::move(sizes))}}), *third);
  }

  // `count` of the last `size` elements from `first` on, times `factor`
  std::optional<Term> pick(Term x, int64_t size, int64_t first, int64_t count, double factor, const Limits& limits) {
    auto kernel = MutableTensor::create(DType::kFloat32, {size, count}, limits);
    if (!kernel) return std::nullopt;
    std::vector<double> values(static_cast<size_t>(size * count));
    for (int64_t i = 0; i < count; ++i) values[static_cast<size_t>((first + i) * count + i)] = factor;
    store_doubles(*kernel, 0, values);
    const Term picked = r_.add("part", "Dense", json_object({{"units", JsonValue(count)}, {"use_bias", JsonValue(false)}}), x);
    r_.set_weight(picked, "kernel", std::move(*kernel).finish());
    return picked;
  }

 private:
  LayerRewriter& r_;
  PartialShape shape_;
};

Term hard_sigmoid(Formula& f, Term x) { return f.affine(f.activation(f.affine(x, 1, 3), "relu6"), 1.0 / 6, 0); }

// max(x, 0) + alpha (e^(min(x, 0) / width) - 1)
Term elu(Formula& f, Term x, double alpha, double width) {
  const Term below = f.affine(f.relu(f.negative(x)), -1 / width, 0);
  return f.add(f.relu(x), f.affine(f.activation(below, "elu"), alpha, 0));
}

// x from the threshold on, up to `most`; below slope (x - threshold)
Term relu(Formula& f, Term x, double slope, double threshold, std::optional<double> most) {
  Term above = threshold == 0 ? (most ? f.relu(x, *most) : f.relu(x)) : f.above(x, threshold);
  if (threshold != 0 && most) above = threshold > 0 ? f.relu(above, *most) : f.affine(f.relu(f.affine(above, -1, *most)), -1, *most);
  if (slope == 0) return above;
  return f.add(above, f.affine(f.relu(f.affine(x, -1, threshold)), -slope, 0));
}

// (sigmoid(x / 8) / sigmoid(-x / 8))^8: the eighth keeps what is divided by away from zero.
std::optional<Term> exponential(Formula& f, Term x, const Limits& limits) {
  if (!f.has_shape()) return std::nullopt;
  const Term numerator = f.activation(f.affine(x, 0.125, 0), "sigmoid"), denominator = f.activation(f.affine(x, -0.125, 0), "sigmoid");
  const auto reciprocal = f.reciprocal_root(denominator, 1e-9, 0, 1 / kRoot2, limits);
  if (!reciprocal) return std::nullopt;
  Term power = f.multiply(numerator, *reciprocal);
  for (int i = 0; i < 3; ++i) power = f.multiply(power, power);
  return power;
}

// (x + sqrt(x² + 4)) / 2, the root as (x² + 4) / sqrt(x² + 4)
std::optional<Term> squareplus(Formula& f, Term x, const Limits& limits) {
  if (!f.has_shape()) return std::nullopt;
  const auto reciprocal = f.reciprocal_root(x, 1, 1.5, 1 / kRoot2, limits);
  if (!reciprocal) return std::nullopt;
  const Term root = f.multiply(f.affine(f.multiply(x, x), 1, 4), *reciprocal);
  return f.affine(f.add(x, root), 0.5, 0);
}

std::optional<Term> glu(Formula& f, Term x, int64_t size, const Limits& limits) {
  const auto value = f.pick(x, size, 0, size / 2, 1, limits), gate = f.pick(x, size, size / 2, size / 2, 1, limits);
  if (!value || !gate) return std::nullopt;
  return f.multiply(*value, f.activation(*gate, "sigmoid"));
}

// Does the formula of an activation need to know the shape?
bool needs_shape(const std::string& name) { return name == "exponential" || name == "squareplus" || name == "glu"; }

constexpr std::string_view kFormulas[] = {"celu",      "exponential", "glu",         "hard_shrink", "hard_sigmoid",   "hard_silu",  "hard_swish",
                                          "hard_tanh", "log_sigmoid", "soft_shrink", "sparse_plus", "sparse_sigmoid", "squareplus", "tanh_shrink"};

std::optional<Term> formula_of(const std::string& name, Formula& f, Term x, const Limits& limits) {
  if (name == "exponential") return exponential(f, x, limits);
  if (name == "squareplus") return squareplus(f, x, limits);
  if (name == "hard_sigmoid") return hard_sigmoid(f, x);
  if (name == "hard_silu" || name == "hard_swish") return f.multiply(x, hard_sigmoid(f, x));
  if (name == "celu") return elu(f, x, 1, 1);
  if (name == "hard_tanh") return f.affine(f.relu(f.affine(x, 1, 1), 2), 1, -1);
  if (name == "hard_shrink") return f.subtract(f.above(x, 0.5), f.above(f.negative(x), 0.5));
  if (name == "soft_shrink") return f.subtract(f.relu(f.affine(x, 1, -0.5)), f.relu(f.affine(x, -1, -0.5)));
  if (name == "tanh_shrink") return f.subtract(x, f.activation(x, "tanh"));
  if (name == "log_sigmoid") return f.negative(f.activation(f.negative(x), "softplus"));
  if (name == "sparse_sigmoid") return f.relu(f.affine(x, 0.5, 0.5), 1);
  if (name != "sparse_plus") return std::nullopt;
  // (x + 1)² / 4 between -1 and 1, then x
  const Term middle = f.relu(f.affine(x, 1, 1), 2);
  return f.add(f.affine(f.multiply(middle, middle), 0.25, 0), f.relu(f.affine(x, 1, -1)));
}

// The activation's own class where it is an object: {"class_name": "ReLU", "config": {...}}.
bool rewrite_relu(LayerRewriter& r, const JsonValue& config) {
  const double slope = number_of(config, "negative_slope", 0), threshold = number_of(config, "threshold", 0);
  const JsonValue* ceiling = config.find("max_value");
  const std::optional<double> most = ceiling && ceiling->is_number() ? std::optional(ceiling->number()) : std::nullopt;
  if ((slope == 0 && threshold == 0) || (threshold == 0 && !most)) return false;  // as they are, and LeakyReLU
  Formula f(r, r.shape());
  r.become(relu(f, r.input(), slope, threshold, most));
  return true;
}

// Before: Softmax along an axis that is not the last   After: Permute to the end, Softmax, Permute back
bool rewrite_softmax(LayerRewriter& r, const JsonValue& config) {
  const JsonValue* axis_json = config.find("axis");
  if (axis_json && axis_json->is_array() && axis_json->items().size() == 1) axis_json = &axis_json->items()[0];
  const auto given = axis_json ? axis_json->as_int64() : std::nullopt;
  const int64_t rank = r.shape().has_rank() ? r.shape().rank() : 0;
  if (!given) return false;
  const int64_t axis = *given + (*given < 0 ? rank : 0);
  if (axis < 1 || axis >= rank - 1) return false;
  JsonValue::Array order;
  for (int64_t i = 1; i < rank; ++i) order.emplace_back(i == axis ? rank - 1 : i == rank - 1 ? axis : i);
  const JsonValue dims = json_object({{"dims", JsonValue(std::move(order))}});
  const Term soft = r.add("softmax", "Activation", json_object({{"activation", JsonValue("softmax")}}), r.add("last", "Permute", dims));
  r.become("Permute", dims, {soft});
  return true;
}

// Has TensorFlow.js a name for what such a layer computes as an activation?
bool has_name(const std::string& class_name, const JsonValue& config) {
  if (class_name == "ReLU") {
    const JsonValue* most = config.find("max_value");
    return is_neutral(config, "negative_slope") && is_neutral(config, "threshold") && (!most || most->is_null() || (most->is_number() && most->number() == 6));
  }
  if (class_name == "ELU") return number_of(config, "alpha", 1) == 1;
  return class_name == "Softmax" && number_of(config, "axis", -1) == -1;
}

// The layer goes on without its activation.
Term make_linear(LayerRewriter& r) {
  const Term moved = r.move_before("linear");
  r.set_config(moved, "activation", JsonValue("linear"));
  return moved;
}

// Before: Dense(activation=LeakyReLU(...))   After: Dense, LeakyReLU
bool rewrite_layer_as_activation(LayerRewriter& r, const JsonValue& activation, Generation from, const Limits& limits) {
  std::string name = class_name_of(activation);
  const JsonValue* config = activation.is_object() ? activation.find("config") : nullptr;
  JsonValue own = config && config->is_object() ? *config : JsonValue::object();
  if (name == "leaky_relu") {
    name = "LeakyReLU";
    own[from == Generation::kKeras3 ? "negative_slope" : "alpha"] = JsonValue(0.2);
  } else if (name != "LeakyReLU" && name != "ReLU" && name != "ELU" && name != "Softmax") {
    return false;
  }
  if (has_name(name, own)) return false;
  make_linear(r);
  SpelledLayer spelled{name, own};
  spell_as_keras2(spelled, from);
  r.become(name, std::move(own));
  rewrite_activation(r, spelled, from, limits);
  return true;
}

}  // namespace

bool rewrite_activation(LayerRewriter& r, const SpelledLayer& layer, Generation from, const Limits& limits) {
  const JsonValue& config = layer.config;
  if (layer.class_name == "ReLU") return rewrite_relu(r, config);
  if (layer.class_name == "Softmax") return rewrite_softmax(r, config);
  if (layer.class_name == "ELU") {
    const double alpha = number_of(config, "alpha", 1);
    if (alpha == 1) return false;
    Formula f(r, r.shape());
    r.become(elu(f, r.input(), alpha, 1));
    return true;
  }
  const JsonValue* activation = config.find("activation");
  if (!activation || config.find("recurrent_activation") || config.find("cell")) return false;
  const bool alone = layer.class_name == "Activation";
  if (!alone && rewrite_layer_as_activation(r, *activation, from, limits)) return true;
  const std::string name = class_name_of(*activation);
  if (std::find(std::begin(kFormulas), std::end(kFormulas), name) == std::end(kFormulas)) return false;
  if (name == "hard_sigmoid" && from != Generation::kKeras3) return false;
  Formula f(r, alone ? r.shape() : r.result_shape());
  // glu halves what the layer gives: before it there is twice as much.
  const int64_t size = name == "glu" && !alone ? 2 * f.last() : f.last();
  if (needs_shape(name) && (!f.has_shape() || (name == "glu" && (size < 2 || size % 2 != 0)))) return false;
  const Term x = alone ? r.input() : make_linear(r);
  const auto result = name == "glu" ? glu(f, x, size, limits) : formula_of(name, f, x, limits);
  if (!result) return false;
  r.become(*result);
  return true;
}

}  // namespace isomer::layers
