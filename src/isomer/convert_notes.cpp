#include "isomer/convert_notes.h"

#include <set>

#include "base/mapped_file.h"

namespace isomer {

void note_narrowed(const std::vector<tfjs::NarrowedWeight>& weights, ConvertReport& report) {
  std::set<std::string> narrowed;
  for (const auto& weight : weights)
    if (weight.from != weight.to) narrowed.insert(std::string(to_string(weight.from)) + " to " + std::string(to_string(weight.to)));
  for (const std::string& text : narrowed) report.notes.push_back("weights narrowed from " + text + ", which is what tf.js has");
}

void note_quantized(const tfjs::QuantizeReport& quantized, ConvertReport& report) {
  if (quantized.quantized > 0) report.notes.push_back("quantised " + std::to_string(quantized.quantized) + (quantized.quantized == 1 ? " weight" : " weights"));
  for (const tfjs::SkippedWeight& skipped : quantized.skipped) report.notes.push_back("the weight '" + skipped.name + "' is not quantised: " + skipped.reason);
  for (const std::string& pattern : quantized.unmatched) report.notes.push_back("no weight of floats has a name like '" + pattern + "'");
}

bool quantizes(const ConvertOptions& options) { return options.max_error || !options.quantize.empty(); }

Result<void> quantize_as_asked(std::vector<tfjs::OutputWeight>& weights, const std::function<Result<ir::Module*>()>& module, bool tfjs_compat,
                               const ConvertOptions& options, TensorAllocator& allocator, ConvertReport& report) {
  if (options.progress && quantizes(options)) options.progress->stage("quantising");
  if (!options.max_error) {
    note_quantized(TRY(tfjs::quantize_weights(weights, options.quantize, options.load.limits, allocator)), report);
    return {};
  }
  AutoQuantizeOptions automatic;
  automatic.max_error = *options.max_error;
  automatic.inputs = options.verify_inputs;
  automatic.seed = options.seed;
  automatic.tfjs_compat = tfjs_compat;
  automatic.limits = options.load.limits;
  automatic.progress = options.progress;
  report.quantization = TRY(quantize_automatically(weights, *TRY(module()), automatic, allocator));
  return {};
}

void count_written(const tfjs::WriteReport& written, const std::string& output, ConvertReport& report) {
  report.files = written.files;
  report.weight_bytes = written.weight_bytes;
  for (const std::string& file : written.files)
    if (const auto bytes = map_file(output + "/" + file)) report.bytes_written += bytes->size();
}

Error difference_error(const Comparison& comparison) {
  std::string text = "the result differs from the source beyond the tolerance";
  for (const OutputDifference& o : comparison.outputs) {
    if (o.equal) continue;
    text += "\n    " + o.name + ": largest absolute difference " + std::to_string(o.max_absolute) + ", relative " + std::to_string(o.max_relative);
    if (!o.expected.empty()) text += ", at " + to_string(o.where) + ": " + o.expected + " became " + o.actual;
    if (!o.note.empty()) text += " (" + o.note + ")";
  }
  return Error{ErrorCode::kInvalidModel, std::move(text), {}, {}, "nothing was written; allow more with --rtol and --atol, or report the model"};
}

}  // namespace isomer
