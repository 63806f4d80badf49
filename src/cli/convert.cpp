#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>

#include "cli/command.h"
#include "cli/input_flags.h"

namespace isomer::cli {
namespace {

struct ConvertFlags {
  Voice voice;
  SourceOptions source;
  QuantizeFlags quantize;
  std::string input, output, output_format, metadata;
  InputFlags verify_inputs;
  ConvertOptions convert;
  bool strip_debug_ops = true, structured = false;
};

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

std::string writable_formats() {
  std::string names;
  for (const FormatInfo& format : all_formats())
    if (format.writes) names += (names.empty() ? "" : ", ") + std::string(format.name);
  return names;
}

// The format that is named, or the one that the output's name ends in.
Result<Format> output_format_of(const std::string& name, const std::string& output) {
  if (name.empty()) {
    if (output.ends_with(".h5") || output.ends_with(".hdf5")) return Format::kKerasH5;
    return output.ends_with(".keras") ? Format::kKerasArchive : Format::kGraphModel;
  }
  if (const auto format = format_from_name(name)) return *format;
  return fail(Error{ErrorCode::kInvalidArgument, "there is no output format '" + name + "'", {}, {}, "formats that can be written: " + writable_formats()});
}

int run(const CLI::App& app, ConvertFlags& options) {
  auto load = options.source.finish(app);
  if (!load) return report_failure(load.error(), options.voice);
  options.convert.load = std::move(*load);
  options.convert.load.seed = options.convert.seed;
  if (const auto good = options.quantize.finish(app, options.convert); !good) return report_failure(good.error(), options.voice);
  const auto format = output_format_of(options.output_format, options.output);
  if (!format) return report_failure(format.error(), options.voice);
  options.convert.output_format = *format;
  auto metadata = parse_metadata(options.metadata);
  if (!metadata) return report_failure(metadata.error(), options.voice);
  options.convert.metadata = std::move(*metadata);
  auto inputs = options.verify_inputs.finish();
  if (!inputs) return report_failure(inputs.error(), options.voice);
  options.convert.verify_inputs = std::move(*inputs);
  options.convert.verify = options.convert.verify || (!options.convert.verify_inputs.inputs.empty() && !options.convert.max_error);
  return run_conversion(options.input, options.output, options.convert, options.voice);
}

}  // namespace

int run_conversion(const std::string& input, const std::string& output, ConvertOptions& options, const Voice& voice) {
  Progress progress;
  if (!voice.quiet && !voice.json) options.progress = &progress;
  const auto start = std::chrono::steady_clock::now();
  const auto report = convert_model(input, output, options);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  options.progress = nullptr;
  if (!report) return report_failure(report.error(), voice);
  if (voice.json) {
    print_json(conversion_json(*report, output, seconds));
  } else if (!voice.quiet) {
    std::fputs(describe_conversion(*report, input, output, seconds).c_str(), stdout);
  }
  return kDone;
}

JsonValue conversion_json(const ConvertReport& report, const std::string& output, double seconds) {
  JsonValue object = JsonValue::object();
  object["ok"] = true;
  object["source_format"] = JsonValue(info(report.source.format).name);
  object["signature"] = JsonValue(report.signature);
  object["rewritten"] = report.rewritten;
  object["nodes_read"] = report.nodes_read;
  object["nodes_written"] = report.nodes_written;
  object["weights"] = report.weights;
  object["weight_bytes"] = report.weight_bytes;
  object["bytes_written"] = report.bytes_written;
  object["output"] = JsonValue(output);
  JsonValue::Array files, notes;
  for (const auto& file : report.files) files.emplace_back(file);
  for (const auto& note : report.notes) notes.emplace_back(note);
  object["files"] = JsonValue(std::move(files));
  object["notes"] = JsonValue(std::move(notes));
  object["seconds"] = seconds;
  if (report.quantization) object["quantization"] = quantization_json(*report.quantization);
  if (report.comparison) {
    JsonValue::Array outputs;
    for (const OutputDifference& o : report.comparison->outputs) {
      JsonValue entry = JsonValue::object();
      entry["name"] = JsonValue(o.name);
      entry["max_absolute"] = o.max_absolute;
      entry["max_relative"] = o.max_relative;
      entry["equal"] = o.equal;
      outputs.push_back(std::move(entry));
    }
    object["verification"] = JsonValue(std::move(outputs));
  }
  return object;
}

std::string describe_conversion(const ConvertReport& report, const std::string& input, const std::string& output, double seconds) {
  std::string text =
      "read     " + input + ": " + std::string(info(report.source.format).title) + (report.source.detail.empty() ? "" : " (" + report.source.detail + ")");
  if (!report.layers) text += ", signature " + report.signature + ", " + plural(report.nodes_read, "node");
  text += "\n";
  if (report.layers) {
    text += report.rewritten ? "did      kept the layers and their weights as they are\n"
                             : "did      spelled the layers as the target does, and kept their weights\n";
  } else if (report.rewritten) {
    text += "did      kept the graph and its weights as they are; --through_ir would optimise it\n";
  } else {
    text += "did      froze variables, inlined functions, folded constants, fused ops: " + plural(report.nodes_written, "node") + " left\n";
  }
  text += "wrote    " + output + ": " + plural(static_cast<int64_t>(report.files.size()), "file") + ", " + human_bytes(report.bytes_written) + " (" +
          plural(report.weights, "weight") + ", " + human_bytes(report.weight_bytes) + ") in " + number(seconds) + " s\n";
  if (report.quantization) text += describe_quantization(*report.quantization);
  for (const std::string& note : report.notes) text += "note     " + note + "\n";
  if (report.comparison) {
    for (const OutputDifference& o : report.comparison->outputs) {
      text += "verified " + o.name + " " + to_string(o.type) + ": largest difference " + number(o.max_absolute) + " absolute, " + number(o.max_relative) +
              " relative\n";
    }
  }
  return text;
}

void add_convert(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<ConvertFlags>();
  CLI::App* app = program.add_subcommand("convert", "Convert a model. The input's format is recognised from its content.");
  app->footer(R"(What happens: variables become constants, functions are inlined, what is constant is computed, batch
normalisation becomes part of the weights, bias and activation part of convolutions and products, and ops that tf.js lacks or computes differently are
written in others. Nothing is left at OUTPUT when it fails. A graph model as INPUT is written again as it is, with
weight files of another size; --through_ir, --signature_name and --output_node_names send it the long way, too.

Examples:
  isomer convert saved_model/ web_model/ --verify
  isomer convert frozen.pb web_model/ --output_node_names=Softmax
  isomer convert module.tar.gz web_model/ --signature_name=default
  isomer convert saved_model/ web_model/ --quantize_uint8='*kernel*,*/MatMul*'
  isomer convert saved_model/ web_model/ --quantize auto --max-error 0.01 --verify_input=photos.npz
  isomer convert web_model/ web_model/ --weight_shard_size_bytes=16777216

`isomer inspect INPUT` tells signatures, candidates for outputs, and what cannot be converted.)");
  app->add_option("INPUT", options->input, "a SavedModel directory, hub module (directory or .tar.gz), frozen graph (.pb, .pbtxt) or tf.js graph model")
      ->required();
  app->add_option("OUTPUT", options->output, "the directory or file to write; a model that is there is replaced, all at once")->required();
  options->source.add_to(*app);
  app->add_option("--output_format", options->output_format,
                  writable_formats() + " (default: keras for OUTPUT.h5, keras_keras for OUTPUT.keras, else tfjs_graph_model)");
  options->quantize.add_to(*app);
  app->add_option("--weight_shard_size_bytes", options->convert.weight_shard_size_bytes, "largest size of a weight file")->capture_default_str();
  app->add_option("--strip_debug_ops", options->strip_debug_ops, "remove Assert, CheckNumerics and Print")->capture_default_str();
  app->add_flag("--skip_op_check", options->convert.skip_op_check, "write ops that tf.js lacks as they are");
  app->add_option("--use_structured_outputs_names", options->structured, "write userDefinedMetadata.structuredOutputKeys")->capture_default_str();
  app->add_flag("--dequantize", options->convert.dequantize, "store quantised weights of a graph model as float32 again");
  app->add_flag("--through_ir", options->convert.through_ir,
                "optimise a graph model too; without it a graph model is only written again, quantised weights and all");
  app->add_flag("--split_weights_by_layer", options->convert.split_weights_by_layer, "layers models: weight files for each layer");
  app->add_flag("--rewrite_unsupported_layers", options->convert.rewrite_unsupported_layers,
                "layers models: write layers that tf.js lacks as others that compute the same, where there are such");
  app->add_flag("!--no_source_config", options->convert.source_config, "layers models: leave the source's own configuration out of userDefinedMetadata");
  app->add_option("--metadata", options->metadata, "JSON files for userDefinedMetadata: KEY:FILE,KEY:FILE");
  app->add_flag("--verify", options->convert.verify, "read the result back, run source and result on the same inputs, and print the largest differences");
  options->verify_inputs.add_to(*app, "--verify_input", " (default: random:0 for all)");
  app->add_option("--seed", options->convert.seed, "of the random inputs")->capture_default_str();
  app->add_option("--atol", options->convert.tolerance.absolute, "allowed absolute difference")->capture_default_str();
  app->add_option("--rtol", options->convert.tolerance.relative, "allowed relative difference")->capture_default_str();
  add_voice_options(*app, options->voice);
  app->callback([app, options, &exit_code] {
    options->convert.strip_debug_ops = options->strip_debug_ops;
    options->convert.structured_outputs_names = options->structured;
    exit_code = run(*app, *options);
  });
}

}  // namespace isomer::cli
