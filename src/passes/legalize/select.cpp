// Choosing among elements, and conversions of dtype.
#include <cmath>

#include "passes/build.h"

namespace isomer::passes {
namespace {

// The new last axis of a rank-`rank` tensor moved to `axis`.
Term last_axis_to(Term x, int64_t rank, int64_t axis) {
  std::vector<int64_t> permutation;
  for (int64_t i = 0; i < rank; ++i) permutation.push_back(i < axis ? i : i == axis ? rank - 1 : i - 1);
  return transpose(x, permutation);
}

}  // namespace

// Before: Select(c, a, b), c a vector and a, b of higher rank   After: SelectV2(Reshape(c, [n, 1, ...]), a, b)
// Where the ranks are not known: the shape is ConcatV2(Shape(c), Fill([Rank(a) - Rank(c)], 1)), right for every rank that Select allows.
Result<bool> lower_select(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const Term condition = b.input(0), yes = b.input(1), no = b.input(2);
  const PartialShape data = yes.shape().has_rank() ? yes.shape() : no.shape();
  if (!condition.shape().has_rank() || !data.has_rank()) {
    const auto rank_of = [&](Term x) { return b.make("Rank", {x}); };
    const Term ones = b.make("Fill", {expand(rank_of(yes) - rank_of(condition), 0), b.integer(1)});
    return b.replace(select(b.make("Reshape", {condition, concat({b.shape_of(condition), ones}, 0)}), yes, no));
  }
  if (condition.shape().rank() != 1 || data.rank() <= 1) return b.replace(select(condition, yes, no));
  std::vector<Size> sizes(static_cast<size_t>(data.rank()), int64_t{1});
  sizes[0] = int64_t{-1};
  return b.replace(select(reshape(condition, sizes), yes, no));
}

// Before: SelectV2(c, a, b) of strings   After: GatherNd from a and b, one after the other, at i + n where c and at i elsewhere
// For known shapes without broadcasting.
Result<bool> lower_select_v2(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term condition = b.input(0), yes = b.input(1), no = b.input(2);
  const auto shape = b.result_shape().known();
  if (b.result_dtype() != DType::kString) {
    if (!is_complex(b.result_dtype())) return refuse(reason, "");
    const DType part = b.result_dtype() == DType::kComplex64 ? DType::kFloat32 : DType::kFloat64;
    const auto parts = [&](const char* op) { return select(condition, b.make(op, {yes}, {{"Tout", part}}), b.make(op, {no}, {{"Tout", part}})); };
    return b.replace(b.make("Complex", {parts("Real"), parts("Imag")}, {{"Tout", b.result_dtype()}}));
  }
  if (!shape) return refuse(reason, "strings are selected in known shapes only");
  std::vector<Size> sizes(shape->begin(), shape->end());
  const int64_t count = element_count_of(*shape);
  const auto flat = [&](Term x) { return flatten(x.shape().known() == shape ? x : b.make("BroadcastTo", {x, b.integers(*shape)})); };
  const Term from = concat({flat(no), flat(yes)}, 0);
  const Term picked = cast(flat(condition), DType::kInt32) * static_cast<double>(count) + range(b, count);
  return b.replace(reshape(b.make("GatherNd", {from, expand(picked, 1)}), sizes));
}

// Before: OneHot(x, depth, on, off) {axis}   After: OneHot on the last axis, Transpose
// Where depth is 0 or 1:                            SelectV2(ExpandDims(x, -1) == [0 ... depth - 1], on, off), Transpose
Result<bool> lower_one_hot(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term x = b.input(0);
  const Tensor* depth = b.input(1).constant();
  const auto axis = b.attribute<int64_t>("axis", -1);
  const bool known_rank = x.shape().has_rank();
  const bool last = axis == -1 || (known_rank && axis == x.shape().rank());
  if (!last && !known_rank) return refuse(reason, "the rank of the indices of OneHot must be known");
  Term hot;
  if (depth && depth->elements() == 1 && depth->as_int64(0) < 2) {
    std::vector<double> classes;
    if (depth->as_int64(0) == 1) classes.push_back(0);
    hot = select(equal(expand(x, -1), b.numbers(x.dtype(), {static_cast<int64_t>(classes.size())}, classes)), b.input(2), b.input(3));
  } else {
    hot = b.again({x, b.input(1), b.input(2), b.input(3)}, {{"axis", int64_t{-1}}});
  }
  return b.replace(last ? hot : last_axis_to(hot, x.shape().rank() + 1, axis));
}

// Before: ClipByValue(x, low, high)   After: Minimum(Maximum(x, low), high)
Result<bool> lower_clip_by_value(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  return b.replace(minimum(maximum(b.input(0), b.input(1)), b.input(2)));
}

// Before: Cast(x, uint8)    After: Cast(FloorMod(Cast(x, int32), 256), uint8)
// Before: Cast(x, int8)     After: Cast(FloorMod(Cast(x, int32) + 128, 256) - 128, int8)      and so with 16 bits
// Two's complement by arithmetic, for targets that hold narrow integers as int32. Complex numbers lose their imaginary part first.
Result<bool> lower_cast(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term x = b.input(0);
  const DType to = b.result_dtype();
  if (x.dtype() == DType::kString || to == DType::kString) return refuse(reason, "strings are not converted");
  if (is_complex(x.dtype()) && !is_complex(to)) {
    const DType part = x.dtype() == DType::kComplex64 ? DType::kFloat32 : DType::kFloat64;
    return b.replace(b.make("Cast", {b.make("Real", {x}, {{"Tout", part}})}, {{"DstT", to}}));
  }
  if (!is_integer(to) || element_size(to) > 2) return refuse(reason, "");
  const double modulus = std::ldexp(1.0, static_cast<int>(8 * element_size(to)));
  const Term wide = cast(x, DType::kInt32);
  const Term divisor = b.number(DType::kInt32, modulus);
  const Term wrapped = is_signed_integer(to) ? floor_mod(wide + modulus / 2, divisor) - modulus / 2 : floor_mod(wide, divisor);
  return b.replace(cast(wrapped, to));
}

}  // namespace isomer::passes
