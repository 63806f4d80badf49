#include "isomer/convert.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/mapped_file.h"
#include "formats/keras/saved_model.h"
#include "formats/tfjs/document_check.h"
#include "formats/tfjs/graph_model_export.h"
#include "formats/tfjs/graph_model_import.h"
#include "isomer/convert_layers.h"
#include "isomer/convert_notes.h"
#include "isomer/sample.h"
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

// Members of userDefinedMetadata, in order.
using Metadata = std::vector<std::pair<std::string, JsonValue>>;

Result<Metadata> read_metadata(const ConvertOptions& options) {
  Metadata metadata;
  for (const auto& [key, path] : options.metadata) {
    const std::string text = TRY(in_context(read_small_file(path, 64 << 20), "reading the metadata '" + key + "'"));
    metadata.emplace_back(key, TRY(in_context(read_json(text, options.load.limits), "reading the metadata '" + key + "' from " + path)));
  }
  return metadata;
}

// What the source carried, then what the caller gave (which wins).
Result<Metadata> merge_metadata(const ir::Module& source, const Metadata& given, const Limits& limits) {
  Metadata merged;
  for (const auto& [key, text] : source.metadata) {
    if (std::any_of(given.begin(), given.end(), [&](const auto& member) { return member.first == key; })) continue;
    merged.emplace_back(key, TRY(read_json(text, limits)));
  }
  merged.insert(merged.end(), given.begin(), given.end());
  return merged;
}

// `as_tfjs`: the source, too, is a model for tf.js.
Result<Comparison> verify_result(const std::string& directory, const ir::Module& source, bool as_tfjs, const ConvertOptions& options) {
  RunOptions run;
  run.tfjs_compat = as_tfjs;
  run.limits = options.load.limits;
  run.seed = options.seed;
  SampleRequest sample;
  sample.seed = options.seed;
  sample.given = TRY(in_context(read_inputs(source, options.verify_inputs, options.load.limits), "reading the inputs for --verify"));
  sample.shapes = options.verify_inputs.shapes;
  SampledRun expected = TRY(in_context(sample_run(source, sample, run), "running the source for --verify"));
  const auto document = TRY(in_context(tfjs::read_graph_model(directory, options.load.limits), "reading the result back for --verify"));
  const ir::Module result =
      TRY(in_context(tfjs::import_graph_model(document, {}, options.load.limits, heap_allocator()), "reading the result back for --verify"));
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

// Reads what was written back and compares; the error says by how much the outputs differ.
Result<void> verify(const std::string& partial, const std::string& output, const ir::Module& source, bool as_tfjs, const ConvertOptions& options,
                    ConvertReport& result) {
  report(options, "verifying");
  result.comparison = TRY(verify_result(partial, source, as_tfjs, options));
  // Quantised weights differ on purpose: the differences are reported.
  if (result.comparison->equal() || quantizes(options)) return {};
  return fail(std::move(difference_error(*result.comparison)).at(output));
}

int64_t count_nodes(const tf::GraphDef& graph) {
  int64_t count = graph.node_size();
  for (const tf::FunctionDef& function : graph.library().function()) count += function.node_def_size();
  return count;
}

// A graph model again, in weight files of another size or with weights stored in another way; all it holds is kept.
Result<void> rewrite(const std::string& output, const Metadata& metadata, const ConvertOptions& options, ConvertReport& result) {
  tfjs::GraphModelDocument document = TRY(in_context(tfjs::read_graph_model(result.source.path, options.load.limits), "reading " + result.source.path));
  TRY(tfjs::check_graph_model(document));
  std::optional<ir::Module> source;
  if (options.verify)
    source = TRY(in_context(tfjs::import_graph_model(document, options.load, options.load.limits, heap_allocator()), "reading the source for --verify"));
  SpillArena arena;
  std::optional<ir::Module> running;
  const auto module = [&]() -> Result<ir::Module*> {
    return &running.emplace(TRY(in_context(tfjs::import_graph_model(document, options.load, options.load.limits, arena), "reading the source to run it")));
  };
  const auto quantize = [&](std::vector<tfjs::OutputWeight>& weights) { return quantize_as_asked(weights, module, true, options, arena, result); };
  if (options.dequantize || quantizes(options)) TRY(tfjs::change_manifest(document.weights, options.dequantize, quantize, options.load.limits, arena));
  if (!metadata.empty()) {
    JsonValue& members = document.json["userDefinedMetadata"];
    if (!members.is_object()) members = JsonValue::object();
    for (const auto& [key, value] : metadata) members[key] = value;
  }
  tfjs::WriteOptions write_options;
  write_options.weight_shard_size_bytes = options.weight_shard_size_bytes;
  write_options.before_commit = [&](const std::string& partial) -> Result<void> {
    if (options.verify) TRY(verify(partial, output, *source, true, options, result));
    return {};
  };
  report(options, "writing " + output);
  count_written(TRY(tfjs::rewrite_graph_model(document, output, write_options)), output, result);
  result.rewritten = true;
  result.signature = "serving_default";
  result.nodes_read = result.nodes_written = count_nodes(document.topology);
  result.weights = static_cast<int64_t>(document.weights.entries.size());
  return {};
}

// `checks`: of the source's weights.
Result<void> convert(const std::string& input, const std::string& output, const Metadata& metadata, const ConvertOptions& options, BackgroundChecks& checks,
                     ConvertReport& result) {
  SpillArena arena;
  report(options, "reading " + input);
  LoadOptions load = options.load;
  load.checks = &checks;
  LoadedModel model = TRY(load_model(input, load, arena));
  result.signature = model.module.signatures[0].key;
  result.notes.insert(result.notes.end(), model.notes.begin(), model.notes.end());
  result.nodes_read = count_nodes(model.module);
  // Verification needs the source as it was; its tensors are shared, so this costs nodes, not weights.
  std::optional<ir::Module> original;
  if (options.verify) original = TRY(load_model(input, options.load, arena)).module;

  report(options, "freezing and folding");
  passes::PassContext context{options.load.limits, &arena, options.after_each_pass};
  TRY(passes::freeze(model.module, options.strip_debug_ops, context));
  report(options, "preparing the graph for tf.js");
  const bool from_tfjs = model.source.format == Format::kGraphModel;
  auto merged_metadata = TRY(merge_metadata(model.module, metadata, options.load.limits));
  const tfjs::ExportOptions export_options{options.structured_outputs_names && !from_tfjs, options.skip_op_check, options.optimize, options.passes,
                                           std::move(merged_metadata)};
  tfjs::GraphModelOutput graph_model = TRY(in_context(tfjs::export_graph_model(model.module, export_options, context), "converting to a tf.js graph model"));
  graph_model.converted_by = "Isomer " ISOMER_VERSION;
  if (original) TRY(check_names(*original, graph_model));
  result.nodes_written = count_nodes(model.module);
  result.weights = static_cast<int64_t>(graph_model.weights.size());
  if (auto note = needs_async(model.module)) result.notes.push_back(std::move(*note));

  const auto exported = [&]() -> Result<ir::Module*> { return &model.module; };
  if (quantizes(options)) TRY(quantize_as_asked(graph_model.weights, exported, true, options, arena, result));

  report(options, "writing " + output);
  tfjs::WriteOptions write_options;
  write_options.weight_shard_size_bytes = options.weight_shard_size_bytes;
  write_options.before_commit = [&](const std::string& partial) -> Result<void> {
    if (options.verify) TRY(verify(partial, output, *original, from_tfjs, options, result));
    return checks.wait();
  };
  const tfjs::WriteReport written = TRY(tfjs::write_graph_model(graph_model, output, write_options));
  count_written(written, output, result);
  note_narrowed(written.narrowed, result);
  return {};
}

// From any format to a graph model, by way of the IR.
Result<void> convert(const std::string& input, const std::string& output, const Metadata& metadata, const ConvertOptions& options, ConvertReport& result) {
  BackgroundChecks checks;
  auto done = convert(input, output, metadata, options, checks, result);
  const auto intact = checks.wait();
  if (intact) return done;
  // Whatever became of damaged data does not matter. Reading alone says best which tensor it is.
  TRY(load_model(input, options.load));
  return intact;
}

Result<void> check_quantization(const ConvertOptions& options) {
  if (!options.max_error) return {};
  if (!(*options.max_error > 0) || !std::isfinite(*options.max_error)) {
    return fail(
        Error{ErrorCode::kInvalidArgument, "--max-error must be a positive number", {}, {}, "0.01 allows outputs to change by a hundredth of the largest"});
  }
  if (!options.quantize.empty()) {
    return fail(Error{ErrorCode::kInvalidArgument,
                      "--quantize auto chooses the dtypes of all weights; --quantize_uint8, --quantize_uint16 and --quantize_float16 cannot stand beside it",
                      {},
                      {},
                      "leave one of the two out"});
  }
  if (options.output_format == Format::kGraphModel || options.output_format == Format::kLayersModel) return {};
  return fail(Error{ErrorCode::kInvalidArgument,
                    "--quantize auto: a " + std::string(info(options.output_format).title) + " has no quantised weights",
                    {},
                    {},
                    "only models for TensorFlow.js have: --output_format=tfjs_graph_model or tfjs_layers_model"});
}

// Layers come from layers: a graph's ops are not lifted.
Result<void> check_pair(const std::string& input, const ConvertOptions& options, Format from) {
  const FormatInfo& target = info(options.output_format);
  if (!target.writes) {
    std::string names;
    for (const FormatInfo& format : all_formats())
      if (format.writes) names += (names.empty() ? "" : ", ") + std::string(format.name);
    return fail(Error{ErrorCode::kInvalidArgument, "Isomer does not write the format " + std::string(target.name), {}, {}, "formats it writes: " + names});
  }
  if (is_layers_pair(from, options.output_format)) return {};
  return fail(Error{ErrorCode::kUnsupported,
                    "a " + std::string(info(from).title) + " holds ops, not layers, so it cannot become a " + std::string(target.title),
                    input,
                    {},
                    "write a graph model: --output_format=tfjs_graph_model"});
}

}  // namespace

std::optional<std::string> needs_async(const ir::Module& module) {
  static constexpr std::string_view kAsync[] = {"StatelessIf",         "StatelessWhile",      "Where",       "NonMaxSuppressionV2", "NonMaxSuppressionV3",
                                                "NonMaxSuppressionV4", "NonMaxSuppressionV5", "HashTableV2", "LookupTableFindV2",   "ListDiff"};
  std::set<std::string> found;
  for (const auto& function : module.functions())
    for (const ir::NodeId id : function->graph.live_nodes())
      if (const auto name = function->graph.node(id).op->name; std::find(std::begin(kAsync), std::end(kAsync), name) != std::end(kAsync))
        found.insert(std::string(name));
  if (found.empty()) return std::nullopt;
  std::string list;
  for (const std::string& name : found) list += (list.empty() ? "" : ", ") + name;
  return "run it with model.executeAsync(): tf.js does not run " + list + " in predict()";
}

Result<ConvertReport> convert_model(const std::string& input, const std::string& output, const ConvertOptions& options) {
  if (options.weight_shard_size_bytes <= 0) {
    return fail(
        Error{ErrorCode::kInvalidArgument, "--weight_shard_size_bytes must be positive, found " + std::to_string(options.weight_shard_size_bytes), {}, {}, {}});
  }
  TRY(check_quantization(options));
  ConvertReport result;
  const Metadata metadata = TRY(read_metadata(options));
  result.source = TRY(recognise_input(input, options.load.input_format, options.load.limits));
  if (options.output_format != Format::kGraphModel) {
    // A SavedModel may tell of the layers that it was made of.
    if (result.source.format == Format::kSavedModel && keras::holds_layers(result.source.path, options.load.limits))
      result.source.format = Format::kKerasSavedModel;
    TRY(check_pair(input, options, result.source.format));
    TRY(convert_layers(output, metadata, options, result));
    return result;
  }
  const bool chosen = options.load.signature || !options.load.output_node_names.empty();
  if (result.source.format == Format::kGraphModel && !options.through_ir && !chosen) {
    TRY(rewrite(output, metadata, options, result));
  } else {
    TRY(convert(input, output, metadata, options, result));
  }
  return result;
}

}  // namespace isomer
