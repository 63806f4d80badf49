// What compile() was told, in the spelling of each format.
#pragma once

#include <string>
#include <vector>

#include "layers/stored_model.h"

namespace isomer::layers {

// The training configuration in another form; null where the target has no way to say it (an optimiser or a loss that TensorFlow.js lacks: it would refuse the
// whole model). `notes` tells what was left out. The same form comes back as it is.
JsonValue translate_training(const JsonValue& training, TrainingForm from, TrainingForm to, std::vector<std::string>& notes);

// The optimiser's class as Keras names it ("Adam", "RMSprop"), of any form; empty where there is none.
std::string optimizer_class(const JsonValue& training, TrainingForm form);

}  // namespace isomer::layers
