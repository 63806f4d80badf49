// One layer into the spelling of a target, from that of Keras 2.
#pragma once

#include <string>
#include <vector>

#include "layers/keras2_spelling.h"
#include "layers/lower.h"
#include "layers/translate.h"

namespace isomer::layers {

// Where a layer stands, and where what is found out about it goes.
class LayerContext {
 public:
  LayerContext(const TranslateOptions& options, Generation from, std::vector<std::string> path, bool wrapped)
      : options(options), from(from), path(std::move(path)), wrapped(wrapped) {}

  const TranslateOptions& options;
  Generation from;
  std::vector<std::string> path;
  bool wrapped;  // inside of TimeDistributed or Bidirectional, or a cell: no layer can stand before it

  std::vector<std::string> refused, notes, left_out;

  void refuse(std::string why) { refused.push_back(std::move(why)); }
  void leave_out(std::string what) { left_out.push_back(std::move(what)); }
  void note(std::string text) { notes.push_back(std::move(text)); }

  // The shape of its first call's input; unknown rank where it was not called, or nobody knows.
  PartialShape input_shape(size_t i = 0) const {
    if (!options.input_shapes) return {};
    const auto found = options.input_shapes->find(path);
    return found == options.input_shapes->end() || i >= found->second.size() ? PartialShape() : found->second[i];
  }
};

bool is_tfjs_class(std::string_view class_name);
void spell_for_tfjs(SpelledLayer& layer, LayerContext& context);
void spell_for_keras3(SpelledLayer& layer, LayerContext& context);
void spell_for_keras2(SpelledLayer& layer, LayerContext& context);

// Is the class one of Keras's own, known or not? Else it is a custom one, whose meaning nobody can check.
bool is_keras_class(std::string_view class_name);
// Gives initialisers, regularisers and constraints, and what else is an object of a class, the module and the registered name that Keras 3 writes.
void add_modules(JsonValue& config);
JsonValue with_module(JsonValue object, std::string_view module);

}  // namespace isomer::layers
