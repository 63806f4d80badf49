// weightsManifest and the weight files: which weights a model has and where their bytes lie. Shared by graph and layers models.
//
// Nothing is copied while reading: a weight is one slice of a mapped shard, or several where it straddles shards.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"
#include "tensor/tensor.h"
#include "wire/json.h"

namespace isomer::tfjs {

// How a weight is stored when not as itself: value = code * scale + min for kUint8 and kUint16 codes; kHalf codes are the value.
struct WeightQuantization {
  DType storage = DType::kInvalid;
  double scale = 1;
  double min = 0;
  std::string original_dtype;             // "float32"; old files leave it out
  JsonValue other = JsonValue::object();  // members of the file's object that are not named here
};

struct WeightEntry {
  std::string name;
  Shape shape;
  std::string dtype;  // as the file spells it; what the weight is once decoded
  std::optional<WeightQuantization> quantization;
  JsonValue other = JsonValue::object();  // members of the file's object that are not named here ("group")
  std::vector<Bytes> pieces;              // the stored bytes in order; empty for a weight of no bytes

  int64_t stored_bytes() const;
};

// Weights [first, first + count) of the manifest's entries; their bytes fill the files `paths`, one after another without padding.
struct WeightGroup {
  std::vector<std::string> paths;  // as the file spells them
  int64_t first = 0;
  int64_t count = 0;
  JsonValue other = JsonValue::object();
};

// May a weight stand in the manifest again, with the same content? TensorFlow.js writes those of a nested model that is used twice so.
enum class Repeats { kRefused, kIfEqual };

class WeightManifest {
 public:
  std::vector<WeightGroup> groups;
  std::vector<WeightEntry> entries;  // of all groups, in order

  // Must be called after the names in `entries` changed. InvalidModel when two weights have one name, unless `repeats` lets equal ones stand: find() then
  // gives the first.
  Result<void> index(Repeats repeats = Repeats::kRefused);
  const WeightEntry* find(std::string_view name) const;

 private:
  std::unordered_map<std::string, size_t> by_name_;
};

// Reads the manifest and maps the files it names, relative to `directory`. Gzip-compressed files are unpacked. Errors: Malformed manifest, a path
// that leaves the directory, a missing file, files that hold more or fewer bytes than the weights need.
Result<WeightManifest> read_weight_manifest(const JsonValue& manifest, const std::string& directory, const Limits& limits, Repeats repeats = Repeats::kRefused);

// The tensor as stored: codes of the quantised dtype, or the weight itself. Bytes of a weight in one piece are shared with the file.
Result<Tensor> stored_tensor(const WeightEntry& entry, const Limits& limits, TensorAllocator& allocator = heap_allocator());
// The tensor it stands for, dequantised (computed in double, rounded once; int32 rounds half up) where it is quantised.
Result<Tensor> decode_weight(const WeightEntry& entry, const Limits& limits, TensorAllocator& allocator = heap_allocator());

// The entry as the manifest spells it.
JsonValue to_json(const WeightEntry& entry);

}  // namespace isomer::tfjs
