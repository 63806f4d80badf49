// Values of small integer tensors as far as they are known at compile time: shapes, axes and sizes that a graph computes from the shapes of its tensors.
//
// Reshape(x, Pack(StridedSlice(Shape(x), 0, 1), 25088)) has the shape [?,25088] where the batch of x is not known; inference needs to see that.
#pragma once

#include <optional>
#include <vector>

#include "ir/graph.h"

namespace isomer::ops {

// Elements in C order; nullopt where one is not known.
using PartialElements = std::vector<std::optional<int64_t>>;

// The elements of an integer tensor; nullopt when not even their number is known, when the tensor is large, or when the expression behind it is long.
std::optional<PartialElements> partial_elements(const ir::Graph& graph, ir::ValueId value);

// An integer scalar or vector as a shape: unknown and negative elements are unknown dimensions; a scalar gives rank 1. nullopt as above.
std::optional<PartialShape> partial_value(const ir::Graph& graph, ir::ValueId value);

// --- inputs of a node under inference

// Input `i`, a vector of sizes, as a shape: as partial_value, else what its own length tells. InvalidModel when it is no vector or longer than any rank.
Result<PartialShape> shape_from_input(ir::InferContext& c, int64_t i);
// The only element of input `i`, when known.
std::optional<int64_t> scalar_from_input(ir::InferContext& c, int64_t i);
// All elements of input `i`, when all are known.
std::optional<std::vector<int64_t>> elements_from_input(ir::InferContext& c, int64_t i);

}  // namespace isomer::ops
