// The program under the name tensorflowjs_converter: the flags of that tool with their names, meanings, defaults and order of checks. What is different on
// purpose: "False", "0" and "no" are false; blanks in paths are part of them; a bare --quantize_uint8 takes no path for its value.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <map>
#include <optional>

#include "cli/command.h"

namespace isomer::cli {
namespace {

enum class Kind { kText, kChoice, kInteger, kBool, kSwitch, kPatterns };

struct Flag {
  std::string_view name;
  Kind kind;
  std::string_view choices;  // separated by commas
  std::string_view help;
};

constexpr Flag kFlags[] = {
    {"help", Kind::kSwitch, "", "this text (also -h)"},
    {"version", Kind::kSwitch, "", "the version (also -v)"},
    {"input_format", Kind::kChoice, "keras,keras_saved_model,keras_keras,tf_saved_model,tf_hub,tfjs_layers_model,tf_frozen_model",
     "format of the input; default: tf_saved_model"},
    {"output_format", Kind::kChoice, "keras,keras_saved_model,keras_keras,tfjs_layers_model,tfjs_graph_model",
     "format of the output; default: follows from the input's"},
    {"signature_name", Kind::kText, "", "signature of a SavedModel or hub module; default: serving_default, or default for hub modules"},
    {"saved_model_tags", Kind::kText, "", "tags of the MetaGraph, separated by commas; default: serve"},
    {"output_node_names", Kind::kText, "", "outputs of a frozen graph, separated by commas"},
    {"quantize_float16", Kind::kPatterns, "", "weights to store as float16: names with * and ?, separated by commas; none: all"},
    {"quantize_uint8", Kind::kPatterns, "", "the same as uint8"},
    {"quantize_uint16", Kind::kPatterns, "", "the same as uint16"},
    {"quantization_bytes", Kind::kInteger, "1,2", "all weights as uint8 (1) or uint16 (2); --quantize_uint8 and --quantize_uint16 are its successors"},
    {"split_weights_by_layer", Kind::kSwitch, "", "layers models: weight files for each layer; no effect on graph models"},
    {"skip_op_check", Kind::kSwitch, "", "write ops that tf.js lacks as they are"},
    {"strip_debug_ops", Kind::kBool, "", "remove Assert, CheckNumerics and Print; default: True"},
    {"use_structured_outputs_names", Kind::kBool, "", "write userDefinedMetadata.structuredOutputKeys; default: False"},
    {"weight_shard_size_bytes", Kind::kInteger, "", "size of the weight files; default: 4194304"},
    {"control_flow_v2", Kind::kBool, "", "no effect: conditions and loops are always written in the form that tf.js computes rightly"},
    {"experiments", Kind::kBool, "", "no effect: it switches an optimiser that this program does not have"},
    {"metadata", Kind::kText, "", "JSON files for userDefinedMetadata: KEY:FILE,KEY:FILE"},
};

struct Arguments {
  std::map<std::string_view, std::string> values;  // switches and bare pattern flags have an empty text
  std::vector<std::string> positionals;
  bool has(std::string_view name) const { return values.contains(name); }
  std::string text(std::string_view name, std::string otherwise = {}) const {
    const auto found = values.find(name);
    return found == values.end() ? otherwise : found->second;
  }
};

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::optional<bool> truth(const std::string& text) {
  const std::string word = lower(text);
  for (const char* yes : {"true", "1", "yes", "on", "t", "y"})
    if (word == yes) return true;
  for (const char* no : {"false", "0", "no", "off", "f", "n", "none", ""})
    if (word == no) return false;
  return std::nullopt;
}

std::optional<int64_t> integer(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

Error usage(std::string message, std::string hint = {}) { return {ErrorCode::kInvalidArgument, std::move(message), {}, {}, std::move(hint)}; }

// The flag of this name, or the only one that begins with it.
Result<const Flag*> find_flag(std::string_view name) {
  std::vector<const Flag*> found;
  for (const Flag& flag : kFlags) {
    if (flag.name == name) return &flag;
    if (flag.name.starts_with(name)) found.push_back(&flag);
  }
  if (found.size() == 1) return found[0];
  if (found.empty()) {
    std::vector<std::string> names;
    for (const Flag& flag : kFlags) names.push_back("--" + std::string(flag.name));
    return fail(usage("unrecognized arguments: --" + std::string(name), did_you_mean("--" + std::string(name), names)));
  }
  std::string list;
  for (const Flag* flag : found) list += (list.empty() ? "--" : ", --") + std::string(flag->name);
  return fail(usage("ambiguous option: --" + std::string(name) + " could match " + list));
}

Result<void> check_value(const Flag& flag, const std::string& value) {
  const std::string name = "argument --" + std::string(flag.name) + ": ";
  if (flag.kind == Kind::kInteger && !integer(value)) return fail(usage(name + "invalid int value: '" + value + "'"));
  if (flag.kind == Kind::kBool && !truth(value)) return fail(usage(name + "expected True or False, found '" + value + "'"));
  if (flag.choices.empty()) return {};
  const std::vector<std::string> choices = split_list(flag.choices);
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return {};
  std::string list;
  for (const std::string& choice : choices) list += (list.empty() ? "" : ", ") + choice;
  return fail(usage(name + "invalid choice: '" + value + "' (choose from " + list + ")",
                    value == "tfjs_graph_model" ? "isomer convert reads graph models" : did_you_mean(value, choices)));
}

bool looks_like_flag(const std::string& word) { return word.size() > 1 && word[0] == '-' && !(word[1] >= '0' && word[1] <= '9'); }

Result<Arguments> parse(int argc, char** argv) {
  Arguments arguments;
  std::vector<std::pair<const Flag*, size_t>> maybe_patterns;  // a bare pattern flag and the positional that follows it
  bool only_positionals = false;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (!only_positionals && word == "--") {
      only_positionals = true;
      continue;
    }
    if (only_positionals || !looks_like_flag(word)) {
      arguments.positionals.push_back(std::move(word));
      continue;
    }
    if (word == "-h") word = "--help";
    if (word == "-v") word = "--version";
    if (!word.starts_with("--")) return fail(usage("unrecognized arguments: " + word));
    const size_t equals = word.find('=');
    const Flag* flag = TRY(find_flag(std::string_view(word).substr(2, equals == std::string::npos ? std::string::npos : equals - 2)));
    std::string value;
    if (equals != std::string::npos) {
      if (flag->kind == Kind::kSwitch)
        return fail(usage("argument --" + std::string(flag->name) + ": ignored explicit argument '" + word.substr(equals + 1) + "'"));
      value = word.substr(equals + 1);
    } else if (flag->kind == Kind::kPatterns) {
      if (i + 1 < argc && !looks_like_flag(argv[i + 1])) maybe_patterns.emplace_back(flag, arguments.positionals.size());
    } else if (flag->kind != Kind::kSwitch) {
      if (i + 1 >= argc || looks_like_flag(argv[i + 1])) return fail(usage("argument --" + std::string(flag->name) + ": expected one argument"));
      value = argv[++i];
    }
    if (flag->kind != Kind::kPatterns) TRY(check_value(*flag, value));
    arguments.values[flag->name] = std::move(value);
  }
  // Two paths are wanted; what is more belongs to the flags before it.
  size_t taken = 0;
  for (const auto& [flag, position] : maybe_patterns) {
    if (arguments.positionals.size() <= 2) break;
    const auto at = arguments.positionals.begin() + static_cast<ptrdiff_t>(position - taken++);
    arguments.values[flag->name] = *at;
    arguments.positionals.erase(at);
  }
  if (arguments.positionals.size() > 2) return fail(usage("unrecognized arguments: " + arguments.positionals[2]));
  return arguments;
}

std::string inferred_output(const std::string& input) {
  if (input == "keras" || input == "keras_saved_model") return "tfjs_layers_model";
  if (input == "tfjs_layers_model") return "keras";
  return input == "keras_keras" ? "" : "tfjs_graph_model";
}

bool pair_exists(const std::string& input, const std::string& output) {
  static constexpr std::pair<std::string_view, std::string_view> kPairs[] = {
      {"keras", "tfjs_layers_model"},
      {"keras", "tfjs_graph_model"},
      {"keras_keras", "tfjs_layers_model"},
      {"keras_saved_model", "tfjs_layers_model"},
      {"tf_saved_model", "tfjs_graph_model"},
      {"tf_hub", "tfjs_graph_model"},
      {"tf_frozen_model", "tfjs_graph_model"},
      {"tfjs_layers_model", "tfjs_layers_model"},
      {"tfjs_layers_model", "tfjs_graph_model"},
      {"tfjs_layers_model", "keras"},
      {"tfjs_layers_model", "keras_saved_model"},
      {"tfjs_layers_model", "keras_keras"},
  };
  return std::any_of(std::begin(kPairs), std::end(kPairs), [&](const auto& pair) { return pair.first == input && pair.second == output; });
}

Result<std::vector<tfjs::QuantizeRequest>> quantize_requests(const Arguments& arguments) {
  std::vector<tfjs::QuantizeRequest> requests;
  for (const auto& [name, storage] :
       {std::pair("quantize_float16", DType::kHalf), std::pair("quantize_uint8", DType::kUint8), std::pair("quantize_uint16", DType::kUint16)})
    if (arguments.has(name)) requests.push_back({storage, split_list(arguments.text(name))});
  if (!arguments.has("quantization_bytes")) return requests;
  if (!requests.empty())
    return fail(
        usage("--quantization_bytes cannot be combined with --quantize_float16, --quantize_uint8 or --quantize_uint16", "leave --quantization_bytes out"));
  requests.push_back({*integer(arguments.text("quantization_bytes")) == 1 ? DType::kUint8 : DType::kUint16, {}});
  return requests;
}

constexpr const char* kWorks =
    "what works: keras, keras_keras, keras_saved_model and tfjs_layers_model to tfjs_layers_model; tfjs_layers_model to keras, keras_keras and "
    "keras_saved_model; "
    "all but keras_keras to tfjs_graph_model (isomer convert knows more)";

// All that can be said before a file is opened, in the order of the original. The options of the conversion.
Result<ConvertOptions> check(const Arguments& arguments, std::string& output_format) {
  const std::string input_format = arguments.text("input_format", "tf_saved_model");
  if (arguments.positionals.empty() || arguments.positionals[0].empty())
    return fail(usage("Missing input_path argument.", "tensorflowjs_converter INPUT OUTPUT"));
  if (arguments.positionals.size() < 2 || arguments.positionals[1].empty())
    return fail(usage("Missing output_path argument.", "tensorflowjs_converter INPUT OUTPUT"));
  output_format = arguments.text("output_format", inferred_output(input_format));
  const bool to_tfjs = output_format == "tfjs_layers_model" || output_format == "tfjs_graph_model";
  ConvertOptions options;
  if (arguments.has("weight_shard_size_bytes")) {
    if (!to_tfjs) return fail(usage("The --weight_shard_size_bytes flag is only supported when output_format is tfjs_layers_model or tfjs_graph_model."));
    options.weight_shard_size_bytes = *integer(arguments.text("weight_shard_size_bytes"));
    if (options.weight_shard_size_bytes <= 0)
      return fail(usage("Expected weight_shard_size_bytes to be greater than 0, found " + arguments.text("weight_shard_size_bytes")));
  }
  options.quantize = TRY(quantize_requests(arguments));
  if (input_format == "tf_frozen_model" && arguments.text("output_node_names").empty()) {
    return fail(
        usage("The --output_node_names flag is required for \"tf_frozen_model\"", "isomer inspect " + arguments.positionals[0] + " lists the candidates"));
  }
  const bool has_signatures = input_format == "tf_saved_model" || input_format == "tf_hub";
  if (arguments.has("signature_name") && !has_signatures)
    return fail(usage("The --signature_name flag is applicable only to \"tf_saved_model\" and \"tf_hub\" input format."));
  if (*truth(arguments.text("control_flow_v2", "False")) && output_format != "tfjs_graph_model") {
    return fail(usage("The --control_flow_v2 flag is applicable only to \"tfjs_graph_model\" as output format."));
  }
  if (!pair_exists(input_format, output_format)) {
    return fail(usage("Unsupported input_format - output_format pair: " + input_format + " - " + (output_format.empty() ? "None" : output_format), kWorks));
  }
  options.output_format = *format_from_name(output_format);
  if (!info(options.output_format).writes) {
    return fail(Error{ErrorCode::kUnsupported, "this version does not convert " + input_format + " to " + output_format, {}, {}, kWorks});
  }
  options.split_weights_by_layer = arguments.has("split_weights_by_layer");
  options.metadata = TRY(parse_metadata(arguments.text("metadata")));
  options.load.input_format = format_from_name(input_format);
  if (arguments.has("signature_name")) options.load.signature = arguments.text("signature_name");
  if (arguments.has("saved_model_tags")) options.load.tags = arguments.text("saved_model_tags");
  if (input_format == "tf_frozen_model") options.load.output_node_names = split_list(arguments.text("output_node_names"));
  options.skip_op_check = arguments.has("skip_op_check");
  options.strip_debug_ops = *truth(arguments.text("strip_debug_ops", "True"));
  options.structured_outputs_names = *truth(arguments.text("use_structured_outputs_names", "False")) && has_signatures;
  return options;
}

Result<ConvertReport> convert(const Arguments& arguments, ConvertOptions options) {
  const std::string &input = arguments.positionals[0], &output = arguments.positionals[1];
  if (input.starts_with("http://") || input.starts_with("https://")) {
    return fail(Error{ErrorCode::kUnsupported,
                      "'" + input + "' is an address, and this program opens no connections",
                      {},
                      {},
                      "download the module (a .tar.gz) and give its path"});
  }
  // Hub modules have a signature "default" of their own; where there is none, the usual search follows.
  if (options.load.input_format == Format::kHubModule && !options.load.signature) {
    options.load.signature = "default";
    auto report = convert_model(input, output, options);
    if (report || report.error().code != ErrorCode::kNotFound) return report;
    options.load.signature.reset();
  }
  auto report = convert_model(input, output, options);
  if (!report && report.error().message.starts_with("--input_format says")) {
    report.error().hint = "name the format that it is with --input_format (default: tf_saved_model)";
  }
  return report;
}

std::string help() {
  std::string text =
      "usage: tensorflowjs_converter [FLAGS] INPUT OUTPUT\n\nConverts a SavedModel, hub module or frozen graph to a TensorFlow.js graph model, and Keras files "
      "to layers models and back. This is Isomer "
      "(" ISOMER_VERSION "); `isomer --help`\nshows what else it does.\n\nFlags, as --flag=value or --flag value; unambiguous beginnings of names will do:\n";
  for (const Flag& flag : kFlags) {
    std::string name = "  --" + std::string(flag.name);
    name.resize(std::max<size_t>(name.size() + 1, 34), ' ');
    text += name + std::string(flag.help) + "\n";
    if (flag.kind != Kind::kChoice) continue;
    std::string list;
    for (const std::string& choice : split_list(flag.choices)) list += (list.empty() ? "" : ", ") + choice;
    text += std::string(36, ' ') + list + "\n";
  }
  return text +
         "\nExit codes: 0 done, 1 the conversion failed, 2 the "
         "flags were wrong.\n";
}

int report_error(const Error& error, int exit_code) {
  if (exit_code == kUsage) std::fputs("usage: tensorflowjs_converter [FLAGS] INPUT OUTPUT (--help lists the flags)\n", stderr);
  std::fprintf(stderr, "tensorflowjs_converter: %s\n", error.describe().c_str());
  return exit_code;
}

}  // namespace

int tensorflowjs_converter(int argc, char** argv) {
  const auto arguments = parse(argc, argv);
  if (!arguments) return report_error(arguments.error(), kUsage);
  if (arguments->has("help")) {
    std::fputs(help().c_str(), stdout);
    return kDone;
  }
  if (arguments->has("version")) {
    std::puts("tensorflowjs_converter of Isomer " ISOMER_VERSION);
    return kDone;
  }
  std::string output_format;
  auto options = check(*arguments, output_format);
  if (!options) return report_error(options.error(), kFailed);
  Progress progress;
  options->progress = &progress;
  const auto start = std::chrono::steady_clock::now();
  auto report = convert(*arguments, std::move(*options));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!report) return report_error(report.error(), kFailed);
  if (arguments->has("output_node_names") && report->source.format != Format::kFrozenGraph)
    report->notes.push_back("--output_node_names has no effect here: the signature names the outputs");
  std::fputs(describe_conversion(*report, arguments->positionals[0], arguments->positionals[1], seconds).c_str(), stdout);
  return kDone;
}

}  // namespace isomer::cli
