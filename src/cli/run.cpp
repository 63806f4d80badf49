#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "cli/command.h"
#include "cli/input_flags.h"
#include "ir/text.h"
#include "isomer/outputs.h"
#include "isomer/ports.h"
#include "isomer/profile.h"
#include "isomer/run.h"
#include "isomer/sample.h"
#include "isomer/top.h"

namespace isomer::cli {
namespace {

struct RunFlags {
  Voice voice;
  SourceOptions source;
  InputFlags inputs;
  std::string model, output, fetch, labels;
  int64_t top = 0, repeat = 1;
  double timeout = 0;
  bool time = false, profile = false;
  RunOptions run;
};

struct Ran {
  std::vector<NamedTensor> outputs;
  std::vector<double> seconds;  // of each run
  std::vector<ProfileRow> profile;
  std::vector<std::string> labels;
  std::vector<std::string> notes;  // about the model
};

// Counts the nodes of the function that is run; a loop may take its time at one of them.
void show_progress(const ir::Module& module, const ir::Function* function, Progress& progress, RunOptions& run) {
  int64_t constants = 0;
  for (const ir::NodeId id : function->graph.live_nodes()) constants += function->graph.node(id).is("Const");
  progress.stage("running", function->graph.live_count() - constants);
  run.observer.after = [&module, function, &progress, inner = std::move(run.observer.after)](const ir::Function& f, const ir::Node& node,
                                                                                             std::span<const ir::RuntimeValue> results) {
    if (inner) inner(f, node, results);
    progress.advance(&f == function && !node.is("Const") ? 1 : 0);
  };
}

Result<Ran> execute(const CLI::App& app, const RunFlags& options) {
  LoadOptions load = TRY(options.source.finish(app));
  load.seed = options.run.seed;
  const InputRequest request = TRY(options.inputs.finish());
  if (options.repeat < 1) return fail(ErrorCode::kInvalidArgument, "--repeat must be positive, found " + std::to_string(options.repeat));
  Progress progress;
  progress.stage("reading " + options.model);
  LoadedModel model = TRY(load_model(options.model, load));
  Ran ran;
  ran.notes = model.notes;
  if (!options.labels.empty()) ran.labels = TRY(read_labels(options.labels, load.limits));
  TRY(cut_at(model.module, TRY(names_to_cut(model.module, request)), load.limits));
  if (!options.fetch.empty()) TRY(choose_outputs(model.module, split_list(options.fetch), load.limits));
  const ir::Function* function = TRY(entry_function(static_cast<const ir::Module&>(model.module)));
  GivenInputs given = TRY(read_inputs(model.module, request, load.limits));

  RunOptions run = options.run;
  run.limits = load.limits;
  if (options.timeout > 0)
    run.limits.deadline =
        std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(options.timeout));
  std::vector<NamedTensor> inputs = given.tensors;
  if (given.random_rest || !given.random.empty()) {
    SampleRequest sample;
    sample.given = std::move(given);
    sample.shapes = request.shapes;
    inputs = TRY(sample_run(model.module, sample, run)).inputs;
  }
  Profile profile;
  if (options.profile) run.observer = profile.observer();
  if (!options.voice.quiet && !options.voice.json) show_progress(model.module, function, progress, run);
  for (int64_t i = 0; i < options.repeat; ++i) {
    const auto start = std::chrono::steady_clock::now();
    ran.outputs = TRY(run_model(model.module, inputs, run));
    ran.seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  ran.profile = profile.rows();
  if (!options.output.empty()) TRY(write_outputs(options.output, ran.outputs));
  return ran;
}

std::string milliseconds(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, seconds < 0.1 ? "%.3f ms" : "%.1f ms", seconds * 1e3);
  return text;
}

std::string summary(const NamedTensor& output) {
  std::string text = output.name + "  " + type_text(output.value);
  if (output.value.elements() <= 16) text += "  " + ir::print_tensor(output.value).substr(type_text(output.value).size());
  return text;
}

std::string label_of(const Ran& ran, int64_t index) {
  return index < static_cast<int64_t>(ran.labels.size()) ? ran.labels[static_cast<size_t>(index)] : std::string();
}

// "  0.912   282  tiger cat"
void print_top(const Ran& ran, const NamedTensor& output, int64_t count) {
  const auto rows = top_classes(output.value, count);
  for (size_t row = 0; row < rows.size(); ++row) {
    if (rows.size() > 1) std::printf("    row %zu\n", row);
    for (const RankedClass& c : rows[row]) std::printf("    %-12.6g %6lld  %s\n", c.score, static_cast<long long>(c.index), label_of(ran, c.index).c_str());
  }
}

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void print_profile(const std::vector<ProfileRow>& rows, size_t runs) {
  double total = 0;
  for (const ProfileRow& row : rows) total += row.seconds;
  std::printf("\n  %-28s %8s %12s %7s\n", "op", "calls", "time", "share");
  for (const ProfileRow& row : rows) {
    const double share = total > 0 ? 100 * row.seconds / total : 0;
    std::printf("  %-28s %8lld %12s %6.1f%%\n", row.op.c_str(), static_cast<long long>(row.calls / static_cast<int64_t>(runs)),
                milliseconds(row.seconds / static_cast<double>(runs)).c_str(), share);
  }
}

void print(const Ran& ran, const RunFlags& options) {
  std::printf("ran %s: %s\n", options.model.c_str(), plural(static_cast<int64_t>(ran.outputs.size()), "output").c_str());
  for (const NamedTensor& output : ran.outputs) {
    std::printf("  %s\n", summary(output).c_str());
    if (options.top > 0) print_top(ran, output, options.top);
  }
  for (const std::string& note : ran.notes) std::printf("note: %s\n", note.c_str());
  if (options.time) {
    std::printf("time: %s", milliseconds(median_of(ran.seconds)).c_str());
    if (ran.seconds.size() > 1) {
      std::printf(" (median of %zu runs, fastest %s)", ran.seconds.size(), milliseconds(*std::min_element(ran.seconds.begin(), ran.seconds.end())).c_str());
    }
    std::printf("\n");
  }
  if (options.profile) print_profile(ran.profile, ran.seconds.size());
  if (!options.output.empty()) std::printf("wrote %s\n", options.output.c_str());
}

JsonValue top_json(const Ran& ran, const NamedTensor& output, int64_t count) {
  JsonValue::Array rows;
  for (const auto& row : top_classes(output.value, count)) {
    JsonValue::Array classes;
    for (const RankedClass& c : row) {
      JsonValue entry = JsonValue::object();
      entry["index"] = c.index;
      entry["score"] = c.score;
      if (const std::string label = label_of(ran, c.index); !label.empty()) entry["label"] = JsonValue(label);
      classes.push_back(std::move(entry));
    }
    rows.emplace_back(std::move(classes));
  }
  return JsonValue(std::move(rows));
}

JsonValue to_json(const Ran& ran, const RunFlags& options) {
  JsonValue object = JsonValue::object();
  object["ok"] = true;
  JsonValue::Array list;
  for (const NamedTensor& output : ran.outputs) {
    JsonValue entry = JsonValue::object();
    entry["name"] = JsonValue(output.name);
    entry["dtype"] = JsonValue(to_string(output.value.dtype()));
    JsonValue::Array shape;
    for (const int64_t size : output.value.shape()) shape.emplace_back(size);
    entry["shape"] = JsonValue(std::move(shape));
    if (options.top > 0) entry["top"] = top_json(ran, output, options.top);
    list.push_back(std::move(entry));
  }
  object["outputs"] = JsonValue(std::move(list));
  JsonValue::Array notes;
  for (const std::string& note : ran.notes) notes.emplace_back(note);
  if (!notes.empty()) object["notes"] = JsonValue(std::move(notes));
  // The values lie there.
  if (!options.output.empty()) object["written"] = JsonValue(options.output);
  if (options.time) {
    JsonValue::Array seconds;
    for (const double value : ran.seconds) seconds.emplace_back(value);
    object["seconds"] = JsonValue(std::move(seconds));
  }
  if (options.profile) {
    JsonValue::Array rows;
    for (const ProfileRow& row : ran.profile) {
      JsonValue entry = JsonValue::object();
      entry["op"] = JsonValue(row.op);
      entry["calls"] = row.calls;
      entry["seconds"] = row.seconds;
      rows.push_back(std::move(entry));
    }
    object["profile"] = JsonValue(std::move(rows));
  }
  return object;
}

}  // namespace

void add_run(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<RunFlags>();
  CLI::App* app = program.add_subcommand("run", "Run a model on given inputs with the reference kernels.");
  app->footer(R"(The kernels are made to be right, not fast. Small results are printed; --output keeps them all.

Examples:
  isomer run saved_model/ --input x=x.npy
  isomer run web_model/ --input photo.jpg --image_mean 127.5 --image_scale 1/127.5 --top 5 --labels labels.txt
  isomer run web_model/ --input random:1 --time --repeat 10 --profile
  isomer run web_model/ --input image=image.npy --fetch block_3/add,logits --output values.npz
  isomer run web_model/ --input block_3/add=activation.npy        from the middle of the model on

`isomer inspect MODEL` tells the names and types of the inputs.)");
  app->add_option("MODEL", options->model, "a model of any format that Isomer reads")->required();
  options->inputs.add_to(*app, "--input", "");
  app->add_option("--output", options->output,
                  "a directory for outputs.json and one .npy (strings: .json) for each output; or FILE.npz, or FILE.json with the values");
  app->add_option("--fetch", options->fetch, "NAMES of outputs or of nodes inside (NODE or NODE:INDEX) to give in place of the outputs, separated by commas");
  app->add_option("--top", options->top, "print the N largest values of each row, and which they are");
  app->add_option("--labels", options->labels, "names of classes for --top: one a line, or a JSON list or object");
  options->source.add_to(*app);
  app->add_flag("--tfjs-compat", options->run.tfjs_compat, "compute as TensorFlow.js does where it differs from TensorFlow");
  app->add_option("--seed", options->run.seed, "of random ops, and of the weights of a model that is stored without")->capture_default_str();
  app->add_flag("--time", options->time, "print how long the run took, reading left out");
  app->add_option("--repeat", options->repeat, "run N times (for --time and --profile)")->capture_default_str();
  app->add_flag("--profile", options->profile, "print a table of the time by op");
  app->add_option("--timeout", options->timeout, "end the run with an error after this many seconds");
  add_voice_options(*app, options->voice);
  app->callback([app, options, &exit_code] {
    auto ran = execute(*app, *options);
    if (!ran) {
      if (ran.error().code == ErrorCode::kLimitExceeded && ran.error().hint.empty())
        ran.error().hint = "the run asks for more time, memory or steps than it may take; --timeout sets the time";
      exit_code = report_failure(ran.error(), options->voice);
      return;
    }
    if (options->voice.json) {
      print_json(to_json(*ran, *options));
    } else if (!options->voice.quiet) {
      print(*ran, *options);
    }
  });
}

}  // namespace isomer::cli
