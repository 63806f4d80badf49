#include "layers/functions.h"

#include <algorithm>

#include "layers/archive_paths.h"
#include "layers/layer_classes.h"

namespace isomer::layers {
namespace {

// Names of TensorFlow whose last part is not the name that Keras 3 has.
struct Renamed {
  std::string_view tensorflow, name;
};
constexpr Renamed kRenamed[] = {
    {"__operators__.getitem", "get_item"},
    {"__operators__.add", "add"},
    {"__operators__.radd", "add"},
    {"__operators__.sub", "subtract"},
    {"__operators__.mul", "multiply"},
    {"__operators__.truediv", "true_divide"},
    {"__operators__.floordiv", "floor_divide"},
    {"__operators__.mod", "mod"},
    {"__operators__.pow", "power"},
    {"__operators__.eq", "equal"},
    {"__operators__.ne", "not_equal"},
    {"abs", "absolute"},
    {"acos", "arccos"},
    {"acosh", "arccosh"},
    {"asin", "arcsin"},
    {"asinh", "arcsinh"},
    {"atan", "arctan"},
    {"atan2", "arctan2"},
    {"atanh", "arctanh"},
    {"avg_pool", "average_pool"},
    {"avg_pool2d", "average_pool"},
    {"clip_by_value", "clip"},
    {"concat", "concatenate"},
    {"div", "true_divide"},
    {"floor_div", "floor_divide"},
    {"floordiv", "floor_divide"},
    {"floormod", "mod"},
    {"gather", "take"},
    {"max_pool2d", "max_pool"},
    {"multiply_no_nan", "multiply"},
    {"pow", "power"},
    {"reduce_all", "all"},
    {"reduce_any", "any"},
    {"reduce_logsumexp", "logsumexp"},
    {"reduce_max", "max"},
    {"reduce_mean", "mean"},
    {"reduce_min", "min"},
    {"reduce_prod", "prod"},
    {"reduce_std", "std"},
    {"reduce_sum", "sum"},
    {"reduce_variance", "var"},
    {"reverse", "flip"},
    {"swish", "silu"},
    {"truediv", "true_divide"},
};

std::vector<std::string_view> split_at(std::string_view text, char mark) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const size_t end = text.find(mark);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return parts;
}

const FunctionDef* find_function(std::string_view name) {
  for (const auto rows : {math_functions(), reduction_functions(), shape_functions(), network_functions()})
    for (const FunctionDef& row : rows)
      if (row.name == name) return &row;
  return nullptr;
}

bool holds_floats(const JsonValue& json) {
  if (json.is_array()) return std::any_of(json.items().begin(), json.items().end(), holds_floats);
  return json.kind() == JsonValue::Kind::kFloat;
}
bool holds_only(const JsonValue& json, bool (JsonValue::*kind)() const) {
  if (json.is_array()) return std::all_of(json.items().begin(), json.items().end(), [&](const JsonValue& item) { return holds_only(item, kind); });
  return (json.*kind)();
}

// The elements of nested lists in order; false where they are of different lengths.
bool flatten(const JsonValue& json, size_t depth, Shape& shape, std::vector<const JsonValue*>& items) {
  if (!json.is_array()) {
    items.push_back(&json);
    return depth == shape.size();
  }
  const auto size = static_cast<int64_t>(json.items().size());
  if (shape.size() == depth && items.empty()) shape.push_back(size);
  if (depth >= shape.size() || shape[depth] != size) return false;
  return std::all_of(json.items().begin(), json.items().end(), [&](const JsonValue& item) { return flatten(item, depth + 1, shape, items); });
}

Value constant_of(Emitter& e, const JsonValue& json, DType dtype) {
  Shape shape;
  std::vector<const JsonValue*> items;
  if (!flatten(json, 0, shape, items)) {
    e.refuse("a constant argument is no tensor: its rows differ in length");
    return {};
  }
  if (dtype == DType::kString) {
    std::vector<std::string> texts;
    for (const JsonValue* item : items) texts.push_back(item->is_string() ? item->text() : std::string());
    return e.constant(Tensor::from_strings(shape, texts));
  }
  std::vector<double> values;
  for (const JsonValue* item : items) {
    if (!item->is_number() && !item->is_bool()) {
      e.refuse("expected a number as an argument, found " + describe(*item));
      return {};
    }
    values.push_back(item->is_bool() ? item->boolean() : item->number());
  }
  if (shape.empty()) return e.scalar(dtype, values[0]);
  const Value flat = e.constant(Tensor::of<double>(DType::kFloat64, shape, values));
  return e.cast(flat, dtype);
}

}  // namespace

DType promoted(DType a, DType b) {
  if (a == b) return a;
  if (is_complex(a) || is_complex(b)) return DType::kComplex64;
  if (is_float(a) && is_float(b)) {
    if (a == DType::kFloat64 || b == DType::kFloat64) return DType::kFloat64;
    return DType::kFloat32;  // of float32 and a half, or of both halves
  }
  if (is_float(a)) return a;
  if (is_float(b)) return b;
  if (a == DType::kBool) return b;
  if (b == DType::kBool) return a;
  const int64_t wide = std::max(element_size(a), element_size(b));
  if (wide == 8) return DType::kInt64;
  const DType wider = element_size(a) >= element_size(b) ? a : b;
  return wider == DType::kUint8 ? DType::kInt16 : wider;
}

std::string function_name_of_tensorflow(std::string_view name) {
  for (const std::string_view prefix : {"compat.v1.", "compat.v2.", "keras.backend."})
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  for (const Renamed& row : kRenamed)
    if (row.tensorflow == name) return std::string(row.name);
  // "math.", "nn.", "linalg.", "signal.": the name itself is unique. What stands in "image." keeps it.
  if (name.starts_with("image.")) return name == "image.resize" ? "resize" : std::string(name);
  if (const size_t dot = name.rfind('.'); dot != std::string_view::npos) name.remove_prefix(dot + 1);
  for (const Renamed& row : kRenamed)
    if (row.tensorflow == name) return std::string(row.name);
  return std::string(name);
}

std::vector<const FunctionDef*> all_functions() {
  std::vector<const FunctionDef*> all;
  for (const auto rows : {math_functions(), reduction_functions(), shape_functions(), network_functions()})
    for (const FunctionDef& row : rows) all.push_back(&row);
  std::sort(all.begin(), all.end(), [](const FunctionDef* a, const FunctionDef* b) { return a->name < b->name; });
  return all;
}

bool is_function(const Layer& layer) {
  return layer.class_name == "TFOpLambda" || layer.class_name == "SlicingOpLambda" || layer.class_name == "TensorFlowOpLayer" ||
         layer.module.starts_with("keras.src.ops") || layer.module.starts_with("keras.ops") || layer.module.starts_with("keras.src.backend");
}

void lower_function(LayerCall& call) {
  const bool of_tensorflow = call.layer.class_name.ends_with("Lambda");
  if (call.layer.class_name == "TensorFlowOpLayer")
    return call.unsupported("a TensorFlowOpLayer (of TensorFlow 2.3 and before) holds a node of a graph",
                            "export the model as a SavedModel, which holds its ops");
  const std::string original = of_tensorflow ? call.config.text("function", "") : call.layer.class_name;
  const std::string name = of_tensorflow ? function_name_of_tensorflow(original) : snake_case(call.layer.class_name);
  const FunctionDef* def = find_function(name);
  if (!def)
    return call.unsupported("Isomer does not know the function " + (of_tensorflow ? "tf." : call.layer.module + ".") + original,
                            "export the model as a SavedModel, which holds its ops");
  FunctionCall one(call, *def, of_tensorflow);
  def->lower(one);
}

FunctionCall::FunctionCall(LayerCall& c, const FunctionDef& d, bool tensorflow) : call(c), e(c.e), def(d), of_tensorflow(tensorflow) {
  const auto parameters = split_at(def.parameters, ' ');
  for (size_t i = 0; i < parameters.size(); ++i) {
    const std::string name(split_at(parameters[i], '|')[0]);
    arguments_.emplace_back(name, given(i, parameters[i]));
  }
}

JsonValue FunctionCall::given(size_t index, std::string_view names) const {
  for (const std::string_view name : split_at(names, '|'))
    if (const JsonValue* found = call.call.kwargs.find(name)) return *found;
  const auto& args = call.call.args.items();
  // tf_keras writes the tensors of a first argument that is a list one after the other.
  if (index == 0 && of_tensorflow && args.size() > 1) return call.call.args;
  // Keras 3 keeps what a function was made with, such as an axis, in the node's configuration.
  if (!of_tensorflow)
    for (const std::string_view name : split_at(names, '|'))
      if (const JsonValue* found = call.layer.config.find(name)) return *found;
  return index < args.size() && (!of_tensorflow || index == 0) ? args[index] : JsonValue();
}

const JsonValue* FunctionCall::argument(std::string_view parameter) const {
  for (const auto& [name, value] : arguments_)
    if (name == parameter) return value.is_null() ? nullptr : &value;
  return nullptr;
}

bool FunctionCall::is_tensor(std::string_view parameter) const {
  const JsonValue* found = argument(parameter);
  return found && found->is_object() && found->find("tensor");
}

Value FunctionCall::value_of(const JsonValue& json, Value like) {
  if (const JsonValue* tensor = json.find("tensor"); tensor && tensor->is_integer()) return call.input(static_cast<size_t>(tensor->integer()));
  const JsonValue* config = json.find("config");
  const JsonValue* value = config ? config->find("value") : json.find("value");
  if (value) {  // an array of NumPy, or a tensor of a backend
    const JsonValue* dtype_json = config ? config->find("dtype") : nullptr;
    const auto named = dtype_json && dtype_json->is_string() ? dtype_from_string(dtype_json->text()) : std::nullopt;
    if (named) return constant_of(e, *value, *named);
  }
  const JsonValue& plain = value ? *value : json;
  if (holds_only(plain, &JsonValue::is_string)) return constant_of(e, plain, DType::kString);
  const bool floats = holds_floats(plain), bools = holds_only(plain, &JsonValue::is_bool);
  DType dtype = floats ? DType::kFloat32 : bools ? DType::kBool : DType::kInt32;
  if (like.valid()) {
    const DType other = e.dtype(like);
    if (is_float(other) || is_complex(other) || (is_integer(other) && !floats) || (other == DType::kBool && bools)) dtype = other;
  }
  return constant_of(e, plain, dtype);
}

Value FunctionCall::tensor(std::string_view parameter, Value like) {
  if (const JsonValue* found = argument(parameter)) return value_of(*found, like);
  e.refuse("the function " + std::string(def.name) + " lacks its argument " + std::string(parameter));
  return {};
}

std::vector<Value> FunctionCall::tensors(std::string_view parameter) {
  const JsonValue* found = argument(parameter);
  if (!found || !found->is_array()) return {tensor(parameter)};
  Value like;
  for (const JsonValue& item : found->items())
    if (item.find("tensor") && !like.valid()) like = value_of(item);
  std::vector<Value> values;
  for (const JsonValue& item : found->items()) values.push_back(value_of(item, like));
  DType common = values.empty() ? DType::kFloat32 : e.dtype(values[0]);
  for (const Value value : values) common = promoted(common, e.dtype(value));
  for (Value& value : values) value = e.cast(value, common);
  return values;
}

std::pair<Value, Value> FunctionCall::pair(std::string_view first, std::string_view second) {
  const bool a_given = is_tensor(first), b_given = is_tensor(second);
  Value a = a_given ? tensor(first) : Value();
  Value b = b_given ? tensor(second) : tensor(second, a);
  if (!a_given) a = tensor(first, b);
  const DType common = promoted(e.dtype(a), e.dtype(b));
  return {e.cast(a, common), e.cast(b, common)};
}

Value FunctionCall::floating(std::string_view parameter) {
  const Value x = tensor(parameter);
  return is_float(e.dtype(x)) || is_complex(e.dtype(x)) ? x : e.cast(x, DType::kFloat32);
}

bool FunctionCall::boolean(std::string_view parameter, bool otherwise) const {
  const JsonValue* found = argument(parameter);
  return !found ? otherwise : found->is_bool() ? found->boolean() : found->is_integer() ? found->integer() != 0 : otherwise;
}

int64_t FunctionCall::integer(std::string_view parameter, int64_t otherwise) {
  const std::vector<int64_t> values = integers(parameter, {otherwise});
  return values.size() == 1 ? values[0] : otherwise;
}

double FunctionCall::number(std::string_view parameter, double otherwise) {
  const JsonValue* found = argument(parameter);
  if (!found) return otherwise;
  JsonValue object = JsonValue::object();
  object["value"] = *found;
  return Config(object, call.config.generation()).number("value", otherwise);
}

std::string FunctionCall::text(std::string_view parameter, std::string_view otherwise) const {
  const JsonValue* found = argument(parameter);
  return found && found->is_string() ? found->text() : std::string(otherwise);
}

std::vector<int64_t> FunctionCall::integers(std::string_view parameter, std::vector<int64_t> otherwise) {
  const JsonValue* found = argument(parameter);
  if (!found) return otherwise;
  if (found->is_number()) {
    if (const auto one = found->as_int64()) return {*one};
  }
  // A list, or one inside a list or an array of NumPy.
  if (const JsonValue* config = found->find("config"); config && config->find("value")) found = config->find("value");
  std::vector<int64_t> values;
  if (found->is_array()) {
    for (const JsonValue& item : found->items()) {
      const auto value = item.is_null() ? std::optional(int64_t{-1}) : item.as_int64();
      if (!value || item.is_object()) break;
      values.push_back(*value);
    }
    if (values.size() == found->items().size()) return values;
  }
  e.refuse("expected whole numbers as " + std::string(parameter) + " of the function " + std::string(def.name) + ", found " + describe(*found));
  return otherwise;
}

DType FunctionCall::dtype(std::string_view parameter, DType otherwise) {
  const JsonValue* found = argument(parameter);
  if (!found) return otherwise;
  std::string name = found->is_string() ? found->text() : std::string();
  if (const JsonValue* config = found->find("config"); config && config->find("name") && config->find("name")->is_string()) name = config->find("name")->text();
  if (const auto known = dtype_from_string(name)) return *known;
  e.refuse("there is no dtype '" + name + "'");
  return otherwise;
}

std::vector<int64_t> FunctionCall::axes(std::string_view parameter, Value x) {
  std::vector<int64_t> result;
  if (!has(parameter)) {
    for (int64_t i = 0; i < e.rank(x); ++i) result.push_back(i);
    return result;
  }
  for (const int64_t axis : integers(parameter, {})) result.push_back(positive_axis(e, x, axis));
  return result;
}

int64_t FunctionCall::axis(std::string_view parameter, Value x, int64_t otherwise) { return positive_axis(e, x, integer(parameter, otherwise)); }

void FunctionCall::unsupported(const std::string& why) {
  call.unsupported("the function " + std::string(def.name) + " " + why, "export the model as a SavedModel, which holds its ops");
}

}  // namespace isomer::layers
