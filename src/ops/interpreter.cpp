// The interpreter runs a function in three parts.
//
// A plan is made once for each function and run (so the body of a loop is ordered once, however often it runs): the nodes that the outputs and the
// control outputs need, in topological order, with a slot for each value and a mark on the last use of each slot. A frame then executes the plan: the
// last use moves the value out of its slot into the arguments of the kernel, so memory is freed as early as possible, and a kernel that finds itself the
// only holder of a tensor list may change it in place (a loop that fills a list of n elements costs n, not n squared). Around both stands the run:
// it meters the bytes alive through the allocator that kernels use, counts steps and calls, and looks at the deadline before each node.
#include "ops/interpreter.h"

#include <algorithm>
#include <atomic>
#include <unordered_map>

#include "ops/registry.h"
#include "ops/resources.h"

namespace isomer::ops {
namespace {

using namespace ir;

constexpr int32_t kNoSlot = -1;

struct Use {
  int32_t slot = kNoSlot;
  bool last = false;
};

struct Step {
  const Node* node = nullptr;
  std::vector<Use> inputs;
  std::vector<int32_t> outputs;  // kNoSlot: nobody uses it
};

struct Plan {
  const Function* function = nullptr;
  std::vector<int32_t> parameters;  // slot for each input of the function
  std::vector<Step> steps;
  std::vector<Use> results;
  int32_t slots = 0;
};

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

// What lasts for one run.
class Execution final : public Resource {
 public:
  const Module* module = nullptr;
  Observer observer;
  std::unordered_map<std::string, Plan, StringHash, std::equal_to<>> plans;
};

std::string place_of(std::string_view function, const Node& node) {
  std::string place = "function '" + std::string(function) + "', node '" + node.name + "' (" + std::string(node.op->name) + ")";
  if (!node.origin.empty()) place += ", from " + node.origin;
  return place;
}

DType dtype_of(const RuntimeValue& value) {
  if (const auto* tensor = std::get_if<Tensor>(&value)) return tensor->dtype();
  return std::holds_alternative<ResourceHandle>(value) ? DType::kResource : DType::kVariant;
}

// Kernels may rely on as many inputs, and of such dtypes, as the op's signature says.
Result<void> check_inputs(const Graph& graph, const Node& node) {
  if (node.is("Foreign")) return {};
  std::vector<DType> dtypes;
  for (const ValueId input : node.inputs) dtypes.push_back(graph.type(input).dtype);
  TRY(derived_attributes(*node.op, node.attributes.get(), dtypes));
  return {};
}

// --- planning

// Nodes that the outputs and the control outputs depend on, in topological order.
Result<std::vector<NodeId>> needed_nodes(const Graph& graph) {
  std::vector<NodeId> order = TRY(graph.topological_order());
  int32_t size = 0;
  for (const NodeId id : order) size = std::max(size, id.index + 1);
  std::vector<bool> needed(static_cast<size_t>(size), false);
  const auto need = [&](NodeId id) { needed[static_cast<size_t>(id.index)] = true; };
  for (const Port& port : graph.outputs) need(graph.value(port.value).producer);
  for (const NodeId id : graph.control_outputs) need(id);
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    if (!needed[static_cast<size_t>(it->index)]) continue;
    for (const ValueId input : graph.node(*it).inputs) need(graph.value(input).producer);
    for (const NodeId before : graph.node(*it).control_inputs) need(before);
  }
  std::erase_if(order, [&](NodeId id) { return !needed[static_cast<size_t>(id.index)]; });
  return order;
}

// Marks the last use of each slot, and drops the slots that nobody uses.
void mark_last_uses(Plan& plan) {
  std::vector<bool> used(static_cast<size_t>(plan.slots), false);
  const auto mark = [&](std::vector<Use>& uses) {
    for (auto use = uses.rbegin(); use != uses.rend(); ++use) {
      use->last = !used[static_cast<size_t>(use->slot)];
      used[static_cast<size_t>(use->slot)] = true;
    }
  };
  const auto drop_unused = [&](std::vector<int32_t>& slots) {
    for (int32_t& slot : slots)
      if (!used[static_cast<size_t>(slot)]) slot = kNoSlot;
  };
  mark(plan.results);
  for (auto step = plan.steps.rbegin(); step != plan.steps.rend(); ++step) {
    drop_unused(step->outputs);
    mark(step->inputs);
  }
  drop_unused(plan.parameters);
}

Result<Plan> make_plan(const Function& function) {
  const Graph& graph = function.graph;
  Plan plan;
  plan.function = &function;
  std::unordered_map<int32_t, int32_t> slots;
  const auto slot_of = [&](ValueId value) {
    const auto [it, inserted] = slots.try_emplace(value.index, plan.slots);
    if (inserted) ++plan.slots;
    return it->second;
  };
  for (const Port& port : graph.inputs) plan.parameters.push_back(slot_of(port.value));
  for (const NodeId id : TRY(needed_nodes(graph))) {
    const Node& node = graph.node(id);
    if (node.is("Placeholder")) {
      if (slots.contains(node.outputs[0].index)) continue;
      return fail(Error{ErrorCode::kInvalidModel, "a placeholder that is no input of its function is needed", place_of(function.name, node), {}, {}});
    }
    if (auto checked = check_inputs(graph, node); !checked) return fail(std::move(checked.error()).at(place_of(function.name, node)));
    Step& step = plan.steps.emplace_back();
    step.node = &node;
    for (const ValueId input : node.inputs) step.inputs.push_back({slot_of(input), false});
    for (const ValueId output : node.outputs) step.outputs.push_back(slot_of(output));
  }
  for (const Port& port : graph.outputs) plan.results.push_back({slot_of(port.value), false});
  mark_last_uses(plan);
  return plan;
}

Result<const Plan*> plan_of(Execution& execution, std::string_view function) {
  if (const auto it = execution.plans.find(function); it != execution.plans.end()) return &it->second;
  const Function* found = execution.module->find_function(function);
  if (!found) return fail(ErrorCode::kNotFound, "the module has no function '" + std::string(function) + "'");
  Plan plan = TRY(in_context(make_plan(*found), "ordering function '" + std::string(function) + "'"));
  return &execution.plans.emplace(std::string(function), std::move(plan)).first->second;
}

// --- execution

Result<void> take_step(RunState& state) {
  if (++state.steps > state.limits.steps) return fail(ErrorCode::kLimitExceeded, "the run takes more than " + std::to_string(state.limits.steps) + " steps");
  if (state.limits.deadline && std::chrono::steady_clock::now() >= *state.limits.deadline) return fail(ErrorCode::kLimitExceeded, "the time is up");
  return {};
}

// One node. Checks what the kernel returns against what the graph declares.
Result<std::vector<RuntimeValue>> run_node(RunState& state, const Module& module, const Graph& graph, const Node& node, std::span<const RuntimeValue> inputs) {
  TRY(take_step(state));
  if (node.is("Foreign")) {
    return fail(Error{ErrorCode::kUnsupported,
                      "Isomer does not know the op " + node.as<ForeignAttributes>().op,
                      {},
                      {},
                      "the model can be converted to a format that has the op, but not run here"});
  }
  if (!node.op->reference) return fail(ErrorCode::kUnsupported, "Isomer can carry the op " + std::string(node.op->name) + ", but not compute it");
  EvalContext context(state, module, graph, node);
  std::vector<RuntimeValue> results = TRY(node.op->reference(context, inputs));
  if (results.size() != node.outputs.size()) {
    return fail(ErrorCode::kInternal, "the kernel returned " + std::to_string(results.size()) + " values, the node has " + std::to_string(node.outputs.size()));
  }
  for (size_t i = 0; i < results.size(); ++i) {
    const DType declared = graph.type(node.outputs[i]).dtype, found = dtype_of(results[i]);
    if (declared != found) {
      return fail(ErrorCode::kInternal,
                  "result " + std::to_string(i) + " should be " + std::string(to_string(declared)) + ", the kernel returned " + std::string(to_string(found)));
    }
  }
  return results;
}

// Of the arguments of inner calls only the dtypes are checked: files declare shapes of loop variables that TensorFlow itself does not insist on.
Result<void> check_arguments(const Function& function, std::span<const RuntimeValue> arguments, bool outermost) {
  const Graph& graph = function.graph;
  if (arguments.size() != graph.inputs.size()) {
    return fail(ErrorCode::kInvalidArgument,
                "function '" + function.name + "' takes " + std::to_string(graph.inputs.size()) + " inputs, found " + std::to_string(arguments.size()));
  }
  for (size_t i = 0; i < arguments.size(); ++i) {
    const TensorType& type = graph.type(graph.inputs[i].value);
    const auto* tensor = std::get_if<Tensor>(&arguments[i]);
    const bool fits = dtype_of(arguments[i]) == type.dtype && (!tensor || !outermost || compatible(PartialShape(tensor->shape()), type.shape));
    if (fits) continue;
    const std::string found = tensor ? type_text(*tensor) : std::string(to_string(dtype_of(arguments[i])));
    return fail(ErrorCode::kInvalidArgument, "input " + std::to_string(i) + " ('" + graph.inputs[i].key + "') of function '" + function.name + "' is " +
                                                 to_string(type) + ", found " + found);
  }
  return {};
}

Result<std::vector<RuntimeValue>> run_plan(RunState& state, const Execution& execution, const Plan& plan, std::vector<RuntimeValue> arguments) {
  const Function& function = *plan.function;
  TRY(check_arguments(function, arguments, state.depth == 1));
  std::vector<RuntimeValue> slots(static_cast<size_t>(plan.slots));
  const auto put = [&](int32_t slot, RuntimeValue& value) {
    if (slot != kNoSlot) slots[static_cast<size_t>(slot)] = std::move(value);
  };
  const auto take = [&](const Use& use) -> RuntimeValue {
    RuntimeValue& value = slots[static_cast<size_t>(use.slot)];
    if (!use.last) return value;
    return std::exchange(value, RuntimeValue());
  };
  for (size_t i = 0; i < arguments.size(); ++i) put(plan.parameters[i], arguments[i]);
  arguments.clear();
  std::vector<RuntimeValue> inputs;
  for (const Step& step : plan.steps) {
    inputs.clear();
    for (const Use& use : step.inputs) inputs.push_back(take(use));
    if (execution.observer.before) execution.observer.before(function, *step.node);
    auto results = run_node(state, *execution.module, function.graph, *step.node, inputs);
    if (!results) {
      const std::string place = place_of(function.name, *step.node);
      Error& error = results.error();
      if (error.place.empty()) return fail(std::move(error).at(place));
      return fail(std::move(error).with_context("running " + place));
    }
    if (execution.observer.after) execution.observer.after(function, *step.node, *results);
    for (size_t i = 0; i < results->size(); ++i) put(step.outputs[i], (*results)[i]);
  }
  std::vector<RuntimeValue> results;
  results.reserve(plan.results.size());
  for (const Use& use : plan.results) results.push_back(take(use));
  return results;
}

Result<std::vector<RuntimeValue>> call_function(RunState& state, const Module&, std::string_view function, std::vector<RuntimeValue> arguments) {
  auto& execution = static_cast<Execution&>(*state.execution);
  if (state.depth >= state.limits.nesting) {
    return fail(ErrorCode::kLimitExceeded,
                "calls of functions nest deeper than " + std::to_string(state.limits.nesting) + " (function '" + std::string(function) + "')");
  }
  TRY(take_step(state));  // so that a loop of functions without nodes ends as well
  const Plan* plan = TRY(plan_of(execution, function));
  ++state.depth;
  auto results = run_plan(state, execution, *plan, std::move(arguments));
  --state.depth;
  return results;
}

// Counts the bytes of all blocks that are alive; a block that would pass the limit is refused.
class MeteredAllocator final : public TensorAllocator {
 public:
  MeteredAllocator(TensorAllocator& base, int64_t limit) : base_(base), limit_(limit) {}

  Result<Block> allocate(int64_t bytes) override {
    if (bytes > limit_ - *alive_) {
      return fail(ErrorCode::kLimitExceeded, "the tensors alive in this run need more than " + std::to_string(limit_) + " bytes");
    }
    Block block = TRY(base_.allocate(bytes));
    *alive_ += bytes;
    block.owner = std::make_shared<Counted>(std::move(block.owner), alive_, bytes);
    return block;
  }

 private:
  struct Counted {
    Counted(std::shared_ptr<void> m, std::shared_ptr<std::atomic<int64_t>> a, int64_t b) : memory(std::move(m)), alive(std::move(a)), bytes(b) {}
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() { *alive -= bytes; }
    std::shared_ptr<void> memory;
    std::shared_ptr<std::atomic<int64_t>> alive;
    int64_t bytes;
  };

  TensorAllocator& base_;
  int64_t limit_;
  // Shared with the blocks: results outlive the run.
  std::shared_ptr<std::atomic<int64_t>> alive_ = std::make_shared<std::atomic<int64_t>>(0);
};

bool calls_functions(const Attributes& attributes) {
  const AttributeMap map = attributes.to_map();
  return std::any_of(map.begin(), map.end(), [](const NamedAttribute& attribute) {
    return std::holds_alternative<FunctionRef>(attribute.value) || std::holds_alternative<std::vector<FunctionRef>>(attribute.value);
  });
}

}  // namespace

Result<std::vector<RuntimeValue>> run_function(RunState& state, const Module& module, std::string_view function, std::span<const RuntimeValue> arguments,
                                               const Observer& observer) {
  auto execution = std::make_shared<Execution>();
  execution->module = &module;
  execution->observer = observer;
  MeteredAllocator metered(*state.allocator, state.limits.total_bytes);
  const auto outer_execution = std::exchange(state.execution, execution);
  auto* const outer_allocator = std::exchange(state.allocator, &metered);
  state.call = call_function;
  auto results = call_function(state, module, function, {arguments.begin(), arguments.end()});
  // Tensor arrays end with the run that made them.
  std::erase_if(state.resources, [](const auto& entry) { return dynamic_cast<const TensorArray*>(entry.second.get()) != nullptr; });
  state.allocator = outer_allocator;
  state.execution = outer_execution;
  return results;
}

Result<void> initialize(RunState& state, const Module& module) {
  for (const Variable& variable : module.variables) {
    auto resource = std::make_shared<VariableResource>();
    resource->dtype = variable.dtype;
    resource->shape = variable.shape;
    resource->value = variable.value;
    state.resources[variable.name] = std::move(resource);
  }
  for (const Table& table : module.tables) {
    const auto resource =
        TRY(in_context(table_resource(state, table_handle(table.name), table.key_dtype, table.value_dtype), "making table '" + table.name + "'"));
    if (table.keys.valid()) TRY(in_context(resource->fill(table.keys, table.values, state.limits), "filling table '" + table.name + "'"));
  }
  for (const std::string& name : module.initializers) {
    TRY(in_context(run_function(state, module, name, {}), "running the initialiser '" + name + "'"));
  }
  return {};
}

Result<std::vector<Tensor>> evaluate_node(RunState& state, const Module& module, const Graph& graph, NodeId id, std::span<const Tensor> inputs) {
  const Node& node = graph.node(id);
  const auto place = [&] { return "node '" + node.name + "' (" + std::string(node.op->name) + ")"; };
  if (node.op->effect != Effect::kPure || node.is("Placeholder") || calls_functions(*node.attributes)) {
    return fail(Error{ErrorCode::kUnsupported, "only ops without effects that call no function can be evaluated by themselves", place(), {}, {}});
  }
  if (auto checked = check_inputs(graph, node); !checked) return fail(std::move(checked.error()).at(place()));
  auto results = run_node(state, module, graph, node, std::vector<RuntimeValue>(inputs.begin(), inputs.end()));
  if (!results) return fail(std::move(results.error()).at(place()));
  std::vector<Tensor> tensors;
  for (RuntimeValue& value : *results) {
    auto* tensor = std::get_if<Tensor>(&value);
    if (!tensor) return fail(Error{ErrorCode::kUnsupported, "a result is no tensor", place(), {}, {}});
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

}  // namespace isomer::ops
