// OpDef: everything the project knows about one op, in one place.
//
// A definition is a constant in its family's file (src/ops/), named kOp_<Name>, with one row in src/ops/ops.def.
//
// The signature says operands and results in a small notation:
//
//   "input: T, filter: T -> output: T"          T follows from the inputs
//   "values: N * T, axis: Tidx -> output: T"    N inputs of one type
//   "input: list(Tin) -> output: list(Tout)"    inputs of any types; Tout is an attribute, a list of dtypes
//   "x: SrcT -> y: DstT"                        DstT appears in no input, so it is a field of the attribute struct
//   "x: T -> index: int32, count: int64"        fixed dtypes by the names of tensor/dtype.h; resource and variant too
//
// Number attributes (N) and type attributes (T) that the inputs determine are never fields; exporters derive them from the signature. Where an op has
// several operands of several tensors, these have equally many, or the attributes that tell how many (N, a list of dtypes) are fields.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/attributes.h"
#include "ir/runtime_value.h"

namespace isomer::ir {

class InferContext;
class EvalContext;

enum class Effect {
  kPure,    // same inputs, same outputs, nothing else
  kReads,   // reads a variable, a table or a random state
  kWrites,  // changes one, prints, or may fail on purpose
};

struct OpDef {
  std::string_view name;
  std::string_view signature;
  std::unique_ptr<Attributes> (*make_attributes)() = &ir::make_attributes<NoAttributes>;
  // Sets the shapes of the results (their dtypes are set already). Null: all shapes unknown. Must refuse impossible inputs with InvalidModel.
  Result<void> (*infer)(InferContext&) = nullptr;
  // The slow, obvious, right kernel. Null: Isomer can carry the op but not compute it.
  Result<std::vector<RuntimeValue>> (*reference)(EvalContext&, std::span<const RuntimeValue>) = nullptr;
  std::string_view doc;  // one paragraph: what it computes, where the definition comes from
  Effect effect = Effect::kPure;
};

// A parsed signature.
struct Operand {
  std::string name;
  std::optional<DType> fixed;    // a fixed dtype, or ...
  std::string type_attribute;    // ... the attribute that names it (a list of dtypes when `is_list`)
  std::string number_attribute;  // not empty: that many tensors of one type
  bool is_list = false;
  bool variadic() const { return is_list || !number_attribute.empty(); }
};
struct Signature {
  std::vector<Operand> inputs;
  std::vector<Operand> outputs;
};
// The op's signature, parsed once.
const Signature& signature_of(const OpDef& op);

// The type and number attributes that inputs of these dtypes determine: DType, vector<DType> or int64_t by name. InvalidModel when the inputs do
// not fit the signature. `attributes` are the node's; they matter only to ops whose fields tell the lengths of operands, and may be null.
Result<AttributeMap> derived_attributes(const OpDef& op, const Attributes* attributes, std::span<const DType> inputs);
// The dtypes of all results.
Result<std::vector<DType>> result_dtypes(const OpDef& op, const Attributes& attributes, std::span<const DType> inputs);

}  // namespace isomer::ir
