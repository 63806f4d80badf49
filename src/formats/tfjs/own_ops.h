// Nodes that only TensorFlow.js knows, or spells in its own way.
#pragma once

#include "base/error.h"

namespace isomer::tf {
class GraphDef;
}

namespace isomer::tfjs {

// Rewrites the graph's nodes and those of its library in place:
//
//   DepthwiseConv2d   DepthwiseConv2dNative
//   Conv1D            ExpandDims of input and filter, Conv2D over a height of 1, Squeeze
//   Ones, Zeros       Fill
//   StaticRegexReplace   pattern and replacement as RE2 spells them (regex_spelling.h)
//   Enter             Identity, in a graph in which no loop goes round (tf.js runs it as that; a graph can be cut there)
//
// The last node of each keeps the name. InvalidModel when a Conv1D lacks its inputs; a form that tf.js refuses too is left as it is.
Result<void> rewrite_own_ops(tf::GraphDef& graph);

// The reverse for nodes of TensorFlow that tf.js reads otherwise: StaticRegexReplace in JavaScript's spelling. A node that has none stays
// as it is.
void spell_for_tfjs(tf::GraphDef& graph);

}  // namespace isomer::tfjs
