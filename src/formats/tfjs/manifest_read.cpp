// Reading weightsManifest and laying its weights over the files.
//
// The files of a group are one stream of bytes; the weights follow each other in it without padding. Numeric weights have a size of their own, a
// string weight has to be walked: each element is a 32-bit length and that many bytes.
//
// Some servers' folders hold the files gzip-compressed under their plain names. The first bytes cannot tell (weights may begin with anything), so
// files that look compressed are unpacked only when the weights do not fit the files as they are.
#include <algorithm>
#include <cstring>

#include "base/checked.h"
#include "base/mapped_file.h"
#include "formats/tfjs/manifest.h"
#include "wire/gzip.h"

namespace isomer::tfjs {
namespace {

std::unexpected<Error> wrong(std::string_view expected, const JsonValue* found, std::string place) {
  return fail(
      Error{ErrorCode::kMalformed, "expected " + std::string(expected) + ", found " + (found ? describe(*found) : "nothing"), std::move(place), {}, {}});
}

Result<std::string> read_string(const JsonValue& object, std::string_view key, const std::string& place) {
  const JsonValue* found = object.find(key);
  if (!found || !found->is_string()) return wrong("a string", found, place + "." + std::string(key));
  return found->text();
}

JsonValue members_except(const JsonValue& object, std::initializer_list<std::string_view> known) {
  JsonValue rest = JsonValue::object();
  for (const JsonMember& member : object.members()) {
    if (std::find(known.begin(), known.end(), member.key) == known.end()) rest.members().push_back(member);
  }
  return rest;
}

Result<double> read_number(const JsonValue& object, std::string_view key, double absent, const std::string& place) {
  const JsonValue* found = object.find(key);
  if (!found || found->is_null()) return absent;
  if (found->is_number()) return found->number();
  // How this project writes a range that is not finite; JSON has no such number.
  if (found->is_string() && found->text() == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (found->is_string() && found->text() == "Infinity") return std::numeric_limits<double>::infinity();
  if (found->is_string() && found->text() == "-Infinity") return -std::numeric_limits<double>::infinity();
  return wrong("a number", found, place + "." + std::string(key));
}

Result<WeightQuantization> read_quantization(const JsonValue& json, const std::string& place) {
  if (!json.is_object()) return wrong("an object", &json, place);
  WeightQuantization quantization;
  const std::string dtype = TRY(read_string(json, "dtype", place));
  const auto storage = dtype_from_string(dtype);
  if (storage != DType::kUint8 && storage != DType::kUint16 && storage != DType::kHalf) {
    return fail(Error{ErrorCode::kUnsupported, "quantised as " + dtype + "; known are uint8, uint16 and float16", place + ".dtype", {}, {}});
  }
  quantization.storage = *storage;
  if (storage != DType::kHalf && (!json.find("scale") || !json.find("min"))) return wrong("scale and min", nullptr, place);
  quantization.scale = TRY(read_number(json, "scale", 1, place));
  quantization.min = TRY(read_number(json, "min", 0, place));
  if (const JsonValue* original = json.find("original_dtype"); original && original->is_string()) quantization.original_dtype = original->text();
  quantization.other =
      storage == DType::kHalf ? members_except(json, {"dtype", "original_dtype"}) : members_except(json, {"dtype", "scale", "min", "original_dtype"});
  return quantization;
}

Result<WeightEntry> read_entry(const JsonValue& json, const std::string& place, const Limits& limits) {
  if (!json.is_object()) return wrong("an object", &json, place);
  WeightEntry entry;
  entry.name = TRY(read_string(json, "name", place));
  entry.dtype = TRY(read_string(json, "dtype", place));
  const JsonValue* shape = json.find("shape");
  if (!shape || !shape->is_array()) return wrong("an array of sizes", shape, place + ".shape");
  for (const JsonValue& size : shape->items()) {
    const auto value = size.as_int64();
    if (!value || *value < 0) return wrong("a size", &size, place + ".shape");
    entry.shape.push_back(*value);
  }
  const auto elements = element_count(entry.shape);
  if (!elements || *elements > limits.tensor_elements || static_cast<int64_t>(entry.shape.size()) > limits.rank) {
    return fail(
        Error{ErrorCode::kLimitExceeded, "weight \"" + entry.name + "\" has more elements or dimensions than the limits allow", place + ".shape", {}, {}});
  }
  if (const JsonValue* quantization = json.find("quantization"); quantization && !quantization->is_null()) {
    entry.quantization = TRY(read_quantization(*quantization, place + ".quantization"));
    if (entry.dtype != "float32" && entry.dtype != "int32") {
      return fail(Error{
          ErrorCode::kUnsupported, "weight \"" + entry.name + "\" of dtype " + entry.dtype + " is quantised; only float32 and int32 can be", place, {}, {}});
    }
  }
  const auto dtype = dtype_from_string(entry.dtype);
  if (!dtype || (element_size(*dtype) == 0 && dtype != DType::kString)) {
    return fail(
        Error{ErrorCode::kUnsupported, "weight \"" + entry.name + "\" has dtype " + entry.dtype + ", which no weight can have", place + ".dtype", {}, {}});
  }
  entry.other = members_except(json, {"name", "shape", "dtype", "quantization"});
  return entry;
}

// The text with %XX replaced by the byte; as it is where that is no valid escape.
std::string percent_decoded(std::string_view text) {
  std::string decoded;
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && text.size() - i > 2 && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      decoded += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

struct Shard {
  std::string path;  // as the manifest spells it
  Bytes bytes;
};

Result<Shard> map_shard(const std::string& path, const std::string& directory) {
  // tf.js resolves the paths as URLs, so an escape counts before the check.
  const std::string decoded = percent_decoded(path);
  const std::string file = TRY(in_context(resolve_inside(directory, decoded), "looking for the weight file \"" + path + "\""));
  auto mapped = map_file(file);
  if (!mapped && mapped.error().code == ErrorCode::kNotFound) {
    return fail(std::move(mapped.error())
                    .with_context("looking for the weight file \"" + path + "\" that weightsManifest names")
                    .with_hint("put all files that weightsManifest names beside model.json"));
  }
  // A directory there is a fault of the model, not of the command.
  if (!mapped && mapped.error().code == ErrorCode::kInvalidArgument) mapped.error().code = ErrorCode::kInvalidModel;
  if (!mapped) return fail(std::move(mapped.error()).with_context("opening the weight file \"" + path + "\" that weightsManifest names"));
  return Shard{path, std::move(*mapped)};
}

// The bytes of a group's files as one stream.
class ShardStream {
 public:
  explicit ShardStream(const std::vector<Shard>& shards) : shards_(shards) {
    for (const Shard& shard : shards) left_ += shard.bytes.size();
  }
  int64_t left() const { return left_; }

  // The next `count` bytes as slices; requires count <= left().
  std::vector<Bytes> take(int64_t count) {
    std::vector<Bytes> pieces;
    left_ -= count;
    while (count > 0) {
      const Bytes& bytes = shards_[shard_].bytes;
      const int64_t piece = std::min(count, bytes.size() - offset_);
      if (piece > 0) pieces.push_back(bytes.slice(offset_, piece));
      count -= piece;
      offset_ += piece;
      if (offset_ == bytes.size()) {
        ++shard_;
        offset_ = 0;
      }
    }
    return pieces;
  }

  uint32_t take_length() {
    std::byte bytes[4];
    int64_t at = 0;
    for (const Bytes& piece : take(4)) {
      std::memcpy(bytes + at, piece.data(), static_cast<size_t>(piece.size()));
      at += piece.size();
    }
    uint32_t length;
    std::memcpy(&length, bytes, 4);
    return length;
  }

 private:
  const std::vector<Shard>& shards_;
  size_t shard_ = 0;
  int64_t offset_ = 0;
  int64_t left_ = 0;
};

std::string found_text(const std::vector<Shard>& shards) {
  std::string text;
  for (size_t i = 0; i < shards.size() && i < 8; ++i) text += (i ? ", " : "") + shards[i].path + " (" + std::to_string(shards[i].bytes.size()) + " bytes)";
  if (shards.size() > 8) text += " and " + std::to_string(shards.size() - 8) + " more";
  return shards.empty() ? "no files" : text;
}

// Bytes of a numeric weight as stored; nullopt when they do not fit 64 bits. Requires a dtype with a size.
std::optional<int64_t> numeric_bytes(const WeightEntry& entry) {
  const DType stored = entry.quantization ? entry.quantization->storage : *dtype_from_string(entry.dtype);
  return checked_mul(element_count_of(entry.shape), element_size(stored));
}

Result<std::vector<Bytes>> take_strings(ShardStream& stream, ShardStream& lengths, const WeightEntry& entry) {
  const int64_t elements = element_count_of(entry.shape);
  int64_t total = 0;
  for (int64_t i = 0; i < elements; ++i) {
    const auto truncated = [&] {
      return fail(ErrorCode::kTruncated, "the weight files end inside element " + std::to_string(i) + " of the string weight \"" + entry.name + "\"");
    };
    if (lengths.left() < 4) return truncated();
    const int64_t length = lengths.take_length();
    if (lengths.left() < length) return truncated();
    lengths.take(length);
    total += 4 + length;
  }
  return stream.take(total);
}

// Gives every weight its bytes.
Result<void> lay_out(std::span<WeightEntry> entries, const std::vector<Shard>& shards) {
  ShardStream stream(shards);
  const int64_t found = stream.left();
  int64_t expected = 0;
  bool has_strings = false;
  for (const WeightEntry& entry : entries) {
    if (entry.dtype == "string") {
      has_strings = true;
      continue;
    }
    const auto bytes = numeric_bytes(entry);
    const auto sum = bytes ? checked_add(expected, *bytes) : std::nullopt;
    if (!sum) return fail(ErrorCode::kInvalidModel, "the weights of one group need more than 2^63 bytes");
    expected = *sum;
  }
  const auto mismatch = [&](const std::string& weights) {
    return fail(Error{found < expected ? ErrorCode::kTruncated : ErrorCode::kInvalidModel,
                      "the weights need " + weights + std::to_string(expected) + " bytes, found " + std::to_string(found) + " bytes in " + found_text(shards),
                      {},
                      {},
                      found < expected ? "a weight file is incomplete; fetch it again" : "the weight files belong to another model.json"});
  };
  if (found < expected || (found > expected && !has_strings)) return mismatch(has_strings ? "at least " : "");
  for (WeightEntry& entry : entries) {
    if (entry.dtype == "string") {
      ShardStream lengths = stream;
      entry.pieces = TRY(take_strings(stream, lengths, entry));
    } else {
      const int64_t bytes = *numeric_bytes(entry);
      if (bytes > stream.left()) return mismatch("at least ");
      entry.pieces = stream.take(bytes);
    }
  }
  if (stream.left() > 0) {
    expected = found - stream.left();
    return mismatch("");
  }
  return {};
}

Result<void> lay_out_maybe_compressed(std::span<WeightEntry> entries, std::vector<Shard>& shards, const Limits& limits) {
  auto plain = lay_out(entries, shards);
  if (plain) return plain;
  bool unpacked = false;
  for (Shard& shard : shards) {
    if (!is_gzip(shard.bytes)) continue;
    auto content = gunzip(shard.bytes, limits);
    if (!content) return fail(std::move(content.error()).with_context("unpacking the weight file \"" + shard.path + "\""));
    shard.bytes = std::move(*content);
    unpacked = true;
  }
  return unpacked ? lay_out(entries, shards) : plain;
}

bool same_content(const WeightEntry& a, const WeightEntry& b) {
  if (a.shape != b.shape || a.dtype != b.dtype || a.quantization || b.quantization) return false;
  const auto content = [](const WeightEntry& entry) {
    std::string bytes;
    for (const Bytes& piece : entry.pieces) bytes += piece.text();
    return bytes;
  };
  return content(a) == content(b);
}

}  // namespace

Result<WeightManifest> read_weight_manifest(const JsonValue& json, const std::string& directory, const Limits& limits, Repeats repeats) {
  if (!json.is_array()) return wrong("an array of groups", &json, "weightsManifest");
  WeightManifest manifest;
  for (size_t g = 0; g < json.items().size(); ++g) {
    const JsonValue& group_json = json.items()[g];
    const std::string place = "weightsManifest[" + std::to_string(g) + "]";
    if (!group_json.is_object()) return wrong("an object", &group_json, place);
    const JsonValue* paths = group_json.find("paths");
    const JsonValue* weights = group_json.find("weights");
    if (!paths || !paths->is_array()) return wrong("an array of file names", paths, place + ".paths");
    if (!weights || !weights->is_array()) return wrong("an array of weights", weights, place + ".weights");

    WeightGroup group;
    group.first = static_cast<int64_t>(manifest.entries.size());
    group.count = static_cast<int64_t>(weights->items().size());
    group.other = members_except(group_json, {"paths", "weights"});
    for (size_t i = 0; i < weights->items().size(); ++i) {
      manifest.entries.push_back(TRY(read_entry(weights->items()[i], place + ".weights[" + std::to_string(i) + "]", limits)));
    }
    std::vector<Shard> shards;
    for (const JsonValue& path : paths->items()) {
      if (!path.is_string()) return wrong("a file name", &path, place + ".paths");
      shards.push_back(TRY(map_shard(path.text(), directory)));
      group.paths.push_back(path.text());
    }
    const std::span<WeightEntry> entries(manifest.entries.data() + group.first, static_cast<size_t>(group.count));
    if (auto laid_out = lay_out_maybe_compressed(entries, shards, limits); !laid_out) return fail(std::move(laid_out.error()).at(place));
    manifest.groups.push_back(std::move(group));
  }
  TRY(manifest.index(repeats));
  return manifest;
}

Result<void> WeightManifest::index(Repeats repeats) {
  by_name_.clear();
  by_name_.reserve(entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    const auto [it, inserted] = by_name_.emplace(entries[i].name, i);
    if (!inserted && !(repeats == Repeats::kIfEqual && same_content(entries[it->second], entries[i]))) {
      return fail(Error{ErrorCode::kInvalidModel, "two weights have the name \"" + entries[i].name + "\"", "weightsManifest", {}, {}});
    }
  }
  return {};
}

const WeightEntry* WeightManifest::find(std::string_view name) const {
  const auto found = by_name_.find(std::string(name));
  return found == by_name_.end() ? nullptr : &entries[found->second];
}

}  // namespace isomer::tfjs
