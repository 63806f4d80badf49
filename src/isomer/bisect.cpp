// Every tensor that flows in a run is recorded. A value has a counterpart in the other model where kind and shape are equal and all elements agree. Values
// that have one are good, the others are bad. The walk begins at the bad output and goes back through bad values only; a node where it cannot go on,
// because all its inputs are good, is where the models part. That works across renamed, fused and folded nodes: inside a fused group values are bad, but
// behind it they are good again, and the walk never gets there. What does not depend on the inputs (weights, and what is computed from them) is prepared
// differently by every format; it is not walked into, but named beside the node that uses it.
//
// Of a function that is called more than once (the body of a loop) the first call is recorded. When the models part at a call or a loop, the walk goes on
// inside it. Lists and resources are no tensors: the walk passes through them.
#include "isomer/bisect.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <span>

#include "isomer/ports.h"
#include "passes/rewrite.h"

namespace isomer {
namespace {

constexpr int64_t kFirstLook = 64;  // elements that are compared before all are

struct Record {
  std::vector<double> first_look;  // of numbers: some elements from all over the tensor
  Tensor value;
};

Record record_of(const Tensor& tensor) {
  Record record{{}, tensor};
  const TypeClass kind = type_class(tensor.dtype());
  if (kind == TypeClass::kString || kind == TypeClass::kComplex) return record;
  const int64_t step = std::max<int64_t>(1, tensor.elements() / kFirstLook);
  for (int64_t i = 0; i < tensor.elements(); i += step) record.first_look.push_back(tensor.as_double(i));
  return record;
}

bool agree(const Record& a, const Record& b, const Tolerance& tolerance) {
  if (type_class(a.value.dtype()) != type_class(b.value.dtype()) || a.value.shape() != b.value.shape()) return false;
  for (size_t i = 0; i < a.first_look.size(); ++i) {
    const double x = a.first_look[i], y = b.first_look[i];
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    if (!(std::fabs(x - y) <= tolerance.absolute + tolerance.relative * std::fabs(x))) return false;
  }
  return compare_tensors({}, a.value, b.value, tolerance).equal;
}

// The values of one run.
class Recorded {
 public:
  Result<void> run(const ir::Module& source, const std::vector<NamedTensor>& inputs, RunOptions options) {
    module_ = &source;
    options.observer.after = [&](const ir::Function& function, const ir::Node& node, std::span<const ir::RuntimeValue> results) {
      for (size_t i = 0; i < results.size(); ++i)
        if (const auto* tensor = std::get_if<Tensor>(&results[i])) records_.try_emplace(key(function.graph, node.outputs[i]), record_of(*tensor));
    };
    TRY(in_context(run_model(source, inputs, options), "running a model to see where it differs"));
    return {};
  }

  const Record* find(const ir::Graph& graph, ir::ValueId value) const {
    const auto it = records_.find(key(graph, value));
    return it == records_.end() ? nullptr : &it->second;
  }
  bool has_counterpart(const Record& wanted, const Tolerance& tolerance) const {
    return std::any_of(records_.begin(), records_.end(), [&](const auto& entry) { return agree(wanted, entry.second, tolerance); });
  }
  const ir::Module& module() const { return *module_; }

 private:
  using Key = std::pair<const ir::Graph*, ir::ValueId>;
  static Key key(const ir::Graph& graph, ir::ValueId value) { return {&graph, value}; }

  const ir::Module* module_ = nullptr;
  std::map<Key, Record> records_;
};

// Values of a graph that depend on its inputs (of a signature, or the arguments of a function).
std::set<ir::ValueId> moving_values(const ir::Graph& graph, std::span<const ir::NodeId> order) {
  std::set<ir::ValueId> moving;
  for (const ir::NodeId id : order) {
    const ir::Node& node = graph.node(id);
    const bool moves = node.is("Placeholder") || std::any_of(node.inputs.begin(), node.inputs.end(), [&](ir::ValueId input) { return moving.contains(input); });
    if (moves) moving.insert(node.outputs.begin(), node.outputs.end());
  }
  return moving;
}

// The name of a variable that is read, or of the node.
std::string weight_name(const ir::Graph& graph, ir::ValueId value) {
  const ir::Node& node = graph.producer(value);
  if (node.is("ReadVariableOp") && graph.producer(node.inputs[0]).is("VarHandleOp")) {
    const ir::AttributeMap attributes = graph.producer(node.inputs[0]).attributes->to_map();
    if (const auto* name = ir::find(attributes, "shared_name")) return std::get<std::string>(*name);
  }
  return node.name;
}

class Walk {
 public:
  Walk(const Recorded& own, const Recorded& other, const Tolerance& tolerance) : own_(own), other_(other), tolerance_(tolerance) {}

  // Adds the nodes where the value's ancestors part; true when there are any.
  Result<bool> from(const ir::Function& function, ir::ValueId value) {
    const ir::Graph& graph = function.graph;
    if (!walked_.insert({&graph, value}).second) return false;
    const auto order = TRY(graph.topological_order());
    const std::set<ir::ValueId> moving = moving_values(graph, order);
    const std::set<ir::ValueId> suspects = suspects_behind(graph, value, moving);
    std::set<ir::NodeId> parted;  // nodes at or before which the models part
    for (const ir::NodeId id : order) {
      const ir::Node& node = graph.node(id);
      if (std::none_of(node.outputs.begin(), node.outputs.end(), [&](ir::ValueId output) { return suspects.contains(output); })) continue;
      bool found = std::any_of(node.inputs.begin(), node.inputs.end(), [&](ir::ValueId input) { return parted.contains(graph.value(input).producer); });
      if (!found) found = TRY(inside(node));
      if (!found) found = part_at(function, node, moving);
      if (found) parted.insert(id);
    }
    return !parted.empty();
  }

  std::vector<PartingNode> nodes;
  std::vector<const Record*> results;  // of the nodes

 private:
  enum class Judgement { kGood, kBad, kUnknown };
  Judgement judge(const ir::Graph& graph, ir::ValueId value) const {
    const Record* record = own_.find(graph, value);
    if (!record) return graph.producer(value).is("Placeholder") ? Judgement::kGood : Judgement::kUnknown;
    return other_.has_counterpart(*record, tolerance_) ? Judgement::kGood : Judgement::kBad;
  }

  // Values that are not good, and from which a way through such values leads to `value`.
  std::set<ir::ValueId> suspects_behind(const ir::Graph& graph, ir::ValueId value, const std::set<ir::ValueId>& moving) const {
    std::set<ir::ValueId> suspects, looked_at = {value};
    std::vector<ir::ValueId> stack = {value};
    while (!stack.empty()) {
      const ir::ValueId next = stack.back();
      stack.pop_back();
      if (judge(graph, next) == Judgement::kGood) continue;
      suspects.insert(next);
      for (const ir::ValueId input : graph.producer(next).inputs)
        if (moving.contains(input) && looked_at.insert(input).second) stack.push_back(input);
    }
    return suspects;
  }

  Result<bool> inside(const ir::Node& node) {
    bool found = false;
    for (const std::string& name : passes::referenced_functions(node)) {
      const ir::Function* inner = own_.module().find_function(name);
      if (!inner) continue;
      for (const ir::Port& port : inner->graph.outputs) found = TRY(from(*inner, port.value)) || found;
    }
    return found;
  }

  // False where nothing is known of the node's results.
  bool part_at(const ir::Function& function, const ir::Node& node, const std::set<ir::ValueId>& moving) {
    const auto bad = std::find_if(node.outputs.begin(), node.outputs.end(), [&](ir::ValueId v) { return judge(function.graph, v) == Judgement::kBad; });
    if (bad == node.outputs.end()) return false;
    // The outputs of a loop's body lead to a node on several ways.
    if (std::any_of(nodes.begin(), nodes.end(), [&](const PartingNode& n) { return n.function == function.name && n.name == node.name; })) return true;
    PartingNode& found = nodes.emplace_back(PartingNode{function.name, node.name, std::string(node.op->name), node.origin, {}});
    for (const ir::ValueId input : node.inputs)
      if (!moving.contains(input) && judge(function.graph, input) == Judgement::kBad) found.own_weights.push_back(weight_name(function.graph, input));
    results.push_back(own_.find(function.graph, *bad));
    return true;
  }

  const Recorded& own_;
  const Recorded& other_;
  const Tolerance& tolerance_;
  std::set<std::pair<const ir::Graph*, ir::ValueId>> walked_;
};

Result<ir::ValueId> output_value(const ir::Function& function, const std::string& key) {
  for (const ir::Port& port : function.graph.outputs)
    if (port.key == key) return port.value;
  return fail(ErrorCode::kInternal, "there is no output '" + key + "'");
}

}  // namespace

Result<Parting> find_parting(const ir::Module& first, const std::vector<NamedTensor>& first_inputs, const RunOptions& first_options, const ir::Module& second,
                             const std::vector<NamedTensor>& second_inputs, const RunOptions& second_options, const std::string& first_output,
                             const std::string& second_output, const Tolerance& tolerance) {
  Recorded a, b;
  TRY(a.run(first, first_inputs, first_options));
  TRY(b.run(second, second_inputs, second_options));
  Parting parting;
  parting.output = first_output;
  Walk in_first(a, b, tolerance), in_second(b, a, tolerance);
  const ir::Function* function = TRY(entry_function(first));
  TRY(in_first.from(*function, TRY(output_value(*function, first_output))));
  function = TRY(entry_function(second));
  TRY(in_second.from(*function, TRY(output_value(*function, second_output))));
  parting.first = std::move(in_first.nodes);
  parting.second = std::move(in_second.nodes);
  if (!in_first.results.empty() && !in_second.results.empty() && in_first.results[0]->value.shape() == in_second.results[0]->value.shape())
    parting.apart = compare_tensors(parting.first[0].name, in_first.results[0]->value, in_second.results[0]->value, tolerance);
  return parting;
}

}  // namespace isomer
