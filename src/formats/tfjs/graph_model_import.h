// TensorFlow.js graph model to the IR.
#pragma once

#include "formats/import_options.h"
#include "formats/tfjs/document.h"
#include "ir/module.h"

namespace isomer::tfjs {

// The module has one signature, named as options.signature or "serving_default"; inputs and outputs keep keys and order. A model without a
// signature takes its placeholders and gives the nodes that nothing uses, as tf.js does; options.output_node_names chooses others.
// Weights stay mapped slices of the files (quantised ones are decoded).
Result<ir::Module> import_graph_model(const GraphModelDocument& document, const ImportOptions& options, const Limits& limits, TensorAllocator& allocator);

}  // namespace isomer::tfjs
