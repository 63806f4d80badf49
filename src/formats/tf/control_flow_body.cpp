#include "formats/tf/control_flow_body.h"

#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "ops/registry.h"

namespace isomer::tf::control_flow {

const AttrValue* find_attribute(const NodeDef& node, std::string_view key) {
  for (const AttrEntry& entry : node.attr())
    if (entry.key() == key) return &entry.value();
  return nullptr;
}

std::string node_text(const NodeDef& node) { return "node '" + node.name() + "' (" + node.op() + ")"; }
std::string text_of(const TensorName& t) { return t.index == 0 ? t.node : t.node + ":" + std::to_string(t.index); }
std::string text_of(const std::string& node, int64_t index) { return text_of(TensorName{node, index, false}); }

std::unexpected<Error> refuse(const NodeDef& node, const std::string& why) {
  return fail(Error{ErrorCode::kUnsupported,
                    "control flow without structured form: " + why,
                    node_text(node),
                    {},
                    "only while_loop and cond as TensorFlow 1 builds them can be converted; export the model with TensorFlow 2 control flow"});
}

DataType type_of(const NodeDef& node) {
  const AttrValue* type = find_attribute(node, "T");
  return type ? type->type() : DT_INVALID;
}

Result<std::vector<const NodeDef*>> topological(const Body& body) {
  std::vector<const NodeDef*> order;
  std::unordered_map<const NodeDef*, int> state;  // 1 open, 2 done
  std::vector<std::pair<const NodeDef*, int>> stack;
  for (const auto& [name, root] : body.nodes) {
    if (state[&root] == 2) continue;
    stack.emplace_back(&root, 0);
    state[&root] = 1;
    while (!stack.empty()) {
      const NodeDef* node = stack.back().first;
      if (stack.back().second == node->input_size()) {
        state[node] = 2;
        order.push_back(node);
        stack.pop_back();
        continue;
      }
      const NodeDef* input = body.find(parse_tensor_name(node->input(stack.back().second++)).node);
      if (!input || is_next(*input)) continue;
      int& mark = state[input];
      if (mark == 1) return fail(Error{ErrorCode::kInvalidModel, "the graph has a cycle that is no loop", node_text(*input), {}, {}});
      if (mark == 0) {
        mark = 1;
        stack.emplace_back(input, 0);
      }
    }
  }
  return order;
}

void prune(Body& body) {
  std::unordered_set<std::string> needed;
  std::vector<std::string> stack = body.roots;
  while (!stack.empty()) {
    const std::string name = std::move(stack.back());
    stack.pop_back();
    if (body.sources.contains(name) || !needed.insert(name).second) continue;
    if (const NodeDef* node = body.find(name))
      for (const std::string& input : node->input()) stack.push_back(parse_tensor_name(input).node);
  }
  std::erase_if(body.nodes, [&](const auto& item) { return !needed.contains(item.first); });
}

bool leads_to(const Body& body, const std::string& input, const std::string& target) {
  const NodeDef* node = body.find(parse_tensor_name(input).node);
  for (int hops = 0; node && hops < 50; ++hops) {
    if (node->name() == target) return true;
    if (node->op() != "Identity" || node->input_size() == 0) return false;
    node = body.find(parse_tensor_name(node->input(0)).node);
  }
  return false;
}

std::string canonical_predicate(const Body& body, const std::string& input) {
  TensorName tensor = parse_tensor_name(input);
  for (int hops = 0; hops < 100; ++hops) {
    const NodeDef* node = body.find(tensor.node);
    if (!node || node->op() != "Identity" || node->input_size() == 0) break;
    tensor = parse_tensor_name(node->input(0));
  }
  return text_of(tensor);
}

// --- Outliner

Result<std::string> Outliner::tensor(const TensorName& name) {
  if (const auto it = replaced_.find(text_of(name)); it != replaced_.end()) return it->second;
  const NodeDef* node = body_.find(name.node);
  if (!node || (!inside_.contains(name.node) && node->op() != "Const")) {
    const std::string argument = TRY(external_(name));
    replaced_[text_of(name)] = argument;
    return argument;
  }
  TRY(copy(*node));
  return text_of(name);
}

namespace {

NodeDef shell(const NodeDef& node) {
  NodeDef made = node;
  made.clear_input();
  return made;
}
bool is_pivot(const NodeDef& node) { return is_control_flow(node); }

}  // namespace

Result<void> Outliner::copy(const NodeDef& root) {
  struct Open {
    const NodeDef* node;
    NodeDef made;
    int next = 0;
  };
  if (!copied_.insert(root.name()).second) return {};
  std::vector<Open> stack;
  stack.push_back({&root, shell(root)});
  while (!stack.empty()) {
    Open& open = stack.back();
    if (open.next == open.node->input_size()) {
      *def_.add_node_def() = std::move(open.made);
      stack.pop_back();
      continue;
    }
    const TensorName input = parse_tensor_name(open.node->input(open.next));
    const NodeDef* producer = body_.find(input.node);
    const bool inside = producer && (inside_.contains(input.node) || producer->op() == "Const") && !replaced_.contains(text_of(input));
    if (inside && !(input.control && is_pivot(*producer)) && copied_.insert(input.node).second) {
      stack.push_back({producer, shell(*producer)});  // `open` is dangling from here; its next input is looked at again
      continue;
    }
    ++open.next;
    if (input.control) {
      // Order among the function's own nodes is kept; an edge from a loop's or branch's pivot only said "in this branch".
      if (inside && !is_pivot(*producer)) open.made.add_input("^" + input.node);
      continue;
    }
    const std::string value = inside ? text_of(input) : TRY(tensor(input));
    open.made.add_input(value);
  }
  return {};
}

Result<DataType> external_type(const Body& body, const TensorName& tensor, const std::map<std::string, DataType>& argument_types) {
  if (const auto it = argument_types.find(tensor.node); it != argument_types.end()) return it->second;
  const NodeDef* node = body.find(tensor.node);
  if (!node) return fail(ErrorCode::kInvalidModel, "no node '" + tensor.node + "'");
  if (is_control_flow(*node)) return tensor.index == 1 && is_merge(*node) ? DT_INT32 : type_of(*node);
  const auto of_attr = [&](const std::string& key, int64_t place) -> std::optional<DataType> {
    const AttrValue* attr = find_attribute(*node, key);
    if (attr && attr->value_case() == AttrValue::kType) return attr->type();
    if (attr && attr->value_case() == AttrValue::kList && place < attr->list().type_size())
      return static_cast<DataType>(attr->list().type(static_cast<int>(place)));
    return std::nullopt;
  };
  if (const ir::OpDef* op = ops::find_op(node->op() == "PlaceholderWithDefault" ? "Placeholder" : node->op())) {
    const auto& outputs = ir::signature_of(*op).outputs;
    size_t operand = 0;
    int64_t place = tensor.index;
    // At most one output varies in number; what comes before it has one place each.
    while (operand < outputs.size() && !outputs[operand].variadic() && place > 0) {
      ++operand;
      --place;
    }
    if (operand < outputs.size()) {
      if (outputs[operand].fixed) return static_cast<DataType>(*outputs[operand].fixed);
      if (const auto type = of_attr(outputs[operand].type_attribute, place)) return *type;
    }
  }
  for (const char* key : {"T", "dtype", "Tout"})
    if (const auto type = of_attr(key, tensor.index)) return *type;
  return fail(Error{ErrorCode::kUnsupported, "the dtype of a tensor that a branch uses is not known", node_text(*node), {}, {}});
}

}  // namespace isomer::tf::control_flow
