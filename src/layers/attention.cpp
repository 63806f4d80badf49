// Attention (D. Bahdanau et al., 2014; M.-T. Luong et al., 2015; A. Vaswani et al., 2017) and the dense layer by einsum that it is made of.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "layers/layer_classes.h"

namespace isomer::layers {

std::optional<size_t> input_of_call(LayerCall& c, std::string_view key) {
  const JsonValue* found = c.call.kwargs.find(key);
  const JsonValue* tensor = found ? found->find("tensor") : nullptr;
  if (!tensor || !tensor->is_integer()) return std::nullopt;
  return static_cast<size_t>(tensor->integer());
}

namespace {

// A keyword argument of the call that is a plain value.
bool flag_of_call(LayerCall& c, std::string_view key) {
  const JsonValue* found = c.call.kwargs.find(key);
  return found && found->is_bool() && found->boolean();
}

// Scores where the mask is false become so small that softmax gives 0.
Value masked_scores(Emitter& e, Value scores, Value mask) {
  if (!mask.valid()) return scores;
  const double least = e.dtype(scores) == DType::kHalf ? -65504.0 : -1e9;
  return e.add(scores, e.multiply(e.subtract(e.like(scores, 1), e.cast(mask, e.dtype(scores))), least));
}

// bool[1, queries, keys]: true where the key is not after the query.
Value causal_mask(Emitter& e, Value queries, Value keys) {
  const Value rows = e.make("Range", {e.integer(0), queries, e.integer(1)}), columns = e.make("Range", {e.integer(0), keys, e.integer(1)});
  return e.expand(e.make("GreaterEqual", {e.expand(rows, 1), e.expand(columns, 0)}), 0);
}

// What Attention and AdditiveAttention share: [query, value, key] with masks, and scores of [batch, queries, keys].
template <bool additive>
void attention(LayerCall& c) {
  Emitter& e = c.e;
  const Value query = c.input(0), value = c.input(1), key = c.inputs.size() > 2 ? c.input(2) : value;
  Value scores;
  if (additive) {
    const Value hidden = e.make("Tanh", {e.add(e.expand(query, 2), e.expand(key, 1))});
    const Value scale = c.config.boolean("use_scale", true) ? c.weight("scale", {e.known_size(query, -1, "the number of features")}, "") : Value();
    scores = e.reduce("Sum", scale.valid() ? e.multiply(hidden, scale) : hidden, {-1});
  } else if (c.config.text("score_mode", "dot") == "concat") {
    const Value weight = c.weight("concat_score_weight", {}, "");
    Value hidden = e.add(e.expand(query, 2), e.expand(key, 1));
    if (c.config.boolean("use_scale", false)) hidden = e.multiply(hidden, c.weight("scale", {}, ""));
    scores = e.multiply(e.reduce("Sum", e.make("Tanh", {hidden}), {-1}), weight);
  } else {
    scores = e.make("BatchMatMulV2", {query, key}, {{"adj_y", true}});
    if (c.config.boolean("use_scale", false)) scores = e.multiply(scores, c.weight("scale", {}, ""));
  }
  const Value value_mask = c.inputs.size() > 1 ? c.inputs[1].mask : Value();
  Value mask = value_mask.valid() ? e.expand(value_mask, 1) : Value();
  if (c.config.boolean("causal", false) || flag_of_call(c, "use_causal_mask")) mask = both(e, mask, causal_mask(e, e.dimension(query, 1), e.dimension(key, 1)));
  const Value weights = e.make("Softmax", {masked_scores(e, scores, mask)});
  Value y = e.make("BatchMatMulV2", {weights, value});
  const Value query_mask = c.inputs[0].mask;
  if (query_mask.valid()) y = e.multiply(y, e.cast(e.expand(query_mask, -1), e.dtype(y)));
  c.outputs.push_back({y, query_mask});
  if (flag_of_call(c, "return_attention_scores")) c.give(weights);
}

// --- EinsumDense

struct EinsumShapes {
  std::vector<int64_t> kernel, bias;
  std::string equation;  // with letters in place of an ellipsis
};

// Sizes of the letters from the input's shape and the wanted output shape (which leaves out the batch; null: as the input's).
std::optional<EinsumShapes> einsum_shapes(LayerCall& c, Value x, std::string equation, const std::vector<int64_t>& output_shape, const std::string& bias_axes) {
  Emitter& e = c.e;
  equation.erase(std::remove(equation.begin(), equation.end(), ' '), equation.end());
  const size_t comma = equation.find(','), arrow = equation.find("->");
  if (comma == std::string::npos || arrow == std::string::npos || arrow < comma) {
    e.refuse("the equation '" + equation + "' is not of the form ab,bc->ac");
    return std::nullopt;
  }
  std::string in = equation.substr(0, comma), kernel = equation.substr(comma + 1, arrow - comma - 1), out = equation.substr(arrow + 2);
  const int64_t rank = e.rank(x);
  if (in.find("...") != std::string::npos) {
    std::string spare;
    for (char letter = '0'; static_cast<int64_t>(spare.size()) < rank - static_cast<int64_t>(in.size()) + 3; ++letter) {
      // Letters that the equation does not use.
      char unused = 'A';
      while (equation.find(unused) != std::string::npos || spare.find(unused) != std::string::npos) ++unused;
      spare += unused;
    }
    in.replace(in.find("..."), 3, spare);
    if (out.find("...") != std::string::npos) out.replace(out.find("..."), 3, spare);
  }
  if (static_cast<int64_t>(in.size()) != rank) {
    e.refuse("the equation '" + equation + "' does not go with an input of " + std::to_string(rank) + " dimensions");
    return std::nullopt;
  }
  std::map<char, int64_t> sizes;
  for (size_t i = 0; i < in.size(); ++i) sizes[in[i]] = e.shape(x).has_rank() ? e.shape(x)[static_cast<int64_t>(i)] : kUnknownDim;
  // The output shape counts from the end; null keeps what the input says.
  for (size_t i = 0; i < output_shape.size() && i < out.size(); ++i)
    if (const int64_t size = output_shape[output_shape.size() - 1 - i]; size != kUnknownDim) sizes[out[out.size() - 1 - i]] = size;
  EinsumShapes shapes;
  shapes.equation = in + "," + kernel + "->" + out;
  for (const char letter : kernel) shapes.kernel.push_back(sizes.contains(letter) ? sizes[letter] : kUnknownDim);
  // The bias broadcasts from its first axis on.
  bool begun = false;
  for (const char letter : out) {
    const bool has = bias_axes.find(letter) != std::string::npos;
    begun = begun || has;
    if (begun) shapes.bias.push_back(has ? sizes[letter] : 1);
  }
  if (std::find(shapes.kernel.begin(), shapes.kernel.end(), kUnknownDim) != shapes.kernel.end()) {
    e.refuse("the size of a dimension of the equation '" + equation + "' is not known");
    return std::nullopt;
  }
  return shapes;
}

void einsum_dense(LayerCall& c) {
  Emitter& e = c.e;
  const Value x = c.input();
  const std::string bias_axes = c.config.text("bias_axes", "");
  const auto shapes = einsum_shapes(c, x, c.config.text("equation", ""), c.config.integers("output_shape", {}), bias_axes);
  if (!shapes) return;
  const Value inputs[] = {x, c.weight("kernel", shapes->kernel, "kernel_initializer")};
  Value y = e.make("Einsum", inputs, {{"equation", shapes->equation}});
  if (!bias_axes.empty()) y = e.add(y, c.weight("bias", shapes->bias, "bias_initializer"));
  c.give_masked(activate(c, "activation", y));
}

// --- MultiHeadAttention

// One of the projections: a layer of its own, as far as names of weights go.
Value project(LayerCall& c, const std::string& name, Value x, std::vector<int64_t> kernel, const std::string& equation, std::vector<int64_t> bias) {
  Emitter& e = c.e;
  const Lowering::Scope scope(c.lowering, e, name, "EinsumDense");
  const JsonValue* kernel_initializer = c.config.find("kernel_initializer");
  const JsonValue* bias_initializer = c.config.find("bias_initializer");
  const bool trainable = c.config.boolean("trainable", true);
  const Value inputs[] = {x, c.lowering.float_weight(e, "kernel", std::move(kernel), kernel_initializer, trainable)};
  const Value y = e.make("Einsum", inputs, {{"equation", equation}});
  if (!c.config.boolean("use_bias", true)) return y;
  return e.add(y, c.lowering.float_weight(e, "bias", std::move(bias), bias_initializer, trainable));
}

// The letters of a tensor's axes but the last; those that attention is over begin at `first`.
std::string axis_letters(int64_t rank, std::span<const int64_t> attended, char first) {
  std::string text;
  for (int64_t i = 0; i + 1 < rank; ++i) text += static_cast<char>((std::find(attended.begin(), attended.end(), i) != attended.end() ? first : 'a') + i);
  return text;
}

// Which inputs are query, value and key: in this order, or named by keyword.
struct Attended {
  size_t query = 0, value = 1, key = 1;
};
Attended attended_inputs(LayerCall& c) {
  Attended inputs;
  std::set<size_t> masks;
  for (const char* name : {"attention_mask", "query_mask", "value_mask", "key_mask"})
    if (const auto at = input_of_call(c, name)) masks.insert(*at);
  const auto named_value = input_of_call(c, "value"), named_key = input_of_call(c, "key");
  inputs.value = named_value.value_or(1);
  const bool third_is_key = !named_value && c.inputs.size() > 2 && !masks.contains(2);
  inputs.key = named_key ? *named_key : third_is_key ? 2 : inputs.value;
  for (const auto& [name, at] : {std::pair("query_mask", inputs.query), std::pair("value_mask", inputs.value)})
    if (const auto mask = input_of_call(c, name); mask && at < c.inputs.size()) c.inputs[at].mask = c.input(*mask);
  return inputs;
}

// The mask of [batch, queries, keys] that the call and the inputs' own masks give together.
Value attention_mask_of(LayerCall& c, const Attended& inputs) {
  Emitter& e = c.e;
  const auto given = input_of_call(c, "attention_mask");
  Value mask = given ? e.cast(c.input(*given), DType::kBool) : Value();
  const Value query_mask = c.inputs[inputs.query].mask, value_mask = inputs.value < c.inputs.size() ? c.inputs[inputs.value].mask : Value();
  if (query_mask.valid()) mask = both(e, mask, e.expand(query_mask, 2));
  if (value_mask.valid()) mask = both(e, mask, e.expand(value_mask, 1));
  if (flag_of_call(c, "use_causal_mask")) mask = both(e, mask, causal_mask(e, e.dimension(c.input(inputs.query), 1), e.dimension(c.input(inputs.key), 1)));
  return mask;
}

void multi_head_attention(LayerCall& c) {
  Emitter& e = c.e;
  const Attended inputs = attended_inputs(c);
  const Value query = c.input(inputs.query), value = c.input(inputs.value), key = c.input(inputs.key);
  if (e.failed()) return;
  if (c.config.boolean("use_gate", false)) return c.unsupported("attention with a gate", "export the model as a SavedModel");
  const int64_t rank = e.rank(query);
  if (rank != e.rank(value) || rank < 3 || rank > 6) return c.unsupported("MultiHeadAttention of so many dimensions", "export the model as a SavedModel");
  // Without axes of its own, attention is over all that lie between batch and features.
  std::vector<int64_t> between(static_cast<size_t>(rank) - 2);
  std::iota(between.begin(), between.end(), 1);
  std::vector<int64_t> axes = c.config.integers("attention_axes", between);
  for (int64_t& axis : axes) axis = positive_axis(e, query, axis);
  const int64_t heads = c.config.integer("num_heads", 1), key_dim = c.config.integer("key_dim", 1), value_dim = c.config.integer("value_dim", key_dim);
  const auto features = [&](Value x) { return e.known_size(x, -1, "the number of features"); };
  const std::string of_query = axis_letters(rank, axes, 'A'), of_key = axis_letters(rank, axes, 'N');
  const auto split = [](const std::string& letters) { return letters + "w,wxy->" + letters + "xy"; };
  Value q = project(c, "query", query, {features(query), heads, key_dim}, split(of_query), {heads, key_dim});
  const Value k = project(c, "key", key, {features(key), heads, key_dim}, split(of_key), {heads, key_dim});
  const Value v = project(c, "value", value, {features(value), heads, value_dim}, split(of_key), {heads, value_dim});
  q = e.multiply(q, 1 / std::sqrt(static_cast<double>(key_dim)));
  // Scores: what both share, the heads, then queries, then keys.
  std::string shared, queries, keys;
  for (size_t i = 0; i < of_query.size(); ++i) {
    if (of_query[i] == of_key[i]) {
      shared += of_query[i];
    } else {
      queries += of_query[i];
      keys += of_key[i];
    }
  }
  const std::string of_scores = shared + "x" + queries + keys;
  const Value pair[] = {k, q};
  const Value scores = e.make("Einsum", pair, {{"equation", of_key + "xy," + of_query + "xy->" + of_scores}});
  const Value mask = attention_mask_of(c, inputs);
  const auto attended = static_cast<int64_t>(axes.size());
  std::vector<int64_t> last;
  for (int64_t i = attended; i > 0; --i) last.push_back(-i);
  const Value weights = softmax(e, masked_scores(e, scores, mask.valid() ? e.expand(mask, -2 * attended - 1) : mask), last);
  const Value mix[] = {weights, v};
  const Value heads_out = e.make("Einsum", mix, {{"equation", of_scores + "," + of_key + "xy->" + of_query + "xy"}});
  const std::vector<int64_t> output_shape = c.config.integers("output_shape", {});
  const int64_t out = output_shape.empty() ? features(query) : output_shape.back();
  c.outputs.push_back(
      {project(c, "attention_output", heads_out, {heads, value_dim, out}, of_query + "xy,xyw->" + of_query + "w", {out}), c.inputs[inputs.query].mask});
  if (flag_of_call(c, "return_attention_scores")) c.give(weights);
}

// Several heads of the query share one of key and value (J. Ainslie et al., 2023).
void grouped_query_attention(LayerCall& c) {
  Emitter& e = c.e;
  const Attended inputs = attended_inputs(c);
  const Value query = c.input(inputs.query), value = c.input(inputs.value), key = c.input(inputs.key);
  if (e.failed()) return;
  const int64_t size = c.config.integer("head_dim", 1), heads = c.config.integer("num_query_heads", 1), groups = c.config.integer("num_key_value_heads", 1);
  if (c.config.boolean("use_gate", false)) return c.unsupported("attention with a gate", "export the model as a SavedModel");
  if (groups < 1 || heads % groups != 0) return e.refuse("the heads of the query do not share " + std::to_string(groups) + " heads of the key");
  const auto features = [&](Value x) { return e.known_size(x, -1, "the number of features"); };
  const std::string split = "btw,wxy->btxy";
  Value q = project(c, "query", query, {features(query), heads, size}, split, {heads, size});
  const Value k = project(c, "key", key, {features(key), groups, size}, split, {groups, size});
  const Value v = project(c, "value", value, {features(value), groups, size}, split, {groups, size});
  const Value batch = e.dimension(q, 0), steps = e.dimension(q, 1);
  q = e.multiply(q, 1 / std::sqrt(static_cast<double>(size)));
  const Value grouped[] = {batch, steps, e.integer(groups), e.integer(heads / groups), e.integer(size)};
  const Value pair[] = {e.reshape_to(q, grouped), k};
  const Value scores = e.make("Einsum", pair, {{"equation", std::string("btgrd,bsgd->bgrts")}});
  Value mask = attention_mask_of(c, inputs);
  if (mask.valid()) mask = e.expand(e.expand(mask, 1), 1);
  const Value weights = e.make("Softmax", {masked_scores(e, scores, mask)});
  const Value mix[] = {weights, v};
  const Value mixed = e.make("Einsum", mix, {{"equation", std::string("bgrts,bsgd->btgrd")}});
  const Value back[] = {batch, steps, e.integer(heads), e.integer(size)};
  const int64_t out = features(query);
  c.outputs.push_back({project(c, "attention_output", e.reshape_to(mixed, back), {heads, size, out}, "btxy,xyw->btw", {out}), c.inputs[inputs.query].mask});
  if (!flag_of_call(c, "return_attention_scores")) return;
  const Value whole[] = {batch, e.integer(heads), steps, e.dimension(k, 1)};
  c.give(e.reshape_to(weights, whole));
}

// Rows of a table by position, cut to the length of the input.
void position_embedding(LayerCall& c) {
  Emitter& e = c.e;
  const Value x = c.input();
  const int64_t length = c.config.integer("sequence_length", 0), features = e.known_size(x, -1, "the number of features");
  const Value table = c.weight("embeddings", {length, features}, "initializer");
  const Value begin[] = {e.integer(0), e.integer(0)}, size[] = {e.dimension(x, -2), e.integer(features)};
  const Value rows = e.make("Slice", {table, e.dimensions(begin), e.dimensions(size)});
  c.give_masked(e.add(e.zeros_like(x), rows));
}

}  // namespace

LAYER_CLASS(Attention, attention<false>, "Values mixed by the softmax of products of queries and keys.")
LAYER_CLASS(AdditiveAttention, attention<true>, "Values mixed by the softmax of sums of queries and keys.")
LAYER_CLASS(EinsumDense, einsum_dense, "activation(einsum(x, kernel) + bias).")
LAYER_CLASS(MultiHeadAttention, multi_head_attention, "Attention in several projections at once.")
LAYER_CLASS(GroupQueryAttention, grouped_query_attention, "Attention whose query heads share the heads of key and value.")
LAYER_CLASS(PositionEmbedding, position_embedding, "Learned rows by position.")

}  // namespace isomer::layers
