// Legalisation: rewriting ops that a target cannot run, or runs wrongly, into ops that it can.
//
// A target says with `accepts` what it takes as it is; a rule says how one op is written in others. Rules know no target: the same rule serves every
// target that lacks the op. Each rule stands in passes/legalize/, with one row in rules.def.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/module.h"
#include "passes/pass.h"

namespace isomer::passes {

// Why the target cannot take this node, or nothing when it can.
using Accepts = std::function<std::optional<std::string>(const ir::Module&, const ir::Graph&, const ir::Node&)>;

struct Refused {
  std::string function, node, op;  // where: function of the module, node in it
  std::string origin;              // op name in the source, where it differs
  std::string reason;
};

// What a rule may use.
struct RuleContext {
  ir::Module& module;
  ir::Graph& graph;
};

// Rewrites the node, which it replaces and erases. False (and nothing changed) when this form of the op is beyond the rule; `reason` then says why.
using Rule = Result<bool> (*)(RuleContext&, ir::NodeId, std::string& reason);

#define RULE(Op, function) Result<bool> function(RuleContext& context, ir::NodeId node, std::string& reason);
#include "passes/legalize/rules.def"
#undef RULE

// Applies rules to every node that the target refuses until it accepts all or no rule helps. Returns the nodes that remain refused.
Result<std::vector<Refused>> legalize(ir::Module& module, const Accepts& accepts, PassContext& context);

// The ops that have a rule, sorted (for the generated tables).
std::vector<std::string_view> ops_with_rules();

}  // namespace isomer::passes
