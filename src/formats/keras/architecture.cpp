#include "formats/keras/architecture.h"

#include "base/mapped_file.h"
#include "wire/json.h"
#include "wire/yaml.h"

namespace isomer::keras {
namespace {

std::string text_member(const JsonValue& json, std::string_view key) {
  const JsonValue* found = json.find(key);
  return found && found->is_string() ? found->text() : std::string();
}

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
  const Bytes file = TRY(map_file(path));
  JsonValue json = TRY(in_context(read_text(file, limits), "reading " + path));
  if (!json.is_object()) return fail(Error{ErrorCode::kInvalidModel, "expected an object, found " + describe(json), path, {}, {}});
  layers::StoredModel model;
  model.keras_version = text_member(json, "keras_version");
  model.backend = text_member(json, "backend");
  model.generation = layers::generation_of(json);
  model.topology = std::move(json);
  model.has_weights = false;
  return model;
}

}  // namespace isomer::keras
