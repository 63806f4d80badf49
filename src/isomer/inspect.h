// What a model is, and what can become of it.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "isomer/load.h"
#include "passes/legalize.h"

namespace isomer {

struct PortSummary {
  std::string key;
  TensorType type;  // kInvalid: the file does not say
};

// Something that can be called: a signature, or a function of a model without signatures.
struct CallableSummary {
  std::string name;
  std::string tags;  // of its MetaGraph, comma separated; SavedModels only
  bool is_function = false;
  bool is_default = false;  // what is taken when nobody chooses
  bool ports_known = true;  // false: a function, whose inputs and outputs show only when it is chosen
  std::vector<PortSummary> inputs, outputs;
};

// Values of one kind that a model stores.
struct StoredValues {
  int64_t tensors = 0, elements = 0, bytes = 0;
};

// An op of the model as it was read. tf.js does not run it, in no form that Isomer knows.
struct UnsupportedNode {
  std::string function, node, op;
  std::string reason;
  std::string advice;
};

// One way from here: to a graph model, or to a layers model.
struct Route {
  Format target;
  bool open = false;
  std::string command;              // with OUTPUT for the folder to write; empty when closed
  std::string why;                  // what it gives, or why it is closed
  std::vector<std::string> losses;  // what is not the same afterwards
};

enum class Use { kTrainable, kInferenceOnly, kUnknown };

struct Inspection {
  Recognised source;
  std::string title;                  // "TensorFlow SavedModel, written by TensorFlow 2.19.0"
  std::vector<std::string> facts;     // more about the file: Keras metadata, quantised weights, ...
  std::vector<std::string> tag_sets;  // of a SavedModel
  std::vector<CallableSummary> callables;
  std::vector<std::string> output_candidates;        // of a frozen graph
  std::string examined;                              // the signature, function or output nodes that what follows is about
  std::optional<StoredValues> variables, constants;  // as far as what was examined uses them
  std::vector<std::pair<std::string, int64_t>> ops;  // of all functions; most frequent first
  bool checked_for_tfjs = false;
  std::vector<UnsupportedNode> unsupported;
  std::optional<std::string> execution;  // needs_async of isomer/convert.h
  Use use = Use::kUnknown;
  std::vector<Route> routes;
  std::optional<Error> error;  // where the examination ended; all that was found before is there

  int64_t parameters() const;  // elements of the variables; of the constants where there are no variables
};

// Looks at the file and examines one callable as `convert` would, without writing anything. An error only where not even the format can be told. A
// format that Isomer only recognises is no error.
Result<Inspection> inspect_model(const std::string& path, const LoadOptions& options);

}  // namespace isomer
