// The loop carries a counter, the number of steps, the list of inputs (and of masks), the list of outputs where they are wanted, the last output, the states
// and the weights of the cell: the body of a loop sees nothing else. Lists are TensorFlow's, so exporters treat the loop like one that came from there.
#include "layers/recurrence.h"

#include "ir/const_op.h"
#include "ops/registry.h"

namespace isomer::layers {
namespace {

// The loop's variables, by what they are for.
struct Variables {
  std::vector<Value> values;
  size_t add(Value value) {
    values.push_back(value);
    return values.size() - 1;
  }
};

// Placeholders of a function, of the variables' types.
std::vector<Value> parameters(Emitter& outer, Emitter& inner, std::span<const Value> values) {
  std::vector<Value> result;
  for (size_t i = 0; i < values.size(); ++i) {
    const TensorType type = outer.type(values[i]);
    const std::string name = "variable_" + std::to_string(i);
    const ir::NodeId node =
        inner.graph().add_with_types(*ops::find_op("Placeholder"), ir::placeholder_attributes(type.dtype, type.shape), {}, {&type, 1}, name);
    inner.graph().inputs.push_back({name, inner.graph().output(node), {}});
    result.push_back(inner.graph().output(node));
  }
  return result;
}

Value element_shape(Emitter& e, const PartialShape& shape, int64_t drop) {
  std::vector<int64_t> dims;
  for (int64_t i = drop; i < shape.rank(); ++i) dims.push_back(shape[i]);
  return e.integers(dims);
}

Value list_of(Emitter& e, Value x) {
  if (!e.shape(x).has_rank()) {
    e.refuse("the number of dimensions of a sequence must be known");
    return {};
  }
  return e.make("TensorListFromTensor", {x, element_shape(e, e.shape(x), 1)});
}

Value item(Emitter& e, Value list, Value index, const TensorType& type) {
  const Value value = e.make("TensorListGetItem", {list, index, element_shape(e, type.shape, 0)}, {{"element_dtype", type.dtype}});
  if (value.valid()) e.graph().set_type(value, type);
  return value;
}

// [batch, steps, ...] to [steps, batch, ...], and back.
Value swap_time(Emitter& e, Value x) {
  std::vector<int64_t> order = {1, 0};
  for (int64_t i = 2; i < e.rank(x); ++i) order.push_back(i);
  return e.transpose(x, order);
}

TensorType step_type(const TensorType& sequence) {
  std::vector<int64_t> dims;
  for (int64_t i = 1; i < sequence.shape.rank(); ++i) dims.push_back(sequence.shape[i]);
  return {sequence.dtype, PartialShape(dims), DType::kInvalid, {}};
}

// bool[batch] so that it selects whole samples of `x`.
Value widened(Emitter& e, Value mask, Value x) {
  for (int64_t r = 1; r < e.rank(x); ++r) mask = e.expand(mask, -1);
  return mask;
}

}  // namespace

SequenceResult run_sequence(LayerCall& call, const Cell& cell, const Sequence& sequence, bool wants_outputs) {
  Emitter& e = call.e;
  Value x = swap_time(e, sequence.x);
  Value mask = sequence.mask.valid() ? e.transpose(sequence.mask, {1, 0}) : Value();
  if (sequence.backwards) {
    x = e.reverse(x, 0);
    if (mask.valid()) mask = e.reverse(mask, 0);
  }
  const Value first_step = e.make("StridedSlice", {x, e.integers({0}), e.integers({1}), e.integers({1})}, {{"shrink_axis_mask", int64_t{1}}});
  const std::vector<Value> states = sequence.initial_states.empty() ? cell.initial_states(e, first_step) : sequence.initial_states;
  if (e.failed()) return {};

  // What a step's output is like is told by a step that is made for that alone, in a function of its own that is thrown away.
  TensorType output_type;
  {
    ir::Graph scratch;
    Emitter probe(e.module(), scratch);
    std::vector<Value> all = {first_step};
    all.insert(all.end(), states.begin(), states.end());
    all.insert(all.end(), cell.weights.begin(), cell.weights.end());
    const std::vector<Value> given = parameters(e, probe, all);
    const std::span<const Value> own(given);
    const StepResult result = cell.step(probe, own[0], own.subspan(1, states.size()), own.subspan(1 + states.size()));
    e.adopt(probe);
    if (e.failed()) return {};
    output_type = probe.type(result.output);
  }
  if (!output_type.shape.has_rank()) {
    e.refuse("the number of dimensions of a step's output must be known");
    return {};
  }

  Variables v;
  const size_t counter = v.add(e.integer(0));
  const size_t steps = v.add(e.dimension(x, 0));
  const size_t inputs = v.add(list_of(e, x));
  const size_t masks = mask.valid() ? v.add(list_of(e, mask)) : 0;
  const size_t outputs =
      wants_outputs ? v.add(e.make("TensorListReserve", {element_shape(e, output_type.shape, 0), v.values[steps]}, {{"element_dtype", output_type.dtype}})) : 0;
  // Zeros of the output's shape: only the batch may be open, and is that of the input.
  std::vector<Value> sizes;
  for (int64_t i = 0; i < output_type.shape.rank(); ++i)
    sizes.push_back(output_type.shape[i] != kUnknownDim ? e.integer(output_type.shape[i]) : i == 0 ? e.dimension(first_step, 0) : e.dimension(states[0], i));
  const size_t last = v.add(e.fill(sizes, output_type.dtype, 0));
  const size_t first_state = v.values.size();
  for (const Value state : states) v.add(state);
  const size_t first_weight = v.values.size();
  for (const Value weight : cell.weights) v.add(weight);
  if (e.failed()) return {};

  ir::Function& condition = e.module().add_function("while_cond");
  Emitter c(e.module(), condition.graph);
  const std::vector<Value> seen = parameters(e, c, v.values);
  condition.graph.outputs.push_back({"go", c.make("Less", {seen[counter], seen[steps]}), {}});
  e.adopt(c);

  ir::Function& body = e.module().add_function("while_body");
  Emitter b(e.module(), body.graph);
  std::vector<Value> now = parameters(e, b, v.values);
  const Value step_input = item(b, now[inputs], now[counter], step_type(e.type(x)));
  const std::span<const Value> own(now);
  StepResult made = cell.step(b, step_input, own.subspan(first_state, states.size()), own.subspan(first_weight));
  std::vector<Value> next = now;
  if (mask.valid() && !b.failed()) {
    const Value keep = item(b, now[masks], now[counter], step_type(e.type(mask)));
    made.output = b.select(widened(b, keep, made.output), made.output, sequence.zero_masked ? b.zeros_like(made.output) : now[last]);
    for (size_t i = 0; i < states.size(); ++i) made.states[i] = b.select(widened(b, keep, made.states[i]), made.states[i], now[first_state + i]);
  }
  next[counter] = b.add(now[counter], 1);
  next[last] = made.output;
  if (wants_outputs) next[outputs] = b.make("TensorListSetItem", {now[outputs], now[counter], made.output});
  for (size_t i = 0; i < made.states.size() && i < states.size(); ++i) next[first_state + i] = made.states[i];
  for (size_t i = 0; i < next.size(); ++i) body.graph.outputs.push_back({"variable_" + std::to_string(i), next[i], {}});
  e.adopt(b);

  const auto results = e.make_all("StatelessWhile", v.values, {{"cond", ir::FunctionRef{condition.name}}, {"body", ir::FunctionRef{body.name}}});
  if (e.failed()) return {};
  SequenceResult result;
  // The types that the loop's variables came in with hold after it, too.
  for (size_t i = 0; i < results.size(); ++i) e.graph().set_type(results[i], e.type(v.values[i]));
  if (wants_outputs) {
    const Value stacked = e.make("TensorListStack", {results[outputs], element_shape(e, output_type.shape, 0)}, {{"element_dtype", output_type.dtype}});
    if (stacked.valid()) {
      std::vector<int64_t> dims = {e.shape(x).has_rank() ? e.shape(x)[0] : kUnknownDim};
      for (const int64_t size : output_type.shape.dims()) dims.push_back(size);
      e.graph().set_type(stacked, {output_type.dtype, PartialShape(dims), DType::kInvalid, {}});
    }
    result.outputs = swap_time(e, stacked);
  }
  result.last = results[last];
  result.states.assign(results.begin() + static_cast<ptrdiff_t>(first_state), results.begin() + static_cast<ptrdiff_t>(first_weight));
  return result;
}

}  // namespace isomer::layers
