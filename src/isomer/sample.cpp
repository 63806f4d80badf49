// Files say little about what a model's free dimensions may be, so several sizes are tried, common ones first, and ever smaller integers: an index that is
// too large for a table makes a run fail, 0 hardly ever does.
#include "isomer/sample.h"

#include <algorithm>
#include <random>

#include "isomer/ports.h"

namespace isomer {
namespace {

// Values that a model's inputs may like: floats in [0, 1), integers below `integers`, keys of tables.
Result<Tensor> draw(DType dtype, const Shape& shape, int64_t integers, const ir::Module& module, std::mt19937_64& random, const Limits& limits) {
  const int64_t count = element_count_of(shape);
  if (dtype == DType::kString) {
    std::vector<std::string> words = {"the", "a", "unknown"};
    for (const ir::Table& table : module.tables) {
      if (!table.keys.valid() || table.keys.dtype() != DType::kString) continue;
      for (int64_t i = 0; i < std::min<int64_t>(table.keys.elements(), 5); ++i) words.insert(words.begin(), std::string(table.keys.string_at(i)));
    }
    std::vector<std::string> values;
    for (int64_t i = 0; i < count; ++i) values.push_back(words[random() % words.size()]);
    return Tensor::from_strings(shape, values);
  }
  MutableTensor tensor = TRY(MutableTensor::create(dtype, shape, limits));
  const auto unit = [&] { return static_cast<double>(random() >> 11) * 0x1.0p-53; };
  for (int64_t i = 0; i < count; ++i) {
    const double real = unit();
    const auto integer = static_cast<int64_t>(real * static_cast<double>(integers));
    const std::complex<double> both(real, unit());
    switch (type_class(dtype)) {
      case TypeClass::kFloat: store_doubles(tensor, i, {&real, 1}); break;
      case TypeClass::kInteger: store_int64s(tensor, i, {&integer, 1}); break;
      case TypeClass::kComplex: store_complex(tensor, i, {&both, 1}); break;
      case TypeClass::kBool: tensor.as<uint8_t>()[i] = static_cast<uint8_t>(random() & 1); break;
      default: return fail(ErrorCode::kUnsupported, "an input of dtype " + std::string(to_string(dtype)));
    }
  }
  return std::move(tensor).finish();
}

// Sizes for free dimensions: the first is the batch.
struct Sizes {
  int64_t batch, other;
};
constexpr Sizes kSizes[] = {{2, 8}, {1, 32}, {1, 8}, {2, 2}, {1, 1}, {1, 64}, {1, 4}, {4, 4}, {1, 16}, {1, 224}, {3, 3}, {5, 5}, {1, 512}};
constexpr int64_t kIntegers[] = {10, 2, 1};  // integers are drawn below these

// The size of the batch that the given inputs fix, where one does.
std::optional<int64_t> given_batch(const ir::Graph& graph, const std::vector<NamedTensor>& given) {
  for (const NamedTensor& tensor : given) {
    const ir::Port* port = find_input(graph, tensor.name);
    if (!port || tensor.value.rank() == 0) continue;
    const PartialShape& shape = graph.type(port->value).shape;
    if (!shape.has_rank() || (shape.rank() > 0 && shape[0] == kUnknownDim)) return tensor.value.shape()[0];
  }
  return std::nullopt;
}

class Sampler {
 public:
  Sampler(const ir::Module& module, const ir::Graph& graph, const SampleRequest& request, const Limits& limits)
      : module_(module), graph_(graph), request_(request), limits_(limits), batch_(given_batch(graph, request.given.tensors)) {}

  Result<std::vector<NamedTensor>> draw_all(const Sizes& sizes, int64_t integers) {
    std::mt19937_64 shared(request_.given.random_rest.value_or(request_.seed));
    std::vector<NamedTensor> inputs;
    for (const ir::Port& port : graph_.inputs) {
      if (const NamedTensor* given = find_given(port)) {
        inputs.push_back(*given);
        continue;
      }
      const Shape shape = TRY(shape_of(port, sizes));
      const auto own = request_.given.random.find(port.key);
      std::mt19937_64 single(own == request_.given.random.end() ? 0 : own->second);
      std::mt19937_64& random = own == request_.given.random.end() ? shared : single;
      Tensor value = TRY(draw(graph_.type(port.value).dtype, shape, integers, module_, random, limits_));
      inputs.push_back({port.key, std::move(value)});
    }
    return inputs;
  }
  bool has_choice() const { return has_choice_; }  // was any dimension free?

 private:
  const NamedTensor* find_given(const ir::Port& port) const {
    const auto& tensors = request_.given.tensors;
    const auto it = std::find_if(tensors.begin(), tensors.end(), [&](const NamedTensor& t) { return find_input(graph_, t.name) == &port; });
    return it == tensors.end() ? nullptr : &*it;
  }

  Result<Shape> shape_of(const ir::Port& port, const Sizes& sizes) {
    if (const auto wish = request_.shapes.find(port.key); wish != request_.shapes.end()) return wish->second;
    PartialShape known = graph_.type(port.value).shape;
    if (const auto other = request_.other_shapes.find(port.key); other != request_.other_shapes.end()) {
      const auto merged = merge(known, other->second);
      if (!merged) {
        return fail(ErrorCode::kInvalidArgument,
                    "the input '" + port.key + "' is " + to_string(known) + " in one model and " + to_string(other->second) + " in the other");
      }
      known = *merged;
    }
    const int64_t batch = batch_.value_or(sizes.batch);
    if (!known.has_rank()) {
      has_choice_ = true;
      return Shape{batch};
    }
    Shape shape;
    for (int64_t i = 0; i < known.rank(); ++i) {
      has_choice_ = has_choice_ || known[i] == kUnknownDim;
      shape.push_back(known[i] != kUnknownDim ? known[i] : i == 0 ? batch : sizes.other);
    }
    return shape;
  }

  const ir::Module& module_;
  const ir::Graph& graph_;
  const SampleRequest& request_;
  const Limits& limits_;
  std::optional<int64_t> batch_;
  bool has_choice_ = false;
};

}  // namespace

Result<SampledRun> sample_run(const ir::Module& module, const SampleRequest& request, const RunOptions& options) {
  const ir::Function* function = TRY(entry_function(module));
  Sampler sampler(module, function->graph, request, options.limits);
  std::optional<Error> first_error;
  for (const int64_t integers : kIntegers) {
    for (const Sizes& sizes : kSizes) {
      SampledRun run;
      run.inputs = TRY(sampler.draw_all(sizes, integers));
      auto outputs = run_model(module, run.inputs, options);
      if (outputs) {
        run.outputs = std::move(*outputs);
        return run;
      }
      if (!first_error) first_error = outputs.error();
      const bool useless = outputs.error().code == ErrorCode::kUnsupported || outputs.error().code == ErrorCode::kLimitExceeded;
      if (useless) return fail(std::move(outputs.error()));
      if (!sampler.has_choice()) break;
    }
  }
  first_error->context.emplace_back("looking for inputs that the model accepts");
  return fail(std::move(*first_error).with_hint("give inputs of your own: NAME=FILE.npy"));
}

}  // namespace isomer
