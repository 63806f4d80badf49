// Functions that a model calls on tensors beside its layers: keras.ops of Keras 3, whose nodes are of classes such as GetItem, and TensorFlow's functions as
// tf_keras records them (TFOpLambda and SlicingOpLambda, "math.multiply").
//
// Both come down to one table under the names that Keras 3 has (snake_case). A row lists the function's parameters in order, each with the names that
// it has in either library, so that an argument is found however it was given.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "layers/lower.h"

namespace isomer::layers {

class FunctionCall;

struct FunctionDef {
  std::string_view name;
  std::string_view parameters;  // "x1|x|a x2|y|b": separated by spaces, other names after bars
  void (*lower)(FunctionCall&) = nullptr;
  std::string_view op = {};  // for rows that share a lowering
};

// Each family's rows, in the file of the family.
std::span<const FunctionDef> math_functions();
std::span<const FunctionDef> reduction_functions();
std::span<const FunctionDef> shape_functions();
std::span<const FunctionDef> network_functions();

// A layer that is a call of a function: lowered here instead of by a class.
bool is_function(const Layer& layer);
void lower_function(LayerCall& call);
// The name in the table of a function of TensorFlow ("math.reduce_mean" is "mean").
std::string function_name_of_tensorflow(std::string_view name);
// All rows, for lists.
std::vector<const FunctionDef*> all_functions();

// A call with its arguments, found by parameter.
class FunctionCall {
 public:
  FunctionCall(LayerCall& call, const FunctionDef& def, bool of_tensorflow);

  LayerCall& call;
  Emitter& e;
  const FunctionDef& def;
  const bool of_tensorflow;  // some functions mean other things there

  // Null where it is not given, or None.
  const JsonValue* argument(std::string_view parameter) const;
  bool has(std::string_view parameter) const { return argument(parameter) != nullptr; }
  bool is_tensor(std::string_view parameter) const;

  // A tensor, or a constant in the dtype that it has by itself (float32 or int32), or in the one of `like`, where that can hold it.
  Value tensor(std::string_view parameter, Value like = {});
  // The tensors of a list; one tensor is a list of one.
  std::vector<Value> tensors(std::string_view parameter);
  // Both in the dtype that Keras computes in.
  std::pair<Value, Value> pair(std::string_view first = "x1", std::string_view second = "x2");
  Value floating(std::string_view parameter);  // integers as float32

  bool boolean(std::string_view parameter, bool otherwise) const;
  int64_t integer(std::string_view parameter, int64_t otherwise);
  double number(std::string_view parameter, double otherwise);
  std::string text(std::string_view parameter, std::string_view otherwise) const;
  std::vector<int64_t> integers(std::string_view parameter, std::vector<int64_t> otherwise);
  DType dtype(std::string_view parameter, DType otherwise);
  // Axes counted from the front; all of them where none is given.
  std::vector<int64_t> axes(std::string_view parameter, Value x);
  int64_t axis(std::string_view parameter, Value x, int64_t otherwise);

  void give(Value value) { call.give(value); }
  void unsupported(const std::string& why);
  // A tensor or constant that an argument's JSON holds.
  Value value_of(const JsonValue& json, Value like = {});

 private:
  JsonValue given(size_t index, std::string_view names) const;

  std::vector<std::pair<std::string, JsonValue>> arguments_;
};

// The dtype that both can be turned into without loss, as Keras promotes.
DType promoted(DType a, DType b);

}  // namespace isomer::layers
