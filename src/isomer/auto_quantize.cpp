#include "isomer/auto_quantize.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>

#include "formats/tfjs/weight_writer.h"
#include "ir/const_op.h"
#include "isomer/compare.h"
#include "isomer/sample.h"
#include "isomer/storage_search.h"
#include "tensor/blocks.h"

namespace isomer {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// |a - b| / max(1, |a|), largest values over the elements; infinite where they cannot be compared, or may not differ at all.
double error_of(const Tensor& expected, const Tensor& actual) {
  const TypeClass kind = type_class(expected.dtype());
  if (kind != TypeClass::kFloat && kind != TypeClass::kComplex) return expected.identical(actual) ? 0 : kInfinity;
  double size = 1;
  for (int64_t i = 0; i < expected.elements(); ++i) {
    std::complex<double> element;
    kind == TypeClass::kFloat ? static_cast<void>(element = expected.as_double(i)) : load_complex(expected, i, {&element, 1});
    if (const double value = std::abs(element); std::isfinite(value)) size = std::max(size, value);
  }
  const OutputDifference difference = compare_tensors("", expected, actual, {});
  return difference.max_absolute / size;
}

// What a quantised weight is in the running model, in the dtype that it has there.
Result<Tensor> restored(const tfjs::OutputWeight& weight, DType dtype, const Limits& limits, TensorAllocator& allocator) {
  tfjs::WeightEntry entry;
  entry.name = weight.name;
  entry.shape = weight.value.shape();
  entry.dtype = "float32";
  entry.quantization = weight.quantization;
  entry.pieces = {weight.value.bytes()};
  Tensor value = TRY(tfjs::decode_weight(entry, limits, allocator));
  if (value.dtype() == dtype) return value;
  MutableTensor out = TRY(MutableTensor::create(dtype, value.shape(), limits, allocator));
  for_each_block(value, [&](int64_t first, std::span<const double> elements) { store_doubles(out, first, elements); });
  return std::move(out).finish();
}

// Lengths of the difference and of the value, as vectors.
double noise_of(const Tensor& value, const Tensor& stored) {
  double difference = 0, length = 0;
  std::vector<double> kept(kBlockElements);
  for_each_block(value, [&](int64_t first, std::span<const double> elements) {
    load_doubles(stored, first, std::span(kept).first(elements.size()));
    for (size_t i = 0; i < elements.size(); ++i) {
      const auto element = static_cast<double>(static_cast<float>(elements[i]));
      difference += (kept[i] - element) * (kept[i] - element);
      length += element * element;
    }
  });
  return length > 0 ? std::sqrt(difference / length) : std::sqrt(difference);
}

// Bytes of a weight in the files, its description in model.json among them.
Result<int64_t> file_bytes(const tfjs::OutputWeight& weight) {
  return TRY(tfjs::bytes_of(weight)) + static_cast<int64_t>(TRY(write_json(tfjs::entry_json(weight))).size());
}

// Where a weight stands in the model: the tensors that have its value.
using Places = std::vector<Tensor*>;

class AutoQuantizer {
 public:
  AutoQuantizer(std::vector<tfjs::OutputWeight>& weights, ir::Module& module, const AutoQuantizeOptions& options, TensorAllocator& allocator)
      : weights_(weights), module_(module), options_(options), allocator_(allocator) {
    run_.limits = options.limits;
    run_.seed = options.seed;
    run_.tfjs_compat = options.tfjs_compat;
  }

  Result<AutoQuantizeReport> run() {
    const auto start = std::chrono::steady_clock::now();
    if (options_.progress) options_.progress->stage("weighing the weights");
    TRY(find_candidates());
    if (report_.weights.empty()) {
      return fail(Error{ErrorCode::kInvalidArgument, "--quantize auto: the model has no weights of float32", {}, {}, "leave --quantize out"});
    }
    report_.max_error = options_.max_error;
    report_.allowed_runs = allowed_runs(static_cast<int64_t>(searched_.size()));
    if (!searched_.empty()) TRY(search());
    report_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return std::move(report_);
  }

 private:
  struct Candidate {
    size_t weight = 0, row = 0;  // of weights_, of the report
    Places places;
    Tensor original;                 // as the places have it
    std::map<int, Tensor> restored;  // by option
    int current = kAsItIs;
  };

  std::map<std::pair<int64_t, std::string>, Places> places_by_type() {
    std::map<std::pair<int64_t, std::string>, Places> places;
    const auto add = [&](Tensor& tensor) {
      if (tensor.valid() && is_float(tensor.dtype())) places[{tensor.byte_size(), type_text(tensor)}].push_back(&tensor);
    };
    for (const auto& function : module_.functions())
      for (const ir::NodeId id : function->graph.live_nodes())
        if (function->graph.node(id).is("Const")) add(function->graph.node(id).mutable_as<ir::ConstAttributes>().value);
    for (ir::Variable& variable : module_.variables) add(variable.value);
    return places;
  }

  // Rows of the report for all weights of floats; candidates for those that may become smaller.
  Result<void> find_candidates() {
    auto places = places_by_type();
    for (size_t i = 0; i < weights_.size(); ++i) {
      const tfjs::OutputWeight& weight = weights_[i];
      if (weight.quantization || tfjs::weight_dtype(weight.value.dtype()) != DType::kFloat32) continue;
      AutoQuantizedWeight& row = report_.weights.emplace_back();
      row.name = weight.name;
      row.bytes_before = row.bytes_after = TRY(tfjs::bytes_of(weight));
      Candidate candidate{i, report_.weights.size() - 1, {}, {}, {}, kAsItIs};
      for (Tensor* place : places[{weight.value.byte_size(), type_text(weight.value)}])
        if (place->identical(weight.value)) candidate.places.push_back(place);
      SearchedWeight searched{TRY(options_for(weight, row.kept))};
      if (row.kept.empty() && candidate.places.empty()) row.kept = "the model does not compute with it";
      if (!row.kept.empty()) continue;
      candidate.original = weight.value;
      candidates_.push_back(std::move(candidate));
      searched_.push_back(std::move(searched));
    }
    return {};
  }

  // The storages that save bytes. Of the two of 16 bits, the one with less noise.
  Result<std::vector<StorageOption>> options_for(const tfjs::OutputWeight& weight, std::string& why_not) {
    const int64_t before = TRY(file_bytes(weight));
    std::vector<StorageOption> options;
    for (const DType storage : {DType::kHalf, DType::kUint16, DType::kUint8}) {
      const auto quantized = tfjs::quantize_weight(weight, storage, options_.limits, allocator_);
      if (!quantized) {
        if (quantized.error().code != ErrorCode::kInvalidArgument) return std::unexpected(quantized.error());
        why_not = quantized.error().message;
        continue;
      }
      why_not.clear();
      const int64_t saved = before - TRY(file_bytes(*quantized));
      if (saved <= 0) continue;
      const double noise = noise_of(weight.value, TRY(restored(*quantized, DType::kFloat32, options_.limits, allocator_)));
      if (storage == DType::kUint16 && !options.empty()) {
        if (noise < options[0].noise) options[0] = {storage, saved, noise};
      } else if (options.empty() || saved > options.back().saved) {
        options.push_back({storage, saved, noise});
      }
    }
    if (options.empty() && why_not.empty()) why_not = "too small, its description would grow by more";
    return options;
  }

  Result<void> search() {
    SampleRequest sample;
    sample.seed = options_.seed;
    sample.given = TRY(in_context(read_inputs(module_, options_.inputs, options_.limits), "reading the inputs for --quantize auto"));
    sample.shapes = options_.inputs.shapes;
    if (options_.progress) options_.progress->stage("choosing dtypes of weights", report_.allowed_runs);
    baseline_ = TRY(in_context(sample_run(module_, sample, run_), "running the model for --quantize auto"));
    const StorageSearch found =
        TRY(search_storages(searched_, options_.max_error, report_.allowed_runs - 1, [this](const Storages& storages) { return measure(storages); }));
    report_.runs = found.runs + 1;
    report_.error = found.error;
    for (size_t i = 0; i < candidates_.size(); ++i) TRY(take(candidates_[i], searched_[i], found.sensitivities[i], found.chosen[i]));
    return {};
  }

  Result<double> measure(const Storages& storages) {
    for (size_t i = 0; i < candidates_.size(); ++i) TRY(put(candidates_[i], searched_[i], storages[i]));
    if (options_.progress) options_.progress->advance(1);
    const auto actual = run_model(module_, baseline_.inputs, run_);
    if (!actual) {
      // Shapes and indices computed from weights may no longer fit.
      if (actual.error().code == ErrorCode::kInvalidArgument || actual.error().code == ErrorCode::kInvalidModel) return kInfinity;
      return std::unexpected(actual.error());
    }
    double error = 0;
    for (size_t i = 0; i < actual->size(); ++i) error = std::max(error, error_of(baseline_.outputs[i].value, (*actual)[i].value));
    return error;
  }

  // Lets the model compute with the weight as this option stores it.
  Result<void> put(Candidate& candidate, const SearchedWeight& searched, int option) {
    if (candidate.current == option) return {};
    if (option != kAsItIs && !candidate.restored.contains(option)) {
      const tfjs::OutputWeight quantized =
          TRY(tfjs::quantize_weight(weights_[candidate.weight], searched.options[static_cast<size_t>(option)].storage, options_.limits, allocator_));
      candidate.restored[option] = TRY(restored(quantized, candidate.original.dtype(), options_.limits, allocator_));
    }
    for (Tensor* place : candidate.places) *place = option == kAsItIs ? candidate.original : candidate.restored.at(option);
    candidate.current = option;
    return {};
  }

  // The weight as it is to be written.
  Result<void> take(const Candidate& candidate, const SearchedWeight& searched, const Sensitivity& sensitivity, int option) {
    AutoQuantizedWeight& row = report_.weights[candidate.row];
    row.error = sensitivity.error;
    row.measured = sensitivity.measured;
    if (option == kAsItIs) return {};
    row.storage = searched.options[static_cast<size_t>(option)].storage;
    tfjs::OutputWeight& weight = weights_[candidate.weight];
    weight = TRY(tfjs::quantize_weight(weight, row.storage, options_.limits, allocator_));
    weight.value.bytes().release_pages();
    row.bytes_after = TRY(tfjs::bytes_of(weight));
    return {};
  }

  std::vector<tfjs::OutputWeight>& weights_;
  ir::Module& module_;
  const AutoQuantizeOptions& options_;
  TensorAllocator& allocator_;
  RunOptions run_;
  AutoQuantizeReport report_;
  std::vector<Candidate> candidates_;
  std::vector<SearchedWeight> searched_;  // one for each candidate
  SampledRun baseline_;
};

}  // namespace

Result<AutoQuantizeReport> quantize_automatically(std::vector<tfjs::OutputWeight>& weights, ir::Module& module, const AutoQuantizeOptions& options,
                                                  TensorAllocator& allocator) {
  return AutoQuantizer(weights, module, options, allocator).run();
}

}  // namespace isomer
