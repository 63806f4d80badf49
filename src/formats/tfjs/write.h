// Writing graph models: model.json and its weight files, all at once or not at all.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "formats/tfjs/document.h"
#include "formats/tfjs/weight_writer.h"

namespace isomer::tfjs {

struct OutputWeight {
  std::string name;  // of its Const node
  Tensor value;      // any numeric dtype, bool or string; the codes where it is quantised
  std::optional<WeightQuantization> quantization;
};

// A graph model about to be written.
struct GraphModelOutput {
  tf::GraphDef topology;  // values of Const nodes are not looked at, only their dtype and shape
  Signature signature;
  std::optional<tf::GraphDef> initializer;
  std::optional<Signature> initializer_signature;
  std::vector<OutputWeight> weights;  // one for each Const node of topology, its functions and initializer, in the order of the file
  JsonValue user_metadata;            // null: none
  std::string generated_by;           // the version of TensorFlow that made the source
  std::string converted_by;
};

struct WriteOptions {
  int64_t weight_shard_size_bytes = kDefaultShardBytes;
  NarrowOptions narrow;
  // Called with the folder's temporary path when all files are written; an error means that nothing is kept.
  std::function<Result<void>(const std::string& partial)> before_commit;
};

struct WriteReport {
  int64_t weight_bytes = 0;
  std::vector<std::string> files;  // relative to the folder, model.json last
  std::vector<NarrowedWeight> narrowed;
};

// Which files of the folder `directory` belong to a model that is being replaced: those with the usual names, and what its own manifest names.
AtomicDirectory::IsModelFile model_files_of(const std::string& directory);

// One weight of a manifest; the bytes that it takes (InvalidArgument for weights that tf.js cannot hold); its bytes, narrowed where tf.js has nothing as wide.
JsonValue entry_json(const OutputWeight& weight);
Result<int64_t> bytes_of(const OutputWeight& weight);
Result<void> append_output_weight(ShardWriter& shards, const OutputWeight& weight, const WriteOptions& options, WriteReport& report);

// One group of a manifest.
void write_group(JsonWriter& json, const std::vector<std::string>& paths, const JsonValue::Array& weights, const JsonValue& other);

// Writes the folder `directory`, replacing a model that is there. Memory: a block of one tensor and the buffers of the files.
// Errors: InvalidModel when weights and Const nodes do not match, InvalidArgument for weights that tf.js cannot hold.
Result<WriteReport> write_graph_model(const GraphModelOutput& model, const std::string& directory, const WriteOptions& options = {});

// Writes a document back with its weights, quantised ones too, bit for bit, in shards of the given size; everything else as it is.
Result<WriteReport> rewrite_graph_model(const GraphModelDocument& document, const std::string& directory, const WriteOptions& options = {});

}  // namespace isomer::tfjs
