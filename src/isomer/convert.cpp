#include "isomer/convert.h"

#include <algorithm>
#include <set>

#include "base/mapped_file.h"
#include "formats/tfjs/graph_model_export.h"
#include "formats/tfjs/graph_model_import.h"
#include "passes/pipelines.h"
#include "tensor/spill.h"
#include "wire/json.h"

namespace isomer {
namespace {

void report(const ConvertOptions& options, std::string_view stage) {
  if (options.progress) options.progress->stage(stage);
}

int64_t count_nodes(const ir::Module& module) {
  int64_t count = 0;
  for (const auto& function : module.functions()) count += function->graph.live_count();
  return count;
}

Result<std::vector<std::pair<std::string, JsonValue>>> read_metadata(const ConvertOptions& options) {
  std::vector<std::pair<std::string, JsonValue>> metadata;
  for (const auto& [key, path] : options.metadata) {
    const std::string text = TRY(in_context(read_small_file(path, 64 << 20), "reading the metadata '" + key + "'"));
    metadata.emplace_back(key, TRY(in_context(read_json(text, options.load.limits), "reading the metadata '" + key + "' from " + path)));
  }
  return metadata;
}

// Ops that make predict() impossible: tf.js runs them only through executeAsync().
std::optional<std::string> needs_async(const ir::Module& module) {
  static constexpr std::string_view kAsync[] = {"StatelessIf",         "StatelessWhile",      "Where",         "NonMaxSuppressionV2", "NonMaxSuppressionV3",
                                                "NonMaxSuppressionV4", "NonMaxSuppressionV5", "HashTableV2",   "LookupTableFindV2",   "ListDiff"};
  std::set<std::string> found;
  for (const auto& function : module.functions())
    for (const ir::NodeId id : function->graph.live_nodes())
      if (const auto name = function->graph.node(id).op->name; std::find(std::begin(kAsync), std::end(kAsync), name) != std::end(kAsync)) found.insert(std::string(name));
  if (found.empty()) return std::nullopt;
  std::string list;
  for (const std::string& name : found) list += (list.empty() ? "" : ", ") + name;
  return "run it with model.executeAsync(): tf.js does not run " + list + " in predict()";
}

Result<Comparison> verify_result(const std::string& directory, const ir::Module& source, const ConvertOptions& options) {
  RunOptions run;
  run.limits = options.load.limits;
  run.seed = options.seed;
  SampledRun expected;
  if (options.verify_inputs.empty()) {
    expected = TRY(in_context(sample_run(source, options.seed, run), "running the source for --verify"));
  } else {
    expected.inputs = options.verify_inputs;
    expected.outputs = TRY(in_context(run_model(source, expected.inputs, run), "running the source for --verify"));
  }
  const auto document = TRY(in_context(tfjs::read_graph_model(directory, options.load.limits), "reading the result back for --verify"));
  const ir::Module result = TRY(in_context(tfjs::import_graph_model(document, {}, options.load.limits, heap_allocator()), "reading the result back for --verify"));
  run.tfjs_compat = true;
  const auto actual = TRY(in_context(run_model(result, expected.inputs, run), "running the result for --verify"));
  Comparison comparison;
  comparison.inputs = std::move(expected.inputs);
  comparison.outputs = compare_outputs(expected.outputs, actual, options.tolerance);
  return comparison;
}

Result<void> check_names(const ir::Module& source, const tfjs::GraphModelOutput& output) {
  const ir::Graph& graph = source.find_function(source.signatures[0].function)->graph;
  for (size_t i = 0; i < graph.outputs.size(); ++i) {
    if (i < output.signature.outputs.size() && output.signature.outputs[i].key == graph.outputs[i].key) continue;
    return fail(ErrorCode::kInternal, "the output '" + graph.outputs[i].key + "' lost its name");
  }
  return {};
}

}  // namespace

Result<ConvertReport> convert_model(const std::string& input, const std::string& output, const ConvertOptions& options) {
  if (options.output_format != Format::kGraphModel) {
    return fail(Error{ErrorCode::kInvalidArgument, "Isomer does not write the format " + std::string(info(options.output_format).name), {}, {}, "formats it writes: tfjs_graph_model"});
  }
  ConvertReport result;
  SpillArena arena;
  const auto metadata = TRY(read_metadata(options));
  report(options, "reading " + input);
  LoadedModel model = TRY(load_model(input, options.load, arena));
  result.source = model.source;
  result.signature = model.module.signatures[0].key;
  result.nodes_read = count_nodes(model.module);
  // Verification needs the source as it was; its tensors are shared, so this costs nodes, not weights.
  std::optional<ir::Module> original;
  if (options.verify) original = TRY(load_model(input, options.load, arena)).module;

  report(options, "freezing and folding");
  passes::PassContext context{options.load.limits, &arena};
  TRY(passes::freeze(model.module, options.strip_debug_ops, context));
  report(options, "preparing the graph for tf.js");
  tfjs::ExportOptions export_options{options.structured_outputs_names || (model.source.format == Format::kGraphModel && !model.module.signatures[0].structured_outputs.empty()),
                                     options.skip_op_check, metadata};
  tfjs::GraphModelOutput graph_model = TRY(in_context(tfjs::export_graph_model(model.module, export_options, context), "converting to a tf.js graph model"));
  graph_model.converted_by = "Isomer " ISOMER_VERSION;
  if (original) TRY(check_names(*original, graph_model));
  result.nodes_written = count_nodes(model.module);
  if (auto note = needs_async(model.module)) result.notes.push_back(std::move(*note));

  report(options, "writing " + output);
  tfjs::WriteOptions write_options;
  write_options.weight_shard_size_bytes = options.weight_shard_size_bytes;
  write_options.before_commit = [&](const std::string& partial) -> Result<void> {
    if (!options.verify) return {};
    report(options, "verifying");
    result.comparison = TRY(verify_result(partial, *original, options));
    if (result.comparison->equal()) return {};
    std::string text = "the result differs from the source beyond the tolerance";
    for (const OutputDifference& o : result.comparison->outputs) {
      if (o.equal) continue;
      text += "\n    " + o.name + ": largest absolute difference " + std::to_string(o.max_absolute) + ", relative " + std::to_string(o.max_relative) + (o.note.empty() ? "" : " (" + o.note + ")");
    }
    return fail(Error{ErrorCode::kInvalidModel, std::move(text), output, {}, "nothing was written; allow more with --rtol and --atol, or report the model"});
  };
  const tfjs::WriteReport written = TRY(tfjs::write_graph_model(graph_model, output, write_options));
  result.files = written.files;
  result.weights = static_cast<int64_t>(graph_model.weights.size());
  result.weight_bytes = written.weight_bytes;
  std::set<std::string> narrowed;
  for (const auto& weight : written.narrowed)
    if (weight.from != weight.to) narrowed.insert(std::string(to_string(weight.from)) + " to " + std::string(to_string(weight.to)));
  for (const std::string& text : narrowed) result.notes.push_back("weights narrowed from " + text + ", which is what tf.js has");
  for (const std::string& file : written.files)
    if (const auto bytes = map_file(output + "/" + file)) result.bytes_written += bytes->size();
  return result;
}

}  // namespace isomer
