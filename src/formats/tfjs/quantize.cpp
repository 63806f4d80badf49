// The arithmetic is that of tensorflowjs_converter with NumPy 2, step by step in double: the codes, scales and minima are its own bit for bit.
#include "formats/tfjs/quantize.h"

#include <algorithm>
#include <cmath>

#include "tensor/blocks.h"

namespace isomer::tfjs {
namespace {

// The elements as float32, block by block: visit(first, values).
template <class Visit>
void for_each_float_block(const Tensor& tensor, Visit&& visit) {
  for_each_block(tensor, [&](int64_t first, std::span<double> values) {
    for (double& value : values) value = static_cast<float>(value);
    visit(first, values);
  });
  tensor.bytes().release_pages();
}

struct Range {
  double min = 0, max = 0;
  bool finite = true;
};

Range range_of(const Tensor& tensor) {
  Range range{HUGE_VAL, -HUGE_VAL, true};
  for_each_float_block(tensor, [&](int64_t, std::span<const double> values) {
    for (const double value : values) {
      range.finite = range.finite && std::isfinite(value);
      range.min = std::min(range.min, value);
      range.max = std::max(range.max, value);
    }
  });
  return range;
}

Error refusal(const std::string& name, std::string reason) { return Error{ErrorCode::kInvalidArgument, std::move(reason), "weight '" + name + "'", {}, {}}; }

// Does `text`, of which `pattern` begins with '[', have a character that the brackets allow? Sets the end of the brackets; nothing when they are not closed.
std::optional<bool> in_brackets(std::string_view pattern, char c, size_t& end) {
  size_t at = 1;
  const bool negated = at < pattern.size() && pattern[at] == '!';
  if (negated) ++at;
  const size_t start = at;
  bool found = false;
  for (; at < pattern.size() && (pattern[at] != ']' || at == start); ++at) {
    if (at + 2 < pattern.size() && pattern[at + 1] == '-' && pattern[at + 2] != ']') {
      found = found || (pattern[at] <= c && c <= pattern[at + 2]);
      at += 2;
    } else {
      found = found || pattern[at] == c;
    }
  }
  if (at >= pattern.size()) return std::nullopt;
  end = at + 1;
  return found != negated;
}

}  // namespace

bool matches(std::string_view pattern, std::string_view name) {
  size_t p = 0, n = 0, star = std::string_view::npos, resume = 0;
  while (n < name.size()) {
    size_t next = p + 1;
    bool same = false;
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
      continue;
    }
    if (p < pattern.size()) {
      same = pattern[p] == '?' || pattern[p] == name[n];
      if (pattern[p] == '[') {
        size_t end = 0;
        if (const auto inside = in_brackets(pattern.substr(p), name[n], end)) {
          same = *inside;
          next = p + end;
        }
      }
    }
    if (same) {
      p = next;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  return std::all_of(pattern.begin() + static_cast<std::ptrdiff_t>(p), pattern.end(), [](char c) { return c == '*'; });
}

Result<OutputWeight> quantize_weight(const OutputWeight& weight, DType storage, const Limits& limits, TensorAllocator& allocator) {
  const Tensor& value = weight.value;
  if (value.elements() == 0) return fail(refusal(weight.name, "it has no elements"));
  const Range range = range_of(value);
  if (!range.finite) return fail(refusal(weight.name, "it holds numbers that are not finite"));
  MutableTensor codes = TRY(MutableTensor::create(storage, value.shape(), limits, allocator));
  WeightQuantization quantization;
  quantization.storage = storage;
  quantization.original_dtype = "float32";
  if (storage == DType::kHalf) {
    constexpr double kTooLarge = 65520;  // rounds to infinity
    if (range.max >= kTooLarge || range.min <= -kTooLarge) return fail(refusal(weight.name, "it holds numbers beyond 65504, the largest float16"));
    for_each_float_block(value, [&](int64_t first, std::span<const double> values) { store_doubles(codes, first, values); });
    return OutputWeight{weight.name, std::move(codes).finish(), quantization};
  }
  const double largest = storage == DType::kUint8 ? 255 : 65535;
  double low = range.min, high = range.max;
  if (low != high) {
    quantization.scale = (high - low) / largest;
    if (low <= 0 && 0 <= high) {
      const double zero = std::nearbyint((0 - low) / quantization.scale);
      low = -zero * quantization.scale;
      high = largest * quantization.scale + low;
    }
    std::vector<int64_t> block(kBlockElements);
    for_each_float_block(value, [&](int64_t first, std::span<const double> values) {
      for (size_t i = 0; i < values.size(); ++i) block[i] = static_cast<int64_t>(std::nearbyint((std::clamp(values[i], low, high) - low) / quantization.scale));
      store_int64s(codes, first, std::span(block).first(values.size()));
    });
  }
  quantization.min = low;
  return OutputWeight{weight.name, std::move(codes).finish(), quantization};
}

Result<QuantizeReport> quantize_weights(std::vector<OutputWeight>& weights, const std::vector<QuantizeRequest>& requests, const Limits& limits,
                                        TensorAllocator& allocator) {
  QuantizeReport report;
  const QuantizeRequest* rest = nullptr;
  std::vector<std::pair<const QuantizeRequest*, std::string>> patterns;
  for (const QuantizeRequest& request : requests) {
    if (request.patterns.empty() && rest) {
      return fail(Error{ErrorCode::kInvalidArgument,
                        "two flags quantise all that is left: only one dtype can stand without names of weights",
                        {},
                        {},
                        "write --quantize_uint8=NAME,NAME with the weights that it is for; * stands for any characters"});
    }
    if (request.patterns.empty()) rest = &request;
    for (const std::string& pattern : request.patterns) patterns.emplace_back(&request, pattern);
  }
  std::vector<bool> used(patterns.size());
  for (OutputWeight& weight : weights) {
    if (weight.quantization || weight_dtype(weight.value.dtype()) != DType::kFloat32) continue;
    const QuantizeRequest* chosen = nullptr;
    for (size_t i = 0; i < patterns.size(); ++i) {
      if (!matches(patterns[i].second, weight.name)) continue;
      used[i] = true;
      if (chosen && chosen != patterns[i].first) {
        return fail(Error{ErrorCode::kInvalidArgument,
                          "the weight '" + weight.name + "' is asked for as " + std::string(to_string(chosen->storage)) + " and as " +
                              std::string(to_string(patterns[i].first->storage)),
                          {},
                          {},
                          "let only one of the patterns match it"});
      }
      chosen = patterns[i].first;
    }
    if (!chosen) chosen = rest;
    if (!chosen) continue;
    auto quantized = quantize_weight(weight, chosen->storage, limits, allocator);
    if (!quantized) {
      if (quantized.error().code != ErrorCode::kInvalidArgument) return fail(std::move(quantized.error()));
      report.skipped.push_back({weight.name, quantized.error().message});
      continue;
    }
    quantized->value.bytes().release_pages();
    weight = std::move(*quantized);
    ++report.quantized;
  }
  for (size_t i = 0; i < patterns.size(); ++i)
    if (!used[i]) report.unmatched.push_back(patterns[i].second);
  return report;
}

Result<void> change_manifest(WeightManifest& manifest, bool dequantize, const std::function<Result<void>(std::vector<OutputWeight>&)>& change,
                             const Limits& limits, TensorAllocator& allocator) {
  std::vector<OutputWeight> weights;
  std::vector<size_t> entries;
  for (size_t i = 0; i < manifest.entries.size(); ++i) {
    WeightEntry& entry = manifest.entries[i];
    if (entry.quantization && dequantize) {
      const Tensor value = TRY(in_context(decode_weight(entry, limits, allocator), "reading the weight \"" + entry.name + "\""));
      value.bytes().release_pages();
      entry.pieces = {value.bytes()};
      entry.quantization.reset();
    }
    const JsonValue* group = entry.other.find("group");
    const bool of_optimizer = group && *group == JsonValue("optimizer");
    if (entry.quantization || of_optimizer || entry.dtype != "float32") continue;
    OutputWeight& weight = weights.emplace_back();
    weight.name = entry.name;
    weight.value = TRY(in_context(stored_tensor(entry, limits, allocator), "reading the weight \"" + entry.name + "\""));
    entries.push_back(i);
  }
  TRY(change(weights));
  for (size_t i = 0; i < weights.size(); ++i) {
    if (!weights[i].quantization) continue;
    WeightEntry& entry = manifest.entries[entries[i]];
    entry.quantization = weights[i].quantization;
    entry.pieces = {weights[i].value.bytes()};
  }
  return {};
}

}  // namespace isomer::tfjs
