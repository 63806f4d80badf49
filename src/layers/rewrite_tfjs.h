// Layers that TensorFlow.js lacks, written as others that compute the same.
#pragma once

#include <string>
#include <vector>

#include "layers/translate.h"

namespace isomer::layers {

// Before: a layer of a class or form that TensorFlow.js lacks. After: one or more layers before it, and a layer of its name at the end of them.
//   Subtract                     Rescaling(-1) of the second, Add
//   Normalization                BatchNormalization without scale and center, or Rescaling where mean and variance are numbers
//   ZeroPadding1D, Cropping1D, UpSampling1D      Reshape to a plane of width 1, the same in 2D, Reshape back
//   GlobalAveragePooling3D, GlobalMaxPooling3D   Reshape to a line, the same in 1D
//   Conv1D with causal padding   zeros in front, Conv1D without padding
//   Add, Subtract, Multiply and TrueDivide as operations of Keras 3   the layer of two tensors, Rescaling of a tensor and a number
// Classes that it lacks only with `classes`; forms that it would compute wrongly (keepdims, causal padding) and operations always.
// Only where shapes say enough, and channels are last. Everything else stays, and is refused later.
void rewrite_for_tfjs(Model& model, bool classes, const std::vector<std::string>& path, const InputShapes& shapes, std::vector<WeightChange>& changes,
                      std::vector<std::string>& notes);

}  // namespace isomer::layers
