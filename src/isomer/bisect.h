// Where two models part.
#pragma once

#include <string>
#include <vector>

#include "isomer/compare.h"
#include "isomer/run.h"

namespace isomer {

// A node whose inputs the other model has too (within the tolerance), and whose result it has not.
struct PartingNode {
  std::string function, name, op;
  std::string origin;                    // op and name in the source file, where they differ
  std::vector<std::string> own_weights;  // of its inputs that depend on no input of the model, those that the other model lacks
};

struct Parting {
  std::string output;                     // the output that was followed back, by its key in the first model
  std::vector<PartingNode> first;         // in the first model; empty where all values of the output's ancestors have counterparts
  std::vector<PartingNode> second;        // likewise in the second
  std::optional<OutputDifference> apart;  // between the results of the first of each, where shape and kind are the same
};

// Runs both modules and compares all values that flow in them. Names do not count, since conversions change them: a value has a counterpart where the other
// model computes one of the same kind and shape with elements within the tolerance. From the output, nodes without counterpart are followed back to those
// all of whose inputs have one.
Result<Parting> find_parting(const ir::Module& first, const std::vector<NamedTensor>& first_inputs, const RunOptions& first_options, const ir::Module& second,
                             const std::vector<NamedTensor>& second_inputs, const RunOptions& second_options, const std::string& first_output,
                             const std::string& second_output, const Tolerance& tolerance);

}  // namespace isomer
