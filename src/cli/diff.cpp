#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "cli/command.h"
#include "isomer/diff.h"

namespace isomer::cli {
namespace {

struct DiffFlags {
  Voice voice;
  SourceOptions first, second;
  std::string first_path, second_path;
  bool freeze = false, as_read = false, all = false;
};

constexpr size_t kShown = 20;  // of each sort, without --all

Result<DiffReport> execute(const CLI::App& app, const DiffFlags& options) {
  if (options.freeze && options.as_read) return fail(ErrorCode::kInvalidArgument, "--freeze and --as_read contradict each other");
  DiffOptions diff;
  diff.first = TRY(options.first.finish(app));
  diff.second = TRY(options.second.finish(app));
  if (options.freeze || options.as_read) diff.freeze = options.freeze;
  return diff_models(options.first_path, options.second_path, diff);
}

void print_change(const Change& change) {
  if (change.second.empty()) {
    std::printf("  - %s  %s\n", change.name.c_str(), change.first.c_str());
  } else if (change.first.empty()) {
    std::printf("  + %s  %s\n", change.name.c_str(), change.second.c_str());
  } else if (change.first == change.second) {
    std::printf("  = %s  %s\n", change.name.c_str(), change.first.c_str());
  } else {
    std::printf("  ! %s  %s\n      %s\n", change.name.c_str(), change.first.c_str(), change.second.c_str());
  }
}

void print_changes(const char* title, const std::vector<Change>& changes, bool all) {
  if (changes.empty()) return;
  std::printf("\n%s: %s\n", title, plural(static_cast<int64_t>(changes.size()), "difference").c_str());
  const size_t shown = all ? changes.size() : std::min(changes.size(), kShown);
  for (size_t i = 0; i < shown; ++i) print_change(changes[i]);
  if (shown < changes.size()) std::printf("  ... and %zu more (--all shows them)\n", changes.size() - shown);
}

void print_ops(const std::vector<Change>& ops) {
  if (ops.empty()) return;
  std::printf("\nops: %s\n", plural(static_cast<int64_t>(ops.size()), "difference").c_str());
  for (const Change& op : ops)
    std::printf("  %-32s %6s -> %s\n", op.name.c_str(), op.first.empty() ? "0" : op.first.c_str(), op.second.empty() ? "0" : op.second.c_str());
}

void print(const DiffReport& report, const DiffFlags& options) {
  std::printf("-  first   %s: %s, %s\n", options.first_path.c_str(), std::string(info(report.first.format).name).c_str(),
              plural(report.first_nodes, "node").c_str());
  std::printf("+  second  %s: %s, %s\n", options.second_path.c_str(), std::string(info(report.second.format).name).c_str(),
              plural(report.second_nodes, "node").c_str());
  if (report.frozen) std::printf("   compared once variables are constants and calls are inlined (--as_read compares them as they are)\n");
  print_changes("signature", report.signature, options.all);
  print_ops(report.ops);
  print_changes("weights", report.weights, options.all);
  print_changes("nodes", report.nodes, options.all);
  std::printf("\n%s: %s of the same name and content\n", report.same() ? "the same" : "DIFFERENT", plural(report.equal_weights, "weight").c_str());
}

JsonValue changes_json(const std::vector<Change>& changes) {
  JsonValue::Array array;
  for (const Change& change : changes) {
    JsonValue entry = JsonValue::object();
    entry["name"] = JsonValue(change.name);
    entry["first"] = change.first.empty() ? JsonValue() : JsonValue(change.first);
    entry["second"] = change.second.empty() ? JsonValue() : JsonValue(change.second);
    array.push_back(std::move(entry));
  }
  return JsonValue(std::move(array));
}

JsonValue to_json(const DiffReport& report) {
  JsonValue object = JsonValue::object();
  object["ok"] = true;
  object["same"] = report.same();
  object["first_format"] = JsonValue(info(report.first.format).name);
  object["second_format"] = JsonValue(info(report.second.format).name);
  object["frozen"] = report.frozen;
  object["first_nodes"] = report.first_nodes;
  object["second_nodes"] = report.second_nodes;
  object["equal_weights"] = report.equal_weights;
  object["signature"] = changes_json(report.signature);
  object["ops"] = changes_json(report.ops);
  object["weights"] = changes_json(report.weights);
  object["nodes"] = changes_json(report.nodes);
  return object;
}

}  // namespace

void add_diff(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<DiffFlags>();
  CLI::App* app = program.add_subcommand("diff", "Tell what differs in the structure of two models: signatures, ops, weights, nodes.");
  app->footer(R"(- is only in the first, + only in the second, ! is in both but otherwise, = has another name but the same content. Nothing is run:
`isomer verify` tells whether the models compute the same.
Exit code: 0 the same, 1 different or failed, 2 the call was wrong.

Examples:
  isomer diff old_model/ new_model/
  isomer diff saved_model/ web_model/ --json)");
  app->add_option("FIRST", options->first_path, "a model of any format that Isomer reads")->required();
  app->add_option("SECOND", options->second_path, "the model to compare with it")->required();
  app->add_flag("--freeze", options->freeze, "compare once variables are constants and calls are inlined (default for different formats)");
  app->add_flag("--as_read", options->as_read, "compare the models as they are (default for the same format)");
  app->add_flag("--all", options->all, "print all differences, not the first 20 of each sort");
  options->first.add_to(*app);
  options->second.add_to(*app, "second_");
  add_voice_options(*app, options->voice);
  app->callback([app, options, &exit_code] {
    const auto report = execute(*app, *options);
    if (!report) {
      exit_code = report_failure(report.error(), options->voice);
      return;
    }
    if (options->voice.json) {
      print_json(to_json(*report));
    } else if (!options->voice.quiet) {
      print(*report, *options);
    }
    exit_code = report->same() ? kDone : kFailed;
  });
}

}  // namespace isomer::cli
