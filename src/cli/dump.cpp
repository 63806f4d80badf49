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

struct DumpFlags {
  Voice voice;
  SourceOptions source;
  std::string model, output, passes;
  bool freeze = false, list_passes = false;
};

JsonValue to_json(std::string_view key, JsonValue value) {
  JsonValue object = JsonValue::object();
  object["ok"] = true;
  object[key] = std::move(value);
  return object;
}

Result<void> dump(const CLI::App& app, const DumpFlags& options) {
  const LoadOptions load = TRY(options.source.finish(app));
  SpillArena arena;
  LoadedModel model = TRY(load_model(options.model, load, arena));
  passes::PassContext context{load.limits, &arena, {}};
  if (options.freeze) TRY(passes::freeze(model.module, true, context));
  const std::vector<std::string> names = split_list(options.passes);
  TRY(passes::run_passes(model.module, std::vector<std::string_view>(names.begin(), names.end()), context));
  if (options.output.empty()) {
    const std::string text = ir::print(model.module);
    if (options.voice.json) {
      print_json(to_json("text", JsonValue(text)));
    } else {
      std::fputs(text.c_str(), stdout);
    }
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
  if (options.voice.json) {
    JsonValue::Array files;
    files.emplace_back(options.output);
    files.emplace_back(options.output + ".bin");
    print_json(to_json("files", JsonValue(std::move(files))));
  } else if (!options.voice.quiet) {
    std::printf("wrote %s and %s.bin (%s)\n", options.output.c_str(), options.output.c_str(), human_bytes(bytes).c_str());
  }
  return {};
}

}  // namespace

void list_passes(const Voice& voice) {
  JsonValue names = JsonValue::object();
  for (const passes::Pass& pass : passes::all_passes()) {
    names[pass.name] = JsonValue(pass.summary);
    if (!voice.json) std::printf("%-20s %s\n", std::string(pass.name).c_str(), std::string(pass.summary).c_str());
  }
  if (voice.json) print_json(to_json("passes", std::move(names)));
}

void add_dump(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<DumpFlags>();
  CLI::App* app = program.add_subcommand("dump", "Print a model as text (Isomer's IR) that can be read back.");
  app->footer(R"(The text has one function for each graph, one line for each node. Tensors of more than a few elements are elided without --output.

Examples:
  isomer dump saved_model/ | less
  isomer dump frozen.pb --output_node_names=Softmax --freeze
  isomer dump model.isomer --passes=inline_functions,fold_constants,prune -o smaller.isomer)");
  app->add_option("MODEL", options->model, "a model of any format that Isomer reads; or a text that dump wrote");
  app->add_option("-o,--output", options->output, "write FILE, and large tensors to FILE.bin; without it they are elided");
  options->source.add_to(*app);
  app->add_flag("--freeze", options->freeze, "after freezing and folding, as convert does it");
  app->add_option("--passes", options->passes, "run these passes first, separated by commas");
  app->add_flag("--list-passes", options->list_passes, "list the passes and stop");
  add_voice_options(*app, options->voice);
  app->callback([app, options, &exit_code] {
    if (options->list_passes) {
      list_passes(options->voice);
      return;
    }
    if (options->model.empty()) {
      exit_code =
          report_failure({ErrorCode::kInvalidArgument, "isomer dump: MODEL is required", {}, {}, "write isomer dump MODEL; isomer dump --help lists the flags"},
                         options->voice);
      return;
    }
    if (const auto done = dump(*app, *options); !done) exit_code = report_failure(done.error(), options->voice);
  });
}

}  // namespace isomer::cli
