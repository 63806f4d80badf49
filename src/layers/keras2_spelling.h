// A layer's configuration in the spelling of Keras 2, whichever generation wrote it: the middle that every translation passes through.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "layers/model.h"

namespace isomer::layers {

// A layer outside of any model: what a configuration object {"class_name", "config"} says.
struct SpelledLayer {
  std::string class_name;
  JsonValue config = JsonValue::object();
};

// Removes what Keras 3 wraps values in, everywhere inside: modules and registered names, tuples, dtype policies (their name stays), seed generators (their seed
// stays), functions (their name stays). A name that a custom class is registered under stays as the class's name.
void unwrap_keras3(JsonValue& json);

// Renames the class, keys and values. Layers inside of it (of wrappers, and cells) are left as they are: the caller goes into them.
void spell_as_keras2(SpelledLayer& layer, Generation from);

// What Keras 1 wrote; spell_as_keras2 calls it.
void spell_keras1_as_keras2(SpelledLayer& layer);

// The keys of a configuration under which layers lie: one, or (cells) several.
inline constexpr std::string_view kInnerLayerKeys[] = {"layer", "backward_layer", "cell", "cells"};

// --- What the translations share.

// Gives the member another name and keeps its place; nothing where it is missing. The new name wins where both are there.
void rename_member(JsonValue& object, std::string_view from, std::string_view to);
// Sets the member where it is missing or null.
void set_default(JsonValue& object, std::string_view key, JsonValue value);
void erase_all(JsonValue& object, std::initializer_list<std::string_view> keys);
bool is_true(const JsonValue& object, std::string_view key);
bool is_null_or_missing(const JsonValue& object, std::string_view key);
// Missing, null, false, zero, empty: what says nothing.
bool is_neutral(const JsonValue& object, std::string_view key);
JsonValue object_of_class(std::string_view class_name, JsonValue config = JsonValue::object());

}  // namespace isomer::layers
