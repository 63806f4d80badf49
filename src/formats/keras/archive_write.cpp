#include "formats/keras/archive_write.h"

#include <set>

#include "base/atomic_output.h"
#include "wire/zip.h"

namespace isomer::keras {
namespace {

Bytes bytes_of(const std::string& text) { return Bytes::copy_of(std::as_bytes(std::span(text))); }

Result<Hdf5Node> tree_of(const ArchiveModel& model) {
  Hdf5Node root;
  std::set<std::string> named;
  for (const ArchiveWeight& weight : model.weights) {
    TRY(add_dataset(root, weight.path, weight.value));
    const std::string group = weight.path.substr(0, weight.path.rfind('/'));
    if (!weight.layer_name.empty() && named.insert(group).second) add_text(*TRY(group_at(root, group)), "name", weight.layer_name);
  }
  return root;
}

// The HDF5 file in memory: the archive needs its size and checksum before its bytes.
Result<Bytes> file_of(const Hdf5Node& root) {
  std::string content;
  TRY(write_hdf5(root, [&](std::span<const std::byte> bytes) -> Result<void> {
    content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }));
  return bytes_of(content);
}

}  // namespace

Result<int64_t> write_archive(const ArchiveModel& model, const std::string& path, const BeforeCommit& before_commit) {
  JsonValue metadata = JsonValue::object();
  metadata["keras_version"] = JsonValue(model.keras_version);
  metadata["date_saved"] = JsonValue("1980-01-01@00:00:00");
  const Bytes weights = TRY(file_of(TRY(tree_of(model))));
  AtomicFile output = TRY(AtomicFile::create(path));
  ZipWriter zip([&](std::span<const std::byte> bytes) { return output.file().append(bytes); });
  const auto add_text_member = [&](std::string_view name, const JsonValue& json) -> Result<void> {
    const Bytes text = bytes_of(TRY(write_json(json)));
    return zip.add(name, {&text, 1});
  };
  TRY(add_text_member("metadata.json", metadata));
  TRY(add_text_member("config.json", model.config));
  TRY(zip.add("model.weights.h5", {&weights, 1}));
  TRY(zip.finish());
  const int64_t size = output.file().size();
  const std::string partial = TRY(output.finish());
  if (before_commit) TRY(before_commit(partial));
  TRY(output.commit());
  return size;
}

}  // namespace isomer::keras
