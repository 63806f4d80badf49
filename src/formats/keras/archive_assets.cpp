#include "formats/keras/archive_assets.h"

#include <algorithm>
#include <charconv>

#include "layers/archive_paths.h"
#include "layers/keras2_spelling.h"
#include "layers/model.h"
#include "layers/object_paths.h"

namespace isomer::keras {
namespace {

constexpr std::string_view kFile = "/vocabulary.txt";

// The configuration of the layer of this path in {"class_name", "config": {"layers": [...]}}.
JsonValue* config_of(JsonValue& model, std::span<const std::string> path) {
  JsonValue* config = model.find("config");
  JsonValue* layers = config && config->is_object() ? config->find("layers") : nullptr;
  if (!layers || !layers->is_array()) return nullptr;
  for (JsonValue& layer : layers->items()) {
    JsonValue* own = layer.is_object() ? layer.find("config") : nullptr;
    if (!own || !own->is_object() || layers::layer_name_of(layer) != path[0]) continue;
    return path.size() == 1 ? own : config_of(layer, path.subspan(1));
  }
  return nullptr;
}

Result<JsonValue> vocabulary_of(std::string_view text, bool integers, const Limits& limits) {
  const int64_t count = std::count(text.begin(), text.end(), '\n') + 1, each = sizeof(JsonValue);
  if (count > limits.document_bytes / each)
    return fail(ErrorCode::kLimitExceeded, "the vocabulary has " + std::to_string(count) + " entries, which take more than the limit of " +
                                               std::to_string(limits.document_bytes) + " bytes of memory");
  JsonValue::Array entries;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line(text.substr(at, end - at));
    at = end + 1;
    if (!integers) {
      entries.emplace_back(line);
      continue;
    }
    int64_t number = 0;
    const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), number);
    if (error != std::errc() || rest != line.data() + line.size())
      return fail(ErrorCode::kInvalidModel, "the vocabulary of an IntegerLookup holds '" + line.substr(0, 40) + "', which is no integer");
    entries.emplace_back(number);
  }
  return JsonValue(std::move(entries));
}

}  // namespace

Result<void> take_vocabularies(JsonValue& model_config, std::span<const std::string> members, const std::function<Result<Bytes>(const std::string&)>& read,
                               const Limits& limits) {
  const auto is_vocabulary = [](const std::string& name) { return name.starts_with("assets/") && name.ends_with(kFile); };
  if (std::none_of(members.begin(), members.end(), is_vocabulary)) return {};
  const auto model = layers::read_model(model_config, layers::generation_of(model_config), limits);
  if (!model) return {};  // whoever reads the layers tells what is wrong
  for (const auto& [path, place] : layers::archive_places(*model)) {
    JsonValue* config = config_of(model_config, path);
    if (!config || !layers::is_null_or_missing(*config, "vocabulary") || !config->find("output_mode")) continue;
    // Older archives call the container of layers otherwise; the layer's own name in it is the same.
    const std::string whole = "assets/" + place.substr(0, place.size() - 1) + std::string(kFile);
    const std::string last = "/" + place.substr(place.rfind('/', place.size() - 2) + 1, std::string::npos) + std::string(kFile.substr(1));
    auto found = std::find(members.begin(), members.end(), whole);
    if (found == members.end())
      found = std::find_if(members.begin(), members.end(), [&](const std::string& name) { return is_vocabulary(name) && name.ends_with(last); });
    if (found == members.end()) continue;
    const bool integers = config->find("oov_token") && config->find("oov_token")->as_int64();
    const Bytes content = TRY(read(*found));
    (*config)["vocabulary"] = TRY(in_context(vocabulary_of(content.text(), integers, limits), "reading '" + *found + "'"));
  }
  return {};
}

}  // namespace isomer::keras
