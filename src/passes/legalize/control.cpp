// Branches and loops in the form of the targets: stateless ops, conditions that are a scalar bool.
#include "ir/copy.h"
#include "passes/build.h"
#include "passes/rewrite.h"

namespace isomer::passes {
namespace {

// A scalar is true where it is not 0, or not the empty string (NaN is true); a tensor of another rank where it has elements.
Term truth(Term value) {
  Builder& b = value.builder();
  const PartialShape shape = value.shape();
  if (shape.has_rank() && shape.rank() != 0) return greater(b.make("Size", {value}, {{"out_type", DType::kInt32}}), 0);
  if (value.dtype() == DType::kBool) return value;
  const Term nothing = value.dtype() == DType::kString ? b.text("") : b.number(value.dtype(), 0);
  return b.make("NotEqual", {value, nothing});
}

bool is_truth(const TensorType& type) { return type.dtype == DType::kBool && (!type.shape.has_rank() || type.shape.rank() == 0); }

}  // namespace

// Before: If(c, ...), StatelessIf(c, ...)   After: StatelessIf(truth of c, ...)
Result<bool> lower_if(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  std::vector<Term> inputs = b.inputs();
  inputs[0] = truth(inputs[0]);
  const ir::AttributeMap attributes = context.graph.node(node).attributes->to_map();
  return b.replace(b.make_all("StatelessIf", inputs, attributes));
}

// Before: While(...) {cond}, StatelessWhile   After: StatelessWhile(...) {cond, or a copy of it that returns the truth of what cond returned}
Result<bool> lower_while(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  ir::AttributeMap attributes = context.graph.node(node).attributes->to_map();
  const std::string name = b.attribute("cond", ir::FunctionRef{}).name;
  const ir::Function* condition = context.module.find_function(name);
  if (!condition || condition->graph.outputs.size() != 1) return refuse(reason, "the condition function is missing");
  if (!is_truth(condition->graph.type(condition->graph.outputs[0].value))) {
    ir::Graph copy = condition->graph.clone();
    RuleContext inside{context.module, copy};
    Builder body(inside, "condition");
    copy.outputs[0].value = truth(Term(body, copy.outputs[0].value)).id();
    TRY(body.status());
    ir::Function& added = context.module.add_function(name + "_truth");
    added.graph = std::move(copy);
    for (ir::NamedAttribute& attribute : attributes)
      if (attribute.name == "cond") attribute.value = ir::FunctionRef{added.name};
  }
  return b.replace(b.make_all("StatelessWhile", b.inputs(), attributes));
}

}  // namespace isomer::passes
