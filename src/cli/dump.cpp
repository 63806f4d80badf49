#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/atomic_output.h"
#include "cli/command.h"
#include "ir/text.h"
#include "passes/pass.h"
#include "passes/pipelines.h"
#include "tensor/spill.h"

namespace isomer::cli {
namespace {

struct Options {
  Voice voice;
  SourceOptions source;
  std::string model, output, passes;
  bool freeze = false, list_passes = false;
};

Result<void> dump(const CLI::App& app, const Options& options) {
  const LoadOptions load = TRY(options.source.finish(app));
  SpillArena arena;
  LoadedModel model = TRY(load_model(options.model, load, arena));
  passes::PassContext context{load.limits, &arena};
  if (options.freeze) TRY(passes::freeze(model.module, true, context));
  const std::vector<std::string> names = split_list(options.passes);
  TRY(passes::run_passes(model.module, std::vector<std::string_view>(names.begin(), names.end()), context));
  if (options.output.empty()) {
    std::fputs(ir::print(model.module).c_str(), stdout);
    return {};
  }
  AtomicFile side = TRY(AtomicFile::create(options.output + ".bin"));
  AtomicFile text = TRY(AtomicFile::create(options.output));
  ir::PrintOptions print;
  Result<void> written;
  print.side = [&](std::span<const std::byte> bytes) {
    if (written) written = side.file().append(bytes);
  };
  TRY(text.file().append(std::string_view(ir::print(model.module, print))));
  TRY(std::move(written));
  const int64_t bytes = side.file().size();
  TRY(side.commit());
  TRY(text.commit());
  if (!options.voice.quiet) std::printf("wrote %s and %s.bin (%s)\n", options.output.c_str(), options.output.c_str(), human_bytes(bytes).c_str());
  return {};
}

}  // namespace

void add_dump(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* app = program.add_subcommand("dump", "Print a model as text (Isomer's IR) that can be read back.");
  app->add_option("MODEL", options->model, "a model of any format that Isomer reads; or a text that dump wrote");
  app->add_option("-o,--output", options->output, "write FILE, and large tensors to FILE.bin; without it they are elided");
  options->source.add_to(*app);
  app->add_flag("--freeze", options->freeze, "after freezing and folding, as convert does it");
  app->add_option("--passes", options->passes, "run these passes first, separated by commas");
  app->add_flag("--list-passes", options->list_passes, "list the passes and stop");
  app->add_flag("--quiet", options->voice.quiet, "print nothing but errors");
  app->callback([app, options, &exit_code] {
    if (options->list_passes) {
      for (const passes::Pass& pass : passes::all_passes()) std::printf("%-20s %s\n", std::string(pass.name).c_str(), std::string(pass.summary).c_str());
      return;
    }
    if (options->model.empty()) {
      exit_code = report_failure({ErrorCode::kInvalidArgument, "no model to dump", {}, {}, "isomer dump MODEL"}, options->voice);
      return;
    }
    if (const auto done = dump(*app, *options); !done) exit_code = report_failure(done.error(), options->voice);
  });
}

}  // namespace isomer::cli
