// What TensorFlow.js makes of masks otherwise than Keras.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "layers/model.h"

namespace isomer::layers {

// Layers that go from step to step, those that run another both ways among them.
bool is_recurrent(std::string_view class_name);

enum class MaskFault {
  kNone,
  kStray,     // it hands the last mask on to every layer that comes after, also where Keras has none
  kRepeated,  // where a step is masked, Keras gives zeros and it the output of the step before, and these reach an output of the model
};

// Of the layer at `at`; `path` is that of the model, `masked` are the layers whose first input comes with a mask.
MaskFault mask_fault(const Model& model, size_t at, const std::vector<std::string>& path, const std::set<std::vector<std::string>>& masked);

// Layers that what this one gives passes through, up to those that go from step to step (which are among them).
std::set<size_t> layers_after(const Model& model, size_t at);

}  // namespace isomer::layers
