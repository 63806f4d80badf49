// Quantising weights as tensorflowjs_converter does it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "formats/tfjs/write.h"

namespace isomer::tfjs {

// What one flag asks for: weights whose whole name matches one of the patterns (`*`, `?`, `[abc]`, `[!abc]`) become `storage`: kUint8, kUint16 or kHalf. A
// request without patterns takes every weight that no other request matches.
struct QuantizeRequest {
  DType storage = DType::kInvalid;
  std::vector<std::string> patterns;
};

// Weights that were asked for and stay as they are, with the reason.
struct SkippedWeight {
  std::string name, reason;
};

struct QuantizeReport {
  int64_t quantized = 0;
  std::vector<SkippedWeight> skipped;
  std::vector<std::string> unmatched;  // patterns that no weight of floats matches
};

// Does the whole name match the pattern of shell wildcards? `*` crosses slashes. Matching takes time proportional to both lengths multiplied, at most.
bool matches(std::string_view pattern, std::string_view name);

// One tensor of floats as codes. uint8 and uint16: value = code * scale + min in double, with scale = (max - min) / largest code and min moved so that 0 has
// a code where the values have both signs; half: rounded to nearest even. InvalidArgument, with the reason, for values that have no such form: not finite,
// beyond what half holds, none at all.
Result<OutputWeight> quantize_weight(const OutputWeight& weight, DType storage, const Limits& limits, TensorAllocator& allocator);

// Quantises in place; only weights that are written as float32 count. InvalidArgument when two requests match one weight, or two have no patterns.
Result<QuantizeReport> quantize_weights(std::vector<OutputWeight>& weights, const std::vector<QuantizeRequest>& requests, const Limits& limits,
                                        TensorAllocator& allocator);

// Hands the manifest's weights of float32 that are not quantised, but for an optimiser's, to `change`, which may quantise them, and takes them back. With
// `dequantize`, those that are quantised become float32 first.
Result<void> change_manifest(WeightManifest& manifest, bool dequantize, const std::function<Result<void>(std::vector<OutputWeight>&)>& change,
                             const Limits& limits, TensorAllocator& allocator);

}  // namespace isomer::tfjs
