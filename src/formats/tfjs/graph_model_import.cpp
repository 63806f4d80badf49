// The topology is a GraphDef whose constants lie apart, so most of the work is formats/tf's. What is tf.js's own: weights are found by the name of
// the Const node; a table of TensorFlow 2 is an input of dtype resource that the initialiser makes (equal resourceId), while one of TensorFlow 1 is a
// HashTable node of the same name in both graphs. Here both become a HashTableV2 node named alike.
#include "formats/tfjs/graph_model_import.h"

#include <algorithm>
#include <set>

#include "formats/tf/control_flow_v1.h"
#include "formats/tf/graph_import.h"
#include "formats/tf/tensor_proto.h"
#include "formats/tfjs/own_ops.h"

namespace isomer::tfjs {
namespace {

bool is_table(const std::string& op) { return op == "HashTable" || op == "HashTableV2"; }

tf::NodeDef* find_node(tf::GraphDef& graph, const std::string& name) {
  for (tf::NodeDef& node : *graph.mutable_node())
    if (node.name() == name) return &node;
  return nullptr;
}

void set_shared_name(tf::NodeDef& node, const std::string& name) {
  for (tf::AttrEntry& attr : *node.mutable_attr()) {
    if (attr.key() != "shared_name") continue;
    attr.mutable_value()->set_s(name);
    return;
  }
  tf::AttrEntry& attr = *node.add_attr();
  attr.set_key("shared_name");
  attr.mutable_value()->set_s(name);
}

// tf.js knows a table by the name of its node, whatever its attributes say.
void name_tables(tf::GraphDef& graph) {
  for (tf::NodeDef& node : *graph.mutable_node())
    if (is_table(node.op())) set_shared_name(node, node.name());
}

// The shape that the placeholder itself declares. It counts where the signature tells another: tf.js checks inputs against the node alone, and there are
// models whose signature names the one size that they were exported with.
std::optional<PartialShape> placeholder_shape(const tf::GraphDef& graph, const std::string& tensor) {
  const std::string name(tf::parse_tensor_name(tensor).node);
  for (const tf::NodeDef& node : graph.node()) {
    if (node.name() != name || node.op() != "Placeholder") continue;
    for (const auto& attribute : node.attr())
      if (attribute.key() == "shape" && attribute.value().has_shape() && !attribute.value().shape().unknown_rank())
        if (auto shape = tf::decode_shape(attribute.value().shape())) return *shape;
  }
  return std::nullopt;
}

// Replaces the resource input by the node that makes the table in the initialiser.
Result<void> bind_resource_input(tf::GraphDef& topology, const tf::GraphDef& initializer, const SignatureTensor& input, const Signature& made) {
  const auto maker = std::find_if(made.outputs.begin(), made.outputs.end(), [&](const SignatureTensor& t) { return t.resource_id == input.resource_id; });
  if (maker == made.outputs.end()) return fail(ErrorCode::kInvalidModel, "the initialiser makes no resource with the id of input '" + input.key + "'");
  std::string name = tf::parse_tensor_name(maker->name).node;
  const tf::NodeDef* source = nullptr;
  for (int hops = 0; hops < 20 && !source; ++hops) {
    const auto it = std::find_if(initializer.node().begin(), initializer.node().end(), [&](const tf::NodeDef& n) { return n.name() == name; });
    if (it == initializer.node().end()) break;
    if (is_table(it->op())) {
      source = &*it;
    } else if (it->op() == "Identity" && it->input_size() > 0) {
      name = tf::parse_tensor_name(it->input(0)).node;
    } else {
      break;
    }
  }
  tf::NodeDef* placeholder = find_node(topology, tf::parse_tensor_name(input.name).node);
  if (!source || !placeholder) return fail(ErrorCode::kInvalidModel, "the resource input '" + input.key + "' does not lead to a table of the initialiser");
  const std::string own_name = placeholder->name();
  *placeholder = *source;
  placeholder->set_name(own_name);
  placeholder->clear_input();
  return {};
}

// tf.js stores what it computes with; the topology says what TensorFlow had: an int64 kept as int32, a double kept as float32. The IR keeps true
// dtypes, so the value goes back to it.
Result<Tensor> widened(Tensor stored, DType declared, const Limits& limits, TensorAllocator& allocator) {
  if (stored.dtype() == declared || type_class(stored.dtype()) == TypeClass::kString || element_size(declared) == 0) return stored;
  MutableTensor out = TRY(MutableTensor::create(declared, stored.shape(), limits, allocator));
  constexpr int64_t kBlock = 4096;
  std::vector<double> reals(kBlock);
  std::vector<int64_t> integers(kBlock);
  std::vector<std::complex<double>> complexes(kBlock);
  for (int64_t first = 0; first < stored.elements(); first += kBlock) {
    const auto count = static_cast<size_t>(std::min(kBlock, stored.elements() - first));
    if (is_float(declared)) {
      load_doubles(stored, first, std::span(reals).first(count));
      store_doubles(out, first, std::span(reals).first(count));
    } else if (is_complex(declared)) {
      load_complex(stored, first, std::span(complexes).first(count));
      store_complex(out, first, std::span(complexes).first(count));
    } else {
      load_int64s(stored, first, std::span(integers).first(count));
      store_int64s(out, first, std::span(integers).first(count));
    }
  }
  return std::move(out).finish();
}

}  // namespace

Result<ir::Module> import_graph_model(const GraphModelDocument& document, const ImportOptions& options, const Limits& limits, TensorAllocator& allocator) {
  tf::GraphDef topology = document.topology;
  tf::GraphDef initializer = document.initializer.value_or(tf::GraphDef{});
  const auto signature = TRY(document.signature());
  const auto initializer_signature = TRY(document.initializer_signature());
  name_tables(topology);
  name_tables(initializer);
  TRY(rewrite_own_ops(topology));
  TRY(rewrite_own_ops(initializer));

  std::vector<tf::Feed> feeds;
  std::vector<tf::Fetch> fetches;
  if (signature) {
    for (const SignatureTensor& input : signature->inputs) {
      if (input.resource_id) {
        TRY(bind_resource_input(topology, initializer, input, initializer_signature.value_or(Signature{})));
        continue;
      }
      TensorType type;
      type.dtype = dtype_from_number(input.dtype).value_or(DType::kInvalid);
      if (input.shape) type.shape = *input.shape;
      if (auto declared = placeholder_shape(topology, input.name)) type.shape = *declared;
      feeds.push_back({input.key, input.name, type.dtype == DType::kInvalid ? std::optional<TensorType>() : type});
    }
    for (const SignatureTensor& output : signature->outputs) fetches.push_back({output.key, output.name});
  }
  if (!options.output_node_names.empty()) {
    fetches.clear();
    for (const std::string& name : options.output_node_names) fetches.push_back({name, name});
  }
  if (fetches.empty()) {
    std::set<std::string> used;
    for (const tf::NodeDef& node : topology.node())
      for (const std::string& input : node.input()) used.insert(tf::parse_tensor_name(input).node);
    for (const tf::NodeDef& node : topology.node())
      if (!used.contains(node.name()) && node.op() != "Const" && node.op() != "NoOp" && !node.op().starts_with("Placeholder"))
        fetches.push_back({node.name(), node.name()});
  }

  ir::Module module;
  const auto weights = [&](const std::string& name, DType declared) -> Result<Tensor> {
    return widened(TRY(document.weight(name, limits, allocator)), declared, limits, allocator);
  };
  const std::string key = options.signature.value_or("serving_default");
  std::vector<std::string> roots, fed;
  for (const tf::Feed& feed : feeds) fed.push_back(tf::parse_tensor_name(feed.tensor).node);
  for (const tf::Fetch& fetch : fetches) roots.push_back(tf::parse_tensor_name(fetch.tensor).node);
  TRY(in_context(tf::functionalize_control_flow(topology, roots, fed, limits), "turning TensorFlow 1 control flow into functions"));
  tf::GraphImporter importer(module, topology.library(), {}, limits);
  importer.set_weight_source(weights);
  ir::Function* function = TRY(importer.import_graph(topology, key, feeds, fetches, {}, feeds.empty()));
  module.signatures.push_back({key, function->name, document.structured_output_keys()});

  if (initializer.node_size() > 0) {
    std::vector<std::string> targets;
    for (const tf::NodeDef& node : initializer.node())
      if (node.op() != "Const") targets.push_back(node.name());
    tf::GraphImporter initial(module, initializer.library(), {}, limits);
    initial.set_weight_source(weights);
    TRY(in_context(initial.import_graph(initializer, "initialize", {}, {}, targets, false), "importing the initialiser"));
    module.initializers.push_back("initialize");
  }
  module.producer = std::string(document.text("generatedBy"));
  return module;
}

}  // namespace isomer::tfjs
