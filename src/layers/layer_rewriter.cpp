#include "layers/layer_rewriter.h"

#include <algorithm>

#include "layers/keras2_spelling.h"

namespace isomer::layers {

JsonValue json_list(std::initializer_list<int64_t> values) {
  JsonValue::Array items;
  for (const int64_t value : values) items.emplace_back(value);
  return JsonValue(std::move(items));
}

JsonValue json_object(std::initializer_list<std::pair<std::string_view, JsonValue>> members) {
  JsonValue object = JsonValue::object();
  for (const auto& [key, value] : members) object[key] = value;
  return object;
}

JsonValue reshape_config(std::initializer_list<int64_t> sizes) { return json_object({{"target_shape", json_list(sizes)}}); }
JsonValue rescaling_config(double scale, double offset) { return json_object({{"scale", JsonValue(scale)}, {"offset", JsonValue(offset)}}); }

std::optional<std::pair<int64_t, int64_t>> pair_of(const JsonValue& config, std::string_view key, int64_t otherwise) {
  const JsonValue* found = config.find(key);
  if (!found || found->is_null()) return std::pair(otherwise, otherwise);
  if (const auto one = found->as_int64()) return std::pair(*one, *one);
  if (!found->is_array() || found->items().empty() || found->items().size() > 2) return std::nullopt;
  const auto a = found->items().front().as_int64(), b = found->items().back().as_int64();
  return a && b ? std::optional(std::pair(*a, *b)) : std::nullopt;
}

std::vector<std::string> LayerRewriter::path_of(const std::string& name) const {
  std::vector<std::string> path = path_;
  path.push_back(name);
  return path;
}

bool LayerRewriter::has_inputs(size_t count) const {
  const auto& calls = layer().calls;
  return !calls.empty() && std::all_of(calls.begin(), calls.end(), [&](const Call& call) { return call.inputs.size() == count; });
}

PartialShape LayerRewriter::first_of(const LayerShapes* shapes) const {
  if (!shapes) return {};
  const auto found = shapes->find(own_path());
  return found == shapes->end() || found->second.empty() ? PartialShape() : found->second[0];
}

PartialShape LayerRewriter::shape() const { return first_of(options_.input_shapes); }
PartialShape LayerRewriter::result_shape() const { return first_of(options_.result_shapes); }

int64_t LayerRewriter::channels(int64_t rank) const {
  const PartialShape x = shape();
  return x.has_rank() && x.rank() == rank && rank > 0 ? x[rank - 1] : -1;
}

bool LayerRewriter::takes_integers() const {
  const Layer& source = model_.layers[static_cast<size_t>(layer().calls[0].inputs[0].layer)];
  const std::string dtype = source.class_name == "InputLayer" ? text_of(source.config, "dtype") : "";
  return dtype.starts_with("int") || dtype.starts_with("uint") || dtype == "bool";
}

std::string LayerRewriter::free_name(const std::string& wanted) const {
  std::string name = wanted;
  for (int i = 1; std::any_of(model_.layers.begin(), model_.layers.end(), [&](const Layer& l) { return l.name == name; }); ++i)
    name = wanted + "_" + std::to_string(i);
  return name;
}

// References to layers from `from` on, after one was put there (by = 1) or taken away (by = -1).
void LayerRewriter::shift(int32_t from, int32_t by) {
  const auto move = [&](TensorRef& ref) {
    if (ref.layer >= from) ref.layer += by;
  };
  for (Layer& layer : model_.layers)
    for (Call& call : layer.calls)
      for (TensorRef& ref : call.inputs) move(ref);
  for (Port& port : model_.inputs) move(port.ref);
  for (Port& port : model_.outputs) move(port.ref);
}

TensorRef LayerRewriter::ref_of(Term term, size_t call) const {
  return term.added >= 0 ? TensorRef{term.added, static_cast<int32_t>(call), 0} : layer().calls[call].inputs[term.input];
}

void LayerRewriter::set_inputs(Layer& target, const std::vector<Term>& inputs) const {
  std::vector<Call> calls;
  for (size_t i = 0; i < layer().calls.size(); ++i) {
    Call call;
    for (const Term& term : inputs) call.inputs.push_back(ref_of(term, i));
    for (size_t k = 0; k < inputs.size(); ++k) call.args.items().push_back(json_object({{"tensor", JsonValue(static_cast<int64_t>(k))}}));
    calls.push_back(std::move(call));
  }
  target.calls = std::move(calls);
}

Term LayerRewriter::add(const std::string& suffix, const std::string& class_name, JsonValue config, const std::vector<Term>& inputs) {
  Layer added;
  added.name = free_name(layer().name + "_" + suffix);
  added.class_name = class_name;
  config["name"] = JsonValue(added.name);
  added.config = std::move(config);
  set_inputs(added, inputs);
  const int32_t here = at_;
  shift(here, 1);  // its own inputs lie before
  model_.layers.insert(model_.layers.begin() + here, std::move(added));
  ++at_;
  return {here, 0};
}

Term LayerRewriter::move_before(const std::string& suffix) {
  Layer copy = layer();
  const std::vector<std::string> from = own_path();
  const Term moved = add(suffix, copy.class_name, copy.config);
  Layer& target = model_.layers[static_cast<size_t>(moved.added)];
  copy.name = target.name;
  copy.config["name"] = JsonValue(copy.name);
  target = std::move(copy);
  WeightChange change;
  change.path = from;
  change.moved_to = path_of(target.name);
  rewritten_.changes.push_back(std::move(change));
  for (size_t i = 0; i < layer().calls.size(); ++i) layer().calls[i].inputs = {ref_of(moved, i)};
  return moved;
}

void LayerRewriter::set_weight(Term of, const std::string& name, Tensor value) {
  Layer& target = model_.layers[static_cast<size_t>(of.added)];
  target.config["trainable"] = JsonValue(false);
  WeightSlot slot;
  slot.path = path_of(target.name);
  slot.classes.assign(path_.size(), "Functional");
  slot.classes.push_back(target.class_name);
  slot.name = name;
  slot.shape = value.shape();
  slot.dtype = value.dtype();
  slot.trainable = false;
  rewritten_.weights.push_back({std::move(slot), std::move(value)});
}

void LayerRewriter::become(const std::string& class_name, JsonValue config) {
  config["name"] = JsonValue(layer().name);
  if (const JsonValue* trainable = layer().config.find("trainable")) config["trainable"] = *trainable;
  layer().class_name = class_name;
  layer().module.clear();
  layer().config = std::move(config);
}

void LayerRewriter::become(const std::string& class_name, JsonValue config, const std::vector<Term>& inputs) {
  set_inputs(layer(), inputs);
  become(class_name, std::move(config));
}

void LayerRewriter::become(Term result) {
  Layer last = model_.layers[static_cast<size_t>(result.added)];
  shift(at_, -1);
  model_.layers.erase(model_.layers.begin() + result.added);
  --at_;
  for (AddedWeight& weight : rewritten_.weights)
    if (weight.slot.path == path_of(last.name)) weight.slot.path = own_path();
  layer().calls = std::move(last.calls);
  const bool frozen = last.config.find("trainable") != nullptr;
  become(last.class_name, std::move(last.config));
  if (frozen) layer().config["trainable"] = JsonValue(false);
}

}  // namespace isomer::layers
