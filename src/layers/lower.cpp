// A model is lowered by calling its layers in an order in which every call finds its inputs made. A layer that is called more than once, or a nested model,
// is simply called again: its weights are found under the same path, so they are shared.
#include "layers/lower.h"

#include <algorithm>

#include "ir/const_op.h"
#include "layers/functions.h"
#include "ops/registry.h"

namespace isomer::layers {
namespace {

std::string describe(const Layer& layer) { return "layer '" + layer.name + "' (" + layer.class_name + ")"; }

// The call of each layer, in an order that respects their inputs. InvalidModel where there is none.
using Step = std::pair<int32_t, int32_t>;  // layer, call
Result<std::vector<Step>> order_of_calls(const Model& model) {
  std::map<Step, std::vector<Step>> users;
  std::map<Step, size_t> waiting;
  std::vector<Step> ready, order;
  for (size_t l = 0; l < model.layers.size(); ++l) {
    const Layer& layer = model.layers[l];
    for (size_t c = 0; c < layer.calls.size(); ++c) {
      const Step step{static_cast<int32_t>(l), static_cast<int32_t>(c)};
      size_t count = 0;
      for (const TensorRef& ref : layer.calls[c].inputs) {
        if (model.layers[static_cast<size_t>(ref.layer)].calls.empty()) continue;  // an input
        users[{ref.layer, ref.call}].push_back(step);
        ++count;
      }
      waiting[step] = count;
      if (count == 0) ready.push_back(step);
    }
  }
  std::reverse(ready.begin(), ready.end());
  while (!ready.empty()) {
    const Step step = ready.back();
    ready.pop_back();
    order.push_back(step);
    for (const Step& user : users[step])
      if (--waiting[user] == 0) ready.push_back(user);
  }
  if (order.size() == waiting.size()) return order;
  for (const auto& [step, count] : waiting)
    if (count > 0)
      return fail(ErrorCode::kInvalidModel,
                  "the " + describe(model.layers[static_cast<size_t>(step.first)]) + " waits for its own result, or for a layer that does");
  return order;
}

// The type of a model's input as its InputLayer tells it.
TensorType input_type(const Layer& layer, Generation generation, const LoweringOptions& options, Emitter& e) {
  if (const auto given = options.input_types.find(layer.name); given != options.input_types.end()) return given->second;
  Config config(layer.config, generation);
  TensorType type;
  type.dtype = DType::kFloat32;
  for (const char* key : {"dtype", "input_dtype"}) {
    const JsonValue* dtype = config.find(key);
    if (!dtype || !dtype->is_string()) continue;
    type.dtype = dtype_from_string(dtype->text()).value_or(DType::kFloat32);
  }
  for (const char* key : {"batch_input_shape", "batch_shape", "batchInputShape"}) {
    const JsonValue* shape = config.find(key);
    if (const auto dims = shape ? dimensions(*shape) : std::nullopt) {
      type.shape = PartialShape(*dims);
      return type;
    }
  }
  if (const JsonValue* shape = config.find("input_shape"); shape && dimensions(*shape)) {
    std::vector<int64_t> dims = *dimensions(*shape);
    dims.insert(dims.begin(), kUnknownDim);
    type.shape = PartialShape(dims);
    return type;
  }
  if (const int64_t size = config.integer("input_dim", 0); size > 0) {
    type.shape = config.has("input_length") ? PartialShape({kUnknownDim, config.integer("input_length", 1), size}) : PartialShape({kUnknownDim, size});
    return type;
  }
  e.refuse(Error{ErrorCode::kInvalidModel,
                 "the model does not say the shape of its input '" + layer.name + "'",
                 {},
                 {},
                 "build or call the model once before it is saved"});
  return type;
}

// What a layer's dtype means, a name or an object that has one; `inherited` where it says none. Layers of texts and indices name dtypes that are no floats.
Lowering::Policy policy_of(const Layer& layer, Lowering::Policy inherited, Emitter& e) {
  const JsonValue* json = layer.config.find("dtype");
  const JsonValue* config = json ? json->find("config") : nullptr;
  const JsonValue* found = config ? config->find("name") : json;
  if (!found || !found->is_string()) return inherited;
  const std::string& name = found->text();
  if (name == "mixed_float16") return {DType::kFloat32, DType::kHalf};
  if (name == "mixed_bfloat16") return {DType::kFloat32, DType::kBfloat16};
  if (name.find("_from_") != std::string::npos)
    e.refuse(Error{ErrorCode::kUnsupported,
                   "the layer '" + layer.name + "' is quantised (" + name + ")",
                   {},
                   {},
                   "save the model as it was before it was quantised, and let Isomer quantise it"});
  const auto dtype = dtype_from_string(name);
  return dtype && is_float(*dtype) ? Lowering::Policy{*dtype, *dtype} : Lowering::Policy();
}

// Layers that compute in float32 where their policy says a half, as Keras has them: moments need it.
bool computes_wide(std::string_view class_name) { return class_name.find("Normalization") != std::string_view::npos && class_name != "Normalization"; }

// The call without the masks that it names: they go with the inputs that they are for.
Call with_masks(const Call& call, std::vector<LayerValue>& inputs) {
  const JsonValue* json = call.kwargs.find("mask");
  if (!json) return call;
  Call result = call;
  result.kwargs.erase("mask");
  const JsonValue* mask_argument = json;
  std::vector<const JsonValue*> masks;
  if (mask_argument->is_array()) {
    for (const JsonValue& item : mask_argument->items()) masks.push_back(&item);
  } else {
    masks.push_back(mask_argument);
  }
  std::vector<Value> values;
  size_t count = 0;  // masks come last among the tensors where they are the last argument, which is how Keras writes them
  for (const JsonValue* mask : masks) {
    const JsonValue* index = mask->find("tensor");
    const bool given = index && index->is_integer() && static_cast<size_t>(index->integer()) < inputs.size();
    values.push_back(given ? inputs[static_cast<size_t>(index->integer())].value : Value());
    count += given ? 1 : 0;
  }
  for (const JsonValue* mask : masks)
    if (const JsonValue* index = mask->find("tensor"); index && static_cast<size_t>(index->integer()) + count < inputs.size()) return call;
  inputs.resize(inputs.size() - count);
  result.inputs.resize(result.inputs.size() - count);
  for (size_t i = 0; i < values.size() && i < inputs.size(); ++i) inputs[i].mask = values[i];
  return result;
}

}  // namespace

LayerCall::LayerCall(Lowering& l, Emitter& emitter, const Layer& called, const Call& c, std::vector<LayerValue> call_inputs)
    : lowering(l), e(emitter), layer(called), call(c), config(called.config, l.generation()), inputs(std::move(call_inputs)) {}

Value LayerCall::weight(std::string_view name, std::vector<int64_t> shape, std::string_view initializer_key, bool trainable) {
  const bool layer_trainable = config.boolean("trainable", true);
  return lowering.float_weight(e, name, std::move(shape), initializer_key.empty() ? nullptr : config.find(initializer_key), trainable && layer_trainable);
}

DType LayerCall::compute() const { return lowering.policy().compute; }

bool LayerCall::training() const {
  const JsonValue* told = call.kwargs.find("training");
  return told && told->is_bool() ? *told == JsonValue(true) : lowering.options().training;
}

void LayerCall::update(std::string_view name, Value remembered, Value value, double momentum) {
  const Value shaped = e.make("Reshape", {value, e.make("Shape", {remembered}, {{"out_type", DType::kInt32}})});
  lowering.assign(e, name, e.add(e.multiply(remembered, momentum), e.multiply(shaped, 1 - momentum)));
}

void LayerCall::note(std::string text) {
  auto& notes = lowering.result.notes;
  if (std::find(notes.begin(), notes.end(), text) == notes.end()) notes.push_back(std::move(text));
}

void LayerCall::unsupported(std::string why, std::string hint) { e.refuse(Error{ErrorCode::kUnsupported, std::move(why), {}, {}, std::move(hint)}); }

Lowering::Scope::Scope(Lowering& lowering, Emitter& e, const std::string& name, const std::string& class_name)
    : lowering_(lowering), e_(e), previous_prefix_(e.prefix) {
  lowering.path_.push_back(name);
  lowering.classes_.push_back(class_name);
  e.prefix += name + "/";
}

Lowering::Scope::~Scope() {
  lowering_.path_.pop_back();
  lowering_.classes_.pop_back();
  e_.prefix = previous_prefix_;
}

Value Lowering::weight(Emitter& e, std::string_view name, Shape shape, DType dtype, const JsonValue* initializer, bool trainable) {
  if (e.failed()) return {};
  std::vector<std::string> key = path_;
  key.emplace_back(name);
  auto& variable = variables_[key];
  if (variable.empty()) {
    // "outer/inner/kernel"; made unique, since names of layers may hold slashes themselves.
    std::string wanted;
    for (const std::string& part : key) wanted += (wanted.empty() ? "" : "/") + part;
    variable = wanted;
    for (int i = 1; result.module.find_variable(variable); ++i) variable = wanted + "_" + std::to_string(i);
    result.module.variables.push_back({variable, dtype, PartialShape(shape), {}});
    result.weights.push_back({path_, classes_, std::string(name), shape, dtype, trainable, initializer ? *initializer : JsonValue(), variable});
  }
  Value& read = reads_[{&e.graph(), variable}];
  if (read.valid()) return read;
  const Value handle = e.make("VarHandleOp", {}, {{"shared_name", variable}, {"dtype", dtype}, {"shape", PartialShape(shape)}});
  read = e.make("ReadVariableOp", {handle}, {{"dtype", dtype}});
  if (read.valid()) e.graph().set_type(read, {dtype, PartialShape(shape), DType::kInvalid, {}});
  return read;
}

void Lowering::assign(Emitter& e, std::string_view name, Value value) {
  std::vector<std::string> key = path_;
  key.emplace_back(name);
  const auto it = variables_.find(key);
  if (e.failed() || it == variables_.end()) return;
  const Value handle = e.make("VarHandleOp", {}, {{"shared_name", it->second}, {"dtype", e.dtype(value)}, {"shape", e.shape(value)}});
  if (e.failed()) return;
  const ir::OpDef& op = *ops::find_op("AssignVariableOp");
  auto node = e.graph().add(op, op.make_attributes(), {{handle, value}}, e.graph().unique_name(e.prefix + "AssignVariableOp"), &e.module());
  if (!node) return e.refuse(std::move(node.error()));
  // Read before it is overwritten.
  const auto read = reads_.find({&e.graph(), it->second});
  if (read != reads_.end()) e.graph().add_control_input(*node, e.graph().value(read->second).producer);
  e.graph().control_outputs.push_back(*node);
}

std::shared_ptr<const Layer> Lowering::inner_layer(Emitter& e, const JsonValue& json) {
  // The same object describes the same layer.
  auto model = single_layer_model(json, 0, generation_, options_.limits);
  if (!model) {
    e.refuse(std::move(model.error()));
    return nullptr;
  }
  inner_.push_back(std::make_shared<Layer>(std::move(model->layers.back())));
  return inner_.back();
}

std::vector<LayerValue> Lowering::lower_class(Emitter& e, const Layer& layer, const Call& call, std::vector<LayerValue> inputs) {
  if (is_function(layer)) {
    LayerCall one(*this, e, layer, call, std::move(inputs));
    lower_function(one);
    return std::move(one.outputs);
  }
  const LayerDef* def = find_layer(layer.class_name);
  if (options_.keep_unknown_layers && (!def || layer.class_name == "Lambda") && !inputs.empty()) {
    const bool known = std::any_of(result.unknown_layers.begin(), result.unknown_layers.end(), [&](const UnknownLayer& u) { return u.path == path_; });
    if (!known) result.unknown_layers.push_back({path_, layer.class_name});
    return {inputs[0]};
  }
  if (!def) {
    e.refuse(Error{ErrorCode::kUnsupported,
                   "Isomer does not know the layer class " + layer.class_name,
                   {},
                   {},
                   "a custom layer's code is not in the file: export the model as a SavedModel, which holds its ops"});
    return {};
  }
  const Policy outer = policy_;
  const bool has_policies = generation_ == Generation::kKeras2 || generation_ == Generation::kKeras3;
  if (has_policies) policy_ = policy_of(layer, outer, e);
  const DType declared = policy_.compute;
  // Floats are cast to what the layer computes in; integers are left to it.
  const auto cast_floats = [&](std::vector<LayerValue>& values, DType dtype) {
    for (LayerValue& value : values)
      if (value.value.valid() && is_float(e.dtype(value.value))) value.value = e.cast(value.value, dtype);
  };
  const bool casts = has_policies && layer.class_name != "InputLayer";
  if (casts) cast_floats(inputs, declared);
  const bool wide = casts && computes_wide(layer.class_name) && declared != DType::kFloat64 && declared != DType::kFloat32;
  if (wide) {
    policy_.compute = DType::kFloat32;
    cast_floats(inputs, DType::kFloat32);
  }
  const Call own = with_masks(call, inputs);
  LayerCall one(*this, e, layer, own, std::move(inputs));
  def->lower(one);
  if (auto status = one.config.status(); !status) e.refuse(std::move(status.error()));
  if (wide) cast_floats(one.outputs, declared);
  policy_ = outer;
  return std::move(one.outputs);
}

std::vector<LayerValue> Lowering::call_layer(Emitter& e, const Layer& layer, const Call& call, std::vector<LayerValue> inputs) {
  if (e.failed()) return {};
  Scope scope(*this, e, layer.name, layer.class_name);
  std::vector<PartialShape> shapes;
  for (const LayerValue& input : inputs) shapes.push_back(e.shape(input.value));
  result.input_shapes.try_emplace(path_, shapes);
  if (!inputs.empty() && inputs[0].mask.valid()) result.masked_layers.insert(path_);
  std::vector<LayerValue> outputs;
  if (++depth_ > options_.limits.nesting) {
    e.refuse(Error{ErrorCode::kLimitExceeded, "layers nest deeper than " + std::to_string(options_.limits.nesting), {}, {}, {}});
  } else if (layer.model) {
    outputs = call_model(e, *layer.model, std::move(inputs));
  } else {
    outputs = lower_class(e, layer, call, std::move(inputs));
  }
  --depth_;
  shapes.clear();
  for (const LayerValue& output : outputs) shapes.push_back(e.shape(output.value));
  result.result_shapes.try_emplace(path_, std::move(shapes));
  return outputs;
}

std::vector<LayerValue> Lowering::call_model(Emitter& e, const Model& model, std::vector<LayerValue> inputs) {
  if (inputs.size() != model.inputs.size()) {
    e.refuse("the model '" + model.name + "' takes " + std::to_string(model.inputs.size()) + " inputs, it is called on " + std::to_string(inputs.size()));
    return {};
  }
  const auto order = order_of_calls(model);
  if (!order) {
    e.refuse(order.error());
    return {};
  }
  std::map<TensorRef, LayerValue> values;
  for (size_t i = 0; i < inputs.size(); ++i) values[model.inputs[i].ref] = inputs[i];
  const auto find = [&](const TensorRef& ref) -> LayerValue {
    const auto it = values.find(ref);
    if (it != values.end()) return it->second;
    e.refuse("the " + describe(model.layers[static_cast<size_t>(ref.layer)]) + " has no result " + std::to_string(ref.tensor));
    return {};
  };
  for (const auto& [layer_index, call_index] : *order) {
    const Layer& layer = model.layers[static_cast<size_t>(layer_index)];
    // A model may be cut at a layer's result, which is then given.
    if (values.contains({layer_index, call_index, 0})) continue;
    const Call& call = layer.calls[static_cast<size_t>(call_index)];
    std::vector<LayerValue> arguments;
    for (const TensorRef& ref : call.inputs) arguments.push_back(find(ref));
    const bool was_failed = e.failed();
    auto results = call_layer(e, layer, call, std::move(arguments));
    if (e.failed()) {
      if (!was_failed) {
        Error error = e.status().error();
        const std::string place = describe(layer);
        if (error.place.empty() || !error.place.starts_with("layer")) error.place = place + (error.place.empty() ? "" : ", " + error.place);
        Emitter renewed(e.module(), e.graph());
        renewed.refuse(std::move(error));
        e.replace_error(renewed);
      }
      return {};
    }
    for (size_t i = 0; i < results.size(); ++i) values[{layer_index, call_index, static_cast<int32_t>(i)}] = results[i];
  }
  std::vector<LayerValue> outputs;
  for (const Port& port : model.outputs) outputs.push_back(find(port.ref));
  return outputs;
}

Result<LoweredModel> lower(const Model& model, const LoweringOptions& options) {
  LoweredModel lowered;
  ir::Function& function = lowered.module.add_function("serving_default");
  Lowering lowering(lowered, options, model.generation);
  Emitter e(lowered.module, function.graph);
  std::vector<LayerValue> inputs;
  for (const Port& port : model.inputs) {
    const Layer& layer = model.layers[static_cast<size_t>(port.ref.layer)];
    const TensorType type = input_type(layer, model.generation, options, e);
    if (e.failed()) return fail(e.status().error());
    const ir::NodeId node = function.graph.add_with_types(*ops::find_op("Placeholder"), ir::placeholder_attributes(type.dtype, type.shape), {}, {&type, 1},
                                                          function.graph.unique_name(port.name));
    function.graph.inputs.push_back({port.name, function.graph.output(node), {}});
    const auto mask = options.input_masks.find(port.name);
    inputs.push_back({function.graph.output(node), mask == options.input_masks.end() ? Value() : e.cast(e.constant(mask->second, "mask"), DType::kBool)});
  }
  const auto outputs = lowering.call_model(e, model, std::move(inputs));
  TRY(e.status());
  std::map<std::string, int> names;
  for (size_t i = 0; i < outputs.size(); ++i) {
    // Two outputs of one layer get numbers.
    std::string key = model.outputs[i].name;
    if (const int count = names[key]++; count > 0) key += "_" + std::to_string(count);
    function.graph.outputs.push_back({key, outputs[i].value, {}});
  }
  lowered.module.signatures.push_back({"serving_default", function.name, {}});
  return lowered;
}

}  // namespace isomer::layers
