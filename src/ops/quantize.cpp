// Floats as integers of a few bits and back. Each step is done in float32 (float64 for tensors of that), as TensorFlow does it: which integer an element
// becomes depends on it.
#include "ops/quantize.h"

#include <cfenv>
#include <cmath>
#include <limits>

#include "ops/kernel.h"

namespace isomer::ops {
namespace {

using namespace ir;

// The slices along an axis: slice s of elements (outer, s, inner). One slice for axis -1.
struct Slices {
  int64_t count = 1, inner = 1;
  int64_t of(int64_t element) const { return element / inner % count; }
};

Result<Slices> slices_of(const Shape& shape, int64_t axis) {
  if (axis == -1) return Slices{1, std::max<int64_t>(element_count_of(shape), 1)};
  const auto rank = static_cast<int64_t>(shape.size());
  if (axis < -1 || axis >= rank) return input_error("a tensor of shape " + to_string(shape) + " has no dimension " + std::to_string(axis));
  Slices slices{shape[static_cast<size_t>(axis)], 1};
  for (int64_t d = axis + 1; d < rank; ++d) slices.inner = mul_dims(slices.inner, shape[static_cast<size_t>(d)]);
  return Slices{slices.count, std::max<int64_t>(slices.inner, 1)};
}

Result<void> check_range(const Tensor& range, const Slices& slices, std::string_view what) {
  if (is_float(range.dtype()) && range.elements() == slices.count) return {};
  return input_error("there must be " + std::to_string(slices.count) + " floats of " + std::string(what) + ", found " + type_text(range));
}

// The integers of a quantised dtype.
struct Storage {
  int bits = 0;
  bool is_signed = false;
  double lowest() const { return is_signed ? -std::ldexp(1.0, bits - 1) : 0; }
  double highest() const { return std::ldexp(1.0, is_signed ? bits - 1 : bits) - 1; }
};

Result<Storage> storage_of(EvalContext& c, DType dtype) {
  switch (dtype) {
    case DType::kQint8: return Storage{8, true};
    case DType::kQuint8: return Storage{8, false};
    case DType::kQint16: return Storage{16, true};
    case DType::kQuint16: return Storage{16, false};
    case DType::kQint32: return Storage{32, true};
    default: return dtype_error(c, dtype);
  }
}

int64_t stored_at(const Tensor& x, int64_t i) {
  switch (x.dtype()) {
    case DType::kQint8: return x.at<int8_t>(i);
    case DType::kQuint8: return x.at<uint8_t>(i);
    case DType::kQint16: return x.at<int16_t>(i);
    case DType::kQuint16: return x.at<uint16_t>(i);
    default: return x.at<int32_t>(i);
  }
}
void store_at(MutableTensor& x, int64_t i, double value) {
  switch (x.dtype()) {
    case DType::kQint8: x.as<int8_t>()[i] = static_cast<int8_t>(value); break;
    case DType::kQuint8: x.as<uint8_t>()[i] = static_cast<uint8_t>(value); break;
    case DType::kQint16: x.as<int16_t>()[i] = static_cast<int16_t>(value); break;
    case DType::kQuint16: x.as<uint16_t>()[i] = static_cast<uint16_t>(value); break;
    default: x.as<int32_t>()[i] = static_cast<int32_t>(value);
  }
}

// --- Dequantize

Result<void> infer_dequantize(InferContext& c) {
  const auto& a = c.as<DequantizeAttributes>();
  if (a.mode != "MIN_COMBINED" && a.mode != "MIN_FIRST" && a.mode != "SCALED") return input_error("there is no mode '" + a.mode + "'");
  if (!is_float(c.result(0).dtype)) return dtype_error(c.op(), c.result(0).dtype);
  return infer_same(c);
}

// The float that an integer of this storage stands for.
struct Dequantizer {
  float scale, offset, before;  // (x + before) * scale + offset
  float operator()(int64_t x) const { return (static_cast<float>(x) + before) * scale + offset; }
};

Dequantizer dequantizer(const std::string& mode, bool narrow, const Storage& s, float min, float max) {
  const auto lowest = static_cast<float>(s.lowest()), highest = static_cast<float>(s.highest());
  if (mode == "SCALED") {
    const float from_max = max / highest;
    return {s.is_signed ? std::max(min / (lowest + (narrow ? 1.0f : 0.0f)), from_max) : from_max, 0, 0};
  }
  if (mode == "MIN_COMBINED") return {(max - min) / (highest - lowest), min, s.is_signed ? (highest - lowest + 1) / 2 : 0};
  const double steps = std::ldexp(1.0, s.bits), range = (static_cast<double>(max) - min) * (steps / (steps - 1));
  const auto scale = static_cast<float>(range / steps);
  return {scale, max == min ? min : std::round(min / scale) * scale, -lowest};
}

Result<Outputs> reference_dequantize(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<DequantizeAttributes>();
  const Tensor &x = *TRY(tensor_input(c, inputs, 0)), &min = *TRY(tensor_input(c, inputs, 1)), &max = *TRY(tensor_input(c, inputs, 2));
  const Storage storage = TRY(storage_of(c, x.dtype()));
  const Slices slices = TRY(slices_of(x.shape(), a.axis));
  TRY(check_range(min, slices, "min_range"));
  TRY(check_range(max, slices, "max_range"));
  MutableTensor y = TRY(c.allocate(a.dtype, x.shape()));
  for (int64_t i = 0; i < x.elements(); ++i) {
    const int64_t slice = slices.of(i);
    const double value = dequantizer(a.mode, a.narrow_range, storage, min.at<float>(slice), max.at<float>(slice))(stored_at(x, i));
    store_doubles(y, i, {&value, 1});
  }
  return one(std::move(y));
}

// --- QuantizeV2

Result<void> infer_quantize(InferContext& c) {
  const auto& a = c.as<QuantizeV2Attributes>();
  if (a.mode != "MIN_COMBINED" && a.mode != "MIN_FIRST" && a.mode != "SCALED") return input_error("there is no mode '" + a.mode + "'");
  if (a.round_mode != "HALF_AWAY_FROM_ZERO" && a.round_mode != "HALF_TO_EVEN") return input_error("there is no round_mode '" + a.round_mode + "'");
  if (a.round_mode == "HALF_TO_EVEN" && a.mode != "SCALED") return input_error("only the mode SCALED rounds HALF_TO_EVEN");
  const PartialShape range = a.axis == -1 ? PartialShape::scalar() : c.shape(1);
  c.set_shape(1, range);
  c.set_shape(2, range);
  return infer_same(c);
}

struct Quantizer {
  std::string_view mode;
  bool to_even, narrow;
  Storage storage;
  float min, max, scale = 1;

  Quantizer(const QuantizeV2Attributes& a, const Storage& s, float given_min, float given_max)
      : mode(a.mode), to_even(a.round_mode == "HALF_TO_EVEN"), narrow(a.narrow_range), storage(s) {
    // A range that holds 0 and is not empty.
    min = std::min(0.0f, given_min);
    const float least = std::max(1.0f, std::max(std::fabs(given_min), std::fabs(given_max))) * a.ensure_minimum_range;
    max = std::max(0.0f, std::max(given_max, min + least));
    const auto lowest = static_cast<float>(s.lowest()) + (narrow ? 1.0f : 0.0f), highest = static_cast<float>(s.highest());
    if (mode == "SCALED") {
      constexpr float kMost = std::numeric_limits<float>::max();
      const float from_min = lowest * min > 0 ? lowest / min : kMost, from_max = highest * max > 0 ? highest / max : kMost;
      scale = std::min(from_min, from_max);
      min = lowest / scale;
      max = highest / scale;
    } else if (mode == "MIN_COMBINED") {
      scale = static_cast<float>((s.highest() - s.lowest()) / (static_cast<double>(max) - min));
    } else {
      const double steps = std::ldexp(1.0, s.bits);
      scale = static_cast<float>(steps / ((static_cast<double>(max) - min) * (steps / (steps - 1))));
    }
  }

  double operator()(float x) const {
    double q;
    if (mode == "MIN_FIRST") {
      q = static_cast<double>(std::round(x * scale)) - std::round(min * scale) + storage.lowest();
    } else if (mode == "SCALED") {
      const float scaled = std::fmax(std::fmin(x, max), min) * scale;
      q = to_even ? std::nearbyint(scaled) : std::round(scaled);
    } else {
      const auto half = static_cast<float>(storage.is_signed ? std::ldexp(1.0, storage.bits - 1) : 0);
      q = std::round((std::fmax(std::fmin(x, max), min) - min) * scale - half);
    }
    return std::isnan(q) ? storage.lowest() : std::fmin(std::fmax(q, storage.lowest()), storage.highest());
  }
};

Result<Outputs> reference_quantize(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<QuantizeV2Attributes>();
  const Tensor &x = *TRY(tensor_input(c, inputs, 0)), &min = *TRY(tensor_input(c, inputs, 1)), &max = *TRY(tensor_input(c, inputs, 2));
  const Storage storage = TRY(storage_of(c, a.T));
  const Slices slices = TRY(slices_of(x.shape(), a.axis));
  TRY(check_range(min, slices, "min_range"));
  TRY(check_range(max, slices, "max_range"));
  std::vector<Quantizer> quantizers;
  const Shape range = a.axis == -1 ? Shape{} : Shape{slices.count};
  MutableTensor y = TRY(c.allocate(a.T, x.shape())), low = TRY(c.allocate(DType::kFloat32, range)), high = TRY(c.allocate(DType::kFloat32, range));
  for (int64_t i = 0; i < slices.count; ++i) {
    if (!(min.at<float>(i) <= max.at<float>(i))) return input_error("the range of a quantisation must not end before it begins");
    quantizers.emplace_back(a, storage, min.at<float>(i), max.at<float>(i));
    low.as<float>()[i] = quantizers.back().min;
    high.as<float>()[i] = quantizers.back().max;
  }
  for (int64_t i = 0; i < x.elements(); ++i) store_at(y, i, quantizers[static_cast<size_t>(slices.of(i))](x.at<float>(i)));
  return Outputs{std::move(y).finish(), std::move(low).finish(), std::move(high).finish()};
}

// --- QuantizeAndDequantize

struct Simulation {
  bool is_signed, range_given, narrow, half_up;
  int64_t bits, axis;
};

template <class T>
struct Grid {
  T min, max, scale, step;

  Grid(const Simulation& s, T given_min, T given_max) : min(given_min), max(given_max) {
    const T lowest = s.is_signed ? -std::ldexp(T{1}, static_cast<int>(s.bits) - 1) + (s.narrow ? 1 : 0) : 0;
    const T highest = std::ldexp(T{1}, static_cast<int>(s.is_signed ? s.bits - 1 : s.bits)) - 1;
    constexpr T kMost = std::numeric_limits<T>::max();
    const T from_min = lowest * min > 0 ? lowest / min : kMost, from_max = highest * max > 0 ? highest / max : kMost;
    // The side of the range that needs the larger step decides; the other side moves.
    if (from_min < from_max) {
      scale = from_min;
      step = min / lowest;
      max = highest * step;
    } else {
      scale = from_max;
      step = max / highest;
      min = lowest * step;
    }
  }

  T nearest(T x, bool clamp, bool half_up) const {
    const T scaled = (clamp ? std::fmax(std::fmin(x, max), min) : x) * scale;
    return (half_up ? std::floor(scaled + T{0.5}) : std::nearbyint(scaled)) * step;
  }
};

template <class T>
Result<Outputs> simulate(EvalContext& c, const Simulation& s, const Tensor& x, const Tensor& min, const Tensor& max) {
  const Slices slices = TRY(slices_of(x.shape(), s.axis));
  const std::vector<double> values = load_all<double>(x);
  std::vector<T> low(static_cast<size_t>(slices.count), T{0}), high(low);
  if (s.range_given) {
    TRY(check_range(min, slices, "input_min"));
    TRY(check_range(max, slices, "input_max"));
    for (int64_t i = 0; i < slices.count; ++i) {
      low[static_cast<size_t>(i)] = static_cast<T>(min.as_double(i));
      high[static_cast<size_t>(i)] = static_cast<T>(max.as_double(i));
      if (!(min.as_double(i) <= max.as_double(i))) return input_error("the range of a quantisation must not end before it begins");
    }
  } else {
    std::vector<bool> begun(low.size(), false);
    for (size_t i = 0; i < values.size(); ++i) {
      const auto slice = static_cast<size_t>(slices.of(static_cast<int64_t>(i)));
      const auto value = static_cast<T>(values[i]);
      low[slice] = begun[slice] ? std::min(low[slice], value) : value;
      high[slice] = begun[slice] ? std::max(high[slice], value) : value;
      begun[slice] = true;
    }
  }
  std::vector<Grid<T>> grids;
  for (size_t i = 0; i < low.size(); ++i) grids.emplace_back(s, low[i], high[i]);
  std::vector<double> results(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    results[i] = grids[static_cast<size_t>(slices.of(static_cast<int64_t>(i)))].nearest(static_cast<T>(values[i]), s.range_given, s.half_up);
  }
  MutableTensor y = TRY(c.allocate(x.dtype(), x.shape()));
  store_doubles(y, 0, results);
  return one(std::move(y));
}

Result<Outputs> simulate(EvalContext& c, Inputs inputs, const Simulation& s) {
  const Tensor &x = *TRY(tensor_input(c, inputs, 0)), &min = *TRY(tensor_input(c, inputs, 1)), &max = *TRY(tensor_input(c, inputs, 2));
  if (!is_float(x.dtype())) return dtype_error(c, x.dtype());
  if (x.elements() == 0) return one(x);
  if (s.bits < (s.is_signed ? 2 : 1) || s.bits > 62) return input_error("num_bits must be from 1 (signed: 2) to 62, found " + std::to_string(s.bits));
  return x.dtype() == DType::kFloat64 ? simulate<double>(c, s, x, min, max) : simulate<float>(c, s, x, min, max);
}

Result<Outputs> reference_simulate(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<QuantizeAndDequantizeV2Attributes>();
  if (a.round_mode != "HALF_TO_EVEN" && a.round_mode != "HALF_UP") return input_error("there is no round_mode '" + a.round_mode + "'");
  return simulate(c, inputs, {a.signed_input, a.range_given, a.narrow_range, a.round_mode == "HALF_UP", a.num_bits, a.axis});
}

Result<Outputs> reference_simulate_v3(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<QuantizeAndDequantizeV3Attributes>();
  const int64_t bits = TRY(scalar_int(*TRY(tensor_input(c, inputs, 3)), "num_bits"));
  return simulate(c, inputs, {a.signed_input, a.range_given, a.narrow_range, false, bits, a.axis});
}

}  // namespace

constinit const OpDef kOp_Dequantize = {
    .name = "Dequantize",
    .signature = "input: T, min_range: float32, max_range: float32 -> output: dtype",
    .make_attributes = &make_attributes<DequantizeAttributes>,
    .infer = infer_dequantize,
    .reference = reference_dequantize,
    .doc = "The floats that quantised integers stand for. SCALED: a multiple of a step; MIN_COMBINED and MIN_FIRST: steps from min_range on.",
};

constinit const OpDef kOp_QuantizeV2 = {
    .name = "QuantizeV2",
    .signature = "input: float32, min_range: float32, max_range: float32 -> output: T, output_min: float32, output_max: float32",
    .make_attributes = &make_attributes<QuantizeV2Attributes>,
    .infer = infer_quantize,
    .reference = reference_quantize,
    .doc = "Floats as quantised integers, and the range that these stand for (it is widened to hold 0 and to be no less than ensure_minimum_range).",
};

constinit const OpDef kOp_QuantizeAndDequantizeV2 = {
    .name = "QuantizeAndDequantizeV2",
    .signature = "input: T, input_min: T, input_max: T -> output: T",
    .make_attributes = &make_attributes<QuantizeAndDequantizeV2Attributes>,
    .infer = infer_same,
    .reference = reference_simulate,
    .doc = "Floats rounded to the multiples of a step that an integer of num_bits can count; the range is given or that of the input.",
};

constinit const OpDef kOp_QuantizeAndDequantizeV4 = {
    .name = "QuantizeAndDequantizeV4",
    .signature = "input: T, input_min: T, input_max: T -> output: T",
    .make_attributes = &make_attributes<QuantizeAndDequantizeV2Attributes>,
    .infer = infer_same,
    .reference = reference_simulate,
    .doc = "QuantizeAndDequantizeV2 with another gradient.",
};

constinit const OpDef kOp_QuantizeAndDequantizeV3 = {
    .name = "QuantizeAndDequantizeV3",
    .signature = "input: T, input_min: T, input_max: T, num_bits: int32 -> output: T",
    .make_attributes = &make_attributes<QuantizeAndDequantizeV3Attributes>,
    .infer = infer_same,
    .reference = reference_simulate_v3,
    .doc = "QuantizeAndDequantizeV2 with the number of bits as an input.",
};

}  // namespace isomer::ops
