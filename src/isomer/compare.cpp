#include "isomer/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace isomer {
namespace {

OutputDifference compare_tensors(const std::string& name, const Tensor& expected, const Tensor& actual, const Tolerance& tolerance) {
  OutputDifference result;
  result.name = name;
  result.type = {expected.dtype(), PartialShape(expected.shape()), DType::kInvalid, {}};
  const auto differ = [&](std::string note) {
    result.equal = false;
    result.max_absolute = result.max_relative = std::numeric_limits<double>::infinity();
    result.note = std::move(note);
    return result;
  };
  if (expected.shape() != actual.shape()) return differ("shape " + to_string(actual.shape()) + " instead of " + to_string(expected.shape()));
  const TypeClass kind = type_class(expected.dtype());
  if ((kind == TypeClass::kString) != (actual.dtype() == DType::kString)) return differ("dtype " + std::string(to_string(actual.dtype())));
  if (kind == TypeClass::kString) {
    for (int64_t i = 0; i < expected.elements(); ++i)
      if (expected.string_at(i) != actual.string_at(i)) return differ("string " + std::to_string(i) + " differs");
    return result;
  }
  const bool complex = kind == TypeClass::kComplex;
  const bool exact = kind == TypeClass::kInteger || kind == TypeClass::kBool;
  const int64_t count = expected.elements();
  for (int64_t i = 0; i < count; ++i) {
    double difference = 0, size = 0;
    if (complex) {
      std::complex<double> e, a;
      load_complex(expected, i, {&e, 1});
      load_complex(actual, i, {&a, 1});
      difference = std::abs(e - a);
      size = std::abs(e);
    } else {
      const double e = expected.as_double(i), a = actual.as_double(i);
      if (e == a || (std::isnan(e) && std::isnan(a))) continue;
      difference = std::fabs(e - a);
      size = std::fabs(e);
    }
    if (!std::isfinite(difference)) return differ("NaN or infinity at different places, first at element " + std::to_string(i));
    result.max_absolute = std::max(result.max_absolute, difference);
    if (size > 0) result.max_relative = std::max(result.max_relative, difference / size);
    if (difference > (exact ? 0.0 : tolerance.absolute + tolerance.relative * size)) result.equal = false;
  }
  return result;
}

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

}  // namespace

bool Comparison::equal() const {
  return std::all_of(outputs.begin(), outputs.end(), [](const OutputDifference& o) { return o.equal; });
}

std::vector<OutputDifference> compare_outputs(const std::vector<NamedTensor>& expected, const std::vector<NamedTensor>& actual, const Tolerance& tolerance) {
  std::vector<OutputDifference> result;
  for (size_t i = 0; i < expected.size(); ++i) {
    if (i >= actual.size()) {
      result.push_back(
          {expected[i].name, {}, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity(), false, "the output is missing"});
      continue;
    }
    result.push_back(compare_tensors(expected[i].name, expected[i].value, actual[i].value, tolerance));
  }
  return result;
}

Result<SampledRun> sample_run(const ir::Module& module, uint64_t seed, const RunOptions& options) {
  const ir::Function* function = module.signatures.empty() ? nullptr : module.find_function(module.signatures[0].function);
  if (!function) return fail(ErrorCode::kInvalidModel, "the model has nothing to run");
  const ir::Graph& graph = function->graph;
  // Sizes for free dimensions: the first is the batch. Models differ in what they can take, so several are tried, and ever smaller integers.
  struct Choice {
    int64_t batch, other;
  };
  static constexpr Choice kChoices[] = {{2, 8}, {1, 32}, {1, 8}, {2, 2}, {1, 1}, {1, 64}, {1, 4}, {4, 4}, {1, 16}, {1, 224}, {3, 3}, {5, 5}, {1, 512}};
  static constexpr int64_t kIntegers[] = {10, 2, 1};
  std::optional<Error> first_error;
  for (const int64_t integers : kIntegers) {
    for (const Choice& choice : kChoices) {
      std::mt19937_64 random(seed);
      SampledRun run;
      bool free_dimension = false;
      for (const ir::Port& port : graph.inputs) {
        const TensorType& type = graph.type(port.value);
        Shape shape;
        if (type.shape.has_rank()) {
          for (int64_t i = 0; i < type.shape.rank(); ++i) {
            free_dimension = free_dimension || type.shape[i] == kUnknownDim;
            shape.push_back(type.shape[i] != kUnknownDim ? type.shape[i] : i == 0 ? choice.batch : choice.other);
          }
        } else {
          free_dimension = true;
          shape = {choice.batch};
        }
        Tensor value = TRY(draw(type.dtype, shape, integers, module, random, options.limits));
        run.inputs.push_back({port.key, std::move(value)});
      }
      auto outputs = run_model(module, run.inputs, options);
      if (outputs) {
        run.outputs = std::move(*outputs);
        return run;
      }
      if (!first_error) first_error = outputs.error();
      if (outputs.error().code == ErrorCode::kUnsupported) return fail(std::move(outputs.error()));
      if (!free_dimension) break;
    }
  }
  first_error->context.emplace_back("looking for inputs that the model accepts");
  return fail(std::move(*first_error).with_hint("give inputs with --verify_input NAME=FILE.npy"));
}

}  // namespace isomer
