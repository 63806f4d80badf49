// Whether the parts of a graph model fit each other, where nothing imports it.
#pragma once

#include "formats/tfjs/document.h"

namespace isomer::tfjs {

// Checks, for the topology and the initialiser, that each node has a name of its own and an op, that inputs are nodes of the graph, that nothing but a
// loop of TensorFlow 1 waits for itself, and that signatures can be read and their outputs are nodes. InvalidModel otherwise, with the node as place.
// tf.js itself would fail on such a model when it runs, or leave the output out.
Result<void> check_graph_model(const GraphModelDocument& document);

}  // namespace isomer::tfjs
