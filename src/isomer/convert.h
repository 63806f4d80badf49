// Converting a model from one format to another, with proof.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/progress.h"
#include "formats/tfjs/quantize.h"
#include "isomer/auto_quantize.h"
#include "isomer/compare.h"
#include "isomer/inputs.h"
#include "isomer/load.h"

namespace isomer {

struct ConvertOptions {
  LoadOptions load;
  Format output_format = Format::kGraphModel;
  int64_t weight_shard_size_bytes = 4 * 1024 * 1024;
  bool strip_debug_ops = true;
  bool skip_op_check = false;
  bool structured_outputs_names = false;
  std::vector<std::pair<std::string, std::string>> metadata;  // key, path of a JSON file
  // A graph model is written again as it is (quantised weights, unknown members and all) unless this is set, or a signature or output nodes are named:
  // then it goes through the IR and is optimised like any other source.
  bool through_ir = false;
  bool optimize = true;                            // fewer nodes and weights that compute the same
  std::optional<std::vector<std::string>> passes;  // these passes in place of those that `optimize` runs
  std::function<void(std::string_view pass, const ir::Module&)> after_each_pass;
  std::vector<tfjs::QuantizeRequest> quantize;  // which weights are stored smaller
  std::optional<double> max_error;              // each weight as small as this error of the outputs allows (isomer/auto_quantize.h), in place of `quantize`
  bool dequantize = false;                      // first store quantised weights of a graph model as float32
  // Of models of layers that are written as such.
  bool split_weights_by_layer = false;      // each layer's weights in files of their own
  bool rewrite_unsupported_layers = false;  // layers that the target lacks become others that compute the same, where there are such
  bool source_config = true;                // the source's own configuration goes into userDefinedMetadata of a layers model
  bool verify = false;
  InputRequest verify_inputs;  // for `verify` and `max_error`; what is not given is drawn at random
  uint64_t seed = 0;
  Tolerance tolerance;
  Progress* progress = nullptr;
};

struct ConvertReport {
  Recognised source;
  std::string signature;
  bool rewritten = false;  // written again without going through the IR
  bool layers = false;     // from layers to layers
  int64_t nodes_read = 0, nodes_written = 0;
  int64_t weights = 0, weight_bytes = 0;
  std::vector<std::string> files;
  int64_t bytes_written = 0;
  std::optional<AutoQuantizeReport> quantization;  // with `max_error`
  std::vector<std::string> notes;                  // what a user should know: narrowed dtypes, control flow that needs executeAsync, ...
  std::optional<Comparison> comparison;
};

// Why predict() will not run the model in tf.js and what will; nothing where predict() does.
std::optional<std::string> needs_async(const ir::Module& module);

// Converts INPUT into OUTPUT. Nothing is left at OUTPUT when it fails (a model that was there stays). With `verify` the result is read back from disk and
// run beside the source; a difference beyond the tolerance is an InvalidModel error, and nothing is left.
Result<ConvertReport> convert_model(const std::string& input, const std::string& output, const ConvertOptions& options);

}  // namespace isomer
