// Bits of integers, in arithmetic. A target without bitwise ops but with division that rounds down can take an int32 apart:
//
//   e = ExpandDims(x, -1); p = [2^0 ... 2^30]
//   bits = ConcatV2(FloorMod(FloorDiv(e, p), 2), Cast(e < 0, int32))       32 bits, right for negative numbers too
//   x = Sum(bits * [2^0 ... 2^30, -2^31], -1)
//
// That makes 32 values of each element. Wider integers are taken for int32: the targets that lack bitwise ops have nothing wider.
#include <cmath>

#include "passes/build.h"

namespace isomer::passes {
namespace {

constexpr int kBits = 31;  // besides the sign

Term powers_of_two(Builder& b, bool with_sign) {
  std::vector<double> values;
  for (int i = 0; i < kBits; ++i) values.push_back(std::ldexp(1.0, i));
  if (with_sign) values.push_back(-std::ldexp(1.0, kBits));
  const auto count = static_cast<int64_t>(values.size());
  return b.numbers(DType::kInt32, {count}, values);
}

Term bits_of(Term x) {
  Builder& b = x.builder();
  const Term e = expand(cast(x, DType::kInt32), -1);
  const Term low = floor_mod(floor_div(e, powers_of_two(b, false)), b.integer(2));
  return concat({low, cast(less(e, 0), DType::kInt32)}, -1);
}

Term from_bits(Term bits, DType dtype) { return cast(sum(bits * powers_of_two(bits.builder(), true), -1), dtype); }

// 2^k where `mask` is the scalar constant 2^k - 1; 0 otherwise.
double range_of_mask(Term mask) {
  const Tensor* value = mask.constant();
  if (!value || value->rank() != 0) return 0;
  const int64_t first = value->as_int64(0);
  if (first <= 0 || first >= (int64_t{1} << 30) || (first & (first + 1)) != 0) return 0;
  return static_cast<double>(first + 1);
}

}  // namespace

// Before: BitwiseAnd(x, y)   After: the sum of the products of their bits; FloorMod(x, 2^k) where y is the constant 2^k - 1
Result<bool> lower_bitwise_and(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const Term x = b.input(0), y = b.input(1);
  for (const auto& [value, mask] : {std::pair{x, y}, std::pair{y, x}}) {
    const double modulus = range_of_mask(mask);
    // A mask of a higher rank might broadcast x. The modulus must fit the dtype.
    const bool fits = modulus <= 64 || element_size(x.dtype()) >= 4;
    if (modulus != 0 && fits) return b.replace(floor_mod(value, b.number(x.dtype(), modulus)));
  }
  return b.replace(from_bits(bits_of(x) * bits_of(y), x.dtype()));
}

// Before: BitwiseOr(x, y)   After: the larger one of each two bits
Result<bool> lower_bitwise_or(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  return b.replace(from_bits(maximum(bits_of(b.input(0)), bits_of(b.input(1))), b.result_dtype()));
}

// Before: BitwiseXor(x, y)   After: the difference of each two bits
Result<bool> lower_bitwise_xor(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  return b.replace(from_bits(abs(bits_of(b.input(0)) - bits_of(b.input(1))), b.result_dtype()));
}

// Before: Invert(x)   After: -1 - x; for unsigned x its largest value - x
Result<bool> lower_invert(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const DType dtype = b.result_dtype();
  const bool narrow_unsigned = !is_signed_integer(dtype) && element_size(dtype) <= 2;
  const double top = narrow_unsigned ? std::ldexp(1.0, static_cast<int>(8 * element_size(dtype))) - 1 : -1;
  return b.replace(top - b.input(0));
}

// Before: LeftShift(x, n)   After: x * GatherV2([2^0 ... 2^30, -2^31], n)        n in [0, 31]; int32 products wrap
Result<bool> lower_left_shift(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const Term factor = gather(powers_of_two(b, true), cast(b.input(1), DType::kInt32), 0);
  return b.replace(cast(cast(b.input(0), DType::kInt32) * factor, b.result_dtype()));
}

// Before: RightShift(x, n)   After: FloorDiv(x, GatherV2([2^0 ... 2^30], n))      n in [0, 30]; keeps the sign of signed integers
Result<bool> lower_right_shift(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const Term divisor = gather(powers_of_two(b, false), cast(b.input(1), DType::kInt32), 0);
  return b.replace(cast(floor_div(cast(b.input(0), DType::kInt32), divisor), b.result_dtype()));
}

}  // namespace isomer::passes
