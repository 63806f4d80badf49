#include "conformance/recorded_case.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "formats/tfjs/graph_model_import.h"
#include "ops/registry.h"
#include "wire/base64.h"

namespace isomer {
namespace {

std::unexpected<Error> broken(std::string message) { return fail(ErrorCode::kMalformed, "the case is broken: " + std::move(message)); }

Result<const JsonValue*> member(const JsonValue& json, std::string_view key) {
  const JsonValue* found = json.find(key);
  if (!found) return broken("there is no '" + std::string(key) + "'");
  return found;
}

Result<std::string> text_member(const JsonValue& json, std::string_view key) {
  const JsonValue* found = TRY(member(json, key));
  if (!found->is_string()) return broken("'" + std::string(key) + "' is " + describe(*found));
  return found->text();
}

Result<const JsonValue::Array*> list_member(const JsonValue& json, std::string_view key) {
  const JsonValue* found = TRY(member(json, key));
  if (!found->is_array()) return broken("'" + std::string(key) + "' is " + describe(*found));
  return &found->items();
}

Result<DType> dtype_member(const JsonValue& json) {
  const std::string name = TRY(text_member(json, "dtype"));
  const auto dtype = dtype_from_string(name);
  if (!dtype) return broken("there is no dtype '" + name + "'");
  return *dtype;
}

Result<Shape> shape_member(const JsonValue& json) {
  Shape shape;
  for (const JsonValue& size : *TRY(list_member(json, "shape"))) {
    if (!size.is_integer()) return broken("a shape holds " + describe(size));
    shape.push_back(size.integer());
  }
  return shape;
}

Result<double> real(const JsonValue& value) {
  if (value.is_number()) return value.number();
  if (value == JsonValue("NaN")) return std::numeric_limits<double>::quiet_NaN();
  if (value == JsonValue("Infinity")) return std::numeric_limits<double>::infinity();
  if (value == JsonValue("-Infinity")) return -std::numeric_limits<double>::infinity();
  return broken("expected a number, found " + describe(value));
}

Result<Tensor> read_tensor(const JsonValue& json) {
  const DType dtype = TRY(dtype_member(json));
  Shape shape = TRY(shape_member(json));
  const JsonValue::Array& values = *TRY(list_member(json, "values"));
  const int64_t expected = element_count_of(shape) * (is_complex(dtype) ? 2 : 1);
  if (expected != static_cast<int64_t>(values.size())) return broken("a tensor of " + to_string(shape) + " has " + std::to_string(values.size()) + " values");
  if (dtype == DType::kString) {
    const bool base64 = json.find("encoding") != nullptr;
    std::vector<std::string> strings;
    for (const JsonValue& value : values) {
      if (!value.is_string()) return broken("expected a string, found " + describe(value));
      const auto decoded = base64 ? base64_decode(value.text()) : value.text();
      if (!decoded) return broken("'" + value.text() + "' is not base64");
      strings.push_back(*decoded);
    }
    return Tensor::from_strings(std::move(shape), strings);
  }
  MutableTensor tensor = TRY(MutableTensor::create(dtype, std::move(shape), Limits()));
  for (size_t i = 0; i < values.size(); ++i) {
    if (dtype == DType::kFloat32 || dtype == DType::kComplex64) {
      tensor.as<float>()[i] = static_cast<float>(TRY(real(values[i])));
    } else if (dtype == DType::kInt32) {
      if (!values[i].is_integer()) return broken("expected an integer, found " + describe(values[i]));
      tensor.as<int32_t>()[i] = static_cast<int32_t>(values[i].integer());
    } else if (dtype == DType::kBool) {
      if (!values[i].is_bool()) return broken("expected true or false, found " + describe(values[i]));
      tensor.as<uint8_t>()[i] = values[i].boolean();
    } else {
      return broken("tensors of dtype " + std::string(to_string(dtype)) + " are not recorded");
    }
  }
  return std::move(tensor).finish();
}

// The port of the recorded signature with this key; null when there is none.
const JsonValue* find_port(const JsonValue& json, std::string_view side, const std::string& key) {
  const JsonValue* signature = json.find("signature");
  const JsonValue* ports = signature ? signature->find(side) : nullptr;
  return ports ? ports->find(key) : nullptr;
}

// A resource is bound by the initialiser's signature; what is recorded for it stands for its handle.
bool is_resource(const JsonValue* port) { return port && port->find("resourceId"); }

// The operand of an op at a position, as far as the position alone tells which it is.
const ir::Operand* operand_at(const std::vector<ir::Operand>& operands, size_t position) {
  const auto end = operands.begin() + static_cast<ptrdiff_t>(std::min(position + 1, operands.size()));
  if (position >= operands.size() || std::any_of(operands.begin(), end, [](const ir::Operand& o) { return o.variadic(); })) return nullptr;
  return &operands[position];
}

// TensorFlow.js has no int64, so operands that TensorFlow wants as int64 are recorded as int32.
DType dtype_in_tensorflow(const ir::OpDef* op, size_t position, DType recorded) {
  const ir::Operand* operand = op ? operand_at(ir::signature_of(*op).inputs, position) : nullptr;
  return operand && operand->fixed == DType::kInt64 && recorded == DType::kInt32 ? DType::kInt64 : recorded;
}

JsonValue type_attribute(DType dtype) {
  JsonValue attribute = JsonValue::object();
  attribute["type"] = JsonValue(tensorflow_name(dtype));
  return attribute;
}

JsonValue shape_json(const Shape& shape) {
  JsonValue::Array dims;
  for (const int64_t size : shape) {
    JsonValue dim = JsonValue::object();
    dim["size"] = JsonValue(std::to_string(size));
    dims.push_back(std::move(dim));
  }
  JsonValue json = JsonValue::object();
  json["dim"] = JsonValue(std::move(dims));
  return json;
}

JsonValue node_json(const std::string& name, const std::string& op, JsonValue attributes) {
  JsonValue node = JsonValue::object();
  node["name"] = JsonValue(name);
  node["op"] = JsonValue(op);
  node["attr"] = std::move(attributes);
  return node;
}

JsonValue const_node(const std::string& name, DType dtype, const Shape& shape) {
  JsonValue tensor = JsonValue::object();
  tensor["dtype"] = JsonValue(tensorflow_name(dtype));
  tensor["tensorShape"] = shape_json(shape);
  JsonValue value = JsonValue::object(), attributes = JsonValue::object();
  value["tensor"] = std::move(tensor);
  attributes["dtype"] = type_attribute(dtype);
  attributes["value"] = std::move(value);
  return node_json(name, "Const", std::move(attributes));
}

JsonValue placeholder_node(const std::string& name, DType dtype, const Shape& shape, Shapes shapes) {
  JsonValue attributes = JsonValue::object(), value = JsonValue::object();
  attributes["dtype"] = type_attribute(dtype);
  value["shape"] = shape_json(shape);
  if (shapes == Shapes::kUnknown) value["shape"]["unknownRank"] = JsonValue(true);
  if (shapes == Shapes::kUnknown) value["shape"].erase("dim");
  attributes["shape"] = std::move(value);
  return node_json(name, "Placeholder", std::move(attributes));
}

// As a weight file holds it: strings each behind their length, everything else as it lies in memory.
tfjs::WeightEntry weight(const std::string& name, const Tensor& value) {
  tfjs::WeightEntry entry;
  entry.name = name;
  entry.shape = value.shape();
  entry.dtype = to_string(value.dtype());
  if (value.dtype() != DType::kString) {
    entry.pieces.push_back(value.bytes());
    return entry;
  }
  std::string stored;
  for (int64_t i = 0; i < value.elements(); ++i) {
    const auto length = static_cast<uint32_t>(value.string_at(i).size());
    char prefix[sizeof(length)];
    std::memcpy(prefix, &length, sizeof(length));
    stored.append(prefix, sizeof(length)).append(value.string_at(i));
  }
  entry.pieces.push_back(Bytes::from_string(std::move(stored)));
  return entry;
}

void add_port(JsonValue& signature, std::string_view side, const std::string& key, JsonValue port) { signature[side][key] = std::move(port); }

JsonValue port_json(const std::string& tensor, std::optional<DType> dtype) {
  JsonValue port = JsonValue::object();
  port["name"] = JsonValue(tensor);
  if (dtype) port["dtype"] = JsonValue(tensorflow_name(*dtype));
  return port;
}

JsonValue empty_signature() {
  JsonValue signature = JsonValue::object();
  signature["inputs"] = JsonValue::object();
  signature["outputs"] = JsonValue::object();
  return signature;
}

// What the recording does not mark, but TensorFlow 2.19 was seen to do otherwise; empty for all else.
std::string unmarked_divergence(const std::string& op, const JsonValue::Array& inputs) {
  const JsonValue* values = inputs.empty() ? nullptr : inputs[0].find("values");
  const JsonValue* shape = inputs.empty() ? nullptr : inputs[0].find("shape");
  if (!values || !values->is_array() || !shape || !shape->is_array()) return {};
  const auto& items = values->items();
  if ((op == "Unique" || op == "UniqueV2") && std::count(items.begin(), items.end(), JsonValue("NaN")) > 1) {
    return "not marked: in TensorFlow each NaN is a value of its own, in tfjs all are one";
  }
  const JsonValue* updates = inputs.size() > 1 ? inputs[1].find("shape") : nullptr;
  const JsonValue* result = inputs.size() > 2 ? inputs[2].find("shape") : nullptr;
  if (op == "ScatterNd" && shape->items().size() == 1 && updates && *updates == *shape && result && *result == JsonValue(JsonValue::Array{JsonValue(1)}))
    return "not marked: TensorFlow takes a vector of indices as one index and refuses the updates, tfjs as several";
  return {};
}

// Ops of which --tfjs-compat claims to reproduce the recorded divergence. The other divergences are of shapes and dtypes, which an importer of TensorFlow
// graphs fixes before anything runs.
constexpr std::string_view kCompatible[] = {"Div", "FakeQuantWithMinMaxVars", "Mod", "Sign"};

Result<std::vector<ExpectedOutput>> read_outputs(const JsonValue& json, std::string_view key, const std::string& op_name, bool with_values) {
  const bool is_graph = json.find("graph") != nullptr;
  const ir::OpDef* op = ops::find_op(op_name);
  const JsonValue::Array& recorded = *TRY(list_member(json, key));
  std::vector<ExpectedOutput> outputs;
  for (size_t i = 0; i < recorded.size(); ++i) {
    ExpectedOutput expected;
    expected.dtype = TRY(dtype_member(recorded[i]));
    expected.shape = TRY(shape_member(recorded[i]));
    if (with_values) expected.value = TRY(read_tensor(recorded[i]));
    const ir::Operand* operand = op && !is_graph ? operand_at(ir::signature_of(*op).outputs, i) : nullptr;
    expected.may_be_int64 = is_graph || (operand && operand->fixed == DType::kInt64);
    outputs.push_back(std::move(expected));
  }
  return outputs;
}

Result<ir::Module> import_document(tfjs::GraphModelDocument document, const JsonValue& topology, const JsonValue* initializer, JsonValue signature) {
  const Limits limits;
  document.path = "the case";
  if (!document.json.is_object()) document.json = JsonValue::object();
  document.json["signature"] = std::move(signature);
  document.topology = TRY(tf::graph_def_from_json(topology, limits));
  if (initializer) document.initializer = TRY(tf::graph_def_from_json(*initializer, limits));
  TRY(document.weights.index());
  return tfjs::import_graph_model(document, {}, limits, heap_allocator());
}

Result<ir::Module> import_op_case(const JsonValue& json, Shapes shapes) {
  const std::string op_name = TRY(text_member(json, "op"));
  const ir::OpDef* op = ops::find_op(op_name);
  const JsonValue::Array& constants = *TRY(list_member(json, "const_inputs"));
  tfjs::GraphModelDocument document;
  JsonValue signature = empty_signature();
  JsonValue::Array nodes, names;
  const JsonValue::Array& inputs = *TRY(list_member(json, "inputs"));
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor value = TRY(read_tensor(inputs[i]));
    const std::string name = "x" + std::to_string(i);
    const DType dtype = dtype_in_tensorflow(op, i, value.dtype());
    names.emplace_back(name);
    if (std::find(constants.begin(), constants.end(), JsonValue(static_cast<int64_t>(i))) != constants.end()) {
      document.weights.entries.push_back(weight(name, value));
      nodes.push_back(const_node(name, dtype, value.shape()));
    } else {
      nodes.push_back(placeholder_node(name, dtype, value.shape(), shapes));
      add_port(signature, "inputs", name, port_json(name + ":0", std::nullopt));
    }
  }
  JsonValue node = node_json("op", op_name, *TRY(member(json, "attr")));
  node["input"] = JsonValue(std::move(names));
  nodes.push_back(std::move(node));
  const size_t ports = TRY(list_member(json, "outputs"))->size();
  for (size_t i = 0; i < ports; ++i) add_port(signature, "outputs", "y" + std::to_string(i), port_json("op:" + std::to_string(i), std::nullopt));
  JsonValue topology = JsonValue::object();
  topology["node"] = JsonValue(std::move(nodes));
  return import_document(std::move(document), topology, nullptr, std::move(signature));
}

// Constants that their users want as int64, declared as that; see dtype_in_tensorflow.
JsonValue with_wide_constants(JsonValue graph) {
  JsonValue* nodes = graph.find("node");
  if (!nodes || !nodes->is_array()) return graph;
  std::set<std::string> wide;
  for (const JsonValue& node : nodes->items()) {
    const JsonValue *name = node.find("op"), *inputs = node.find("input");
    if (!name || !name->is_string() || !inputs || !inputs->is_array()) continue;
    const ir::OpDef* op = ops::find_op(name->text());
    for (size_t i = 0; i < inputs->items().size(); ++i) {
      const JsonValue& input = inputs->items()[i];
      if (input.is_string() && dtype_in_tensorflow(op, i, DType::kInt32) == DType::kInt64) wide.insert(input.text());
    }
  }
  for (JsonValue& node : nodes->items()) {
    const JsonValue *name = node.find("name"), *op = node.find("op");
    JsonValue* attributes = node.find("attr");
    if (!name || !name->is_string() || !wide.contains(name->text()) || !op || *op != JsonValue("Const") || !attributes) continue;
    (*attributes)["dtype"] = type_attribute(DType::kInt64);
    (*attributes)["value"]["tensor"]["dtype"] = JsonValue(tensorflow_name(DType::kInt64));
  }
  return graph;
}

Result<ir::Module> import_graph_case(const JsonValue& json) {
  tfjs::GraphModelDocument document;
  for (const JsonValue& recorded : *TRY(list_member(json, "weights"))) {
    const std::string name = TRY(text_member(recorded, "name"));
    document.weights.entries.push_back(weight(name, TRY(read_tensor(recorded))));
  }
  // The names given are keys of the recorded signature, or nodes.
  JsonValue signature = empty_signature();
  for (const JsonValue& input : *TRY(list_member(json, "inputs"))) {
    const std::string name = TRY(text_member(input, "name"));
    const JsonValue* recorded = find_port(json, "inputs", name);
    if (is_resource(recorded)) {
      add_port(signature, "inputs", name, *recorded);
    } else {
      add_port(signature, "inputs", name, port_json(recorded ? TRY(text_member(*recorded, "name")) : name, TRY(dtype_member(input))));
    }
  }
  for (const JsonValue& name : *TRY(list_member(json, "output_names"))) {
    if (!name.is_string()) return broken("an output name is " + describe(name));
    const JsonValue* recorded = find_port(json, "outputs", name.text());
    add_port(signature, "outputs", name.text(), port_json(recorded ? TRY(text_member(*recorded, "name")) : name.text(), std::nullopt));
  }
  document.json = JsonValue::object();
  if (const JsonValue* made = json.find("initializer_signature")) document.json["initializerSignature"] = *made;
  return import_document(std::move(document), with_wide_constants(*TRY(member(json, "graph"))), json.find("initializer"), std::move(signature));
}

}  // namespace

bool close(double expected, double actual) {
  if (std::isnan(expected) || std::isnan(actual)) return std::isnan(expected) && std::isnan(actual);
  if (std::isinf(expected) || std::isinf(actual)) return expected == actual;
  return std::fabs(actual - expected) <= 1e-5 + 1e-4 * std::fabs(expected);
}

Result<Tensor> read_recorded_tensor(const JsonValue& json) { return read_tensor(json); }

Result<RecordedCase> read_case(const JsonValue& json) {
  RecordedCase c;
  c.id = TRY(text_member(json, "id"));
  c.op = TRY(text_member(json, "op"));
  const bool is_graph = json.find("graph") != nullptr;
  const JsonValue* divergent = json.find("divergent");
  const bool corrected = divergent && json.find("tf_outputs");
  if (divergent && !corrected) c.skip = divergent->is_string() ? divergent->text() : describe(*divergent);
  if (!divergent) c.skip = unmarked_divergence(c.op, *TRY(list_member(json, "inputs")));
  const JsonValue* check = json.find("check");
  if (check && *check != JsonValue("shape")) return broken("nobody knows the check " + describe(*check));
  const JsonValue::Array& inputs = *TRY(list_member(json, "inputs"));
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::string name = is_graph ? TRY(text_member(inputs[i], "name")) : "x" + std::to_string(i);
    if (is_resource(find_port(json, "inputs", name))) continue;
    const JsonValue* constants = json.find("const_inputs");
    if (constants && constants->is_array() &&
        std::find(constants->items().begin(), constants->items().end(), JsonValue(static_cast<int64_t>(i))) != constants->items().end()) {
      continue;
    }
    Tensor value = TRY(read_tensor(inputs[i]));
    c.inputs.push_back({name, std::move(value)});
  }
  if (c.skip.empty()) c.outputs = TRY(read_outputs(json, corrected ? "tf_outputs" : "outputs", c.op, !check));
  const bool claimed = divergent && std::find(std::begin(kCompatible), std::end(kCompatible), c.op) != std::end(kCompatible);
  if (claimed) c.tfjs_outputs = TRY(read_outputs(json, "outputs", c.op, !check));
  return c;
}

Result<ir::Module> import_case(const JsonValue& json, Shapes shapes) { return json.find("graph") ? import_graph_case(json) : import_op_case(json, shapes); }

}  // namespace isomer
