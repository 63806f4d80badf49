#include "formats/tf/tensor_bundle_write.h"

#include "formats/tf/schema/tensorflow.pb.h"
#include "wire/crc32c.h"
#include "wire/sorted_table_write.h"
#include "wire/varint.h"

namespace isomer::tf {
namespace {

struct EncodedStrings {
  std::string bytes;
  uint32_t crc = 0;
};

// The inverse of what reading a bundle's strings does: lengths, their masked checksum, strings.
EncodedStrings encode_strings(const Tensor& value) {
  EncodedStrings out;
  for (int64_t i = 0; i < value.elements(); ++i) {
    const uint64_t length = value.string_at(i).size();
    append_varint(out.bytes, length);
    out.crc = crc32c_extend(out.crc, std::as_bytes(std::span(&length, 1)).first(length <= UINT32_MAX ? 4 : 8));
  }
  const uint32_t masked = crc32c_mask(out.crc);
  const size_t lengths = out.bytes.size();
  for (int shift = 0; shift < 32; shift += 8) out.bytes.push_back(static_cast<char>(static_cast<uint8_t>(masked >> shift)));
  for (int64_t i = 0; i < value.elements(); ++i) out.bytes += value.string_at(i);
  out.crc = crc32c_extend(out.crc, std::as_bytes(std::span(out.bytes)).subspan(lengths));
  return out;
}

}  // namespace

Result<TensorBundleWriter> TensorBundleWriter::create(AtomicDirectory& output, std::string prefix) {
  OutputFile data = TRY(output.create_file(prefix + ".data-00000-of-00001"));
  return TensorBundleWriter(output, std::move(prefix), std::move(data));
}

Result<void> TensorBundleWriter::add(const std::string& key, const Tensor& value) {
  BundleEntryProto entry;
  entry.set_dtype(static_cast<DataType>(value.dtype()));
  entry.mutable_shape();
  for (const int64_t dim : value.shape()) entry.mutable_shape()->add_dim()->set_size(dim);
  entry.set_offset(data_.size());
  if (value.dtype() == DType::kString) {
    const EncodedStrings strings = encode_strings(value);
    entry.set_crc32c(crc32c_mask(strings.crc));
    TRY(data_.append(std::string_view(strings.bytes)));
  } else if (element_size(value.dtype()) == 0) {
    return fail(ErrorCode::kUnsupported, "a checkpoint cannot hold " + type_text(value));
  } else {
    entry.set_crc32c(crc32c_mask(crc32c_streaming(0, value.bytes())));
    TRY(data_.append(value.bytes()));
  }
  entry.set_size(data_.size() - entry.offset());
  if (!entries_.emplace(key, entry.SerializeAsString()).second)
    return fail(ErrorCode::kInvalidModel, "two tensors of the checkpoint have the key '" + key + "'");
  return {};
}

Result<int64_t> TensorBundleWriter::finish() {
  TRY(data_.close());
  OutputFile index = TRY(output_->create_file(prefix_ + ".index"));
  SortedTableWriter table([&](std::string_view bytes) { return index.append(bytes); });
  BundleHeaderProto header;
  header.set_num_shards(1);
  header.mutable_version()->set_producer(1);
  TRY(table.add("", header.SerializeAsString()));
  for (const auto& [key, entry] : entries_) TRY(table.add(key, entry));
  TRY(table.finish());
  TRY(index.close());
  return data_.size() + index.size();
}

}  // namespace isomer::tf
