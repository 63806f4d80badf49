// What all subcommands share: options, input files, reports, exit codes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "isomer/convert.h"
#include "wire/json.h"

namespace CLI {
class App;
}

namespace isomer::cli {

inline constexpr int kDone = 0, kFailed = 1, kUsage = 2;

// How a command talks: for people (default), nothing (--quiet), or one JSON object (--json).
struct Voice {
  bool quiet = false;
  bool json = false;
};
void add_voice_options(CLI::App& app, Voice& voice);

// --input_format, --signature_name, --saved_model_tags, --output_node_names, --weights; `finish` turns what was given into LoadOptions. The flags of a second
// model begin with a prefix: --second_signature_name.
struct SourceOptions {
  std::string prefix, input_format, signature_name, saved_model_tags, output_node_names, weights;
  void add_to(CLI::App& app, const std::string& flag_prefix = "");
  Result<LoadOptions> finish(const CLI::App& app) const;
};

// One object and a line end on standard output. Bytes that are no UTF-8 (names of files may have such) are replaced.
void print_json(JsonValue value);
// {"code", "message", "place", "context", "hint"}
JsonValue error_json(const Error& error);
// Prints the error ("isomer: ...", or a JSON object) and gives the exit code that belongs to it.
int report_failure(const Error& error, const Voice& voice);

std::string human_bytes(int64_t bytes);  // "1.5 MB"
std::string human_count(int64_t count);  // "12,345"
// "1 node", "2 nodes"
std::string plural(int64_t count, std::string_view noun);
std::vector<std::string> split_list(std::string_view text);
// "did you mean --verify?" for a word that is nearly one of `known`; empty when it is not.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);
// KEY:FILE,KEY:FILE to pairs. The key ends at the first colon.
Result<std::vector<std::pair<std::string, std::string>>> parse_metadata(std::string_view text);

// "probabilities float32[2,10]: largest difference 1.2e-07 absolute, 3e-07 relative, at [0,3]: 0.5 and 0.50000012"
std::string describe_difference(const OutputDifference& difference);
// {"name", "equal", "max_absolute", "max_relative", "where", "expected", "actual", "note"}
JsonValue difference_json(const OutputDifference& difference);

// --quantize_uint8, --quantize_uint16, --quantize_float16: all weights, or those whose names match the patterns behind `=`; --quantize auto and --max-error.
struct QuantizeFlags {
  std::string uint8, uint16, float16, automatic;
  double max_error = 0.01;
  void add_to(CLI::App& app);
  // Sets `quantize` and `max_error` of the options.
  Result<void> finish(const CLI::App& app, ConvertOptions& options) const;
};

// Prints every pass and what it does.
void list_passes(const Voice& voice);

// Converts, shows progress, reports in the voice that was asked for, and gives the exit code.
int run_conversion(const std::string& input, const std::string& output, ConvertOptions& options, const Voice& voice);

// Each subcommand adds itself to the program; its work is done in a callback, which sets `exit_code`.
void add_convert(CLI::App& program, int& exit_code);
void add_optimize(CLI::App& program, int& exit_code);
void add_reduce(CLI::App& program, int& exit_code);
void add_run(CLI::App& program, int& exit_code);
void add_verify(CLI::App& program, int& exit_code);
void add_diff(CLI::App& program, int& exit_code);
void add_dump(CLI::App& program, int& exit_code);
void add_inspect(CLI::App& program, int& exit_code);

// The whole of the program when it is called tensorflowjs_converter.
int tensorflowjs_converter(int argc, char** argv);

// A conversion's report as an object.
JsonValue conversion_json(const ConvertReport& report, const std::string& output, double seconds);
// What --quantize auto chose: a row for each weight, and totals.
std::string describe_quantization(const AutoQuantizeReport& report);
JsonValue quantization_json(const AutoQuantizeReport& report);
// Text of a conversion's report, shared by both programs.
std::string describe_conversion(const ConvertReport& report, const std::string& input, const std::string& output, double seconds);

}  // namespace isomer::cli
