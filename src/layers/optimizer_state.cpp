// Every format keeps scalars (steps done, the learning rate) and for each weight one tensor of its shape for each thing that is remembered: momentum, a mean, a
// mean of squares. TensorFlow.js, and Keras before its new optimisers, keep one thing of all weights after the other; Keras 3 and tf_keras keep all things of
// one weight together.
#include "layers/optimizer_state.h"

#include <algorithm>

#include "layers/training_config.h"

namespace isomer::layers {
namespace {

struct State {
  int64_t steps = 0;
  std::vector<std::vector<Tensor>> things;  // [thing][weight]
};

struct Kind {
  std::string_view name;
  std::vector<std::string_view> tfjs, keras3;  // names of the things, in order
};

// What each class remembers where its options say no more.
std::optional<Kind> kind_of(const std::string& name, size_t things) {
  if (name == "Adam" && things == 2) return Kind{name, {"m", "v"}, {"momentum", "velocity"}};
  if (name == "SGD" && things == 1) return Kind{name, {"momentum"}, {"momentum"}};
  if (name == "SGD" && things == 0) return Kind{name, {}, {}};
  if (name == "RMSprop" && things == 1) return Kind{name, {"rms"}, {"velocity"}};
  if (name == "RMSprop" && things == 2) return Kind{name, {"rms", "momentum"}, {"velocity", "momentum"}};
  if (name == "Adagrad" && things == 1) return Kind{name, {"accumulator"}, {"accumulator"}};
  if (name == "Adadelta" && things == 2) return Kind{name, {"accum_grad", "accum_var"}, {"accumulated_grad", "accumulated_delta_var"}};
  return std::nullopt;
}

Error unfit(std::string why) { return {ErrorCode::kUnsupported, std::move(why), {}, {}, {}}; }

// [thing][weight] from one flat list, in the one order or the other.
bool arrange(const std::vector<Tensor>& flat, std::span<const TrainedWeight> trained, bool by_thing, std::vector<std::vector<Tensor>>& things) {
  const size_t n = trained.size(), count = n == 0 ? 0 : flat.size() / n;
  things.assign(count, std::vector<Tensor>(n));
  for (size_t thing = 0; thing < count; ++thing)
    for (size_t w = 0; w < n; ++w) {
      const Tensor& value = flat[by_thing ? thing * n + w : w * count + thing];
      if (value.shape() != trained[w].shape) return false;
      things[thing][w] = value;
    }
  return true;
}

// Old optimisers have "iter" or "iterations" first and nothing else that is a scalar; new ones "iteration" and "learning_rate".
Result<State> read_state(const StoredModel& stored, std::span<const TrainedWeight> trained) {
  State state;
  std::vector<Tensor> flat;
  size_t scalars = 0;
  for (size_t i = 0; i < stored.optimizer_weights.size(); ++i) {
    const Tensor value = TRY(stored.read_optimizer(i));
    // Weights may be scalars too, but the first ones never are weights.
    if (value.rank() == 0 && flat.empty()) {
      if (is_integer(value.dtype())) state.steps = static_cast<int64_t>(value.as_double(0));
      ++scalars;
    } else {
      flat.push_back(value);
    }
  }
  // Keras 2's Adam ends with placeholders of amsgrad.
  while (!flat.empty() && !trained.empty() && flat.size() > trained.size() && flat.back().rank() == 1 && flat.back().elements() == 1 &&
         flat.size() % trained.size() == 0 && flat.back().shape() != trained.back().shape)
    flat.pop_back();
  if (trained.empty() || flat.size() % trained.size() != 0)
    return fail(unfit("it has " + std::to_string(flat.size()) + " tensors for " + std::to_string(trained.size()) + " trainable weights"));
  const bool old = stored.training_form == TrainingForm::kTfjs || scalars < 2;
  if (!arrange(flat, trained, old, state.things) && !arrange(flat, trained, !old, state.things))
    return fail(unfit("its shapes are not those of the trainable weights"));
  return state;
}

Tensor steps_tensor(int64_t steps, DType dtype) {
  if (dtype == DType::kInt32) return Tensor::scalar(static_cast<int32_t>(steps));
  return Tensor::scalar(steps);
}

float learning_rate(const StoredModel& stored) {
  const JsonValue& training = stored.training;
  const JsonValue* optimizer = training.find(stored.training_form == TrainingForm::kKeras3 ? "optimizer" : "optimizer_config");
  const JsonValue* config = optimizer ? optimizer->find("config") : nullptr;
  for (const char* key : {"learning_rate", "learningRate", "lr"})
    if (const JsonValue* rate = config ? config->find(key) : nullptr; rate && rate->is_number()) return static_cast<float>(rate->number());
  return 0.001F;
}

std::string without_number(std::string name) {
  if (name.ends_with(":0")) name.resize(name.size() - 2);
  return name;
}

}  // namespace

Result<std::vector<NamedState>> translate_optimizer(const StoredModel& stored, std::span<const TrainedWeight> trained, TrainingForm to) {
  std::string name = optimizer_class(stored.training, stored.training_form);
  if (name == "rmsprop") name = "RMSprop";
  if (name == "adam") name = "Adam";
  if (name == "sgd") name = "SGD";
  const State state = TRY(read_state(stored, trained));
  const auto kind = kind_of(name, state.things.size());
  if (!kind)
    return fail(unfit("it is not known what the " + std::to_string(state.things.size()) + " tensors for each weight of the optimiser " + name + " are"));
  std::vector<NamedState> result;
  const size_t things = state.things.size();
  if (to == TrainingForm::kTfjs) {
    result.push_back({"iter", steps_tensor(state.steps, DType::kInt32)});
    // Adam keeps one thing after the other; so do the others, which keep only one, or name them by weight.
    for (size_t thing = 0; thing < things; ++thing)
      for (size_t w = 0; w < trained.size(); ++w) result.push_back({trained[w].name + "/" + std::string(kind->tfjs[thing]), state.things[thing][w]});
    return result;
  }
  const bool archive = to == TrainingForm::kKeras3;
  const auto add = [&](const std::string& label, const Tensor& value) {
    result.push_back({archive ? "optimizer/vars/" + std::to_string(result.size()) : label, value});
  };
  add("iteration:0", steps_tensor(state.steps, archive ? DType::kInt32 : DType::kInt64));
  add(archive ? "learning_rate" : "current_learning_rate:0", Tensor::scalar(learning_rate(stored)));
  for (size_t w = 0; w < trained.size(); ++w)
    for (size_t thing = 0; thing < things; ++thing) add(std::string(kind->tfjs[thing]) + "/" + without_number(trained[w].name) + ":0", state.things[thing][w]);
  return result;
}

}  // namespace isomer::layers
