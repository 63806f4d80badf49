#include "layers/config.h"

namespace isomer::layers {

const JsonValue* Config::find(std::string_view key) const {
  const JsonValue* found = json_->find(key);
  return found && !found->is_null() ? found : nullptr;
}

void Config::refuse(std::string message) {
  if (!error_) error_ = Error{ErrorCode::kInvalidModel, std::move(message), {}, {}, {}};
}

void Config::wrong(std::string_view key, std::string_view expected, const JsonValue& found) {
  refuse("expected " + std::string(key) + " to be " + std::string(expected) + ", found " + describe(found));
}

Result<void> Config::status() const {
  if (error_) return fail(*error_);
  return {};
}

bool Config::boolean(std::string_view key, bool otherwise) {
  const JsonValue* found = find(key);
  if (!found) return otherwise;
  if (found->is_bool()) return found->boolean();
  if (found->is_integer()) return found->integer() != 0;
  wrong(key, "true or false", *found);
  return otherwise;
}

int64_t Config::integer(std::string_view key, int64_t otherwise) {
  const JsonValue* found = find(key);
  if (!found) return otherwise;
  // Files write [3] where they mean 3, and 3.0.
  if (found->is_array() && found->items().size() == 1) found = &found->items()[0];
  if (const auto value = found->as_int64()) return *value;
  wrong(key, "a whole number", *found);
  return otherwise;
}

double Config::number(std::string_view key, double otherwise) {
  const JsonValue* found = find(key);
  if (!found) return otherwise;
  if (found->is_number()) return found->number();
  // Scalars of NumPy: {"type": "ndarray", "value": 0.3}, or {"class_name": "__numpy__", "config": {"value": 0.3}}.
  const JsonValue* value = found->find("value");
  if (const JsonValue* config = found->find("config"); !value && config) value = config->find("value");
  if (value && value->is_number()) return value->number();
  wrong(key, "a number", *found);
  return otherwise;
}

std::string Config::text(std::string_view key, std::string_view otherwise) {
  const JsonValue* found = find(key);
  if (!found) return std::string(otherwise);
  if (found->is_string()) return found->text();
  wrong(key, "a text", *found);
  return std::string(otherwise);
}

std::vector<int64_t> Config::integers(std::string_view key, std::vector<int64_t> otherwise) {
  const JsonValue* found = find(key);
  if (!found) return otherwise;
  if (const auto value = found->as_int64()) return {*value};
  std::vector<int64_t> values;
  if (found->is_array()) {
    for (const JsonValue& item : found->items()) {
      const auto value = item.is_null() ? std::optional(kUnknownDim) : item.as_int64();
      if (!value) break;
      values.push_back(*value);
    }
    if (values.size() == found->items().size()) return values;
  }
  wrong(key, "whole numbers", *found);
  return otherwise;
}

std::vector<double> Config::numbers(std::string_view key, std::vector<double> otherwise) {
  const JsonValue* found = find(key);
  if (!found) return otherwise;
  if (found->is_number()) return {found->number()};
  // Arrays of NumPy: {"class_name": "__numpy__", "config": {"value": [...]}}.
  if (const JsonValue* config = found->find("config"); config && config->find("value")) found = config->find("value");
  std::vector<double> values;
  std::vector<const JsonValue*> stack = {found};
  while (!stack.empty()) {
    const JsonValue* next = stack.back();
    stack.pop_back();
    if (next->is_number()) {
      values.push_back(next->number());
    } else if (next->is_array()) {
      for (auto item = next->items().rbegin(); item != next->items().rend(); ++item) stack.push_back(&*item);
    } else {
      wrong(key, "numbers", *found);
      return otherwise;
    }
  }
  return values;
}

std::vector<int64_t> Config::window(std::string_view key, size_t rank, int64_t otherwise) {
  std::vector<int64_t> values = integers(key, std::vector<int64_t>(rank, otherwise));
  if (values.size() == 1) values.resize(rank, values[0]);
  if (values.size() != rank) {
    refuse("expected " + std::string(key) + " to have " + std::to_string(rank) + " numbers, found " + std::to_string(values.size()));
    values.assign(rank, otherwise);
  }
  return values;
}

bool Config::channels_first(std::string_view key) {
  const std::string format = text(key, "channels_last");
  if (format == "channels_first" || format == "channelsFirst") return true;
  if (format != "channels_last" && format != "channelsLast" && format != "default") refuse("there is no data format '" + format + "'");
  return false;
}

std::optional<std::vector<int64_t>> dimensions(const JsonValue& json) {
  if (!json.is_array()) return std::nullopt;
  std::vector<int64_t> dims;
  for (const JsonValue& item : json.items()) {
    const auto size = item.is_null() ? std::optional(kUnknownDim) : item.as_int64();
    if (!size || *size < kUnknownDim) return std::nullopt;
    dims.push_back(*size);
  }
  return dims;
}

std::string class_name_of(const JsonValue& json) {
  std::string name;
  if (json.is_string()) {
    name = json.text();
  } else if (const JsonValue* found = json.find("class_name"); found && found->is_string()) {
    name = found->text();
    // Keras 3 writes functions as {"class_name": "function", "config": "relu"}.
    const JsonValue* config = json.find("config");
    if (name == "function" && config && config->is_string()) name = config->text();
  }
  // "Package>Name" and "keras.layers>Name".
  if (const size_t mark = name.rfind('>'); mark != std::string::npos) name = name.substr(mark + 1);
  return name;
}

std::string text_of(const JsonValue& object, std::string_view key, std::string_view otherwise) {
  const JsonValue* found = object.find(key);
  return std::string(found && found->is_string() ? std::string_view(found->text()) : otherwise);
}

}  // namespace isomer::layers
