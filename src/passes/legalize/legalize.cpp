#include "passes/legalize.h"

#include <algorithm>

#include "passes/rewrite.h"

namespace isomer::passes {
namespace {

struct Row {
  std::string_view op;
  Rule rule;
};
constexpr Row kRules[] = {
#define RULE(Op, function) {#Op, &function},
#include "passes/legalize/rules.def"
#undef RULE
};

Rule find_rule(std::string_view op) {
  for (const Row& row : kRules)
    if (row.op == op) return row.rule;
  return nullptr;
}

Refused describe(const ir::Function& function, const ir::Node& node, std::string reason) {
  const std::string op = node.is("Foreign") ? node.as<ir::ForeignAttributes>().op : std::string(node.op->name);
  return {function.name, node.name, op, node.origin, std::move(reason)};
}

// A rule's result may need rules itself (Erfc to Erf, NCHW pooling to NHWC, ...). Chains are short; a longer one is a circle of rules.
constexpr int kMaxRounds = 12;

}  // namespace

Result<std::vector<Refused>> legalize(ir::Module& module, const Accepts& accepts, PassContext& context) {
  std::vector<Refused> refused;
  for (int round = 0; round < kMaxRounds; ++round) {
    bool changed = false;
    refused.clear();
    for (ir::Function* function : TRY(callees_first(module))) {
      ir::Graph& graph = function->graph;
      RuleContext rule_context{module, graph};
      for (const ir::NodeId id : TRY(graph.topological_order())) {
        const ir::Node& node = graph.node(id);
        if (!node.alive()) continue;  // a rule took it away together with its neighbour
        auto reason = accepts(module, graph, node);
        if (!reason) continue;
        const Rule rule = find_rule(node.op->name);
        std::string why;
        const std::string name = node.name;
        if (rule && TRY(in_context(rule(rule_context, id, why), "rewriting node '" + name + "' for the target"))) {
          changed = true;
          continue;
        }
        refused.push_back(describe(*function, graph.node(id), why.empty() ? *reason : why));
      }
    }
    if (!changed) break;
    TRY(prune(module, context));
  }
  return refused;
}

std::vector<std::string_view> ops_with_rules() {
  std::vector<std::string_view> ops;
  for (const Row& row : kRules) ops.push_back(row.op);
  std::sort(ops.begin(), ops.end());
  return ops;
}

}  // namespace isomer::passes
