#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "cli/command.h"
#include "cli/input_flags.h"
#include "ir/text.h"
#include "passes/pass.h"

namespace isomer::cli {
namespace {

struct OptimizeFlags {
  Voice voice;
  SourceOptions source;
  QuantizeFlags quantize;
  InputFlags verify_inputs;
  ConvertOptions convert;
  std::string input, output, passes, print_after;
  bool list = false;
};

// Names that no pass has are an error of the call, told before anything is read.
Result<std::vector<std::string>> pass_names(const std::string& text, bool all) {
  std::vector<std::string> names = split_list(text), known;
  for (const passes::Pass& pass : passes::all_passes()) known.emplace_back(pass.name);
  for (const std::string& name : names) {
    if (passes::find_pass(name) || (all && name == "all")) continue;
    const std::string near = did_you_mean(name, known);
    return fail(
        Error{ErrorCode::kInvalidArgument, "there is no pass '" + name + "'", {}, {}, near.empty() ? "isomer optimize --list-passes lists them" : near});
  }
  return names;
}

Result<void> prepare(const CLI::App& app, OptimizeFlags& options) {
  if (options.input.empty() || options.output.empty()) {
    return fail(Error{ErrorCode::kInvalidArgument,
                      "isomer optimize: MODEL and OUTPUT are required",
                      {},
                      {},
                      "write isomer optimize MODEL OUTPUT; isomer optimize --help lists the flags"});
  }
  options.convert.load = TRY(options.source.finish(app));
  options.convert.load.seed = options.convert.seed;
  options.convert.through_ir = true;
  TRY(options.quantize.finish(app, options.convert));
  options.convert.verify_inputs = TRY(options.verify_inputs.finish());
  options.convert.verify = options.convert.verify || (!options.convert.verify_inputs.inputs.empty() && !options.convert.max_error);
  if (!options.passes.empty()) options.convert.passes = TRY(pass_names(options.passes, false));
  const std::vector<std::string> shown = TRY(pass_names(options.print_after, true));
  if (shown.empty()) return {};
  options.convert.after_each_pass = [shown](std::string_view pass, const ir::Module& module) {
    if (std::find(shown.begin(), shown.end(), "all") == shown.end() && std::find(shown.begin(), shown.end(), pass) == shown.end()) return;
    std::fprintf(stderr, "// after %s\n%s", std::string(pass).c_str(), ir::print(module).c_str());
  };
  return {};
}

int run(const CLI::App& app, OptimizeFlags& options) {
  if (const auto ready = prepare(app, options); !ready) return report_failure(ready.error(), options.voice);
  return run_conversion(options.input, options.output, options.convert, options.voice);
}

}  // namespace

void add_optimize(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<OptimizeFlags>();
  CLI::App* app = program.add_subcommand("optimize", "Write a model as a graph model with fewer nodes and weights that computes the same.");
  app->footer(
      R"(A graph model as it is read, or any other model that Isomer reads, goes through the passes that convert runs: what is constant is computed, what
changes nothing goes, batch normalisation becomes part of the weights, bias and activation part of the convolution. Nothing is left at OUTPUT when
it fails. MODEL and OUTPUT may be one folder.

Examples:
  isomer optimize web_model/ smaller/ --verify
  isomer optimize web_model/ smaller/ --quantize auto --max-error 0.01 --verify_input=photos.npz
  isomer optimize web_model/ out/ --passes=fold_batch_norms,fuse_linear_ops
  isomer optimize web_model/ out/ --print-after=fold_batch_norms 2> graph.txt)");
  app->add_option("MODEL", options->input, "a tf.js graph model, or a model of another format");
  app->add_option("OUTPUT", options->output, "the directory to write; a model that is there is replaced, all at once");
  options->source.add_to(*app);
  app->add_option("--passes", options->passes, "run these passes, separated by commas, in place of the usual ones");
  app->add_flag("--list-passes", options->list, "list the passes and stop");
  app->add_option("--print-after", options->print_after, "print the graph on standard error after these passes, or after all");
  options->quantize.add_to(*app);
  app->add_option("--weight_shard_size_bytes", options->convert.weight_shard_size_bytes, "largest size of a weight file")->capture_default_str();
  app->add_flag("--verify", options->convert.verify, "read the result back, run both on the same inputs, and print the largest differences");
  options->verify_inputs.add_to(*app, "--verify_input", " (default: random:0 for all)");
  app->add_option("--seed", options->convert.seed, "of the random inputs")->capture_default_str();
  app->add_option("--atol", options->convert.tolerance.absolute, "allowed absolute difference")->capture_default_str();
  app->add_option("--rtol", options->convert.tolerance.relative, "allowed relative difference")->capture_default_str();
  add_voice_options(*app, options->voice);
  app->callback([app, options, &exit_code] {
    if (options->list) {
      list_passes(options->voice);
      return;
    }
    exit_code = run(*app, *options);
  });
}

}  // namespace isomer::cli
