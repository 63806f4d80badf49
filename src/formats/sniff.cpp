#include "formats/sniff.h"

#include <algorithm>
#include <vector>

#include "base/mapped_file.h"
#include "formats/model_files.h"
#include "formats/tf/detach.h"
#include "wire/gzip.h"
#include "wire/tar.h"

namespace isomer {
namespace {

constexpr FormatInfo kFormats[] = {
#define FORMAT(enumerator, name, title, reads, writes) {Format::enumerator, name, title, reads, writes},
#include "formats/formats.def"
#undef FORMAT
};

bool starts_with(const Bytes& bytes, std::string_view magic, int64_t at = 0) {
  return bytes.size() - at >= static_cast<int64_t>(magic.size()) && bytes.text().substr(static_cast<size_t>(at), magic.size()) == magic;
}

// The first bytes without white space and byte order mark.
std::string_view text_head(const Bytes& bytes) {
  std::string_view text = bytes.text().substr(0, 4096);
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  while (!text.empty() && (text[0] == ' ' || text[0] == '\n' || text[0] == '\r' || text[0] == '\t')) text.remove_prefix(1);
  return text;
}

// model.json of either kind, or a Keras configuration. The keys that tell them apart may stand anywhere in the file.
std::optional<Recognised> recognise_json(const Bytes& bytes, const std::string& path) {
  const std::string_view text = bytes.text();
  const auto has = [&](std::string_view key) { return text.find(key) != std::string_view::npos; };
  if (has("\"layers-model\"")) return Recognised{Format::kLayersModel, path};
  if (has("\"graph-model\"")) return Recognised{Format::kGraphModel, path};
  const bool keras = has("\"class_name\"") && has("\"config\"");
  if (has("\"modelTopology\"") || has("\"weightsManifest\""))
    return Recognised{keras || has("\"model_config\"") ? Format::kLayersModel : Format::kGraphModel, path};
  if (keras || (has("\\\"class_name\\\"") && has("\\\"config\\\""))) return Recognised{Format::kKerasJson, path};
  return std::nullopt;
}

// What to_yaml() of Keras 1 and 2 gives: the top has its keys at the beginning of lines.
bool looks_like_keras_yaml(std::string_view text) {
  const auto has = [&](std::string_view key) { return text.starts_with(key) || text.find("\n" + std::string(key)) != std::string_view::npos; };
  return has("class_name:") && has("config:");
}

std::optional<Recognised> recognise_files(const ModelFiles& files, const std::string& path, bool archive) {
  const bool binary = files.contains("saved_model.pb"), text = files.contains("saved_model.pbtxt");
  if (!binary && !text) return std::nullopt;
  Recognised found{files.contains("tfhub_module.pb") ? Format::kHubModule : archive ? Format::kHubModule : Format::kSavedModel, path, archive, !binary && text};
  if (files.contains("tfhub_module.pb")) found.detail = "hub module, version 1";
  return found;
}

Error unrecognised(const std::string& path) {
  return Error{
      ErrorCode::kUnsupported,
      "not a model of a format that Isomer knows",
      path,
      {},
      "a model is a SavedModel directory, a frozen graph (.pb, .pbtxt), a hub module (directory or .tar.gz), a tf.js model (model.json) or a Keras file "
      "(.h5, .keras, an architecture); say which with --input_format if the content does not tell"};
}

Result<Recognised> recognise_directory(const std::string& path, const Limits& limits) {
  const auto files = TRY(ModelFiles::open(path, limits));
  std::vector<Recognised> found;
  if (auto saved_model = recognise_files(*files, path, false)) found.push_back(*saved_model);
  if (files->contains("config.json") && files->contains("model.weights.h5")) found.push_back({Format::kKerasArchive, path});
  std::vector<std::string> json;
  for (const std::string& name : files->list())
    if (name == "model.json" || name == "model.json.gz") json.push_back(name);
  if (json.empty() && found.empty())
    for (const std::string& name : files->list())
      if (name.ends_with(".json")) json.push_back(name);
  for (const std::string& name : json) {
    Bytes bytes = TRY(files->read(name));
    if (is_gzip(bytes)) bytes = TRY(gunzip(bytes, limits));
    if (auto model = recognise_json(bytes, path + "/" + name)) found.push_back(*model);
  }
  if (found.empty()) return fail(unrecognised(path));
  if (found.size() > 1) {
    std::string names;
    for (const Recognised& r : found) names += (names.empty() ? "" : ", ") + std::string(info(r.format).name);
    return fail(Error{ErrorCode::kInvalidArgument, "the directory holds several models", path, {}, "choose with --input_format; there are: " + names});
  }
  return found[0];
}

// What follows the lines of comment that Isomer's text form may begin with.
std::string_view after_comments(std::string_view text) {
  while (text.starts_with("//")) {
    text.remove_prefix(std::min(text.find('\n'), text.size()));
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  }
  return text;
}

Result<Recognised> recognise_file(const std::string& path, const Limits& limits) {
  Bytes bytes = TRY(map_file(path));
  if (bytes.empty()) return fail(Error{ErrorCode::kTruncated, "the file is empty", path, {}, {}});
  if (is_gzip(bytes)) {
    const Bytes inner = TRY(in_context(gunzip(bytes, limits), "unpacking " + path));
    if (looks_like_tar(inner)) {
      const auto files = TRY(ModelFiles::open(path, limits));
      if (auto found = recognise_files(*files, path, true)) return *found;
      return fail(unrecognised(path));
    }
    bytes = inner;
  }
  if (looks_like_tar(bytes)) {
    const auto files = TRY(ModelFiles::open(path, limits));
    if (auto found = recognise_files(*files, path, true)) return *found;
    return fail(unrecognised(path));
  }
  if (starts_with(bytes, "\x89HDF\r\n\x1a\n")) return Recognised{Format::kKerasH5, path};
  if (starts_with(bytes, "PK\x03\x04") || starts_with(bytes, "PK\x05\x06")) return Recognised{Format::kKerasArchive, path};
  if (starts_with(bytes, "TFL3", 4)) return Recognised{Format::kTflite, path};
  const std::string_view head = text_head(bytes);
  if (head.starts_with("{") || head.starts_with("[") || head.starts_with("\"")) {
    if (auto model = recognise_json(bytes, path)) return *model;
    return fail(unrecognised(path));
  }
  const std::string_view code = after_comments(head);
  if (code.starts_with("module {") || code.starts_with("function @")) return Recognised{Format::kIsomerText, path};
  const size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash);
  const bool binary_name = path.ends_with("saved_model.pb");
  if (binary_name || path.ends_with("saved_model.pbtxt")) return recognise_directory(directory, limits);
  if (tf::looks_like_graph_def(bytes)) return Recognised{Format::kFrozenGraph, path};
  if (tf::looks_like_saved_model(bytes)) return Recognised{Format::kSavedModel, directory};
  if (looks_like_keras_yaml(bytes.text())) return Recognised{Format::kKerasJson, path, false, true};
  if (path.ends_with(".onnx")) return Recognised{Format::kOnnx, path};
  if (head.starts_with("node") || head.starts_with("library") || head.starts_with("versions") || head.starts_with("#")) {
    return Recognised{Format::kFrozenGraph, path, false, true};
  }
  return fail(unrecognised(path));
}

}  // namespace

std::span<const FormatInfo> all_formats() { return kFormats; }
const FormatInfo& info(Format format) { return kFormats[static_cast<size_t>(format)]; }

std::optional<Format> format_from_name(std::string_view name) {
  for (const FormatInfo& format : kFormats)
    if (format.name == name) return format.format;
  return std::nullopt;
}

Result<Recognised> recognise(const std::string& path, const Limits& limits) {
  if (is_directory(path)) return recognise_directory(path, limits);
  return recognise_file(path, limits);
}

}  // namespace isomer
