#include "layers/tfjs_masks.h"

#include <algorithm>

namespace isomer::layers {
namespace {

bool returns_sequences(const Layer& layer) {
  const JsonValue* inner = layer.config.find("layer");
  const JsonValue* config = inner ? inner->find("config") : nullptr;
  const JsonValue* sequences = config ? config->find("return_sequences") : nullptr;
  return sequences && *sequences == JsonValue(true);
}

// Does what the layer gives reach an output without passing a layer that skips masked steps?
bool reaches_output(const Model& model, size_t from) {
  std::set<size_t> on_the_way = {from};
  for (const size_t i : layers_after(model, from))
    if (!is_recurrent(model.layers[i].class_name)) on_the_way.insert(i);
  return std::any_of(model.outputs.begin(), model.outputs.end(), [&](const Port& port) { return on_the_way.contains(static_cast<size_t>(port.ref.layer)); });
}

// Is what it gives multiplied by the steps that are not masked, as rewrite_tfjs_masks.cpp does it: counted by a SimpleRNN on the same input?
bool is_cleared(const Model& model, size_t at) {
  const std::vector<Call>& calls = model.layers[at].calls;
  if (calls.empty() || calls[0].inputs.empty()) return false;
  const std::set<size_t> after = layers_after(model, at);
  for (size_t i = 0; i < model.layers.size(); ++i) {
    const Layer& counter = model.layers[i];
    if (counter.class_name != "SimpleRNN" || counter.calls.size() != calls.size() || counter.calls[0].inputs != calls[0].inputs) continue;
    const JsonValue *units = counter.config.find("units"), *trains = counter.config.find("trainable");
    if (!units || units->as_int64() != 1 || !trains || *trains != JsonValue(false)) continue;
    for (const size_t both : layers_after(model, i))
      if (after.contains(both) && model.layers[both].class_name == "Multiply") return true;
  }
  return false;
}

}  // namespace

bool is_recurrent(std::string_view class_name) { return is_recurrent_class(class_name) || class_name == "Bidirectional"; }

std::set<size_t> layers_after(const Model& model, size_t at) {
  std::set<size_t> seen;
  std::vector<size_t> open = {at};
  while (!open.empty()) {
    const auto next = static_cast<int32_t>(open.back());
    open.pop_back();
    for (size_t i = 0; i < model.layers.size(); ++i)
      for (const Call& call : model.layers[i].calls)
        if (std::any_of(call.inputs.begin(), call.inputs.end(), [&](const TensorRef& ref) { return ref.layer == next; }) && seen.insert(i).second &&
            !is_recurrent(model.layers[i].class_name))
          open.push_back(i);
  }
  return seen;
}

MaskFault mask_fault(const Model& model, size_t at, const std::vector<std::string>& path, const std::set<std::vector<std::string>>& masked) {
  const Layer& layer = model.layers[at];
  if (masked.empty() || !(is_recurrent(layer.class_name) || layer.class_name == "Softmax")) return MaskFault::kNone;
  std::vector<std::string> own = path;
  own.push_back(layer.name);
  if (!masked.contains(own)) return MaskFault::kStray;
  const bool repeats = layer.class_name == "Bidirectional" && model.generation != Generation::kTfjs && returns_sequences(layer) && reaches_output(model, at) &&
                       !is_cleared(model, at);
  return repeats ? MaskFault::kRepeated : MaskFault::kNone;
}

}  // namespace isomer::layers
