// Returning stored values.
//
//   Before: @body(i, list) { %v = Mul(...)  %set = TensorListSetItem(list, i, %v)  return i + 1, %set }
//   After:  @body(i, list, _) { %v = Mul(...)  %stored = Identity(%v)  %set = TensorListSetItem(list, i, %stored)  return i + 1, %set, %stored }
//
// For runtimes that free what a function computed when it returns, unless it is one of the results: there a value that is only stored in a list would be
// lost. Each function then returns the very value that it stored, in addition to its results, and so does every function that calls it, up to the main
// graph. In a loop that is one more variable, which nobody reads and which starts as a scalar 0; a branch returns 0 for what the other branch stores.
//
// Functions are taken callees first. A function keeps its results; each way to call it (as the body of a loop, as a branch beside another) gets a copy
// with the additional ones, made once.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "ops/registry.h"

#include "passes/build.h"
#include "passes/rewrite.h"

namespace isomer::passes {
namespace {

using ir::NodeId;
using ir::ValueId;

using Dtypes = std::vector<DType>;

bool is_stored_as_is(DType dtype) { return dtype == DType::kVariant || dtype == DType::kResource; }  // handles are never freed

// The input that an op stores in a list or an array, or -1.
int64_t stored_input(const ir::Node& node) {
  if (node.is("TensorListSetItem") || node.is("TensorArrayWriteV3")) return 2;
  return node.is("TensorListPushBack") ? 1 : -1;
}

TensorType any_shape(DType dtype) { return {dtype, PartialShape::unknown(), DType::kInvalid, {}}; }

class Returner {
 public:
  explicit Returner(ir::Module& module) : module_(module) {
    for (const ir::Entry& entry : module.signatures) entries_.insert(entry.function);
  }

  Result<void> run() {
    for (ir::Function* function : TRY(callees_first(module_))) TRY(in_context(visit(*function), "returning what '" + function->name + "' stores in lists"));
    return {};
  }

 private:
  Result<void> visit(ir::Function& function) {
    ir::Graph& graph = function.graph;
    const bool entry = entries_.contains(function.name);
    std::vector<ValueId>& stored = stored_[function.name];
    for (const NodeId id : graph.live_nodes()) {
      const ir::Node& node = graph.node(id);
      if (is_branch(node) || is_loop(node)) {
        for (const ValueId value : TRY(is_loop(node) ? extend_loop(graph, id) : extend_branch(graph, id))) stored.push_back(value);
        continue;
      }
      const int64_t at = stored_input(node);
      if (entry || at < 0) continue;
      const ValueId value = node.inputs[static_cast<size_t>(at)];
      if (is_stored_as_is(graph.type(value).dtype)) continue;
      const NodeId identity = TRY(add_node(graph, "Identity", {}, {&value, 1}, node.name + "/stored"));
      graph.set_input(id, at, graph.output(identity));
      stored.push_back(graph.output(identity));
    }
    return {};
  }

  Dtypes stored_dtypes(const std::string& function) {
    Dtypes dtypes;
    const ir::Graph& graph = module_.find_function(function)->graph;
    for (const ValueId value : stored_[function]) dtypes.push_back(graph.type(value).dtype);
    return dtypes;
  }

  // The loop with one more variable for each value that its body stores; returns their results.
  Result<std::vector<ValueId>> extend_loop(ir::Graph& graph, NodeId id) {
    const ir::AttributeMap map = graph.node(id).attributes->to_map();
    const std::string body = std::get<ir::FunctionRef>(*ir::find(map, "body")).name, condition = std::get<ir::FunctionRef>(*ir::find(map, "cond")).name;
    const Dtypes dtypes = stored_dtypes(body);
    if (dtypes.empty()) return std::vector<ValueId>{};
    std::vector<ValueId> inputs = graph.node(id).inputs;
    for (const DType dtype : dtypes) inputs.push_back(TRY(zero(graph, dtype, graph.node(id).name)));
    ir::AttributeMap changes = {{"cond", ir::FunctionRef{variant_of(condition, dtypes, {}, false, {})}},
                                {"body", ir::FunctionRef{variant_of(body, dtypes, {}, true, {})}}};
    return remake(graph, id, inputs, std::move(changes), dtypes);
  }

  Result<std::vector<ValueId>> extend_branch(ir::Graph& graph, NodeId id) {
    const ir::AttributeMap map = graph.node(id).attributes->to_map();
    const auto* then_branch = ir::find(map, "then_branch");
    const auto* else_branch = ir::find(map, "else_branch");
    if (!then_branch || !else_branch) return std::vector<ValueId>{};
    const std::string yes = std::get<ir::FunctionRef>(*then_branch).name, no = std::get<ir::FunctionRef>(*else_branch).name;
    const Dtypes by_yes = stored_dtypes(yes), by_no = stored_dtypes(no);
    Dtypes dtypes = by_yes;
    dtypes.insert(dtypes.end(), by_no.begin(), by_no.end());
    if (dtypes.empty()) return std::vector<ValueId>{};
    ir::AttributeMap changes = {{"then_branch", ir::FunctionRef{variant_of(yes, {}, {}, true, by_no)}},
                                {"else_branch", ir::FunctionRef{variant_of(no, {}, by_yes, true, {})}}};
    if (const auto* declared = ir::find(map, "Tout")) {
      Dtypes results = std::get<Dtypes>(*declared);
      results.insert(results.end(), dtypes.begin(), dtypes.end());
      changes.push_back({"Tout", results});
    }
    return remake(graph, id, std::vector<ValueId>(graph.node(id).inputs), std::move(changes), dtypes);
  }

  // A copy of the function with more arguments, and with more results: zeros, what it stores, zeros.
  std::string variant_of(const std::string& name, const Dtypes& arguments, const Dtypes& zeros_before, bool returns_stored, const Dtypes& zeros_after) {
    const auto key = std::tuple(name, arguments, zeros_before, returns_stored, zeros_after);
    if (const auto known = variants_.find(key); known != variants_.end()) return known->second;
    ir::Function& copy = module_.add_function(name);
    const ir::Function& original = *module_.find_function(name);
    copy.origin = original.origin;
    copy.graph = original.graph.clone();
    ir::Graph& graph = copy.graph;
    for (const DType dtype : arguments) {
      const TensorType type = any_shape(dtype);
      auto attributes = ops::find_op("Placeholder")->make_attributes();
      // Both are attributes of every Placeholder, so assigning them cannot fail.
      static_cast<void>(attributes->assign({{"dtype", dtype}, {"shape", PartialShape::unknown()}}));
      const NodeId argument = graph.add_with_types(*ops::find_op("Placeholder"), std::move(attributes), {}, {&type, 1}, "stored_before");
      graph.inputs.push_back({graph.node(argument).name, graph.output(argument), {}});
    }
    const auto add_zeros = [&](const Dtypes& dtypes) {
      for (const DType dtype : dtypes)
        if (auto value = zero(graph, dtype, "nothing_stored")) graph.outputs.push_back({"stored", *value, {}});
    };
    add_zeros(zeros_before);
    if (returns_stored)
      for (const ValueId value : stored_[name]) graph.outputs.push_back({"stored", value, {}});
    add_zeros(zeros_after);
    return variants_[key] = copy.name;
  }

  Result<ValueId> zero(ir::Graph& graph, DType dtype, const std::string& name) {
    RuleContext context{module_, graph};
    Builder b(context, name);
    const Term value = dtype == DType::kString ? b.text("") : b.number(dtype, 0);
    TRY(b.status());
    return value.id();
  }

  // The node with these inputs and additional results, which are returned.
  static Result<std::vector<ValueId>> remake(ir::Graph& graph, NodeId id, const std::vector<ValueId>& inputs, ir::AttributeMap changes, const Dtypes& added) {
    const ir::Node& old = graph.node(id);
    auto attributes = old.attributes->clone();
    const ir::AttributeMap map = attributes->to_map();
    if (const auto* shapes = ir::find(map, "output_shapes")) {
      if (const auto* list = std::get_if<std::vector<PartialShape>>(shapes); list && !list->empty()) {
        auto longer = *list;
        longer.resize(list->size() + added.size(), PartialShape::unknown());
        changes.push_back({"output_shapes", std::move(longer)});
      }
    }
    TRY(attributes->assign(changes));
    std::vector<TensorType> types;
    const std::vector<ValueId> results = old.outputs;
    for (const ValueId result : results) types.push_back(graph.type(result));
    for (const DType dtype : added) types.push_back(any_shape(dtype));
    const std::string name = old.name, origin = old.origin;
    const NodeId fresh = graph.add_with_types(*old.op, std::move(attributes), inputs, types, name);
    graph.node(fresh).origin = origin;
    for (size_t i = 0; i < results.size(); ++i) graph.replace_uses(results[i], graph.output(fresh, static_cast<int64_t>(i)));
    for (const NodeId before : std::vector<NodeId>(graph.node(id).control_inputs)) graph.add_control_input(fresh, before);
    graph.replace_control_uses(id, fresh);
    std::replace(graph.control_outputs.begin(), graph.control_outputs.end(), id, fresh);
    graph.erase(id);
    graph.rename(fresh, name);
    std::vector<ValueId> extra;
    for (size_t i = results.size(); i < types.size(); ++i) extra.push_back(graph.output(fresh, static_cast<int64_t>(i)));
    return extra;
  }

  ir::Module& module_;
  std::set<std::string> entries_;
  std::map<std::string, std::vector<ValueId>> stored_;  // by function: what it and its callees store
  std::map<std::tuple<std::string, Dtypes, Dtypes, bool, Dtypes>, std::string> variants_;
};

}  // namespace

Result<void> return_stored_values(ir::Module& module, PassContext& context) {
  TRY(Returner(module).run());
  return prune(module, context);
}

}  // namespace isomer::passes
