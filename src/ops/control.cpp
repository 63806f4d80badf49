// Control flow: branches, loops and calls of functions.
//
// Inference looks into the functions. Where the arguments of a call say more than the function's own inputs do, the function's graph is cloned, its
// inputs are narrowed and its nodes inferred again (one level deep: functions that it calls keep the types they have, so recursion in a model cannot make
// inference run away). A branch gives what its functions have in common. The type of a loop variable is a fixed point: it starts as the type of the
// initial value and gives up what the body's result contradicts until nothing changes.
#include "ops/control.h"

#include "ir/module.h"
#include "ops/kernel.h"

namespace isomer::ops {
namespace {

using namespace ir;

using Types = std::vector<TensorType>;

Types input_types(InferContext& c, int64_t first) {
  Types types;
  for (int64_t i = first; i < c.input_count(); ++i) types.push_back(c.input_type(i));
  return types;
}

// What both types say together; `a` where they contradict each other.
TensorType narrowed(const TensorType& a, const TensorType& b) {
  TensorType type = a;
  if (auto shape = merge(a.shape, b.shape)) type.shape = std::move(*shape);
  if (a.element_dtype == DType::kInvalid) {
    type.element_dtype = b.element_dtype;
    type.element_shape = b.element_shape;
  }
  return type;
}

TensorType common_type(const TensorType& a, const TensorType& b) {
  TensorType type = a;
  type.shape = common(a.shape, b.shape);
  if (a.element_dtype != b.element_dtype) {
    type.element_dtype = DType::kInvalid;
    type.element_shape = PartialShape::unknown();
  } else {
    type.element_shape = common(a.element_shape, b.element_shape);
  }
  return type;
}

Types output_types(const Graph& graph) {
  Types types;
  for (const Port& port : graph.outputs) types.push_back(graph.type(port.value));
  return types;
}

// The function of this name, or null where inference cannot see it (yet).
const Function* visible_function(InferContext& c, const FunctionRef& f) { return c.module() ? c.module()->find_function(f.name) : nullptr; }

std::string number(size_t n) { return std::to_string(n); }

Result<void> check_signature(const Function& function, const Types& arguments, std::span<const DType> results) {
  const auto check = [&](std::string_view what, const std::vector<Port>& ports, size_t count, auto dtype_of) -> Result<void> {
    if (ports.size() != count) {
      return input_error("function '" + function.name + "' has " + number(ports.size()) + " " + std::string(what) + ", its caller " + number(count));
    }
    for (size_t i = 0; i < count; ++i) {
      const DType expected = function.graph.type(ports[i].value).dtype, found = dtype_of(i);
      // An invalid dtype is the result of an op that Isomer does not know.
      if (expected == found || expected == DType::kInvalid || found == DType::kInvalid) continue;
      return input_error("function '" + function.name + "' has " + std::string(to_string(expected)) + " as number " + number(i) + " of its " +
                         std::string(what) + ", its caller " + std::string(to_string(found)));
    }
    return {};
  };
  TRY(check("inputs", function.graph.inputs, arguments.size(), [&](size_t i) { return arguments[i].dtype; }));
  return check("outputs", function.graph.outputs, results.size(), [&](size_t i) { return results[i]; });
}

// The types of a function's results when it is called with arguments of these types.
Result<Types> infer_call(const Function& function, const Types& arguments) {
  const Graph& graph = function.graph;
  Types inputs;
  bool narrower = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const TensorType& declared = graph.type(graph.inputs[i].value);
    inputs.push_back(narrowed(declared, arguments[i]));
    narrower = narrower || inputs.back() != declared;
  }
  if (!narrower) return output_types(graph);
  Graph clone = graph.clone();
  for (size_t i = 0; i < inputs.size(); ++i) clone.set_type(clone.inputs[i].value, inputs[i]);
  for (const NodeId id : TRY(clone.topological_order()))
    if (!clone.node(id).is("Placeholder")) TRY(in_context(clone.infer(id), "inferring types in function '" + function.name + "'"));
  return output_types(clone);
}

std::vector<DType> result_dtypes_of(InferContext& c) {
  std::vector<DType> dtypes;
  for (int64_t i = 0; i < c.output_count(); ++i) dtypes.push_back(c.result(i).dtype);
  return dtypes;
}

void set_results(InferContext& c, const Types& types) {
  for (size_t i = 0; i < types.size(); ++i) c.result(static_cast<int64_t>(i)) = types[i];
}

// Adds what the attribute output_shapes says.
void apply_declared_shapes(InferContext& c, const std::vector<PartialShape>& shapes) {
  if (static_cast<int64_t>(shapes.size()) != c.output_count()) return;
  for (int64_t i = 0; i < c.output_count(); ++i)
    if (auto shape = merge(c.result(i).shape, shapes[static_cast<size_t>(i)])) c.set_shape(i, std::move(*shape));
}

Result<void> infer_branches(InferContext& c, const std::vector<FunctionRef>& branches, int64_t first_argument) {
  if (branches.empty()) return input_error("there is no branch");
  const Types arguments = input_types(c, first_argument);
  std::vector<const Function*> functions;
  for (const FunctionRef& branch : branches) {
    functions.push_back(visible_function(c, branch));
    if (!functions.back()) return {};
    TRY(check_signature(*functions.back(), arguments, result_dtypes_of(c)));
  }
  Types types = TRY(infer_call(*functions[0], arguments));
  for (size_t b = 1; b < functions.size(); ++b) {
    const Types other = TRY(infer_call(*functions[b], arguments));
    for (size_t i = 0; i < types.size(); ++i) types[i] = common_type(types[i], other[i]);
  }
  set_results(c, types);
  return {};
}

Result<void> infer_if(InferContext& c) {
  const auto& a = c.as<IfAttributes>();
  TRY(infer_branches(c, {a.then_branch, a.else_branch}, 1));
  apply_declared_shapes(c, a.output_shapes);
  return {};
}

Result<void> infer_case(InferContext& c) {
  const auto& a = c.as<CaseAttributes>();
  if (c.shape(0).has_rank() && c.shape(0).rank() != 0) return input_error("the branch index must be a scalar, found shape " + to_string(c.shape(0)));
  TRY(infer_branches(c, a.branches, 1));
  apply_declared_shapes(c, a.output_shapes);
  return {};
}

Result<void> infer_partitioned_call(InferContext& c) { return infer_branches(c, {c.as<CallAttributes>().f}, 0); }

Result<void> infer_while(InferContext& c) {
  // Each round gives up a dimension or a rank of a variable; loops that need more rounds than this say nothing about the variables that still change.
  constexpr int kRounds = 16;
  const auto& a = c.as<WhileAttributes>();
  Types types = input_types(c, 0);
  if (const Function* cond = visible_function(c, a.cond)) {
    const DType result = cond->graph.outputs.size() == 1 ? cond->graph.type(cond->graph.outputs[0].value).dtype : DType::kInvalid;
    if (result == DType::kInvalid)
      return input_error("the condition of a loop must be a function with one result, found " + number(cond->graph.outputs.size()));
    TRY(check_signature(*cond, types, {{result}}));
  }
  if (const Function* body = visible_function(c, a.body)) {
    TRY(check_signature(*body, types, result_dtypes_of(c)));
    for (int round = 0;; ++round) {
      const Types after = TRY(infer_call(*body, types));
      Types next;
      for (size_t i = 0; i < types.size(); ++i) {
        next.push_back(common_type(types[i], after[i]));
        if (round >= kRounds && next[i] != types[i]) next[i].shape = next[i].element_shape = PartialShape::unknown();
      }
      if (next == types) break;
      types = std::move(next);
    }
    set_results(c, types);
  }
  apply_declared_shapes(c, a.output_shapes);
  return {};
}

// --- kernels

// TensorFlow's idea of truth: a scalar that is not zero or not the empty string, or a tensor that is not a scalar and has elements.
Result<bool> is_true(const RuntimeValue& value) {
  const auto* tensor = std::get_if<Tensor>(&value);
  if (!tensor || !tensor->valid()) return input_error("a condition must be a tensor");
  if (tensor->rank() > 0) return tensor->elements() > 0;
  switch (type_class(tensor->dtype())) {
    case TypeClass::kBool:
    case TypeClass::kInteger: return tensor->as_int64(0) != 0;
    case TypeClass::kFloat: return tensor->as_double(0) != 0;
    case TypeClass::kString: return !tensor->string_at(0).empty();
    default: return input_error("a condition cannot be " + type_text(*tensor));
  }
}

Outputs arguments_from(Inputs inputs, size_t first) { return {inputs.begin() + static_cast<std::ptrdiff_t>(first), inputs.end()}; }

// Calls a function whose results become the node's.
Result<Outputs> call(EvalContext& c, const FunctionRef& f, Outputs arguments) {
  Outputs results = TRY(c.call(f.name, std::move(arguments)));
  if (static_cast<int64_t>(results.size()) != c.output_count()) {
    return input_error("function '" + f.name + "' returns " + number(results.size()) + " values, its caller has " + std::to_string(c.output_count()));
  }
  return results;
}

Result<Outputs> reference_if(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<IfAttributes>();
  return call(c, TRY(is_true(inputs[0])) ? a.then_branch : a.else_branch, arguments_from(inputs, 1));
}

Result<Outputs> reference_case(EvalContext& c, Inputs inputs) {
  const auto& branches = c.as<CaseAttributes>().branches;
  const int64_t index = TRY(scalar_int(*TRY(tensor_input(c, inputs, 0)), "the branch index"));
  const auto count = static_cast<int64_t>(branches.size());
  if (count == 0) return input_error("there is no branch");
  return call(c, branches[static_cast<size_t>(index < 0 || index >= count ? count - 1 : index)], arguments_from(inputs, 1));
}

Result<Outputs> reference_while(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<WhileAttributes>();
  Outputs variables = arguments_from(inputs, 0);
  for (;;) {
    const Outputs condition = TRY(c.call(a.cond.name, variables));
    if (condition.size() != 1) return input_error("the condition of a loop must have one result, found " + number(condition.size()));
    if (!TRY(is_true(condition[0]))) return variables;
    variables = TRY(call(c, a.body, std::move(variables)));
  }
}

Result<Outputs> reference_partitioned_call(EvalContext& c, Inputs inputs) { return call(c, c.as<CallAttributes>().f, arguments_from(inputs, 0)); }

constexpr std::string_view kBranchSignature = "cond: Tcond, input: list(Tin) -> output: list(Tout)";
constexpr std::string_view kCaseSignature = "branch_index: int32, input: list(Tin) -> output: list(Tout)";

}  // namespace

constinit const OpDef kOp_If = {
    .name = "If",
    .signature = kBranchSignature,
    .make_attributes = &make_attributes<IfAttributes>,
    .infer = infer_if,
    .reference = reference_if,
    .doc =
        "Calls then_branch when cond is true, else else_branch, with the inputs. True is a scalar that is not zero, false or the empty string, and a "
        "tensor of another rank that has elements. The branches may have effects.",
    .effect = Effect::kWrites,
};

constinit const OpDef kOp_StatelessIf = {
    .name = "StatelessIf",
    .signature = kBranchSignature,
    .make_attributes = &make_attributes<IfAttributes>,
    .infer = infer_if,
    .reference = reference_if,
    .doc = "If with branches that have no effects.",
};

constinit const OpDef kOp_Case = {
    .name = "Case",
    .signature = kCaseSignature,
    .make_attributes = &make_attributes<CaseAttributes>,
    .infer = infer_case,
    .reference = reference_case,
    .doc = "Calls branch number branch_index with the inputs; the last branch when there is no such number. The branches may have effects.",
    .effect = Effect::kWrites,
};

constinit const OpDef kOp_StatelessCase = {
    .name = "StatelessCase",
    .signature = kCaseSignature,
    .make_attributes = &make_attributes<CaseAttributes>,
    .infer = infer_case,
    .reference = reference_case,
    .doc = "Case with branches that have no effects.",
};

constinit const OpDef kOp_While = {
    .name = "While",
    .signature = "input: list(T) -> output: list(T)",
    .make_attributes = &make_attributes<WhileAttributes>,
    .infer = infer_while,
    .reference = reference_while,
    .doc = "Replaces the variables by what body makes of them as long as cond of them is true (in the sense of If). Cond and body may have effects.",
    .effect = Effect::kWrites,
};

constinit const OpDef kOp_StatelessWhile = {
    .name = "StatelessWhile",
    .signature = "input: list(T) -> output: list(T)",
    .make_attributes = &make_attributes<WhileAttributes>,
    .infer = infer_while,
    .reference = reference_while,
    .doc = "While with a condition and a body that have no effects.",
};

constinit const OpDef kOp_PartitionedCall = {
    .name = "PartitionedCall",
    .signature = "args: list(Tin) -> output: list(Tout)",
    .make_attributes = &make_attributes<CallAttributes>,
    .infer = infer_partitioned_call,
    .reference = reference_partitioned_call,
    .doc = "Calls f, a function without effects.",
};

constinit const OpDef kOp_StatefulPartitionedCall = {
    .name = "StatefulPartitionedCall",
    .signature = "args: list(Tin) -> output: list(Tout)",
    .make_attributes = &make_attributes<CallAttributes>,
    .infer = infer_partitioned_call,
    .reference = reference_partitioned_call,
    .doc = "Calls f, a function that may have effects.",
    .effect = Effect::kWrites,
};

}  // namespace isomer::ops
