// TensorFlow's messages as JSON, the way graph models hold them (protobuf's JSON mapping), in both directions.
//
// Written: lowerCamelCase names; fields in order of their numbers; defaults left out except members of a oneof; 64-bit integers as decimal
// strings, bytes as base64, enums by name. Beyond that mapping, three things are always there because tf.js's loader looks at them without
// asking: a GraphDef's `versions`, a function signature's `inputArg` and `outputArg`, and the `size` of a dimension (left out, tf.js reads a
// dimension of size 0 as not a number).
//
// Read: also snake_case names, enums as numbers, numbers as strings and the reverse, bytes as arrays of character codes, null for absent, every
// repeated field present but empty.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/limits.h"
#include "formats/tf/schema/tensorflow.pb.h"
#include "wire/json.h"

namespace isomer::tf {

// Members that the schema has no field for, by the path of the message that holds them ("node[3]", "library"; the GraphDef itself is ""), so
// that a document that is written back loses nothing. Paths count nodes: whoever adds, removes or reorders nodes drops the entries of "node[".
using UnknownMembers = std::unordered_map<std::string, JsonValue::Object>;

// Does the field stand for a map? The schema spells maps as repeated key/value entries; in JSON they are objects.
bool is_map_field(const google::protobuf::FieldDescriptor* field);

// Fills an empty message. Errors are Malformed or InvalidModel with the path of the value. Unknown members are ignored where `unknown` is null.
Result<void> message_from_json(const JsonValue& json, google::protobuf::Message& message, const std::string& path, UnknownMembers* unknown);

// A GraphDef that is read node by node, so that no node's JSON outlives it:
//   GraphDefReader reader("modelTopology", limits);
//   auto streams = reader.streams();                  // for read_json on the text that holds the graph at that path
//   ... reader.finish(*json.find("modelTopology"))    // everything else of the graph
class GraphDefReader {
 public:
  GraphDefReader(std::string path, const Limits& limits) : path_(std::move(path)), limits_(limits) {}
  GraphDefReader(const GraphDefReader&) = delete;
  std::vector<JsonStream> streams();  // they refer to this reader
  Result<void> finish(const JsonValue& json);

  GraphDef graph;
  UnknownMembers unknown;

 private:
  Result<void> take_node(const JsonValue& json);
  Result<void> take_function_node(const JsonValue& json);
  Result<void> take_function(const JsonValue& json);
  Result<void> read_into(const JsonValue& json, google::protobuf::Message& message, const std::string& path);

  std::string path_;
  const Limits& limits_;
  FunctionDef pending_;  // the nodes of the function that is being read
  int64_t nodes_ = 0;
  int64_t bytes_ = 0;
};

// The same for a JSON value that is already in memory.
Result<GraphDef> graph_def_from_json(const JsonValue& json, const Limits& limits, UnknownMembers* unknown = nullptr);

struct GraphDefJsonOptions {
  // Const nodes get the dtype and shape of their value only; the elements are in the weight files.
  bool strip_const_values = true;
  const UnknownMembers* unknown = nullptr;
};
void write_graph_def_json(JsonWriter& writer, const GraphDef& graph, const GraphDefJsonOptions& options = {});
// Any other message of the schema.
void write_message_json(JsonWriter& writer, const google::protobuf::Message& message);

}  // namespace isomer::tf
