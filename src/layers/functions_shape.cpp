// Functions that move, join, cut and select elements.
#include <algorithm>
#include <numeric>

#include "layers/functions.h"
#include "layers/layer_classes.h"

namespace isomer::layers {
namespace {

// Sizes that may be tensors themselves, as an int32 vector.
Value sizes_of(FunctionCall& f, std::string_view parameter) {
  const JsonValue* json = f.argument(parameter);
  if (json && json->is_array()) {
    std::vector<Value> sizes;
    for (const JsonValue& item : json->items()) {
      if (item.find("tensor")) {
        sizes.push_back(f.e.cast(f.value_of(item), DType::kInt32));
      } else {
        sizes.push_back(f.e.integer(item.is_null() ? -1 : item.as_int64().value_or(-1)));
      }
    }
    return sizes.empty() ? f.e.integers({}) : f.e.dimensions(sizes);
  }
  if (f.is_tensor(parameter)) return f.e.cast(f.tensor(parameter), DType::kInt32);
  return f.e.integers(f.integers(parameter, {}));
}

void reshape(FunctionCall& f) { f.give(f.e.make("Reshape", {f.tensor("x"), sizes_of(f, "newshape")})); }
void ravel(FunctionCall& f) { f.give(f.e.reshape(f.tensor("x"), {-1})); }

void transpose(FunctionCall& f) {
  const Value x = f.tensor("x");
  std::vector<int64_t> order = f.integers("axes", {});
  if (order.empty())
    for (int64_t i = f.e.rank(x); i-- > 0;) order.push_back(i);
  for (int64_t& axis : order) axis = positive_axis(f.e, x, axis);
  f.give(f.e.transpose(x, order));
}

void swapaxes(FunctionCall& f) {
  const Value x = f.tensor("x");
  std::vector<int64_t> order(static_cast<size_t>(f.e.rank(x)));
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[static_cast<size_t>(f.axis("axis1", x, 0))], order[static_cast<size_t>(f.axis("axis2", x, 1))]);
  f.give(f.e.transpose(x, order));
}

void moveaxis(FunctionCall& f) {
  const Value x = f.tensor("x");
  const std::vector<int64_t> from = f.axes("source", x), to = f.axes("destination", x);
  if (from.size() != to.size()) return f.e.refuse("moveaxis needs as many sources as destinations");
  const int64_t rank = f.e.rank(x);
  std::vector<int64_t> order(static_cast<size_t>(rank), -1), rest;
  for (size_t i = 0; i < from.size(); ++i) order[static_cast<size_t>(to[i])] = from[i];
  for (int64_t i = 0; i < rank; ++i)
    if (std::find(from.begin(), from.end(), i) == from.end()) rest.push_back(i);
  auto next = rest.begin();
  for (int64_t& axis : order)
    if (axis == -1 && next != rest.end()) axis = *next++;
  f.give(f.e.transpose(x, order));
}

void expand_dims(FunctionCall& f) {
  Value x = f.tensor("x");
  for (const int64_t axis : f.integers("axis", {-1})) x = f.e.expand(x, axis);
  f.give(x);
}

void squeeze(FunctionCall& f) {
  const Value x = f.tensor("x");
  f.give(f.e.make("Squeeze", {x}, {{"squeeze_dims", f.has("axis") ? f.axes("axis", x) : std::vector<int64_t>()}}));
}

void concatenate(FunctionCall& f) {
  const std::vector<Value> values = f.tensors("x");
  // Keras's default is the first axis, for both.
  f.give(values.size() == 1 ? values[0] : f.e.concatenate(values, f.integer("axis", 0)));
}

// hstack and vstack: vectors lie along axis 0 for the one, and become rows for the other.
void join_side_by_side(FunctionCall& f, int64_t axis) {
  std::vector<Value> values = f.tensors("x");
  for (Value& value : values) {
    if (f.e.rank(value) == 0) value = f.e.reshape(value, {1});
    if (f.e.rank(value) == 1 && axis == 0) value = f.e.expand(value, 0);
  }
  f.give(f.e.concatenate(values, !values.empty() && f.e.rank(values[0]) == 1 ? 0 : axis));
}

void stack(FunctionCall& f) {
  const std::vector<Value> values = f.tensors("x");
  f.give(f.e.make("Pack", values, {{"axis", f.integer("axis", 0)}}));
}

void unstack(FunctionCall& f) {
  const Value x = f.tensor("x");
  const int64_t axis = f.axis("axis", x, 0), count = f.e.known_size(x, axis, "the size of the axis to unstack");
  const Value inputs[] = {x};
  for (const Value part : f.e.make_all("Unpack", inputs, {{"num", count}, {"axis", axis}})) f.give(part);
}

// Keras cuts at indices; TensorFlow's list tells sizes.
void split(FunctionCall& f) {
  Emitter& e = f.e;
  const Value x = f.tensor("x");
  const int64_t axis = f.axis("axis", x, 0);
  const JsonValue* parts = f.argument("parts");
  if (parts && parts->is_number()) {
    for (const Value part : e.split(x, axis, parts->as_int64().value_or(1))) f.give(part);
    return;
  }
  std::vector<int64_t> sizes = f.integers("parts", {});
  if (!f.of_tensorflow) {
    std::vector<int64_t> ends = sizes;
    ends.push_back(e.known_size(x, axis, "the size of the axis to split"));
    for (size_t i = 0; i < ends.size(); ++i) sizes.insert(sizes.begin() + static_cast<ptrdiff_t>(i), ends[i] - (i == 0 ? 0 : ends[i - 1]));
    sizes.resize(ends.size());
  }
  const Value inputs[] = {x, e.integers(sizes), e.integer(axis)};
  for (const Value part : e.make_all("SplitV", inputs, {{"num_split", static_cast<int64_t>(sizes.size())}})) f.give(part);
}

void tile(FunctionCall& f) {
  Emitter& e = f.e;
  Value x = f.tensor("x");
  std::vector<int64_t> repeats = f.integers("repeats", {1});
  while (static_cast<int64_t>(repeats.size()) < e.rank(x)) repeats.insert(repeats.begin(), 1);
  while (static_cast<int64_t>(repeats.size()) > e.rank(x)) x = e.expand(x, 0);
  f.give(e.make("Tile", {x, e.integers(repeats)}));
}

// Each element of an axis several times: a new axis behind it is tiled and merged with it.
void repeat(FunctionCall& f) {
  Emitter& e = f.e;
  Value x = f.tensor("x");
  if (!f.has("axis")) x = e.reshape(x, {-1});
  const int64_t axis = f.axis("axis", x, 0), times = f.integer("repeats", -1);
  if (times < 0) return f.unsupported("with another count for each element");
  std::vector<int64_t> multiples(static_cast<size_t>(e.rank(x)) + 1, 1);
  multiples[static_cast<size_t>(axis) + 1] = times;
  std::vector<Value> sizes;
  for (int64_t i = 0; i < e.rank(x); ++i) {
    const Value size = e.dimension(x, i);
    const bool known = e.shape(x).has_rank() && e.shape(x)[i] != kUnknownDim;
    sizes.push_back(i != axis ? size : known ? e.integer(e.shape(x)[i] * times) : e.multiply(size, e.integer(times)));
  }
  f.give(e.reshape_to(e.make("Tile", {e.expand(x, axis + 1), e.integers(multiples)}), sizes));
}

void broadcast_to(FunctionCall& f) { f.give(f.e.make("BroadcastTo", {f.tensor("x"), sizes_of(f, "shape")})); }

void flip(FunctionCall& f) {
  const Value x = f.tensor("x");
  f.give(f.e.make("ReverseV2", {x, f.e.integers(f.axes("axis", x))}));
}

void roll(FunctionCall& f) {
  Emitter& e = f.e;
  const Value x = f.tensor("x");
  if (f.has("axis")) return f.give(e.make("Roll", {x, e.integers(f.integers("shift", {0})), e.integers(f.axes("axis", x))}));
  const Value rolled = e.make("Roll", {e.reshape(x, {-1}), e.integers(f.integers("shift", {0})), e.integers({0})});
  f.give(e.make("Reshape", {rolled, e.make("Shape", {x})}));
}

// --- x[...]

struct Index {
  std::vector<Value> begin, end, step;
  int64_t begin_mask = 0, end_mask = 0, ellipsis_mask = 0, new_axis_mask = 0, shrink_mask = 0;

  void add(Emitter& e, Value b, Value s, Value st) {
    begin.push_back(b.valid() ? b : e.integer(0));
    end.push_back(s.valid() ? s : e.integer(0));
    step.push_back(st.valid() ? st : e.integer(1));
  }
};

// False for what is no plain index.
bool add_index(FunctionCall& f, const JsonValue& key, Index& index) {
  Emitter& e = f.e;
  const int64_t bit = int64_t{1} << index.begin.size();
  const JsonValue* config = key.find("config");
  const std::string kind = class_name_of(key);
  if (key.is_null()) {
    index.new_axis_mask |= bit;
    index.add(e, {}, {}, {});
  } else if (kind == "__ellipsis__" || kind == "..." || kind == "Ellipsis") {
    index.ellipsis_mask |= bit;
    index.add(e, {}, {}, {});
  } else if (const auto number = key.as_int64(); number && !key.is_string()) {
    index.shrink_mask |= bit;
    index.add(e, e.integer(*number), e.integer(*number + 1), {});
  } else if (key.find("tensor")) {
    const Value at = e.cast(f.value_of(key), DType::kInt32);
    if (e.rank(at) != 0) return false;
    index.shrink_mask |= bit;
    index.add(e, at, e.add(at, 1), {});
  } else if (const JsonValue& slice = kind == "__slice__" && config ? *config : key; slice.find("start") || slice.find("stop")) {
    const auto part = [&](std::string_view name) -> Value {
      const JsonValue* found = slice.find(name);
      return !found || found->is_null() ? Value() : e.cast(f.value_of(*found), DType::kInt32);
    };
    const Value begin = part("start"), end = part("stop");
    if (!begin.valid()) index.begin_mask |= bit;
    if (!end.valid()) index.end_mask |= bit;
    index.add(e, begin, end, part("step"));
  } else {
    return false;
  }
  return true;
}

void get_item(FunctionCall& f) {
  Emitter& e = f.e;
  const Value x = f.tensor("x");
  const JsonValue* key = f.argument("key");
  Index index;
  bool fine = true;
  if (key && key->is_array()) {
    for (const JsonValue& item : key->items()) fine = fine && index.begin.size() < 60 && add_index(f, item, index);
  } else {
    fine = add_index(f, key ? *key : JsonValue(), index);
  }
  if (!fine) return f.unsupported("by an array or a mask");
  if (index.begin.empty()) return f.give(x);
  f.give(e.make("StridedSlice", {x, e.dimensions(index.begin), e.dimensions(index.end), e.dimensions(index.step)},
                {{"begin_mask", index.begin_mask},
                 {"end_mask", index.end_mask},
                 {"ellipsis_mask", index.ellipsis_mask},
                 {"new_axis_mask", index.new_axis_mask},
                 {"shrink_axis_mask", index.shrink_mask}}));
}

void slice(FunctionCall& f) { f.give(f.e.make("Slice", {f.tensor("x"), sizes_of(f, "start_indices"), sizes_of(f, "shape")})); }

// --- selection

void where(FunctionCall& f) {
  Emitter& e = f.e;
  const Value condition = e.cast(f.tensor("condition"), DType::kBool);
  if (!f.has("x1")) {
    const Value places = e.make("Where", {condition});
    if (f.of_tensorflow) return f.give(places);
    return f.unsupported("without values to choose from");
  }
  const auto [a, b] = f.pair();
  f.give(e.select(condition, a, b));
}

void take(FunctionCall& f) {
  Emitter& e = f.e;
  Value x = f.tensor("x");
  Value indices = f.tensor("indices");
  if (e.dtype(indices) != DType::kInt64) indices = e.cast(indices, DType::kInt32);
  if (f.of_tensorflow) {
    const int64_t batch = f.integer("batch_dims", 0);
    return f.give(e.make("GatherV2", {x, indices, e.integer(f.integer("axis", batch))}, {{"batch_dims", batch}}));
  }
  if (!f.has("axis")) x = e.reshape(x, {-1});
  const int64_t axis = f.axis("axis", x, 0);
  // Negative indices count from the end.
  const Value size = e.cast(e.dimension(x, axis), e.dtype(indices));
  indices = e.select(e.make("Less", {indices, e.like(indices, 0)}), e.add(indices, size), indices);
  f.give(e.make("GatherV2", {x, indices, e.integer(axis)}));
}

void take_along_axis(FunctionCall& f) {
  Emitter& e = f.e;
  Value x = f.tensor("x"), indices = e.cast(f.tensor("indices"), DType::kInt32);
  const int64_t axis = f.axis("axis", x, -1), rank = e.rank(x);
  // With the axis at the end, all before it are batches.
  std::vector<int64_t> order;
  for (int64_t i = 0; i < rank; ++i) order.push_back(i == axis ? rank - 1 : i == rank - 1 ? axis : i);
  x = e.transpose(x, order);
  indices = e.transpose(indices, order);
  const Value size = e.dimension(x, -1);
  indices = e.select(e.make("Less", {indices, e.like(indices, 0)}), e.add(indices, size), indices);
  f.give(e.transpose(e.make("GatherV2", {x, indices, e.integer(rank - 1)}, {{"batch_dims", rank - 1}}), order));
}

void gather_nd(FunctionCall& f) {
  if (f.integer("batch_dims", 0) != 0) return f.unsupported("with batch_dims");
  f.give(f.e.make("GatherNd", {f.tensor("x"), f.tensor("indices")}));
}

// --- filled tensors

void zeros_like(FunctionCall& f) {
  const Value x = f.tensor("x");
  f.give(f.e.make(f.def.op, {f.e.cast(x, f.dtype("dtype", f.e.dtype(x)))}));
}

void full_like(FunctionCall& f) {
  Emitter& e = f.e;
  const Value x = f.tensor("x");
  const DType dtype = f.dtype("dtype", e.dtype(x));
  f.give(e.make("Fill", {e.make("Shape", {x}), e.cast(f.tensor("fill_value", x), dtype)}));
}

void filled(FunctionCall& f) {
  const double value = f.def.name == "ones" ? 1 : 0;
  f.give(f.e.make("Fill", {sizes_of(f, "shape"), f.e.scalar(f.dtype("dtype", DType::kFloat32), value)}));
}

void full(FunctionCall& f) {
  const Value value = f.tensor("fill_value");
  f.give(f.e.make("Fill", {sizes_of(f, "shape"), f.e.cast(value, f.dtype("dtype", f.e.dtype(value)))}));
}

void arange(FunctionCall& f) {
  Emitter& e = f.e;
  const bool one = !f.has("stop");
  Value start = one ? e.integer(0) : f.tensor("start"), stop = f.tensor(one ? "start" : "stop"), step = f.has("step") ? f.tensor("step") : e.integer(1);
  DType dtype = promoted(promoted(e.dtype(start), e.dtype(stop)), e.dtype(step));
  dtype = f.dtype("dtype", dtype);
  f.give(e.make("Range", {e.cast(start, dtype), e.cast(stop, dtype), e.cast(step, dtype)}));
}

void shape(FunctionCall& f) { f.give(f.e.make("Shape", {f.tensor("x")}, {{"out_type", f.dtype("out_type", DType::kInt32)}})); }
void rank(FunctionCall& f) { f.give(f.e.make("Rank", {f.tensor("x")})); }
void size(FunctionCall& f) { f.give(f.e.make("Size", {f.tensor("x")}, {{"out_type", f.dtype("out_type", DType::kInt32)}})); }

void one_hot(FunctionCall& f) {
  Emitter& e = f.e;
  Value x = f.tensor("x");
  if (e.dtype(x) != DType::kInt64) x = e.cast(x, DType::kInt32);
  const DType dtype = f.dtype("dtype", DType::kFloat32);
  const Value on = f.has("on_value") ? e.cast(f.tensor("on_value"), dtype) : e.scalar(dtype, 1);
  const Value off = f.has("off_value") ? e.cast(f.tensor("off_value"), dtype) : e.scalar(dtype, 0);
  f.give(e.make("OneHot", {x, e.integer(f.integer("num_classes", 1)), on, off}, {{"axis", f.integer("axis", -1)}}));
}

// Pairs for each axis; one pair, or one number, for all of them.
void pad(FunctionCall& f) {
  Emitter& e = f.e;
  const Value x = f.tensor("x");
  const JsonValue* json = f.argument("pad_width");
  std::vector<std::pair<int64_t, int64_t>> pairs;
  const int64_t rank = e.rank(x);
  if (json && json->is_array() && !json->items().empty() && json->items()[0].is_array()) {
    for (const JsonValue& item : json->items()) {
      const auto sizes = dimensions(item);
      if (!sizes || sizes->empty()) return e.refuse("expected pairs in pad_width");
      pairs.emplace_back((*sizes)[0], sizes->back());
    }
  } else {
    const std::vector<int64_t> sizes = f.integers("pad_width", {0});
    pairs.emplace_back(sizes[0], sizes.back());
  }
  if (pairs.size() == 1) pairs.resize(static_cast<size_t>(rank), pairs[0]);
  std::string mode = f.text("mode", "constant");
  std::transform(mode.begin(), mode.end(), mode.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (mode == "CONSTANT") return f.give(e.pad(x, pairs, f.number("constant_values", 0)));
  if (mode != "REFLECT" && mode != "SYMMETRIC") return f.unsupported("with the mode '" + mode + "'");
  std::vector<int64_t> flat;
  for (const auto& [before, after] : pairs) flat.insert(flat.end(), {before, after});
  f.give(e.make("MirrorPad", {x, e.constant(Tensor::int32s(flat).reshaped({static_cast<int64_t>(pairs.size()), 2}))}, {{"mode", mode}}));
}

// The part of matrices below (or above) a diagonal.
void triangle(FunctionCall& f) {
  Emitter& e = f.e;
  const Value x = f.tensor("x");
  const int64_t k = f.integer("k", 0);
  const Value rows = e.make("Range", {e.integer(0), e.dimension(x, -2), e.integer(1)}),
              columns = e.make("Range", {e.integer(0), e.dimension(x, -1), e.integer(1)});
  const Value distance = e.subtract(e.expand(columns, 0), e.expand(rows, 1));  // column - row
  f.give(e.select(e.make(f.def.name == "tril" ? "LessEqual" : "GreaterEqual", {distance, e.integer(k)}), x, e.zeros_like(x)));
}

void diagonal(FunctionCall& f) {
  const Value x = f.tensor("x");
  f.give(f.e.make(f.e.rank(x) == 1 ? "MatrixDiag" : "MatrixDiagPart", {x}));
}

// Images that change their size by whole blocks.
void blocks(FunctionCall& f) { f.give(f.e.make(f.def.op, {f.tensor("x")}, {{"block_size", f.integer("block_size", 1)}})); }

constexpr FunctionDef kRows[] = {
    {"arange", "start stop|limit step|delta dtype", arange},
    {"boolean_mask", "x|tensor mask", [](FunctionCall& f) { f.unsupported("makes tensors of an unknown size"); }},
    {"broadcast_to", "x|input shape", broadcast_to},
    {"concatenate", "x|xs|values axis", concatenate},
    {"depth_to_space", "x|input block_size", blocks, "DepthToSpace"},
    {"diag", "x k", diagonal},
    {"expand_dims", "x|input axis|dim", expand_dims},
    {"flip", "x|tensor axis", flip},
    {"full", "shape fill_value dtype", full},
    {"full_like", "x fill_value dtype", full_like},
    {"gather_nd", "x|params indices batch_dims", gather_nd},
    {"get_item", "x|tensor key|slice_spec", get_item},
    {"hstack", "x|xs", [](FunctionCall& f) { join_side_by_side(f, 1); }},
    {"moveaxis", "x source destination", moveaxis},
    {"one_hot", "x|indices num_classes|depth axis dtype on_value off_value", one_hot},
    {"ones", "shape dtype", filled},
    {"ones_like", "x|input|tensor dtype", zeros_like, "OnesLike"},
    {"pad", "x|tensor pad_width|paddings mode constant_values", pad},
    {"range", "start stop|limit step|delta dtype", arange},
    {"rank", "x|input", rank},
    {"ravel", "x", ravel},
    {"repeat", "x|input repeats axis", repeat},
    {"reshape", "x|tensor newshape|shape", reshape},
    {"roll", "x|input shift axis", roll},
    {"shape", "x|input out_type", shape},
    {"size", "x|input out_type", size},
    {"slice", "x|inputs|input_ start_indices|begin shape|size", slice},
    {"space_to_depth", "x|input block_size", blocks, "SpaceToDepth"},
    {"split", "x|value parts|indices_or_sections|num_or_size_splits axis", split},
    {"squeeze", "x|input axis|squeeze_dims", squeeze},
    {"stack", "x|values axis", stack},
    {"swapaxes", "x axis1 axis2", swapaxes},
    {"take", "x|params indices axis batch_dims", take},
    {"take_along_axis", "x indices axis", take_along_axis},
    {"tile", "x|input repeats|multiples", tile},
    {"transpose", "x|a axes|perm", transpose},
    {"tril", "x k", triangle},
    {"triu", "x k", triangle},
    {"unstack", "x|value axis num", unstack},
    {"vstack", "x|xs", [](FunctionCall& f) { join_side_by_side(f, 0); }},
    {"where", "condition x1|x x2|y", where},
    {"zeros", "shape dtype", filled},
    {"zeros_like", "x|input|tensor dtype", zeros_like, "ZerosLike"},
};

}  // namespace

std::span<const FunctionDef> shape_functions() { return kRows; }

}  // namespace isomer::layers
