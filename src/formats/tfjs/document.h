// GraphModelDocument: a TensorFlow.js graph model (model.json and weight files) as it lies on disk, nothing dropped and no meaning added.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/tf/message_json.h"
#include "formats/tf/schema/tensorflow.pb.h"
#include "formats/tfjs/manifest.h"
#include "tensor/shape.h"

namespace isomer::tfjs {

// A member that is there and not null; nullptr otherwise.
const JsonValue* present(const JsonValue* json);

// The JSON file of a model: the path itself, or model.json, or the only .json file of the folder.
Result<std::string> find_model_json(const std::string& path);

struct SignatureTensor {
  std::string key;
  std::string name;                     // "node:0", "node"; the key where the file says nothing
  tf::DataType dtype = tf::DT_INVALID;  // DT_INVALID: not said (frozen graphs)
  std::optional<PartialShape> shape;    // not said (frozen graphs)
  std::optional<int64_t> resource_id;   // equal to that of an initializerSignature output: the table or variable it makes
};

// Order is the order of predict()'s inputs and outputs.
struct Signature {
  std::vector<SignatureTensor> inputs;
  std::vector<SignatureTensor> outputs;
};
Result<Signature> signature_from_json(const JsonValue& json);
JsonValue to_json(const Signature& signature);

struct GraphModelDocument {
  std::string path;  // of model.json, for messages

  // The file's object with its members in order. "modelTopology", "modelInitializer" and "weightsManifest" stand there as null: they follow.
  JsonValue json;
  tf::GraphDef topology;  // Const nodes have dtype and shape; their elements are the weights of the same name
  tf::UnknownMembers topology_unknown;
  std::optional<tf::GraphDef> initializer;
  tf::UnknownMembers initializer_unknown;
  WeightManifest weights;

  // What tf.js uses: userDefinedMetadata.signature, else signature; nullopt when there is neither.
  Result<std::optional<Signature>> signature() const;
  Result<std::optional<Signature>> initializer_signature() const;
  // userDefinedMetadata.structuredOutputKeys: the name of each output in the structure that predict() returns; empty when not said.
  std::vector<std::string> structured_output_keys() const;
  std::string_view text(std::string_view key) const;  // "generatedBy", "convertedBy"; empty when absent or no string

  // The weight of this name, dequantised. NotFound when there is none.
  Result<Tensor> weight(std::string_view name, const Limits& limits, TensorAllocator& allocator = heap_allocator()) const;
};

// `path` is a folder with a model.json (or one other .json file) or such a file itself, whatever its name; gzip-compressed ones are unpacked. Reads every
// variant that docs/formats/tfjs_graph.md lists. A layers model is refused (Unsupported): it has a reader of its own.
Result<GraphModelDocument> read_graph_model(const std::string& path, const Limits& limits = {});

}  // namespace isomer::tfjs
