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

}  // namespace

void add_run(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* app = program.add_subcommand("run", "Run a model on given inputs with the reference kernels.");
  app->add_option("MODEL", options->model, "a model of any format that Isomer reads")->required();
  app->add_option("--input", options->inputs, "NAME=FILE.npy, or NAME=FILE.json for strings; once for each input");
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
    if (options->voice.quiet || options->voice.json) return;
    std::printf("ran %s: %s\n", options->model.c_str(), plural(static_cast<int64_t>(outputs->size()), "output").c_str());
    for (const NamedTensor& output : *outputs) std::printf("  %s\n", summary(output).c_str());
    if (!options->output.empty()) std::printf("wrote %s\n", options->output.c_str());
  });
}

}  // namespace isomer::cli
