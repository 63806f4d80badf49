// Random numbers. Ops with state draw from a Philox stream that belongs to their node and goes on from one execution to the next; where both seeds are 0
// the stream's key is the run's seed. Stateless ops get key and counter as inputs. All of them draw what TensorFlow draws (RandomGamma and Multinomial
// of several rows draw from the same distribution, but other numbers).
#include "ops/random.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <numeric>

#include "ops/kernel.h"
#include "ops/philox.h"
#include "ops/string_tensor.h"

namespace isomer::ops {
namespace {

using namespace ir;

// --- streams

constexpr int32_t kPhilox = 1;  // among TensorFlow's algorithms

class RandomStreams final : public Resource {
 public:
  std::map<const Node*, Philox> of_node;
};

// The node's generator for `outputs` numbers; the stream goes on behind them.
Philox take_stream(EvalContext& c, int64_t seed, int64_t seed2, int64_t outputs) {
  constexpr uint64_t kReservedForEach = 256;  // as TensorFlow does, so that second executions agree as well
  auto& slot = c.state().resources["random streams"];
  if (!slot) slot = std::make_shared<RandomStreams>();
  auto& streams = static_cast<RandomStreams&>(*slot).of_node;
  auto stream = streams.find(&c.node());
  if (stream == streams.end()) {
    const bool any = seed == 0 && seed2 == 0;
    const uint64_t number = any ? ++c.state().random_calls : 0;
    const Philox fresh = any ? Philox(c.state().seed, number) : Philox(static_cast<uint64_t>(seed), static_cast<uint64_t>(seed2));
    stream = streams.emplace(&c.node(), fresh).first;
  }
  const Philox taken = stream->second;
  stream->second.skip(static_cast<uint64_t>(outputs) * kReservedForEach);
  return taken;
}

// What TensorFlow makes of the seed of a stateless op: two words of the key and two of the counter.
Result<Philox::Words> scrambled(const Tensor& seed) {
  const std::vector<int64_t> seeds = TRY(int_vector(seed, "the seed"));
  if (seeds.size() != 2) return input_error("the seed must have two numbers, found " + type_text(seed));
  const auto seed0 = static_cast<uint64_t>(seeds[0]), seed1 = static_cast<uint64_t>(seeds[1]);
  return Philox({Philox::low(seed0), Philox::high(seed0), Philox::low(seed1), Philox::high(seed1)}, {0x3ec8f720, 0x02461e29}).next();
}

Result<Philox> stream_of_seed(const Tensor& seed) {
  const Philox::Words mix = TRY(scrambled(seed));
  return Philox({0, 0, mix[2], mix[3]}, {mix[0], mix[1]});
}

Result<Philox> stream_of_key(EvalContext& c, Inputs inputs) {
  const Tensor &key = *TRY(tensor_input(c, inputs, 1)), &counter = *TRY(tensor_input(c, inputs, 2));
  const int64_t algorithm = TRY(scalar_int(*TRY(tensor_input(c, inputs, 3)), "the algorithm"));
  if (algorithm != 1 && algorithm != 3) return fail(ErrorCode::kUnsupported, "random algorithm " + std::to_string(algorithm) + "; only Philox (1) is there");
  if (key.elements() != 1 || counter.elements() < 2)
    return input_error("key and counter must have 1 and 2 numbers, found " + type_text(key) + " and " + type_text(counter));
  const auto k = key.at<uint64_t>(0), low = counter.at<uint64_t>(0), high = counter.at<uint64_t>(1);
  return Philox({Philox::low(low), Philox::high(low), Philox::low(high), Philox::high(high)}, {Philox::low(k), Philox::high(k)});
}

// --- inference

Result<PartialShape> shape_argument(InferContext& c, int64_t i) {
  if (const Tensor* shape = c.constant(i)) return PartialShape(TRY(shape_value(*shape, "the shape")));
  const PartialShape& shape = c.shape(i);
  if (shape.has_rank() && shape.rank() == 1 && shape[0] != kUnknownDim && shape[0] <= 254) return PartialShape::of_rank(shape[0]);
  return PartialShape::unknown();
}

Result<void> infer_from_shape(InferContext& c) {
  c.set_shape(0, TRY(shape_argument(c, 0)));
  return {};
}
Result<void> infer_floats(InferContext& c) {
  if (!is_float(c.result(0).dtype)) return dtype_error(c.op(), c.result(0).dtype);
  return infer_from_shape(c);
}
Result<void> infer_integers(InferContext& c) {
  if (!is_integer(c.result(0).dtype)) return dtype_error(c.op(), c.result(0).dtype);
  return infer_from_shape(c);
}

Result<void> infer_multinomial(InferContext& c) {
  const PartialShape logits = TRY(shape_of_rank(c, 0, 2));
  const Tensor* samples = c.constant(1);
  const int64_t count = samples ? TRY(scalar_int(*samples, "the number of samples")) : kUnknownDim;
  c.set_shape(0, PartialShape{logits[0], count});
  return {};
}

Result<void> infer_gamma(InferContext& c) {
  const PartialShape shape = TRY(shape_argument(c, 0));
  const PartialShape& alpha = c.shape(1);
  if (!shape.has_rank() || !alpha.has_rank()) return {};
  std::vector<int64_t> dims = shape.dims();
  dims.insert(dims.end(), alpha.dims().begin(), alpha.dims().end());
  c.set_shape(0, PartialShape(std::move(dims)));
  return {};
}

Result<void> infer_key_counter(InferContext& c) {
  c.set_shape(0, PartialShape{1});
  c.set_shape(1, PartialShape{2});
  if (c.output_count() > 2) c.set_shape(2, PartialShape::scalar());
  return {};
}

// --- kernels

using Fill = void (*)(Philox, MutableTensor&);

Result<MutableTensor> allocate_output(EvalContext& c, Inputs inputs) {
  return c.allocate(c.output_dtype(0), TRY(shape_value(*TRY(tensor_input(c, inputs, 0)), "the shape")));
}

template <Fill fill>
Result<Outputs> reference_random(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<RandomAttributes>();
  MutableTensor out = TRY(allocate_output(c, inputs));
  fill(take_stream(c, a.seed, a.seed2, out.elements()), out);
  return one(std::move(out));
}

template <Fill fill>
Result<Outputs> reference_stateless(EvalContext& c, Inputs inputs) {
  MutableTensor out = TRY(allocate_output(c, inputs));
  fill(TRY(stream_of_seed(*TRY(tensor_input(c, inputs, 1)))), out);
  return one(std::move(out));
}

template <Fill fill>
Result<Outputs> reference_stateless_v2(EvalContext& c, Inputs inputs) {
  MutableTensor out = TRY(allocate_output(c, inputs));
  fill(TRY(stream_of_key(c, inputs)), out);
  return one(std::move(out));
}

Result<Outputs> integers_between(EvalContext& c, Inputs inputs, int64_t minimum_at, MutableTensor out, Philox generator) {
  const int64_t low = TRY(scalar_int(*TRY(tensor_input(c, inputs, minimum_at)), "minval"));
  const int64_t high = TRY(scalar_int(*TRY(tensor_input(c, inputs, minimum_at + 1)), "maxval"));
  if (low >= high) return input_error("minval must be less than maxval, found " + std::to_string(low) + " and " + std::to_string(high));
  fill_integers(generator, low, static_cast<uint64_t>(high) - static_cast<uint64_t>(low), out);
  return one(std::move(out));
}

Result<Outputs> reference_uniform_int(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<SeedAttributes>();
  MutableTensor out = TRY(allocate_output(c, inputs));
  const Philox generator = take_stream(c, a.seed, a.seed2, out.elements());
  return integers_between(c, inputs, 1, std::move(out), generator);
}

Result<Outputs> reference_stateless_uniform_int(EvalContext& c, Inputs inputs) {
  MutableTensor out = TRY(allocate_output(c, inputs));
  const Philox generator = TRY(stream_of_seed(*TRY(tensor_input(c, inputs, 1))));
  return integers_between(c, inputs, 2, std::move(out), generator);
}

Result<Outputs> reference_stateless_uniform_int_v2(EvalContext& c, Inputs inputs) {
  MutableTensor out = TRY(allocate_output(c, inputs));
  const Philox generator = TRY(stream_of_key(c, inputs));
  return integers_between(c, inputs, 4, std::move(out), generator);
}

void fill_all_integers(Philox generator, MutableTensor& out) { fill_integers(generator, 0, 0, out); }

Result<Outputs> reference_key_counter(EvalContext& c, Inputs inputs) {
  const Philox::Words mix = TRY(scrambled(*TRY(tensor_input(c, inputs, 0))));
  const uint64_t key = static_cast<uint64_t>(mix[1]) << 32 | mix[0];
  const uint64_t counter[] = {0, static_cast<uint64_t>(mix[3]) << 32 | mix[2]};
  Outputs results{Tensor::of<uint64_t>(DType::kUint64, {1}, {&key, 1}), Tensor::of<uint64_t>(DType::kUint64, {2}, counter)};
  if (c.output_count() > 2) results.emplace_back(Tensor::scalar(kPhilox));
  return results;
}

Result<Outputs> reference_get_alg(EvalContext&, Inputs) { return one(Tensor::scalar(kPhilox)); }

// `stream` makes the generator for this many numbers.
template <class Stream>
Result<Outputs> draw_classes(EvalContext& c, Inputs inputs, DType dtype, Stream stream) {
  const Tensor& logits = *TRY(tensor_input(c, inputs, 0));
  const int64_t samples = TRY(scalar_int(*TRY(tensor_input(c, inputs, 1)), "the number of samples"));
  if (logits.rank() != 2 || samples < 0)
    return input_error("logits must be a matrix and samples a count, found " + type_text(logits) + " and " + std::to_string(samples));
  const int64_t rows = logits.shape()[0], classes = logits.shape()[1];
  if (classes == 0 && rows > 0 && samples > 0) return input_error("there must be at least one class");
  MutableTensor out = TRY(c.allocate(dtype, {rows, samples}));
  PhiloxWords words(TRY(stream(out.elements())));
  std::vector<double> values(static_cast<size_t>(classes)), cumulative(values.size());
  for (int64_t row = 0; row < rows; ++row) {
    load_doubles(logits, row * classes, values);
    double largest = -std::numeric_limits<double>::infinity(), total = 0;
    for (const double v : values)
      if (std::isfinite(v)) largest = std::max(largest, v);
    for (size_t k = 0; k < values.size(); ++k) {
      if (std::isfinite(values[k])) total += std::exp(values[k] - largest);
      cumulative[k] = total;
    }
    for (int64_t s = 0; s < samples; ++s) {
      const auto found = std::upper_bound(cumulative.begin(), cumulative.end(), words.next_double() * total) - cumulative.begin();
      const int64_t choice = std::min<int64_t>(found, classes - 1);
      store_int64s(out, row * samples + s, {&choice, 1});
    }
  }
  return one(std::move(out));
}

Result<Outputs> reference_multinomial(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<MultinomialAttributes>();
  return draw_classes(c, inputs, a.output_dtype, [&](int64_t count) -> Result<Philox> { return take_stream(c, a.seed, a.seed2, count); });
}

Result<Outputs> reference_stateless_multinomial(EvalContext& c, Inputs inputs) {
  const Tensor& seed = *TRY(tensor_input(c, inputs, 2));
  return draw_classes(c, inputs, c.output_dtype(0), [&](int64_t) { return stream_of_seed(seed); });
}

Result<Outputs> reference_shuffle(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<SeedAttributes>();
  const Tensor& value = *TRY(tensor_input(c, inputs, 0));
  if (value.rank() == 0 || value.shape()[0] <= 1) return one(value);
  const int64_t rows = value.shape()[0];
  std::vector<int64_t> order(static_cast<size_t>(rows));
  std::iota(order.begin(), order.end(), 0);
  PhiloxWords words(take_stream(c, a.seed, a.seed2, rows));
  for (size_t i = 0; i + 1 < order.size(); ++i) std::swap(order[i], order[i + words.next() % (order.size() - i)]);
  const int64_t row = value.elements() / rows;
  TensorBuilder builder = TRY(TensorBuilder::create(memory_of(c), value.dtype(), value.shape()));
  for (const int64_t from : order) builder.append(value, from * row, row);
  return one(TRY(std::move(builder).finish()));
}

// Marsaglia and Tsang, "A simple method for generating gamma variables"; below 1 by a factor from the next integer.
double gamma(double alpha, PhiloxWords& words) {
  if (!(alpha > 0)) return std::numeric_limits<double>::quiet_NaN();
  const double boost = alpha < 1 ? std::pow(1 - words.next_double(), 1 / alpha) : 1;
  const double d = (alpha < 1 ? alpha + 1 : alpha) - 1.0 / 3, scale = 1 / std::sqrt(9 * d);
  for (;;) {
    const double u1 = 1 - words.next_double(), u2 = words.next_double();
    const double normal = std::sqrt(-2 * std::log(u1)) * std::cos(2 * std::numbers::pi * u2);
    const double root = 1 + scale * normal, v = root * root * root;
    if (v <= 0) continue;
    const double u = 1 - words.next_double();
    if (std::log(u) < 0.5 * normal * normal + d - d * v + d * std::log(v)) return boost * d * v;
  }
}

Result<Outputs> reference_gamma(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<SeedAttributes>();
  const Tensor& alpha = *TRY(tensor_input(c, inputs, 1));
  if (!is_float(alpha.dtype())) return dtype_error(c, alpha.dtype());
  Shape shape = TRY(shape_value(*TRY(tensor_input(c, inputs, 0)), "the shape"));
  shape.insert(shape.end(), alpha.shape().begin(), alpha.shape().end());
  MutableTensor out = TRY(c.allocate(alpha.dtype(), std::move(shape)));
  PhiloxWords words(take_stream(c, a.seed, a.seed2, out.elements()));
  for (int64_t i = 0; i < out.elements(); ++i) {
    const double value = gamma(alpha.as_double(i % alpha.elements()), words);
    store_doubles(out, i, {&value, 1});
  }
  return one(std::move(out));
}

constexpr OpDef stateful(std::string_view name, decltype(OpDef::reference) reference, std::string_view doc) {
  return {.name = name,
          .signature = "shape: T -> output: dtype",
          .make_attributes = &make_attributes<RandomAttributes>,
          .infer = infer_floats,
          .reference = reference,
          .doc = doc,
          .effect = Effect::kReads};
}

constexpr OpDef stateless(std::string_view name, decltype(OpDef::infer) infer, decltype(OpDef::reference) reference, std::string_view doc) {
  return {.name = name,
          .signature = "shape: T, seed: Tseed -> output: dtype",
          .make_attributes = &make_attributes<StatelessRandomAttributes>,
          .infer = infer,
          .reference = reference,
          .doc = doc};
}

constexpr OpDef stateless_v2(std::string_view name, decltype(OpDef::infer) infer, decltype(OpDef::reference) reference, std::string_view doc) {
  return {.name = name,
          .signature = "shape: Tshape, key: uint64, counter: uint64, alg: int32 -> output: dtype",
          .make_attributes = &make_attributes<StatelessRandomAttributes>,
          .infer = infer,
          .reference = reference,
          .doc = doc};
}

}  // namespace

constinit const OpDef kOp_RandomUniform = stateful("RandomUniform", reference_random<fill_uniform>, "Numbers spread evenly over [0, 1).");
constinit const OpDef kOp_RandomStandardNormal = stateful("RandomStandardNormal", reference_random<fill_normal>, "Normal numbers of mean 0 and deviation 1.");
constinit const OpDef kOp_TruncatedNormal =
    stateful("TruncatedNormal", reference_random<fill_truncated_normal>, "Normal numbers of mean 0 and deviation 1, those beyond 2 drawn again.");

constinit const OpDef kOp_RandomUniformInt = {
    .name = "RandomUniformInt",
    .signature = "shape: T, minval: Tout, maxval: Tout -> output: Tout",
    .make_attributes = &make_attributes<SeedAttributes>,
    .infer = infer_integers,
    .reference = reference_uniform_int,
    .doc = "Integers spread evenly over [minval, maxval).",
    .effect = Effect::kReads,
};

constinit const OpDef kOp_RandomGamma = {
    .name = "RandomGamma",
    .signature = "shape: S, alpha: T -> output: T",
    .make_attributes = &make_attributes<SeedAttributes>,
    .infer = infer_gamma,
    .reference = reference_gamma,
    .doc = "Numbers of gamma distributions of rate 1: as many as the shape says for each alpha. TensorFlow draws other numbers of the same distribution.",
    .effect = Effect::kReads,
};

constinit const OpDef kOp_RandomShuffle = {
    .name = "RandomShuffle",
    .signature = "value: T -> output: T",
    .make_attributes = &make_attributes<SeedAttributes>,
    .infer = infer_same,
    .reference = reference_shuffle,
    .doc = "The rows of a tensor in random order.",
    .effect = Effect::kReads,
};

constinit const OpDef kOp_Multinomial = {
    .name = "Multinomial",
    .signature = "logits: T, num_samples: int32 -> output: output_dtype",
    .make_attributes = &make_attributes<MultinomialAttributes>,
    .infer = infer_multinomial,
    .reference = reference_multinomial,
    .doc = "num_samples classes for each row, drawn with the probabilities softmax(logits).",
    .effect = Effect::kReads,
};

constinit const OpDef kOp_StatelessRandomUniform =
    stateless("StatelessRandomUniform", infer_floats, reference_stateless<fill_uniform>, "RandomUniform that depends on its seed alone.");
constinit const OpDef kOp_StatelessRandomNormal =
    stateless("StatelessRandomNormal", infer_floats, reference_stateless<fill_normal>, "RandomStandardNormal that depends on its seed alone.");
constinit const OpDef kOp_StatelessTruncatedNormal =
    stateless("StatelessTruncatedNormal", infer_floats, reference_stateless<fill_truncated_normal>, "TruncatedNormal that depends on its seed alone.");
constinit const OpDef kOp_StatelessRandomUniformFullInt =
    stateless("StatelessRandomUniformFullInt", infer_integers, reference_stateless<fill_all_integers>, "All integers of the dtype with equal probability.");

constinit const OpDef kOp_StatelessRandomUniformV2 =
    stateless_v2("StatelessRandomUniformV2", infer_floats, reference_stateless_v2<fill_uniform>, "RandomUniform that depends on key and counter alone.");
constinit const OpDef kOp_StatelessRandomNormalV2 =
    stateless_v2("StatelessRandomNormalV2", infer_floats, reference_stateless_v2<fill_normal>, "RandomStandardNormal that depends on key and counter alone.");
constinit const OpDef kOp_StatelessTruncatedNormalV2 = stateless_v2("StatelessTruncatedNormalV2", infer_floats, reference_stateless_v2<fill_truncated_normal>,
                                                                    "TruncatedNormal that depends on key and counter alone.");
constinit const OpDef kOp_StatelessRandomUniformFullIntV2 = stateless_v2(
    "StatelessRandomUniformFullIntV2", infer_integers, reference_stateless_v2<fill_all_integers>, "All integers of the dtype with equal probability.");

constinit const OpDef kOp_StatelessRandomUniformInt = {
    .name = "StatelessRandomUniformInt",
    .signature = "shape: T, seed: Tseed, minval: dtype, maxval: dtype -> output: dtype",
    .infer = infer_integers,
    .reference = reference_stateless_uniform_int,
    .doc = "RandomUniformInt that depends on its seed alone.",
};

constinit const OpDef kOp_StatelessRandomUniformIntV2 = {
    .name = "StatelessRandomUniformIntV2",
    .signature = "shape: Tshape, key: uint64, counter: uint64, alg: int32, minval: dtype, maxval: dtype -> output: dtype",
    .infer = infer_integers,
    .reference = reference_stateless_uniform_int_v2,
    .doc = "RandomUniformInt that depends on key and counter alone.",
};

constinit const OpDef kOp_StatelessRandomGetKeyCounter = {
    .name = "StatelessRandomGetKeyCounter",
    .signature = "seed: Tseed -> key: uint64, counter: uint64",
    .infer = infer_key_counter,
    .reference = reference_key_counter,
    .doc = "The key and the counter of the Philox stream that a seed stands for.",
};

constinit const OpDef kOp_StatelessRandomGetAlg = {
    .name = "StatelessRandomGetAlg",
    .signature = "-> alg: int32",
    .infer = infer_scalar,
    .reference = reference_get_alg,
    .doc = "The number of the random algorithm: 1, Philox.",
};

constinit const OpDef kOp_StatelessRandomGetKeyCounterAlg = {
    .name = "StatelessRandomGetKeyCounterAlg",
    .signature = "seed: Tseed -> key: uint64, counter: uint64, alg: int32",
    .infer = infer_key_counter,
    .reference = reference_key_counter,
    .doc = "StatelessRandomGetKeyCounter and StatelessRandomGetAlg in one.",
};

constinit const OpDef kOp_StatelessMultinomial = {
    .name = "StatelessMultinomial",
    .signature = "logits: T, num_samples: int32, seed: Tseed -> output: output_dtype",
    .make_attributes = &make_attributes<StatelessMultinomialAttributes>,
    .infer = infer_multinomial,
    .reference = reference_stateless_multinomial,
    .doc = "Multinomial that depends on its seed alone.",
};

}  // namespace isomer::ops
