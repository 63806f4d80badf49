// Functions along axes: sums, extremes, moments, running sums, norms.
#include <algorithm>
#include <cmath>

#include "layers/functions.h"
#include "layers/layer_classes.h"

namespace isomer::layers {
namespace {

constexpr std::string_view kAlong = "x|input_tensor|a axis|reduction_indices keepdims|keep_dims";

void reduce(FunctionCall& f) {
  Value x = f.tensor("x");
  const bool means = f.def.op == "Mean";
  if (means && !is_float(f.e.dtype(x)) && !f.of_tensorflow) x = f.e.cast(x, DType::kFloat32);
  if ((f.def.op == "Sum" || f.def.op == "Prod") && f.e.dtype(x) == DType::kBool) x = f.e.cast(x, DType::kInt32);
  f.give(f.e.reduce(f.def.op, x, f.axes("axis", x), f.boolean("keepdims", false)));
}

void reduce_bool(FunctionCall& f) {
  const Value x = f.e.cast(f.tensor("x"), DType::kBool);
  f.give(f.e.reduce(f.def.op, x, f.axes("axis", x), f.boolean("keepdims", false)));
}

Value variance_of(FunctionCall& f) {
  Emitter& e = f.e;
  const Value x = f.floating("x");
  const std::vector<int64_t> axes = f.axes("axis", x);
  const Value mean = e.reduce("Mean", x, axes, true);
  return e.reduce("Mean", e.make("SquaredDifference", {x, mean}), axes, f.boolean("keepdims", false));
}
void variance(FunctionCall& f) { f.give(variance_of(f)); }
void deviation(FunctionCall& f) { f.give(f.e.make("Sqrt", {variance_of(f)})); }

// Mean and variance, as two results.
void moments(FunctionCall& f) {
  const Value x = f.floating("x");
  f.give(f.e.reduce("Mean", x, f.axes("axis", x), f.boolean("keepdims", false)));
  f.give(variance_of(f));
}

void logsumexp(FunctionCall& f) {
  Emitter& e = f.e;
  const Value x = f.floating("x");
  const std::vector<int64_t> axes = f.axes("axis", x);
  const Value most = e.reduce("Max", x, axes, true);
  const Value sum = e.reduce("Sum", e.make("Exp", {e.subtract(x, most)}), axes, true);
  const Value result = e.add(e.make("Log", {sum}), most);
  f.give(f.boolean("keepdims", false) ? result : e.make("Squeeze", {result}, {{"squeeze_dims", axes}}));
}

void count_nonzero(FunctionCall& f) {
  Emitter& e = f.e;
  const Value x = f.tensor("x");
  const Value counted = e.cast(e.make("NotEqual", {x, e.like(x, 0)}), f.of_tensorflow ? DType::kInt64 : DType::kInt32);
  f.give(e.reduce("Sum", counted, f.axes("axis", x), f.boolean("keepdims", false)));
}

// The index of the largest element; without an axis, in the flattened tensor (TensorFlow: along axis 0).
void argument_of(FunctionCall& f) {
  Emitter& e = f.e;
  Value x = f.tensor("x");
  const bool flat = !f.has("axis") && !f.of_tensorflow;
  const int64_t rank = e.rank(x);
  if (flat) x = e.reshape(x, {-1});
  if (e.dtype(x) == DType::kBool) x = e.cast(x, DType::kInt32);
  const int64_t axis = flat ? 0 : f.axis("axis", x, 0);
  const DType dtype = f.of_tensorflow ? f.dtype("output_type", DType::kInt64) : DType::kInt32;
  Value y = e.make(f.def.op, {x, e.integer(axis)}, {{"output_type", dtype}});
  if (f.boolean("keepdims", false)) y = flat ? e.reshape(y, std::vector<int64_t>(static_cast<size_t>(rank), 1)) : e.expand(y, axis);
  f.give(y);
}

void running(FunctionCall& f) {
  Emitter& e = f.e;
  Value x = f.tensor("x");
  if (e.dtype(x) == DType::kBool) x = e.cast(x, DType::kInt32);
  const bool flat = !f.has("axis") && !f.of_tensorflow;
  if (flat) x = e.reshape(x, {-1});
  const int64_t axis = flat ? 0 : f.axis("axis", x, 0);
  f.give(e.make(f.def.op, {x, e.integer(axis)}, {{"exclusive", f.boolean("exclusive", false)}, {"reverse", f.boolean("reverse", false)}}));
}

void average(FunctionCall& f) {
  Emitter& e = f.e;
  const Value x = f.floating("x");
  const std::vector<int64_t> axes = f.axes("axis", x);
  if (!f.has("weights")) return f.give(e.reduce("Mean", x, axes));
  Value weights = e.cast(f.tensor("weights", x), e.dtype(x));
  if (e.rank(weights) == 1 && axes.size() == 1) weights = along_axes(e, weights, x, axes);
  f.give(e.divide(e.reduce("Sum", e.multiply(x, weights), axes), e.reduce("Sum", e.add(e.zeros_like(x), weights), axes)));
}

// Norms of vectors; the Frobenius norm of matrices.
void norm(FunctionCall& f) {
  Emitter& e = f.e;
  const Value x = f.floating("x");
  const std::vector<int64_t> axes = f.axes("axis", x);
  const bool keep = f.boolean("keepdims", false);
  const std::string order = f.text("ord", "");
  const double power = f.number("ord", 2);
  const bool frobenius = !f.has("ord") || order == "fro" || order == "euclidean" || (power == 2 && order.empty() && axes.size() == 1);
  if (frobenius) return f.give(e.make("Sqrt", {e.reduce("Sum", e.multiply(x, x), axes, keep)}));
  const Value size = e.make("Abs", {x});
  if (axes.size() != 1 || !order.empty()) return f.unsupported("of this order");
  if (std::isinf(power)) return f.give(e.reduce(power > 0 ? "Max" : "Min", size, axes, keep));
  if (power == 1) return f.give(e.reduce("Sum", size, axes, keep));
  const Value sum = e.reduce("Sum", e.make("Pow", {size, e.like(size, power)}), axes, keep);
  f.give(e.make("Pow", {sum, e.like(sum, 1 / power)}));
}

// x / its norm along the axis.
void normalize(FunctionCall& f) {
  Emitter& e = f.e;
  const Value x = f.floating("x");
  const double least = f.number("epsilon", f.of_tensorflow ? 1e-12 : 1e-12);
  std::vector<int64_t> axes = f.has("axis") ? f.axes("axis", x) : std::vector<int64_t>{e.rank(x) - 1};
  if (f.def.name == "l2_normalize" || f.number("order", 2) == 2) {
    const Value squares = e.reduce("Sum", e.multiply(x, x), axes, true);
    return f.give(e.multiply(x, e.make("Rsqrt", {e.maximum(squares, f.def.name == "l2_normalize" ? least : least * least)})));
  }
  const double power = f.number("order", 2);
  const Value size = e.make("Abs", {x});
  const Value sum = e.reduce("Sum", e.make("Pow", {size, e.like(size, power)}), axes, true);
  f.give(e.divide(x, e.maximum(e.make("Pow", {sum, e.like(sum, 1 / power)}), least)));
}

void top_k(FunctionCall& f) {
  const Value inputs[] = {f.tensor("x"), f.e.integer(f.integer("k", 1))};
  const auto both = f.e.make_all("TopKV2", inputs, {{"sorted", f.boolean("sorted", true)}});
  for (const Value value : both) f.give(value);
}

// All elements of the last axis, the largest first; or reversed, the smallest.
void sort(FunctionCall& f) {
  Emitter& e = f.e;
  Value x = f.tensor("x");
  const int64_t axis = f.axis("axis", x, -1), rank = e.rank(x);
  const bool descending = f.text("direction", "ASCENDING") == "DESCENDING";
  std::vector<int64_t> order;
  for (int64_t i = 0; i < rank; ++i) order.push_back(i == axis ? rank - 1 : i == rank - 1 ? axis : i);
  x = e.transpose(x, order);
  const bool indices = f.def.name == "argsort";
  // Equal elements keep their order, so that indices are found on the negative.
  const Value key = descending ? x : e.make("Neg", {x});
  const Value inputs[] = {key, e.dimension(x, -1)};
  const auto sorted = e.make_all("TopKV2", inputs, {{"sorted", true}});
  if (sorted.size() < 2) return;
  const Value y = indices ? sorted[1] : descending ? sorted[0] : e.make("Neg", {sorted[0]});
  f.give(e.transpose(y, order));
}

constexpr FunctionDef kRows[] = {
    {"all", kAlong, reduce_bool, "All"},
    {"amax", kAlong, reduce, "Max"},
    {"amin", kAlong, reduce, "Min"},
    {"any", kAlong, reduce_bool, "Any"},
    {"argmax", "x|input axis|dimension keepdims output_type", argument_of, "ArgMax"},
    {"argmin", "x|input axis|dimension keepdims output_type", argument_of, "ArgMin"},
    {"argsort", "x|values axis direction", sort},
    {"average", "x axis weights", average},
    {"count_nonzero", "x|input axis keepdims", count_nonzero},
    {"cumprod", "x axis exclusive reverse", running, "Cumprod"},
    {"cumsum", "x axis exclusive reverse", running, "Cumsum"},
    {"l2_normalize", "x axis|dim epsilon", normalize},
    {"logsumexp", kAlong, logsumexp},
    {"max", kAlong, reduce, "Max"},
    {"mean", kAlong, reduce, "Mean"},
    {"min", kAlong, reduce, "Min"},
    {"moments", "x axis|axes keepdims", moments},
    {"norm", "x|tensor ord axis keepdims", norm},
    {"normalize", "x axis order epsilon", normalize},
    {"prod", kAlong, reduce, "Prod"},
    {"sort", "x|values axis direction", sort},
    {"std", kAlong, deviation},
    {"sum", kAlong, reduce, "Sum"},
    {"top_k", "x|input k sorted", top_k},
    {"var", kAlong, variance},
};

}  // namespace

std::span<const FunctionDef> reduction_functions() { return kRows; }

}  // namespace isomer::layers
