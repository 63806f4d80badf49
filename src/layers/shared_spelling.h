// HDF5 files that tf_keras and Keras 3 open alike.
//
// Keras 3 reads the HDF5 files of Keras 2, but it refuses keys of layers that it does not know, also where they say what holds without them; it looks for
// layers inside of wrappers by their modules; and it counts the calls of nested models otherwise. None of this makes a difference to tf_keras, so one file can
// do for both.
#pragma once

#include <string>

#include "wire/json.h"

namespace isomer::layers {

// `model`: {"class_name", "config"} in the spelling of Keras 2. Says afterwards what it said, in words that both know; what only Keras 2 has stays as it is.
// Doing it again changes nothing.
void spell_for_both_generations(JsonValue& model);

// Of one layer's configuration in the spelling of Keras 2: the keys that Keras 3 refuses and that say what holds without them, and spellings that it reads
// otherwise.
void leave_out_what_keras3_refuses(const std::string& class_name, JsonValue& config);

}  // namespace isomer::layers
