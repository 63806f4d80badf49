// GraphDef and FunctionDef to the IR.
//
// One GraphImporter fills one Module. Functions of the library are imported when something first refers to them; each becomes one ir::Function
// of the same name. Ops that the registry does not know become Foreign.
//
// What is normalised on the way: Add becomes AddV2 except for strings; a reference variable (VariableV2) becomes VarHandleOp + ReadVariableOp;
// LookupTableFind and its like of TensorFlow 1 become their second versions; a PlaceholderWithDefault that is not fed becomes an Identity of its default;
// attributes without meaning (leading underscore) are dropped.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/limits.h"
#include "formats/tf/tensor_proto.h"
#include "ir/module.h"

namespace isomer::tf {

class NodeDef;
class GraphDef;
class FunctionDef;
class FunctionDefLibrary;

// The tensor "node:index" of a main graph, or the control edge "^node".
struct TensorName {
  std::string node;
  int64_t index = 0;
  bool control = false;
};
TensorName parse_tensor_name(std::string_view text);

// An input of an imported main graph: the tensor that the caller feeds and the placeholder that takes its place.
struct Feed {
  std::string key;
  std::string tensor;              // "x:0"
  std::optional<TensorType> type;  // as the signature declares it; else the placeholder's own attributes
};
struct Fetch {
  std::string key;
  std::string tensor;  // "logits:0"
};

class GraphImporter {
 public:
  // Weights of Const nodes by node name (tf.js models keep them apart). `declared` is what the node says its dtype is, which the result must have. Where
  // it gives NotFound, the message's own value is taken, if there is one.
  using WeightSource = std::function<Result<Tensor>(const std::string& name, DType declared)>;

  // `library` and `detached` must outlive the importer.
  GraphImporter(ir::Module& module, const FunctionDefLibrary& library, std::span<const Bytes> detached, const Limits& limits);

  void set_weight_source(WeightSource source) { weights_ = std::move(source); }
  // Called for each asset file name constant and so on; see saved_model_import.cpp.
  // Values that replace whole Const nodes of the main graph, by node name (file names of assets).
  void set_constant(const std::string& node, Tensor value) { constants_[node] = std::move(value); }

  // Imports the part of the main graph that `fetches` and `targets` (nodes to be run for their effect) need, cut at `feeds`, as a function.
  // With `all_placeholders`, every placeholder reached that is not fed becomes an input of its own name (frozen graphs).
  Result<ir::Function*> import_graph(const GraphDef& graph, std::string_view name, std::span<const Feed> feeds, std::span<const Fetch> fetches,
                                     std::span<const std::string> targets, bool all_placeholders);

  // Imports a library function (and what it refers to). `captures`: for the last arguments, what makes the value in place of a placeholder; called
  // with the graph and the argument's name, returns the value.
  using Capture = std::function<Result<ir::ValueId>(ir::Graph&, const std::string& name)>;
  Result<ir::Function*> import_function(std::string_view name, std::span<const Capture> captures = {}, std::string_view new_name = {});

 private:
  struct Scope;

  static void note_reference(Scope& scope, const std::string& input);
  Result<void> import_nodes(Scope& scope, std::span<const NodeDef* const> nodes);
  Result<void> import_node(Scope& scope, const NodeDef& node);
  Result<void> import_variable(Scope& scope, const NodeDef& node);
  Result<ir::AttributeMap> attributes_of(const NodeDef& node, const ir::OpDef* op);
  Result<void> import_referenced_functions(const ir::AttributeMap& attributes);
  bool reads_unknown(const Scope& scope, const NodeDef& node) const;
  Result<void> add_node(Scope& scope, const NodeDef& node, const ir::OpDef& op, ir::AttributeMap attributes);
  Result<ir::ValueId> resolve(const Scope& scope, std::string_view input) const;

  ir::Module& module_;
  const FunctionDefLibrary& library_;
  DecodeContext decode_;
  WeightSource weights_;
  std::map<std::string, Tensor> constants_;
  std::unordered_map<std::string, const FunctionDef*> functions_;
  std::set<std::string> open_;  // functions being imported: one that refers to itself is recursive
  int64_t nodes_ = 0;
};

}  // namespace isomer::tf
