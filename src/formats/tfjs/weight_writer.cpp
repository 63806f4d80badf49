#include "formats/tfjs/weight_writer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/checked.h"
#include "base/parallel.h"

namespace isomer::tfjs {
namespace {

constexpr int64_t kBlock = 1 << 16;  // elements converted at a time

// Converts block by block with `convert(first, count)`, which fills `block` and returns the bytes to write.
template <class T, class Convert>
Result<void> append_blocks(ShardWriter& out, const Tensor& value, int64_t units_per_element, Convert&& convert) {
  std::vector<T> block(static_cast<size_t>(std::min(kBlock, value.elements()) * units_per_element));
  const int64_t element = element_size(value.dtype());
  for (int64_t first = 0; first < value.elements(); first += kBlock) {
    const int64_t count = std::min(kBlock, value.elements() - first);
    const std::span<T> converted(block.data(), static_cast<size_t>(count * units_per_element));
    TRY(convert(first, converted));
    TRY(out.append(std::as_bytes(converted)));
    value.bytes().slice(first * element, count * element).release_pages();
  }
  return {};
}

// The float of a double; counts finite values that become infinite.
float narrowed(double value, int64_t& out_of_range) {
  const auto result = static_cast<float>(value);
  if (std::isinf(result) && std::isfinite(value)) ++out_of_range;
  return result;
}

Result<void> append_floats(ShardWriter& out, const Tensor& value, NarrowedWeight& report) {
  std::vector<double> wide(static_cast<size_t>(std::min(kBlock, value.elements())));
  return append_blocks<float>(out, value, 1, [&](int64_t first, std::span<float> block) -> Result<void> {
    const std::span<double> source(wide.data(), block.size());
    load_doubles(value, first, source);
    for (size_t i = 0; i < block.size(); ++i) block[i] = narrowed(source[i], report.out_of_range);
    return {};
  });
}

Result<void> append_complex(ShardWriter& out, const Tensor& value, NarrowedWeight& report) {
  std::vector<std::complex<double>> wide(static_cast<size_t>(std::min(kBlock, value.elements())));
  return append_blocks<float>(out, value, 2, [&](int64_t first, std::span<float> block) -> Result<void> {
    const std::span<std::complex<double>> source(wide.data(), block.size() / 2);
    load_complex(value, first, source);
    for (size_t i = 0; i < source.size(); ++i) {
      block[2 * i] = narrowed(source[i].real(), report.out_of_range);
      block[2 * i + 1] = narrowed(source[i].imag(), report.out_of_range);
    }
    return {};
  });
}

Result<void> append_integers(ShardWriter& out, const Tensor& value, const NarrowOptions& options, NarrowedWeight& report) {
  constexpr int64_t kLeast = std::numeric_limits<int32_t>::min(), kGreatest = std::numeric_limits<int32_t>::max();
  const bool is_uint64 = value.dtype() == DType::kUint64;
  std::vector<int64_t> wide(static_cast<size_t>(std::min(kBlock, value.elements())));
  return append_blocks<int32_t>(out, value, 1, [&](int64_t first, std::span<int32_t> block) -> Result<void> {
    const std::span<int64_t> source(wide.data(), block.size());
    load_int64s(value, first, source);
    for (size_t i = 0; i < block.size(); ++i) {
      // load_int64s gives uint64 by its bits: a negative one is beyond int64.
      const bool huge = is_uint64 && source[i] < 0;
      const int64_t fitting = huge ? kGreatest : std::clamp(source[i], kLeast, kGreatest);
      if (huge || fitting != source[i]) {
        if (!options.saturate_integers) {
          return fail(Error{ErrorCode::kUnsupported,
                            "the weight \"" + report.name + "\" holds " +
                                (is_uint64 ? std::to_string(static_cast<uint64_t>(source[i])) : std::to_string(source[i])) + " at element " +
                                std::to_string(first + static_cast<int64_t>(i)) + "; TensorFlow.js keeps integers in 32 bits",
                            {},
                            {},
                            "keep what computes with such numbers (hashes, keys of 64 bits) out of the model for tf.js; isomer run computes it"});
        }
        ++report.out_of_range;
      }
      block[i] = static_cast<int32_t>(fitting);
    }
    return {};
  });
}

Result<void> append_strings(ShardWriter& out, const Tensor& value) {
  std::string buffer;
  const auto flush = [&]() -> Result<void> {
    TRY(out.append(std::as_bytes(std::span(buffer))));
    buffer.clear();
    return {};
  };
  for (int64_t i = 0; i < value.elements(); ++i) {
    const std::string_view text = value.string_at(i);
    const auto length = static_cast<uint32_t>(text.size());
    buffer.append(reinterpret_cast<const char*>(&length), 4);
    if (text.size() < 4096) {
      buffer += text;
    } else {
      TRY(flush());
      TRY(out.append(std::as_bytes(std::span(text))));
    }
    if (buffer.size() >= kBlock) TRY(flush());
  }
  return flush();
}

}  // namespace

ShardWriter::ShardWriter(AtomicDirectory& directory, int64_t group, int64_t total_bytes, int64_t shard_bytes)
    : directory_(directory),
      group_(group),
      total_(total_bytes),
      shard_bytes_(shard_bytes),
      shards_(total_bytes / shard_bytes + (total_bytes % shard_bytes != 0 ? 1 : 0)) {}

Result<void> ShardWriter::Shard::write() {
  for (const Bytes& bytes : pending) TRY(file.append(bytes));
  pending.clear();
  return room == 0 ? file.close() : Result<void>();
}

Result<void> ShardWriter::write_pending() {
  TRY(for_ranges(static_cast<int64_t>(open_.size()), 1, [&](int64_t first, int64_t count) -> Result<void> {
    for (int64_t i = first; i < first + count; ++i) TRY(open_[static_cast<size_t>(i)].write());
    return {};
  }));
  std::erase_if(open_, [](const Shard& shard) { return shard.room == 0; });
  pending_memory_ = 0;
  return {};
}

template <class Take>
Result<void> ShardWriter::distribute(int64_t size, Take&& take) {
  constexpr size_t kMostOpen = 16;
  if (size > total_ - written_) return fail(ErrorCode::kInternal, "more weight bytes were written than announced");
  for (int64_t at = 0; at < size;) {
    if (open_.empty() || open_.back().room == 0) {
      if (open_.size() == kMostOpen) TRY(write_pending());
      paths_.push_back("group" + std::to_string(group_) + "-shard" + std::to_string(paths_.size() + 1) + "of" + std::to_string(shards_) + ".bin");
      open_.push_back({TRY(directory_.create_file(paths_.back())), {}, std::min(shard_bytes_, total_ - written_)});
      TRY(open_.back().file.expect(open_.back().room));
    }
    Shard& shard = open_.back();
    const int64_t count = std::min(size - at, shard.room);
    TRY(take(shard, at, count));
    shard.room -= count;
    written_ += count;
    at += count;
  }
  return {};
}

Result<void> ShardWriter::append(const Bytes& bytes) {
  constexpr int64_t kMostMemory = 4 << 20;
  TRY(distribute(bytes.size(), [&](Shard& shard, int64_t at, int64_t count) -> Result<void> {
    shard.pending.push_back(bytes.slice(at, count));
    // Memory that would be given back by now must not add up.
    pending_memory_ += bytes.mapped() ? 0 : count;
    return {};
  }));
  return pending_memory_ > kMostMemory ? write_pending() : Result<void>();
}

Result<void> ShardWriter::append(std::span<const std::byte> bytes) {
  // These do not outlive the call.
  return distribute(static_cast<int64_t>(bytes.size()), [&](Shard& shard, int64_t at, int64_t count) -> Result<void> {
    for (const Bytes& earlier : shard.pending) TRY(shard.file.append(earlier));
    shard.pending.clear();
    return shard.file.append(bytes.subspan(static_cast<size_t>(at), static_cast<size_t>(count)));
  });
}

Result<std::vector<std::string>> ShardWriter::finish() {
  TRY(write_pending());
  if (written_ != total_) return fail(ErrorCode::kInternal, "fewer weight bytes were written than announced");
  return std::move(paths_);
}

DType weight_dtype(DType dtype) {
  switch (dtype) {
    case DType::kBool:
    case DType::kString: return dtype;
    case DType::kQint8:
    case DType::kQuint8:
    case DType::kQint16:
    case DType::kQuint16:
    case DType::kQint32: return DType::kInvalid;
    default: break;
  }
  switch (type_class(dtype)) {
    case TypeClass::kFloat: return DType::kFloat32;
    case TypeClass::kInteger: return DType::kInt32;
    case TypeClass::kComplex: return DType::kComplex64;
    default: return DType::kInvalid;
  }
}

Result<int64_t> weight_bytes(const Tensor& value) {
  const DType dtype = weight_dtype(value.dtype());
  if (dtype == DType::kInvalid) return fail(ErrorCode::kUnsupported, "TensorFlow.js has no weights of dtype " + std::string(to_string(value.dtype())));
  const int64_t elements = value.elements();
  if (dtype == DType::kString) {
    // Offsets into the bytes: the last one is the length of all strings together.
    if (elements == 0) return 0;
    for (int64_t i = 0; i < elements; ++i) {
      if (value.string_at(i).size() > std::numeric_limits<uint32_t>::max()) {
        return fail(ErrorCode::kUnsupported, "element " + std::to_string(i) + " has more than 2^32 bytes, which the format cannot express");
      }
    }
    return 4 * elements + value.at<int64_t>(elements) - value.at<int64_t>(0);
  }
  const auto bytes = checked_mul(elements, element_size(dtype));
  if (!bytes) return fail(ErrorCode::kLimitExceeded, "more than 2^63 bytes");
  return *bytes;
}

Result<NarrowedWeight> append_weight(ShardWriter& out, const std::string& name, const Tensor& value, const NarrowOptions& options) {
  NarrowedWeight report{name, value.dtype(), weight_dtype(value.dtype()), 0};
  if (report.to == DType::kString) {
    TRY(append_strings(out, value));
  } else if (report.to == report.from) {
    TRY(out.append(value.bytes()));
  } else if (report.to == DType::kFloat32) {
    TRY(append_floats(out, value, report));
  } else if (report.to == DType::kInt32) {
    TRY(append_integers(out, value, options, report));
  } else if (report.to == DType::kComplex64) {
    TRY(append_complex(out, value, report));
  } else {
    return fail(ErrorCode::kUnsupported, "TensorFlow.js has no weights of dtype " + std::string(to_string(value.dtype())));
  }
  return report;
}

}  // namespace isomer::tfjs
