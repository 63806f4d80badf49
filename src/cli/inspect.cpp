#include "isomer/inspect.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/command.h"

namespace isomer::cli {
namespace {

struct InspectFlags {
  Voice voice;
  SourceOptions source;
  std::string path;
};

constexpr size_t kShownPorts = 12, kShownOps = 8, kShownUnsupported = 20, kShownCandidates = 20;

// One aligned line; without a label it continues the line above.
std::string line(std::string_view label, const std::string& text) {
  std::string result(label);
  result.resize(std::max<size_t>(14, label.size() + 1), ' ');
  return result + text + "\n";
}

std::string port_type(const PortSummary& port) { return port.type.dtype == DType::kInvalid ? "(type not said)" : to_string(port.type); }

size_t widest_key(const std::vector<PortSummary>& ports) {
  size_t width = 0;
  for (const PortSummary& port : ports) width = std::max(width, std::min<size_t>(port.key.size(), 40));
  return width;
}

std::string describe_ports(const char* label, const std::vector<PortSummary>& ports, size_t width) {
  std::string text;
  for (size_t i = 0; i < std::min(ports.size(), kShownPorts); ++i) {
    std::string key = ports[i].key;
    key.resize(std::max(width, key.size()), ' ');
    text += line("", "  " + std::string(label) + key + "  " + port_type(ports[i]));
  }
  if (ports.size() > kShownPorts) text += line("", "  and " + human_count(static_cast<int64_t>(ports.size() - kShownPorts)) + " more");
  return text;
}

std::string describe_callables(const Inspection& inspection) {
  std::string text;
  for (const CallableSummary& callable : inspection.callables) {
    std::string name = callable.name;
    if (inspection.tag_sets.size() > 1) name += " [tags " + (callable.tags.empty() ? "none" : callable.tags) + "]";
    if (callable.is_default && inspection.callables.size() > 1) name += " (examined below)";
    text += line(callable.is_function ? "function" : "signature", name);
    if (!callable.ports_known) text += line("", "  inputs and outputs: isomer inspect --signature_name=" + callable.name);
    const size_t width = std::max(widest_key(callable.inputs), widest_key(callable.outputs));
    text += describe_ports("in   ", callable.inputs, width) + describe_ports("out  ", callable.outputs, width);
  }
  return text;
}

std::string describe_stored(const StoredValues& values, std::string_view noun) {
  return human_count(values.elements) + " in " + plural(values.tensors, noun) + " (" + human_bytes(values.bytes) + ")";
}

std::string describe_contents(const Inspection& inspection) {
  std::string text;
  if (inspection.variables && inspection.variables->tensors > 0) {
    text += line("parameters", describe_stored(*inspection.variables, "variable"));
    if (inspection.constants->tensors > 0) text += line("", "and " + describe_stored(*inspection.constants, "constant"));
  } else if (inspection.constants) {
    text += line("parameters", describe_stored(*inspection.constants, "constant"));
  }
  if (inspection.ops.empty()) return text;
  int64_t nodes = 0;
  std::string list;
  for (size_t i = 0; i < inspection.ops.size(); ++i) {
    nodes += inspection.ops[i].second;
    if (i < kShownOps) list += (i ? ", " : "") + inspection.ops[i].first + " " + human_count(inspection.ops[i].second);
  }
  if (inspection.ops.size() > kShownOps) list += ", and " + plural(static_cast<int64_t>(inspection.ops.size() - kShownOps), "other kind");
  return text + line("nodes", human_count(nodes) + ": " + list);
}

std::string describe_unsupported(const Inspection& inspection) {
  if (!inspection.checked_for_tfjs) return {};
  if (inspection.unsupported.empty()) return line("tf.js", "runs every node, once converted" + (inspection.execution ? "; " + *inspection.execution : ""));
  std::string text = line("tf.js", plural(static_cast<int64_t>(inspection.unsupported.size()), "node") + " cannot run there:");
  for (size_t i = 0; i < std::min(inspection.unsupported.size(), kShownUnsupported); ++i) {
    const UnsupportedNode& node = inspection.unsupported[i];
    text += line("", "  " + node.op + " '" + node.node + "' in '" + node.function + "': " + node.reason);
    text += line("", "    advice: " + node.advice);
  }
  if (inspection.unsupported.size() > kShownUnsupported)
    text += line("", "  and " + human_count(static_cast<int64_t>(inspection.unsupported.size() - kShownUnsupported)) + " more");
  return text;
}

std::string describe_routes(const Inspection& inspection) {
  std::string text = "\nlayers model (trainable) or graph model (predicts only)?\n";
  switch (inspection.use) {
    case Use::kTrainable: text += line("  now", "trainable: it holds Keras layers"); break;
    case Use::kInferenceOnly: text += line("  now", "predicts only: it holds ops and weights, and nothing to train them with"); break;
    case Use::kUnknown: text += line("  now", "not known"); break;
  }
  for (const Route& route : inspection.routes) {
    text += line(route.target == Format::kGraphModel ? "  graph model" : "  layers model", (route.open ? "yes: " : "no: ") + route.why);
    if (!route.command.empty()) text += line("", route.command);
    for (const std::string& loss : route.losses) text += line("", "- " + loss);
  }
  return text;
}

std::string summary(const Inspection& inspection) {
  if (inspection.error) return "not readable to its end";
  if (!info(inspection.source.format).reads) return "recognised, but not read by this version of Isomer";
  const bool again = inspection.source.format == Format::kGraphModel;
  if (!inspection.unsupported.empty() && !again)
    return "cannot become a graph model as it is: " + plural(static_cast<int64_t>(inspection.unsupported.size()), "node") + " cannot run in tf.js";
  return std::string(again ? "a graph model" : "can become a graph model") + " of " + plural(inspection.parameters(), "parameter") +
         (inspection.execution ? ", run with executeAsync()" : ", run with predict()");
}

std::string describe(const Inspection& inspection, const std::string& path) {
  std::string text = path + ": " + inspection.title + "\n\n";
  text += line("format", std::string(info(inspection.source.format).name));
  for (const std::string& fact : inspection.facts) text += line("", fact);
  for (size_t i = 0; i < inspection.tag_sets.size(); ++i)
    text += line(i == 0 ? "tags" : "", inspection.tag_sets[i].empty() ? "(none)" : inspection.tag_sets[i]);
  text += describe_callables(inspection);
  for (size_t i = 0; i < std::min(inspection.output_candidates.size(), kShownCandidates); ++i)
    text += line(i == 0 ? "outputs" : "", inspection.output_candidates[i]);
  if (inspection.output_candidates.size() > kShownCandidates)
    text += line("", "and " + human_count(static_cast<int64_t>(inspection.output_candidates.size() - kShownCandidates)) + " more");
  text += describe_contents(inspection) + describe_unsupported(inspection) + describe_routes(inspection);
  return text + "\nsummary: " + summary(inspection) + "\n";
}

// --- the same for programs ---

JsonValue strings(const std::vector<std::string>& items) {
  JsonValue::Array array;
  for (const std::string& item : items) array.emplace_back(item);
  return JsonValue(std::move(array));
}

JsonValue ports_json(const std::vector<PortSummary>& ports) {
  JsonValue::Array array;
  for (const PortSummary& port : ports) {
    JsonValue entry = JsonValue::object();
    entry["name"] = JsonValue(port.key);
    if (port.type.dtype != DType::kInvalid) {
      entry["dtype"] = JsonValue(to_string(port.type.dtype));
      if (port.type.shape.has_rank()) {
        JsonValue::Array shape;
        for (const int64_t size : port.type.shape.dims()) shape.push_back(size == kUnknownDim ? JsonValue() : JsonValue(size));
        entry["shape"] = JsonValue(std::move(shape));
      }
    }
    array.push_back(std::move(entry));
  }
  return JsonValue(std::move(array));
}

JsonValue stored_json(const StoredValues& values) {
  JsonValue object = JsonValue::object();
  object["tensors"] = values.tensors;
  object["elements"] = values.elements;
  object["bytes"] = values.bytes;
  return object;
}

JsonValue callables_json(const Inspection& inspection) {
  JsonValue::Array array;
  for (const CallableSummary& callable : inspection.callables) {
    JsonValue entry = JsonValue::object();
    entry["name"] = JsonValue(callable.name);
    entry["kind"] = callable.is_function ? "function" : "signature";
    if (!inspection.tag_sets.empty()) entry["tags"] = JsonValue(callable.tags);
    entry["examined"] = callable.is_default;
    if (callable.ports_known) {
      entry["inputs"] = ports_json(callable.inputs);
      entry["outputs"] = ports_json(callable.outputs);
    }
    array.push_back(std::move(entry));
  }
  return JsonValue(std::move(array));
}

JsonValue unsupported_json(const Inspection& inspection) {
  JsonValue::Array array;
  for (const UnsupportedNode& node : inspection.unsupported) {
    JsonValue entry = JsonValue::object();
    entry["op"] = JsonValue(node.op);
    entry["node"] = JsonValue(node.node);
    entry["function"] = JsonValue(node.function);
    entry["reason"] = JsonValue(node.reason);
    entry["advice"] = JsonValue(node.advice);
    array.push_back(std::move(entry));
  }
  return JsonValue(std::move(array));
}

JsonValue routes_json(const Inspection& inspection) {
  JsonValue::Array array;
  for (const Route& route : inspection.routes) {
    JsonValue entry = JsonValue::object();
    entry["target"] = JsonValue(info(route.target).name);
    entry["open"] = route.open;
    entry["why"] = JsonValue(route.why);
    if (!route.command.empty()) entry["command"] = JsonValue(route.command);
    entry["losses"] = strings(route.losses);
    array.push_back(std::move(entry));
  }
  return JsonValue(std::move(array));
}

JsonValue to_json(const Inspection& inspection, const std::string& path) {
  JsonValue object = JsonValue::object();
  object["ok"] = !inspection.error.has_value();
  object["path"] = JsonValue(path);
  object["format"] = JsonValue(info(inspection.source.format).name);
  object["readable"] = info(inspection.source.format).reads;
  object["title"] = JsonValue(inspection.title);
  object["facts"] = strings(inspection.facts);
  if (!inspection.tag_sets.empty()) object["tag_sets"] = strings(inspection.tag_sets);
  object["signatures"] = callables_json(inspection);
  if (!inspection.output_candidates.empty()) object["output_candidates"] = strings(inspection.output_candidates);
  if (!inspection.examined.empty()) object["examined"] = JsonValue(inspection.examined);
  if (inspection.constants) {
    object["parameters"] = inspection.parameters();
    object["variables"] = stored_json(*inspection.variables);
    object["constants"] = stored_json(*inspection.constants);
    JsonValue ops = JsonValue::object();
    for (const auto& [op, count] : inspection.ops) ops[op] = count;
    object["ops"] = std::move(ops);
  }
  if (inspection.checked_for_tfjs) {
    object["unsupported"] = unsupported_json(inspection);
    object["needs_execute_async"] = inspection.execution.has_value();
  }
  if (inspection.use != Use::kUnknown) object["trainable"] = inspection.use == Use::kTrainable;
  object["routes"] = routes_json(inspection);
  object["summary"] = JsonValue(summary(inspection));
  if (inspection.error) object["error"] = error_json(*inspection.error);
  return object;
}

int run(const CLI::App& app, const InspectFlags& options) {
  const auto load = options.source.finish(app);
  if (!load) return report_failure(load.error(), options.voice);
  const auto inspection = inspect_model(options.path, *load);
  if (!inspection) return report_failure(inspection.error(), options.voice);
  if (options.voice.json) {
    print_json(to_json(*inspection, options.path));
  } else if (!options.voice.quiet) {
    std::fputs(describe(*inspection, options.path).c_str(), stdout);
  }
  if (!inspection->error) return kDone;
  // The object with the facts holds the error too.
  Voice voice = options.voice;
  voice.json = false;
  std::fflush(stdout);
  return report_failure(*inspection->error, voice);
}

}  // namespace

void add_inspect(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<InspectFlags>();
  CLI::App* app = program.add_subcommand("inspect", "Tell what a model is, and what can become of it by which command.");
  app->footer(R"(Prints the format, signatures, parameters and ops, which nodes tf.js cannot run and why, and whether the model can become a graph
model or a layers model. Nothing is written. One signature is examined in depth: the default one, or --signature_name.
A model that is damaged still gives what can be told, and then the error (exit code 1).

Examples:
  isomer inspect saved_model/
  isomer inspect frozen.pb --output_node_names=Softmax
  isomer inspect web_model/ --json)");
  app->add_option("PATH", options->path, "a file or directory that may be a model")->required();
  options->source.add_to(*app);
  add_voice_options(*app, options->voice);
  app->callback([app, options, &exit_code] { exit_code = run(*app, *options); });
}

}  // namespace isomer::cli
