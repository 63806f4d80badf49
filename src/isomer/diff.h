// What differs in the structure of two models.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "isomer/load.h"

namespace isomer {

struct DiffOptions {
  LoadOptions first, second;
  // Compare what is left once variables are constants and calls are inlined; by default so for models of different formats, where little else would be
  // alike.
  std::optional<bool> freeze;
  Limits limits;
};

// One thing that one model has and the other has not, or has otherwise. An empty text: the model has no such thing.
struct Change {
  std::string name;
  std::string first, second;
};

struct DiffReport {
  Recognised first, second;
  bool frozen = false;
  std::vector<Change> signature;  // inputs and outputs ("input x") with types, and their order
  std::vector<Change> ops;        // how often each op occurs, where the numbers differ
  // Variables and constants of at least 8 elements. Found under another name with the same elements: the name is "a -> b" and both texts are equal.
  std::vector<Change> weights;
  std::vector<Change> nodes;  // of all functions, by name: op, attributes, inputs
  int64_t first_nodes = 0, second_nodes = 0;
  int64_t equal_weights = 0;  // same name, same elements
  bool same() const { return signature.empty() && ops.empty() && weights.empty() && nodes.empty(); }
};

Result<DiffReport> diff_models(const std::string& first, const std::string& second, const DiffOptions& options);

}  // namespace isomer
