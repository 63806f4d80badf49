// The weights of filtered resizing as expressions of the graph, for images whose size is known only when the model runs.
#pragma once

#include "passes/build.h"

namespace isomer::passes {

// Along one axis. Scale and translation are those of ScaleAndTranslate, scalars; invalid Terms for the other ops.
struct AxisToResize {
  Size source, target;
  Term scale, translation;
};

// The matrix [target, source], float32, of the resizing op that `b` replaces.
Term resize_weights(Builder& b, std::string_view op, const AxisToResize& axis);

}  // namespace isomer::passes
