#include "isomer/run.h"

#include <algorithm>
#include <set>

#include "isomer/ports.h"

namespace isomer {
namespace {

// A tensor of the wanted dtype where nothing is lost by it.
Result<Tensor> convert(const Tensor& tensor, DType wanted, const std::string& name, const Limits& limits) {
  if (tensor.dtype() == wanted) return tensor;
  const auto refuse = [&] {
    return fail(ErrorCode::kInvalidArgument, "input '" + name + "' must be " + std::string(to_string(wanted)) + ", found " + type_text(tensor));
  };
  const bool floats = is_float(tensor.dtype()) && is_float(wanted);
  const bool integers = is_integer(tensor.dtype()) && is_integer(wanted);
  if (!floats && !integers && !(tensor.dtype() == DType::kComplex128 && wanted == DType::kComplex64)) return refuse();
  MutableTensor out = TRY(MutableTensor::create(wanted, tensor.shape(), limits));
  const auto count = static_cast<size_t>(tensor.elements());
  if (floats) {
    std::vector<double> values(count);
    load_doubles(tensor, 0, values);
    store_doubles(out, 0, values);
  } else if (integers) {
    std::vector<int64_t> values(count), stored(count);
    load_int64s(tensor, 0, values);
    store_int64s(out, 0, values);
    const Tensor result = std::move(out).finish();
    load_int64s(result, 0, stored);
    if (stored != values) return fail(ErrorCode::kInvalidArgument, "input '" + name + "' holds values that do not fit " + std::string(to_string(wanted)));
    return result;
  } else {
    std::vector<std::complex<double>> values(count);
    load_complex(tensor, 0, values);
    store_complex(out, 0, values);
  }
  return std::move(out).finish();
}

}  // namespace

Result<std::vector<NamedTensor>> run_model(const ir::Module& module, const std::vector<NamedTensor>& inputs, const RunOptions& options) {
  const ir::Function* function = TRY(entry_function(module));
  const ir::Graph& graph = function->graph;
  std::vector<ir::RuntimeValue> arguments;
  std::set<std::string> used;
  for (const ir::Port& port : graph.inputs) {
    const auto given = std::find_if(inputs.begin(), inputs.end(), [&](const NamedTensor& t) { return find_input(graph, t.name) == &port; });
    const TensorType& type = graph.type(port.value);
    if (given == inputs.end()) {
      return fail(Error{ErrorCode::kInvalidArgument,
                        "no value for the input '" + port.key + "' of type " + to_string(type),
                        {},
                        {},
                        "the inputs are: " + list_inputs(graph)});
    }
    used.insert(given->name);
    Tensor value = TRY(convert(given->value, type.dtype, port.key, options.limits));
    if (!compatible(type.shape, PartialShape(value.shape()))) {
      return fail(ErrorCode::kInvalidArgument, "input '" + port.key + "' must have the shape " + to_string(type.shape) + ", found " + to_string(value.shape()));
    }
    arguments.push_back(std::move(value));
  }
  for (const NamedTensor& input : inputs) {
    if (!used.contains(input.name)) {
      return fail(Error{ErrorCode::kInvalidArgument, "the model has no input '" + input.name + "'", {}, {}, "the inputs are: " + list_inputs(graph)});
    }
  }
  ir::RunState state;
  state.limits = options.limits;
  state.tfjs_compat = options.tfjs_compat;
  state.seed = options.seed;
  TRY(in_context(ops::initialize(state, module), "running the initialisers"));
  auto results = TRY(ops::run_function(state, module, function->name, arguments, options.observer));
  std::vector<NamedTensor> outputs;
  for (size_t i = 0; i < results.size(); ++i) {
    const auto* tensor = std::get_if<Tensor>(&results[i]);
    if (!tensor) return fail(ErrorCode::kUnsupported, "the output '" + graph.outputs[i].key + "' is no tensor");
    outputs.push_back({graph.outputs[i].key, *tensor});
  }
  return outputs;
}

}  // namespace isomer
