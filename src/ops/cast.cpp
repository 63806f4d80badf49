// Conversion between dtypes, by value (Cast) and by bits (Bitcast).
//
// A float outside the range of the integers has no value in C++. TensorFlow gives what the x86 instruction gives: integers up to 32 bits (uint32
// excepted) are made through int32, the others through int64, and what does not fit becomes the smallest number of that intermediate type. Narrower
// results then wrap.
#include "ops/cast.h"

#include <bit>
#include <cmath>

#include "ops/kernel.h"

namespace isomer::ops {
namespace {

using namespace ir;

int64_t integer_of(double value, DType to) {
  constexpr double k31 = 2147483648.0, k63 = 9223372036854775808.0;
  const bool narrow = to == DType::kInt32 || element_size(to) < 4;
  if (narrow) return value > -k31 - 1 && value < k31 ? static_cast<int64_t>(value) : INT32_MIN;
  if (to == DType::kUint64 && value >= k63 && value < 2 * k63) return static_cast<int64_t>(static_cast<uint64_t>(value));
  return value >= -k63 && value < k63 ? static_cast<int64_t>(value) : INT64_MIN;
}

// An integer as the float of dtype `to`, rounded once where that is float32 (a double between would round twice); half and bfloat16 come from float32.
double float_of(int64_t value, DType from, DType to) {
  const bool is_unsigned = from == DType::kUint64;
  if (to == DType::kFloat64) return is_unsigned ? static_cast<double>(static_cast<uint64_t>(value)) : static_cast<double>(value);
  return is_unsigned ? static_cast<float>(static_cast<uint64_t>(value)) : static_cast<float>(value);
}

// Cuts the mantissa to what `to` holds.
double cut(double value, DType to) {
  const int kept = to == DType::kFloat32 ? 23 : to == DType::kHalf ? 10 : to == DType::kBfloat16 ? 7 : 52;
  if (!std::isfinite(value)) return value;
  return std::bit_cast<double>(std::bit_cast<uint64_t>(value) & (~uint64_t{0} << (52 - kept)));
}

Result<Tensor> from_floats(EvalContext& c, const Tensor& x, DType to, bool truncate) {
  switch (type_class(to)) {
    case TypeClass::kFloat:
      if (truncate) return map_elements<double, double>(c, x, to, [&](double v) { return cut(v, to); });
      return map_elements<double, double>(c, x, to, [](double v) { return v; });
    case TypeClass::kInteger: return map_elements<double, int64_t>(c, x, to, [&](double v) { return integer_of(v, to); });
    case TypeClass::kBool: return map_elements<double, int64_t>(c, x, to, [](double v) -> int64_t { return v != 0; });
    case TypeClass::kComplex: return map_elements<double, Complex>(c, x, to, [](double v) -> Complex { return v; });
    default: return dtype_error(c, to);
  }
}

// From integers and bools.
Result<Tensor> from_integers(EvalContext& c, const Tensor& x, DType to) {
  const DType from = x.dtype();
  switch (type_class(to)) {
    case TypeClass::kFloat: return map_elements<int64_t, double>(c, x, to, [&](int64_t v) { return float_of(v, from, to); });
    case TypeClass::kInteger: return map_elements<int64_t, int64_t>(c, x, to, [](int64_t v) { return v; });
    case TypeClass::kBool: return map_elements<int64_t, int64_t>(c, x, to, [](int64_t v) -> int64_t { return v != 0; });
    case TypeClass::kComplex: {
      const DType part = to == DType::kComplex64 ? DType::kFloat32 : DType::kFloat64;
      return map_elements<int64_t, Complex>(c, x, to, [&](int64_t v) -> Complex { return float_of(v, from, part); });
    }
    default: return dtype_error(c, to);
  }
}

// Only the real part counts, even for bool.
Result<Tensor> from_complex(EvalContext& c, const Tensor& x, DType to) {
  switch (type_class(to)) {
    case TypeClass::kFloat: return map_elements<Complex, double>(c, x, to, [](Complex v) { return v.real(); });
    case TypeClass::kInteger: return map_elements<Complex, int64_t>(c, x, to, [&](Complex v) { return integer_of(v.real(), to); });
    case TypeClass::kBool: return map_elements<Complex, int64_t>(c, x, to, [](Complex v) -> int64_t { return v.real() != 0; });
    case TypeClass::kComplex: return map_elements<Complex, Complex>(c, x, to, [](Complex v) { return v; });
    default: return dtype_error(c, to);
  }
}

Result<Outputs> reference_cast(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const auto& a = c.as<CastAttributes>();
  if (x.dtype() == a.DstT) return one(x);
  switch (type_class(x.dtype())) {
    case TypeClass::kFloat: return one(TRY(from_floats(c, x, a.DstT, a.Truncate)));
    case TypeClass::kBool:
    case TypeClass::kInteger: return one(TRY(from_integers(c, x, a.DstT)));
    case TypeClass::kComplex: return one(TRY(from_complex(c, x, a.DstT)));
    default: return dtype_error(c, x.dtype());
  }
}

// The last dimension of the result appears or vanishes where the sizes of the dtypes differ.
Result<PartialShape> bitcast_shape(const PartialShape& shape, int64_t from, int64_t to) {
  if (from == 0 || to == 0) return fail(ErrorCode::kInvalidModel, "Bitcast takes dtypes of a fixed size only");
  if (from == to || !shape.has_rank()) return shape;
  std::vector<int64_t> dims = shape.dims();
  if (from > to) {
    dims.push_back(from / to);
  } else if (dims.empty() || (dims.back() != kUnknownDim && dims.back() != to / from)) {
    return input_error("the last dimension of Bitcast's input must be " + std::to_string(to / from) + ", found shape " + to_string(shape));
  } else {
    dims.pop_back();
  }
  return PartialShape(std::move(dims));
}
Result<void> infer_bitcast(InferContext& c) {
  c.set_shape(0, TRY(bitcast_shape(c.shape(0), element_size(c.input_type(0).dtype), element_size(c.as<BitcastAttributes>().type))));
  return {};
}
Result<Outputs> reference_bitcast(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const DType to = c.as<BitcastAttributes>().type;
  PartialShape shape = TRY(bitcast_shape(PartialShape(x.shape()), element_size(x.dtype()), element_size(to)));
  return one(TRY(Tensor::create(to, shape.dims(), x.bytes())));
}

}  // namespace

constinit const OpDef kOp_Cast = {
    .name = "Cast",
    .signature = "x: SrcT -> y: DstT",
    .make_attributes = &make_attributes<CastAttributes>,
    .infer = infer_same,
    .reference = reference_cast,
    .doc =
        "x in another dtype. Floats lose their fraction when they become integers, integers wrap to the width of narrower ones, and everything but 0 is "
        "true.",
};
constinit const OpDef kOp_Bitcast = {
    .name = "Bitcast",
    .signature = "input: T -> output: type",
    .make_attributes = &make_attributes<BitcastAttributes>,
    .infer = infer_bitcast,
    .reference = reference_bitcast,
    .doc = "The same bytes read as another dtype; a last dimension is added or removed where the sizes of the dtypes differ.",
};

}  // namespace isomer::ops
