// Greedy: every step makes a copy, changes one thing, prunes, and keeps the copy when the fault still shows. Large steps come first (a whole output, a node
// near the outputs with all that it alone needs), and rounds go on until none helps.
#include "isomer/reduce.h"

#include <algorithm>

#include "ir/verify.h"
#include "isomer/sample.h"
#include "passes/pass.h"
#include "passes/pipelines.h"
#include "passes/rewrite.h"

namespace isomer {
namespace {

using ir::NodeId;
using ir::ValueId;

constexpr int64_t kLargestZeros = 1 << 16;  // elements of a constant in a node's place

ir::Module copy_of(const ir::Module& module) {
  ir::Module copy;
  copy.signatures = module.signatures;
  copy.variables = module.variables;
  copy.tables = module.tables;
  copy.assets = module.assets;
  copy.initializers = module.initializers;
  copy.metadata = module.metadata;
  copy.producer = module.producer;
  for (const auto& function : module.functions()) {
    ir::Function& made = copy.add_function(function->name);
    made.origin = function->origin;
    made.graph = function->graph.clone();
  }
  return copy;
}

int64_t count_nodes(const ir::Module& module) {
  int64_t count = 0;
  for (const auto& function : module.functions()) count += function->graph.live_count();
  return count;
}

class Reducer {
 public:
  Reducer(ir::Module& module, const ShowsFault& shows_fault) : module_(module), shows_fault_(shows_fault) {}

  int64_t attempts() const { return attempts_; }

  Result<void> run() {
    bool smaller = true;
    while (smaller) {
      smaller = TRY(drop_outputs());
      smaller = TRY(replace_nodes()) || smaller;
    }
    return {};
  }

 private:
  // Changes a copy; keeps it when it is whole, smaller and shows the fault.
  template <class Change>
  Result<bool> attempt(Change&& change) {
    ir::Module copy = copy_of(module_);
    if (!TRY(change(copy))) return false;
    passes::PassContext context;
    if (!passes::find_pass("prune")->run(copy, context) || !ir::verify(copy)) return false;
    ++attempts_;
    if (!shows_fault_(copy)) return false;
    module_ = std::move(copy);
    return true;
  }

  ir::Graph& main_of(ir::Module& module) { return module.find_function(module.signatures[0].function)->graph; }

  Result<bool> drop_outputs() {
    bool changed = false;
    for (size_t i = main_of(module_).outputs.size(); i-- > 0;) {
      if (main_of(module_).outputs.size() < 2) break;
      changed = TRY(attempt([&](ir::Module& copy) -> Result<bool> {
                  auto& outputs = main_of(copy).outputs;
                  outputs.erase(outputs.begin() + static_cast<std::ptrdiff_t>(i));
                  for (ir::Entry& entry : copy.signatures) entry.structured_outputs.clear();
                  return true;
                })) ||
                changed;
    }
    return changed;
  }

  // The users of a node's results get something simpler.
  static Result<bool> simplify(ir::Graph& graph, NodeId id, int64_t way) {
    const ir::Node& node = graph.node(id);
    if (node.is("Const") || node.is("Placeholder") || node.outputs.empty()) return false;
    if (way < static_cast<int64_t>(node.inputs.size())) {
      // An operand of the same type.
      const ValueId operand = node.inputs[static_cast<size_t>(way)];
      if (node.outputs.size() != 1 || graph.type(operand) != graph.type(node.outputs[0])) return false;
      graph.replace_uses(node.outputs[0], operand);
      return true;
    }
    const std::vector<ValueId> outputs = node.outputs;
    const std::string name = node.name;
    bool any = false;
    for (const ValueId output : outputs) {
      if (graph.value(output).users.empty() && !graph.is_output(output)) continue;
      const TensorType type = graph.type(output);
      const auto shape = type.shape.known();
      if (!shape || element_size(type.dtype) == 0 || element_count_of(*shape) > kLargestZeros) return false;
      const Limits limits;
      MutableTensor zeros = TRY(MutableTensor::create(type.dtype, *shape, limits));
      graph.replace_uses(output, passes::add_constant(graph, std::move(zeros).finish(), name + "/zeros"));
      any = true;
    }
    return any;
  }

  Result<bool> replace_nodes() {
    bool changed = false;
    for (size_t f = 0; f < module_.functions().size(); ++f) {
      const std::string function = module_.functions()[f]->name;
      std::vector<std::string> names;
      for (const NodeId id : TRY(module_.functions()[f]->graph.topological_order())) names.push_back(module_.functions()[f]->graph.node(id).name);
      for (auto name = names.rbegin(); name != names.rend(); ++name) {
        const ir::Function* now = module_.find_function(function);
        const NodeId id = now ? now->graph.find(*name) : NodeId{};
        if (!id.valid()) continue;
        const auto ways = static_cast<int64_t>(now->graph.node(id).inputs.size()) + 1;
        for (int64_t way = 0; way < ways; ++way) {
          if (!TRY(attempt([&](ir::Module& copy) -> Result<bool> {
                ir::Graph& graph = copy.find_function(function)->graph;
                return simplify(graph, graph.find(*name), way);
              })))
            continue;
          changed = true;
          break;
        }
      }
    }
    return changed;
  }

  ir::Module& module_;
  const ShowsFault& shows_fault_;
  int64_t attempts_ = 0;
};

}  // namespace

Result<ReduceReport> reduce(ir::Module& module, const ShowsFault& shows_fault) {
  if (module.signatures.empty() || !module.find_function(module.signatures[0].function))
    return fail(ErrorCode::kInvalidArgument, "a model without a signature cannot be reduced");
  if (!shows_fault(module)) {
    return fail(Error{ErrorCode::kInvalidArgument,
                      "the model does not show the fault",
                      {},
                      {},
                      "it must differ before and after the passes, or the command must end with 0 for it"});
  }
  ReduceReport report;
  report.nodes_before = count_nodes(module);
  Reducer reducer(module, shows_fault);
  TRY(reducer.run());
  report.nodes_after = count_nodes(module);
  report.attempts = reducer.attempts();
  return report;
}

bool passes_break(const ir::Module& module, const std::vector<std::string>& passes, uint64_t seed, const Tolerance& tolerance, const Limits& limits) {
  RunOptions run;
  run.limits = limits;
  run.seed = seed;
  SampleRequest sample;
  sample.seed = seed;
  const auto expected = sample_run(module, sample, run);
  if (!expected) return false;
  ir::Module copy = copy_of(module);
  passes::PassContext context;
  context.limits = limits;
  const auto changed = [&]() -> Result<void> {
    if (!passes.empty()) return passes::run_passes(copy, std::vector<std::string_view>(passes.begin(), passes.end()), context);
    TRY(passes::freeze(copy, true, context));
    TRY(passes::optimize(copy, context));
    return passes::fuse_for_tfjs(copy, context);
  }();
  if (!changed || !ir::verify(copy)) return true;
  const auto actual = run_model(copy, expected->inputs, run);
  if (!actual) return true;
  const auto differences = compare_outputs(expected->outputs, *actual, tolerance);
  return std::any_of(differences.begin(), differences.end(), [](const OutputDifference& difference) { return !difference.equal; });
}

}  // namespace isomer
