#include "formats/keras/architecture.h"

#include "base/mapped_file.h"
#include "wire/json.h"
#include "wire/yaml.h"

#include "layers/config.h"

namespace isomer::keras {
namespace {

Result<JsonValue> read_text(const Bytes& file, const Limits& limits) {
  std::string_view text = file.text();
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && (text[first] == '{' || text[first] == '"')) {
    JsonValue json = TRY(read_json(text, limits));
    // json.dump(model.to_json(), file) writes the text of the JSON text.
    if (json.is_string()) return read_json(json.text(), limits);
    return json;
  }
  return read_yaml(text, limits);
}

}  // namespace

Result<layers::StoredModel> read_architecture(const std::string& path, const Limits& limits) {
  return in_context(read_architecture(TRY(map_file(path)), limits), "reading " + path);
}

Result<layers::StoredModel> read_architecture(const Bytes& file, const Limits& limits) {
  JsonValue json = TRY(read_text(file, limits));
  if (!json.is_object()) return fail(ErrorCode::kInvalidModel, "expected an object, found " + describe(json));
  layers::StoredModel model;
  model.keras_version = layers::text_of(json, "keras_version");
  model.backend = layers::text_of(json, "backend");
  model.generation = layers::generation_of(json);
  model.topology = std::move(json);
  model.has_weights = false;
  return model;
}

}  // namespace isomer::keras
