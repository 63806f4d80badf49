#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>

#include "cli/command.h"
#include "cli/input_flags.h"
#include "isomer/verify.h"

namespace isomer::cli {
namespace {

struct VerifyFlags {
  Voice voice;
  SourceOptions first, second;
  InputFlags inputs;
  std::string first_path, second_path;
  bool tensorflow = false;
  VerifyOptions verify;
};

Result<VerifyReport> execute(const CLI::App& app, VerifyFlags& options, Progress& progress) {
  VerifyOptions& verify = options.verify;
  verify.first = TRY(options.first.finish(app));
  verify.second = TRY(options.second.finish(app));
  verify.inputs = TRY(options.inputs.finish());
  verify.tfjs_compat = !options.tensorflow;
  if (!options.voice.quiet && !options.voice.json) verify.progress = &progress;
  return verify_models(options.first_path, options.second_path, verify);
}

std::string describe_node(const PartingNode& node) {
  std::string text = node.name + " (" + node.op + ")" + (node.origin.empty() ? "" : ", from " + node.origin);
  for (const std::string& weight : node.own_weights) text += "\n             its weight " + weight + " is not in the other model";
  return text;
}

void print_parting(const Parting& parting) {
  std::printf("\nwhere they part, looking back from %s:\n", parting.output.c_str());
  if (parting.first.empty() && parting.second.empty()) std::printf("  no node: all values before it are alike\n");
  for (const auto& [which, nodes] : {std::pair("first", &parting.first), std::pair("second", &parting.second)})
    for (const PartingNode& node : *nodes) std::printf("  %-6s     %s\n", which, describe_node(node).c_str());
  if (parting.apart) std::printf("  there      %s\n", describe_difference(*parting.apart).c_str());
  if (!parting.first.empty() || !parting.second.empty()) std::printf("  All inputs of these nodes have equals in the other model, their results have not.\n");
}

void print(const VerifyReport& report, const VerifyFlags& options) {
  std::printf("first   %s: %s\nsecond  %s: %s\n", options.first_path.c_str(), std::string(info(report.first.format).name).c_str(), options.second_path.c_str(),
              std::string(info(report.second.format).name).c_str());
  for (const auto& [what, matches] : {std::pair("input", &report.inputs), std::pair("output", &report.outputs)}) {
    for (const PortMatch& match : *matches) {
      if (match.first == match.second) continue;
      std::printf("%s %s is %s in the second (by %s)\n", what, match.first.c_str(), match.second.c_str(), match.by_name ? "name" : "order and type");
    }
  }
  std::printf("\n");
  for (const OutputDifference& difference : report.differences)
    std::printf("%-8s %s\n", difference.equal ? "equal" : "DIFFERS", describe_difference(difference).c_str());
  if (report.parting) print_parting(*report.parting);
  const Tolerance& tolerance = options.verify.tolerance;
  std::printf("\n%s: %s, %s of inputs, tolerance %g + %g relative\n", report.equal() ? "equal" : "NOT EQUAL",
              plural(static_cast<int64_t>(report.differences.size()), "output").c_str(), plural(report.samples, "sample").c_str(), tolerance.absolute,
              tolerance.relative);
}

JsonValue nodes_json(const std::vector<PartingNode>& nodes) {
  JsonValue::Array array;
  for (const PartingNode& node : nodes) {
    JsonValue entry = JsonValue::object();
    entry["function"] = JsonValue(node.function);
    entry["name"] = JsonValue(node.name);
    entry["op"] = JsonValue(node.op);
    if (!node.origin.empty()) entry["origin"] = JsonValue(node.origin);
    JsonValue::Array weights;
    for (const std::string& weight : node.own_weights) weights.emplace_back(weight);
    entry["own_weights"] = JsonValue(std::move(weights));
    array.push_back(std::move(entry));
  }
  return JsonValue(std::move(array));
}

JsonValue matches_json(const std::vector<PortMatch>& matches) {
  JsonValue::Array array;
  for (const PortMatch& match : matches) {
    JsonValue entry = JsonValue::object();
    entry["first"] = JsonValue(match.first);
    entry["second"] = JsonValue(match.second);
    entry["by"] = match.by_name ? "name" : "order";
    array.push_back(std::move(entry));
  }
  return JsonValue(std::move(array));
}

JsonValue to_json(const VerifyReport& report) {
  JsonValue object = JsonValue::object();
  object["ok"] = true;
  object["equal"] = report.equal();
  object["first_format"] = JsonValue(info(report.first.format).name);
  object["second_format"] = JsonValue(info(report.second.format).name);
  object["samples"] = report.samples;
  object["inputs"] = matches_json(report.inputs);
  object["output_names"] = matches_json(report.outputs);
  JsonValue::Array outputs;
  for (const OutputDifference& difference : report.differences) outputs.push_back(difference_json(difference));
  object["outputs"] = JsonValue(std::move(outputs));
  if (report.parting) {
    JsonValue parting = JsonValue::object();
    parting["output"] = JsonValue(report.parting->output);
    parting["first"] = nodes_json(report.parting->first);
    parting["second"] = nodes_json(report.parting->second);
    object["parting"] = std::move(parting);
  }
  return object;
}

}  // namespace

void add_verify(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<VerifyFlags>();
  CLI::App* app = program.add_subcommand("verify", "Run two models on the same inputs and tell whether they compute the same.");
  app->footer(
      R"(The models may be of any formats. Inputs and outputs are matched by name, then by order and type; inputs that are not given are drawn at random.
For each output the largest absolute and relative difference is printed, and where it is. A graph model of tf.js is run as tf.js computes it, so that
its own faults show; --tensorflow runs it by TensorFlow's rules.
Exit code: 0 equal, 1 not equal or failed, 2 the call was wrong.

Examples:
  isomer verify saved_model/ web_model/
  isomer verify saved_model/ web_model/ --input x=x.npy --rtol 1e-3
  isomer verify model.pb web_model/ --output_node_names=Softmax --samples 10 --bisect)");
  app->add_option("FIRST", options->first_path, "a model of any format that Isomer reads")->required();
  app->add_option("SECOND", options->second_path, "the model to compare with it")->required();
  options->inputs.add_to(*app, "--input", " (default: random:0 for all; names are those of the first model)");
  app->add_option("--samples", options->verify.samples, "how many times inputs are drawn")->capture_default_str();
  app->add_option("--seed", options->verify.seed, "of the drawn inputs")->capture_default_str();
  app->add_option("--atol", options->verify.tolerance.absolute, "allowed absolute difference")->capture_default_str();
  app->add_option("--rtol", options->verify.tolerance.relative, "allowed relative difference")->capture_default_str();
  app->add_flag("--bisect", options->verify.bisect, "where they differ, find the first node that does");
  app->add_flag("--tensorflow", options->tensorflow, "run graph models of tf.js by TensorFlow's rules");
  options->first.add_to(*app);
  options->second.add_to(*app, "second_");
  add_voice_options(*app, options->voice);
  app->callback([app, options, &exit_code] {
    Progress progress;
    const auto report = execute(*app, *options, progress);
    if (!report) {
      exit_code = report_failure(report.error(), options->voice);
      return;
    }
    progress.stage("");
    if (options->voice.json) {
      print_json(to_json(*report));
    } else if (!options->voice.quiet) {
      print(*report, *options);
    }
    exit_code = report->equal() ? kDone : kFailed;
  });
}

}  // namespace isomer::cli
