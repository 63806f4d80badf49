// Reading the configuration of a layer, with what Keras takes where a key is missing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "tensor/shape.h"
#include "wire/json.h"

namespace isomer::layers {

// Whose defaults and meanings count where a configuration leaves something open.
enum class Generation {
  kKeras1,
  kKeras2,  // multi-backend Keras 2 and tf.keras up to TensorFlow 2.15 (tf_keras)
  kKeras3,
  kTfjs,  // written by TensorFlow.js itself
};

// A view of one configuration object; it must outlive this. Getters give the default where the key is missing or null; a value of the wrong kind is
// remembered, and status() tells the first: InvalidModel, naming the key.
class Config {
 public:
  Config(const JsonValue& json, Generation generation) : json_(&json), generation_(generation) {}

  Generation generation() const { return generation_; }
  const JsonValue& json() const { return *json_; }
  const JsonValue* find(std::string_view key) const;  // nullptr when missing or null
  bool has(std::string_view key) const { return find(key) != nullptr; }

  bool boolean(std::string_view key, bool otherwise);
  int64_t integer(std::string_view key, int64_t otherwise);
  double number(std::string_view key, double otherwise);
  std::string text(std::string_view key, std::string_view otherwise);
  // A number or a list of numbers.
  std::vector<int64_t> integers(std::string_view key, std::vector<int64_t> otherwise);
  std::vector<double> numbers(std::string_view key, std::vector<double> otherwise);
  // A window: one number for all `rank` dimensions, or a list of that many.
  std::vector<int64_t> window(std::string_view key, size_t rank, int64_t otherwise);
  bool channels_first(std::string_view key = "data_format");

  // Remembers that the configuration cannot be used.
  void refuse(std::string message);
  Result<void> status() const;

 private:
  void wrong(std::string_view key, std::string_view expected, const JsonValue& found);

  const JsonValue* json_;
  Generation generation_;
  std::optional<Error> error_;
};

// The text of a member; `otherwise` where it is missing or something else.
std::string text_of(const JsonValue& object, std::string_view key, std::string_view otherwise = {});
// Dimensions with null for unknown ones; nullopt when it is no list of them.
std::optional<std::vector<int64_t>> dimensions(const JsonValue& json);
// The name of a class or function that is spelled as text or as {"class_name": ...}, without its module; empty when it is neither.
std::string class_name_of(const JsonValue& json);

}  // namespace isomer::layers
