#include "layers/training_config.h"

#include <algorithm>
#include <cctype>

#include "layers/keras2_spelling.h"

namespace isomer::layers {
namespace {

// The middle: Keras's names and snake_case keys.
struct Training {
  std::string optimizer;
  JsonValue optimizer_config = JsonValue::object();
  JsonValue loss, metrics, loss_weights, weighted_metrics;
};

std::string snake(std::string_view camel) {
  std::string text;
  for (const char c : camel) {
    const bool upper = std::isupper(static_cast<unsigned char>(c)) != 0;
    if (upper && !text.empty()) text += '_';
    text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return text;
}

JsonValue member(const JsonValue& json, std::string_view key) {
  const JsonValue* found = json.find(key);
  return found ? *found : JsonValue();
}

Training read_tfjs(const JsonValue& json) {
  Training t;
  const JsonValue optimizer = member(json, "optimizer_config");
  t.optimizer = class_name_of(optimizer);
  const JsonValue config = member(optimizer, "config");
  if (config.is_object())
    for (const JsonMember& m : config.members()) {
      std::string key = snake(m.key);
      if (key == "beta1" || key == "beta2") key.insert(4, "_");
      if (key == "use_nesterov") key = "nesterov";
      t.optimizer_config[key] = m.value;
    }
  if (t.optimizer == "Momentum") t.optimizer = "SGD";
  if (t.optimizer == "RMSProp") {
    t.optimizer = "RMSprop";
    rename_member(t.optimizer_config, "decay", "rho");
  }
  t.loss = member(json, "loss");
  t.metrics = member(json, "metrics");
  return t;
}

Training read_keras(const JsonValue& json, bool archive) {
  Training t;
  JsonValue plain = json;
  unwrap_keras3(plain);
  JsonValue optimizer = member(plain, archive ? "optimizer" : "optimizer_config");
  t.optimizer = optimizer.is_string() ? optimizer.text() : class_name_of(optimizer);
  if (const size_t mark = t.optimizer.rfind('>'); mark != std::string::npos) t.optimizer.erase(0, mark + 1);
  if (const JsonValue* config = optimizer.find("config"); config && config->is_object()) t.optimizer_config = *config;
  rename_member(t.optimizer_config, "lr", "learning_rate");
  t.loss = member(plain, "loss");
  t.metrics = member(plain, "metrics");
  t.loss_weights = member(plain, "loss_weights");
  t.weighted_metrics = member(plain, "weighted_metrics");
  return t;
}

// A loss or metric as a name: objects of built-in classes without options of their own become theirs. Empty where it has none.
std::string plain_name(const JsonValue& json) {
  if (json.is_string())
    return snake(json.text()).find("__") == std::string::npos && json.text().find('_') != std::string::npos ? json.text() : snake(json.text());
  const std::string name = class_name_of(json);
  const JsonValue* config = json.find("config");
  if (name.empty() || !config) return "";
  for (const char* key : {"from_logits"})
    if (!is_neutral(*config, key)) return "";
  if (const JsonValue* smoothing = config->find("label_smoothing"); smoothing && smoothing->is_number() && smoothing->number() != 0) return "";
  return snake(name);
}

std::string tfjs_loss(const JsonValue& json) {
  static constexpr std::pair<std::string_view, std::string_view> kShort[] = {{"mse", "mean_squared_error"},
                                                                             {"mae", "mean_absolute_error"},
                                                                             {"mape", "mean_absolute_percentage_error"},
                                                                             {"msle", "mean_squared_logarithmic_error"},
                                                                             {"kld", "kullback_leibler_divergence"},
                                                                             {"kl_divergence", "kullback_leibler_divergence"}};
  static constexpr std::string_view kLosses[] = {"mean_squared_error",
                                                 "mean_absolute_error",
                                                 "mean_absolute_percentage_error",
                                                 "mean_squared_logarithmic_error",
                                                 "squared_hinge",
                                                 "hinge",
                                                 "categorical_hinge",
                                                 "logcosh",
                                                 "categorical_crossentropy",
                                                 "sparse_categorical_crossentropy",
                                                 "binary_crossentropy",
                                                 "kullback_leibler_divergence",
                                                 "poisson"};
  std::string name = plain_name(json);
  for (const auto& [from, to] : kShort)
    if (name == from) name = to;
  if (name == "kullback_leibler_divergence") name = "kullback_leibler_divergence";
  return std::find(std::begin(kLosses), std::end(kLosses), name) != std::end(kLosses) ? name : "";
}

// All losses by the given names; null where one is unknown.
JsonValue tfjs_losses(const JsonValue& json) {
  if (json.is_array() || (json.is_object() && !json.find("class_name"))) {
    JsonValue copy = json;
    if (copy.is_array())
      for (JsonValue& item : copy.items())
        if ((item = tfjs_losses(item)).is_null()) return {};
    if (copy.is_object())
      for (JsonMember& m : copy.members())
        if ((m.value = tfjs_losses(m.value)).is_null()) return {};
    return copy;
  }
  const std::string name = tfjs_loss(json);
  return name.empty() ? JsonValue() : JsonValue(name);
}

// Metrics that TensorFlow.js finds by name; it refuses a model with any other.
void collect_metrics(const JsonValue& json, JsonValue::Array& kept, std::vector<std::string>& dropped) {
  static constexpr std::string_view kMetrics[] = {"accuracy",  "acc", "crossentropy", "ce",   "binary_accuracy", "categorical_accuracy",
                                                  "precision", "mse", "mae",          "mape", "cosine"};
  if (json.is_array())
    for (const JsonValue& item : json.items()) collect_metrics(item, kept, dropped);
  std::string name = json.is_string() ? json.text()
                     : class_name_of(json) == "MeanMetricWrapper" && json.find("config")
                         ? member(*json.find("config"), "name").is_string() ? member(*json.find("config"), "name").text() : ""
                         : "";
  if (json.is_object() && name.empty()) name = class_name_of(json);
  if (name.empty()) return;
  if (name == "mean_squared_error") name = "mse";
  if (name == "mean_absolute_error") name = "mae";
  const bool known = std::find(std::begin(kMetrics), std::end(kMetrics), name) != std::end(kMetrics);
  const JsonValue value{name};
  if (known && std::find(kept.begin(), kept.end(), value) == kept.end()) kept.push_back(value);
  if (!known) dropped.push_back(name);
}

JsonValue number_or(const JsonValue& config, std::string_view key, double otherwise) {
  const JsonValue* found = config.find(key);
  return found && found->is_number() ? *found : JsonValue(otherwise);
}

JsonValue write_tfjs(const Training& t, std::vector<std::string>& notes) {
  const JsonValue& c = t.optimizer_config;
  const auto left_out = [&](const std::string& why) {
    notes.push_back("the training configuration was left out: " + why);
    return JsonValue();
  };
  if (const JsonValue* rate = c.find("learning_rate"); rate && rate->is_object()) return left_out("TensorFlow.js has no learning rate schedules");
  const JsonValue loss = tfjs_losses(t.loss);
  if (loss.is_null()) return left_out("TensorFlow.js does not find its loss by name");
  std::string name = t.optimizer;
  JsonValue config = JsonValue::object();
  config["learningRate"] = number_or(c, "learning_rate", name == "Adam" || name == "RMSprop" || name == "Adadelta" ? 0.001 : 0.01);
  const auto epsilon = [&] { config["epsilon"] = number_or(c, "epsilon", 1e-7); };
  const auto betas = [&] {
    config["beta1"] = number_or(c, "beta_1", 0.9);
    config["beta2"] = number_or(c, "beta_2", 0.999);
    epsilon();
  };
  if (name == "SGD" || name == "sgd") {
    name = "SGD";
    if (!is_neutral(c, "momentum")) {
      name = "Momentum";
      config["momentum"] = number_or(c, "momentum", 0);
      config["useNesterov"] = JsonValue(!is_neutral(c, "nesterov"));
    }
  } else if (name == "RMSprop" || name == "rmsprop") {
    name = "RMSProp";
    config["decay"] = number_or(c, "rho", 0.9);
    config["momentum"] = number_or(c, "momentum", 0);
    epsilon();
    config["centered"] = JsonValue(!is_neutral(c, "centered"));
  } else if (name == "Adam" || name == "adam") {
    name = "Adam";
    if (!is_neutral(c, "amsgrad")) return left_out("TensorFlow.js has no amsgrad");
    betas();
  } else if (name == "Adamax") {
    betas();
    config["decay"] = JsonValue(0.0);
  } else if (name == "Adagrad") {
    config["initialAccumulatorValue"] = number_or(c, "initial_accumulator_value", 0.1);
  } else if (name == "Adadelta") {
    config["rho"] = number_or(c, "rho", 0.95);
    epsilon();
  } else {
    return left_out("TensorFlow.js has no optimiser " + (name.empty() ? std::string("of that kind") : name));
  }
  JsonValue json = JsonValue::object();
  json["loss"] = loss;
  JsonValue::Array metrics;
  std::vector<std::string> dropped;
  collect_metrics(t.metrics, metrics, dropped);
  for (const std::string& metric : dropped) notes.push_back("the metric " + metric + " was left out: TensorFlow.js does not find it by name");
  json["metrics"] = JsonValue(std::move(metrics));
  json["optimizer_config"] = object_of_class(name, std::move(config));
  return json;
}

JsonValue write_hdf5(const Training& t) {
  JsonValue json = JsonValue::object();
  JsonValue config = t.optimizer_config;
  json["loss"] = t.loss;
  json["metrics"] = t.metrics;
  json["weighted_metrics"] = t.weighted_metrics;
  json["loss_weights"] = t.loss_weights;
  json["optimizer_config"] = object_of_class(t.optimizer, std::move(config));
  return json;
}

JsonValue write_keras3(const Training& t) {
  JsonValue json = JsonValue::object();
  JsonValue config = t.optimizer_config;
  for (const char* key : {"decay", "is_legacy_optimizer", "jit_compile"}) config.erase(key);
  JsonValue optimizer = JsonValue::object();
  optimizer["module"] = JsonValue("keras.optimizers");
  optimizer["class_name"] = JsonValue(t.optimizer);
  optimizer["config"] = std::move(config);
  optimizer["registered_name"] = JsonValue();
  json["optimizer"] = std::move(optimizer);
  json["loss"] = t.loss;
  json["loss_weights"] = t.loss_weights;
  json["metrics"] = t.metrics;
  json["weighted_metrics"] = t.weighted_metrics;
  json["run_eagerly"] = JsonValue(false);
  json["steps_per_execution"] = JsonValue(1);
  json["jit_compile"] = JsonValue(false);
  return json;
}

Training read(const JsonValue& training, TrainingForm form) {
  return form == TrainingForm::kTfjs ? read_tfjs(training) : read_keras(training, form == TrainingForm::kKeras3);
}

}  // namespace

std::string optimizer_class(const JsonValue& training, TrainingForm form) {
  return form == TrainingForm::kNone || training.is_null() ? std::string() : read(training, form).optimizer;
}

JsonValue translate_training(const JsonValue& training, TrainingForm from, TrainingForm to, std::vector<std::string>& notes) {
  if (from == TrainingForm::kNone || to == TrainingForm::kNone || training.is_null()) return {};
  if (from == to) return training;
  const Training t = read(training, from);
  if (to == TrainingForm::kTfjs) return write_tfjs(t, notes);
  return to == TrainingForm::kHdf5 ? write_hdf5(t) : write_keras3(t);
}

}  // namespace isomer::layers
