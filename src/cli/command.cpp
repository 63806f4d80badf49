#include "cli/command.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>

#include "base/atomic_output.h"
#include "base/mapped_file.h"
#include "formats/npy.h"

namespace isomer::cli {

void add_voice_options(CLI::App& app, Voice& voice) {
  app.add_flag("--quiet", voice.quiet, "print nothing but errors");
  app.add_flag("--json", voice.json, "print one JSON object, for programs");
}

void SourceOptions::add_to(CLI::App& app) {
  app.add_option("--input_format", input_format,
                 "say what the input is, where its content does not (tf_saved_model, tf_hub, tf_frozen_model, tfjs_graph_model, isomer)");
  app.add_option("--signature_name", signature_name, "the signature, or the callable function of a model without signatures");
  app.add_option("--saved_model_tags", saved_model_tags, "the MetaGraph of a SavedModel, by its tags: serve, or serve,tpu");
  app.add_option("--output_node_names", output_node_names, "the outputs of a frozen graph, separated by commas");
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
  if (app.count("--saved_model_tags") > 0) options.tags = saved_model_tags;
  options.output_node_names = split_list(output_node_names);
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

namespace {

Result<Tensor> tensor_from_json(const std::string& text, const Limits& limits) {
  const JsonValue json = TRY(read_json(text, limits));
  const JsonValue* dtype = json.find("dtype");
  const JsonValue* shape_value = json.find("shape");
  const JsonValue* values = json.find("values");
  if (!dtype || !dtype->is_string() || !shape_value || !shape_value->is_array() || !values || !values->is_array()) {
    return fail(ErrorCode::kMalformed, "expected {\"dtype\": \"...\", \"shape\": [...], \"values\": [...]}");
  }
  Shape shape;
  for (const JsonValue& dim : shape_value->items()) {
    const auto size = dim.as_int64();
    if (!size || *size < 0) return fail(ErrorCode::kMalformed, "a dimension is " + describe(dim));
    shape.push_back(*size);
  }
  const auto count = element_count(shape);
  if (!count || *count != static_cast<int64_t>(values->items().size())) {
    return fail(ErrorCode::kMalformed, "the shape " + to_string(shape) + " does not have " + std::to_string(values->items().size()) + " elements");
  }
  const auto type = dtype_from_string(dtype->text());
  if (!type) return fail(ErrorCode::kMalformed, "there is no dtype '" + dtype->text() + "'");
  if (*type == DType::kString) {
    std::vector<std::string> strings;
    for (const JsonValue& value : values->items()) {
      if (!value.is_string()) return fail(ErrorCode::kMalformed, "expected a string, found " + describe(value));
      strings.push_back(value.text());
    }
    return Tensor::from_strings(std::move(shape), strings);
  }
  MutableTensor tensor = TRY(MutableTensor::create(*type, shape, limits));
  for (size_t i = 0; i < values->items().size(); ++i) {
    const JsonValue& value = values->items()[i];
    const auto index = static_cast<int64_t>(i);
    if (value.is_bool() && *type == DType::kBool) {
      tensor.as<uint8_t>()[index] = value.boolean() ? 1 : 0;
    } else if (is_integer(*type) && value.as_int64()) {
      const int64_t integer = *value.as_int64();
      store_int64s(tensor, index, {&integer, 1});
    } else if (is_float(*type) && value.is_number()) {
      const double number = value.number();
      store_doubles(tensor, index, {&number, 1});
    } else {
      return fail(ErrorCode::kMalformed, "element " + std::to_string(i) + " of a " + dtype->text() + " tensor is " + describe(value));
    }
  }
  return std::move(tensor).finish();
}

}  // namespace

Result<NamedTensor> read_named_input(const std::string& assignment, const Limits& limits) {
  const size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == assignment.size()) {
    return fail(Error{ErrorCode::kInvalidArgument, "'" + assignment + "' is not NAME=FILE", {}, {}, "write --input x=x.npy"});
  }
  NamedTensor named;
  named.name = assignment.substr(0, equals);
  const std::string path = assignment.substr(equals + 1);
  const std::string context = "reading the input '" + named.name + "' from " + path;
  if (path.ends_with(".json")) {
    named.value = TRY(in_context(tensor_from_json(TRY(in_context(read_small_file(path, int64_t{1} << 30), context)), limits), context));
  } else {
    named.value = TRY(in_context(tensor_from_npy(TRY(in_context(map_file(path), context)), limits), context));
  }
  return named;
}

namespace {

JsonValue strings_to_json(const Tensor& tensor) {
  JsonValue object = JsonValue::object();
  object["dtype"] = "string";
  JsonValue::Array shape, values;
  for (const int64_t dim : tensor.shape()) shape.emplace_back(dim);
  for (int64_t i = 0; i < tensor.elements(); ++i) values.emplace_back(tensor.string_at(i));
  object["shape"] = JsonValue(std::move(shape));
  object["values"] = JsonValue(std::move(values));
  return object;
}

Result<void> write_json_file(AtomicDirectory& directory, const std::string& name, const JsonValue& value) {
  OutputFile file = TRY(directory.create_file(name));
  JsonWriter writer([&](std::string_view text) { return file.append(text); });
  writer.value(value);
  TRY(writer.finish());
  return file.close();
}

}  // namespace

Result<void> write_outputs(const std::string& path, const std::vector<NamedTensor>& outputs) {
  AtomicDirectory directory = TRY(AtomicDirectory::create(path, [](std::string_view name) { return name == "outputs.json" || name.starts_with("output_"); }));
  JsonValue::Array list;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Tensor& tensor = outputs[i].value;
    const bool strings = tensor.dtype() == DType::kString;
    const std::string file_name = "output_" + std::to_string(i) + (strings ? ".json" : ".npy");
    JsonValue entry = JsonValue::object();
    entry["name"] = JsonValue(outputs[i].name);
    entry["dtype"] = JsonValue(to_string(tensor.dtype()));
    JsonValue::Array shape;
    for (const int64_t dim : tensor.shape()) shape.emplace_back(dim);
    entry["shape"] = JsonValue(std::move(shape));
    entry["file"] = JsonValue(file_name);
    list.push_back(std::move(entry));
    if (strings) {
      TRY(write_json_file(directory, file_name, strings_to_json(tensor)));
      continue;
    }
    Tensor stored = tensor;
    if (tensor.dtype() == DType::kBfloat16) {
      // NumPy has no bfloat16: widened, which loses nothing; outputs.json keeps the true dtype.
      MutableTensor wide = TRY(MutableTensor::create(DType::kFloat32, tensor.shape(), Limits{}));
      std::vector<double> values(static_cast<size_t>(tensor.elements()));
      load_doubles(tensor, 0, values);
      store_doubles(wide, 0, values);
      stored = std::move(wide).finish();
    }
    OutputFile file = TRY(directory.create_file(file_name));
    TRY(file.append(std::string_view(TRY(npy_header(stored)))));
    TRY(file.append(stored.bytes()));
    TRY(file.close());
  }
  JsonValue root = JsonValue::object();
  root["outputs"] = JsonValue(std::move(list));
  TRY(write_json_file(directory, "outputs.json", root));
  return directory.commit();
}

}  // namespace isomer::cli
