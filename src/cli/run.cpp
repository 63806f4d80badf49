#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/command.h"
#include "ir/text.h"
#include "isomer/run.h"

namespace isomer::cli {
namespace {

struct Options {
  Voice voice;
  SourceOptions source;
  std::string model, output;
  std::vector<std::string> inputs;
  RunOptions run;
};

Result<std::vector<NamedTensor>> execute(const CLI::App& app, const Options& options) {
  const LoadOptions load = TRY(options.source.finish(app));
  std::vector<NamedTensor> inputs;
  for (const std::string& assignment : options.inputs) inputs.push_back(TRY(read_named_input(assignment, load.limits)));
  const LoadedModel model = TRY(load_model(options.model, load));
  auto outputs = TRY(run_model(model.module, inputs, options.run));
  if (!options.output.empty()) TRY(write_outputs(options.output, outputs));
  return outputs;
}

std::string summary(const NamedTensor& output) {
  std::string text = output.name + "  " + type_text(output.value);
  if (output.value.elements() <= 16) text += "  " + ir::print_tensor(output.value).substr(type_text(output.value).size());
  return text;
}

JsonValue to_json(const std::vector<NamedTensor>& outputs, const std::string& directory) {
  JsonValue object = JsonValue::object();
  object["ok"] = true;
  JsonValue::Array list;
  for (const NamedTensor& output : outputs) {
    JsonValue entry = JsonValue::object();
    entry["name"] = JsonValue(output.name);
    entry["dtype"] = JsonValue(to_string(output.value.dtype()));
    JsonValue::Array shape;
    for (const int64_t size : output.value.shape()) shape.emplace_back(size);
    entry["shape"] = JsonValue(std::move(shape));
    list.push_back(std::move(entry));
  }
  object["outputs"] = JsonValue(std::move(list));
  // The values lie in the files that outputs.json there names.
  if (!directory.empty()) object["directory"] = JsonValue(directory);
  return object;
}

}  // namespace

void add_run(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* app = program.add_subcommand("run", "Run a model on given inputs with the reference kernels.");
  app->footer(R"(The kernels are made to be right, not fast. Small results are printed; --output keeps them all.

Examples:
  isomer run saved_model/ --input x=x.npy
  isomer run web_model/ --input image=image.npy --input size=size.npy --output results/ --tfjs-compat

`isomer inspect MODEL` tells the names and types of the inputs.)");
  app->add_option("MODEL", options->model, "a model of any format that Isomer reads")->required();
  app->add_option("--input", options->inputs, "NAME=FILE.npy, or NAME=FILE.json for strings; once for each input")->allow_extra_args(false);
  app->add_option("--output", options->output, "the directory for outputs.json and one .npy (strings: .json) for each output");
  options->source.add_to(*app);
  app->add_flag("--tfjs-compat", options->run.tfjs_compat, "compute as TensorFlow.js does where it differs from TensorFlow");
  app->add_option("--seed", options->run.seed, "of random ops")->capture_default_str();
  add_voice_options(*app, options->voice);
  app->callback([app, options, &exit_code] {
    const auto outputs = execute(*app, *options);
    if (!outputs) {
      exit_code = report_failure(outputs.error(), options->voice);
      return;
    }
    if (options->voice.json) print_json(to_json(*outputs, options->output));
    if (options->voice.quiet || options->voice.json) return;
    std::printf("ran %s: %s\n", options->model.c_str(), plural(static_cast<int64_t>(outputs->size()), "output").c_str());
    for (const NamedTensor& output : *outputs) std::printf("  %s\n", summary(output).c_str());
    if (!options->output.empty()) std::printf("wrote %s\n", options->output.c_str());
  });
}

}  // namespace isomer::cli
