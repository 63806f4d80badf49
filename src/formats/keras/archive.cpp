#include "formats/keras/archive.h"

#include <algorithm>

#include "base/mapped_file.h"
#include "formats/keras/archive_assets.h"
#include "formats/keras/archive_weights.h"
#include "wire/zip.h"

#include "layers/config.h"

namespace isomer::keras {
namespace {

// The members of an archive, packed or not.
class Members {
 public:
  static Result<Members> of_directory(const std::string& path) {
    Members members;
    members.directory_ = path;
    for (const std::string& name : TRY(list_directory(path)))
      if (is_regular_file(path + "/" + name)) members.names_.push_back(name);
    if (is_directory(path + "/assets")) TRY(members.add_files_below("assets", 0));
    return members;
  }

  static Result<Members> of_archive(const Bytes& file, const Limits& limits) {
    Members members;
    members.zip_ = TRY(ZipArchive::open(file, limits));
    for (const ZipEntry& entry : members.zip_->entries()) members.names_.push_back(entry.name);
    return members;
  }

  const std::vector<std::string>& names() const { return names_; }
  bool has(std::string_view name) const { return std::find(names_.begin(), names_.end(), name) != names_.end(); }

  Result<Bytes> read(const std::string& name, const Limits& limits) const {
    if (!has(name)) return fail(ErrorCode::kNotFound, "the archive has no '" + name + "'");
    if (!zip_) return map_file(directory_ + "/" + name);
    return in_context(zip_->read(*zip_->find(name), limits), "unpacking '" + name + "'");
  }

  // A member that is text: configurations and vocabularies take kilobytes, or a few megabytes; compressed spaces are cheap to write and dear to read.
  Result<Bytes> read_text(const std::string& name, const Limits& limits) const {
    constexpr int64_t kMostBytes = int64_t{256} << 20;
    const ZipEntry* entry = zip_ ? zip_->find(name) : nullptr;
    if (entry && entry->size > kMostBytes)
      return fail(ErrorCode::kLimitExceeded, "'" + name + "' unpacks to " + std::to_string(entry->size) + " bytes, more than " + std::to_string(kMostBytes));
    return read(name, limits);
  }

  Result<JsonValue> read_json_member(const std::string& name, const Limits& limits) const {
    const Bytes text = TRY(read_text(name, limits));
    return in_context(read_json(text.text(), limits), "reading '" + name + "'");
  }

 private:
  // Directories as a layer's path in a model has parts; links could lead in circles.
  Result<void> add_files_below(const std::string& folder, int depth) {
    constexpr int kDeepest = 64;
    constexpr size_t kMost = 100'000;
    if (depth > kDeepest || names_.size() > kMost) return fail(ErrorCode::kLimitExceeded, "'" + folder + "' in it holds too many files, or nests too deep");
    for (const std::string& name : TRY(list_directory(directory_ + "/" + folder))) {
      const std::string inner = folder + "/" + name;
      if (is_directory(directory_ + "/" + inner)) {
        TRY(add_files_below(inner, depth + 1));
      } else if (is_regular_file(directory_ + "/" + inner)) {
        names_.push_back(inner);
      }
    }
    return {};
  }

  std::string directory_;
  std::optional<ZipArchive> zip_;
  std::vector<std::string> names_;
};

// model.weights.h5, or the files that a large model's weights are cut into: model_00000.weights.h5 and so on.
Result<void> read_weights(const Members& members, layers::StoredModel& model, const Limits& limits) {
  std::vector<std::string> files;
  for (const std::string& name : members.names())
    if (name.ends_with(".weights.h5") && name.find('/') == std::string::npos) files.push_back(name);
  std::sort(files.begin(), files.end());
  if (files.empty()) {
    if (members.has("model.weights.npz"))
      return fail(Error{ErrorCode::kUnsupported,
                        "the weights lie in model.weights.npz, as Python objects",
                        {},
                        {},
                        "save the model with h5py installed, so that they lie in model.weights.h5"});
    model.has_weights = false;
    return {};
  }
  std::vector<Hdf5Object> roots;
  for (const std::string& name : files) {
    const Bytes content = TRY(members.read(name, limits));
    if (!looks_like_hdf5(content)) return fail(ErrorCode::kMalformed, "'" + name + "' is no HDF5 file");
    const Hdf5File file = TRY(in_context(Hdf5File::open(content, limits), "reading '" + name + "'"));
    roots.push_back(TRY(in_context(file.root(), "reading '" + name + "'")));
  }
  return in_context(read_archive_weights(roots, model, limits), "reading '" + files[0] + "'");
}

Result<layers::StoredModel> read_members(const Members& members, const Limits& limits) {
  if (!members.has("config.json")) {
    const bool numpy = std::any_of(members.names().begin(), members.names().end(), [](const std::string& name) { return name.ends_with(".npy"); });
    return fail(Error{ErrorCode::kUnsupported,
                      numpy ? "this is an archive of NumPy arrays, no model" : "the archive holds no config.json, so it is no Keras model",
                      {},
                      {},
                      numpy ? "isomer run takes such files as --inputs" : ""});
  }
  layers::StoredModel model;
  JsonValue config = TRY(members.read_json_member("config.json", limits));
  if (!config.is_object()) return fail(ErrorCode::kInvalidModel, "expected 'config.json' to hold an object, found " + describe(config));
  if (members.has("metadata.json")) model.keras_version = layers::text_of(TRY(members.read_json_member("metadata.json", limits)), "keras_version");
  if (const JsonValue* compile = config.find("compile_config"); compile && compile->is_object() && !compile->members().empty()) {
    model.training = *compile;
    model.training_form = layers::TrainingForm::kKeras3;
  }
  const auto read_text = [&](const std::string& name) { return members.read_text(name, limits); };
  TRY(take_vocabularies(config, members.names(), read_text, limits));
  model.topology = JsonValue::object();
  model.topology["keras_version"] = JsonValue(model.keras_version.empty() ? "3.0.0" : model.keras_version);
  model.topology["model_config"] = std::move(config);
  model.generation = layers::generation_of(model.topology);
  TRY(read_weights(members, model, limits));
  return model;
}

}  // namespace

Result<layers::StoredModel> read_archive(const Bytes& file, const Limits& limits) { return read_members(TRY(Members::of_archive(file, limits)), limits); }

Result<layers::StoredModel> read_archive(const std::string& path, const Limits& limits) {
  if (!is_directory(path)) return in_context(read_archive(TRY(map_file(path)), limits), "reading " + path);
  return in_context(read_members(TRY(Members::of_directory(path)), limits), "reading " + path);
}

}  // namespace isomer::keras
