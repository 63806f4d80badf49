// From TensorFlow 1's dataflow control flow to functions.
//
// Loops. A frame is entered by Enter nodes and left by Exit nodes; inside, each loop variable is a ring
//     Enter -> Merge -> Switch -(true)-> body ... -> NextIteration -> Merge
//                         \-(false)-> Exit                                   with Switch steered by LoopCond(condition).
// Frames are taken innermost first. The condition function is what LoopCond depends on, cut at the Merges and at the constant Enters; the body
// function is what the NextIterations depend on, cut at the Switches and the constant Enters. Both get all loop variables and then all constant
// Enters as arguments. One While node takes their place; each Exit becomes an Identity of one of its results, under its old name.
//
// Conditionals. What remains is acyclic. Every tensor has a condition: the set of (predicate, branch) pairs of the Switches above it. A Merge joins
// two tensors whose conditions differ in one predicate; the nodes whose condition holds that predicate are the branches, cut at the Switches. Merges
// are taken in topological order, so inner conditionals come first; Merges of one predicate that do not depend on each other share one If.
//
// The result is spelled with flat inputs ("node:1") inside functions too, which GraphImporter understands.
#include "formats/tf/control_flow_v1.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "formats/tf/control_flow_body.h"

namespace isomer::tf {
namespace control_flow {
namespace {

class Functionalizer {
 public:
  Functionalizer(FunctionDefLibrary& library, const Limits& limits) : library_(library), limits_(limits) {
    for (const FunctionDef& function : library.function()) names_.insert(function.signature().name());
  }

  Result<void> run(Body& body, const std::map<std::string, DataType>& argument_types) {
    prune(body);
    TRY(loops(body, argument_types));
    TRY(conditionals(body, argument_types));
    return {};
  }

 private:
  struct Frame {
    std::string parent;
    int depth = 1;
    std::vector<std::string> enters;
    std::set<std::string> nodes;
  };

  std::string function_name(const std::string& wanted) {
    std::string name = wanted;
    for (int64_t i = 1; !names_.insert(name).second; ++i) name = wanted + "_" + std::to_string(i);
    return name;
  }

  // The frame of each node: the deepest among its inputs; Enter opens one, Exit goes back to the parent.
  Result<std::map<std::string, Frame>> find_frames(Body& body) {
    std::map<std::string, Frame> frames;
    std::unordered_map<std::string, std::string> frame_of;
    for (const NodeDef* node : TRY(topological(body))) {
      std::string frame;
      for (const std::string& input : node->input()) {
        const auto it = frame_of.find(parse_tensor_name(input).node);
        if (it == frame_of.end() || it->second.empty()) continue;
        if (frame.empty() || frames[it->second].depth > frames[frame].depth) frame = it->second;
      }
      if (is_enter(*node)) {
        const AttrValue* name = find_attribute(*node, "frame_name");
        if (name && !name->s().empty()) {
          auto [it, inserted] = frames.try_emplace(name->s());
          if (inserted) {
            it->second.parent = frame;
            it->second.depth = frame.empty() ? 1 : frames[frame].depth + 1;
          }
          it->second.enters.push_back(node->name());
          frame = name->s();
        }
      } else if (is_exit(*node)) {
        if (frame.empty()) return refuse(*node, "an Exit outside of any loop");
        frame = frames[frame].parent;
      }
      frame_of[node->name()] = frame;
      for (std::string f = frame; !f.empty(); f = frames[f].parent) frames[f].nodes.insert(node->name());
    }
    return frames;
  }

  Result<void> loops(Body& body, const std::map<std::string, DataType>& argument_types) {
    // Enters of no loop are identities.
    auto frames = TRY(find_frames(body));
    while (!frames.empty()) {
      auto deepest = std::max_element(frames.begin(), frames.end(), [](const auto& a, const auto& b) { return a.second.depth < b.second.depth; });
      TRY(functionalize_loop(body, deepest->first, deepest->second, argument_types));
      if (++loops_ > limits_.nodes) return fail(ErrorCode::kLimitExceeded, "too many loops");
      prune(body);
      frames = TRY(find_frames(body));
    }
    return {};
  }

  struct LoopVariable {
    const NodeDef* enter = nullptr;
    const NodeDef* merge = nullptr;        // null: a constant of the loop
    const NodeDef* switch_node = nullptr;  // may be missing when nothing reads the variable but the condition
    const NodeDef* next = nullptr;
    std::vector<std::string> exits;
    std::string argument;
  };

  Result<void> functionalize_loop(Body& body, const std::string& frame_name, const Frame& frame, const std::map<std::string, DataType>& argument_types) {
    std::vector<LoopVariable> variables, constants;
    const NodeDef* loop_cond = nullptr;
    std::map<std::string, const NodeDef*> merge_of_enter;
    std::map<std::string, LoopVariable*> by_merge, by_switch;
    for (const auto& name : frame.nodes) {
      const NodeDef& node = *body.find(name);
      if (node.op() == "LoopCond") loop_cond = &node;
      if (!is_merge(node)) continue;
      for (const std::string& input : node.input()) {
        const std::string from = parse_tensor_name(input).node;
        if (std::find(frame.enters.begin(), frame.enters.end(), from) != frame.enters.end()) merge_of_enter[from] = &node;
      }
    }
    if (!loop_cond) {
      // No loop hangs on it: a frame that only carries values in. They are what they were outside.
      for (const std::string& name : frame.enters) {
        NodeDef& enter = body.nodes[name];
        if (merge_of_enter.contains(name)) return refuse(enter, "the loop has no LoopCond");
        enter.set_op("Identity");
      }
      return {};
    }
    for (const std::string& name : frame.enters) {
      const NodeDef& enter = *body.find(name);
      LoopVariable variable;
      variable.enter = &enter;
      if (const auto merge = merge_of_enter.find(name); merge != merge_of_enter.end()) {
        variable.merge = merge->second;
        for (const std::string& input : variable.merge->input()) {
          const NodeDef* from = body.find(parse_tensor_name(input).node);
          if (from && is_next(*from)) variable.next = from;
        }
        if (!variable.next) return refuse(*variable.merge, "a loop variable without NextIteration");
        variables.push_back(variable);
      } else {
        constants.push_back(variable);
      }
    }
    for (LoopVariable& variable : variables) by_merge[variable.merge->name()] = &variable;
    for (const auto& name : frame.nodes) {
      const NodeDef& node = *body.find(name);
      if (!is_switch(node) || node.input_size() < 2) continue;
      const auto it = by_merge.find(parse_tensor_name(node.input(0)).node);
      if (it == by_merge.end() || !leads_to(body, node.input(1), loop_cond->name())) continue;
      it->second->switch_node = &node;
      by_switch[name] = it->second;
    }
    for (const auto& [name, node] : body.nodes) {
      if (!is_exit(node)) continue;
      const auto it = by_switch.find(parse_tensor_name(node.input(0)).node);
      if (it != by_switch.end()) it->second->exits.push_back(name);
    }
    int64_t number = 0;
    for (LoopVariable& v : variables) v.argument = body.fresh("loop_argument_" + std::to_string(number++));
    for (LoopVariable& v : constants) v.argument = body.fresh("loop_argument_" + std::to_string(number++));

    const std::string base = frame_name.substr(0, frame_name.find_last_not_of('/') + 1);
    FunctionDef cond, step;
    const std::string cond_name = function_name(base + "/cond"), body_name = function_name(base + "/body");
    // Values of the outside that come in without an Enter become further constants of the loop.
    std::vector<std::pair<TensorName, DataType>> extra;
    const auto outline = [&](FunctionDef& def, const std::string& name) -> Result<Outliner> {
      Outliner outliner(body, def, name);
      outliner.set_inside(frame.nodes);
      for (const auto* list : {&variables, &constants}) {
        for (const LoopVariable& v : *list) {
          outliner.add_argument(v.argument, type_of(*v.enter));
          outliner.replace({v.enter->name(), 0, false}, v.argument);
          if (v.merge) outliner.replace({v.merge->name(), 0, false}, v.argument);
          if (v.switch_node) outliner.replace({v.switch_node->name(), 1, false}, v.argument);
        }
      }
      for (size_t i = 0; i < extra.size(); ++i) {
        const std::string argument = "loop_outside_" + std::to_string(i);
        outliner.add_argument(argument, extra[i].second);
        outliner.replace(extra[i].first, argument);
      }
      return outliner;
    };
    const auto external = [&](const TensorName& tensor) -> Result<std::string> {
      extra.emplace_back(tensor, TRY(external_type(body, tensor, argument_types)));
      return "loop_outside_" + std::to_string(extra.size() - 1);
    };
    // First to find the values from outside, then, with all arguments known, for good.
    for (int round = 0; round < 2; ++round) {
      cond.Clear();
      step.Clear();
      Outliner outline_cond = TRY(outline(cond, cond_name));
      outline_cond.set_external(external);
      outline_cond.add_result("continue", DT_BOOL, TRY(outline_cond.tensor(parse_tensor_name(loop_cond->input(0)))));
      Outliner outline_body = TRY(outline(step, body_name));
      outline_body.set_external(external);
      for (size_t i = 0; i < variables.size(); ++i) {
        outline_body.add_result("result_" + std::to_string(i), type_of(*variables[i].enter),
                                TRY(outline_body.tensor(parse_tensor_name(variables[i].next->input(0)))));
      }
      for (size_t i = 0; i < constants.size(); ++i)
        outline_body.add_result("constant_" + std::to_string(i), type_of(*constants[i].enter), constants[i].argument);
      for (size_t i = 0; i < extra.size(); ++i) outline_body.add_result("outside_" + std::to_string(i), extra[i].second, "loop_outside_" + std::to_string(i));
      if (extra.empty()) break;
    }

    NodeDef loop;
    loop.set_op("While");
    loop.set_name(body.fresh(base + "/while"));
    AttrValue::ListValue types;
    for (const auto* list : {&variables, &constants}) {
      for (const LoopVariable& v : *list) {
        loop.add_input(v.enter->input(0));
        types.add_type(type_of(*v.enter));
      }
    }
    for (const auto& [tensor, type] : extra) {
      loop.add_input(text_of(tensor));
      types.add_type(type);
    }
    add_attr(loop, "T", [&](AttrValue& a) { *a.mutable_list() = types; });
    add_attr(loop, "cond", [&](AttrValue& a) { a.mutable_func()->set_name(cond_name); });
    add_attr(loop, "body", [&](AttrValue& a) { a.mutable_func()->set_name(body_name); });

    TRY(finish_function(cond));
    TRY(finish_function(step));
    std::vector<std::pair<std::string, NodeDef>> exits;
    for (size_t i = 0; i < variables.size(); ++i) {
      for (const std::string& exit : variables[i].exits) {
        NodeDef identity;
        identity.set_name(exit);
        identity.set_op("Identity");
        identity.add_input(text_of(loop.name(), static_cast<int64_t>(i)));
        const DataType type = type_of(*variables[i].enter);
        add_attr(identity, "T", [&](AttrValue& a) { a.set_type(type); });
        exits.emplace_back(exit, std::move(identity));
      }
    }
    for (auto& [name, node] : exits) body.nodes[name] = std::move(node);
    std::set<std::string> inner(frame.nodes.begin(), frame.nodes.end());
    const std::string loop_name = loop.name();
    // Control edges from inside the loop wait for the whole loop.
    for (auto& [name, node] : body.nodes) {
      if (inner.contains(name)) continue;
      for (std::string& input : *node.mutable_input())
        if (input.starts_with('^') && inner.contains(input.substr(1))) input = "^" + loop_name;
    }
    for (const std::string& name : inner) body.nodes.erase(name);
    body.nodes[loop_name] = std::move(loop);
    return {};
  }
  // Conditionals inside a function that was just cut out.
  Result<void> finish_function(FunctionDef& def) {
    Body inner;
    std::map<std::string, DataType> types;
    for (const auto& arg : def.signature().input_arg()) {
      inner.sources.insert(arg.name());
      types[arg.name()] = arg.type();
    }
    for (NodeDef& node : *def.mutable_node_def()) inner.nodes[node.name()] = std::move(node);
    for (const auto& ret : def.ret()) inner.roots.push_back(parse_tensor_name(ret.value()).node);
    def.clear_node_def();
    TRY(conditionals(inner, types));
    for (auto& [name, node] : inner.nodes) *def.add_node_def() = std::move(node);
    *library_.add_function() = std::move(def);
    return {};
  }

  using Literal = std::pair<std::string, int>;  // predicate tensor, branch
  using Condition = std::set<Literal>;

  Result<void> conditionals(Body& body, const std::map<std::string, DataType>& argument_types) {
    for (int64_t guard = 0;; ++guard) {
      if (guard > limits_.nodes) return fail(ErrorCode::kLimitExceeded, "too many conditionals");
      prune(body);
      const bool any = std::any_of(body.nodes.begin(), body.nodes.end(), [](const auto& item) { return is_merge(item.second); });
      if (!any) break;
      TRY(functionalize_conditional(body, argument_types));
    }
    for (const auto& [name, node] : body.nodes) {
      if (is_switch(node)) return refuse(node, "a branch that is never joined");
      if (is_control_flow(node)) return refuse(node, "a part of a loop without the rest");
    }
    return {};
  }

  struct Group {
    std::string predicate;
    Condition rest;
    std::vector<const NodeDef*> merges;
    // For each merge: which input is the false and which the true branch.
    std::vector<std::pair<int, int>> sides;
  };

  // The first merges in topological order that have one predicate in common and no other merge above them.
  Result<Group> next_group(const Body& body, std::unordered_map<std::string, Condition>& conditions) {
    Group group;
    std::unordered_map<std::string, bool> above;  // a merge stands above this node
    for (const NodeDef* node : TRY(topological(body))) {
      bool merge_above = false;
      Condition condition;
      std::vector<Condition> sides;
      for (const std::string& input : node->input()) {
        const TensorName tensor = parse_tensor_name(input);
        const NodeDef* producer = body.find(tensor.node);
        if (!producer) {
          if (!tensor.control) sides.push_back({});
          continue;
        }
        Condition from = conditions[tensor.node];
        if (is_switch(*producer) && !tensor.control) from.insert({canonical_predicate(body, producer->input(1)), static_cast<int>(tensor.index)});
        merge_above = merge_above || above[tensor.node];
        if (!tensor.control) sides.push_back(from);
        condition.insert(from.begin(), from.end());
      }
      if (is_merge(*node)) {
        if (sides.size() != 2) return refuse(*node, "a Merge of " + std::to_string(sides.size()) + " tensors");
        std::optional<std::string> predicate;
        int false_side = 0;
        for (const Literal& literal : sides[0])
          if (sides[1].contains({literal.first, 1 - literal.second})) {
            predicate = literal.first;
            false_side = literal.second == 0 ? 0 : 1;
          }
        if (!predicate) return refuse(*node, "a Merge whose inputs do not come from the two sides of one Switch");
        Condition common;
        for (const Literal& literal : sides[0])
          if (sides[1].contains(literal)) common.insert(literal);
        if (!merge_above && (group.merges.empty() || (group.predicate == *predicate && group.rest == common))) {
          group.predicate = *predicate;
          group.rest = common;
          group.merges.push_back(node);
          group.sides.emplace_back(false_side, 1 - false_side);
        }
        condition = std::move(common);
        merge_above = true;
      }
      conditions[node->name()] = std::move(condition);
      above[node->name()] = merge_above;
    }
    return group;
  }

  Result<void> functionalize_conditional(Body& body, const std::map<std::string, DataType>& argument_types) {
    std::unordered_map<std::string, Condition> conditions;
    const Group group = TRY(next_group(body, conditions));
    const std::string base = group.merges[0]->name();
    std::vector<std::pair<TensorName, DataType>> arguments;
    const auto argument_for = [&](const TensorName& tensor) -> Result<std::string> {
      for (size_t i = 0; i < arguments.size(); ++i)
        if (text_of(arguments[i].first) == text_of(tensor)) return "branch_argument_" + std::to_string(i);
      arguments.emplace_back(tensor, TRY(external_type(body, tensor, argument_types)));
      return "branch_argument_" + std::to_string(arguments.size() - 1);
    };
    FunctionDef branches[2];
    const std::string names[2] = {function_name(base + "/else"), function_name(base + "/then")};
    // Two rounds: the first finds the arguments of both branches, which share one list.
    for (int round = 0; round < 2; ++round) {
      for (int side = 0; side < 2; ++side) {
        branches[side].Clear();
        Outliner outliner(body, branches[side], names[side]);
        std::set<std::string> inside;
        for (const auto& [name, condition] : conditions)
          if (condition.contains({group.predicate, side})) inside.insert(name);
        outliner.set_inside(inside);
        for (size_t i = 0; i < arguments.size(); ++i) {
          outliner.add_argument("branch_argument_" + std::to_string(i), arguments[i].second);
          outliner.replace(arguments[i].first, "branch_argument_" + std::to_string(i));
        }
        outliner.set_external([&](const TensorName& tensor) -> Result<std::string> {
          // A Switch of this predicate hands its data in; anything else comes as it is.
          const NodeDef* node = body.find(tensor.node);
          if (node && is_switch(*node) && canonical_predicate(body, node->input(1)) == group.predicate) return argument_for(parse_tensor_name(node->input(0)));
          return argument_for(tensor);
        });
        for (size_t i = 0; i < group.merges.size(); ++i) {
          const NodeDef& merge = *group.merges[i];
          const int input = side == 0 ? group.sides[i].first : group.sides[i].second;
          outliner.add_result("result_" + std::to_string(i), type_of(merge), TRY(outliner.tensor(parse_tensor_name(merge.input(input)))));
        }
        for (size_t i = 0; i < group.merges.size(); ++i) {
          // Which input arrived: the second result of Merge.
          NodeDef index;
          index.set_name("value_index_" + std::to_string(i));
          index.set_op("Const");
          add_attr(index, "dtype", [](AttrValue& a) { a.set_type(DT_INT32); });
          const int value = side == 0 ? group.sides[i].first : group.sides[i].second;
          add_attr(index, "value", [&](AttrValue& a) {
            a.mutable_tensor()->set_dtype(DT_INT32);
            a.mutable_tensor()->mutable_tensor_shape();
            a.mutable_tensor()->add_int_val(value);
          });
          *branches[side].add_node_def() = index;
          outliner.add_result("index_" + std::to_string(i), DT_INT32, index.name());
        }
      }
    }
    NodeDef branch;
    branch.set_op("If");
    branch.set_name(body.fresh(base + "/if"));
    branch.add_input(group.predicate);
    AttrValue::ListValue in, out;
    for (const auto& [tensor, type] : arguments) {
      branch.add_input(text_of(tensor));
      in.add_type(type);
    }
    for (const NodeDef* merge : group.merges) out.add_type(type_of(*merge));
    for (size_t i = 0; i < group.merges.size(); ++i) out.add_type(DT_INT32);
    add_attr(branch, "Tcond", [](AttrValue& a) { a.set_type(DT_BOOL); });
    add_attr(branch, "Tin", [&](AttrValue& a) { *a.mutable_list() = in; });
    add_attr(branch, "Tout", [&](AttrValue& a) { *a.mutable_list() = out; });
    add_attr(branch, "then_branch", [&](AttrValue& a) { a.mutable_func()->set_name(names[1]); });
    add_attr(branch, "else_branch", [&](AttrValue& a) { a.mutable_func()->set_name(names[0]); });
    TRY(finish_function(branches[0]));
    TRY(finish_function(branches[1]));
    replace_merges(body, group, branch.name());
    body.nodes[branch.name()] = std::move(branch);
    return {};
  }

  // Each Merge becomes an Identity of its result; readers of its second result read the branch index.
  static void replace_merges(Body& body, const Group& group, const std::string& branch) {
    std::map<std::string, std::string> index_of;
    std::vector<NodeDef> identities;
    for (size_t i = 0; i < group.merges.size(); ++i) {
      const NodeDef& merge = *group.merges[i];
      index_of[text_of(merge.name(), 1)] = text_of(branch, static_cast<int64_t>(group.merges.size() + i));
      NodeDef identity;
      identity.set_name(merge.name());
      identity.set_op("Identity");
      identity.add_input(text_of(branch, static_cast<int64_t>(i)));
      const DataType type = type_of(merge);
      add_attr(identity, "T", [&](AttrValue& a) { a.set_type(type); });
      identities.push_back(std::move(identity));
    }
    for (NodeDef& identity : identities) body.nodes[identity.name()] = std::move(identity);
    for (auto& [name, node] : body.nodes)
      for (std::string& input : *node.mutable_input())
        if (const auto it = index_of.find(input); it != index_of.end()) input = it->second;
  }

  FunctionDefLibrary& library_;
  const Limits& limits_;
  std::set<std::string> names_;
  int64_t loops_ = 0;
};

}  // namespace
}  // namespace control_flow

bool has_control_flow_v1(const GraphDef& graph) {
  return std::any_of(graph.node().begin(), graph.node().end(), [](const NodeDef& node) { return control_flow::is_control_flow(node); });
}

Result<void> functionalize_control_flow(GraphDef& graph, std::span<const std::string> roots, std::span<const std::string> fed, const Limits& limits) {
  if (!has_control_flow_v1(graph)) return {};
  control_flow::Body body;
  for (NodeDef& node : *graph.mutable_node()) {
    const std::string name = node.name();
    if (!body.nodes.emplace(name, std::move(node)).second) return fail(ErrorCode::kInvalidModel, "two nodes are called '" + name + "'");
  }
  graph.clear_node();
  body.roots.assign(roots.begin(), roots.end());
  // A fed node stays as it is, but nothing above it is looked at.
  std::map<std::string, NodeDef> fed_nodes;
  for (const std::string& name : fed) {
    if (auto it = body.nodes.find(name); it != body.nodes.end()) {
      fed_nodes[name] = std::move(it->second);
      body.nodes.erase(it);
    }
    body.sources.insert(name);
  }
  std::map<std::string, DataType> fed_types;
  for (const auto& [name, node] : fed_nodes) {
    const AttrValue* dtype = control_flow::find_attribute(node, "dtype");
    if (!dtype) dtype = control_flow::find_attribute(node, "T");
    if (dtype) fed_types[name] = dtype->type();
  }
  control_flow::Functionalizer functionalizer(*graph.mutable_library(), limits);
  TRY(functionalizer.run(body, fed_types));
  for (auto& [name, node] : fed_nodes) *graph.add_node() = std::move(node);
  for (auto& [name, node] : body.nodes) *graph.add_node() = std::move(node);
  return {};
}

}  // namespace isomer::tf