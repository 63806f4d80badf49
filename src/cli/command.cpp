#include "cli/command.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <tuple>

namespace isomer::cli {

void add_voice_options(CLI::App& app, Voice& voice) {
  app.add_flag("--quiet", voice.quiet, "print nothing but errors");
  app.add_flag("--json", voice.json, "print one JSON object, for programs");
}

void SourceOptions::add_to(CLI::App& app, const std::string& flag_prefix) {
  prefix = flag_prefix;
  const std::string of_second = prefix.empty() ? "" : " (of the second model)";
  app.add_option("--" + prefix + "input_format", input_format,
                 "say what the input is, where its content does not (tf_saved_model, tf_hub, tf_frozen_model, tfjs_graph_model, tfjs_layers_model, "
                 "keras, keras_keras, keras_saved_model, keras_json, isomer)" +
                     of_second);
  app.add_option("--" + prefix + "signature_name", signature_name, "the signature, or the callable function of a model without signatures" + of_second);
  app.add_option("--" + prefix + "saved_model_tags", saved_model_tags, "the MetaGraph of a SavedModel, by its tags: serve, or serve,tpu" + of_second);
  app.add_option("--" + prefix + "output_node_names", output_node_names, "the outputs of a frozen graph, separated by commas" + of_second);
  app.add_option("--" + prefix + "weights", weights, "an .h5 file with the weights of a Keras model whose file has none, or others" + of_second);
}

Result<LoadOptions> SourceOptions::finish(const CLI::App& app) const {
  LoadOptions options;
  if (!input_format.empty()) {
    options.input_format = format_from_name(input_format);
    if (!options.input_format) {
      std::string names;
      for (const FormatInfo& format : all_formats())
        if (format.reads) names += (names.empty() ? "" : ", ") + std::string(format.name);
      return fail(Error{ErrorCode::kInvalidArgument, "there is no input format '" + input_format + "'", {}, {}, "formats that can be read: " + names});
    }
  }
  if (!signature_name.empty()) options.signature = signature_name;
  if (app.count("--" + prefix + "saved_model_tags") > 0) options.tags = saved_model_tags;
  options.output_node_names = split_list(output_node_names);
  options.weights = weights;
  return options;
}

namespace {

// What a person can do about an error of this kind when who raised it had nothing better to say.
std::string_view usual_hint(ErrorCode code) {
  switch (code) {
    case ErrorCode::kTruncated: return "the file is not complete: copy or download the model again";
    case ErrorCode::kMalformed: return "the file is damaged, or another kind of file than it seems: copy it again, or see what 'isomer inspect' takes it for";
    case ErrorCode::kUnsupported: return "'isomer inspect' tells what can be done with this model";
    case ErrorCode::kLimitExceeded: return "the file claims more than a model of its size can hold: it is damaged, or was made to do harm";
    case ErrorCode::kNotFound: return "look at the path and the names; 'isomer inspect' lists what the model holds";
    case ErrorCode::kInvalidModel: return "the parts of the model contradict each other: export it again with the program that made it";
    case ErrorCode::kInvalidArgument: return "'isomer COMMAND --help' tells what it takes";
    case ErrorCode::kIo: return "look at the free space, the permissions and the path";
    case ErrorCode::kInternal: return "this is a fault of Isomer: please report it, with the model if you can";
  }
  return {};
}

// The text with U+FFFD in place of each byte that is not part of a UTF-8 character.
std::string valid_utf8(const std::string& text) {
  std::string result;
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t length = lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
    bool valid = length > 0 && text.size() - i >= length;
    for (size_t k = 1; valid && k < length; ++k) valid = (static_cast<unsigned char>(text[i + k]) & 0xc0) == 0x80;
    if (valid && length > 2) {
      // Overlong forms, surrogates and what lies above U+10FFFF.
      const auto second = static_cast<unsigned char>(text[i + 1]);
      valid = !(lead == 0xe0 && second < 0xa0) && !(lead == 0xed && second > 0x9f) && !(lead == 0xf0 && second < 0x90) && !(lead == 0xf4 && second > 0x8f);
    }
    result += valid ? text.substr(i, length) : "\xef\xbf\xbd";
    i += valid ? length : 1;
  }
  return result;
}

void make_printable(JsonValue& value) {
  if (value.is_string()) {
    value = JsonValue(valid_utf8(value.text()));
  } else if (value.is_array()) {
    for (JsonValue& item : value.items()) make_printable(item);
  } else if (value.is_object()) {
    for (JsonMember& member : value.members()) {
      member.key = valid_utf8(member.key);
      make_printable(member.value);
    }
  }
}

}  // namespace

void print_json(JsonValue value) {
  make_printable(value);
  JsonWriter writer([](std::string_view text) -> Result<void> {
    std::fwrite(text.data(), 1, text.size(), stdout);
    return {};
  });
  writer.value(value);
  if (writer.finish()) std::puts("");
}

JsonValue error_json(const Error& error) {
  JsonValue details = JsonValue::object();
  details["code"] = JsonValue(to_string(error.code));
  details["message"] = JsonValue(error.message);
  details["place"] = JsonValue(error.place);
  JsonValue::Array context;
  for (const std::string& line : error.context) context.emplace_back(line);
  details["context"] = JsonValue(std::move(context));
  details["hint"] = JsonValue(error.hint);
  return details;
}

int report_failure(const Error& what, const Voice& voice) {
  Error error = what;
  if (error.hint.empty()) error.hint = usual_hint(error.code);
  if (voice.json) {
    JsonValue object = JsonValue::object();
    object["ok"] = false;
    object["error"] = error_json(error);
    print_json(std::move(object));
  }
  std::fprintf(stderr, "isomer: %s\n", error.describe().c_str());
  return error.code == ErrorCode::kInvalidArgument ? kUsage : kFailed;
}

std::string human_bytes(int64_t bytes) {
  char text[64];
  if (bytes < 1000) {
    std::snprintf(text, sizeof text, "%lld bytes", static_cast<long long>(bytes));
  } else if (bytes < 1'000'000) {
    std::snprintf(text, sizeof text, "%.1f kB", static_cast<double>(bytes) / 1e3);
  } else if (bytes < 1'000'000'000) {
    std::snprintf(text, sizeof text, "%.1f MB", static_cast<double>(bytes) / 1e6);
  } else {
    std::snprintf(text, sizeof text, "%.2f GB", static_cast<double>(bytes) / 1e9);
  }
  return text;
}

std::string human_count(int64_t count) {
  std::string digits = std::to_string(count);
  for (int64_t i = static_cast<int64_t>(digits.size()) - 3; i > (count < 0 ? 1 : 0); i -= 3) digits.insert(static_cast<size_t>(i), ",");
  return digits;
}

std::string plural(int64_t count, std::string_view noun) { return human_count(count) + " " + std::string(noun) + (count == 1 ? "" : "s"); }

std::string describe_difference(const OutputDifference& difference) {
  std::string text = difference.name;
  if (difference.type.dtype != DType::kInvalid) text += " " + to_string(difference.type);
  char numbers[96];
  std::snprintf(numbers, sizeof numbers, ": largest difference %.3g absolute, %.3g relative", difference.max_absolute, difference.max_relative);
  text += difference.note.empty() ? numbers : ": " + difference.note;
  if (!difference.expected.empty()) {
    if (!difference.where.empty()) text += ", at " + to_string(difference.where);
    text += ": " + difference.expected + " and " + difference.actual;
  }
  return text;
}

JsonValue difference_json(const OutputDifference& difference) {
  JsonValue entry = JsonValue::object();
  entry["name"] = JsonValue(difference.name);
  entry["equal"] = difference.equal;
  entry["max_absolute"] = difference.max_absolute;
  entry["max_relative"] = difference.max_relative;
  if (!difference.expected.empty()) {
    JsonValue::Array where;
    for (const int64_t index : difference.where) where.emplace_back(index);
    entry["where"] = JsonValue(std::move(where));
    entry["expected"] = JsonValue(difference.expected);
    entry["actual"] = JsonValue(difference.actual);
  }
  if (!difference.note.empty()) entry["note"] = JsonValue(difference.note);
  return entry;
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    std::string_view item = text.substr(0, comma);
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
    if (!item.empty()) items.emplace_back(item);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return items;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  const auto distance = [](std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (size_t i = 1; i <= a.size(); ++i) {
      size_t diagonal = std::exchange(row[0], i);
      for (size_t j = 1; j <= b.size(); ++j) diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])}));
    }
    return row[b.size()];
  };
  if (word.size() > 100) return {};
  const std::string* best = nullptr;
  size_t least = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : known) {
    if (const size_t d = distance(word, candidate); d < least) {
      least = d;
      best = &candidate;
    }
  }
  return best ? "did you mean " + *best + "?" : "";
}

Result<std::vector<std::pair<std::string, std::string>>> parse_metadata(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> metadata;
  for (const std::string& pair : split_list(text)) {
    const size_t colon = pair.find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == pair.size()) {
      return fail(Error{ErrorCode::kInvalidArgument, "--metadata: '" + pair + "' is not KEY:FILE", {}, {}, "write --metadata=labels:labels.json"});
    }
    metadata.emplace_back(pair.substr(0, colon), pair.substr(colon + 1));
  }
  return metadata;
}

void QuantizeFlags::add_to(CLI::App& app) {
  for (const auto& [name, text] : {std::pair("uint8", &uint8), std::pair("uint16", &uint16), std::pair("float16", &float16)}) {
    app.add_flag(std::string("--quantize_") + name + "{all}", *text,
                 std::string("store weights as ") + name + ": all, or with =NAME,NAME those of these names (* and ? stand for any characters)");
  }
  app.add_option("--quantize", automatic, "auto: store each weight as float32, float16, uint16 or uint8, whichever is smallest within --max-error");
  app.add_option("--max-error,--max_error", max_error,
                 "with --quantize auto: what outputs may change by, as a part of their largest value (or of 1, if that is larger)")
      ->capture_default_str();
}

Result<void> QuantizeFlags::finish(const CLI::App& app, ConvertOptions& options) const {
  if (!automatic.empty() && automatic != "auto") {
    return fail(Error{ErrorCode::kInvalidArgument,
                      "--quantize takes auto alone, found '" + automatic + "'",
                      {},
                      {},
                      "write --quantize auto, or --quantize_uint8, --quantize_uint16 or --quantize_float16 for one dtype"});
  }
  if (automatic.empty() && app.count("--max-error") > 0) {
    return fail(Error{ErrorCode::kInvalidArgument, "--max-error is for --quantize auto", {}, {}, "add --quantize auto, or leave --max-error out"});
  }
  if (!automatic.empty()) options.max_error = max_error;
  for (const auto& [name, text, storage] : {std::tuple("--quantize_float16", &float16, DType::kHalf), std::tuple("--quantize_uint8", &uint8, DType::kUint8),
                                            std::tuple("--quantize_uint16", &uint16, DType::kUint16)}) {
    if (app.count(name) == 0) continue;
    options.quantize.push_back({storage, *text == "all" ? std::vector<std::string>{} : split_list(*text)});
  }
  return {};
}

}  // namespace isomer::cli
