// Before: a recurrent layer without a mask, where TensorFlow.js would give it the mask of an earlier one   After: Masking that hides nothing, the layer
//
// Before: Softmax in the same place   After: the activation softmax, which takes no mask
//
// Before: Bidirectional on masked steps, whose output is one of the model's   After: the same times 0 where a step is masked, and 1 elsewhere
//
// There is no layer that gives a mask as numbers, but one that skips masked steps: a SimpleRNN of one unit that adds 1 in every step counts those that are not
// masked, and the difference of two neighbours is 1 or 0.
#include "layers/rewrite_tfjs.h"
#include "layers/tfjs_masks.h"

namespace isomer::layers {
namespace {

// A Masking layer with this value hides no step: it is a mask of its own in place of a stray one.
constexpr double kNoSuchValue = 3.0e38;

Tensor filled(const Shape& shape, float value) {
  const std::vector<float> values(static_cast<size_t>(element_count_of(shape)), value);
  return Tensor::of<float>(DType::kFloat32, shape, values);
}

bool rewrite_stray(LayerRewriter& r, const SpelledLayer& layer) {
  if (layer.class_name == "Softmax") {
    const JsonValue* axis = layer.config.find("axis");
    if (axis && axis->as_int64() != -1) return false;
    r.become("Activation", json_object({{"activation", JsonValue("softmax")}}));
    return true;
  }
  if (!r.has_inputs(1) || !r.shape().has_rank() || r.shape().rank() != 3) return false;
  r.take({r.add("unmasked", "Masking", json_object({{"mask_value", JsonValue(kNoSuchValue)}}))});
  r.settle_mask();
  return true;
}

bool rewrite_repeated(LayerRewriter& r, const JsonValue& config) {
  const int64_t size = r.channels(3);
  const std::string mode = text_of(config, "merge_mode");
  if (!r.has_inputs(1) || size < 1 || mode.empty()) return false;
  // What comes after would go without the mask.
  for (const size_t i : layers_after(r.model(), r.place())) {
    const std::string& name = r.model().layers[i].class_name;
    if (is_recurrent(name) || name == "Softmax" || name == "TimeDistributed" || name.starts_with("Global") || r.model().layers[i].model) return false;
  }
  const JsonValue* inner = config.find("layer") ? config.find("layer")->find("config") : nullptr;
  const JsonValue* units = inner ? inner->find("units") : nullptr;
  if (!units || !units->as_int64()) return false;
  const int64_t width = *units->as_int64() * (mode == "concat" ? 2 : 1);

  const Term counter =
      r.add("counter", "SimpleRNN",
            json_object({{"units", JsonValue(1)}, {"activation", JsonValue("linear")}, {"use_bias", JsonValue(true)}, {"return_sequences", JsonValue(true)}}));
  r.settle_mask(counter);
  r.set_weight(counter, "kernel", filled({size, 1}, 0));
  r.set_weight(counter, "recurrent_kernel", filled({1, 1}, 1));
  r.set_weight(counter, "bias", filled({1}, 1));
  const auto sides = [](int64_t before, int64_t after) { return JsonValue(JsonValue::Array{json_list({before, after}), json_list({0, 0})}); };
  const Term counts = r.add("counts", "Reshape", reshape_config({-1, 1, 1}), counter);
  const Term but_last = r.add("but_last", "Cropping2D", json_object({{"cropping", sides(0, 1)}}), counts);
  const Term before = r.add("before", "ZeroPadding2D", json_object({{"padding", sides(1, 0)}}), but_last);
  const Term less = r.add("less", "Rescaling", rescaling_config(-1, 0), before);
  const Term steps = r.add("steps", "Reshape", reshape_config({-1, 1}), r.add("difference", "Add", JsonValue::object(), {counts, less}));
  const Term repeating = r.move_before("repeating");
  r.settle_mask(repeating);
  const Term whole = r.add("plain", "Reshape", reshape_config({-1, width}), repeating);  // rids it of its mask, which Multiply does not take
  r.become("Multiply", JsonValue::object(), {whole, steps});
  return true;
}

}  // namespace

bool rewrite_masked(LayerRewriter& r, const SpelledLayer& layer, const std::vector<std::string>& path, const std::set<std::vector<std::string>>& masked) {
  switch (mask_fault(r.model(), r.place(), path, masked)) {
    case MaskFault::kNone: return false;
    case MaskFault::kStray: return rewrite_stray(r, layer);
    case MaskFault::kRepeated: return rewrite_repeated(r, layer.config);
  }
  return false;
}

}  // namespace isomer::layers
