// What a conversion tells of weights that it changed.
#pragma once

#include <functional>
#include <vector>

#include "formats/tfjs/quantize.h"
#include "formats/tfjs/weight_writer.h"
#include "isomer/convert.h"

namespace isomer {

// From which dtypes to which; once for each pair.
void note_narrowed(const std::vector<tfjs::NarrowedWeight>& weights, ConvertReport& report);
// How many were quantised, which were not although they were asked for, which patterns match nothing.
void note_quantized(const tfjs::QuantizeReport& quantized, ConvertReport& report);
// Do weights become smaller?
bool quantizes(const ConvertOptions& options);
// Quantises as the options say and notes what became of it. `module`: the model that the weights belong to (isomer/auto_quantize.h); asked for with `max_error`
// only.
Result<void> quantize_as_asked(std::vector<tfjs::OutputWeight>& weights, const std::function<Result<ir::Module*>()>& module, bool tfjs_compat,
                               const ConvertOptions& options, TensorAllocator& allocator, ConvertReport& report);

// The files and bytes of a model that was written into the folder `output`.
void count_written(const tfjs::WriteReport& written, const std::string& output, ConvertReport& report);

// What to say where --verify finds that the result computes something else.
Error difference_error(const Comparison& comparison);

}  // namespace isomer
