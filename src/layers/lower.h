// Lowering: a layers::Model becomes functions of an ir::Module, its weights variables.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "layers/emitter.h"
#include "layers/model.h"

namespace isomer::layers {

// A tensor and the mask that Keras passes along with it: bool, of the leading dimensions, false where a step is to be skipped. Invalid: no mask.
struct LayerValue {
  Value value;
  Value mask;
};

// A weight that a model needs, in the order in which Keras counts a layer's weights (trainable ones first).
struct WeightSlot {
  std::vector<std::string> path;     // names of the layers it lies in, outermost first: {"encoder", "lstm"}
  std::vector<std::string> classes;  // and their classes: {"Functional", "LSTM"}
  std::string name;                  // "kernel"
  Shape shape;
  DType dtype = DType::kFloat32;
  bool trainable = true;
  JsonValue initializer;  // as the configuration spells it; null: zeros
  std::string variable;   // of the module
};

struct LoweringOptions {
  Limits limits;
  bool training = false;  // batch statistics and updates of moving averages; dropout stays out
  // Types of inputs whose shape the model leaves open, by name.
  std::map<std::string, TensorType> input_types;
  // Masks that inputs come with, by name.
  std::map<std::string, Tensor> input_masks;
  // Layers of classes that Isomer does not know pass their first input through, and are named in LoweredModel::unknown_layers: for who wants the weights of the
  // others, not what the model computes.
  bool keep_unknown_layers = false;
};

// Shapes of the inputs, or of the results, of each layer's first call, by the layer's path.
using LayerShapes = std::map<std::vector<std::string>, std::vector<PartialShape>>;

struct UnknownLayer {
  std::vector<std::string> path;  // names of the layers it lies in, and its own
  std::string class_name;
};

struct LoweredModel {
  ir::Module module;  // one signature, "serving_default"; variables without values
  std::vector<WeightSlot> weights;
  std::vector<std::string> notes;  // what a user should know: random layers that pass their input through, ...
  LayerShapes input_shapes, result_shapes;
  std::set<std::vector<std::string>> masked_layers;  // paths of those whose first input has a mask
  std::vector<UnknownLayer> unknown_layers;
};

// InvalidModel where a configuration cannot be, Unsupported, with the layer's name and what to do instead, where Isomer has no meaning for a class.
Result<LoweredModel> lower(const Model& model, const LoweringOptions& options = {});

class Lowering;

// One call of one layer, as its class sees it.
class LayerCall {
 public:
  LayerCall(Lowering& lowering, Emitter& e, const Layer& layer, const Call& call, std::vector<LayerValue> call_inputs);

  Lowering& lowering;
  Emitter& e;
  const Layer& layer;
  const Call& call;
  Config config;
  std::vector<LayerValue> inputs;
  std::vector<LayerValue> outputs;  // to be set by the class

  Value input(size_t i = 0) {
    if (i < inputs.size()) return inputs[i].value;
    e.refuse("the layer needs " + std::to_string(i + 1) + " inputs, it has " + std::to_string(inputs.size()));
    return {};
  }
  // The value of a weight. The first call of a layer makes the variable; later calls share it.
  Value weight(std::string_view name, std::vector<int64_t> shape, std::string_view initializer_key, bool trainable = true);
  // A result without a mask; with the mask of the first input.
  void give(Value value) { outputs.push_back({value, {}}); }
  void give_masked(Value value) { outputs.push_back({value, inputs.empty() ? Value() : inputs[0].mask}); }
  bool training() const;
  // The dtype that the layer computes in (that of its policy).
  DType compute() const;
  // In training: remembered * momentum + value * (1 - momentum) becomes the weight's new value once the outputs are made.
  void update(std::string_view name, Value remembered, Value value, double momentum);
  void note(std::string text);
  void unsupported(std::string why, std::string hint = {});
};

// What the project knows of one layer class.
struct LayerDef {
  std::string_view name;
  void (*lower)(LayerCall&) = nullptr;
  std::string_view doc;  // one line: what it computes
};
// The class of this name (or an older name of it), or null.
const LayerDef* find_layer(std::string_view class_name);
std::span<const LayerDef* const> all_layers();

// The work of lowering one model, shared by all its layers.
class Lowering {
 public:
  Lowering(LoweredModel& lowered, const LoweringOptions& options, Generation generation) : result(lowered), options_(options), generation_(generation) {}

  LoweredModel& result;
  const LoweringOptions& options() const { return options_; }
  Generation generation() const { return generation_; }

  // Calls a layer (or a nested model) inside the current scope.
  std::vector<LayerValue> call_layer(Emitter& e, const Layer& layer, const Call& call, std::vector<LayerValue> inputs);
  std::vector<LayerValue> call_model(Emitter& e, const Model& model, std::vector<LayerValue> inputs);
  // The layer that a configuration object describes ({"class_name", "config"}): of a wrapper, or a cell.
  std::shared_ptr<const Layer> inner_layer(Emitter& e, const JsonValue& json);

  // The dtypes that weights are kept in and that layers compute in: those of the layer at the current path.
  struct Policy {
    DType variable = DType::kFloat32;
    DType compute = DType::kFloat32;
  };
  const Policy& policy() const { return policy_; }

  // A weight of floats, in the dtype that the layer computes in.
  Value float_weight(Emitter& e, std::string_view name, Shape shape, const JsonValue* initializer, bool trainable) {
    return e.cast(weight(e, name, std::move(shape), policy_.variable, initializer, trainable), policy_.compute);
  }
  // A weight of the layer at the current path.
  Value weight(Emitter& e, std::string_view name, Shape shape, DType dtype, const JsonValue* initializer, bool trainable);

  // Gives the weight of this name at the current path a new value, as an effect of the function.
  void assign(Emitter& e, std::string_view name, Value value);

  // Layers that names of weights and nodes begin with.
  class Scope {
   public:
    Scope(Lowering& lowering, Emitter& e, const std::string& name, const std::string& class_name);
    ~Scope();

   private:
    Lowering& lowering_;
    Emitter& e_;
    std::string previous_prefix_;
  };

 private:
  friend class Scope;
  std::vector<LayerValue> lower_class(Emitter& e, const Layer& layer, const Call& call, std::vector<LayerValue> inputs);
  const LoweringOptions& options_;
  Generation generation_;
  std::vector<std::string> path_, classes_;
  std::map<std::vector<std::string>, std::string> variables_;  // path and name to variable
  std::map<std::pair<const ir::Graph*, std::string>, Value> reads_;
  std::vector<std::shared_ptr<const Layer>> inner_;  // kept alive
  int64_t depth_ = 0;
  Policy policy_;
};

}  // namespace isomer::layers
