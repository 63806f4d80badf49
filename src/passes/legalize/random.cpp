// Random numbers.
#include "passes/build.h"

namespace isomer::passes {

// Before: RandomUniformInt(shape, low, high)   After: low + Cast(Floor(RandomUniform(shape) * (high - low)), int32)
// Every value as likely as with TensorFlow, up to the 24 bits of a float; the numbers themselves differ in any case.
Result<bool> lower_random_uniform_int(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const DType dtype = b.result_dtype();
  const Term low = b.input(1), high = b.input(2);
  const Term uniform = b.make("RandomUniform", {b.input(0)},
                              {{"dtype", DType::kFloat32}, {"seed", b.attribute<int64_t>("seed", 0)}, {"seed2", b.attribute<int64_t>("seed2", 0)}});
  return b.replace(low + cast(floor(uniform * cast(high - low, DType::kFloat32)), dtype));
}

}  // namespace isomer::passes
