// The steps in which a layer of a model is replaced by others that compute the same: what the rules of rewrite_tfjs.h are written with.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "layers/translate.h"

namespace isomer::layers {

// A tensor while a layer is being replaced: one of the layer's inputs, or the result of a layer that was put before it.
struct Term {
  int32_t added = -1;  // place of that layer in the model; -1: an input
  size_t input = 0;
};

// What a rewriting of layers does besides to the model.
struct Rewritten {
  std::vector<WeightChange> changes;
  std::vector<AddedWeight> weights;
  std::set<std::vector<std::string>> masks_settled;  // layers whose mask is as Keras has it now
  std::vector<std::string> notes;
};

// Stands at one layer of a model. Layers are put before it, each called as often as it is, on the same tensors; the layer itself, under its name, comes last,
// so that whatever refers to it stays as it is.
class LayerRewriter {
 public:
  LayerRewriter(Model& model, std::vector<std::string> path, const TranslateOptions& options, Rewritten& rewritten)
      : model_(model), path_(std::move(path)), options_(options), rewritten_(rewritten) {}

  // Goes on to the next layer that was there before; false after the last.
  bool next() { return ++at_ < static_cast<int32_t>(model_.layers.size()); }

  Layer& layer() { return model_.layers[static_cast<size_t>(at_)]; }
  const Layer& layer() const { return model_.layers[static_cast<size_t>(at_)]; }
  const Model& model() const { return model_; }
  size_t place() const { return static_cast<size_t>(at_); }
  std::vector<std::string> own_path() const { return path_of(layer().name); }
  bool has_inputs(size_t count) const;

  // The shape of the first call's first input, and of its first result; of unknown rank where nobody knows.
  PartialShape shape() const;
  PartialShape result_shape() const;
  // Size of the last dimension of the input; -1 where it is not known or the rank is another.
  int64_t channels(int64_t rank) const;
  // Is the first input one of the model that holds no floats?
  bool takes_integers() const;

  static Term input(size_t i = 0) { return {-1, i}; }
  // A layer NAME_suffix before this one.
  Term add(const std::string& suffix, const std::string& class_name, JsonValue config, const std::vector<Term>& inputs);
  Term add(const std::string& suffix, const std::string& class_name, JsonValue config, Term x = {}) {
    return add(suffix, class_name, std::move(config), std::vector<Term>{x});
  }
  // This layer as it is, with its weights, before what comes in its place.
  Term move_before(const std::string& suffix);
  // This layer on other inputs.
  void take(const std::vector<Term>& inputs) { set_inputs(layer(), inputs); }
  void set_config(Term of, std::string_view key, JsonValue value) { model_.layers[static_cast<size_t>(of.added)].config[key] = std::move(value); }
  // A weight that does not train, of a layer that was added.
  void set_weight(Term of, const std::string& name, Tensor value);
  // A weight of this layer (as it is called after what was changed before).
  void change_weight(WeightChange change) { rewritten_.changes.push_back(std::move(change)); }

  // Another layer at this place, on the same inputs, or on others.
  void become(const std::string& class_name, JsonValue config);
  void become(const std::string& class_name, JsonValue config, const std::vector<Term>& inputs);
  // The result of the layer added last becomes this layer's.
  void become(Term result);

  // TensorFlow.js does with the mask of this layer what Keras does.
  void settle_mask(Term of) { rewritten_.masks_settled.insert(path_of(model_.layers[static_cast<size_t>(of.added)].name)); }
  void settle_mask() { rewritten_.masks_settled.insert(own_path()); }
  void note(std::string text) { rewritten_.notes.push_back(std::move(text)); }

 private:
  PartialShape first_of(const LayerShapes* shapes) const;
  std::vector<std::string> path_of(const std::string& name) const;
  std::string free_name(const std::string& wanted) const;
  void shift(int32_t from, int32_t by);
  TensorRef ref_of(Term term, size_t call) const;
  void set_inputs(Layer& layer, const std::vector<Term>& inputs) const;

  Model& model_;
  std::vector<std::string> path_;
  const TranslateOptions& options_;
  Rewritten& rewritten_;
  int32_t at_ = -1;
};

// [1, 2, 3]
JsonValue json_list(std::initializer_list<int64_t> values);
// {key: value, ...}
JsonValue json_object(std::initializer_list<std::pair<std::string_view, JsonValue>> members);
// Configurations of a Reshape to these sizes (-1: what is left) and a Rescaling.
JsonValue reshape_config(std::initializer_list<int64_t> sizes);
JsonValue rescaling_config(double scale, double offset);
// A pair of numbers: [1, 2], or 1 for both.
std::optional<std::pair<int64_t, int64_t>> pair_of(const JsonValue& config, std::string_view key, int64_t otherwise);

}  // namespace isomer::layers
