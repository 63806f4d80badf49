#include "isomer/inspect_routes.h"

#include <algorithm>

#include "formats/keras/saved_model.h"

namespace isomer {
namespace {

// A word as a shell takes it.
std::string quoted(const std::string& word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./:=,+@%").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

std::string convert_command(const std::string& path, const LoadOptions& asked, const LoadOptions& examined, const Inspection& inspection) {
  std::string command = "isomer convert " + quoted(path) + " OUTPUT";
  if (asked.input_format) command += " --input_format=" + std::string(info(*asked.input_format).name);
  if (examined.tags) command += " --saved_model_tags=" + quoted(*examined.tags);
  if (examined.signature) command += " --signature_name=" + quoted(*examined.signature);
  if (!examined.output_node_names.empty() && (inspection.source.format == Format::kFrozenGraph || !asked.output_node_names.empty())) {
    std::string names;
    for (const std::string& name : examined.output_node_names) names += (names.empty() ? "" : ",") + name;
    command += " --output_node_names=" + quoted(names);
  }
  return command + " --verify";
}

Route to_graph_model(const std::string& path, const LoadOptions& asked, const LoadOptions& examined, const std::vector<std::string>& narrowed,
                     const Inspection& inspection) {
  Route route{Format::kGraphModel, false, {}, {}, {}};
  const bool again = inspection.source.format == Format::kGraphModel;
  if (inspection.error) {
    route.why = "the model could not be read to its end";
    return route;
  }
  if (!info(inspection.source.format).reads) {
    route.why = "Isomer does not read this format yet";
    return route;
  }
  if (again && !asked.signature && asked.output_node_names.empty()) {
    route.open = true;
    route.command = convert_command(path, asked, examined, inspection);
    route.why = "it is one; written again with weight files of another size, without any loss";
    return route;
  }
  if (!inspection.unsupported.empty()) {
    const size_t count = inspection.unsupported.size();
    route.why = std::to_string(count) + (count == 1 ? " node cannot" : " nodes cannot") + " run in tf.js";
    return route;
  }
  route.open = true;
  route.command = convert_command(path, asked, examined, inspection);
  route.why = "every op runs in tf.js";
  route.losses.push_back("it predicts and cannot be trained: weights become constants");
  if (inspection.callables.size() > 1) route.losses.push_back("it holds one signature; the others need models of their own (--signature_name)");
  for (const std::string& text : narrowed) route.losses.push_back(text + ", the widest that tf.js has");
  if (inspection.execution) route.losses.push_back(*inspection.execution);
  return route;
}

// Layers that the file tells of: of Keras files, and of SavedModels that tf.keras wrote.
bool tells_layers(const std::string& path, const LoadOptions& asked, const Inspection& inspection) {
  if (has_layers(inspection.source.format)) return true;
  return inspection.source.format == Format::kSavedModel && keras::holds_layers(path, asked.limits);
}

Route to_layers_model(const std::string& path, const LoadOptions& asked, const Inspection& inspection) {
  Route route{Format::kLayersModel, false, {}, {}, {}};
  if (tells_layers(path, asked, inspection)) {
    if (inspection.error && inspection.error->code != ErrorCode::kUnsupported) {
      route.why = "the model could not be read to its end";
      return route;
    }
    route.open = true;
    route.command = "isomer convert " + quoted(path) + " OUTPUT --output_format=tfjs_layers_model";
    if (asked.input_format) route.command += " --input_format=" + std::string(info(*asked.input_format).name);
    if (!asked.weights.empty()) route.command += " --weights=" + quoted(asked.weights);
    route.why = inspection.source.format == Format::kLayersModel ? "it is one; written again with other weight files"
                                                                 : "its layers stay layers, and can be trained further";
    return route;
  }
  switch (inspection.source.format) {
    case Format::kGraphModel: route.why = "a graph model holds ops, not layers, and there is no way back: start from the Keras model it was made of"; break;
    case Format::kFrozenGraph: route.why = "a frozen graph holds ops, not layers: start from the Keras model, where there is one"; break;
    default: {
      const bool keras =
          std::any_of(inspection.facts.begin(), inspection.facts.end(), [](const std::string& fact) { return fact.starts_with("made by Keras"); });
      route.why = keras ? "it holds what Keras exported, ops: start from the Keras model" : "it holds ops, not Keras layers";
    }
  }
  return route;
}

}  // namespace

std::vector<Route> find_routes(const std::string& path, const LoadOptions& asked, const LoadOptions& examined, const std::vector<std::string>& narrowed,
                               const Inspection& inspection) {
  return {to_graph_model(path, asked, examined, narrowed, inspection), to_layers_model(path, asked, inspection)};
}

}  // namespace isomer
