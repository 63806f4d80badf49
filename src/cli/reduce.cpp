#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>

#include "base/atomic_output.h"
#include "cli/command.h"
#include "ir/text.h"
#include "isomer/reduce.h"
#include "tensor/spill.h"

namespace isomer::cli {
namespace {

struct ReduceFlags {
  Voice voice;
  SourceOptions source;
  std::string model, output, passes, command;
  uint64_t seed = 0;
  Tolerance tolerance;
};

// The text and its large constants, where a command (or the user) can read them.
Result<void> write_text(const ir::Module& module, const std::string& path) {
  AtomicFile side = TRY(AtomicFile::create(path + ".bin"));
  AtomicFile text = TRY(AtomicFile::create(path));
  ir::PrintOptions print;
  Result<void> written;
  print.side = [&](std::span<const std::byte> bytes) {
    if (written) written = side.file().append(bytes);
  };
  TRY(text.file().append(std::string_view(ir::print(module, print))));
  TRY(std::move(written));
  TRY(side.commit());
  return text.commit();
}

std::string with_path(std::string command, const std::string& path) {
  const size_t at = command.find("%s");
  return at == std::string::npos ? command + " '" + path + "'" : command.replace(at, 2, "'" + path + "'");
}

Result<ReduceReport> execute(const CLI::App& app, const ReduceFlags& options) {
  const LoadOptions load = TRY(options.source.finish(app));
  const std::vector<std::string> names = split_list(options.passes);
  SpillArena arena;
  LoadedModel model = TRY(load_model(options.model, load, arena));
  const ShowsFault shows_fault = [&](const ir::Module& module) {
    if (options.command.empty()) return passes_break(module, names, options.seed, options.tolerance, load.limits);
    return write_text(module, options.output) && std::system(with_path(options.command, options.output).c_str()) == 0;
  };
  const ReduceReport report = TRY(reduce(model.module, shows_fault));
  TRY(write_text(model.module, options.output));
  return report;
}

}  // namespace

void add_reduce(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<ReduceFlags>();
  CLI::App* app = program.add_subcommand("reduce", "Make a model that shows a fault smaller while it shows it.");
  app->footer(R"(The fault is that passes fail, or change what the model computes for random inputs; or that a command ends with 0 for the model's text. Outputs
and nodes are taken away as long as it shows.

Examples:
  isomer reduce model.isomer -o small.isomer
  isomer reduce saved_model/ -o small.isomer --passes=fold_batch_norms,fuse_linear_ops
  isomer reduce model.isomer -o small.isomer --command 'isomer dump %s --passes=fold_constants 2>&1 | grep -q "is not whole"')");
  app->add_option("MODEL", options->model, "a model of any format that Isomer reads; or a text that dump wrote")->required();
  app->add_option("-o,--output", options->output, "the text to write, large tensors to FILE.bin")->required();
  options->source.add_to(*app);
  app->add_option("--passes", options->passes, "the passes to blame, separated by commas; default: those of convert");
  app->add_option("--command", options->command, "ends with 0 where the fault shows; %s is the model's text");
  app->add_option("--seed", options->seed, "of the random inputs")->capture_default_str();
  app->add_option("--atol", options->tolerance.absolute, "allowed absolute difference")->capture_default_str();
  app->add_option("--rtol", options->tolerance.relative, "allowed relative difference")->capture_default_str();
  add_voice_options(*app, options->voice);
  app->callback([app, options, &exit_code] {
    const auto report = execute(*app, *options);
    if (!report) {
      exit_code = report_failure(report.error(), options->voice);
    } else if (options->voice.json) {
      JsonValue object = JsonValue::object();
      object["ok"] = true;
      object["nodes_before"] = report->nodes_before;
      object["nodes_after"] = report->nodes_after;
      object["attempts"] = report->attempts;
      print_json(std::move(object));
    } else if (!options->voice.quiet) {
      std::printf("reduced %s to %s in %s\nwrote   %s and %s.bin\n", plural(report->nodes_before, "node").c_str(), plural(report->nodes_after, "node").c_str(),
                  plural(report->attempts, "attempt").c_str(), options->output.c_str(), options->output.c_str());
    }
  });
}

}  // namespace isomer::cli
