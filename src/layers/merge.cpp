// Layers that join several inputs.
#include <algorithm>

#include "layers/layer_classes.h"

namespace isomer::layers {
namespace {

// All inputs. Keras 3 joins numbers of several dtypes: in floats where one holds floats, else in the widest of the integers. Keras 2 refuses such.
std::vector<Value> in_one_dtype(LayerCall& c) {
  Emitter& e = c.e;
  std::vector<Value> values;
  for (size_t i = 0; i < c.inputs.size(); ++i) values.push_back(c.input(i));
  if (c.config.generation() != Generation::kKeras3 || values.empty()) return values;
  DType widest = e.dtype(values[0]);
  for (const Value x : values) {
    const DType dtype = e.dtype(x);
    if (dtype == DType::kString || dtype == widest) continue;
    if (is_float(dtype) != is_float(widest)) {
      widest = is_float(dtype) ? dtype : widest;
    } else if (element_size(dtype) > element_size(widest) || widest == DType::kBool) {
      widest = dtype;
    }
  }
  for (Value& x : values) x = e.cast(x, widest);
  return values;
}

// Inputs of lower rank get axes of size 1 behind the batch, as Keras merges them.
std::vector<Value> aligned(LayerCall& c) {
  Emitter& e = c.e;
  int64_t rank = 0;
  std::vector<Value> values = in_one_dtype(c);
  for (const Value x : values) rank = std::max(rank, e.rank(x));
  for (Value& x : values)
    for (int64_t r = e.rank(x); r < rank; ++r) x = e.expand(x, 1);
  if (values.size() < 2) e.refuse("the layer joins two inputs or more, it has " + std::to_string(values.size()));
  return values;
}

Value merged_mask(LayerCall& c) {
  Value mask;
  for (const LayerValue& input : c.inputs) mask = both(c.e, mask, input.mask);
  return mask;
}

Value fold(LayerCall& c, std::string_view op) {
  const std::vector<Value> values = aligned(c);
  Value result = values.empty() ? Value() : values[0];
  for (size_t i = 1; i < values.size(); ++i) result = c.e.make(op, {result, values[i]});
  return result;
}

template <const char* op>
void merge(LayerCall& c) {
  const Value y = fold(c, op);
  c.outputs.push_back({y, merged_mask(c)});
}
constexpr char kAdd[] = "AddV2", kSubtract[] = "Sub", kMultiply[] = "Mul", kMaximum[] = "Maximum", kMinimum[] = "Minimum";

void average(LayerCall& c) {
  const Value sum = fold(c, "AddV2");
  const Value y = c.e.multiply(sum, 1.0 / static_cast<double>(std::max<size_t>(1, c.inputs.size())));
  c.outputs.push_back({y, merged_mask(c)});
}

// Masks are joined as their inputs are; an input without one counts as unmasked everywhere.
Value concatenated_mask(LayerCall& c, int64_t axis) {
  Emitter& e = c.e;
  if (std::none_of(c.inputs.begin(), c.inputs.end(), [](const LayerValue& v) { return v.mask.valid(); })) return {};
  std::vector<Value> masks;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    const Value x = c.input(i);
    const Value ones = e.make("OnesLike", {e.make("NotEqual", {x, x})});
    if (!c.inputs[i].mask.valid()) {
      masks.push_back(ones);
    } else {
      Value mask = c.inputs[i].mask;
      while (e.rank(mask) < e.rank(x)) mask = e.expand(mask, -1);
      masks.push_back(e.make("LogicalAnd", {mask, ones}));
    }
  }
  return e.reduce("All", e.concatenate(masks, axis), {-1});
}

void concatenate(LayerCall& c) {
  if (c.inputs.empty()) return c.e.refuse("the layer joins two inputs or more");
  const int64_t axis = positive_axis(c.e, c.input(), c.config.integer("axis", c.config.integer("concat_axis", -1)));
  const std::vector<Value> values = in_one_dtype(c);
  const Value y = values.size() == 1 ? values[0] : c.e.concatenate(values, axis);
  c.outputs.push_back({y, concatenated_mask(c, axis)});
}

// One letter for each axis: the batch is b, the contracted axis k.
std::string letters(int64_t rank, int64_t contracted, char first, std::string& free) {
  std::string text = "b";
  for (int64_t i = 1; i < rank; ++i) {
    if (i == contracted) {
      text += 'k';
    } else {
      text += first;
      free += first++;
    }
  }
  return text;
}

void dot(LayerCall& c) {
  Emitter& e = c.e;
  Value a = c.input(0), b = c.input(1);
  std::vector<int64_t> axes = c.config.integers("axes", c.config.integers("dot_axes", {-1}));
  if (axes.size() == 1) axes.push_back(axes[0]);
  if (axes.size() != 2) return e.refuse("Dot takes one axis or two");
  const int64_t axis_a = positive_axis(e, a, axes[0]), axis_b = positive_axis(e, b, axes[1]);
  if (c.config.boolean("normalize", false)) {
    a = l2_normalize(e, a, {{axis_a}});
    b = l2_normalize(e, b, {{axis_b}});
  }
  std::string free;
  const std::string left = letters(e.rank(a), axis_a, 'l', free), right = letters(e.rank(b), axis_b, 's', free);
  const Value inputs[] = {a, b};
  Value y = e.make("Einsum", inputs, {{"equation", left + "," + right + "->b" + free}});
  if (free.empty()) y = e.expand(y, 1);
  c.give(y);
}

// Keras 1 had one class with a mode.
void merge_by_mode(LayerCall& c) {
  const std::string mode = c.config.text("mode", "sum");
  if (mode == "sum") return merge<kAdd>(c);
  if (mode == "mul") return merge<kMultiply>(c);
  if (mode == "ave") return average(c);
  if (mode == "max") return merge<kMaximum>(c);
  if (mode == "concat") return concatenate(c);
  if (mode == "dot") return dot(c);
  c.unsupported("Merge with the mode '" + mode + "'", "export the model as a SavedModel");
}

}  // namespace

LAYER_CLASS(Add, merge<kAdd>, "The sum of the inputs.")
LAYER_CLASS(Subtract, merge<kSubtract>, "The first input minus the second.")
LAYER_CLASS(Multiply, merge<kMultiply>, "The product of the inputs.")
LAYER_CLASS(Average, average, "The mean of the inputs.")
LAYER_CLASS(Maximum, merge<kMaximum>, "The largest of the inputs, element by element.")
LAYER_CLASS(Minimum, merge<kMinimum>, "The smallest of the inputs, element by element.")
LAYER_CLASS(Concatenate, concatenate, "The inputs one after the other along an axis.")
LAYER_CLASS(Dot, dot, "The dot products of two inputs along one axis each.")
LAYER_CLASS(Merge, merge_by_mode, "Keras 1: one of the above by its mode.")

}  // namespace isomer::layers
