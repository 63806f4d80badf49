#include "formats/tfjs/document.h"

#include <array>

#include "base/mapped_file.h"
#include "wire/gzip.h"

namespace isomer::tfjs {
namespace {

std::string folder_of(const std::string& file) {
  const size_t slash = file.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : file.substr(0, slash);
}

// A graph model's modelTopology holds nodes; that of a layers model holds a Keras configuration.
Result<void> refuse_layers_model(const JsonValue& json) {
  const JsonValue* format = json.find("format");
  const JsonValue* topology = json.find("modelTopology");
  const bool says_layers = format && format->is_string() && format->text() == "layers-model";
  const bool keras =
      topology && (topology->find("model_config") || topology->find("class_name") || topology->find("keras_version") || topology->find("layers"));
  if (!says_layers && !keras) return {};
  return fail(Error{ErrorCode::kUnsupported, "this is a TensorFlow.js layers model, not a graph model", "modelTopology", {}, {}});
}

Result<std::vector<SignatureTensor>> read_side(const JsonValue& json, std::string_view side) {
  std::vector<SignatureTensor> tensors;
  const JsonValue* entries = json.find(side);
  if (!entries || entries->is_null()) return tensors;
  if (!entries->is_object())
    return fail(Error{ErrorCode::kMalformed, "expected an object, found " + describe(*entries), "signature." + std::string(side), {}, {}});
  for (const JsonMember& member : entries->members()) {
    tf::TensorInfo info;
    tf::UnknownMembers unknown;
    TRY(tf::message_from_json(member.value, info, "signature." + std::string(side) + "." + member.key, &unknown));
    SignatureTensor& tensor = tensors.emplace_back();
    tensor.key = member.key;
    tensor.name = info.name().empty() ? member.key : info.name();
    tensor.dtype = info.dtype();
    if (info.has_tensor_shape()) {
      std::vector<int64_t> dims;
      for (const auto& dim : info.tensor_shape().dim()) dims.push_back(dim.size() < 0 ? kUnknownDim : dim.size());
      tensor.shape = info.tensor_shape().unknown_rank() ? PartialShape::unknown() : PartialShape(std::move(dims));
    }
    const JsonValue* resource = member.value.find("resourceId");
    if (resource && !resource->is_null()) tensor.resource_id = resource->as_int64();
  }
  return tensors;
}

JsonValue side_to_json(const std::vector<SignatureTensor>& tensors) {
  JsonValue side = JsonValue::object();
  for (const SignatureTensor& tensor : tensors) {
    JsonValue entry = JsonValue::object();
    entry["name"] = JsonValue(tensor.name);
    if (tensor.dtype != tf::DT_INVALID)
      entry["dtype"] = tf::DataType_IsValid(tensor.dtype) ? JsonValue(tf::DataType_Name(tensor.dtype)) : JsonValue(int{tensor.dtype});
    if (tensor.shape) {
      JsonValue shape = JsonValue::object();
      if (!tensor.shape->has_rank()) {
        shape["unknownRank"] = JsonValue(true);
      } else if (tensor.shape->rank() > 0) {
        JsonValue dims = JsonValue::array();
        for (const int64_t size : tensor.shape->dims()) {
          JsonValue dim = JsonValue::object();
          dim["size"] = JsonValue(std::to_string(size));
          dims.items().push_back(std::move(dim));
        }
        shape["dim"] = std::move(dims);
      }
      entry["tensorShape"] = std::move(shape);
    }
    if (tensor.resource_id) entry["resourceId"] = JsonValue(*tensor.resource_id);
    side.members().push_back({tensor.key, std::move(entry)});
  }
  return side;
}

Result<std::optional<Signature>> optional_signature(const JsonValue* json) {
  if (!present(json)) return std::nullopt;
  return TRY(signature_from_json(*json));
}

// Moves the graph out of the file's object and leaves null in its place.
Result<bool> take_graph(JsonValue& json, std::string_view key, tf::GraphDefReader& reader) {
  JsonValue* found = json.find(key);
  if (!present(found)) return false;
  TRY(reader.finish(*found));
  *found = JsonValue();
  return true;
}

}  // namespace

const JsonValue* present(const JsonValue* json) { return json && !json->is_null() ? json : nullptr; }

Result<std::string> find_model_json(const std::string& path) {
  if (!is_directory(path)) return path;
  const std::string usual = path + "/model.json";
  if (is_regular_file(usual)) return usual;
  std::vector<std::string> candidates;
  for (const std::string& name : TRY(list_directory(path))) {
    if (name.ends_with(".json")) candidates.push_back(name);
  }
  if (candidates.size() == 1) return path + "/" + candidates.front();
  return fail(Error{ErrorCode::kNotFound, "found no model.json", path, {}, candidates.empty() ? "" : "name the JSON file of the model itself"});
}

Result<Signature> signature_from_json(const JsonValue& json) {
  if (!json.is_object()) return fail(Error{ErrorCode::kMalformed, "expected an object, found " + describe(json), "signature", {}, {}});
  Signature signature;
  signature.inputs = TRY(read_side(json, "inputs"));
  signature.outputs = TRY(read_side(json, "outputs"));
  return signature;
}

JsonValue to_json(const Signature& signature) {
  JsonValue json = JsonValue::object();
  if (!signature.inputs.empty()) json["inputs"] = side_to_json(signature.inputs);
  if (!signature.outputs.empty()) json["outputs"] = side_to_json(signature.outputs);
  return json;
}

Result<std::optional<Signature>> GraphModelDocument::signature() const {
  const JsonValue* metadata = json.find("userDefinedMetadata");
  const JsonValue* overriding = metadata ? present(metadata->find("signature")) : nullptr;
  return in_context(optional_signature(overriding ? overriding : json.find("signature")), "reading the signature of " + path);
}

Result<std::optional<Signature>> GraphModelDocument::initializer_signature() const {
  return in_context(optional_signature(json.find("initializerSignature")), "reading the initializer's signature of " + path);
}

std::vector<std::string> GraphModelDocument::structured_output_keys() const {
  std::vector<std::string> keys;
  const JsonValue* metadata = json.find("userDefinedMetadata");
  const JsonValue* found = metadata ? metadata->find("structuredOutputKeys") : nullptr;
  if (!found || !found->is_array()) return keys;
  for (const JsonValue& key : found->items()) {
    if (key.is_string()) keys.push_back(key.text());
  }
  return keys;
}

std::string_view GraphModelDocument::text(std::string_view key) const {
  const JsonValue* found = json.find(key);
  return found && found->is_string() ? std::string_view(found->text()) : std::string_view();
}

Result<Tensor> GraphModelDocument::weight(std::string_view name, const Limits& limits, TensorAllocator& allocator) const {
  const WeightEntry* entry = weights.find(name);
  if (!entry) return fail(Error{ErrorCode::kNotFound, "there is no weight \"" + std::string(name) + "\"", path, {}, {}});
  return decode_weight(*entry, limits, allocator);
}

Result<GraphModelDocument> read_graph_model(const std::string& path, const Limits& limits) {
  GraphModelDocument document;
  document.path = TRY(find_model_json(path));
  const auto in_file = [&](auto result) { return in_context(std::move(result), "reading " + document.path); };
  Bytes file = TRY(map_file(document.path));
  if (is_gzip(file)) file = TRY(in_file(gunzip(file, limits)));

  tf::GraphDefReader topology("modelTopology", limits), initializer("modelInitializer", limits);
  std::vector<JsonStream> streams = topology.streams();
  for (JsonStream& stream : initializer.streams()) streams.push_back(std::move(stream));
  document.json = TRY(in_file(read_json(file.text(), limits, streams)));
  file.release_pages();
  if (!document.json.is_object()) return fail(Error{ErrorCode::kMalformed, "expected an object, found " + describe(document.json), document.path, {}, {}});
  TRY(in_file(refuse_layers_model(document.json)));

  if (!TRY(in_file(take_graph(document.json, "modelTopology", topology))) || topology.graph.node_size() == 0) {
    return fail(Error{ErrorCode::kInvalidModel, "expected modelTopology to hold the nodes of a graph, found none", document.path, {}, {}});
  }
  document.topology.Swap(&topology.graph);
  document.topology_unknown = std::move(topology.unknown);
  if (TRY(in_file(take_graph(document.json, "modelInitializer", initializer)))) {
    document.initializer.emplace().Swap(&initializer.graph);
    document.initializer_unknown = std::move(initializer.unknown);
  }

  JsonValue* manifest = document.json.find("weightsManifest");
  if (!present(manifest)) return fail(Error{ErrorCode::kInvalidModel, "there is no weightsManifest", document.path, {}, {}});
  document.weights = TRY(in_file(read_weight_manifest(*manifest, folder_of(document.path), limits)));
  *manifest = JsonValue();
  return document;
}

}  // namespace isomer::tfjs
