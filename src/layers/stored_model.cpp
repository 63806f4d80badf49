#include "layers/stored_model.h"

#include "layers/archive_paths.h"
#include "layers/initializers.h"
#include "layers/stored_forms.h"

namespace isomer::layers {

Result<Tensor> as_dtype(Tensor value, DType wanted) {
  if (value.dtype() == wanted) return value;
  MutableTensor out = TRY(MutableTensor::create(wanted, value.shape(), Limits()));
  const auto count = static_cast<size_t>(value.elements());
  if (is_float(wanted) && is_float(value.dtype())) {
    std::vector<double> numbers(count);
    load_doubles(value, 0, numbers);
    store_doubles(out, 0, numbers);
    return std::move(out).finish();
  }
  if (is_integer(wanted) && is_integer(value.dtype())) {
    std::vector<int64_t> numbers(count);
    load_int64s(value, 0, numbers);
    store_int64s(out, 0, numbers);
    return std::move(out).finish();
  }
  return fail(ErrorCode::kInvalidModel, "the weight is " + type_text(value) + ", expected " + std::string(to_string(wanted)));
}

Result<LoweredModel> lower_stored(const StoredModel& stored, const LoweringOptions& options, uint64_t seed) {
  const Model model = TRY(in_context(read_model(stored.topology, stored.generation, options.limits), "reading the model's configuration"));
  LoweredModel lowered = TRY(in_context(lower(model, options), "turning the model's layers into ops"));
  if (!stored.has_weights) {
    std::mt19937_64 random(seed);
    for (size_t i = 0; i < lowered.weights.size(); ++i) {
      const WeightSlot& slot = lowered.weights[i];
      lowered.module.variables[i].value =
          TRY(in_context(initial_value(slot.initializer, slot.shape, slot.dtype, random), "drawing the weight '" + slot.variable + "'"));
    }
    if (!lowered.weights.empty()) lowered.notes.push_back("the file holds no weights: they were drawn by the layers' initialisers");
    return lowered;
  }
  const bool in_archive = stored.layout == WeightLayout::kArchive;
  const WeightForms held = in_archive ? WeightForms{stored.weights, stored.read} : weights_as_of_today(stored, model, lowered.weights);
  const std::vector<size_t> matches = TRY(in_context(
      in_archive ? match_archive_weights(model, lowered.weights, held.weights) : match_weights(lowered.weights, held.weights), "finding the model's weights"));
  for (size_t i = 0; i < matches.size(); ++i) {
    Tensor value = TRY(in_context(held.read(matches[i]), "reading the weight '" + held.weights[matches[i]].name + "'"));
    lowered.module.variables[i].value =
        TRY(in_context(as_dtype(std::move(value), lowered.weights[i].dtype), "reading the weight '" + lowered.weights[i].variable + "'"));
  }
  return lowered;
}

}  // namespace isomer::layers
